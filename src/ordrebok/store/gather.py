"""Work that is done together: whatever waits is taken along when the worker becomes free.

Nothing waits for company. A lone piece of work is begun at once; what comes while it is under
way goes together in the next round.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sized
from typing import Any, Generic, Protocol, TypeVar

from ordrebok.store.interface import StoreUnavailable

_ROUNDS = 8
"""The loop goes round at most so often between two groups."""


class Waiting(Protocol):
    """Something that somebody waits for."""

    @property
    def answer(self) -> "asyncio.Future[Any]":
        """Where the result is put."""


T = TypeVar("T", bound=Waiting)


class Gather(Generic[T]):
    """A queue with one worker that takes up to `limit` items at a time, in their order."""

    def __init__(self, work: Callable[[list[T]], Awaitable[None]], limit: int) -> None:
        """Begin idle; `work` answers every item, and what it raises goes to those left."""
        self._work = work
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._worker: asyncio.Task[None] | None = None

    def add(self, item: T) -> None:
        """Put an item in the queue, and see to it that a worker runs."""
        self._waiting.append(item)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._drain())

    async def finish(self) -> None:
        """Wait until everything that was added is done."""
        while self._worker is not None:
            await self._worker

    async def _drain(self) -> None:
        waiting = self._waiting
        items: list[T] = []
        try:
            while waiting:
                count = min(len(waiting), self._limit)
                items = [waiting.popleft() for _ in range(count)]
                try:
                    await self._work(items)
                except Exception as error:  # noqa: BLE001 -- nobody may wait for ever
                    fail(items, error)
                await let_in(waiting, company=count > 1)
        except BaseException:
            fail((*items, *waiting), StoreUnavailable("the server stops"))
            waiting.clear()
            raise
        finally:
            self._worker = None


async def let_in(waiting: Sized, *, company: bool) -> None:
    """Let what has reached the sockets meanwhile be read, so that it goes along next time.

    Where many call at once, the loop goes round until nothing more comes in: twice as many in
    a group are half as many waits for the disk. It never waits for a caller.
    """
    known = -1
    for _ in range(_ROUNDS if company else 1):
        await asyncio.sleep(0)
        if len(waiting) == known:
            return
        known = len(waiting)


def fail(items: Iterable[Waiting], error: Exception) -> None:
    """Give an error to all who still wait."""
    for item in items:
        if not item.answer.done():
            item.answer.set_exception(error)
