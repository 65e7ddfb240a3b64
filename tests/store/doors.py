"""Opening stores in tests, in this process and in others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from ordrebok.decision import Commit, Outcome
from ordrebok.refusals import Refusal
from ordrebok.store import Store, open_store

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def opened(url: str, **more: Any) -> AsyncIterator[Store]:  # noqa: ANN401 -- passed on
    """A store for the length of a block."""
    store = await open_store(url, migrate=True, **more)
    try:
        yield store
    finally:
        await store.close()


def with_store(url: str, use: Callable[[Store], Awaitable[T]], **more: Any) -> T:  # noqa: ANN401 -- passed on
    """Open a store in a loop of its own, use it, close it."""

    async def run() -> T:
        async with opened(url, **more) as store:
            return await use(store)

    return asyncio.run(run())


async def together(store: Store, *commits: Commit) -> list[Outcome | Refusal | BaseException]:
    """Commit all at once; a failure is a result like any other."""
    return await asyncio.gather(*map(store.commit, commits), return_exceptions=True)


async def accepted(store: Store, commit: Commit) -> Outcome:
    """Commit something that must not be refused."""
    outcome = await store.commit(commit)
    assert isinstance(outcome, Outcome), outcome
    return outcome


def another_process(task: str, url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start tests/store/worker.py, which does one task on a database of its own accord."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.worker", task, url, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str], timeout: float = 60) -> list[str]:
    """Let another process begin its task, wait for its end; return the lines it printed."""
    output, errors = process.communicate("go\n", timeout=timeout)
    assert process.returncode == 0, errors
    return output.splitlines()
