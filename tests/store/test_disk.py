"""Where commits wait for the disk: on the spot while it is quick, in a thread while it is slow."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from ordrebok.store import disk
from ordrebok.store.disk import Disk

SLOW_SECONDS = 0.006


def where() -> int:
    """Name the thread that this runs in, quickly."""
    return threading.get_ident()


def slowly() -> int:
    """Name the thread that this runs in, after a wait."""
    time.sleep(SLOW_SECONDS)
    return threading.get_ident()


def aside(*work: Callable[[], int]) -> list[bool]:
    """Run pieces of work one after the other; tell of each whether it went to the thread."""

    async def run() -> list[bool]:
        waiting = Disk()
        here = threading.get_ident()
        try:
            return [await waiting.run(each) != here for each in work]
        finally:
            waiting.close()

    return asyncio.run(run())


def test_a_quick_disk_is_waited_for_on_the_spot() -> None:
    """Nothing is handed to another thread and back."""
    assert not any(aside(*[where] * 50))


def test_a_slow_disk_is_waited_for_in_a_thread() -> None:
    """The loop does other things meanwhile."""
    went = aside(*[slowly] * 30)
    assert not went[0]
    assert went[-1]


def test_one_hiccup_changes_nothing() -> None:
    """A single long wait is no slow disk."""
    assert not any(aside(slowly, *[where] * 20))


def test_a_disk_that_has_become_quick_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then a commit is tried on the spot again."""
    monkeypatch.setattr(disk, "_LOOK_AGAIN", 2)
    assert not any(aside(*[slowly] * 20, *[where] * 60)[-3:])


def test_what_goes_wrong_reaches_the_caller() -> None:
    """In whichever thread it happened."""

    def fail() -> int:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        aside(fail)
    with pytest.raises(OSError, match="disk full"):
        aside(*[slowly] * 20, fail)
