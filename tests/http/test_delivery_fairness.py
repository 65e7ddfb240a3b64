"""Deliveries side by side: nobody waits for a receiver that does not answer, or for many others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hooks import Crowd, Mall, Shop, mall, versions

SUBSCRIPTIONS = 50
DRAFTS = 8
BACKLOG_CHANGES = 60


@pytest.fixture
def hall(database_url: str, tmp_path: Path) -> Iterator[Mall]:
    """A server that has nothing else to send, once for each engine."""
    with mall(database_url, tmp_path) as found:
        yield found


def arrived(shop: Shop) -> Counter[str]:
    """How many deliveries have arrived at each path, without pings."""
    return Counter(
        each.path.rpartition("/")[0]
        for each in shop.receiver.requests()
        if each.headers["event"] != "ping"
    )


@pytest.mark.parametrize("dead", ["/dead", "/slow/60000"])
def test_nobody_waits_for_a_receiver_that_does_not_answer(hall: Mall, dead: str) -> None:
    """All others have everything while it has had no more than the first of each document."""
    shop = hall.shop()
    others = [f"/ok/{number}" for number in range(1, SUBSCRIPTIONS)]
    for path in [*others[:25], dead, *others[25:]]:
        shop.subscribe(path)
    crowd = Crowd(shop, DRAFTS)
    crowd.change(shop, 4)
    whole = sum(crowd.acknowledged.values())

    def all_have_all() -> bool:
        found = arrived(shop)
        return all(found[path] >= whole for path in others)

    shop.wait(all_have_all)
    found = arrived(shop)
    assert {found[path] for path in others} == {whole}
    assert found[dead] <= 2 * DRAFTS


def test_a_backlog_of_one_holds_up_no_other(hall: Mall) -> None:
    """What is new is told to everybody before a subscription has caught up."""
    shop = hall.shop()
    behind = shop.subscribe("/slow/5")
    shop.subscribe("/ok/quick", ["shopping_order_add"])
    shop.api.post(shop.hooks(f"/{behind['id']}/pause"))
    crowd = Crowd(shop, DRAFTS)
    crowd.change(shop, BACKLOG_CHANGES)
    shop.api.post(shop.hooks(f"/{behind['id']}/resume"))
    shop.wait_for(1, "/slow/5")
    orders = [shop.api.complete(shop.draft())[0]["order_id"] for _ in range(3)]
    quick = shop.wait_for(len(orders), "/ok/quick")
    assert versions(quick).keys() == set(orders)  # Documents are told of side by side.
    whole = sum(crowd.acknowledged.values()) + 3 * len(orders)
    caught_up = shop.wait_for(whole, "/slow/5")
    assert caught_up[-1].number > quick[-1].number
    assert {len(found) for found in versions(caught_up[:whole]).values()} <= {
        1,
        2,
        1 + BACKLOG_CHANGES,
    }


def test_ten_thousand_deliveries_come_once_each_and_in_order(hall: Mall) -> None:
    """Ten subscriptions, a thousand changes."""
    shop = hall.shop()
    paths = [f"/ok/{number}" for number in range(10)]
    for path in paths:
        shop.subscribe(path)
    crowd = Crowd(shop, 40)
    crowd.change(shop, 24)
    whole = sum(crowd.acknowledged.values())
    assert whole == 1_000
    shop.wait(lambda: shop.receiver.count >= len(paths) * (whole + 1))
    received = shop.receiver.requests()
    assert len(received) == len(paths) * (whole + 1)
    for path in paths:
        target = shop.target(path).removeprefix(shop.receiver.url)
        told = [
            each for each in received if each.path == target and each.headers["event"] != "ping"
        ]
        assert versions(told) == {id: list(range(1, 26)) for id in crowd.acknowledged}
        assert len({each.headers["event-delivery"] for each in told}) == whole
