"""What makes an answered write survive, and that reading writes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from statistics import median

import asyncpg
import pytest

from ordrebok.decision import Listing
from ordrebok.store import sqlite_file
from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.postgres import PostgresStore
from ordrebok.store.sqlite import SqliteStore
from tests.store.doors import accepted, opened, together
from tests.store.toy import ACCOUNT, count_up, create, order, toy_of


def everything() -> Listing:
    """A list that asks for all there is to ask."""
    return Listing(ACCOUNT, "order", 10, None, lambda _: b"", with_total=True, with_events=True)


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    """The writer keeps a write-ahead log and syncs it at each commit; readers cannot write."""

    async def use() -> None:
        async with opened(f"sqlite:///{tmp_path / 'a.db'}") as store:
            assert isinstance(store, SqliteStore)

            def pragma(name: str) -> object:
                return store._writer.execute(f"pragma {name}").fetchone()[0]

            assert pragma("journal_mode") == "wal"
            assert pragma("synchronous") == 2
            assert pragma("page_size") == 8192
            assert store._reader.execute("pragma query_only").fetchone()[0] == 1

    asyncio.run(use())


@pytest.mark.postgres
def test_postgres_waits_for_the_disk_whatever_the_server_says(postgres_url: str) -> None:
    """Where the database is set up to answer early, the writer's session is not."""

    async def use() -> None:
        async with opened(postgres_url):
            pass
        client = await asyncpg.connect(postgres_url)
        name = await client.fetchval("select current_database()")
        await client.execute(f'alter database "{name}" set synchronous_commit = off')
        await client.close()
        async with opened(postgres_url) as store:
            assert isinstance(store, PostgresStore)
            await accepted(store, create(order("A"), numbered=True))
            show = "show synchronous_commit"
            for writer in store._writers:
                connection = await writer._link.connection()
                assert await connection.fetchval(show) == "on"
                numbers = await writer._numbers.connection()
                assert await numbers.fetchval(show) == "off"
            async with store._pool.acquire() as connection:
                assert await connection.fetchval(show) == "on"

    asyncio.run(use())


def test_reading_a_sqlite_file_leaves_it_as_it_is(tmp_path: Path) -> None:
    """A GET never writes (Sylius/ShopApiPlugin#667): file and log stay byte for byte the same."""
    path = tmp_path / "a.db"

    def fingerprints() -> list[str]:
        files = (path, Path(f"{path}-wal"))
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]

    async def use() -> None:
        async with opened(f"sqlite:///{path}") as store:
            await accepted(store, create(order("A")))
            before = fingerprints()
            await store.fetch(order("A"), with_events=True)
            await store.page(everything())
            await store.query("document", account_id=ACCOUNT, kind="order", id="A")
            assert fingerprints() == before

    asyncio.run(use())


@pytest.mark.postgres
def test_reading_works_where_nothing_can_be_written(postgres_url: str) -> None:
    """On a standby every read answers, and every write says that the store cannot take it."""

    async def use() -> None:
        async with opened(postgres_url) as store:
            await accepted(store, create(order("A")))
        standby = f"{postgres_url}?default_transaction_read_only=on"
        async with opened(standby) as store:
            found = await store.fetch(order("A"), with_events=True)
            assert found is not None
            assert len(found.events) == 1
            page = await store.page(everything())
            assert page.total == 1
            assert await store.query("document", account_id=ACCOUNT, kind="order", id="A")
            outcomes = await together(store, count_up(order("A")), count_up(order("A")))
            assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
            with pytest.raises(StoreUnavailable):
                await store.sweep_idempotency(ACCOUNT, 0, 1)

    asyncio.run(use())


def test_a_long_log_is_copied_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write-ahead log does not grow for ever: it is copied and begun anew."""
    monkeypatch.setattr(sqlite_file, "_LOG_FRAMES", 40)
    path = tmp_path / "a.db"

    def size() -> int:
        return path.stat().st_size

    async def use() -> None:
        async with opened(f"sqlite:///{path}") as store:
            assert isinstance(store, SqliteStore)
            await accepted(store, create(order("A"), filling="x" * 20_000))
            lengths: list[int] = []
            length = 0
            while len(lengths) < 20:
                await accepted(store, count_up(order("A")))
                before, length = length, store._log.frames()
                if length < before:
                    lengths.append(before)
                await asyncio.sleep(0.001)
            assert max(lengths) > 40
            # On a busy machine it grows further now and then, but not more each time.
            assert median(lengths[10:]) < 80
            assert size() > 100_000

    asyncio.run(use())
    assert not Path(f"{path}-wal").exists()


def test_closing_lets_what_was_asked_finish(database_url: str) -> None:
    """Commits that were given to the store before it is closed are answered."""

    async def use() -> None:
        async with opened(database_url) as store:
            await accepted(store, create(order("A")))
            tasks = [asyncio.ensure_future(store.commit(count_up(order("A")))) for _ in range(300)]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*tasks)
        async with opened(database_url) as store:
            found = await store.fetch(order("A"), with_events=False)
            assert found is not None
            assert toy_of(found.body).count == len(outcomes) == 300

    asyncio.run(use())
