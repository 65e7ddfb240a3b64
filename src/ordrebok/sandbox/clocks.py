"""The time as each account sees it: the machine's clock, moved by so much for some accounts."""

import asyncio
from collections.abc import Callable, Mapping

from ordrebok import clock
from ordrebok.clock import Instant, instant


class Clocks:
    """What the time is for an account; the machine's time for all whose clock was not moved.

    What an account's changes are dated by, and what is due at some moment of it, goes by this
    clock. Tokens, the life of idempotency keys, logs and the server's own care do not.
    """

    def __init__(self, now: Callable[[], Instant] = clock.now) -> None:
        """Begin with no clock moved."""
        self._now = now
        self._offsets: dict[str, int] = {}
        self._waiting: set[asyncio.Event] = set()

    def now_for(self, account_id: str) -> Instant:
        """Return the present moment of an account. It ticks on, also when it was moved."""
        moment = self._now()
        offset_ms = self._offsets.get(account_id)
        return instant(moment.ms + offset_ms) if offset_ms else moment

    def offset_ms(self, account_id: str) -> int:
        """Return by how many milliseconds an account's clock was moved; 0 where it was not."""
        return self._offsets.get(account_id, 0)

    def moved(self) -> Mapping[str, int]:
        """Return all accounts whose clock was moved, with the milliseconds."""
        return dict(self._offsets)

    def move(self, offsets: Mapping[str, int]) -> None:
        """Move the clocks of these accounts, and set all others right."""
        known = {account_id: offset for account_id, offset in offsets.items() if offset}
        if known != self._offsets:
            self._offsets = known
            for event in self._waiting:
                event.set()

    async def pause(self, seconds: float) -> None:
        """Wait so many seconds of real time, or until a clock is moved.

        For whoever looks now and then whether something is due: a clock that jumps ahead is not
        to be waited for.
        """
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(event)
