"""PostgreSQL: two writers and a reader that gather work, and a few connections for the rest."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.decision import Also, Commit, Key, Listing, Outcome, Page, Stored
from ordrebok.orders.whole import WholeOrder
from ordrebok.refusals import Refusal
from ordrebok.store.batch import GROUP, Member, Moments
from ordrebok.store.bell import Bell
from ordrebok.store.bulk_postgres import read_walk, write_load
from ordrebok.store.interface import Row, StoreUnavailable
from ordrebok.store.lanes import Lanes, fail
from ordrebok.store.listing import PageQuery, count_query, events_query, make_page, page_query
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import (
    COMMAND_SECONDS,
    SETTINGS,
    Connection,
    Link,
    connect,
    is_unavailable,
    prepare_connection,
)
from ordrebok.store.postgres_writer import Writer, read_documents
from ordrebok.store.schema import migrate_postgres
from ordrebok.store.walk import Walk

T = TypeVar("T")
_POOL = 4
_LANES = 2
"""While the database writes the group of one lane, the other decides what comes next. Commits that
meet in different lanes over what they did not name are told apart by versions, like those of two
processes. Where several processes serve, each has one lane: the others decide meanwhile, and groups
stay large."""
_TRIES = 5
_TAKEN_BACK = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_COUNT_ROWS = "analyze documents, events, order_terms"


@dataclass(slots=True, eq=False)
class _Read:
    """A document that somebody waits for."""

    key: Key
    with_events: bool
    answer: "asyncio.Future[Stored | None]"


class PostgresStore:
    """The order book in a PostgreSQL database, beside other processes that use it too."""

    def __init__(self, url: str, now: Callable[[], Instant], lanes: int = _LANES) -> None:
        """Know where the database is; use `open`, which also looks at its schema."""
        self.bell = Bell()
        self._statements = Statements("postgres")
        moments = Moments(now)
        self._writers = [Writer(url, self._statements, moments, self.bell) for _ in range(lanes)]
        self._reader = Link(url, self._statements)
        self._commits = Lanes([writer.work for writer in self._writers], GROUP, _places)
        self._reads: Lanes[_Read] = Lanes([self._read], GROUP)
        self._pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=_POOL,
            init=prepare_connection,
            server_settings=SETTINGS,
            command_timeout=COMMAND_SECONDS,
        )

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        migrate: bool,
        now: Callable[[], Instant] = clock.now,
        processes: int = 1,
    ) -> "PostgresStore":
        """Look at the schema, and open the store as one of so many processes of a server.

        Raises: SchemaTooNew, SchemaTooOld, StoreUnavailable.
        """
        connection = await connect(url)
        try:
            await migrate_postgres(connection, migrate=migrate)
        finally:
            await connection.close()
        store = cls(url, now, _LANES if processes == 1 else 1)
        await store._pool
        return store

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision inside the guard and store what it decided."""
        answer: asyncio.Future[Outcome | Refusal] = asyncio.get_running_loop().create_future()
        self._commits.add(Member(commit, answer))
        return await answer

    async def fetch(self, key: Key, *, with_events: bool) -> Stored | None:
        """Return a document; reads that come while one is under way go together."""
        if "\x00" in key.id:
            return None  # PostgreSQL cannot hold such an id, nor be asked for it.
        answer: asyncio.Future[Stored | None] = asyncio.get_running_loop().create_future()
        self._reads.add(_Read(key, with_events, answer))
        return await answer

    async def page(self, listing: Listing) -> Page:
        """Return one page of a listing, newest first."""

        async def read(connection: Connection) -> Page:
            async def ask(query: PageQuery) -> list[Any]:
                rows: list[Any] = await connection.fetch(query.text, *query.arguments)
                return rows

            rows = await ask(page_query(listing, "postgres"))
            total = None
            if listing.with_total:
                total = (await ask(count_query(listing, "postgres")))[0][0]
            events = []
            if listing.with_events and rows:
                ids = [row[1] for row in rows[: listing.limit]]
                events = await ask(events_query(listing, ids, "postgres"))
            return make_page(listing, rows, events, total)

        return await self._pooled(read, again=True)

    async def query(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named reading query."""
        return await self._named(name, params, again=True)

    async def read(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named reading query that may take a while."""
        return await self._named(name, params, again=True)

    async def execute(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named writing query in a transaction of its own."""
        return await self._named(name, params, again=False)

    async def run(self, statements: Sequence[Also]) -> None:
        """Run named writing statements in one transaction."""

        async def run(connection: Connection) -> None:
            async with connection.transaction():
                for name, params in statements:
                    statement = self._statements[name]
                    await connection.fetch(statement.text, *statement.arguments(params))

        await self._pooled(run, again=False)

    async def walk(self, walk: Walk) -> Sequence[WholeOrder]:
        """Return one page of a walk through orders."""
        return await self._pooled(lambda link: read_walk(link, self._statements, walk), again=True)

    async def load(
        self, account_id: str, orders: Sequence[WholeOrder], next_number: int = 0
    ) -> frozenset[str]:
        """Write those of many orders that are not there; return the order_ids of those written."""
        return await self._pooled(
            lambda link: write_load(link, self._statements, account_id, orders, next_number),
            again=False,
        )

    async def settle(self) -> None:
        """Count the rows now; the server would come to it by and by, and plan badly until then."""
        await self._pooled(lambda link: link.execute(_COUNT_ROWS), again=True)

    async def sweep_idempotency(self, account_id: str, before_ms: int, limit: int) -> int:
        """Delete at most `limit` idempotency records made before a moment; return how many."""
        return len(
            await self.execute(
                "sweep_idempotency", account_id=account_id, before_ms=before_ms, limit=limit
            )
        )

    async def scrub(self) -> bool:
        """Do nothing: no dump has rows that are gone, and the server's vacuum reuses their room."""
        return True

    async def close(self) -> None:
        """Finish what is under way, then let go of the database."""
        await self._commits.finish()
        await self._reads.finish()
        for writer in self._writers:
            await writer.close()
        await self._reader.close()
        await self._pool.close()

    # ------------------------------------------------------------------ reading

    async def _read(self, reads: list[_Read]) -> None:
        """Answer reads together; when that fails for the sake of one, each alone."""
        try:
            found = await self._read_again_if_broken([(r.key, r.with_events) for r in reads])
        except Exception as error:  # noqa: BLE001 -- it goes to the callers
            if len(reads) == 1 or isinstance(error, StoreUnavailable):
                return fail(reads, error)
            for read in reads:
                await self._read([read])
            return None
        for read in reads:
            if not read.answer.done():
                read.answer.set_result(found.get((read.key, read.with_events)))
        return None

    async def _read_again_if_broken(
        self, wanted: list[tuple[Key, bool]]
    ) -> dict[tuple[Key, bool], Stored]:
        wanted = list(dict.fromkeys(wanted))
        for last in (False, True):
            try:
                documents = await read_documents(self._reader, wanted)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                self._reader.drop()
                if last:
                    raise StoreUnavailable(f"PostgreSQL: {error}") from error
            else:
                return {
                    (key, events is not None): Stored(row.version, row.body, events or ())
                    for key, row, events in documents
                }
        raise AssertionError

    async def _named(self, name: str, params: dict[str, object], *, again: bool) -> list[Row]:
        statement = self._statements[name]
        arguments = statement.arguments(params)

        async def run(connection: Connection) -> list[Row]:
            return [dict(row) for row in await connection.fetch(statement.text, *arguments)]

        return await self._pooled(run, again=again)

    async def _pooled(self, run: Callable[[Connection], Awaitable[T]], *, again: bool) -> T:
        """Run something on a connection of the pool.

        A connection may have broken since it was last used. Reading is tried `again` then; a
        write may have arrived, so it is not.

        Raises: StoreUnavailable.
        """
        try:
            return await self._taken_back_or(run)
        except Exception as error:
            if not is_unavailable(error):
                raise
            if again:
                await self._pool.expire_connections()
                return await self._pooled(run, again=False)
            raise StoreUnavailable(f"PostgreSQL: {error}") from error

    async def _taken_back_or(self, run: Callable[[Connection], Awaitable[T]]) -> T:
        """Run something, and anew where the server took it back so that others could go on.

        Two that wait for each other's rows are a matter of chance, as where an erasure meets the
        notes of a delivery: nothing is stored of the one that is taken back.
        Raises: StoreUnavailable.
        """
        for _ in range(_TRIES):
            try:
                async with self._pool.acquire() as connection:
                    return await run(connection)
            except _TAKEN_BACK:
                continue
        raise StoreUnavailable("others hold the same rows")


def _places(member: Member) -> Sequence[Hashable]:
    """Return what a commit concerns: its documents, or else the key of its caller."""
    commit = member.commit
    return commit.keys or (() if commit.idempotency is None else (commit.idempotency.key,))
