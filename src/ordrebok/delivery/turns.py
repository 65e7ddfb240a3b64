"""Whose turn it is: while many requests are being answered, deliveries hold back."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_QUIET_AT_ONCE: Final = 64
"""Attempts that begin at the same time while there is little else to do."""
_FEW: Final = 4
"""So many requests at the same time hold no delivery up."""
_REQUESTS_FOR_ONE: Final = 32
"""While there are more, so many requests stand against one delivery."""
_AT_LEAST: Final = 1
"""So many attempts go on at the same time however many requests there are."""
_LONGEST_SECONDS: Final = 0.005
"""A turn ends after this time at the latest: who waits for a receiver does no work here. While many
requests are answered it also lasts so long, whatever its attempt took: 200 begin in a second."""
_REMEMBERED_SECONDS: Final = 0.5
"""How long the most requests that were seen at the same time count: they come in crowds."""


class Turns:
    """Lets attempts of all subscriptions of a process begin, in the order in which they came.

    Keeps: some may always begin, so nobody starves; a receiver that does not answer holds nobody
    up.
    """

    def __init__(self, requests: Callable[[], int]) -> None:
        """Take who tells how many requests are being answered now."""
        self._requests = requests
        self._most = 0
        self._seen_at = 0.0
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def is_busy(self) -> bool:
        """Tell whether many requests were being answered when it was last looked."""
        return self._most >= _FEW

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
        requests, now = self._requests(), time.monotonic()
        if requests >= self._most or now - self._seen_at > _REMEMBERED_SECONDS:
            self._most, self._seen_at = requests, now
        if not self.is_busy():
            return _QUIET_AT_ONCE
        return max(_AT_LEAST, self._most // _REQUESTS_FOR_ONE)


class _Turn:
    """One turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._ending: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._turns.begin()
        self._ending = asyncio.get_running_loop().call_later(_LONGEST_SECONDS, self._end)
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
