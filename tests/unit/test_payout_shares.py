"""What operations give to whom: cumulative shares, so that a line ends exactly."""

from collections import Counter

import msgspec
from msgspec.structs import replace

from ordrebok.payments.ledger import OperationKind
from ordrebok.payouts.shares import operation_payout, with_all_shares, with_shares
from ordrebok.wire.order import Order
from ordrebok.wire.payment import OperationItem
from ordrebok.wire.payout import DestinationNode, ItemPayout
from tests.support.builders import a_body, an_operation
from tests.support.payouts import (
    PLATFORM,
    SELLER,
    a_payout,
    a_rule,
    a_split_order,
    percent,
    rest,
    shares,
    with_operation,
)

THIRDS = (percent("33.34", "a"), percent("33.33", "b"), rest("c"))


def an_order_of(gross: int, *tree: DestinationNode) -> Order:
    """Return an order with one line, split by the commission unless a tree says otherwise."""
    return a_split_order([a_body(gross, 1, store="S1")], a_rule("S1", *tree))


def balance_of(order: Order, given: OperationKind, taken: OperationKind) -> dict[str | None, int]:
    """Return what operations of one kind gave to whom, less what those of another took back."""
    balance: Counter[str | None] = Counter()
    for index in range(len(getattr(order, given))):
        balance.update(shares(order, given, index))
    for index in range(len(getattr(order, taken))):
        balance.subtract(shares(order, taken, index))
    return dict(balance)


def test_a_full_capture_gives_every_destination_its_leaf() -> None:
    """Under the name of the rule."""
    order = with_operation(an_order_of(999), "captures", 999)
    payout = order.captures[0].items[0].payout
    assert payout is not None
    assert (payout.rule_type, payout.rule_id) == ("order.items.store.id", "S1")
    assert shares(order, "captures") == {PLATFORM: 99, SELLER: 900}


def test_partial_captures_end_exactly() -> None:
    """Each is what the total so far has more than the total before."""
    order = an_order_of(100, *THIRDS)
    given = []
    for amount in (50, 25, 24, 1):
        order = with_operation(order, "captures", amount)
        given.append(tuple(shares(order, "captures").values()))
    assert given == [(16, 17, 17), (9, 8, 8), (8, 8, 8), (0, 0, 1)]
    assert [sum(each) for each in zip(*given, strict=True)] == [33, 33, 34]


def test_refunds_give_back_what_captures_gave() -> None:
    """Also when only a part was captured: everybody ends at zero."""
    order = an_order_of(1000, *THIRDS)
    for amount in (101, 400):
        order = with_operation(order, "captures", amount)
    for amount in (7, 300, 194):
        order = with_operation(order, "refunds", amount)
    assert balance_of(order, "captures", "refunds") == {"a": 0, "b": 0, "c": 0}


def test_stacked_refunds_stay_within_what_was_captured() -> None:
    """Net 52 and tax 10, refunded as 32, 9, 8, 3, 6, 3 and 1: field notes 11."""
    order = with_operation(an_order_of(62, rest("net"), percent(16, "tax")), "captures", 62)
    given = shares(order, "captures")
    taken = {"net": 0, "tax": 0}
    for amount in (32, 9, 8, 3, 6, 3, 1):
        order = with_operation(order, "refunds", amount)
        for name, share in shares(order, "refunds").items():
            taken[str(name)] += share
            assert 0 <= taken[str(name)] <= given[name]
    assert taken == given


def test_a_negative_line_mirrors_a_positive_one() -> None:
    """Amounts of reversed lines are negative, and so are their shares."""
    positive, negative = an_order_of(1001, *THIRDS), an_order_of(-1001, *THIRDS)
    for amount in (334, 333, 334):
        positive = with_operation(positive, "captures", amount)
        negative = with_operation(negative, "captures", -amount)
        expected = {name: -share for name, share in shares(positive, "captures").items()}
        assert shares(negative, "captures") == expected


def test_an_attempt_that_failed_counts_for_nothing() -> None:
    """It shows what it would have given; the next one starts where it did."""
    order = with_operation(an_order_of(100, *THIRDS), "captures", 50, success=False)
    failed = shares(order, "captures")
    order = with_operation(order, "captures", 50)
    assert shares(order, "captures") == failed


def test_a_line_without_payout_has_no_shares() -> None:
    """Beside one that has."""
    order = a_split_order([a_body(100, 1, store="S1"), a_body(100, 2)], a_rule("S1"))
    order = with_operation(order, "authorizations", 100, 100)
    first, second = order.authorizations[0].items
    assert first.payout is not None
    assert second.payout is None
    plain = a_split_order([a_body(100)])
    items = [OperationItem(line_id=1, amount=5)]
    assert with_shares(plain, "captures", items) == tuple(items)


def test_kinds_are_counted_apart() -> None:
    """An authorization of all and a capture of a part both start at the beginning."""
    order = with_operation(an_order_of(100, *THIRDS), "authorizations", 100)
    order = with_operation(order, "captures", 10)
    assert sum(shares(order, "authorizations").values()) == 100
    assert shares(order, "captures") == {"a": 3, "b": 3, "c": 4}


def test_a_line_authorized_again_is_given_its_leaves_again() -> None:
    """After a cancellation the shares begin once more, and what is live ends exactly."""
    order = an_order_of(100, *THIRDS)
    order = with_operation(order, "authorizations", 60)
    order = with_operation(order, "cancellations", 20)
    order = with_operation(order, "authorizations", 60)
    live = balance_of(order, "authorizations", "cancellations")
    assert live == {"a": 33, "b": 33, "c": 34}


def test_leaves_of_one_destination_are_one_share() -> None:
    """The list is flat, and names everybody once."""
    tree = (percent(10, percent(50, "a"), rest("b")), rest("a"))
    order = with_operation(an_order_of(1000, *tree), "captures", 1000)
    assert shares(order, "captures") == {"a": 950, "b": 50}


def test_branches_need_no_amounts_of_their_own() -> None:
    """The documented result: 500 and 3,500 below a branch without one, 500, 192 and 38,308."""
    printed = {
        "destinations": [
            {
                "destinations": [
                    {"destination": "a", "amount": 500},
                    {"destination": "b", "amount": 3500},
                ]
            },
            {"destination": "a", "amount": 500},
            {
                "amount": 38_500,
                "destinations": [
                    {"destination": "b", "amount": 192},
                    {"destination": "c", "amount": 38_308},
                ],
            },
        ]
    }
    given = operation_payout(msgspec.convert(printed, ItemPayout), 0, 43_000)
    assert given is not None
    assert {each.destination: each.amount for each in given.destinations} == {
        "a": 1000,
        "b": 3692,
        "c": 38_308,
    }


def test_a_tree_without_amounts_gives_no_shares() -> None:
    """A line of nothing has nothing to give."""
    assert operation_payout(a_payout(0, 0), 0, 5) is None


def test_imported_operations_get_the_shares_that_they_lack() -> None:
    """Those that are recorded stay: they say what was paid out."""
    order = an_order_of(100, *THIRDS)
    first = an_operation(50, id="A")
    given = with_shares(order, "captures", [OperationItem(line_id=1, amount=50)])
    assert given[0].payout is not None
    other = replace(
        given[0].payout,
        destinations=tuple(
            replace(share, amount=amount)
            for share, amount in zip(given[0].payout.destinations, (20, 20, 10), strict=True)
        ),
    )
    second = replace(first, id="B", items=(replace(given[0], payout=other),))
    done = with_all_shares(replace(order, captures=(first, second)))
    assert shares(done, "captures", 0) == {"a": 16, "b": 17, "c": 17}
    assert shares(done, "captures", 1) == {"a": 20, "b": 20, "c": 10}
    assert with_all_shares(an_order_of(0)) == an_order_of(0)
