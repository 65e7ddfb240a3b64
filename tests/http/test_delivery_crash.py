"""Deliveries when servers die, stop, or share the work: nothing is lost, and nothing goes back."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.api import Api
from tests.support.hooks import SERVE, Crowd, Mall, Shop, mall, versions
from tests.support.receiver import Received
from tests.support.server import Server, serving

DRAFTS = 32
_HELD = """
    select count(*) as held from followers where account_id = $1 and holder is not null
    group by holder order by held
"""
PATHS = ("/ok/first", "/ok/second", "/slow/20")


def has_all_at(shop: Shop, path: str, crowd: Crowd) -> bool:
    """Tell whether everything that was acknowledged was told at a path."""
    told = versions(shop.told(path))
    return all(version in told.get(id, ()) for id, version in crowd.acknowledged.items())


def distinct(received: Iterable[Received]) -> list[Received]:
    """What was told, without repeats: a repeat has the id of what it repeats."""
    return list({each.headers["event-delivery"]: each for each in received}.values())


def assert_all_in_order(received: Sequence[Received], acknowledged: Mapping[str, int]) -> None:
    """Of each document every version from the first on, in order, and what was acknowledged."""
    told = versions(received)
    assert told.keys() >= acknowledged.keys()
    for id, found in told.items():
        assert found == list(range(1, len(found) + 1)), id
        assert len(found) >= acknowledged.get(id, 1), id


def assert_once_each(received: Sequence[Received]) -> None:
    """Nothing was told twice."""
    counted = Counter(each.headers["event-delivery"] for each in received)
    assert set(counted.values()) <= {1}


def assert_resumed(received: Sequence[Received], crash: int) -> None:
    """After a crash each document goes on without a gap; a repeat is what was told before."""
    before = versions(each for each in received if each.number < crash)
    after = versions(each for each in received if each.number >= crash)
    for id, found in after.items():
        assert found == list(range(found[0], found[0] + len(found))), id
        assert found[0] <= max(before.get(id, [0])) + 1, id
    for found in before.values():
        assert found == list(range(1, len(found) + 1))
    assert_same_bodies(received)


def assert_same_bodies(received: Sequence[Received]) -> None:
    """What has the same id says the same, and the same of a document has the same id."""
    ids: dict[tuple[str, int], set[str]] = {}
    bodies: dict[str, set[bytes]] = {}
    for each in received:
        document = each.json.get("draft_order") or each.json["order"]
        place = (each.json.get("draft_order", {}).get("id", ""), document["version"])
        ids.setdefault(place, set()).add(each.headers["event-delivery"])
        bodies.setdefault(each.headers["event-delivery"], set()).add(each.body)
    assert all(len(found) == 1 for found in ids.values())
    assert all(len(found) == 1 for found in bodies.values())


def delivered(server: Server) -> int:
    """How many deliveries a server says were taken."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    found = re.search(r'ordrebok_deliveries_total\{outcome="delivered"\} (\S+)', text)
    return int(float(found[1])) if found else 0


@contextmanager
def one_more(hall: Mall, folder: Path) -> Iterator[Server]:
    """One more server of the same database, beside the first one or after its end."""
    with serving(hall.site.server.database, folder, *SERVE) as server:
        yield server


@pytest.fixture
def hall(database_url: str, tmp_path: Path) -> Iterator[Mall]:
    """A server that a test may kill, and a receiver, once for each engine."""
    with mall(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def hall_postgres(postgres_url: str, tmp_path: Path) -> Iterator[Mall]:
    """A server that can share its database with others."""
    with mall(postgres_url, tmp_path) as found:
        yield found


def test_nothing_is_lost_when_a_server_is_killed(hall: Mall, tmp_path: Path) -> None:
    """Every acknowledged change is told, in order; repeats only of what was told already."""
    shop = hall.shop()
    failing = shop.subscribe("/flaky/1", ["shopping_order_add"])
    ((order_id, _),) = ((each["order_id"], each) for each in shop.api.complete(shop.draft()))
    shop.wait_for_attempts(failing, 1)
    for path in PATHS:
        shop.subscribe(path)
    crowd = Crowd(shop, DRAFTS)
    with crowd.changing(shop):
        shop.receiver.wait_for(10 * DRAFTS)
        hall.site.server.kill()
    crash = shop.receiver.count
    with one_more(hall, tmp_path) as server, hall.at(server, shop) as after:
        crowd.change(after, 2)
        for path in PATHS:
            after.wait(partial(has_all_at, shop, path, crowd))
            received = shop.told(path)
            assert_all_in_order(distinct(received), crowd.acknowledged)
            assert_resumed(received, crash)
        after.advance(10)
        first, again = after.wait_for(2, "/flaky/1")
        assert first.number < crash <= again.number
        assert first.headers["event-delivery"] == again.headers["event-delivery"]
        assert again.json["order"]["order_id"] == order_id


def test_a_server_that_is_stopped_tells_nothing_twice(hall: Mall, tmp_path: Path) -> None:
    """It ends what is on its way, and notes it; the next one goes on behind that."""
    shop = hall.shop()
    shop.subscribe("/ok/stopped")
    shop.subscribe("/slow/20")
    crowd = Crowd(shop, DRAFTS)
    with crowd.changing(shop):
        shop.receiver.wait_for(4 * DRAFTS)
        hall.site.server.terminate()
    with one_more(hall, tmp_path) as server, hall.at(server, shop) as after:
        crowd.change(after, 1)
        for path in ("/ok/stopped", "/slow/20"):
            after.wait(partial(has_all_at, shop, path, crowd))
            assert_once_each(shop.told(path))
            assert_all_in_order(shop.told(path), crowd.acknowledged)


@pytest.mark.postgres
def test_servers_share_subscriptions_and_take_over(hall_postgres: Mall, tmp_path: Path) -> None:
    """Both send, nothing twice; when one dies the other goes on with everything."""
    shop, first = hall_postgres.shop(), hall_postgres.site.server
    with one_more(hall_postgres, tmp_path) as second, hall_postgres.at(second, shop) as there:
        paths = [f"/ok/{number}" for number in range(10)]
        for number, path in enumerate(paths):
            (shop, there)[number % 2].subscribe(path)
        crowd = Crowd(shop, DRAFTS)
        crowd.change(shop, 2)
        crowd.change(there, 2)
        whole = len(paths) * sum(crowd.acknowledged.values())
        shop.receiver.wait_for(whole + len(paths), 60)
        for path in paths:
            assert_once_each(shop.told(path))
            assert_all_in_order(shop.told(path), crowd.acknowledged)
        assert delivered(first) > 0
        assert delivered(second) > 0
        with crowd.changing(shop):
            shop.receiver.wait_for(whole + 400)
            first.kill()
        crash = shop.receiver.count
        crowd.change(there, 1)
        for path in paths:
            there.wait(partial(has_all_at, shop, path, crowd))
            received = shop.told(path)
            assert_all_in_order(distinct(received), crowd.acknowledged)
            assert_resumed(received, crash)


@pytest.mark.postgres
def test_a_server_that_joins_gets_its_share(hall_postgres: Mall, tmp_path: Path) -> None:
    """And gives it back when it stops; nothing is told twice, and nothing out of order."""
    shop, paths = hall_postgres.shop(), [*(f"/ok/{number}" for number in range(8)), "/slow/20"]
    for path in paths:
        shop.subscribe(path)
    shop.wait(lambda: held_by(shop.api, hall_postgres) == [9])
    crowd = Crowd(shop, 8)

    def change_and_see(*held: int) -> bool:
        """Change everything once more; tell whether the servers hold so many."""
        crowd.change(shop, 1)
        shop.wait(partial(has_all_at, shop, "/slow/20", crowd))
        return held_by(shop.api, hall_postgres) == list(held)

    with one_more(hall_postgres, tmp_path) as second:
        shop.wait(partial(change_and_see, 4, 5))
        crowd.change(shop, 2)
        shop.wait(lambda: delivered(second) > 0)
        assert second.terminate() == 0
    shop.wait(partial(change_and_see, 9))
    for path in paths:
        shop.wait(partial(has_all_at, shop, path, crowd))
        assert_once_each(shop.told(path))
        assert_all_in_order(shop.told(path), crowd.acknowledged)


def held_by(api: Api, hall: Mall) -> list[int]:
    """How many subscriptions of an account each server holds, the fewest first."""

    async def ask() -> list[int]:
        connection = await asyncpg.connect(hall.site.server.database)
        try:
            rows = await connection.fetch(_HELD, api.account_id)
        finally:
            await connection.close()
        return [row["held"] for row in rows]

    return asyncio.run(ask())


@pytest.mark.postgres
def test_the_workers_of_a_server_share_subscriptions(postgres_url: str, tmp_path: Path) -> None:
    """Each change is told once, whichever process has written it."""
    with mall(postgres_url, tmp_path, "--workers", "2") as found:
        shop = found.shop()
        paths = [f"/ok/{number}" for number in range(4)]
        for path in paths:
            shop.subscribe(path)
        crowd = Crowd(shop, DRAFTS)
        crowd.change(shop, 3)
        whole = len(paths) * sum(crowd.acknowledged.values())
        shop.receiver.wait_for(whole + len(paths), 60)
        for path in paths:
            assert_once_each(shop.told(path))
            assert_all_in_order(shop.told(path), crowd.acknowledged)
