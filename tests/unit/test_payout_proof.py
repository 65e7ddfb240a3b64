"""That the payouts of an order add up, and what is said when they do not."""

import pytest
from msgspec.structs import replace

from ordrebok.payouts.proof import payout_equations
from ordrebok.wire.order import Order
from ordrebok.wire.payout import OperationPayout, PayoutShare
from tests.support.builders import a_body, an_operation, an_order
from tests.support.payouts import a_payout, a_rule, a_split_order, flat, rest, with_operation


def paid_out() -> Order:
    """Return an order of a line with a payout and one without, authorized and captured."""
    tree = (flat(100, flat(40, "a"), rest("b")), rest("c"))
    lines = [a_body(1000, 1, store="S1"), a_body(70, 2)]
    order = a_split_order(lines, a_rule("S1", *tree))
    order = with_operation(order, "authorizations", 1000, 70)
    return with_operation(with_operation(order, "captures", 300, 70), "captures", 700)


def broken(order: Order) -> list[str]:
    """Return the names of the equations that do not hold."""
    return [each.name for each in payout_equations(order) if not each.holds]


def with_captured_shares(order: Order, *amounts: int) -> Order:
    """Return an order whose last capture gave other amounts to a, b and c."""
    (item,) = order.captures[-1].items
    shares = tuple(
        PayoutShare(destination=name, amount=amount)
        for name, amount in zip("abc", amounts, strict=False)
    )
    item = replace(item, payout=OperationPayout(destinations=shares))
    return replace(order, captures=(order.captures[0], replace(order.captures[-1], items=(item,))))


def test_an_order_without_payouts_has_nothing_to_prove() -> None:
    """Its proof stays as it was."""
    assert payout_equations(an_order(captures=(an_operation(100),))) == ()


@pytest.mark.parametrize("refunds", [(), (1,), (999,), (300, 700)])
def test_what_the_rules_make_adds_up(refunds: tuple[int, ...]) -> None:
    """Captured, refunded in part, refunded to the end."""
    order = paid_out()
    for amount in refunds:
        order = with_operation(order, "refunds", amount)
    assert broken(order) == []
    (whole,) = [each for each in payout_equations(order) if "captured - refunded" in each.name]
    assert whole.left == whole.right == 1000 - sum(refunds)


def test_a_tree_that_does_not_sum_is_named() -> None:
    """To what the customer pays, and branch by branch."""
    order = paid_out()
    first, second = order.items
    assert first.payout is not None
    branch, leaf = first.payout.destinations
    short = replace(first.payout, destinations=(branch, replace(leaf, amount=899)))
    assert broken(replace(order, items=(replace(first, payout=short), second)))[:1] == [
        "payout: line 1: leaves = payable"
    ]
    uneven = replace(first.payout, destinations=(replace(branch, amount=101), leaf))
    assert broken(replace(order, items=(replace(first, payout=uneven), second))) == [
        "payout: line 1: branches that their nodes do not sum to = 0"
    ]


def test_shares_that_do_not_sum_are_named() -> None:
    """Of the operations and over all destinations."""
    order = with_captured_shares(paid_out(), 28, 42, 629)
    assert broken(order) == [
        "payout: captures over destinations = over lines",
        "payout: line 1, captured to its end: destinations that are off = 0",
        "payout: captured - refunded over destinations = over lines",
    ]


def test_a_destination_that_ends_with_too_much_is_named() -> None:
    """Though everything sums up: another has too little."""
    order = with_captured_shares(paid_out(), 29, 41, 630)
    name = "payout: line 1, captured to its end: destinations that are off = 0"
    assert broken(order) == [name]
    refunded = with_operation(order, "refunds", 1000)
    assert broken(refunded) == [name.replace("captured", "refunded", 1)]


def test_missing_shares_are_named() -> None:
    """A line that has a payout gives shares in every operation."""
    order = paid_out()
    order = replace(order, captures=(an_operation(1000, id="C"),))
    assert "payout: captures over destinations = over lines" in broken(order)


def test_an_attempt_that_failed_is_passed_over() -> None:
    """Whatever its shares say."""
    order = paid_out()
    failed = an_operation(1000, id="C", success=False)
    assert broken(replace(order, captures=(*order.captures, failed))) == []


def test_leaves_may_be_nameless() -> None:
    """The documented example names no accounts in its tree; it is taken as it is."""
    order = an_order([a_body(100, 1)])
    (item,) = order.items
    payout = a_payout(60, 40)
    nameless = tuple(replace(node, destination=None) for node in payout.destinations)
    payout = replace(payout, destinations=nameless)
    order = replace(order, items=(replace(item, payout=payout),))
    assert broken(with_operation(order, "captures", 100)) == []
