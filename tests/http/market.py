"""A marketplace over HTTP: stores with payout rules, discounts, and purchases with their fates.

Every purchase is drawn from its number alone, whoever makes it and when; only who gets what is
scarce depends on who was first.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import httpx

from tests.http.till import Till
from tests.property.payout_reference import Node
from tests.support.api import Api, line, reversal, store_line
from tests.support.openapi import Json

SCOPES = ("admin:shopping", "admin:discounts", "admin:billing")
APPLY = {"apply_discounts": "true"}
PURCHASES, CLIENTS = 200, 8
LIMIT = 25
"""How often the discount that is shared by all, and scarce, may be used."""

CUSTOMERS = tuple(f"C{number}" for number in range(1, 9))
STORES = tuple(f"S{number:02d}" for number in range(1, 21))
RULELESS = "S99"
"""A store that has made no arrangement about payouts."""

FATES = ("captured", "reversed", "refunded", "cancelled", "halved", "taken back", "refunded")
"""What becomes of the orders of a purchase, by its number."""


def tree_of(store_id: str) -> tuple[Node, ...]:
    """The payout rule of a store: one of five shapes, with numbers of its own."""
    number, seller = int(store_id[1:]), f"seller-{store_id}"
    commission = Node("percentage", f"{number}.25", "platform")
    shapes: tuple[tuple[Node, ...], ...] = (
        (commission, Node("remaining_amount", None, seller)),
        (Node("flat_amount", f"{number * 9}", "fees"), commission, _rest(seller, "insurance")),
        (commission, Node("percentage", "70.5", seller)),
        (_rest(seller, "platform"), Node("remaining_amount", None, seller), commission),
        (Node("percentage", "20", (_rest("platform", "fees"), commission)), _rest(seller, "fund")),
    )
    return shapes[number % len(shapes)]


def _rest(first: str, second: str) -> Node:
    """What is left: a third and a little for one, the rest for another."""
    below = (Node("percentage", "33.4", first), Node("remaining_amount", None, second))
    return Node("remaining_amount", None, below)


def written(level: tuple[Node, ...]) -> list[Json]:
    """A tree as a client writes it."""
    nodes: list[Json] = []
    for node in level:
        value = {} if node.value is None else {"value": node.value}
        end = {"destination": node.end} if isinstance(node.end, str) else {}
        below = {} if isinstance(node.end, str) else {"destinations": written(node.end)}
        nodes.append({"type": node.type, **value, **end, **below})
    return nodes


def destinations() -> set[str]:
    """Everybody who may be paid."""
    return {name for store in STORES for name in _ends(tree_of(store))}


def _ends(level: tuple[Node, ...]) -> Iterator[str]:
    """The accounts of a tree."""
    for node in level:
        if isinstance(node.end, str):
            yield node.end
        else:
            yield from _ends(node.end)


# ------------------------------------------------------------------------------- the campaign


@dataclass(frozen=True)
class Offer:
    """A discount rule, and whom it was given to."""

    rule_id: str
    holders: tuple[str, ...]
    limited: bool


def stored_rules(api: Api) -> None:
    """Write the payout rule of every store."""
    for store_id in STORES:
        rule = {"rule_type": "order.items.store.id", "rule_id": store_id}
        body = {**rule, "destinations": written(tree_of(store_id))}
        api.post(f"/v1/accounts/{api.account_id}/billing/payout-rules", body)


def offers(api: Api) -> list[Offer]:
    """Write a handful of discounts, and give them to everybody or to some."""
    three_for_two: Json = {"requirement": {"item": {"quantity": 3}}}
    scarce: Json = {"limitation": {"discount_repeat_usage": LIMIT}}
    return [
        _offer(api, "discount_percent", 7.5, ("*",)),
        _offer(api, "discount_item_quantity", 1, ("*",), three_for_two),
        _offer(api, "discount_percent", 12, ("*",), scarce),
        _offer(api, "discount_amount", 777, CUSTOMERS[:4], {"requirement": {"net_amount": 20_000}}),
        _offer(api, "discount_percent", 3, CUSTOMERS[2:6]),
    ]


def _offer(
    api: Api, kind: str, value: float, holders: tuple[str, ...], more: Json | None = None
) -> Offer:
    """Write one discount and give it to its holders."""
    window = {"purchase_from": "2020-01-01T00:00:00Z", "purchase_to": "2100-01-01T00:00:00Z"}
    body: Json = {"name": kind, "reward": {"type": kind, "value": value}, **(more or {})}
    body["requirement"] = {**window, **body.get("requirement", {})}
    path = f"/v1/accounts/{api.account_id}/discounts/rules"
    rule_id: str = api.post(path, body)["id"]
    api.post(f"{path}/{rule_id}/customers", {"customers": list(holders)})
    return Offer(rule_id, holders, "limitation" in body)


# ------------------------------------------------------------------------------- the purchases


@dataclass(frozen=True)
class Purchase:
    """One draft that was completed: who bought, what became of it, and its orders."""

    number: int
    customer_id: str | None
    fate: str
    order_ids: tuple[str, ...]
    priced_again: bool
    """A discount that its draft had was used up by others in the meantime."""


def traded(api: Api) -> list[Purchase]:
    """Make all purchases, by several clients at once: all carts are full before anybody pays."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        drafts = list(clients.map(lambda number: _filled(api, number), range(PURCHASES)))
        return list(
            clients.map(lambda number: _bought(api, number, drafts[number]), range(PURCHASES))
        )


def _customer(number: int) -> str | None:
    """Who makes a purchase; None for one without an id."""
    return Random(f"customer {number}").choice([*CUSTOMERS, None])


def _filled(api: Api, number: int) -> str:
    """Fill a draft item by item; its path."""
    chance = Random(f"cart {number}")
    customer_id = _customer(number)
    customer = {"last_name": "Nordmann"} if customer_id is None else {"id": customer_id}
    options = {"payout": True, "split_draft": chance.random() < 0.15}
    order = {"currency": "NOK", "customer": customer, "items": [_item(chance, 1)]}
    body: Json = {"order": order, "options": options}
    path = f"draft_orders/{api.post('draft_orders', body, params=APPLY)['id']}"
    for line_id in range(2, chance.randint(3, 5)):
        api.post(f"{path}/items", _item(chance, line_id), params=APPLY)
    return path


def _bought(api: Api, number: int, path: str) -> Purchase:
    """Complete a draft, and give its orders their fate."""
    answer = api.send("PUT", f"{path}/complete", {})
    refused = answer.status_code == httpx.codes.CONFLICT
    if refused:
        assert answer.json()["error"]["code"] == "DISCOUNT_USED_UP"
        answer = api.send("PUT", f"{path}/complete", {}, params=APPLY)
    assert answer.status_code == httpx.codes.OK, answer.text
    fate, chance = FATES[number % len(FATES)], Random(f"fate {number}")
    orders = answer.json()["orders"]
    for made in orders:
        _live(Till(api, made), made, fate, chance)
    order_ids = tuple(made["order_id"] for made in orders)
    return Purchase(number, _customer(number), fate, order_ids, priced_again=refused)


def _item(chance: Random, line_id: int) -> Json:
    """An item of some store, or of none; cheap or dear, with taxes in the price or on top."""
    more: Json = {"eligible_for_discount": chance.random() < 0.8}
    if chance.random() < 0.3:
        more["quantity"] = chance.randint(2, 7)
    if chance.random() < 0.2:
        more["tax_lines"] = [{"percentage": 15, "included_in_price": False}]
    gross = chance.choice([chance.randint(1, 99), chance.randint(100, 50_000)])
    if chance.random() < 0.1:
        return line(gross, line_id, **more)
    return store_line(chance.choice([*STORES, RULELESS]), gross, line_id, **more)


def payable(item: Json) -> int:
    """What the customer pays for a line: net, and taxes that are not in the price."""
    taxes = [tax for tax in item["tax_lines"] if tax.get("included_in_price") is False]
    return int(item["net_amount"] + sum(tax["amount"] for tax in taxes))


def _live(till: Till, order: Json, fate: str, chance: Random) -> None:
    """Record on an order what its fate has in store."""
    whole = {item["line_id"]: payable(item) for item in order["items"] if payable(item)}
    steps = _steps(whole, chance.randint(2, 4), chance)
    if whole:
        till.authorize(whole)
    if fate == "cancelled":
        _record(till, "cancellations", steps[:1])
        till.api.post(f"{till.path}/cancel", {"cancelled_reason": "customer"})
        return
    if whole and chance.random() < 0.2:
        till.capture(whole, success=False)
    if fate == "halved":
        _record(till, "captures", steps[:1])
        _record(till, "cancellations", steps[1:])
        return
    _record(till, "captures", steps)
    if fate in {"reversed", "taken back"}:
        whole |= _reverse(till, order, chance)
    if fate in {"refunded", "taken back"}:
        _record(till, "refunds", _steps(whole, 3, chance))


def _record(till: Till, kind: str, steps: list[dict[int, int]]) -> None:
    """Record one operation for each step."""
    for step in steps:
        till.record(kind, step)


def _reverse(till: Till, order: Json, chance: Random) -> dict[int, int]:
    """Reverse the first line wholly and the second in part; authorize and capture that."""
    items = order["items"]
    above = max(item["line_id"] for item in items)
    lines = [_mirror(items[0], above + 1, whole=True)]
    lines += [_mirror(item, above + 2, whole=False) for item in items[1:2]]
    lines = [each for each in lines if each["gross_amount"]]
    after = till.update(*lines)
    added = {
        item["line_id"]: payable(item)
        for item in after["items"]
        if item["line_id"] > above and payable(item)
    }
    if added:
        till.authorize(added)
        _record(till, "captures", _steps(added, 2, chance))
    return added


def _mirror(item: Json, line_id: int, *, whole: bool) -> Json:
    """A line that reverses another one with its discounts, or a third of what it came to."""
    discount = item["gross_amount"] - item["net_amount"]
    more: Json = {}
    if "included_in_price" in item["tax_lines"][0]:
        more["tax_lines"] = [{"percentage": 15, "included_in_price": False}]
    if whole and discount:
        more["discount_lines"] = [{"amount": -discount, "discount_type": "manual"}]
    gross = item["gross_amount"] if whole else item["net_amount"] // 3
    return reversal(line_id, item["line_id"], -gross, **more)


def _steps(whole: dict[int, int], count: int, chance: Random) -> list[dict[int, int]]:
    """Amounts cut into parts at random places; each part has something of some line."""
    steps: list[dict[int, int]] = [{} for _ in range(count)]
    for line_id, amount in whole.items():
        sign = -1 if amount < 0 else 1
        marks = sorted(chance.randint(0, abs(amount)) for _ in range(count - 1))
        for step, (low, high) in zip(
            steps, zip([0, *marks], [*marks, abs(amount)], strict=True), strict=True
        ):
            if high > low:
                step[line_id] = sign * (high - low)
    return [step for step in steps if step]
