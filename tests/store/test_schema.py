"""The schema: its versions, and that account_id comes first everywhere."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from ordrebok.decision import Listing
from ordrebok.store import open_store
from ordrebok.store.interface import SchemaTooNew, SchemaTooOld
from ordrebok.store.listing import count_query, events_query, page_query
from ordrebok.store.named import Engine, Statements
from ordrebok.store.schema import Migration, migrations, pending
from tests.store.doors import accepted, opened
from tests.store.toy import ACCOUNT, create, order

OF_NO_ACCOUNT = {"migrations", "signing_keys"}


async def shape(url: str) -> list[tuple[str, ...]]:
    """Every index (and primary key) of a database: its table, its name, its columns."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            rows = connection.execute(
                "select t.name, i.name, c.name from sqlite_master as t "
                "join pragma_index_list(t.name) as i join pragma_index_info(i.name) as c "
                "where t.type = 'table' order by t.name, i.name, c.seqno"
            ).fetchall()
        finally:
            connection.close()
    else:
        client = await asyncpg.connect(url)
        rows = await client.fetch(
            "select c.relname, i.relname, a.attname from pg_index as x "
            "join pg_class as c on c.oid = x.indrelid join pg_class as i on i.oid = x.indexrelid "
            "join pg_attribute as a on a.attrelid = i.oid "
            "where c.relnamespace = 'public'::regnamespace "
            "order by c.relname, i.relname, a.attnum"
        )
        await client.close()
    columns: dict[tuple[str, str], list[str]] = {}
    for table, index, column in rows:
        columns.setdefault((table, index), []).append(column)
    return [(*where, *names) for where, names in columns.items()]


def test_every_key_and_index_begins_with_the_account(database_url: str) -> None:
    """So the same tables can be spread by account over a distributed engine."""

    async def use() -> None:
        async with opened(database_url):
            found = await shape(database_url)
        tables = {table for table, *_ in found}
        assert {"documents", "events", "order_terms", "idempotency", "counters"} <= tables
        assert {"accounts", "clients", "grants", "signing_keys"} <= tables
        for table, index, first, *_ in found:
            assert first == "account_id" or table in OF_NO_ACCOUNT, index

    asyncio.run(use())


def test_no_index_has_a_column_that_changes(database_url: str) -> None:
    """A change of a document touches no index (PostgreSQL: a HOT update)."""
    fixed = {"account_id", "kind", "id", "created_ms"}

    async def use() -> None:
        async with opened(database_url):
            for table, index, *columns in await shape(database_url):
                assert table != "documents" or set(columns) <= fixed, index

    asyncio.run(use())


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_every_statement_names_the_account(engine: Engine) -> None:
    """A statement that forgets the account would show one merchant's orders to another."""
    of_all = {"accounts"}  # The operator's list of accounts.
    for statement in Statements(engine):
        about_keys = "signing_keys" in statement.text
        assert "account_id" in statement.text or about_keys or statement.name in of_all, statement
    plain = Listing(ACCOUNT, "order", 10, (1, "a"), lambda _: b"")
    led = replace(plain, prefixes=("a", "b"), term_groups=(("c", "d"),), statuses=("open",))
    queries = [build(each, engine) for each in (plain, led) for build in (page_query, count_query)]
    for query in (*queries, events_query(plain, ["a"], engine)):
        tables = re.findall(r"(?:documents|order_terms|events) as \w", query.text)
        assert len(tables) == query.text.count("account_id = "), query.text


def test_opening_twice_changes_nothing(database_url: str) -> None:
    """Migrating a database of the present version is a no-op; its rows stay."""

    async def use() -> None:
        async with opened(database_url) as store:
            await accepted(store, create(order("A")))
        before = await shape(database_url)
        async with opened(database_url) as store:
            assert await store.fetch(order("A"), with_events=False) is not None
        assert await shape(database_url) == before
        store = await open_store(database_url, migrate=False)
        await store.close()

    asyncio.run(use())


def test_an_empty_database_needs_migrating(database_url: str) -> None:
    """Without leave to migrate, a server says what is lacking, and makes nothing."""

    async def use() -> None:
        with pytest.raises(SchemaTooOld, match="ordrebok migrate"):
            await open_store(database_url, migrate=False)
        assert await shape(database_url) == []

    asyncio.run(use())


async def record_migration(url: str, version: int, compatible: int) -> None:
    """Let a database look as if a newer server had migrated it."""
    row = f"({version}, {compatible}, '2030-01-01T00:00:00.000Z')"
    statement = f"insert into migrations (version, compatible, applied_at) values {row}"  # noqa: S608
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        with connection:
            connection.execute(statement)
        connection.close()
    else:
        client = await asyncpg.connect(url)
        await client.execute(statement)
        await client.close()


def test_a_newer_schema_is_refused_unless_it_is_compatible(database_url: str) -> None:
    """A server runs on a newer schema that says it may, and on no other."""

    async def use() -> None:
        async with opened(database_url):
            pass
        await record_migration(database_url, 98, 1)
        async with opened(database_url) as store:
            await accepted(store, create(order("A")))
        await record_migration(database_url, 99, 99)
        for migrate in (True, False):
            with pytest.raises(SchemaTooNew, match="99"):
                await open_store(database_url, migrate=migrate)

    asyncio.run(use())


def test_pending_steps_are_those_after_the_newest() -> None:
    """Steps are applied in their order, each once."""
    known = [Migration(n, 1, "") for n in (1, 2, 3)]
    assert pending([], known, migrate=True) == known
    assert pending([(1, 1), (2, 1)], known, migrate=True) == known[2:]
    assert pending([(3, 3)], known, migrate=False) == []


def test_both_engines_have_the_same_steps() -> None:
    """Whoever adds a migration adds it for both engines, with a number of its own."""
    sqlite, postgres = migrations("sqlite"), migrations("postgres")
    steps = [(step.version, step.compatible) for step in sqlite]
    assert steps == [(step.version, step.compatible) for step in postgres]
    assert [version for version, _ in steps] == list(range(1, len(steps) + 1))


def test_a_step_without_its_compatible_version_is_refused(tmp_path: Path) -> None:
    """A migration has to say which servers can work after it."""
    (tmp_path / "0001_first.sqlite.sql").write_text("create table t (a text);")
    with pytest.raises(ValueError, match="compatible"):
        migrations("sqlite", tmp_path)


def test_both_engines_have_the_same_tables(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A column of one engine is a column of the other, but for where SQLite keeps its rows."""
    by_place = ("events", "history")
    only_sqlite = {("documents", "place"), *((table, "document") for table in by_place)}
    only_postgres = {(table, column) for table in by_place for column in ("kind", "document_id")}

    async def use() -> None:
        url = f"sqlite:///{tmp_path / 'a.db'}"
        async with opened(url):
            connection = sqlite3.connect(tmp_path / "a.db")
            ours = connection.execute(
                "select t.name, c.name from sqlite_master as t join pragma_table_info(t.name) as c "
                "where t.type = 'table'"
            ).fetchall()
            connection.close()
        url = request.getfixturevalue("postgres_url")
        async with opened(url):
            client = await asyncpg.connect(url)
            theirs = await client.fetch(
                "select table_name, column_name from information_schema.columns "
                "where table_schema = 'public'"
            )
            await client.close()
        assert {*map(tuple, ours)} - only_sqlite == {*map(tuple, theirs)} - only_postgres

    asyncio.run(use())
