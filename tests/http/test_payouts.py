"""Payouts from a rule to the ledger: drafts split, operations shared, balances and entries."""

from __future__ import annotations

import pytest

from tests.http.till import Till
from tests.support.api import Api, Site, codes_of, line, paths_of, reversal, store_line
from tests.support.openapi import Json

SCOPES = ("admin:shopping", "admin:billing")
STRICT = {"Prefer": "handling=strict"}


@pytest.fixture
def shop(site: Site) -> Api:
    """A client that may write rules, of a fresh account, once for each engine."""
    return site.new_account(*SCOPES)


def billing(api: Api, path: str = "") -> str:
    """The address of the account's payout rules."""
    return f"/v1/accounts/{api.account_id}/billing/payout-rules{path}"


def ledger(api: Api, destination: str, path: str = "") -> str:
    """The address of a destination's ledger."""
    return f"/v1/accounts/{api.account_id}/payouts/destinations/{destination}{path}"


def a_rule(rule_id: str = "S1", percentage: object = 10, **more: Json) -> Json:
    """A commission for the platform, the rest for the seller."""
    return {
        "rule_type": "order.items.store.id",
        "rule_id": rule_id,
        "destinations": [
            {"type": "percentage", "value": percentage, "destination": "platform"},
            {"type": "remaining_amount", "destination": f"seller-{rule_id}"},
        ],
        **more,
    }


def split(item: Json) -> list[int] | None:
    """What the nodes of an item's payout get."""
    if "payout" not in item:
        return None
    return [node["amount"] for node in item["payout"]["destinations"]]


def shares(operation: Json) -> list[list[int]]:
    """What the destinations of an operation's items get."""
    return [
        [each["amount"] for each in item["payout"]["destinations"]] for item in operation["items"]
    ]


def test_from_a_stored_rule_to_the_ledger(shop: Api) -> None:
    """An order of two stores, captured in parts and refunded to the end."""
    for store, percentage in (("S1", 10), ("S2", "12.5")):
        shop.post(billing(shop), a_rule(store, percentage))
    draft = shop.draft(
        store_line("S1", 999, 1), store_line("S2", 1001, 2), line(70, 3), options={"payout": True}
    )
    assert [split(item) for item in draft["order"]["items"]] == [[99, 900], [125, 876], None]
    (order,) = shop.complete(draft)
    till = Till(shop, order)
    till.authorize({1: 999, 2: 1001, 3: 70})
    first = till.capture({1: 500, 2: 1001, 3: 70})
    assert shares({"items": first["items"][:2]}) == [[50, 450], [125, 876]]
    assert "payout" not in first["items"][2]
    assert shares(till.capture({1: 499})) == [[49, 450]]
    (total,) = shop.get(ledger(shop, "platform"))["totals"]
    assert total == {
        "currency": "NOK",
        "authorized": 224,
        "cancelled": 0,
        "captured": 224,
        "refunded": 0,
        "net": 224,
    }
    for amounts in ({1: 333, 2: 1}, {1: 666}, {2: 1000}):
        till.record("refunds", amounts)
    for destination in ("platform", "seller-S1", "seller-S2"):
        (total,) = shop.get(ledger(shop, destination))["totals"]
        assert total["net"] == 0
        assert total["captured"] == total["refunded"] > 0
    assert shop.get(f"orders/{order['order_id']}/proof")["holds"]


def test_entries_are_listed_page_by_page(shop: Api) -> None:
    """Newest first, each once, narrowed by every filter."""
    options = {"payout": {"rules": [a_rule("S1"), a_rule("S2")]}}
    orders = []
    for currency in ("NOK", "EUR"):
        items = [store_line("S1", 1000, 1), store_line("S2", 500, 2)]
        draft = shop.draft(*items, options=options, currency=currency)
        (order,) = shop.complete(draft)
        till = Till(shop, order)
        till.authorize({1: 1000, 2: 500})
        for _ in range(3):
            till.capture({1: 100, 2: 100})
        orders.append(order["order_id"])
    path = ledger(shop, "platform", "/entries")
    everything = shop.get(path, limit=1000)["entries"]
    assert len(everything) == 2 * 4 * 2
    assert [entry["created_at"] for entry in everything] == sorted(
        (entry["created_at"] for entry in everything), reverse=True
    )
    assert {entry["destination"] for entry in everything} == {"platform"}
    for limit in (1, 3, 16):
        found: list[Json] = []
        page: Json = {"starting_after": None}
        while "starting_after" in page:
            after = page["starting_after"]
            more = {} if after is None else {"starting_after": after}
            page = shop.get(path, limit=limit, **more)
            found += page["entries"]
        assert found == everything
    for name, value in (
        ("type", "capture"),
        ("currency", "EUR"),
        ("store_id", "S2"),
        ("order_id", orders[0]),
    ):
        expected = [entry for entry in everything if entry[name] == value]
        assert shop.get(path, **{name: value})["entries"] == expected
    moment = everything[5]["created_at"]
    since = [entry for entry in everything if entry["created_at"] >= moment]
    assert shop.get(path, **{"created_at.gte": moment})["entries"] == since
    until = [entry for entry in everything if entry["created_at"] <= moment]
    assert shop.get(path, **{"created_at.lte": moment})["entries"] == until
    error = shop.refused("INVALID_REQUEST_PARAMETER", "GET", f"{path}?starting_after=x")
    assert codes_of(error) == ["INVALID_CURSOR"]


def test_balances_are_those_of_the_entries(shop: Api) -> None:
    """By day, month and year, and narrowed by store and currency."""
    rules = {"payout": {"rules": [a_rule("S1"), a_rule("S2", 50)]}}
    order = shop.order(store_line("S1", 1000, 1), store_line("S2", 300, 2), options=rules)
    till = Till(shop, order)
    till.authorize({1: 1000, 2: 300})
    till.capture({1: 1000, 2: 300})
    (total,) = shop.get(ledger(shop, "platform"))["totals"]
    assert (total["captured"], total["net"]) == (250, 250)
    for period, length in (("day", 10), ("month", 7), ("year", 4)):
        periods = shop.get(ledger(shop, "platform"), period=period)["periods"]
        assert sum(each["net"] for each in periods) == 250
        assert all(len(each["period"]) == length for each in periods)
    (of_store,) = shop.get(ledger(shop, "platform"), store_id="S2")["totals"]
    assert of_store["net"] == 150
    assert shop.get(ledger(shop, "platform"), currency="EUR")["totals"] == []
    assert shop.get(ledger(shop, "nobody"))["totals"] == []


def test_a_reversal_takes_back_what_was_given(shop: Api) -> None:
    """By an updating draft without payouts of its own, after the rule has changed."""
    shop.post(billing(shop), a_rule("S1", 10))
    draft = shop.draft(store_line("S1", 1000, 1), options={"payout": True})
    (order,) = shop.complete(draft)
    shop.post(billing(shop), a_rule("S1", 90))
    options = {"order_id": order["order_id"]}
    (after,) = shop.complete(shop.draft(reversal(2, 1, -400), options=options))
    assert [split(item) for item in after["items"]] == [[100, 900], [-40, -360]]
    till = Till(shop, order)
    till.authorize({1: 1000, 2: -400})
    assert shares(till.capture({1: 1000, 2: -400})) == [[100, 900], [-40, -360]]
    (total,) = shop.get(ledger(shop, "platform"))["totals"]
    assert total["net"] == 60


def test_a_draft_follows_the_newest_rule_until_it_is_completed(shop: Api) -> None:
    """The order keeps the split of that moment; a deleted rule is followed no longer."""
    made = shop.post(billing(shop), a_rule("S1", 10))
    draft = shop.draft(store_line("S1", 1000, 1), options={"payout": True})
    shop.post(billing(shop), a_rule("S1", 20))
    (order,) = shop.complete(draft)
    assert split(order["items"][0]) == [200, 800]
    assert order["items"][0]["payout"]["rule_version"] == 2
    stored = shop.get(f"draft_orders/{draft['id']}")
    assert split(stored["order"]["items"][0]) == [200, 800]
    shop.delete(billing(shop, f"/{made['id']}"))
    assert split(shop.get(f"orders/{order['order_id']}")["items"][0]) == [200, 800]
    again = shop.draft(store_line("S1", 1000, 1), options={"payout": True})
    assert split(again["order"]["items"][0]) is None


def test_what_is_wrong_with_payouts_is_said(shop: Api) -> None:
    """All faults of the rules of a draft, and a rule that is not there."""
    bad = a_rule("S1", 101)
    body = {
        "order": {"currency": "NOK"},
        "options": {"payout": {"rules": [bad, a_rule("S2"), bad]}},
    }
    error = shop.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert codes_of(error)[-1] == "PAYOUT_RULE_TWICE"
    assert paths_of(error)[0] == [*("options", "payout", "rules"), 0, "destinations", 0, "value"]
    named = line(100, 1, dynamic_payout={"rule_id": "D1", "rule_type": "special"})
    body = {"order": {"currency": "NOK", "items": [named]}, "options": {"payout": True}}
    error = shop.refused("PAYOUT_RULE_NOT_FOUND", "POST", "draft_orders", body)
    assert paths_of(error) == [["order", "items", 0, "dynamic_payout"]]
    shop.refused("INVALID_REQUEST_PARAMETER", "POST", billing(shop), bad)


def test_rules_need_their_scope(site: Site) -> None:
    """Shopping's scopes do not write rules, and reading ones do not either."""
    account = site.operator.add_account()
    reader = site.client_of(account, "read:billing")
    assert reader.get(billing(reader)) == {"payout_rules": []}
    reader.refused("MISSING_SCOPE", "POST", billing(reader), a_rule())
    shopper = site.client_of(account, "admin:shopping")
    shopper.refused("MISSING_SCOPE", "GET", billing(shopper))
    shopper.refused("MISSING_SCOPE", "GET", ledger(shopper, "platform"))


def test_exchange_rates_must_agree_for_those_who_are_strict(shop: Api) -> None:
    """Others have them kept as sent: on drafts, orders and operations."""
    facts = {
        "original_currency": "SEK",
        "original_gross_amount": 39_800,
        "conversion_rate_ppm": 1_099_000,
    }
    right, wrong = line(43_740, 1, **facts), line(1000, 1, **facts)
    draft = shop.draft(wrong)
    assert draft["order"]["items"][0].items() >= facts.items()
    items = f"draft_orders/{draft['id']}/items"
    order = {"currency": "NOK", "items": [wrong]}
    for method, path, body, place in (
        ("POST", "draft_orders", {"order": order}, ["order", "items", 0]),
        ("PUT", f"draft_orders/{draft['id']}", {"order": order}, ["order", "items", 0]),
        ("POST", items, wrong | {"line_id": 2}, []),
        ("PUT", f"{items}/1", wrong, []),
        ("POST", "orders", order, ["items", 0]),
        ("POST", "orders", {"order": order}, ["order", "items", 0]),
    ):
        error = shop.refused("INVALID_AMOUNTS", method, path, body, headers=STRICT)
        assert paths_of(error) == [[*place, "original_gross_amount"]], path
    shop.put(f"{items}/1", right, headers=STRICT)
    (made,) = shop.complete(draft)
    path = f"orders/{made['order_id']}"
    change = {"items": [{"line_id": 1, "conversion_rate_ppm": 2_000_000}]}
    error = shop.refused("INVALID_AMOUNTS", "PUT", path, change, headers=STRICT)
    assert paths_of(error) == [["items", 0, "original_gross_amount"]]
    operation = {"items": [{"line_id": 1, "amount": 43_740, **facts}]}
    shop.post(f"{path}/authorizations", operation, headers=STRICT)
    operation = {"items": [{"line_id": 1, "amount": 40_000, **facts}]}
    shop.refused("INVALID_AMOUNTS", "POST", f"{path}/captures", operation, headers=STRICT)
    captured = shop.post(f"{path}/captures", operation)
    assert captured["items"][0].items() >= facts.items()
