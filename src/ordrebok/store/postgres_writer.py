"""The PostgreSQL writer: batches of commits, in two statements or under row locks.

The fast path reads what the members need, decides, and writes everything in one statement that
is guarded by the versions it read. When another process was faster, nothing of it is written;
then the same members go the locking path, which takes the rows first and cannot lose them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ordrebok.decision import LOGGED, Key, NotLoaded
from ordrebok.store.batch import (
    FIRST_NUMBER,
    Batch,
    Member,
    Moments,
)
from ordrebok.store.bell import Bell
from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.lanes import fail
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import LOST_RACES, Link, LostRace, is_unavailable
from ordrebok.store.source import NothingMore, Record, Row

_TOGETHER = 4
"""After so many lost races the members of a batch go on one by one."""
_PATIENCE_SECONDS = 10.0
"""After so long, members that still lose are told to come again."""
_ROUNDS = 50
"""A decision that still asks for more after so many rounds will never have enough."""
_FAST_LOCK = "set lock_timeout = '100ms'"
_BEGIN = "begin; set local lock_timeout = '2s'"
_NOTHING = NothingMore()
_LOGGED = sorted(LOGGED)


class Writer:
    """Decides and writes batches on one connection, one batch at a time."""

    def __init__(self, url: str, statements: Statements, moments: Moments, bell: Bell) -> None:
        """Know where to write; the connection is opened by the first batch."""
        self._bell = bell
        self._link = Link(url, statements, on_open=_FAST_LOCK)
        self._numbers = Link(url, statements, durable=False)
        self._moments = moments
        self._kept: dict[str, bool] = {}
        """Accounts, and whether replaced versions of their drafts are kept, as far as is known."""
        self._sent = False
        """Whether a write of the present attempt may have reached the server."""

    async def work(self, members: list[Member]) -> None:
        """Answer every member."""
        await self._settle(members, asyncio.get_running_loop().time() + _PATIENCE_SECONDS)

    async def close(self) -> None:
        """Let go of the database."""
        await self._link.close()
        await self._numbers.close()

    # ------------------------------------------------------------------ attempts

    async def _settle(self, members: list[Member], deadline: float) -> None:
        seen: dict[Key, bool] = {}
        attempt, reconnected = 0, False
        while asyncio.get_running_loop().time() < deadline:
            self._sent = False
            try:
                batch = await (self._locking if attempt else self._fast)(members, seen)
            except LOST_RACES:
                attempt += 1
                if attempt == _TOGETHER and len(members) > 1:
                    break
            except Exception as error:  # noqa: BLE001 -- it goes to the callers
                if is_unavailable(error):
                    self._drop()
                    if self._sent or reconnected:
                        return fail(members, StoreUnavailable(f"PostgreSQL: {error}"))
                    reconnected = True  # Nothing was written: a new connection may do it.
                elif len(members) == 1:
                    return fail(members, error)
                else:
                    break
            else:
                batch.settle()
                self._bell.ring(batch.accounts_moved)
                return None
        else:
            return fail(members, StoreUnavailable("too many others change the same documents"))
        for member in members:  # One of them is bad: it fails alone.
            await self._settle([member], deadline)
        return None

    def _drop(self) -> None:
        self._link.drop()
        self._numbers.drop()

    async def _fast(self, members: list[Member], seen: dict[Key, bool]) -> Batch:
        batch = await self._decide(members, seen, lock=False)
        if batch.also:
            raise LostRace  # Several statements need a transaction around them.
        if not batch.is_empty:
            self._sent = True
            await self._write(batch)
        return batch

    async def _locking(self, members: list[Member], seen: dict[Key, bool]) -> Batch:
        connection = await self._link.connection()
        await connection.execute(_BEGIN)
        try:
            batch = await self._decide(members, seen, lock=True)
            if not batch.is_empty:
                await self._look_what_is_kept(batch)
                await self._write(batch)
            for name, params in batch.also:
                await self._link.named(name, params)
            self._sent = True
            await connection.execute("commit")
        except BaseException:
            if not connection.is_closed():
                await connection.execute("rollback")
            raise
        return batch

    # ------------------------------------------------------------------ reading and deciding

    async def _decide(self, members: list[Member], seen: dict[Key, bool], *, lock: bool) -> Batch:
        """Decide all members, loading what they need.

        `seen` collects the documents that were asked for, and whether with events: another
        attempt takes all their locks at once, in order.
        """
        for member in members:
            commit = member.commit
            for key in commit.keys:
                seen[key] = seen.get(key, False) or commit.with_events
            for key in commit.ahead:
                seen.setdefault(key, False)
        batch = Batch(self._moments.next(), _NOTHING)
        await self._load(batch, seen, lock=lock)
        await self._load_records(batch, members)
        waiting = batch.run_all(members)
        for _ in range(_ROUNDS):
            if not waiting:
                return batch
            more = {key: lack.events for _, lack in waiting for key in lack.keys}
            seen |= more
            await self._load(batch, more, lock=lock)
            await self._give_numbers(batch, waiting)
            waiting = batch.run_all(member for member, _ in waiting)
        for member, lack in waiting:
            batch.results.append((member, RuntimeError(f"the decision never has enough: {lack}")))
        return batch

    async def _load(self, batch: Batch, wanted: dict[Key, bool], *, lock: bool) -> None:
        keys = sorted(key for key in wanted if "\x00" not in key.id)  # It cannot hold those.
        if lock and keys:
            await self._link.fetch("lock_documents", *_columns(keys, 3))
        for key, row, events in await read_documents(
            self._link, [(key, wanted[key]) for key in keys]
        ):
            document = batch.add_row(key, row)
            if events is not None:
                batch.add_events(document, events)
        for key in wanted:
            batch.add_row(key, None)  # Where nothing was found, there is nothing.

    async def _load_records(self, batch: Batch, members: Iterable[Member]) -> None:
        keys = sorted({key for member in members if (key := member.record_key) is not None})
        if not keys:
            return
        for place, *record in await self._link.fetch("records_at", *_columns(keys, 3)):
            batch.records[keys[place - 1]] = Record(*record)

    async def _give_numbers(
        self, batch: Batch, waiting: Sequence[tuple[Member, NotLoaded]]
    ) -> None:
        """Give serial numbers to the members that asked.

        One that comes back gets as many again as it has, so that an order of many parts does
        not ask as often as it has parts.
        """
        asking: dict[str, list[Member]] = {}
        for member, lack in waiting:
            if lack.numbers_of is not None:
                asking.setdefault(lack.numbers_of, []).append(member)
        for account_id, members in asking.items():
            trying = [member for member in members if member.commit.dry_run]
            if trying:
                found = await self._numbers.fetch("upcoming_number", account_id)
                upcoming: int = found[0][0] if found else FIRST_NUMBER
                for member in trying:
                    batch.give_number(member, upcoming + batch.drawn(member))
            taking = [member for member in members if not member.commit.dry_run]
            counts = [max(1, batch.drawn(member)) for member in taking]
            if not taking:
                continue
            rows = await self._numbers.fetch("next_numbers", account_id, FIRST_NUMBER, sum(counts))
            number: int = rows[0][0]
            for member, count in zip(taking, counts, strict=True):
                for _ in range(count):
                    batch.give_number(member, number)
                    number += 1

    # ------------------------------------------------------------------ writing

    async def _look_what_is_kept(self, batch: Batch) -> None:
        """Learn whether replaced versions of drafts are kept; what was known may be out of date."""
        for account_id in batch.advances():
            found = await self._link.fetch("drafts_kept", account_id)
            self._kept[account_id] = bool(found and found[0][0])

    async def _write(self, batch: Batch) -> None:
        """Write what a batch decided, whole or not at all.

        Raises: one of LOST_RACES.
        """
        new = batch.new_rows()
        changed = batch.changed_rows()
        records = batch.record_rows()
        added, removed = batch.term_rows()
        entries = batch.entry_rows()
        expiries = batch.expiry_rows()
        history = [
            (*document.key, version, body, batch.now.ms)
            for document, version, body in batch.replaced(self._kept)
        ]
        unchanged = [(*each.key, each.found) for each in batch.only_read()]
        more = (new, records, added, removed, entries, expiries, unchanged)
        if len(batch.puts) == 1 and not (history or any(more)):
            put = batch.puts[0]
            if not await self._link.fetch(
                "write_one", *changed[0], _LOGGED, put.event_id, put.event
            ):
                raise LostRace
            return
        if not (batch.puts or records):
            return
        advances = batch.advances()
        logs = (list(advances), list(advances.values()))
        kept = [self._kept.get(account_id, False) for account_id in advances]
        events = _event_rows(batch, advances)
        if not any(more):
            await self._link.fetch(
                "write_changes",
                *_columns(changed, 10),
                *logs,
                *_columns(events, 7),
                *_columns(history, 6),
                kept,
            )
            return
        await self._link.fetch(
            "write_all",
            *_columns(changed, 10),
            *_columns(new, 11),
            *_columns(records, 8),
            *_columns(unchanged, 4),
            *logs,
            *_columns(events, 7),
            *_columns(history, 6),
            *_columns(expiries, 4),
            *_columns(added, 4),
            *_columns(entries, 12),
            *_columns(removed, 4),
            kept,
        )


def _event_rows(batch: Batch, advances: Mapping[str, int]) -> list[tuple[object, ...]]:
    """Return the rows of all events, each with its distance to the next position of the log."""
    return [
        (
            *(*put.key, put.version, put.event_id, put.event),
            None if place is None else advances[put.key.account_id] - place,
        )
        for put, place in zip(batch.puts, batch.places(), strict=True)
    ]


async def read_documents(
    link: Link, wanted: Sequence[tuple[Key, bool]]
) -> list[tuple[Key, Row, list[bytes] | None]]:
    """Return the documents that are there, with their events where they are wanted.

    One key, the usual case of a quiet server, is asked for plainly, which costs less.
    """
    if not wanted:
        return []
    if len(wanted) == 1:
        key, with_events = wanted[0]
        name = "document_and_events" if with_events else "document"
        found = [(1, *row) for row in await link.fetch(name, *key)]
    else:
        keys = [(*key, with_events) for key, with_events in wanted]
        found = [tuple(row) for row in await link.fetch("documents_at", *_columns(keys, 4))]
    documents: list[tuple[Key, Row, list[bytes] | None]] = []
    for place, version, body, origin, *events in found:
        key, with_events = wanted[place - 1]
        ordered = list(events[0] or ()) if with_events else None
        documents.append((key, Row(version, body, origin), ordered))
    return documents


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[Sequence[object]]:
    """Turn rows into the columns that unnest() takes."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
