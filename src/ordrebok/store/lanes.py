"""Work that is done together: whatever waits is taken along when a lane becomes free.

Nothing waits for company. A lone piece of work is begun at once; what comes while it is under way
goes together in the next group. All lanes take from one queue, so that the groups stay large: one
group may be prepared while another is written. What concerns the same place never goes in two
lanes at once, and keeps its order.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence, Sized
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
Work = Callable[[list[T]], Awaitable[None]]


def _nowhere(_item: object) -> Sequence[Hashable]:
    """Return that an item concerns no place: with one lane, nothing goes side by side."""
    return ()


class Lanes(Generic[T]):
    """A queue with several workers that each take up to `limit` items at a time."""

    def __init__(
        self,
        works: Iterable[Work[T]],
        limit: int,
        places: Callable[[T], Sequence[Hashable]] = _nowhere,
    ) -> None:
        """Begin idle; each of `works` answers every item, and what it raises goes to those left.

        `places` tells what an item concerns.
        """
        self._idle = list(works)
        self._limit = limit
        self._places = places
        self._waiting: deque[T] = deque()
        self._held: set[Hashable] = set()
        """The places of everything that is under way."""
        self._workers: set[asyncio.Task[None]] = set()

    def add(self, item: T) -> None:
        """Put an item in the queue, and see to it that a worker will take it.

        Where its place is held, whoever holds it takes the item along next.
        """
        self._waiting.append(item)
        if self._idle and self._held.isdisjoint(self._places(item)):
            task = asyncio.get_running_loop().create_task(self._drain(self._idle.pop()))
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    async def finish(self) -> None:
        """Wait until everything that was added is done."""
        while self._workers:
            await asyncio.wait(self._workers)

    def _take(self) -> list[T]:
        """Take what waits, in its order, without what concerns a place that is held."""
        held, places = set(self._held), self._places
        taken: list[T] = []
        left: list[T] = []
        waiting = self._waiting
        while waiting and len(taken) < self._limit:
            item = waiting.popleft()
            its = places(item)
            if held.isdisjoint(its):
                taken.append(item)
                self._held.update(its)
            else:
                left.append(item)
                held.update(its)
        waiting.extendleft(reversed(left))
        return taken

    async def _drain(self, work: Work[T]) -> None:
        items: list[T] = []
        try:
            while items := self._take():
                try:
                    await work(items)
                except Exception as error:  # noqa: BLE001 -- nobody may wait for ever
                    fail(items, error)
                for item in items:
                    self._held.difference_update(self._places(item))
                await _let_in(self._waiting, company=len(items) > 1)
        except BaseException:
            fail((*items, *self._waiting), StoreUnavailable("the server stops"))
            self._waiting.clear()
            raise
        finally:
            self._idle.append(work)


async def _let_in(waiting: Sized, *, company: bool) -> None:
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
