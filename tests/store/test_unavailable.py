"""When the database is away: a clear word, nothing half done, and work again when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Awaitable
from pathlib import Path

import asyncpg
import pytest

from ordrebok.decision import Idempotency, Listing, Outcome
from ordrebok.store import Store, open_store
from ordrebok.store.interface import StoreUnavailable
from tests.store.doors import accepted, opened, together
from tests.store.proxy import proxied
from tests.store.toy import ACCOUNT, count_up, create, order, toy_of
from tests.support.postgres import find_or_install, private_server

KEY = order("A")
AGAIN = Idempotency("client", "key", "fingerprint")


def ways_in(store: Store) -> list[Awaitable[object]]:
    """One call of each kind."""
    return [
        store.commit(count_up(KEY)),
        store.commit(count_up(order("B"))),
        store.fetch(KEY, with_events=False),
        store.page(Listing(ACCOUNT, "order", 10, None, lambda _: b"")),
        store.query("document", account_id=ACCOUNT, kind="order", id="A"),
        store.sweep_idempotency(ACCOUNT, 0, 1),
    ]


async def count(store: Store) -> int:
    """What the toy has been counted up to."""
    found = await store.fetch(KEY, with_events=False)
    assert found is not None
    return toy_of(found.body).count


@pytest.mark.postgres
def test_without_a_database_every_call_says_so_and_soon(postgres_url: str) -> None:
    """Cut off, each call raises StoreUnavailable; mended, each works, without a restart."""

    async def use() -> None:
        async with proxied(postgres_url) as (proxy, url), opened(url) as store:
            await together(store, create(KEY), create(order("B")))
            assert all(not isinstance(r, Exception) for r in await asyncio.gather(*ways_in(store)))
            proxy.cut()
            started = time.monotonic()
            results = await asyncio.gather(*ways_in(store), return_exceptions=True)
            assert all(isinstance(result, StoreUnavailable) for result in results), results
            assert time.monotonic() - started < 5
            proxy.mend()
            results = await asyncio.gather(*ways_in(store))
            assert isinstance(results[0], Outcome)
            assert await count(store) == 2

    asyncio.run(use())


@pytest.mark.postgres
def test_a_connection_that_broke_while_idle_is_not_noticed(postgres_url: str) -> None:
    """Connections that a firewall dropped are made anew; reads and commits do not fail for it."""

    async def use() -> None:
        async with proxied(postgres_url) as (proxy, url), opened(url) as store:
            await together(store, create(KEY), create(order("B")))
            await asyncio.gather(*ways_in(store))
            proxy.cut()
            proxy.mend()
            results = await asyncio.gather(*ways_in(store), return_exceptions=True)
            assert all(not isinstance(result, Exception) for result in results[:5]), results
            assert await count(store) == 2

    asyncio.run(use())


@pytest.mark.postgres
@pytest.mark.parametrize("replies", [0, 1, 2])
def test_a_retry_with_its_key_is_safe_wherever_the_connection_broke(
    postgres_url: str, replies: int
) -> None:
    """A commit whose reply is lost may have happened; the same key finds out, and counts once."""

    async def use() -> None:
        async with proxied(postgres_url) as (proxy, url), opened(url) as store:
            await accepted(store, create(KEY))
            # All statements have been prepared, so that each makes one reply.
            await accepted(store, count_up(KEY, idempotency=Idempotency("client", "k", "f")))
            await accepted(store, count_up(KEY, idempotency=Idempotency("client", "l", "f")))
            proxy.replies_left = replies
            writing = replies == 2  # After the document's and the record's.
            if writing:
                with pytest.raises(StoreUnavailable):
                    await store.commit(count_up(KEY, idempotency=AGAIN))
            else:
                await accepted(store, count_up(KEY, idempotency=AGAIN))
            again = await accepted(store, count_up(KEY, idempotency=AGAIN))
            assert again.replayed
            assert toy_of(again.answer).count == await count(store) == 3

    asyncio.run(use())


@pytest.mark.postgres
def test_the_store_outlives_a_crash_of_the_server() -> None:
    """A server that crashes and recovers finds the store working, and nothing answered lost."""

    async def use(url: str) -> None:
        async with opened(url) as store:
            await accepted(store, create(KEY))
            answered = failed = 0
            client = await asyncpg.connect(url)
            backend = await client.fetchval("select pg_backend_pid()")
            deadline = time.monotonic() + 30
            while answered < 200 and time.monotonic() < deadline:
                results = await together(store, *[count_up(KEY)] * 4)
                answered += sum(isinstance(result, Outcome) for result in results)
                failed += sum(isinstance(result, StoreUnavailable) for result in results)
                if answered >= 100 and backend:
                    os.kill(backend, signal.SIGKILL)  # The server ends every session for that.
                    backend = None
                if failed:
                    await asyncio.sleep(0.05)
            client.terminate()
            assert answered >= 200
            assert answered <= await count(store) <= answered + failed

    with private_server(find_or_install()) as url:
        asyncio.run(use(url))


@pytest.mark.postgres
def test_a_table_that_is_locked_for_long_is_said_to_be(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that cannot get at their rows are told to come again, and then may."""
    monkeypatch.setattr("ordrebok.store.postgres_writer._PATIENCE_SECONDS", 0.5)

    async def use() -> None:
        async with opened(postgres_url) as store:
            await together(store, create(KEY), create(order("B")))
            client = await asyncpg.connect(postgres_url)
            async with client.transaction():
                await client.execute("lock table documents in exclusive mode")
                results = await together(store, count_up(KEY), count_up(order("B")))
                assert all(isinstance(result, StoreUnavailable) for result in results), results
            await client.close()
            await accepted(store, count_up(KEY))
            assert await count(store) == 1

    asyncio.run(use())


@pytest.mark.postgres
def test_a_server_that_is_not_there_cannot_be_opened() -> None:
    """Opening a store where nothing listens says that it is unavailable."""
    with pytest.raises(StoreUnavailable):
        asyncio.run(open_store("postgresql://nobody@127.0.0.1:1/nothing", migrate=True))


@pytest.mark.parametrize("serving", ["yes", ""])
def test_a_file_in_no_folder_cannot_be_opened(tmp_path: Path, serving: str) -> None:
    """A SQLite file whose folder is missing says which file it was."""
    url = f"sqlite:///{tmp_path / 'missing' / 'a.db'}"
    with pytest.raises(StoreUnavailable, match=r"missing.a\.db"):
        asyncio.run(open_store(url, migrate=True, serving=bool(serving)))


def test_a_url_of_another_kind_is_refused() -> None:
    """A store is a SQLite file or a PostgreSQL database; the password stays out of the error."""
    with pytest.raises(ValueError, match="not at mysql:") as raised:
        asyncio.run(open_store("mysql://root:secret@localhost/x", migrate=True))
    assert "secret" not in str(raised.value)


def test_a_sqlite_file_that_another_keeps_locked_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that finds the file locked for too long says so; reads go on all the while."""
    monkeypatch.setattr("ordrebok.store.sqlite._BUSY_SECONDS", 0.2)

    async def use() -> None:
        async with opened(f"sqlite:///{tmp_path / 'a.db'}") as store:
            await accepted(store, create(KEY))
            other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
            other.execute("begin immediate")
            results = await asyncio.gather(
                store.commit(count_up(KEY)),
                store.commit(count_up(KEY)),
                count(store),
                return_exceptions=True,
            )
            assert isinstance(results[0], StoreUnavailable)
            assert isinstance(results[1], StoreUnavailable)
            assert results[2] == 0
            other.execute("rollback")
            other.close()
            await accepted(store, count_up(KEY))

    asyncio.run(use())
