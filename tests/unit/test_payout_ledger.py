"""What destinations were given: entries of operations, and what they come to."""

import pytest

from ordrebok.clock import Instant
from ordrebok.payouts.ledger import balances, bounds, entries, new_entries, period_of
from ordrebok.wire.location import Store
from ordrebok.wire.order import Order
from ordrebok.wire.payout import DynamicPayout
from ordrebok.wire.payout_ledger import PayoutBalance, PayoutEntry
from tests.support.builders import NOW, a_body
from tests.support.payouts import (
    PLATFORM,
    SELLER,
    a_rule,
    a_split_order,
    with_operation,
)


def two_lines() -> Order:
    """Return an order with a line of a store, and one without payout."""
    return a_split_order([a_body(1000, 1, store="S1"), a_body(70, 2)], a_rule("S1"))


def an_entry(type_: str, amount: int, at: str, currency: str = "NOK") -> PayoutEntry:
    """Return an entry of a seller."""
    return PayoutEntry(
        destination=SELLER,
        created_at=at,
        type=type_,  # type: ignore[arg-type]
        amount=amount,
        currency=currency,
        order_id="order-1",
        line_id=1,
        operation_id="operation-1",
    )


# ------------------------------------------------------------------------------------ entries


def test_an_entry_says_who_got_what_of_which_operation() -> None:
    """Everything a statement needs, without the order."""
    order = with_operation(two_lines(), "captures", 1000, 70, seconds=5)
    first, second = entries(order)
    assert first == PayoutEntry(
        destination=PLATFORM,
        created_at=NOW.plus(5).text,
        type="capture",
        amount=100,
        currency="NOK",
        order_id="order-1",
        line_id=1,
        operation_id="captures-1",
        store_id="S1",
        rule_id="S1",
        rule_type="order.items.store.id",
    )
    assert (second.destination, second.amount) == (SELLER, 900)


def test_entries_stand_in_the_order_in_which_they_were_recorded() -> None:
    """Whatever their kinds; so new ones only ever come to the end."""
    order = two_lines()
    steps = (("authorizations", 0), ("captures", 1), ("refunds", 2), ("captures", 3))
    for kind, seconds in steps:
        amount = 1000 if kind == "authorizations" else 100
        standing, before = order, entries(order)
        order = with_operation(order, kind, amount, seconds=seconds)  # type: ignore[arg-type]
        after = entries(order)
        assert after == before + new_entries(standing, order)
    assert new_entries(order, order) == ()
    assert len(new_entries(None, order)) == len(entries(order))
    types = [entry.type for entry in entries(order)]
    assert types == ["authorization"] * 2 + ["capture"] * 2 + ["refund"] * 2 + ["capture"] * 2


def test_what_gave_nothing_leaves_no_entry() -> None:
    """An attempt that failed, and a destination whose part is nothing."""
    order = two_lines()
    failed = with_operation(order, "captures", 1000, success=False)
    assert entries(failed) == ()
    assert new_entries(order, failed) == ()
    small = with_operation(order, "captures", 1)
    assert [(entry.destination, entry.amount) for entry in entries(small)] == [(SELLER, 1)]


def test_a_line_without_a_store_counts_for_that_of_the_order() -> None:
    """So that a destination's entries can be filtered by store."""
    items = [a_body(1000, 1, dynamic_payout=DynamicPayout(rule_id="own"))]
    order = a_split_order(items, a_rule("own", rule_type="x"), store=Store(id="main"))
    found = entries(with_operation(order, "captures", 1000))
    assert [entry.store_id for entry in found] == ["main", "main"]


# ----------------------------------------------------------------------------------- balances


def test_balances_are_kept_apart_by_currency() -> None:
    """Nothing is added over currencies."""
    found = [
        an_entry("authorization", 500, "2026-11-20T00:00:00.000Z"),
        an_entry("cancellation", 50, "2026-11-20T00:00:00.000Z"),
        an_entry("capture", 400, "2026-11-20T00:00:00.000Z"),
        an_entry("refund", 30, "2026-11-20T00:00:00.000Z"),
        an_entry("capture", 7, "2026-11-20T00:00:00.000Z", "EUR"),
    ]
    assert balances(found) == (
        PayoutBalance(currency="EUR", authorized=0, cancelled=0, captured=7, refunded=0, net=7),
        PayoutBalance(
            currency="NOK", authorized=500, cancelled=50, captured=400, refunded=30, net=370
        ),
    )
    assert balances([]) == ()


def test_balances_by_period() -> None:
    """An operation counts for the period in which it was recorded, in UTC."""
    found = [
        an_entry("capture", 100, "2026-10-31T23:59:59.999Z"),
        an_entry("refund", 100, "2026-11-01T00:00:00.000Z"),
        an_entry("capture", 5, "2026-11-30T23:59:59.999Z"),
        an_entry("capture", 1, "2027-01-01T00:00:00.000Z"),
    ]
    months = balances(found, "month")
    assert [(each.period, each.net) for each in months] == [
        ("2026-10", 100),
        ("2026-11", -95),
        ("2027-01", 1),
    ]
    assert [(each.period, each.net) for each in balances(found, "year")] == [
        ("2026", 5),
        ("2027", 1),
    ]
    assert len(balances(found, "day")) == 4


# ------------------------------------------------------------------------------------ periods


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2028-02", "2028-02-01", "2028-03-01"),
        ("2028-02-28", "2028-02-28", "2028-02-29"),
        ("2026-12-31", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_period_has_bounds(period: str, first: str, after: str) -> None:
    """From its first moment to the first one after it."""
    expected = tuple(Instant.of(f"{day}T00:00:00.000Z") for day in (first, after))
    assert bounds(period) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-13",
        "2026-1",
        "2026-02-30",
        "2026-11-20T",
        "november",
        "2026-",
        "0000",
        "9999",
    ],
)
def test_what_is_no_period_has_no_bounds(text: str) -> None:
    """The caller says so."""
    assert bounds(text) is None


def test_a_moment_lies_in_a_period() -> None:
    """A day, a month, a year."""
    moment = "2026-11-20T18:12:13.123Z"
    assert period_of(moment, "day") == "2026-11-20"
    assert period_of(moment, "month") == "2026-11"
    assert period_of(moment, "year") == "2026"
