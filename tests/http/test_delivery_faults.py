"""Deliveries when receivers or the database fail on the way."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.api import line
from tests.support.hooks import SERVE, Mall, mall, versions
from tests.support.server import serving

MANY = 230
"""Changes of one document: more than are read at once, and then some."""
ORDERS = 30
_END_WAITING = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


async def end_connections_that_write(database: str, times: int, held: threading.Event) -> None:
    """Let nothing be written about deliveries, and end the connections that try."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("lock table deliveries in exclusive mode")
            held.set()
            while times:
                times -= len(await connection.fetch(_END_WAITING)) > 0
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


@pytest.fixture
def hall(database_url: str, tmp_path: Path) -> Iterator[Mall]:
    """A server that has nothing else to send, once for each engine."""
    with mall(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def hall_postgres(postgres_url: str, tmp_path: Path) -> Iterator[Mall]:
    """A server whose database is away now and then."""
    with mall(postgres_url, tmp_path) as found:
        yield found


def test_many_changes_of_a_document_stay_behind_its_first(hall: Mall) -> None:
    """However many wait: none is sent before the one in front of it was taken."""
    shop = hall.shop()
    hook = shop.subscribe("/flaky/1")
    shop.api.post(shop.hooks(f"/{hook['id']}/pause"))
    draft = shop.draft(changes=MANY - 1)
    shop.api.post(shop.hooks(f"/{hook['id']}/resume"))
    shop.wait(lambda: len(shop.deliveries(hook)) == MANY)
    for number in range(1, 5):
        shop.wait_for(2 * number - 1, "/flaky/1")
        shop.wait(lambda: all("next_attempt_at" in row for row in waiting(shop.deliveries(hook))))
        shop.advance(10)
    told = versions(shop.wait_for(9, "/flaky/1"))[draft["id"]]
    assert all(after - before in {0, 1} for before, after in pairwise(told))
    assert told[:9] == [1, 1, 2, 2, 3, 3, 4, 4, 5]


@pytest.mark.postgres
def test_what_failed_while_the_database_was_away_is_sent_again(hall_postgres: Mall) -> None:
    """No failure is forgotten because it could not be written down at once."""
    shop = hall_postgres.shop()
    hook = shop.subscribe("/flaky/1", ["shopping_order_add"])
    shop.api.post(shop.hooks(f"/{hook['id']}/pause"))
    orders = {shop.api.order()["order_id"] for _ in range(ORDERS)}
    held, database = threading.Event(), hall_postgres.site.server.database
    with ThreadPoolExecutor(1) as thread:
        ending = thread.submit(asyncio.run, end_connections_that_write(database, 2, held))
        held.wait(30)
        shop.api.post(shop.hooks(f"/{hook['id']}/resume"))
        ending.result(60)
    shop.wait(lambda: len(shop.deliveries(hook)) == ORDERS)

    def all_taken() -> bool:
        shop.advance(60)
        return {row["state"] for row in shop.deliveries(hook)} == {"delivered"}

    shop.wait(all_taken)
    assert versions(shop.told("/flaky/1")).keys() == orders


def test_operators_see_what_became_of_deliveries(hall: Mall) -> None:
    """How many failed, and how far the subscription furthest behind is."""
    shop = hall.shop()
    shop.subscribe("/cut", ["shopping_order_add"])
    for _ in range(40):
        shop.api.order(line())

    def shown() -> bool:
        text = shop.api.http.get("/metrics").text
        behind = re.search(r"^ordrebok_deliveries_behind ([0-9.]+)", text, re.MULTILINE)
        failed = 'ordrebok_deliveries_total{outcome="failed"}' in text
        return failed and behind is not None and float(behind[1]) > 0

    shop.wait(shown)


def test_a_subscription_that_cannot_be_served_is_named_and_rests_longer_each_time(
    hall: Mall, tmp_path: Path
) -> None:
    """The log says which one, and when it is tried again; others are served meanwhile."""
    shop, database = hall.shop(), hall.site.server.database
    broken = shop.subscribe("/ok/broken", ["shopping_order_add"])
    shop.subscribe("/ok/whole", ["shopping_order_add"])
    hall.site.server.terminate()
    spoil(database, broken["id"])
    with serving(database, tmp_path, *SERVE) as server, hall.at(server, shop) as there:
        order = there.api.order(line())
        assert versions(there.wait_for(1, "/ok/whole")).keys() == {order["order_id"]}

        def said() -> list[dict[str, Any]]:
            lines = map(json.loads, filter(None, server.log.splitlines()))
            return [each for each in lines if each["event"] == "a subscription cannot be served"]

        shop.wait(lambda: len(said()) >= 3)
        assert {each["subscription"] for each in said()} == {broken["id"]}
        assert {each["account_id"] for each in said()} == {shop.api.account_id}
        rests = [each["again_in_seconds"] for each in said()]
        assert all(after > before for before, after in pairwise(rests))


def spoil(database: str, hook_id: str) -> None:
    """Make of a subscription, in its database, what no server can read."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file, file:
            file.execute("update documents set body = '{}' where id = ?", (hook_id,))
        return

    async def use() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute("update documents set body = '{}' where id = $1", hook_id)
        await connection.close()

    asyncio.run(use())


def waiting(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Those that are still to be sent."""
    return [row for row in rows if row["state"] == "waiting"]
