"""What a session asks for: what is left to authorize, and never more."""

import pytest
from msgspec.structs import replace

from ordrebok.money import AMOUNT_LIMIT
from ordrebok.orders.rules import cancel, close
from ordrebok.payments.sessions import open_session, same_session
from ordrebok.refusals import Refusal
from ordrebok.wire.order import Order
from ordrebok.wire.payment import SessionBody, SessionItemBody, SessionUrl
from tests.support.builders import (
    ACTOR,
    LATER,
    NOW,
    a_body,
    accepted,
    an_order,
    fault_codes,
    lines,
)
from tests.unit.payment_steps import after

URL = "https://orders.test/sessions/S1"


def asking(*items: tuple[str, int | None], **fields: object) -> SessionBody:
    """Return a request for a session, from line_id and amount of each item."""
    body = SessionBody(
        items=tuple(SessionItemBody(line_id=line_id, amount=amount) for line_id, amount in items),
        profile_id="default",
        url=SessionUrl(return_url="https://shop.test/back"),
    )
    return replace(body, **fields)


def tried(order: Order, *items: tuple[str, int | None]) -> Order | Refusal:
    """Try to open a session."""
    return open_session(order, asking(*items), "S1", ACTOR, LATER, URL)


def amounts(order: Order) -> list[tuple[str, int]]:
    """Return what the newest session asks for."""
    return [(item.line_id, item.amount) for item in order.sessions[-1].items]


def test_a_line_without_an_amount_asks_for_all_that_is_left() -> None:
    """Of each line for itself, a reversed one with its sign."""
    order = an_order([a_body(100, 1), a_body(-40, 2), a_body(30, 3)])
    order = accepted(tried(after(order, "A100 X25"), ("1", None), ("2", None), ("3", 10)))
    assert amounts(order) == [("1", 25), ("2", -40), ("3", 10)]
    assert order.sessions[0].amount == -5


def test_what_is_recorded() -> None:
    """The session with its address, and the order's next version with nothing paid yet."""
    order = an_order()
    body = asking(("1", 60), metadata={"table": 4}, processed_at=None)
    changed = accepted(open_session(order, body, "S1", ACTOR, LATER, URL))
    (session,) = changed.sessions
    assert (session.id, session.url, session.profile_id) == ("S1", URL, "default")
    assert (session.created_by, session.created_at) == (ACTOR, LATER.text)
    assert session.metadata == {"table": 4}
    assert session.links is not None
    assert [(link.href, link.rel) for link in session.links] == [(URL, "session_link")]
    assert (changed.version, changed.updated_at) == (order.version + 1, LATER.text)
    assert changed.payment_details == order.payment_details


def test_a_session_leaves_what_is_left_as_it_is() -> None:
    """Asking for money is not getting it: the next session may ask for the same."""
    order = accepted(tried(an_order(), ("1", None)))
    assert amounts(accepted(tried(order, ("1", None)))) == [("1", 100)]


@pytest.mark.parametrize(
    ("items", "code", "codes"),
    [
        ([("1", 0)], "INVALID_AMOUNTS", ["ZERO_AMOUNT"]),
        ([("1", None), ("1", 5)], "INVALID_AMOUNTS", ["LINE_TWICE"]),
        ([("7", None), ("01", 5)], "NOT FOUND", ["LINE_NOT_FOUND", "LINE_NOT_FOUND"]),
        ([("1", -5)], "AMOUNT_SIGN", ["AMOUNT_SIGN"]),
        ([("2", 5)], "AMOUNT_SIGN", ["AMOUNT_SIGN"]),
        ([("1", 101)], "AUTHORIZATION_EXCEEDS_LINE", ["AUTHORIZATION_EXCEEDS_LINE"]),
        ([("3", None)], "AUTHORIZATION_EXCEEDS_LINE", ["AUTHORIZATION_EXCEEDS_LINE"]),
        (
            [("1", 101), ("2", -101), ("3", 1)],
            "AUTHORIZATION_EXCEEDS_LINE",
            ["AUTHORIZATION_EXCEEDS_LINE"] * 3,
        ),
    ],
)
def test_what_a_session_may_not_ask_for(
    items: list[tuple[str, int | None]], code: str, codes: list[str]
) -> None:
    """Everything that is wrong, at once."""
    order = after(an_order([a_body(100, 1), a_body(-100, 2), a_body(50, 3)]), "A50/3")
    refusal = tried(order, *items)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert fault_codes(refusal) == codes


@pytest.mark.parametrize(
    ("item", "message", "description", "data"),
    [
        (
            ("1", 101),
            "line 1: 101 asked, 100 left to authorize",
            "no amount, or one from 1 to 100",
            {"line_id": 1, "requested": 101, "remaining": 100},
        ),
        (
            ("2", -101),
            "line 2: -101 asked, -100 left to authorize",
            "no amount, or one from -100 to -1",
            {"line_id": 2, "requested": -101, "remaining": -100},
        ),
        (
            ("3", None),
            "line 3: all asked, 0 left to authorize",
            "nothing: all of the line is authorized",
            {"line_id": 3, "remaining": 0},
        ),
    ],
)
def test_a_refusal_names_line_and_numbers(
    item: tuple[str, int | None], message: str, description: str, data: dict[str, object]
) -> None:
    """Which line, what was asked, what is left, and what would be accepted."""
    order = after(an_order([a_body(100, 1), a_body(-100, 2), a_body(50, 3)]), "A50/3")
    refusal = tried(order, item)
    assert isinstance(refusal, Refusal)
    (fault,) = refusal.faults
    assert (fault.message, fault.description, fault.data) == (message, description, data)
    assert fault.path == ("items", 0, "amount")


@pytest.mark.parametrize("status", ["closed", "cancelled"])
def test_only_an_open_order_is_paid(status: str) -> None:
    """The others say why not."""
    change = close(an_order(), ACTOR, NOW)
    if status == "cancelled":
        change = cancel(an_order(), "other", ACTOR, NOW)
    refusal = tried(accepted(change), ("1", None))
    assert isinstance(refusal, Refusal)
    assert refusal.code == f"ORDER_{status.upper()}"


def test_a_session_whose_sum_cannot_be_kept_is_refused() -> None:
    """Its lines fit one by one, and together they pass the largest exact amount."""
    most = AMOUNT_LIMIT
    order = an_order([a_body(most, 1), a_body(-most, 2), a_body(most, 3)])
    refusal = tried(order, ("1", None), ("3", None))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "AMOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    ("body", "same"),
    [
        (asking(("1", None), ("2", 5)), True),
        (asking(("1", 100), ("2", 5)), True),
        (asking(("1", 99), ("2", 5)), False),
        (asking(("2", 5), ("1", None)), False),
        (asking(("1", None)), False),
        (asking(("1", None), ("2", 5), ("2", 5)), False),
        (asking(("1", None), ("2", 5), profile_id="other"), False),
        (asking(("1", None), ("2", 5), metadata={}), False),
    ],
)
def test_the_same_content_is_the_same_session(body: SessionBody, *, same: bool) -> None:
    """An amount that was left out then may be left out again, or given as it came to be."""
    order = accepted(tried(an_order(lines(100, 50)), ("1", None), ("2", 5)))
    assert same_session(order.sessions[0], body) is same
