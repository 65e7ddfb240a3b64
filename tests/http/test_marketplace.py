"""Two hundred purchases in twenty stores, from discount to refund: all books say the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import ENGINES
from tests.http.market import (
    LIMIT,
    PURCHASES,
    SCOPES,
    STORES,
    Offer,
    Purchase,
    destinations,
    offers,
    payable,
    stored_rules,
    traded,
    tree_of,
)
from tests.property.payout_reference import cumulative, leaves_of
from tests.support.api import Api, Site
from tests.support.openapi import Json

KINDS = {
    "authorization": "authorizations",
    "capture": "captures",
    "refund": "refunds",
    "cancellation": "cancellations",
}
COLUMNS = {
    "authorized": "authorization",
    "cancelled": "cancellation",
    "captured": "capture",
    "refunded": "refund",
}
Leaves = list[tuple[str, int]]


@dataclass(frozen=True)
class Market:
    """A market after its last purchase, read once."""

    api: Api
    database: str
    offers: list[Offer]
    purchases: list[Purchase]
    orders: dict[str, Json]
    entries: list[Json]

    def shares(self) -> Iterator[tuple[str, Json, Json, Json]]:
        """Every item of a successful operation whose line has a payout: its type, order, line."""
        for order in self.orders.values():
            lines = {item["line_id"]: item for item in order["items"]}
            for type_, kind in KINDS.items():
                for operation in order.get(kind, ()):
                    for item in operation["items"] if operation["success"] else ():
                        if "payout" in lines[item["line_id"]]:
                            yield type_, order, lines[item["line_id"]], item


@pytest.fixture(scope="module", params=ENGINES)
def market(request: pytest.FixtureRequest) -> Market:
    """The market, traded once for each engine."""
    site: Site = request.getfixturevalue(f"{request.param}_site")
    api = site.new_account(*SCOPES)
    stored_rules(api)
    given = offers(api)
    purchases = traded(api)
    orders = {order["order_id"]: order for order in paged(api, "orders", "orders", 100)}
    entries = [entry for name in sorted(destinations()) for entry in entries_of(api, name)]
    return Market(api, site.server.database, given, purchases, orders, entries)


def paged(api: Api, path: str, name: str, limit: int) -> Iterator[Json]:
    """All rows of a list, page by page."""
    more: dict[str, str] = {}
    while True:
        page = api.get(path, limit=limit, **more)
        yield from page[name]
        if not page.get("starting_after"):
            return
        more = {"starting_after": page["starting_after"]}


def ledger(api: Api, destination: str) -> str:
    """The address of a destination's ledger."""
    return f"/v1/accounts/{api.account_id}/payouts/destinations/{destination}"


def entries_of(api: Api, destination: str) -> Iterator[Json]:
    """All entries of a destination."""
    return paged(api, f"{ledger(api, destination)}/entries", "entries", 1000)


def ends_of(level: list[Json]) -> Leaves:
    """The leaves of a line's payout with their amounts."""
    found: Leaves = []
    for node in level:
        below = node.get("destinations")
        found += ends_of(below) if below else [(node["destination"], node["amount"])]
    return found


def summed(leaves: Leaves) -> Counter[str]:
    """What each destination has, however many leaves are its own."""
    sums: Counter[str] = Counter()
    for name, amount in leaves:
        sums[name] += amount
    return sums


def given_of(item: Json) -> dict[str, int]:
    """What an operation's item gave to each destination."""
    return {share["destination"]: share["amount"] for share in item["payout"]["destinations"]}


# ------------------------------------------------------------------------------------ the lines


def test_market_has_seen_everything(market: Market) -> None:
    """Every purchase is there with its orders, and every fate and every offer was met."""
    assert len(market.purchases) == PURCHASES
    known = [order_id for each in market.purchases for order_id in each.order_ids]
    assert sorted(known) == sorted(market.orders)
    assert len(known) > PURCHASES, "some drafts were split"
    assert any(each.priced_again for each in market.purchases), "somebody came too late"
    statuses = Counter(order["status"] for order in market.orders.values())
    assert set(statuses) == {"open", "cancelled"}
    used = {each["id"] for order in market.orders.values() for each in order.get("discounts", ())}
    assert used == {offer.rule_id for offer in market.offers}
    assert {type_ for type_, *_ in market.shares()} == set(KINDS)
    rules = {line["payout"]["rule_id"] for _, _, line, _ in market.shares()}
    assert rules == set(STORES)


def test_every_line_is_split_by_the_rule_of_its_store(market: Market) -> None:
    """What the customer pays, through the tree; a reversal gives back in the same proportions."""
    for order in market.orders.values():
        lines = {item["line_id"]: item for item in order["items"]}
        for item in lines.values():
            reversed_one = lines.get(item.get("related_item", {}).get("line_id"))
            store_id = (reversed_one or item).get("store", {}).get("id")
            if store_id not in STORES or (reversed_one and "payout" not in item):
                assert "payout" not in item
                assert store_id not in STORES or payable(reversed_one or item) == 0
                continue
            found, amount = ends_of(item["payout"]["destinations"]), payable(item)
            assert sum(part for _, part in found) == amount
            if reversed_one is None:
                assert found == leaves_of(tree_of(store_id), amount), (order["order_id"], item)
                continue
            ends = ends_of(reversed_one["payout"]["destinations"])
            taken = {name: -part for name, part in cumulative(-amount, ends).items()}
            assert summed(found) == Counter(taken), (order["order_id"], item)


def test_operations_share_what_they_move_to_the_last_unit(market: Market) -> None:
    """Each gives what is due after it less what was due before it, by a naive recomputation."""
    before: Counter[tuple[str, str, int]] = Counter()
    for type_, order, line, item in market.shares():
        ends = ends_of(line["payout"]["destinations"])
        place = (type_, order["order_id"], line["line_id"])
        sign = -1 if item["amount"] < 0 else 1
        had = cumulative(before[place], ends)
        before[place] += abs(item["amount"])
        has = cumulative(before[place], ends)
        assert given_of(item) == {name: sign * (has[name] - had[name]) for name in has}, place
        assert sum(given_of(item).values()) == item["amount"]


# ----------------------------------------------------------------------------------- the ledger


def test_entries_are_what_the_operations_gave(market: Market) -> None:
    """One for each destination of each item, and no others."""
    given: Counter[tuple[str, str, str, int]] = Counter()
    for type_, order, line, item in market.shares():
        for name, amount in given_of(item).items():
            given[name, type_, order["order_id"], line["line_id"]] += amount
    listed: Counter[tuple[str, str, str, int]] = Counter()
    for entry in market.entries:
        place = (entry["destination"], entry["type"], entry["order_id"], entry["line_id"])
        listed[place] += entry["amount"]
    assert +listed == +given
    assert -listed == -given


def test_balances_are_those_of_operations_and_add_up_to_the_money_that_moved(
    market: Market,
) -> None:
    """Over all destinations: captured minus refunded, of lines that have payouts."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in destinations()}
    moved: Counter[str] = Counter()
    for type_, _, _, item in market.shares():
        moved[type_] += item["amount"]
        for name, amount in given_of(item).items():
            sums[name][type_] += amount
    net = 0
    for name, expected in sums.items():
        (total,) = market.api.get(ledger(market.api, name))["totals"]
        found = {type_: total[column] for column, type_ in COLUMNS.items()}
        assert found == {type_: expected[type_] for type_ in KINDS}, name
        assert total["net"] == expected["capture"] - expected["refund"]
        net += total["net"]
    assert net == moved["capture"] - moved["refund"] != 0


def test_what_was_wholly_refunded_leaves_nobody_anything(market: Market) -> None:
    """Line by line, and each destination at exactly zero; also of lines that reverse others."""
    left: Counter[tuple[str, str, int]] = Counter()
    for entry in market.entries:
        sign = {"capture": 1, "refund": -1}.get(entry["type"], 0)
        left[entry["order_id"], entry["destination"], entry["line_id"]] += sign * entry["amount"]
    ended = {
        order_id
        for each in market.purchases
        for order_id in each.order_ids
        if each.fate in {"refunded", "taken back", "cancelled"}
    }
    of_ended = {place: amount for place, amount in left.items() if place[0] in ended}
    assert len(of_ended) > PURCHASES
    assert {place for place, amount in of_ended.items() if amount} == set()


def test_wholly_reversed_lines_leave_nobody_anything(market: Market) -> None:
    """A line and its mirror, both captured to the end."""
    captured: dict[tuple[str, int], Counter[str]] = {}
    for type_, order, line, item in market.shares():
        if type_ == "capture":
            place = (order["order_id"], line["line_id"])
            captured.setdefault(place, Counter()).update(given_of(item))
    pairs = 0
    for each in market.purchases:
        for order_id in each.order_ids if each.fate == "reversed" else ():
            grosses = {
                item["line_id"]: item["gross_amount"] for item in market.orders[order_id]["items"]
            }
            for mirror in market.orders[order_id]["items"]:
                original = mirror.get("related_item", {}).get("line_id")
                if original and grosses[original] == -mirror["gross_amount"]:
                    had = captured.get((order_id, original), Counter())
                    gone = captured.get((order_id, mirror["line_id"]), Counter())
                    assert had == Counter({name: -part for name, part in gone.items()}), order_id
                    pairs += bool(had)
    assert pairs > len(STORES) // 2


# ------------------------------------------------------------------------- discounts, commands


def test_discounts_are_used_by_completed_purchases_less_cancelled_ones(market: Market) -> None:
    """By rule, holder and order, in counts and amounts; what is scarce was not used too often."""
    given = {offer.rule_id: offer for offer in market.offers}
    uses: Counter[tuple[str, str]] = Counter()
    amounts: dict[tuple[str, str], Counter[str]] = {}
    for purchase in market.purchases:
        used = {}
        for order_id in purchase.order_ids if purchase.fate != "cancelled" else ():
            for rule_id, amount in discounts_of(market.orders[order_id]):
                everybodys = given[rule_id].holders == ("*",)
                place = (rule_id, "*" if everybodys else str(purchase.customer_id))
                assert purchase.customer_id is not None
                assert place[1] in given[rule_id].holders
                amounts.setdefault(place, Counter())[order_id] += amount
                used[place] = 1
        uses.update(used)
    for offer in market.offers:
        path = f"/v1/accounts/{market.api.account_id}/discounts/rules/{offer.rule_id}/usages"
        rows = {row["customer_id"]: row for row in market.api.get(path, limit=1000)}
        for holder in offer.holders:
            row, place = rows[holder], (offer.rule_id, holder)
            if holder != "*":  # What everybody uses is only counted.
                booked = {each["ref"]: each["amount"] for each in row["usage_refs"]}
                assert booked == amounts[place], place
            assert row["statistics"]["usage"] == uses[place]
            assert row["statistics"]["amount"] == amounts[place].total()
        assert not offer.limited or 0 < uses[offer.rule_id, "*"] <= LIMIT


def discounts_of(order: Json) -> Iterator[tuple[str, int]]:
    """What each rule gave on each line of an order."""
    for item in order["items"]:
        for line in item.get("discount_lines", ()):
            if "discount_id" in line:
                yield line["discount_id"], line["amount"]


def test_commands_find_the_same(market: Market, tmp_path: Path) -> None:
    """`verify` finds nothing wrong; `payouts` sums from the orders what the ledger says."""
    cli = Cli(tmp_path, market.database)
    account = ("--account", market.api.account_id)
    report = cli.json("verify", *account)
    assert report["disagreements"] == []
    assert report["orders"] == len(market.orders)
    rows = cli.ok("payouts", *account, "--format", "ndjson").splitlines()
    balances = {}
    for row in map(json.loads, rows):
        balances[row.pop("destination")] = row
    totals = {name: market.api.get(ledger(market.api, name))["totals"] for name in destinations()}
    assert balances == {name: total for name, (total,) in totals.items()}


def test_an_export_takes_the_whole_market_along(market: Market, tmp_path: Path) -> None:
    """Read into an empty database: the same payouts from the orders, and nothing that is wrong."""
    source = Cli(tmp_path, market.database)
    account = ("--account", market.api.account_id)
    taken = tmp_path / "orders.ndjson"
    taken.write_text(source.ok("export", *account), encoding="utf-8")
    copy = Cli(tmp_path, f"sqlite:///{tmp_path / 'copy.db'}")
    copy.ok("account", "add", market.api.account_id)
    copy.ok("import", str(taken), *account)
    assert copy.json("verify", *account)["disagreements"] == []
    summed = ("payouts", *account, "--format", "ndjson")
    assert copy.ok(*summed) == source.ok(*summed)
