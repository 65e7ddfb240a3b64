"""Where a commit waits for the disk: in the loop's own thread while that is quick."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, thread_time
from typing import TypeVar

T = TypeVar("T")

_QUICK_SECONDS = 0.002
"""A disk that keeps the loop waiting for less than this is waited for on the spot: handing a
commit to a thread and taking its answer back costs more than that, because both threads want the
interpreter. Measured at 32 connections: a fifth more writes a second."""
_MOST_SECONDS = 2 * _QUICK_SECONDS
"""A longer wait counts as this long, so that one hiccup changes nothing."""
_WEIGHT = 1 / 8
_LOOK_AGAIN = 32
"""So many commits go to the thread before one is tried on the spot again."""


class Disk:
    """Runs what waits for the disk, one after the other."""

    def __init__(self) -> None:
        """Begin with a disk that is believed to be quick."""
        self._thread = ThreadPoolExecutor(1, "store-disk")
        self._wait_seconds = 0.0
        self._elsewhere = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run work that waits for the disk; on a slow one the loop does other things meanwhile."""
        if self._wait_seconds >= _QUICK_SECONDS and self._elsewhere < _LOOK_AGAIN:
            self._elsewhere += 1
            return await self.run_aside(work)
        self._elsewhere = 0
        began, worked = perf_counter(), thread_time()
        try:
            return work()
        finally:
            # Writing the log takes processor time, too; that would be no less in a thread.
            waited = perf_counter() - began - (thread_time() - worked)
            self._wait_seconds += _WEIGHT * (min(waited, _MOST_SECONDS) - self._wait_seconds)

    async def run_aside(self, work: Callable[[], T]) -> T:
        """Run work that may take long in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown()
