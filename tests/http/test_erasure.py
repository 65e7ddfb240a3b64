"""A person is erased over HTTP: nothing of them is left in the database, and the books hold."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from tests.cli.conftest import Cli
from tests.store.shop import everything
from tests.support.api import Api, Site, line
from tests.support.openapi import Json

SECRETS = ("Hemmeligsen", "hemmelig.person@example.com", "Skjultveien", "4798765432")
PLACE = {"address_line": "Skjultveien 7", "postal_place": "Oslo", "country": "NO"}
ADDRESS = {**PLACE, "first_name": "Kari", "last_name": "Hemmeligsen"}


def person(customer_id: str) -> Json:
    """A customer with names, addresses and numbers."""
    return {
        "id": customer_id,
        "first_name": "Kari",
        "last_name": "Hemmeligsen",
        "email": "hemmelig.person@example.com",
        "phone_number": "+4798765432",
        "addresses": [PLACE],
        "company": {"bussiness_name": "Hemmeligsen AS"},
        "metadata": {"note": "Hemmeligsen"},
    }


def bought(api: Api, customer_id: str) -> tuple[Json, Json]:
    """A draft that was completed, and its order, with a person in every corner of both."""
    draft = api.draft(
        line(39_800, 1, comment="til Hemmeligsen", metadata={"gravering": "Hemmeligsen"}),
        line(1_000, 2),
        customer=person(customer_id),
        shipping_address=ADDRESS,
        billing_address=ADDRESS,
        comment="Ring Hemmeligsen",
        itinerary=[{"travel_mode": "BUS", "departure_address": {"name": "Skjultveien"}}],
        attachments=[{"bus_reservation": {"passengers": [{"last_name": "Hemmeligsen"}]}}],
        metadata={"navn": "Hemmeligsen"},
    )
    api.put(f"draft_orders/{draft['id']}", {"order": {"comment": "Ring Hemmeligsen nå"}})
    keyed = {"Idempotency-Key": f"complete-{customer_id}"}
    path = f"draft_orders/{draft['id']}/complete"
    order = api.put(path, {}, headers=keyed)["orders"][0]
    path = f"orders/{order['order_id']}"
    card = {"card": {"masked_pan": "Hemmeligsen-1111", "brand": "Visa"}, "psp": "bank"}
    items = [{"line_id": 1, "amount": 39_800}]
    body = {"items": items, "payment_details": card, "metadata": {"hvem": "Hemmeligsen"}}
    api.post(f"{path}/authorizations", body, headers={"Idempotency-Key": f"a-{customer_id}"})
    api.post(f"{path}/captures", {"items": [{"line_id": 1, "amount": 10_000}]})
    api.post(f"{path}/comments", {"body": "Hemmeligsen vil bytte", "visibility": "public"})
    report = {"service": "post", "service_status": "sent", "description": "til Skjultveien 7"}
    api.post(f"{path}/events", {**report, "metadata": {"til": "Hemmeligsen"}})
    api.put(path, {"customer": person(customer_id), "shipping_address": ADDRESS})
    return draft, order


def stored(site: Site) -> bytes:
    """All bytes of the database."""
    return asyncio.run(everything(site.server.database))


def test_nothing_of_a_person_is_left_in_the_database(site: Site) -> None:
    """Not in documents, events, earlier versions, answers or words; nor the id."""
    api = site.new_account()
    customer_id = "kunde-hemmelig-8127"
    draft, order = bought(api, customer_id)
    abandoned = api.draft(line(100, 1), customer=person(customer_id))
    assert all(secret.encode() in stored(site) for secret in (*SECRETS, customer_id))
    erased = api.post(f"customers/{customer_id}/erase")
    assert (erased["orders"], erased["drafts"]) == (1, 2)
    left = stored(site)
    for secret in (*SECRETS, customer_id, "Ring ", "vil bytte"):
        assert secret.encode() not in left, secret
        assert secret.casefold().encode() not in left, secret
    assert api.get(f"customers/{customer_id}/orders")["orders"] == []
    assert api.get("orders", search="hemmeligsen")["orders"] == []
    assert [each["order_id"] for each in api.get("orders")["orders"]] == [order["order_id"]]
    for each in (draft, abandoned):
        shown = api.get(f"draft_orders/{each['id']}")
        assert "customer" not in shown["order"]
        assert shown["events"][-1]["event_type"] == "erased"


def test_the_books_hold_without_the_person(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Lines, amounts and operations stay; the order goes on; everything recomputed agrees."""
    api = site.new_account()
    _, order = bought(api, "C-books")
    path = f"orders/{order['order_id']}"
    before = api.get(path)
    api.post("customers/C-books/erase")
    after = api.get(path)
    for name in ("gross_amount", "net_amount", "payment_details", "payment_status", "status"):
        assert after[name] == before[name]
    assert after["version"] == before["version"] + 1
    assert [item["gross_amount"] for item in after["items"]] == [39_800, 1_000]
    assert after["authorizations"][0]["amount"] == 39_800
    assert after["authorizations"][0]["payment_details"] == {
        "card": {"brand": "Visa"},
        "psp": "bank",
    }
    assert after["state"] == before["state"]
    assert len(after["events"]) == after["version"]
    assert all("body" not in event.get("request", {}) for event in after["events"])
    assert api.get(f"{path}/proof")["holds"]
    api.refused("NOT FOUND", "GET", f"{path}/versions/1")
    api.post(f"{path}/captures", {"items": [{"line_id": 1, "amount": 29_800}]})
    cli = Cli(tmp_path_factory.mktemp("cli"), site.server.database)
    cli.ok("verify", "--account", api.account_id)


def test_only_the_one_person_is_erased(api: Api) -> None:
    """Others with a name that begins alike keep everything."""
    _, order = bought(api, "C10")
    other, _ = bought(api, "C1")
    assert api.post("customers/C1/erase")["orders"] == 1
    assert api.get(f"orders/{order['order_id']}")["customer"]["last_name"] == "Hemmeligsen"
    assert "customer" not in api.get(f"draft_orders/{other['id']}")["order"]


def test_an_order_that_went_to_another_customer_forgets_the_first(site: Site) -> None:
    """What it holds now is the other's; what it held is gone, from events and versions."""
    api = site.new_account()
    first = {"id": "C-first", "first_name": "Forstemann-hemmelig"}
    order = api.order(line(100, 1), customer=first)
    path = f"orders/{order['order_id']}"
    api.put(path, {"customer": {"id": "C-second", "first_name": "Annenmann"}})
    assert api.post("customers/C-first/erase")["orders"] == 1
    assert api.get(path)["customer"] == {"id": "C-second", "first_name": "Annenmann"}
    left = stored(site)
    assert b"Forstemann-hemmelig" not in left
    assert b"C-first" not in left
    assert api.post("customers/C-first/erase")["orders"] == 0


def test_a_dry_run_counts_and_changes_nothing(api: Api) -> None:
    """By the query or by the preference; no entry is left of it."""
    _, order = bought(api, "C1")
    before = api.get(f"orders/{order['order_id']}")
    told = api.post("customers/C1/erase", params={"dry_run": "true"})
    assert (told["orders"], told["drafts"]) == (1, 1)
    response = api.send("POST", "customers/C1/erase", headers={"Prefer": "dry-run"})
    assert response.json()["orders"] == 1
    assert response.headers["preference-applied"] == "dry-run"
    assert api.get(f"orders/{order['order_id']}") == before
    assert api.get("erasures")["erasures"] == []


def test_an_entry_says_that_somebody_was_erased_and_not_who(api: Api) -> None:
    """Who asked, when, from how many documents; newest first, in pages."""
    bought(api, "C1")
    entries = [api.post(f"customers/C{number}/erase") for number in (1, 2, 3)]
    assert [entry["orders"] for entry in entries] == [1, 0, 0]
    for entry in entries:
        assert entry["finished_at"] >= entry["created_at"]
        assert entry["created_by"]
        assert api.get(f"erasures/{entry['id']}") == entry
        assert entry.keys() == {
            *("id", "created_at", "created_by", "finished_at", "version"),
            *("orders", "drafts", "refs", "claims"),
        }
    page = api.get("erasures", limit=2)
    rest = api.get("erasures", limit=2, starting_after=page["starting_after"])
    seen = [entry["id"] for entry in (*page["erasures"], *rest["erasures"])]
    assert sorted(seen) == sorted(entry["id"] for entry in entries)
    assert "starting_after" not in rest
    api.refused("NOT FOUND", "GET", "erasures/nothing")


def test_what_was_asked_with_a_key_is_not_done_again(api: Api) -> None:
    """The answer is erased; that the request was carried out is not."""
    order = api.order(line(100, 1), customer=person("C1"))
    path = f"orders/{order['order_id']}"
    body = {"items": [{"line_id": 1, "amount": 40}]}
    keyed = {"Idempotency-Key": "authorize"}
    api.post(f"{path}/authorizations", {"items": [{"line_id": 1, "amount": 100}]})
    api.post(f"{path}/captures", body, headers=keyed)
    api.post("customers/C1/erase")
    error = api.refused("NOT FOUND", "POST", f"{path}/captures", body, headers=keyed)
    assert "erased" in error["message"]
    assert len(api.get(path)["captures"]) == 1
    other = {"items": [{"line_id": 1, "amount": 41}]}
    api.refused("IDEMPOTENCY_KEY_REUSED", "POST", f"{path}/captures", other, headers=keyed)


def test_repeating_an_erasure_with_its_key_answers_the_first(api: Api) -> None:
    """The same bytes, and the key serves for no other request."""
    bought(api, "C1")
    key = {"Idempotency-Key": "erase"}
    first = api.post("customers/C1/erase", headers=key)
    again = api.send("POST", "customers/C1/erase", headers=key)
    assert again.json() == first
    assert again.headers["idempotency-replayed"] == "true"
    api.order(line(100, 1), customer={"id": "C2"})
    api.refused("IDEMPOTENCY_KEY_REUSED", "POST", "customers/C2/erase", headers=key)
    assert api.get("customers/C2/orders")["orders"]


@pytest.mark.parametrize("customer_id", ["å", 'kari "k"', "a/b", "kari@example.com", "100%"])
def test_ids_of_any_letters_are_found(api: Api, customer_id: str) -> None:
    """However a client wrote them into its JSON."""
    order = api.order(line(100, 1))
    path = f"orders/{order['order_id']}"
    api.put(path, {"customer": {"id": customer_id, "first_name": "Kari"}})
    api.put(path, {"customer": {"id": "another"}})

    assert api.post(f"customers/{quote(customer_id, safe='')}/erase")["orders"] == 1


def test_only_an_administrator_erases(site: Site) -> None:
    """Writing orders does not suffice."""
    api = site.new_account("write:shopping", "read:shopping")
    api.refused("MISSING_SCOPE", "POST", "customers/C1/erase")
    api.refused("MISSING_SCOPE", "GET", "erasures")
