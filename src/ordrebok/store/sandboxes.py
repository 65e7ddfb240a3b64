"""Sandboxes in the database: the queries of sandbox.sql, as sandbox/book.py asks."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ordrebok.decision import Also
from ordrebok.sandbox.book import Box
from ordrebok.sandbox.seeing import Ticket
from ordrebok.store.interface import Row, Store
from ordrebok.wire.base import encode
from ordrebok.wire.sandbox import Emptied, PlannedFault

EMPTIED: Final = (
    "idempotency",
    "followers",
    "deliveries",
    "expiries",
    "order_terms",
    "payout_entries",
    "documents",
    "history",
    "events",
    "feeds",
    "counters",
)
"""The tables that a reset empties, in this order: positions and numbers begin anew only when
nothing bears one any more."""

_WHOLE: Final = ("empty_events_of_documents", "empty_history_of_documents", "empty_documents")

_ROWS: Final = 500
"""Rows deleted together: few enough to be no one's long wait."""

_FAULTS: Final = msgspec.json.Decoder(tuple[PlannedFault, ...])


class SandboxStore:
    """The sandboxes of one database."""

    def __init__(self, store: Store) -> None:
        """Take the database."""
        self._store = store

    async def boxes(self) -> Mapping[str, Box]:
        """Return every sandbox in which something is set."""
        rows = await self._store.query("sandboxes_all")
        return {
            row["account_id"]: Box(row["offset_ms"], row["seed"], _FAULTS.decode(row["faults"]))
            for row in rows
        }

    async def set_offset(self, account_id: str, offset_ms: int) -> None:
        """Move an account's clock to so many milliseconds from the real time."""
        await self._store.execute("sandbox_set_offset", account_id=account_id, offset_ms=offset_ms)

    async def add_offset(self, account_id: str, more_ms: int, *, most_ms: int) -> int | None:
        """Move an account's clock on; return where it is then, or None if that is too far."""
        rows = await self._store.execute(
            "sandbox_add_offset", account_id=account_id, more_ms=more_ms, most_ms=most_ms
        )
        return rows[0]["offset_ms"] if rows else None

    async def set_seed(self, account_id: str, seed: str | None) -> None:
        """Let ids be drawn from a seed, or be random again."""
        await self._store.execute("sandbox_set_seed", account_id=account_id, seed=seed)

    async def next_ticket(self, account_id: str) -> Ticket | None:
        """Return the next ticket of an account; None where there is no seed."""
        rows = await self._store.execute("sandbox_next_ticket", account_id=account_id)
        return _ticket(rows[0]) if rows else None

    async def upcoming_ticket(self, account_id: str) -> Ticket | None:
        """Return the ticket that would be next, and stays it."""
        rows = await self._store.query("sandbox_upcoming_ticket", account_id=account_id)
        return _ticket(rows[0]) if rows else None

    async def set_faults(self, account_id: str, faults: tuple[PlannedFault, ...]) -> None:
        """Replace the faults that are to come."""
        await self._store.execute("sandbox_set_faults", account_id=account_id, faults=_text(faults))

    async def swap_faults(
        self,
        account_id: str,
        before: tuple[PlannedFault, ...],
        after: tuple[PlannedFault, ...],
    ) -> bool:
        """Replace the faults, if they still are those; tell whether they were."""
        rows = await self._store.execute(
            "sandbox_swap_faults", account_id=account_id, before=_text(before), after=_text(after)
        )
        return bool(rows)

    async def empty(self, account_id: str) -> Emptied:
        """Take away all that the account has written, and count tickets from the start.

        Somebody may write meanwhile. It goes over the tables until it finds nothing in any of them.
        """
        documents, found = 0, True
        while found:
            found = False
            for table in EMPTIED:
                if table == "documents":
                    count = await self._empty_documents(account_id)
                    documents += count
                else:
                    count = await self._empty_table(account_id, table)
                found = found or count > 0
        await self._store.execute("sandbox_first_ticket", account_id=account_id)
        return Emptied(documents=documents)

    async def _empty_documents(self, account_id: str) -> int:
        """Delete the account's documents, each with all of its versions; return how many."""
        params = {"account_id": account_id, "limit": _ROWS}
        deleted = 0
        while True:
            (row,) = await self._store.query("some_documents", **params)
            if not row["count"]:
                return deleted
            await self._store.run([Also(name, params) for name in _WHOLE])
            deleted += row["count"]

    async def _empty_table(self, account_id: str, table: str) -> int:
        """Delete the account's rows of one table; return how many."""
        deleted = 0
        while True:
            gone = await self._store.execute(f"empty_{table}", account_id=account_id, limit=_ROWS)
            deleted += len(gone)
            if len(gone) < _ROWS:
                return deleted


def _ticket(row: Row) -> Ticket:
    """Return the ticket that a row holds."""
    return Ticket(row["seed"], row["tickets"])


def _text(faults: tuple[PlannedFault, ...]) -> str:
    """Return faults as the JSON text that their column holds; the same faults, the same text."""
    return encode(faults).decode()
