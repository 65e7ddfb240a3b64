"""SQLite: one file, one writer, group commit.

Commits that come while the disk is busy are collected and made durable together. Deciding and
writing happen in the event loop's own thread, where nothing else competes for the interpreter;
only a slow disk is waited for in another thread.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.decision import Also, Commit, Key, Listing, Outcome, Page, Stored
from ordrebok.orders.whole import WholeOrder
from ordrebok.refusals import Refusal
from ordrebok.store.batch import (
    FIRST_NUMBER,
    GROUP,
    Batch,
    Member,
    Moments,
)
from ordrebok.store.bell import Bell
from ordrebok.store.bulk_sqlite import read_walk, write_load
from ordrebok.store.disk import Disk
from ordrebok.store.interface import Row as QueryRow
from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.lanes import Lanes, fail
from ordrebok.store.listing import PageQuery, count_query, events_query, make_page, page_query
from ordrebok.store.named import Statements
from ordrebok.store.schema import migrate_sqlite
from ordrebok.store.source import Record, RecordKey, Row
from ordrebok.store.sqlite_file import (
    Log,
    checkpoint,
    claim,
    connect,
    connect_reader,
    is_passing,
    truncate,
)
from ordrebok.store.sqlite_write import write
from ordrebok.store.walk import Walk

T = TypeVar("T")
_BUSY_SECONDS = 10.0
_LOOK_SECONDS = 0.005
"""How often a writer looks whether another process has let go of the file."""
_PAGE_THREADS = 2
_SCRUBS = 50
_SCRUB_SECONDS = 0.1


@dataclass(slots=True, eq=False)
class _Job:
    """A piece of work beside the commits: a named statement, or care for the file."""

    run: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    in_transaction: bool = True


class _Stored:
    """What a batch asks of the file, inside the batch's transaction."""

    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        self._row = statements["document"].text
        self._events = statements["events"].text
        self._record = statements["record"].text
        self._number = statements["next_number"].text
        self._upcoming = statements["upcoming_number"].text

    def row(self, key: Key) -> Row | None:
        """Return a stored document."""
        found = self._ask(self._row, key)
        return Row(*found[0]) if found else None

    def rows(self, keys: Sequence[Key]) -> Iterable[Row | None]:
        """Return stored documents: inside a file one by one is as fast as together."""
        return map(self.row, keys)

    def events(self, key: Key, place: int) -> list[bytes]:
        """Return a document's stored events, oldest first."""
        return [body for (body,) in self._ask(self._events, (key.account_id, place))]

    def record(self, key: RecordKey) -> Record | None:
        """Return a stored idempotency record."""
        found = self._ask(self._record, key)
        return Record(*found[0]) if found else None

    def number(self, account_id: str) -> int:
        """Return the account's next serial number."""
        number: int = self._ask(self._number, (account_id, FIRST_NUMBER))[0][0]
        return number

    def upcoming(self, account_id: str) -> int:
        """Return the account's next serial number, which stays the next."""
        found = self._ask(self._upcoming, (account_id,))
        number: int = found[0][0] if found else FIRST_NUMBER
        return number

    def _ask(self, text: str, params: tuple[object, ...]) -> list[Any]:
        try:
            return self._connection.execute(text, params).fetchall()
        except sqlite3.Error as error:
            if is_passing(error):
                raise StoreUnavailable(str(error)) from error
            raise


class SqliteStore:
    """The order book in one SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        migrate: bool,
        serving: bool = False,
        now: Callable[[], Instant] = clock.now,
    ) -> None:
        """Open the file.

        Raises: AlreadyServed, SchemaTooNew, SchemaTooOld.
        """
        self.bell = Bell()
        self._path = path
        self._claim: IO[bytes] | None = claim(path) if serving else None
        self._statements = Statements("sqlite")
        self._moments = Moments(now)
        self._writer = connect(path)
        try:
            migrate_sqlite(self._writer, migrate=migrate)
        except BaseException:
            self._writer.close()
            self._release()
            raise
        self._writer.execute("pragma busy_timeout = 0")  # The loop's thread never waits; _begin.
        self._reader = connect_reader(path)
        self._document = self._statements["document"].text
        self._events = self._statements["events"].text
        self._stored = _Stored(self._writer, self._statements)
        self._log = Log(path)
        self._queue: Lanes[Member | _Job] = Lanes([self._work], GROUP)
        self._disk = Disk()
        self._pages = ThreadPoolExecutor(_PAGE_THREADS, "store-page")
        self._care = ThreadPoolExecutor(1, "store-care")
        self._care_task: asyncio.Task[None] | None = None
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = [self._reader]

    # ------------------------------------------------------------------ the door

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision inside the guard and store what it decided."""
        answer: asyncio.Future[Outcome | Refusal] = asyncio.get_running_loop().create_future()
        self._queue.add(Member(commit, answer))
        return await answer

    async def fetch(self, key: Key, *, with_events: bool) -> Stored | None:
        """Return a document; it takes microseconds, so it is read in the loop's thread."""
        try:
            found = self._reader.execute(self._document, key).fetchall()
            if not found:
                return None
            version, body, _, place = found[0]
            if not with_events:
                return Stored(version, body, ())
            events = self._reader.execute(self._events, (key.account_id, place)).fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error
        # Read a moment later, the events may be ahead of the document; each version left one.
        return Stored(version, body, [event for (event,) in events[:version]])

    async def page(self, listing: Listing) -> Page:
        """Return one page of a listing, newest first, read in a thread of its own."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pages, self._read_page, listing)
        except sqlite3.Error as error:
            raise _translated(error) from error

    async def query(self, name: str, **params: object) -> Sequence[QueryRow]:
        """Run a named reading query."""
        statement = self._statements[name]
        try:
            return _mappings(self._reader.execute(statement.text, statement.arguments(params)))
        except sqlite3.Error as error:
            raise _translated(error) from error

    async def read(self, name: str, **params: object) -> Sequence[QueryRow]:
        """Run a named reading query in a thread of its own."""
        statement = self._statements[name]

        def run() -> list[QueryRow]:
            connection = self._thread_reader()
            return _mappings(connection.execute(statement.text, statement.arguments(params)))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pages, run)
        except sqlite3.Error as error:
            raise _translated(error) from error

    async def execute(self, name: str, **params: object) -> Sequence[QueryRow]:
        """Run a named writing query in a transaction of its own."""
        statement = self._statements[name]
        arguments = statement.arguments(params)
        return await self._between(
            lambda: _mappings(self._writer.execute(statement.text, arguments))
        )

    async def run(self, statements: Sequence[Also]) -> None:
        """Run named writing statements in one transaction."""

        def run() -> None:
            for name, params in statements:
                statement = self._statements[name]
                self._writer.execute(statement.text, statement.arguments(params)).fetchall()

        await self._between(run)

    async def walk(self, walk: Walk) -> Sequence[WholeOrder]:
        """Return one page of a walk through orders, read in a thread of its own."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pages, self._read_walk, walk)
        except sqlite3.Error as error:
            raise _translated(error) from error

    async def load(
        self, account_id: str, orders: Sequence[WholeOrder], next_number: int = 0
    ) -> frozenset[str]:
        """Write those of many orders that are not there; return the order_ids of those written.

        Between two loads there is room for a writer of another process.
        """
        written = await self._between(
            lambda: write_load(self._writer, self._statements, account_id, orders, next_number)
        )
        await asyncio.sleep(_LOOK_SECONDS + 0.001)
        return written

    async def settle(self) -> None:
        """Do nothing: no statement here depends on how SQLite counts its rows."""

    async def sweep_idempotency(self, account_id: str, before_ms: int, limit: int) -> int:
        """Delete at most `limit` idempotency records made before a moment; return how many."""
        return len(
            await self.execute(
                "sweep_idempotency", account_id=account_id, before_ms=before_ms, limit=limit
            )
        )

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted: not in the file, and not in its log."""
        loop = asyncio.get_running_loop()
        for _ in range(_SCRUBS):
            try:
                await loop.run_in_executor(self._care, self._copy_beside)
                if await self._between(lambda: truncate(self._writer), in_transaction=False):
                    return True
            except (sqlite3.Error, StoreUnavailable) as error:
                if not isinstance(_translated(error), StoreUnavailable):
                    raise
            await asyncio.sleep(_SCRUB_SECONDS)  # Somebody reads what is in the log.
        return False

    async def close(self) -> None:
        """Finish what is under way, then let go of the file."""
        await self._queue.finish()
        if self._care_task is not None:
            await self._care_task
        self._log.close()
        for executor in (self._pages, self._care):
            executor.shutdown()
        for connection in self._opened:
            connection.close()
        # The last connection copies what is left of the log.
        await self._disk.run_aside(self._writer.close)
        self._disk.close()
        self._release()

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.close()

    # ------------------------------------------------------------------ writing

    async def _work(self, items: list[Member | _Job]) -> None:
        members = [item for item in items if isinstance(item, Member)]
        if members:
            await self._together(members)
        for item in items:
            if isinstance(item, _Job):
                await self._alone(item)
        if self._log.is_due() and self._care_task is None:
            self._care_task = asyncio.get_running_loop().create_task(self._copy_log())

    async def _together(self, members: list[Member]) -> None:
        """Decide and write members in one transaction; when that fails, each in its own."""
        try:
            await self._begin()
            batch = Batch(self._moments.next(), self._stored)
            batch.run_all(members)
            if batch.is_empty:
                self._writer.execute("rollback")
            else:
                write(self._writer, self._statements, batch)
                await self._disk.run(self._writer.commit)
        except Exception as error:  # noqa: BLE001 -- it goes to the callers
            self._roll_back()
            failure = _translated(error)
            if len(members) == 1 or isinstance(failure, StoreUnavailable):
                fail(members, failure)
            else:
                for member in members:
                    await self._together([member])
        else:
            batch.settle()
            self.bell.ring(batch.accounts_moved)

    async def _alone(self, job: _Job) -> None:
        try:
            if job.in_transaction:
                await self._begin()
                result = job.run()
                await self._disk.run(self._writer.commit)
            else:
                result = await self._disk.run_aside(job.run)
        except Exception as error:  # noqa: BLE001 -- it goes to the caller
            self._roll_back()
            fail([job], _translated(error))
        else:
            if not job.answer.done():
                job.answer.set_result(result)

    async def _between(self, run: Callable[[], T], *, in_transaction: bool = True) -> T:
        """Run something on the writer's connection, between two groups."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.add(_Job(run, answer, in_transaction))
        return await answer

    async def _begin(self) -> None:
        """Take the file's write lock; while a command of another process holds it, wait."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _BUSY_SECONDS
        while True:
            try:
                self._writer.execute("begin immediate")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > deadline:
                    raise
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.rollback()

    # ------------------------------------------------------------------ pages and care

    def _thread_reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect_reader(self._path)
            self._opened.append(connection)
        return connection

    def _read_walk(self, walk: Walk) -> list[WholeOrder]:
        return read_walk(self._thread_reader(), self._statements, walk)

    def _read_page(self, listing: Listing) -> Page:
        connection = self._thread_reader()

        def ask(query: PageQuery) -> list[Any]:
            return connection.execute(query.text, query.arguments).fetchall()

        rows = ask(page_query(listing, "sqlite"))
        total = ask(count_query(listing, "sqlite"))[0][0] if listing.with_total else None
        events = []
        if listing.with_events and rows:
            ids = [row[1] for row in rows[: listing.limit]]
            events = ask(events_query(listing, ids, "sqlite"))
        return make_page(listing, rows, events, total)

    async def _copy_log(self) -> None:
        """Copy a long log into the database: most of it beside the writer, the rest between."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._care, self._copy_beside)
            await self._between(lambda: checkpoint(self._writer), in_transaction=False)
        except (sqlite3.Error, StoreUnavailable):
            pass  # The log stays and grows; the next due moment tries again.
        finally:
            self._log.copied()
            self._care_task = None

    def _copy_beside(self) -> None:
        connection = connect(self._path)
        try:
            checkpoint(connection)
        finally:
            connection.close()


def _mappings(cursor: sqlite3.Cursor) -> list[QueryRow]:
    rows = cursor.fetchall()
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _translated(error: Exception) -> Exception:
    """Return the failure a caller gets: of the machine, or the error as it is."""
    if isinstance(error, sqlite3.Error) and is_passing(error):
        return StoreUnavailable(str(error))
    return error
