"""What is recorded of each line, and under each authorization, also where none was named."""

import pytest
from msgspec.structs import replace

from ordrebok.payments.ledger import Recorded, ledger
from ordrebok.payments.proof import proof
from ordrebok.wire.order import Order
from tests.support.builders import NOW, a_body, an_operation, an_order, lines
from tests.unit.payment_steps import after, done, refused


def within(order: Order, authorization_id: str, line_id: int = 1) -> tuple[int, int, int, int]:
    """Return what is authorized, captured, cancelled and refunded under an authorization."""
    found = ledger(order).within(authorization_id, line_id)
    return found.authorizations, found.captures, found.cancellations, found.refunds


def test_lines_are_counted_apart_and_without_their_sign() -> None:
    """Each line has its own books."""
    order = an_order([a_body(100, 1), a_body(-100, 2)])
    book = ledger(after(order, "A100 C40 A100/2 C100/2 R30/2"))
    assert book.line(1) == Recorded(authorizations=100, captures=40)
    assert book.line(2) == Recorded(authorizations=100, captures=100, refunds=30)
    assert book.line(3) == Recorded()


def test_an_attempt_that_failed_is_not_counted() -> None:
    """Neither on its line nor under its authorization."""
    order = after(an_order(), "!A100 A60 !C60 !X60")
    assert ledger(order).line(1) == Recorded(authorizations=60)
    assert within(order, "A1") == (0, 0, 0, 0)


def test_what_names_no_authorization_counts_under_the_one_of_its_line() -> None:
    """Two lines, authorized apart and captured together."""
    order = done(after(an_order(lines(100, 100)), "A100 A100/2"), "C", {1: 70, 2: 30})
    assert within(order, "A1") == (100, 70, 0, 0)
    assert within(order, "A2", 2) == (100, 30, 0, 0)
    assert within(order, "A1", 2) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("steps", "first", "second"),
    [
        ("A100 X100 A100 C30", (100, 0, 100, 0), (100, 30, 0, 0)),
        ("A100 C40 X60 A60 C10 R45", (100, 40, 60, 40), (60, 10, 0, 5)),
        ("A100 C40 X60 A60 X30 C30", (100, 40, 60, 0), (60, 30, 30, 0)),
    ],
)
def test_what_is_used_up_takes_no_more(
    steps: str, first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    """Each amount counts where there was room for it when it was recorded."""
    order = after(an_order(), steps)
    newest = order.authorizations[-1].id
    assert (within(order, "A1"), within(order, newest)) == (first, second)


def test_a_later_cancellation_does_not_move_what_was_captured() -> None:
    """A refund that names what it was captured under holds after it too."""
    order = after(an_order(), "A100 C40 X60 A60")
    order = done(order, "R", {1: 40}, authorization_id="A1")
    order = after(order, "X30")
    assert within(order, "A1") == (100, 40, 60, 40)
    assert within(order, "A4") == (60, 0, 30, 0)
    assert proof(order).holds


def test_an_order_that_stops_to_take_several_authorizations_keeps_its_books() -> None:
    """What no longer has to be named fills the oldest first; what was named stays."""
    order = after(an_order(multiple_authorizations=True), "A50 A50")
    order = done(order, "C", {1: 10}, authorization_id="A2")
    order = replace(order, multiple_authorizations=None)
    order = done(order, "C", {1: 60})
    assert within(order, "A1") == (50, 50, 0, 0)
    assert within(order, "A2") == (50, 20, 0, 0)
    order = replace(order, multiple_authorizations=True)
    assert refused(order, "C", {1: 1}, authorization_id="A1").faults[0].data["remaining"] == 0
    order = done(order, "X", {1: 30}, authorization_id="A2")
    assert proof(order).holds


def test_operations_are_counted_from_the_oldest_on_however_they_are_listed() -> None:
    """Their times say which was first; of one moment, what makes room comes first."""
    authorization = an_operation(100, id="A1")
    order = an_order(
        lines(100),
        authorizations=(authorization, an_operation(60, id="A4", created_at=NOW.plus(4).text)),
        captures=(
            an_operation(10, id="C5", created_at=NOW.plus(5).text),
            an_operation(40, id="C2"),
        ),
        cancellations=(an_operation(60, id="X2"),),
    )
    assert within(order, "A1") == (100, 40, 60, 0)
    assert within(order, "A4") == (60, 10, 0, 0)
