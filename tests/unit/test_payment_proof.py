"""The proof of an order: it holds for what was recorded, and for nothing that was altered."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from ordrebok.payments.proof import proof
from ordrebok.wire.order import Order
from ordrebok.wire.proof import Equation
from tests.support.builders import a_body, a_tax, an_order, lines
from tests.unit.payment_steps import after, done

FULL = "A100 C60 R20 X10 !C30 A100/2 C100/2 A40/3 X40/3 A40/3"


def a_paid_order() -> Order:
    """Return an order with a reversed line, discounts, taxes and operations of every kind."""
    items = [
        a_body(120, 1, discounts=[20]),
        a_body(-120, 2, discounts=[-20], related=("reversed", 1)),
        a_body(32, 3, taxes=[a_tax(25, included_in_price=False)]),
    ]
    return after(an_order(items), FULL)


def broken(order: Order) -> list[str]:
    """Return the names of the equations that do not hold."""
    found = proof(order)
    parts = [found.order, *(p.equations for p in found.lines)]
    parts += [p.equations for p in found.authorizations]
    names = [equation.name for part in parts for equation in part if not equation.holds]
    assert found.holds == (not names)
    return names


def with_first(order: Order, kind: str, **changes: Any) -> Order:  # noqa: ANN401 -- passed on
    """Return the order with its first operation of a kind altered."""
    first, *rest = getattr(order, kind)
    return replace(order, **{kind: (replace(first, **changes), *rest)})


def with_amount(order: Order, kind: str, amount: int, **changes: int) -> Order:
    """Return the order with the first item of an operation altered, and its sum with it."""
    first = getattr(order, kind)[0]
    items = (replace(first.items[0], amount=amount, **changes), *first.items[1:])
    return with_first(order, kind, items=items, amount=sum(item.amount for item in items))


def with_line(order: Order, **changes: Any) -> Order:  # noqa: ANN401 -- passed on
    """Return the order with its first line altered."""
    first, *rest = order.items
    return replace(order, items=(replace(first, **changes), *rest))


def with_details(order: Order, **changes: int) -> Order:
    """Return the order with some of its payment_details altered."""
    assert order.payment_details is not None
    return replace(order, payment_details=replace(order.payment_details, **changes))


def test_the_proof_of_what_was_recorded_holds() -> None:
    """Every line and every authorization is in it."""
    order = a_paid_order()
    assert broken(order) == []
    found = proof(order)
    assert (found.order_id, found.version, found.currency) == ("order-1", order.version, "NOK")
    assert [line.line_id for line in found.lines] == [1, 2, 3]
    assert [each.authorization_id for each in found.authorizations] == ["A1", "A6", "A8", "A10"]


@pytest.mark.parametrize("steps", ["", "A100", "!A100", "A100 C100 R100", "A100 X100"])
def test_the_proof_holds_after_every_step(steps: str) -> None:
    """From the order without any operation on."""
    assert broken(after(an_order(), steps)) == []


def test_an_equation_shows_its_terms() -> None:
    """Whoever doubts it can do the sum."""
    found = proof(a_paid_order())
    equations = {equation.name: equation for equation in found.lines[0].equations}
    assert equations["line: captured + cancelled <= authorized"] == Equation(
        name="line: captured + cancelled <= authorized",
        left=70,
        relation="<=",
        right=100,
        terms={"captured": 60, "cancelled": 10, "authorized": 100},
        holds=True,
    )
    assert equations["net_amount = gross_amount - discounts"].terms == {
        "gross_amount": 120,
        "discounts": 20,
    }
    assert equations["reversed <= payable"].terms == {"reversed": 100, "payable": 100}
    due = next(each for each in found.order if each.name == "payment_details.amount_due")
    assert (due.left, due.right) == (80, 80)
    assert due.terms == {
        "net": 40,
        "authorized": 80,
        "captured": -40,
        "refunded": 20,
        "cancelled": 50,
    }


TAMPERED: dict[str, Callable[[Order], Order]] = {
    "a total": lambda order: replace(order, net_amount=33),
    "the gross amount": lambda order: replace(order, gross_amount=0),
    "the discount": lambda order: replace(order, total_discount=1),
    "the price of a line": lambda order: with_line(order, net_amount=99),
    "a line and the total": lambda order: replace(
        with_line(order, gross_amount=130), gross_amount=42
    ),
    "a tax to pay": lambda order: replace(
        order, items=(*order.items[:2], replace(order.items[2], tax_lines=()))
    ),
    "an authorization": lambda order: with_amount(order, "authorizations", 60),
    "a capture": lambda order: with_amount(order, "captures", 99),
    "a refund": lambda order: with_amount(order, "refunds", 61),
    "a cancellation": lambda order: with_amount(order, "cancellations", 60),
    "a sum": lambda order: with_first(order, "captures", amount=61),
    "a success": lambda order: replace(
        order,
        captures=(order.captures[0], replace(order.captures[1], success=True), order.captures[2]),
    ),
    "a failure": lambda order: with_first(order, "refunds", success=False),
    "a vanished operation": lambda order: replace(order, refunds=()),
    "an operation twice": lambda order: replace(order, refunds=order.refunds * 2),
    "the line of an operation": lambda order: with_amount(order, "captures", 60, line_id=3),
    "a line that is not there": lambda order: with_amount(order, "captures", 60, line_id=9),
    "a sign": lambda order: with_amount(order, "captures", -60),
    "a zero": lambda order: with_amount(order, "captures", 0),
    "an authorization's name": lambda order: with_first(
        order, "captures", authorization_id="nobody"
    ),
    "what is due": lambda order: with_details(order, amount_due=79),
    "what is left to refund": lambda order: with_details(order, remaining_refund_amount=0),
    "all details": lambda order: replace(order, payment_details=None),
    "the status": lambda order: replace(order, payment_status="refunded"),
    "a reversal": lambda order: replace(
        order,
        items=(order.items[0], replace(order.items[1], net_amount=-101), order.items[2]),
    ),
    "a reversal twice": lambda order: replace(
        order, items=(*order.items, replace(order.items[1], line_id=4))
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_no_altered_document_is_proved(name: str) -> None:
    """Whatever amount, sign, line or name is altered, some equation does not hold."""
    assert broken(TAMPERED[name](a_paid_order()))


def test_consistent_lies_meet_the_inequalities() -> None:
    """Whoever alters an amount and all that is computed from it still meets A, C, X, R and N."""
    order = after(an_order(), "A100 C60 R20")
    lie = with_details(
        with_amount(order, "captures", 110),
        remaining_capture_amount=-10,
        remaining_cancellation_amount=-10,
        remaining_refund_amount=90,
        amount_due=-10,
    )
    assert broken(lie) == ["line: captured + cancelled <= authorized"]


def test_each_authorization_is_proved_by_itself() -> None:
    """Captures that fit their line and not the authorization that they name are found."""
    order = after(an_order(lines(100), multiple_authorizations=True), "A50 A50")
    order = done(order, "C", {1: 50}, authorization_id="A1")
    order = done(order, "C", {1: 50}, authorization_id="A2")
    assert broken(order) == []
    both = tuple(replace(each, authorization_id="A1") for each in order.captures)
    assert broken(replace(order, captures=both)) == ["line 1: captured + cancelled <= authorized"]


def test_the_equations_of_an_authorization_name_its_lines() -> None:
    """One authorization over two lines."""
    order = done(an_order(lines(100, 50)), "A", {1: 100, 2: 50})
    (of_one,) = proof(order).authorizations
    assert {equation.name.split(":")[0] for equation in of_one.equations} == {"line 1", "line 2"}


def test_a_proof_of_many_lines_takes_no_time() -> None:
    """Its work grows with the lines, not with their square."""
    order = an_order(lines(*[100] * 2_000))
    order = done(order, "A", dict.fromkeys(range(1, 2_001), 100))
    found = proof(order)
    assert found.holds
    assert len(found.lines) == 2_000
    assert asdict(found)["authorizations"][0].authorization_id == "A1"
