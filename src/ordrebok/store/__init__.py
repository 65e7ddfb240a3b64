"""Storage: one door (interface.py), two engines behind it."""

from collections.abc import Callable
from pathlib import Path

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.store.interface import BulkStore, Store

__all__ = ["BulkStore", "Store", "open_store"]


async def open_store(
    url: str,
    *,
    migrate: bool,
    serving: bool = False,
    now: Callable[[], Instant] = clock.now,
    processes: int = 1,
) -> BulkStore:
    """Open the database of a URL: `sqlite:///file`, `sqlite:////file/from/root`, `postgresql://...`.

    With `migrate` the schema is made, or brought to the present version. With `serving` a
    SQLite file is claimed for this process as its one server. `processes`: how many of a server
    open the database; a PostgreSQL store shares the processors with them.

    Raises: SchemaTooNew, SchemaTooOld, AlreadyServed, StoreUnavailable; ValueError for a URL
    of another kind.
    """
    # Each engine is imported when it is used: a start waits for one driver, not for two.
    if url.startswith("sqlite:///"):
        from ordrebok.store.sqlite import SqliteStore  # noqa: PLC0415 -- see above

        path = Path(url.removeprefix("sqlite:///"))
        return SqliteStore(path, migrate=migrate, serving=serving, now=now)
    if url.startswith(("postgresql://", "postgres://")):
        from ordrebok.store.postgres import PostgresStore  # noqa: PLC0415 -- see above

        return await PostgresStore.open(url, migrate=migrate, now=now, processes=processes)
    scheme = url.split(":", 1)[0]
    raise ValueError(f"a store is at sqlite:/// or postgresql://, not at {scheme}:")
