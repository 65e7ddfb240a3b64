"""The sandboxes as one process knows them: kept at hand, and read again all the time."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.decision import Call, Commit
from ordrebok.refusals import Refusal
from ordrebok.sandbox import rules
from ordrebok.sandbox.book import Box, SandboxBook
from ordrebok.sandbox.clocks import Clocks
from ordrebok.sandbox.seeing import Ticket, inside
from ordrebok.wire.sandbox import (
    Emptied,
    PlannedFault,
    SandboxClock,
    SandboxFaults,
    SandboxSeed,
)

LOGGER: Final = logging.getLogger(__name__)
READ_SECONDS: Final = 0.5
_TRIES: Final = 100
"""A request that others are faster than so often meets no fault."""
_EMPTY: Final = Box()
_READING: Final = frozenset({"GET", "HEAD"})


class Boxes:
    """Every account's sandbox.

    What is set here holds from the next request on; what another process sets, half a second later.
    """

    def __init__(
        self, book: SandboxBook, clocks: Clocks, now: Callable[[], Instant] = clock.now
    ) -> None:
        """Begin with what `refresh` will read."""
        self._book = book
        self._clocks = clocks
        self._now = now
        self._boxes: dict[str, Box] = {}
        self._changes = 0
        self._setting = asyncio.Lock()
        """Held by who sets something: what was set last is what is at hand."""

    async def refresh(self) -> None:
        """Read all sandboxes; what is set meanwhile is newer than what was read."""
        changes = self._changes
        read = await self._book.boxes()
        if changes == self._changes:
            self._take(read)

    async def keep_fresh(self, unavailable: type[Exception]) -> None:
        """Read all sandboxes for as long as the server runs; a database may be away for a while."""
        while True:
            try:
                await self.refresh()
            except unavailable:
                pass
            except Exception:
                LOGGER.exception("the sandboxes cannot be read")
            await asyncio.sleep(READ_SECONDS)

    # ------------------------------------------------------------------ what requests meet

    async def fault_for(self, call: Call) -> PlannedFault | None:
        """Return the fault that was planned for this request, which is then used up."""
        for _ in range(_TRIES):
            faults = self._box(call.account_id).faults
            found = rules.taken(faults, call.method, call.path) if faults else None
            if found is None:
                return None
            fault, left = found
            if await self._book.swap_faults(call.account_id, faults, left):
                self._put(call.account_id, self._box(call.account_id)._replace(faults=left))
                return fault
            await self.refresh()  # Another request or process was faster.
        return None

    async def seen(self, commit: Commit, call: Call) -> Commit:
        """Return the commit as it is decided inside the account's sandbox."""
        box = self._box(call.account_id)
        ticket: Ticket | None = None
        if box.seed is not None and call.method not in _READING:
            draw = self._book.upcoming_ticket if call.dry_run else self._book.next_ticket
            ticket = await draw(call.account_id)
        if ticket is None and not box.offset_ms:
            return commit
        return inside(commit, box.offset_ms, ticket)

    # ------------------------------------------------------------------ what is set

    def clock(self, account_id: str) -> SandboxClock:
        """Return an account's clock."""
        return rules.shown(self._box(account_id).offset_ms, self._now())

    async def set_clock(self, account_id: str, wanted: datetime) -> SandboxClock | Refusal:
        """Let it be a certain moment now.

        Refuses: INVALID_REQUEST_PARAMETER.
        """
        offset_ms = rules.offset_to(wanted, self._now())
        if isinstance(offset_ms, Refusal):
            return offset_ms
        return await self._moved_to(account_id, offset_ms)

    async def advance(self, account_id: str, seconds: int) -> SandboxClock | Refusal:
        """Let so many seconds pass.

        Refuses: INVALID_REQUEST_PARAMETER.
        """
        most_ms, more_ms = rules.most_offset_ms(self._now()), seconds * 1000
        if more_ms > most_ms:
            return rules.out_of_range("seconds")
        async with self._setting:
            offset_ms = await self._book.add_offset(account_id, more_ms, most_ms=most_ms)
            if offset_ms is None:
                return rules.out_of_range("seconds")
            self._put(account_id, self._box(account_id)._replace(offset_ms=offset_ms))
            return self.clock(account_id)

    async def right_clock(self, account_id: str) -> SandboxClock:
        """Go back to the real time."""
        return await self._moved_to(account_id, 0)

    async def set_seed(self, account_id: str, seed: str | None) -> SandboxSeed:
        """Let ids be drawn from a seed, or be random again; return the seed that was given."""
        async with self._setting:
            await self._book.set_seed(account_id, seed)
            self._put(account_id, self._box(account_id)._replace(seed=seed))
        return SandboxSeed(seed=seed)

    async def drop_seed(self, account_id: str) -> SandboxSeed:
        """Let ids be random again; return the seed that there was."""
        before = self._box(account_id).seed
        await self.set_seed(account_id, None)
        return SandboxSeed(seed=before)

    def faults(self, account_id: str) -> SandboxFaults:
        """Return the faults that are to come."""
        return SandboxFaults(faults=self._box(account_id).faults)

    async def set_faults(
        self, account_id: str, faults: tuple[PlannedFault, ...]
    ) -> SandboxFaults | Refusal:
        """Replace the faults that are to come.

        Refuses: INVALID_REQUEST_PARAMETER.
        """
        refusal = rules.faults_refusal(faults)
        if refusal is not None:
            return refusal
        async with self._setting:
            await self._book.set_faults(account_id, faults)
            self._put(account_id, self._box(account_id)._replace(faults=faults))
            return self.faults(account_id)

    async def drop_faults(self, account_id: str) -> SandboxFaults:
        """Let no more faults come; return those that were left."""
        before = self.faults(account_id)
        await self.set_faults(account_id, ())
        return before

    async def reset(self, account_id: str) -> Emptied:
        """Empty the account."""
        return await self._book.empty(account_id)

    # ------------------------------------------------------------------ what is at hand

    def _box(self, account_id: str) -> Box:
        return self._boxes.get(account_id, _EMPTY)

    async def _moved_to(self, account_id: str, offset_ms: int) -> SandboxClock:
        async with self._setting:
            await self._book.set_offset(account_id, offset_ms)
            self._put(account_id, self._box(account_id)._replace(offset_ms=offset_ms))
            return self.clock(account_id)

    def _put(self, account_id: str, box: Box) -> None:
        self._changes += 1
        self._take(self._boxes | {account_id: box})

    def _take(self, boxes: Mapping[str, Box]) -> None:
        self._boxes = dict(boxes)
        self._clocks.move({account_id: box.offset_ms for account_id, box in boxes.items()})
