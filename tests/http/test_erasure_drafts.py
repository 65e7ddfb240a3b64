"""Drafts of an erased person's orders lose what they hold of the person, whoever they name."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.shop import everything
from tests.support.api import Api, Site, line
from tests.support.openapi import Json

PERSON: Json = {"id": "C77", "first_name": "Kari"}
HOME: Json = {"address_line": "Gjemtveien 7", "postal_place": "Oslo", "country": "NO"}
OTHER_HOME: Json = {**HOME, "address_line": "Aapenveien 1"}


def updating(api: Api, order: Json, **more: Json) -> Json:
    """A draft that sends an order somewhere else, and adds a line; it names no customer."""
    options = {"order_id": order["order_id"]}
    return api.draft(line(100, 2), options=options, shipping_address=HOME, **more)


def names_the_home(site: Site) -> bool:
    """Whether the address stands anywhere in the database."""
    return b"Gjemtveien" in asyncio.run(everything(site.server.database))


@pytest.mark.parametrize("end", ["open", "completed", "deleted"])
def test_an_update_of_the_persons_order_is_the_persons(site: Site, end: str) -> None:
    """Though the draft itself says not whose it is: open, completed or deleted."""
    api = site.new_account()
    draft = updating(api, api.order(line(100, 1), customer=PERSON))
    path = f"draft_orders/{draft['id']}"
    if end == "completed":
        api.put(f"{path}/complete", {})
    if end == "deleted":
        api.delete(path)
    dry = api.post("customers/C77/erase", params={"dry_run": "true"})
    assert names_the_home(site)
    erased = api.post("customers/C77/erase")
    assert not names_the_home(site)
    assert (erased["orders"], erased["drafts"]) == (dry["orders"], dry["drafts"])
    shown = api.get(path)
    assert shown["status"] == end
    assert "shipping_address" not in shown["order"]
    assert shown["events"][-1]["event_type"] == "erased"
    again = api.post("customers/C77/erase")
    assert (again["orders"], again["drafts"]) == (0, 0)


def test_a_draft_without_a_customer_that_became_the_persons_order(site: Site) -> None:
    """The customer came later, to the order alone."""
    api = site.new_account()
    draft = api.draft(line(100, 1), shipping_address=HOME)
    (order,) = api.complete(draft)
    api.put(f"orders/{order['order_id']}", {"customer": PERSON})
    erased = api.post("customers/C77/erase")
    assert (erased["orders"], erased["drafts"]) == (1, 1)
    assert not names_the_home(site)


def test_what_is_about_to_change_anothers_order_stays(site: Site) -> None:
    """An order went to somebody else: their open draft stays, what was done before is gone."""
    api = site.new_account()
    order = api.order(line(100, 1), customer=PERSON)
    done = updating(api, order)
    api.complete(done)
    path = f"orders/{order['order_id']}"
    api.put(path, {"customer": {"id": "C78"}, "shipping_address": OTHER_HOME})
    options = {"order_id": order["order_id"]}
    open_draft = api.draft(line(100, 3), options=options, shipping_address=OTHER_HOME)
    named = api.draft(line(100, 3), options=options, customer={"id": "C78"}, comment="til C78")
    api.post("customers/C77/erase")
    assert not names_the_home(site)
    assert api.get(f"draft_orders/{open_draft['id']}")["order"] == open_draft["order"]
    assert api.get(f"draft_orders/{named['id']}")["order"] == named["order"]
    assert api.get(path)["shipping_address"] == OTHER_HOME
