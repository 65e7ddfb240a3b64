"""What may be recorded: up to what is left, per line and per authorization, and not one more."""

import pytest
from msgspec.structs import replace

from ordrebok.money import AMOUNT_LIMIT
from ordrebok.orders.rules import cancel, close, reopen
from ordrebok.payments.recording import record, same_operation
from ordrebok.refusals import Refusal
from ordrebok.wire.order import Order
from ordrebok.wire.payment import OperationItemBody
from tests.support.builders import (
    ACTOR,
    LATER,
    NOW,
    a_body,
    a_tax,
    accepted,
    an_order,
    fault_codes,
    lines,
)
from tests.unit.payment_steps import after, body, done, named, refused, tried

TOO_MUCH = {
    "A": "AUTHORIZATION_EXCEEDS_LINE",
    "C": "CAPTURE_EXCEEDS_AUTHORIZATION",
    "X": "CANCELLATION_EXCEEDS_AUTHORIZATION",
    "R": "REFUND_EXCEEDS_CAPTURE",
}

LEFT_AFTER = [
    # steps, then what is left to authorize, capture, cancel and refund
    ("", 100, 0, 0, 0),
    ("A100", 0, 100, 100, 0),
    ("A100 C40", 0, 60, 60, 40),
    ("A100 X40", 40, 60, 60, 0),
    ("A100 C100", 0, 0, 0, 100),
    ("A100 X100", 100, 0, 0, 0),
    ("A100 C40 X60", 60, 0, 0, 40),
    ("A100 X60 C40", 60, 0, 0, 40),
    ("A60", 40, 60, 60, 0),
    ("A60 C60", 40, 0, 0, 60),
    ("A100 C100 R30", 0, 0, 0, 70),
    ("A100 C100 R100", 0, 0, 0, 0),
    ("A100 C60 R20 C40", 0, 0, 0, 80),
    ("A100 C30 C30 X30", 30, 10, 10, 60),
    ("A100 X100 A100", 0, 100, 100, 0),
    ("!A100", 100, 0, 0, 0),
    ("A100 !C100", 0, 100, 100, 0),
    ("A100 !X100", 0, 100, 100, 0),
    ("A100 C100 !R100", 0, 0, 0, 100),
]


def open_order(net: int, *, multiple: bool) -> Order:
    """Return an order of one line."""
    return an_order(lines(net), multiple_authorizations=multiple or None)


@pytest.mark.parametrize("multiple", [False, True], ids=["single", "multiple"])
@pytest.mark.parametrize("sign", [1, -1], ids=["line", "reversed line"])
@pytest.mark.parametrize(
    ("steps", "to_authorize", "to_capture", "to_cancel", "to_refund"), LEFT_AFTER
)
def test_all_that_is_left_is_taken_and_not_one_more(
    steps: str,
    to_authorize: int,
    to_capture: int,
    to_cancel: int,
    to_refund: int,
    *,
    sign: int,
    multiple: bool,
) -> None:
    """The three inequalities, at their edges: A - X <= N, C + X <= A, R <= C."""
    order = after(open_order(sign * 100, multiple=multiple), steps)
    live = to_capture > 0 and not multiple
    expected = {"A": 0 if live else to_authorize, "C": to_capture, "X": to_cancel, "R": to_refund}
    for letter, left in expected.items():
        about = {} if letter == "A" else named(order)
        if left:
            done(order, letter, {1: sign * left}, **about)
            done(order, letter, {1: sign * 1}, **about)
        if letter != "A" and multiple and not about:
            continue  # There is no authorization that could be named yet.
        refusal = refused(order, letter, {1: sign * (left + 1)}, **about)
        too_much = "ALREADY_AUTHORIZED" if letter == "A" and live else TOO_MUCH[letter]
        assert refusal.code == too_much
        (fault,) = refusal.faults
        assert fault.data == {
            "line_id": 1,
            "requested": sign * (left + 1),
            "remaining": sign * left,
        }
        assert fault.path == ("items", 0, "amount")
        assert "line 1" in fault.message
        assert str(sign * (left + 1)) in fault.message


@pytest.mark.parametrize(
    ("asked", "description"),
    [
        ({1: 500}, "an amount from 1 to 300"),
        ({2: -500}, "an amount from -300 to -1"),
        ({3: 1}, "nothing, until more of the line is authorized"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(asked: dict[int, int], description: str) -> None:
    """Whoever reads it knows what to send instead."""
    order = an_order([a_body(300, 1), a_body(-300, 2), a_body(300, 3)])
    order = after(order, "A300 A300/2")
    (fault,) = refused(order, "C", asked).faults
    assert fault.description == description


@pytest.mark.parametrize(
    ("steps", "letter", "description"),
    [
        ("A100 C100", "A", "nothing: all of the line is authorized"),
        ("A100 X100", "C", "nothing, until more of the line is authorized"),
        ("A100 X100", "X", "nothing, until more of the line is authorized"),
        ("A100", "R", "nothing, until more of the line is captured"),
    ],
)
def test_a_refusal_where_nothing_is_left_says_what_must_come_first(
    steps: str, letter: str, description: str
) -> None:
    """A zero alone would leave the reader guessing."""
    refusal = refused(after(an_order(), steps), letter, {1: 1})
    assert refusal.faults[0].description == description


def test_every_line_that_asks_for_too_much_is_named() -> None:
    """All at once, each with its own numbers; the lines that fit are not named."""
    order = after(an_order(lines(100, 100, 100)), "A100 A50/2 A10/3")
    refusal = refused(order, "C", {1: 101, 2: 50, 3: 20})
    assert refusal.code == "CAPTURE_EXCEEDS_AUTHORIZATION"
    assert refusal.message == "line 1: 101 asked, 100 left"
    assert [(fault.path[1], fault.data) for fault in refusal.faults] == [
        (0, {"line_id": 1, "requested": 101, "remaining": 100}),
        (2, {"line_id": 3, "requested": 20, "remaining": 10}),
    ]


def test_one_line_that_does_not_fit_refuses_the_whole_operation() -> None:
    """An operation is recorded as it was executed, or not at all."""
    order = after(an_order(lines(100, 100)), "A100 A100/2")
    assert refused(order, "C", {1: 50, 2: 101}).faults[0].data["line_id"] == 2
    assert done(order, "C", {1: 50, 2: 100}).captures[0].amount == 150


# ------------------------------------------------------------------ several authorizations


def test_a_line_has_one_live_authorization() -> None:
    """A second one is refused while something of the first can still be captured."""
    order = after(an_order(), "A60")
    refusal = refused(order, "A", {1: 40})
    assert refusal.code == "ALREADY_AUTHORIZED"
    assert refusal.message == "line 1: 40 asked, but 60 is authorized and still open"
    assert "multiple_authorizations" in refusal.faults[0].description


@pytest.mark.parametrize("steps", ["A60 C60", "A60 X60", "A60 C20 X40", "!A100"])
def test_what_is_used_up_does_not_stand_in_the_way(steps: str) -> None:
    """What payment_details says is left to authorize can be authorized."""
    order = after(an_order(), steps)
    details = order.payment_details
    assert details is not None
    done(order, "A", {1: details.remaining_authorization_amount})


def test_the_live_authorization_of_one_line_leaves_the_others_alone() -> None:
    """One authorization per line, not per order."""
    order = after(an_order(lines(100, 100)), "A60")
    assert fault_codes(refused(order, "A", {1: 10, 2: 101})) == [
        "ALREADY_AUTHORIZED",
        "AUTHORIZATION_EXCEEDS_LINE",
    ]
    done(order, "A", {2: 100})


@pytest.mark.parametrize("letter", ["C", "X", "R"])
def test_with_several_authorizations_one_has_to_be_named(letter: str) -> None:
    """The refusal offers those that there are."""
    order = after(an_order(multiple_authorizations=True), "A30 A30 A40")
    refusal = refused(order, letter, {1: 1})
    assert refusal.code == "AUTHORIZATION_ID_REQUIRED"
    (fault,) = refusal.faults
    assert fault.path == ("authorization_id",)
    assert fault.description.endswith("such as A1, A2, A3")


@pytest.mark.parametrize("multiple", [False, True], ids=["single", "multiple"])
def test_an_authorization_that_is_not_there_is_not_found(*, multiple: bool) -> None:
    """Also where none would have to be named."""
    order = after(open_order(100, multiple=multiple), "A100")
    refusal = refused(order, "C", {1: 1}, authorization_id="A9")
    assert (refusal.code, refusal.message) == ("NOT FOUND", "Authorization A9 not found")
    (fault,) = refusal.faults
    assert (fault.code, fault.path) == ("AUTHORIZATION_NOT_FOUND", ("authorization_id",))
    assert fault.description.endswith("such as A1")


def test_before_any_authorization_there_is_none_to_offer() -> None:
    """The refusal says so."""
    order = an_order(multiple_authorizations=True)
    (fault,) = refused(order, "C", {1: 1}).faults
    assert fault.description.endswith("the order has none yet")


def test_each_authorization_holds_by_itself() -> None:
    """Two of 50: no more than 50 is captured, cancelled or refunded under either."""
    order = after(an_order(multiple_authorizations=True), "A50 A50")
    first, second = {"authorization_id": "A1"}, {"authorization_id": "A2"}
    refusal = refused(order, "C", {1: 51}, **first)
    assert refusal.message == "line 1: 51 asked, 50 left under authorization A1"
    order = done(order, "C", {1: 50}, **first)
    assert refused(order, "C", {1: 1}, **first).faults[0].data["remaining"] == 0
    assert refused(order, "R", {1: 1}, **second).faults[0].data["remaining"] == 0
    order = done(order, "X", {1: 20}, **second)
    assert refused(order, "C", {1: 31}, **second).faults[0].data["remaining"] == 30
    order = done(order, "C", {1: 30}, **second)
    assert refused(order, "R", {1: 51}, **first).faults[0].data["remaining"] == 50
    done(order, "R", {1: 50}, **first)
    done(order, "R", {1: 30}, **second)


def test_an_authorization_holds_nothing_of_other_lines() -> None:
    """What is authorized on line 1 is not captured from line 2 in its name."""
    order = after(an_order(lines(100, 100), multiple_authorizations=True), "A100 A100/2")
    refusal = refused(order, "C", {2: 10}, authorization_id="A1")
    assert refusal.faults[0].data == {"line_id": 2, "requested": 10, "remaining": 0}


def test_nothing_is_taken_under_an_authorization_that_failed() -> None:
    """It is there and can be named, and holds nothing."""
    order = after(an_order(multiple_authorizations=True), "A50 !A50")
    assert refused(order, "C", {1: 1}, authorization_id="A2").faults[0].data["remaining"] == 0
    done(order, "C", {1: 1}, authorization_id="A1")


def test_naming_is_allowed_where_it_is_not_needed() -> None:
    """The name is kept, and holds."""
    order = after(an_order(), "A60 X60 A100")
    order = done(order, "C", {1: 40}, authorization_id="A3")
    assert order.captures[0].authorization_id == "A3"
    assert refused(order, "C", {1: 1}, authorization_id="A1").faults[0].data["remaining"] == 0


def test_a_name_on_an_authorization_itself_means_nothing() -> None:
    """Only what follows it can name one."""
    order = done(an_order(), "A", {1: 100}, authorization_id="nobody")
    done(order, "C", {1: 100})


# -------------------------------------------------------------------------------- the items


@pytest.mark.parametrize("letter", ["A", "C", "X", "R"])
@pytest.mark.parametrize("success", [True, False])
@pytest.mark.parametrize(
    ("items", "refused_as", "codes"),
    [
        ({1: 0}, "INVALID_AMOUNTS", ["ZERO_AMOUNT"]),
        ({9: 1}, "NOT FOUND", ["LINE_NOT_FOUND"]),
        ({1: -1}, "AMOUNT_SIGN", ["AMOUNT_SIGN"]),
        ({2: 1}, "AMOUNT_SIGN", ["AMOUNT_SIGN"]),
        ({9: 0}, "INVALID_AMOUNTS", ["LINE_NOT_FOUND", "ZERO_AMOUNT"]),
        ({1: -1, 9: 5, 2: 0}, "INVALID_AMOUNTS", ["AMOUNT_SIGN", "LINE_NOT_FOUND", "ZERO_AMOUNT"]),
        ({1: -1, 9: 5}, "NOT FOUND", ["AMOUNT_SIGN", "LINE_NOT_FOUND"]),
    ],
)
def test_items_that_make_no_sense_are_refused_all_at_once(
    letter: str, items: dict[int, int], refused_as: str, codes: list[str], *, success: bool
) -> None:
    """Also of an attempt that failed: it was an attempt at lines of this order."""
    order = after(an_order([a_body(100, 1), a_body(-100, 2)]), "A100 A100/2 C50 C50/2")
    refusal = refused(order, letter, items, success=success)
    assert refusal.code == refused_as
    assert fault_codes(refusal) == codes
    assert {fault.data["line_id"] for fault in refusal.faults} <= items.keys()


def test_a_line_stands_once_in_an_operation() -> None:
    """Two amounts for one line would hide what was asked."""
    twice = (OperationItemBody(line_id=1, amount=10), OperationItemBody(line_id=1, amount=20))
    asked = replace(body({}), items=twice)
    refusal = record(an_order(), "authorizations", asked, "A1", ACTOR, NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, fault_codes(refusal)) == ("INVALID_AMOUNTS", ["LINE_TWICE"])
    assert refusal.faults[0].path == ("items", 1, "line_id")


def test_a_sign_is_told_with_the_line_that_it_contradicts() -> None:
    """A reversed line is authorized and captured with a negative amount."""
    order = an_order([a_body(100, 1), a_body(-100, 2)])
    assert refused(order, "A", {2: 100}).message == "line 2 is -100, the amount 100"
    done(order, "A", {2: -100})


def test_a_line_that_costs_nothing_takes_nothing() -> None:
    """Zero is the most that it can be authorized for, and zero is refused."""
    order = an_order([a_body(100, 1, discounts=[100])])
    for amount in (1, -1):
        assert refused(order, "A", {1: amount}).code == "AUTHORIZATION_EXCEEDS_LINE"


def test_taxes_outside_the_price_are_authorized_too() -> None:
    """N is what the customer pays."""
    order = an_order([a_body(1_000, 1, taxes=[a_tax(25, included_in_price=False)])])
    done(order, "A", {1: 1_250})
    assert refused(order, "A", {1: 1_251}).faults[0].data["remaining"] == 1_250


def test_discounts_are_not_authorized() -> None:
    """N is the net amount, not the gross amount."""
    order = an_order([a_body(1_000, 1, discounts=[100])])
    assert refused(order, "A", {1: 901}).faults[0].data["remaining"] == 900


def test_an_operation_whose_sum_cannot_be_kept_is_refused() -> None:
    """Its lines fit one by one, and together they pass the largest exact amount."""
    most = AMOUNT_LIMIT
    order = an_order([a_body(most, 1), a_body(-most, 2), a_body(most, 3)])
    refusal = refused(order, "A", {1: most, 3: 1})
    assert (refusal.code, refusal.message) == (
        "AMOUNT_TOO_LARGE",
        f"The amounts sum to {most + 1}",
    )
    assert done(order, "A", {1: most, 2: -most, 3: most}).authorizations[0].amount == most


# ------------------------------------------------------------------------------- the status


@pytest.mark.parametrize(
    ("status", "letter", "code"),
    [
        ("closed", "A", "ORDER_CLOSED"),
        ("closed", "C", "ORDER_CLOSED"),
        ("closed", "X", "ORDER_CLOSED"),
        ("closed", "R", None),
        ("cancelled", "A", "ORDER_CANCELLED"),
        ("cancelled", "C", "ORDER_CANCELLED"),
        ("cancelled", "X", None),
        ("cancelled", "R", "ORDER_CANCELLED"),
    ],
)
@pytest.mark.parametrize("success", [True, False])
def test_what_a_closed_and_a_cancelled_order_take(
    status: str, letter: str, code: str | None, *, success: bool
) -> None:
    """A closed one refunds, a cancelled one cancels what is still authorized, and no more."""
    order = after(an_order(), "A100 C40 R40" if status == "cancelled" else "A100 C40")
    if status == "closed":
        order = accepted(close(order, ACTOR, LATER))
    else:
        order = accepted(cancel(order, "other", ACTOR, LATER))
    if code is None:
        assert done(order, letter, {1: 10}, success=success).status == status
    else:
        refusal = refused(order, letter, {1: 10}, success=success)
        assert refusal.code == code
        assert "takes" in refusal.message


def test_an_order_that_is_open_again_takes_everything() -> None:
    """Closing is no end."""
    order = accepted(close(after(an_order(), "A100"), ACTOR, LATER))
    assert refused(order, "C", {1: 100}).code == "ORDER_CLOSED"
    done(accepted(reopen(order, LATER)), "C", {1: 100})


def test_all_that_is_authorized_can_be_cancelled_on_a_cancelled_order() -> None:
    """Nothing is left to authorize after it, though the line would have room."""
    order = accepted(cancel(after(an_order(), "A100"), "customer", ACTOR, LATER))
    order = done(order, "X", {1: 100})
    details = order.payment_details
    assert details is not None
    assert details.remaining_authorization_amount == details.remaining_cancellation_amount == 0


# -------------------------------------------------------------------------- what is written


def test_what_is_recorded() -> None:
    """The body as it was given, with a name, a time, a sum; and the order's next version."""
    asked = body({1: 60, 2: 40}, metadata={"a": 1}, processed_by="till 7")
    order = an_order(lines(100, 100))
    changed = done(order, "A", {1: 60, 2: 40}, metadata={"a": 1}, processed_by="till 7")
    (operation,) = changed.authorizations
    assert (operation.id, operation.amount, operation.success) == ("A1", 100, True)
    assert (operation.created_by, operation.created_at) == (ACTOR, NOW.plus(1).text)
    assert (operation.metadata, operation.processed_by) == ({"a": 1}, "till 7")
    assert same_operation(operation, asked)
    assert changed.version == order.version + 1
    assert changed.updated_at == NOW.plus(1).text
    assert changed.payment_details is not None
    assert changed.payment_details.remaining_capture_amount == 100


def test_the_time_to_live_runs_on_from_an_operation() -> None:
    """A payment is a change of the order."""
    order = an_order(time_to_live=86_400)
    assert done(order, "A", {1: 1}).time_to_live_expires_at == NOW.plus(86_401).text


def test_operations_stand_in_the_order_in_which_they_came() -> None:
    """The newest is the last of its kind."""
    order = after(an_order(), "A100 C10 C20 !C30 C40")
    assert [operation.amount for operation in order.captures] == [10, 20, 30, 40]
    assert [operation.success for operation in order.captures] == [True, True, False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"items": (OperationItemBody(line_id=1, amount=99),)},
        {"items": (OperationItemBody(line_id=1, amount=100, conversion_rate_ppm=1),)},
        {"success": False},
        {"metadata": {}},
        {"processed_by": "somebody"},
        {"authorization_id": "A1"},
    ],
)
def test_another_content_is_another_operation(change: dict[str, object]) -> None:
    """Under an own id, only the same content again is the same fact."""
    (operation,) = done(an_order(), "A", {1: 100}).authorizations
    assert same_operation(operation, body({1: 100}))
    assert same_operation(operation, body({1: 100}, id="of its own"))
    assert not same_operation(operation, replace(body({1: 100}), **change))


def test_a_refused_operation_changes_nothing() -> None:
    """The order comes back only where something was recorded."""
    order = after(an_order(), "A100")
    before = order
    tried(order, "C", {1: 101})
    assert order == before
