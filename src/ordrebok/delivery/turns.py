"""Whose turn it is: while many requests are answered, deliveries hold back."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_QUIET_AT_ONCE: Final = 64
"""Attempts that begin at the same time while there is little else to do."""
_FEW_A_SECOND: Final = 50
"""So many requests in a second hold no delivery up."""
_LONGEST_SECONDS: Final = 0.008
"""A turn ends after this time at the latest: who waits for a receiver does no work here."""
_SECONDS_FOR_A_REQUEST: Final = 0.00002
"""While there are more requests, one attempt begins after the other, and each turn lasts so long
for every request in a second, whatever its attempt took: 500 attempts begin in a second beside 100
requests, and 125 beside 400. A caller who asks again as soon as it is answered hardly notices."""
_REQUESTS_FOR_ONE: Final = 12
"""However many requests there are, one attempt begins for so many: it takes about as long as one of
them, and as long again of the database and a receiver that share the machine."""
_LOOK_SECONDS: Final = 0.1
"""How often the requests are counted."""


def longest_seconds(per_second: float) -> float:
    """Return how long a turn lasts at most beside so many requests in a second.

    Where they are many, it is also how long it lasts at least.
    """
    if per_second <= _FEW_A_SECOND:
        return _LONGEST_SECONDS
    by_requests = min(per_second * _SECONDS_FOR_A_REQUEST, _REQUESTS_FOR_ONE / per_second)
    return min(by_requests, _LONGEST_SECONDS)


class Turns:
    """Lets attempts of all subscriptions of a process begin, in the order in which they came.

    Keeps: some may always begin, so nobody starves; a receiver that does not answer holds nobody
    up.
    """

    def __init__(self, answered: Callable[[], int]) -> None:
        """Take who tells how many requests have been answered so far."""
        self._answered = answered
        self._counted = answered()
        self._counted_at = time.monotonic()
        self._per_second = 0.0
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def is_busy(self) -> bool:
        """Tell whether many requests were answered lately."""
        return self._per_second > _FEW_A_SECOND

    def longest_seconds(self) -> float:
        """Return after which time a turn that begins now ends, if it does not end before."""
        return longest_seconds(self._per_second)

    def turn(self) -> "_Turn":
        """Return a turn: `async with` waits for it, and ends it."""
        return _Turn(self)

    async def begin(self) -> None:
        """Wait until one more may begin."""
        if not self._waiting and self._under_way < self._at_once():
            self._under_way += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.end()
            raise

    def end(self) -> None:
        """Let the next ones begin."""
        self._under_way -= 1
        waiting, at_once = self._waiting, self._at_once()
        while waiting and self._under_way < at_once:
            first = waiting.popleft()
            if not first.done():
                self._under_way += 1
                first.set_result(None)

    def _at_once(self) -> int:
        """Return how many attempts may be under way at the same time."""
        now = time.monotonic()
        passed = now - self._counted_at
        if passed >= _LOOK_SECONDS:
            answered = self._answered()
            self._per_second = (answered - self._counted) / passed
            self._counted, self._counted_at = answered, now
        return 1 if self.is_busy() else _QUIET_AT_ONCE


class _Turn:
    """One turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._ending: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._turns.begin()
        self._ending = asyncio.get_running_loop().call_later(
            self._turns.longest_seconds(), self._end
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._turns.is_busy():
            self._end()

    def _end(self) -> None:
        """End it, once."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
            self._turns.end()
