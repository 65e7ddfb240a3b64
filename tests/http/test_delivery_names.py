"""Deliveries to names: nobody waits for a name server that does not answer, except who asks it.

The name server is a real one, which the server asks through its machine's own resolver. Each
question that is not answered would go on for longer than a test lasts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.api import site_of
from tests.support.hooks import SERVE, Mall, Shop
from tests.support.names import SILENT, NamedServer, NameServer, can_choose, naming
from tests.support.openapi import Json
from tests.support.receiver import receiving

DEAD = 60
"""Names of which nobody says anything: more than any pool of threads that others share."""
ORDERS = 10

pytestmark = pytest.mark.skipif(
    not can_choose(), reason="a process can have a name server of its own only as root on Linux"
)


@pytest.fixture
def names() -> Iterator[NameServer]:
    """A name server at an address that no other test has."""
    with naming(f"127.{random.randint(1, 250)}.{os.getpid() % 250}.53") as found:
        yield found


@pytest.fixture
def hall(database_url: str, tmp_path: Path, names: NameServer) -> Iterator[Mall]:
    """A server that asks this name server, once for each engine."""
    with receiving() as receiver:
        server = NamedServer(database_url, tmp_path, names, *SERVE)
        try:
            with site_of(server) as site:
                yield Mall(site, receiver)
        finally:
            server.stop()


def subscribe(shop: Shop, name: str, path: str = "/ok") -> Json:
    """Make a subscription to the receiver under a name."""
    url = shop.target(path).replace("127.0.0.1", name)
    return shop.subscribe(events=["shopping_order_add"], config={"url": url})


def has_failed(shop: Shop, hook: Json) -> bool:
    """Tell whether the one delivery of a subscription was tried."""
    return any(row["attempts"] for row in shop.deliveries(hook))


def test_names_of_which_nobody_answers_hold_up_no_other(hall: Mall, names: NameServer) -> None:
    """All others are told everything while not one look-up of those names has come to an end."""
    shop, neighbour = hall.shop(), hall.shop()
    silent = {f"{SILENT}{number}.shop.se" for number in range(DEAD)}
    dead = [subscribe(shop, name) for name in silent]
    shop.wait(lambda: not silent.isdisjoint(names.asked()))
    subscribe(shop, "answers.shop.se")
    subscribe(neighbour, "answers.neighbour.se")
    for _ in range(ORDERS):
        shop.api.order()
        neighbour.api.order()
    assert len(shop.wait_for(ORDERS)) == len(neighbour.wait_for(ORDERS)) == ORDERS
    shop.wait(lambda: silent <= names.asked().keys())
    assert {names.asked()[name] for name in silent} == {1}
    assert all(row["state"] == "waiting" for hook in dead for row in shop.deliveries(hook))


def test_a_subscriber_is_told_that_nobody_knows_the_address(hall: Mall, names: NameServer) -> None:
    """In a sentence; and however many ask for the same name, one look-up goes on."""
    shop = hall.shop()
    name = f"{SILENT}0.shop.se"
    hooks = [subscribe(shop, name, f"/ok/{number}") for number in range(8)]
    shop.api.order()
    for hook in hooks:
        shop.wait(partial(has_failed, shop, hook))
        (delivery,) = shop.deliveries(hook)
        path = shop.hooks(f"/{hook['id']}/deliveries/{delivery['id']}")
        assert "No answer about the host's address within 5 s" in str(shop.api.get(path))
    assert names.asked()[name] == 1


def test_a_server_stops_while_it_asks_in_vain(hall: Mall, names: NameServer) -> None:
    """It waits for no answer about a name: it has ended before one of the questions could."""
    shop = hall.shop()
    silent = {f"{SILENT}{number}.shop.se" for number in range(5)}
    for name in silent:
        subscribe(shop, name)
    shop.wait(lambda: silent <= names.asked().keys())
    assert hall.site.server.terminate() == 0
