"""Transactions of several processes that meet at the same rows, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from ordrebok.decision import Also, Commit, Decision, State
from ordrebok.refusals import Refusal
from ordrebok.retention.forgetting import forgetting
from ordrebok.store import Store
from ordrebok.store.named import Statements
from ordrebok.webhooks.deliveries import Delivery, rows_of
from tests.store.doors import accepted, opened
from tests.store.test_hooks import subscribed
from tests.store.toy import ACCOUNT, create, order

pytestmark = pytest.mark.postgres
KEY = order("A")


async def another(url: str) -> Any:  # noqa: ANN401 -- asyncpg has no types
    """A connection as of another process, which is never the one that gives way."""
    connection = await asyncpg.connect(url)
    await connection.execute("set deadlock_timeout = '60s'")
    return connection


async def somebody_waits(url: str) -> None:
    """Return once a transaction of the database waits for another."""
    connection = await asyncpg.connect(url)
    waiting = "select count(*) from pg_stat_activity where datname = current_database() "
    waiting += "and wait_event_type = 'Lock'"
    while not await connection.fetchval(waiting):  # noqa: ASYNC110 -- another process does not tell
        await asyncio.sleep(0.005)
    await connection.close()


async def run(connection: Any, name: str, params: Mapping[str, object]) -> None:  # noqa: ANN401
    """Run a named statement on a connection."""
    statement = Statements("postgres")[name]
    await connection.fetch(statement.text, *statement.arguments(params))


def stop(hook: str) -> dict[str, object]:
    """What lets a follower stand still."""
    return {"account_id": ACCOUNT, "hook_id": hook, "active": False}


def test_who_gives_way_to_another_process_begins_anew(postgres_url: str) -> None:
    """Two that hold what the other one wants both come to their end."""

    async def use() -> None:
        async with opened(postgres_url) as store:
            first, second = await subscribed(store), await subscribed(store)
            other = await another(postgres_url)
            begun = other.transaction()
            await begun.start()
            await run(other, "follow_on", stop(second))
            both = [Also("follow_on", stop(first)), Also("follow_on", stop(second))]
            running = asyncio.create_task(store.run(both))
            await somebody_waits(postgres_url)
            await run(other, "follow_on", stop(first))
            await begun.commit()
            await running
            await other.close()
            assert await active(store) == 0

    asyncio.run(use())


async def active(store: Store) -> int:
    """How many followers do not stand still."""
    (row,) = await store.query("followers_free", active=True, now_ms=2**53)
    count: int = row["count"]
    return count


def test_an_erasure_forgets_what_is_being_noted_at_the_same_time(postgres_url: str) -> None:
    """It waits for whoever writes down what was sent, and takes that away too."""
    sent = Delivery(
        id="1",
        event_delivery="d",
        event="shopping_order_add",
        document_kind=KEY.kind,
        document_id=KEY.id,
        document_version=1,
        created_ms=1,
        body=b'{"name": "Kari"}',
    )

    def erase(_: State) -> Decision | Refusal:
        return Decision((), b"[]", also=tuple(forgetting(KEY, ())))

    async def use() -> list[str]:
        async with opened(postgres_url) as store:
            await accepted(store, create(KEY))
            hook = await subscribed(store)
            place = {"account_id": ACCOUNT, "hook_id": hook}
            other = await another(postgres_url)
            begun = other.transaction()
            await begun.start()
            await run(other, "follow_on", stop(hook))
            await run(other, "deliveries_put", {**place, **rows_of([sent])})
            erasing = asyncio.create_task(accepted(store, Commit((KEY,), erase)))
            await asyncio.wait(
                [erasing, asyncio.create_task(somebody_waits(postgres_url))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            await begun.commit()
            await erasing
            await other.close()
            rows = await store.query("deliveries_of", **place, before="~", limit=10)
            return [row["event"] for row in rows]

    assert asyncio.run(use()) == ["ping"]
