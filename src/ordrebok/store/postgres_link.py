"""One connection to PostgreSQL that mends itself, and what its errors mean."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import asyncpg

from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.named import Statements

Connection = Any
"""An asyncpg connection; the library carries no types of its own."""

_CONNECT_SECONDS = 5.0
_FIRST_PLANS = 16
COMMAND_SECONDS = 30.0
"""How long a statement may take before the connection counts as broken."""
SETTINGS = {
    "application_name": "ordrebok",
    # Every statement here finds its rows by an index, in the order of the index. A plan made
    # while the tables were small would read them whole.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
}

OFTEN = {"plan_cache_mode": "force_generic_plan"}
"""For a few statements that run all the time: planning would cost more than running them."""


class LostRace(Exception):  # noqa: N818 -- named by what it means to the writer
    """A row was not as expected; nothing was written."""


LOST_RACES = (
    LostRace,
    asyncpg.DivisionByZeroError,  # What write_all ends with when a row was not as expected.
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
"""Errors that mean: another process was faster; look again."""

_UNAVAILABLE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # A request met the server's farewell, half read.
    asyncpg.OperatorInterventionError,  # Shutting down, starting up, statement cancelled.
    asyncpg.InsufficientResourcesError,  # Disk full, out of memory, too many connections.
    asyncpg.PostgresIOError,
    asyncpg.ReadOnlySQLTransactionError,  # A standby, or a disk that somebody protects.
    asyncpg.InvalidCachedStatementError,  # The schema has moved; a new connection knows it.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_CLOSED_DATABASE = asyncpg.ObjectNotInPrerequisiteStateError
"""What a database that takes no connections for the time being says to one."""


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error is of the server or the way to it, and not of the data."""
    if isinstance(error, asyncpg.InterfaceError):  # The connection is closed, mostly.
        return not isinstance(error, ValueError)  # A URL that makes no sense, for one.
    return isinstance(error, (*_UNAVAILABLE, StoreUnavailable))


async def prepare_connection(connection: Connection) -> None:
    """Let JSON pass as the bytes it is, and see to it that a commit waits for the disk.

    A server may be set up to answer before that; a stricter setting than `on` is left alone.
    """
    await _pass_json(connection)
    await connection.execute(
        "select set_config('synchronous_commit', 'on', false) "
        "where current_setting('synchronous_commit') = 'off'"
    )


async def _pass_json(connection: Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=_same, decoder=_same, format="binary"
    )


def _same(value: bytes) -> bytes:
    return value


async def connect(url: str, *, durable: bool = True) -> Connection:
    """Open a connection; one that is not durable answers before the disk has what it wrote.

    Raises: StoreUnavailable.
    """
    settings = SETTINGS | OFTEN | ({} if durable else {"synchronous_commit": "off"})
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings=settings,
        )
        await (prepare_connection if durable else _pass_json)(connection)
    except Exception as error:
        if is_unavailable(error) or isinstance(error, _CLOSED_DATABASE):
            raise StoreUnavailable(f"no connection to PostgreSQL: {error}") from error
        raise
    return connection


class Link:
    """A connection that is opened when it is needed, and again after it broke."""

    def __init__(
        self, url: str, statements: Statements, *, durable: bool = True, on_open: str = ""
    ) -> None:
        """Know where to connect; nothing is opened yet."""
        self._url = url
        self._statements = statements
        self._durable = durable
        self._on_open = on_open
        self._connection: Connection = None
        self._prepared: dict[str, Any] = {}
        self._fetched = 0
        self._next_plans = _FIRST_PLANS

    async def connection(self) -> Connection:
        """Return the open connection.

        Raises: StoreUnavailable.
        """
        if self._connection is None or self._connection.is_closed():
            self._prepared.clear()
            connection = await connect(self._url, durable=self._durable)
            if self._on_open:
                await connection.execute(self._on_open)
            self._connection = connection
        return self._connection

    async def fetch(self, name: str, *arguments: object) -> list[Any]:
        """Run a named statement with its parameters in their order."""
        prepared = self._prepared.get(name)
        if prepared is None:
            connection = await self.connection()
            prepared = await connection.prepare(self._statements[name].text)
            self._prepared[name] = prepared
        self._fetched += 1
        if self._fetched == self._next_plans:
            await self._plan_again()
        return cast("list[Any]", await prepared.fetch(*arguments))

    async def named(self, name: str, params: Mapping[str, object]) -> list[Any]:
        """Run a named statement with its parameters by their names."""
        return await self.fetch(name, *self._statements[name].arguments(params))

    async def _plan_again(self) -> None:
        """Let the server forget its plans, each time the connection has done four times as much.

        Plans are kept, and the first ones were made while the tables were small. The server
        forgets them by itself only when it has counted the table's rows again.
        """
        self._next_plans *= 4
        connection = await self.connection()
        if not connection.is_in_transaction():
            await connection.execute("discard plans")

    def drop(self) -> None:
        """Let go of a connection that is broken, or in an unknown state."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._prepared.clear()

    async def close(self) -> None:
        """Say goodbye."""
        if self._connection is not None and not self._connection.is_closed():
            try:
                await self._connection.close(timeout=_CONNECT_SECONDS)
            except Exception:  # noqa: BLE001 -- it is being left anyway
                self._connection.terminate()
        self._connection = None
        self._prepared.clear()
