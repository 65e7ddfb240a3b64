"""The versions of the schema: which one a database has, and how it comes to the present one.

A migration file says `-- compatible: N`: servers that know version N or later can still work
with the database after it. So servers may be replaced one by one, and an old server on a
database that has moved too far stops with a clear word.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ordrebok.clock import now
from ordrebok.store.interface import SchemaTooNew, SchemaTooOld
from ordrebok.store.named import Engine

Connection = Any
"""An asyncpg connection; the library, which a SQLite server never loads, is not imported here."""

FOLDER = Path(__file__).parent / "migrations"
_COMPATIBLE = re.compile(r"^-- compatible: (\d+)$", re.MULTILINE)
_BUSY_SECONDS = 30.0
_LOCK = 0x6F726472  # "ordr": the advisory lock that migrating processes take in turn.

_TABLE = """
create table if not exists migrations (
    version integer not null,
    compatible integer not null,
    applied_at text not null,
    primary key (version)
)
"""
_APPLIED = "select version, compatible from migrations order by version"
_RECORD = "insert into migrations (version, compatible, applied_at) values "


class Migration(NamedTuple):
    """One step of the schema."""

    version: int
    compatible: int
    """The oldest schema version whose servers can work with the database after this step."""
    sql: str


def migrations(engine: Engine, folder: Path = FOLDER) -> list[Migration]:
    """Return the steps this program knows, oldest first."""
    steps = []
    for path in sorted(folder.glob(f"*.{engine}.sql")):
        sql = path.read_text(encoding="utf-8")
        compatible = _COMPATIBLE.search(sql)
        if compatible is None:
            raise ValueError(f"{path.name} does not say what it is compatible with")
        steps.append(Migration(int(path.name.split("_")[0]), int(compatible[1]), sql))
    return steps


def pending(
    applied: Iterable[tuple[int, int]], known: Sequence[Migration], *, migrate: bool
) -> list[Migration]:
    """Return the steps a database lacks.

    Raises: SchemaTooNew, when a step was applied that this program is too old for;
    SchemaTooOld, when steps are lacking and may not be made.
    """
    newest_known = known[-1].version
    newest_applied = 0
    for version, compatible in applied:
        newest_applied = max(newest_applied, version)
        if compatible > newest_known:
            raise SchemaTooNew(
                f"the database has schema version {version}, which needs a server that knows "
                f"version {compatible}; this one knows {newest_known}"
            )
    lacking = [step for step in known if step.version > newest_applied]
    if lacking and not migrate:
        raise SchemaTooOld(
            f"the database has schema version {newest_applied}, this server needs "
            f"{newest_known}; run `ordrebok migrate`"
        )
    return lacking


# ---------------------------------------------------------------------------------- SQLite


def migrate_sqlite(
    connection: sqlite3.Connection, *, migrate: bool, known: Sequence[Migration] = ()
) -> None:
    """Bring a SQLite file to the present version; the file's write lock keeps others out.

    Raises: SchemaTooNew, SchemaTooOld.
    """
    known = known or migrations("sqlite")
    if not pending(_sqlite_applied(connection), known, migrate=migrate):
        return
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("begin immediate")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    try:
        connection.execute(_TABLE)
        for step in pending(_sqlite_applied(connection), known, migrate=migrate):
            for statement in _split(step.sql):
                connection.execute(statement)
            row = (step.version, step.compatible, now().text)
            connection.execute(_RECORD + "(?, ?, ?)", row)
        connection.execute("commit")
    except BaseException:
        connection.rollback()
        raise


def _sqlite_applied(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    found = connection.execute(
        "select 1 from sqlite_master where type = 'table' and name = 'migrations'"
    ).fetchall()
    return connection.execute(_APPLIED).fetchall() if found else []


def _split(script: str) -> list[str]:
    """Split a script into statements.

    sqlite3's own running of scripts would commit first, and let go of the lock.
    """
    statements = []
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            statements.append(part)
            part = ""
    return statements


# ------------------------------------------------------------------------------ PostgreSQL


async def migrate_postgres(
    connection: Connection, *, migrate: bool, known: Sequence[Migration] = ()
) -> None:
    """Bring a PostgreSQL database to the present version; an advisory lock keeps others out.

    Raises: SchemaTooNew, SchemaTooOld.
    """
    known = known or await asyncio.to_thread(migrations, "postgres")
    if not pending(await _postgres_applied(connection), known, migrate=migrate):
        return
    async with connection.transaction():
        await connection.execute("set local lock_timeout = 0")
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        for step in pending(await _postgres_applied(connection), known, migrate=migrate):
            await connection.execute(step.sql)
            row = (step.version, step.compatible, now().text)
            await connection.execute(_RECORD + "($1, $2, $3)", *row)


async def _postgres_applied(connection: Connection) -> list[tuple[int, int]]:
    if await connection.fetchval("select to_regclass('migrations')") is None:
        return []
    return [(row[0], row[1]) for row in await connection.fetch(_APPLIED)]
