"""What is left to authorize, capture, cancel and refund, and the status that follows from it."""

import pytest
from msgspec.structs import replace

from ordrebok.orders.rules import cancel
from ordrebok.payments.rules import Sums, has_operations, payment_details, payment_status, sums
from ordrebok.wire.item import ItemBody
from ordrebok.wire.order import Order
from ordrebok.wire.payment import PaymentDetails
from tests.support.builders import (
    ACTOR,
    LATER,
    a_body,
    a_tax,
    accepted,
    an_operation,
    an_order,
    lines,
)


def paid(
    net: int,
    *,
    authorized: int = 0,
    captured: int = 0,
    refunded: int = 0,
    cancelled: int = 0,
) -> Order:
    """Return an order of one line with one operation of each kind that has an amount."""
    return an_order(
        lines(net),
        authorizations=(an_operation(authorized),) if authorized else (),
        captures=(an_operation(captured),) if captured else (),
        refunds=(an_operation(refunded),) if refunded else (),
        cancellations=(an_operation(cancelled),) if cancelled else (),
    )


def details(order: Order) -> tuple[int, int, int, int, int]:
    """Return what is left to authorize, capture, cancel, refund, and what is due."""
    found = payment_details(order)
    return (
        found.remaining_authorization_amount,
        found.remaining_capture_amount,
        found.remaining_cancellation_amount,
        found.remaining_refund_amount,
        found.amount_due,
    )


@pytest.mark.parametrize(
    ("order", "expected", "status"),
    [
        (paid(100), (100, 0, 0, 0, 100), "pending"),
        (paid(100, authorized=100), (0, 100, 100, 0, 100), "pending"),
        (paid(100, authorized=60), (40, 60, 60, 0, 100), "pending"),
        (paid(100, authorized=100, cancelled=30), (30, 70, 70, 0, 100), "pending"),
        (paid(100, authorized=100, cancelled=100), (100, 0, 0, 0, 100), "pending"),
        (paid(100, authorized=100, captured=40), (0, 60, 60, 40, 60), "partially_paid"),
        (
            paid(100, authorized=100, captured=40, cancelled=60),
            (60, 0, 0, 40, 60),
            "partially_paid",
        ),
        (paid(100, authorized=100, captured=100), (0, 0, 0, 100, 0), "paid"),
        (
            paid(100, authorized=100, captured=100, refunded=30),
            (0, 0, 0, 70, 0),
            "partially_refunded",
        ),
        (paid(100, authorized=100, captured=100, refunded=100), (0, 0, 0, 0, 0), "refunded"),
        (
            paid(100, authorized=100, captured=40, refunded=10),
            (0, 60, 60, 30, 60),
            "partially_refunded",
        ),
        (paid(100, authorized=100, captured=40, refunded=40), (0, 60, 60, 0, 60), "refunded"),
        (paid(0), (0, 0, 0, 0, 0), "pending"),
        (paid(2, captured=1), (2, -1, -1, 1, 1), "partially_paid"),
        (paid(1, captured=1), (1, -1, -1, 1, 0), "paid"),
        (paid(2, captured=2, refunded=1), (2, -2, -2, 1, 0), "partially_refunded"),
        (paid(1, captured=1, refunded=1), (1, -1, -1, 0, 0), "refunded"),
    ],
)
def test_what_is_left_and_the_status_follow_from_sums(
    order: Order, expected: tuple[int, ...], status: str
) -> None:
    """Each in turn: to authorize, to capture, to cancel, to refund, due."""
    assert (details(order), payment_status(order)) == (expected, status)


def test_what_was_computed_stands_on_the_order() -> None:
    """The stored order shows the same as the rules say."""
    order = paid(100, authorized=100, captured=40)
    assert order.payment_details == payment_details(order)
    assert order.payment_status == "partially_paid"


def test_what_is_due_does_not_grow_by_refunds() -> None:
    """A refund is not a new debt of the customer."""
    before = paid(100, authorized=100, captured=100)
    after = paid(100, authorized=100, captured=100, refunded=30)
    assert payment_details(before).amount_due == payment_details(after).amount_due == 0


def test_what_can_be_refunded_is_captured_less_refunded() -> None:
    """Whether anything is outstanding does not matter."""
    order = paid(100, authorized=100, captured=30, refunded=10)
    assert payment_details(order).remaining_refund_amount == 20


def test_an_operation_that_failed_counts_for_nothing() -> None:
    """It is shown, and changes neither amounts nor status."""
    failed = an_operation(100, success=False)
    order = an_order(
        lines(100),
        authorizations=(failed, an_operation(60)),
        captures=(failed,),
        refunds=(failed,),
        cancellations=(failed,),
    )
    assert sums(order) == Sums(net=100, authorized=60, captured=0, refunded=0, cancelled=0)
    assert (details(order), payment_status(order)) == ((40, 60, 60, 0, 100), "pending")


def test_operations_of_one_kind_add_up() -> None:
    """However many there are, and over how many lines each."""
    order = an_order(
        lines(100, 50),
        authorizations=(an_operation(100, 50),),
        captures=(an_operation(30), an_operation(20, 50)),
        refunds=(an_operation(1), an_operation(2)),
    )
    assert sums(order) == Sums(150, 150, 100, 3, 0)
    assert details(order) == (0, 50, 50, 97, 50)


REVERSED: list[ItemBody] = [
    a_body(39_800, 1),
    a_body(-39_800, 2, related=("reversed", 1)),
    a_body(50_000, 3),
]


@pytest.mark.parametrize(
    ("operations", "expected", "status"),
    [
        ({}, (50_000, 0, 0, 0, 50_000), "pending"),
        (
            {"authorizations": (39_800,), "captures": (39_800,)},
            (10_200, 0, 0, 39_800, 10_200),
            "partially_paid",
        ),
        (
            {"authorizations": (39_800, -39_800), "captures": (39_800, -39_800)},
            (50_000, 0, 0, 0, 50_000),
            "pending",
        ),
        (
            {
                "authorizations": (39_800, -39_800, 50_000),
                "captures": (39_800, -39_800, 50_000),
            },
            (0, 0, 0, 50_000, 0),
            "paid",
        ),
    ],
)
def test_reversed_lines_count_with_their_sign(
    operations: dict[str, tuple[int, ...]], expected: tuple[int, ...], status: str
) -> None:
    """What was taken back is set off against what replaced it: only the net change is settled."""
    recorded = {name: (an_operation(*amounts),) for name, amounts in operations.items()}
    order = an_order(REVERSED, **recorded)
    assert (details(order), payment_status(order)) == (expected, status)


def test_a_line_added_and_reversed_before_payment_leaves_nothing_to_refund() -> None:
    """Nothing was paid, so nothing goes back."""
    order = an_order([a_body(100, 1), a_body(50, 2), a_body(-50, 3, related=("reversed", 2))])
    assert details(order) == (100, 0, 0, 0, 100)


def test_an_order_worth_less_than_nothing_waits() -> None:
    """A draft may take back more than it adds; the status stays with what was captured."""
    order = an_order([a_body(100, 1), a_body(-150, 2)])
    assert (details(order), payment_status(order)) == ((-50, 0, 0, 0, -50), "pending")


def test_taxes_outside_the_price_are_to_be_paid_too() -> None:
    """What is due is what the customer pays, not the net amount alone."""
    order = an_order([a_body(1_000, 1, taxes=[a_tax(25, included_in_price=False)])])
    assert (order.net_amount, details(order)) == (1_000, (1_250, 0, 0, 0, 1_250))
    full = replace(order, captures=(an_operation(1_250),))
    short = replace(order, captures=(an_operation(1_000),))
    assert (payment_status(full), payment_status(short)) == ("paid", "partially_paid")


def test_a_cancelled_order_waits_for_no_more_money() -> None:
    """What is still authorized can be cancelled; nothing is due."""
    order = accepted(cancel(paid(100, authorized=70), "other", ACTOR, LATER))
    assert details(order) == (0, 70, 70, 0, 0)
    assert order.payment_details == PaymentDetails(
        remaining_authorization_amount=0,
        remaining_capture_amount=70,
        remaining_cancellation_amount=70,
        remaining_refund_amount=0,
        amount_due=0,
    )


@pytest.mark.parametrize("name", ["authorizations", "captures", "refunds", "cancellations"])
def test_any_recorded_operation_counts_as_one(name: str) -> None:
    """Also one that failed: it names lines of this order."""
    assert not has_operations(an_order())
    failed = an_operation(1, success=False)
    assert has_operations(replace(an_order(), **{name: (failed,)}))
