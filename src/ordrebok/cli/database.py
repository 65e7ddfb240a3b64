"""How commands reach the database: open it, do one thing, let go of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from ordrebok.accounts.book import AccountBook
from ordrebok.cli.output import fail
from ordrebok.config import SQLITE, Settings, is_sqlite
from ordrebok.store import open_store
from ordrebok.store.accounts import AccountStore
from ordrebok.store.interface import (
    AlreadyServed,
    BulkStore,
    SchemaTooNew,
    SchemaTooOld,
    StoreUnavailable,
)

T = TypeVar("T")


@asynccontextmanager
async def opened(
    database: str, *, migrate: bool = True, serving: bool = False
) -> AsyncIterator[BulkStore]:
    """Open a database for the length of a block; the folder of a new file is made."""
    if is_sqlite(database):
        Path(database.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    store = await open_store(database, migrate=migrate, serving=serving)
    try:
        yield store
    finally:
        await store.close()


def with_book(database: str, work: Callable[[AccountBook], Awaitable[T]]) -> T:
    """Do one thing with the book of accounts; what goes wrong ends the command with a sentence."""

    async def run() -> T:
        async with opened(database) as store:
            return await work(AccountStore(store))

    return run_or_fail(run)


def check(settings: Settings) -> None:
    """Open the database as a server does, and let go; end the command when it cannot serve."""

    async def run() -> None:
        async with opened(settings.database, migrate=settings.migrate, serving=True):
            pass

    run_or_fail(run)


def run_or_fail(run: Callable[[], Awaitable[T]]) -> T:
    """Run something with a database; say in a sentence what is wrong with the database."""

    async def inner() -> T:
        return await run()

    try:
        return asyncio.run(inner())
    except SchemaTooNew as error:
        fail(f"This database is newer than this program: {error}. Install a newer Ordrebok.")
    except (SchemaTooOld, AlreadyServed) as error:
        fail(f"{error}.")
    except (StoreUnavailable, OSError) as error:
        fail(f"The database cannot be opened: {error}")
    except ValueError as error:
        fail(str(error))
