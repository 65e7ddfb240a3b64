"""What may change in an order, and how it closes, opens again and ends."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.decision import Key
from ordrebok.orders import rules
from ordrebok.refusals import Refusal
from ordrebok.wire.item import Dimension, DiscountLine
from ordrebok.wire.order import Order, OrderUpdate
from ordrebok.wire.payment import PaymentDetails
from tests.support.builders import (
    ACCOUNT,
    ACTOR,
    LATER,
    ORDERS_PATH,
    FakeState,
    Json,
    a_body,
    a_tax,
    accepted,
    an_operation,
    an_order,
    done,
    fault_codes,
    lines,
    refused,
)

READ = "aid_orders_id_get"
UPDATE = "aid_orders_id_put"
OPEN = "aid_orders_id_open_post"
CLOSE = "aid_orders_id_close_post"
CANCEL = "aid_orders_id_cancel_post"


def change(given: Json) -> OrderUpdate:
    """Return the change that a JSON body says."""
    return msgspec.convert(given, OrderUpdate)


def updated(order: Order, given: Json) -> Order:
    """Return an order after a change that must be accepted."""
    return accepted(rules.update(order, change(given), LATER))


def not_updated(order: Order, given: Json) -> Refusal:
    """Return the refusal of a change."""
    refusal = rules.update(order, change(given), LATER)
    assert isinstance(refusal, Refusal)
    return refusal


def a_closed_order() -> Order:
    """Return an order that was closed."""
    return accepted(rules.close(an_order(), ACTOR, LATER))


def a_cancelled_order() -> Order:
    """Return an order that was cancelled."""
    return accepted(rules.cancel(an_order(), "customer", ACTOR, LATER))


# -------------------------------------------------------------------- what is not money changes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer", {"id": "c-1"}),
        (
            "shipping_address",
            {"address_line": "Storgata 1", "postal_place": "Oslo", "country": "NO"},
        ),
        (
            "billing_address",
            {"address_line": "Storgata 1", "postal_place": "Oslo", "country": "NO"},
        ),
        ("metadata", {"a": {"b": [1]}}),
        ("comment", "Ring the bell"),
        ("salesperson_id", "s-1"),
        ("salesperson_name", "Kari"),
        ("delivery_at", "2026-12-01T10:00:00Z"),
        ("pickup_at", "2026-12-01T09:30:00Z"),
        ("courier_id", "courier-1"),
        ("delivery_id", "delivery-1"),
        ("pre_order", True),
        ("type", "delivery"),
        ("itinerary", [{"travel_mode": "BUS"}]),
        ("external_ids", [{"id": "e-1", "source": "till"}]),
        ("external_links", [{"text": "Receipt", "href": "https://example.com", "public": True}]),
        ("attachments", [{"id": "a-1"}]),
        ("store", {"id": "SL02"}),
    ],
)
def test_a_property_is_given_replaced_and_cleared(name: str, value: object) -> None:
    """Every property that an update may change, in one round."""
    state = FakeState(an_order())
    assert done(state, UPDATE, {name: value}, order_id="order-1")[name] == value
    assert done(state, UPDATE, {}, order_id="order-1")[name] == value
    assert name not in done(state, UPDATE, {name: None}, order_id="order-1")
    assert state.order().version == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "packed"),
        ("metadata", {"shelf": 7}),
        ("comment", "Fragile"),
        ("description", "Chair for the garden"),
        ("description_alias", "Chair"),
        ("external_id", "SL02-94821948"),
        ("salesperson_id", "s-1"),
        ("salesperson_name", "Kari"),
        ("dimension", {"color": "red"}),
        ("groups", [{"id": "g-1", "name": "Chairs"}]),
        ("original_currency", "SEK"),
        ("original_gross_amount", 41_000),
        ("conversion_rate_ppm", 1_099_000),
        ("conversion_rate_timestamp", "2026-11-20T00:00:00Z"),
        ("conversion_rate_source", "ecb"),
    ],
)
def test_a_property_of_a_line_is_given_replaced_and_cleared(name: str, value: object) -> None:
    """Lines are matched by their number; the others are left alone."""
    state = FakeState(an_order(lines(100, 200)))
    untouched = state.order().items[0]

    def item(given: Json) -> Json:
        """Update the second line and return it as answered."""
        body = {"items": [{"line_id": 2, **given}]}
        found: Json = done(state, UPDATE, body, order_id="order-1")["items"][1]
        return found

    assert item({name: value})[name] == value
    assert item({})[name] == value
    assert name not in item({name: None})
    assert state.order().items[0] == untouched
    assert (state.order().items[1].version, state.order().gross_amount) == (4, 300)


def test_null_clears_and_absence_leaves() -> None:
    """Only what is named changes."""
    order = an_order(comment="stays", salesperson_id="goes", metadata={"a": 1})
    after = updated(order, {"salesperson_id": None, "metadata": {"b": 2}})
    assert (after.comment, after.salesperson_id, after.metadata) == ("stays", None, {"b": 2})


def test_no_amount_changes_by_an_update() -> None:
    """Totals, payments and status are those of before."""
    order = an_order(lines(100), captures=(an_operation(40),))
    after = updated(order, {"comment": "x", "items": [{"line_id": 1, "status": "sent"}]})
    assert after.payment_details == order.payment_details
    assert (after.payment_status, after.net_amount) == (order.payment_status, order.net_amount)
    assert (after.version, after.updated_at, after.created_at) == (2, LATER.text, order.created_at)


def test_the_time_to_live_runs_from_the_last_change() -> None:
    """Any change gives the order its whole time again; without a time it never ends."""
    order = an_order(time_to_live=86_400)
    assert updated(order, {"comment": "x"}).time_to_live_expires_at == LATER.plus(86_400).text
    longer = updated(order, {"time_to_live": 172_800})
    assert longer.time_to_live_expires_at == LATER.plus(172_800).text
    for_ever = updated(order, {"time_to_live": None})
    assert (for_ever.time_to_live, for_ever.time_to_live_expires_at) == (None, None)


# ------------------------------------------------------------------------ what is money does not


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"gross_amount": 101}, "gross_amount"),
        ({"quantity": 3}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"tax_lines": [{"percentage": 15}]}, "tax_lines"),
        ({"tax_lines": [{"amount": 19}]}, "tax_lines"),
        ({"tax_lines": [{"percentage": 25}, {"percentage": 25}]}, "tax_lines"),
        ({"tax_lines": None}, "tax_lines"),
        ({"discount_lines": []}, "discount_lines"),
        ({"discount_lines": None}, "discount_lines"),
        ({"discount_lines": [{"amount": 11}]}, "discount_lines"),
        ({"discount_lines": [{"amount": 10}, {"amount": 0}]}, "discount_lines"),
    ],
)
def test_a_changed_amount_needs_a_draft(given: Json, expected: str) -> None:
    """The refusal names the line and what differs in it."""
    order = an_order([a_body(100, 7, quantity=2, discounts=(10,))])
    refusal = not_updated(order, {"items": [{"line_id": 7, "status": "sent", **given}]})
    assert (refusal.code, refusal.status) == ("USE_A_DRAFT", 409)
    assert [(fault.path, fault.data) for fault in refusal.faults] == [
        (("items", 0, expected), {"line_id": 7})
    ]


def test_every_changed_amount_is_listed() -> None:
    """Not only the first."""
    order = an_order(lines(100, 200))
    changes = [{"line_id": 1, "gross_amount": 1, "quantity": 9}, {"line_id": 2, "gross_amount": 1}]
    refusal = not_updated(order, {"items": changes})
    assert [fault.path for fault in refusal.faults] == [
        ("items", 0, "gross_amount"),
        ("items", 0, "quantity"),
        ("items", 1, "gross_amount"),
    ]


def test_what_was_read_may_be_sent_back() -> None:
    """Amounts that say what the order holds are no change."""
    order = an_order([a_body(100, 1, quantity=2, discounts=(10,), taxes=[a_tax(12.5)])])
    state = FakeState(order)
    read = done(state, READ, order_id="order-1")
    after = done(state, UPDATE, read, order_id="order-1")
    assert after["version"] == 2
    for one in (read, after):
        for name in ("version", "updated_at", "events"):
            del one[name]
        del one["items"][0]["version"]
    assert after == read


def test_a_number_in_another_spelling_is_no_change() -> None:
    """Two and 2.0 are one quantity."""
    order = an_order([a_body(100, 1, quantity=2)])
    assert updated(order, {"items": [{"line_id": 1, "quantity": 2.0}]}).version == 2


def test_of_a_discount_only_the_subtype_may_change() -> None:
    """What is not given of it stays."""
    line = DiscountLine(amount=10, discount_id="d-1", discount_subtype="regulars")
    order = an_order([a_body(100, 1, discount_lines=(line, line))])
    given = [{}, {"amount": 10, "discount_subtype": "staff"}]
    after = updated(order, {"items": [{"line_id": 1, "discount_lines": given}]})
    assert after.items[0].discount_lines == (line, replace(line, discount_subtype="staff"))
    assert after.net_amount == order.net_amount


def test_a_line_that_is_not_there_is_not_found() -> None:
    """Every such line is named, and none of the others is changed."""
    refusal = not_updated(an_order(lines(1)), {"items": [{"line_id": 1}, {"line_id": 8}]})
    assert (refusal.code, refusal.status) == ("NOT FOUND", 404)
    assert [(fault.path, fault.data) for fault in refusal.faults] == [
        (("items", 1, "line_id"), {"line_id": 8})
    ]


# ------------------------------------------------------------------------ closed and cancelled


@pytest.mark.parametrize(
    ("order", "code"),
    [(a_closed_order(), "ORDER_CLOSED"), (a_cancelled_order(), "ORDER_CANCELLED")],
)
def test_an_order_that_is_not_open_takes_only_metadata(order: Order, code: str) -> None:
    """The refusal lists every property that is fixed."""
    assert updated(order, {"metadata": {"a": 1}}).metadata == {"a": 1}
    given = {"metadata": {"a": 1}, "comment": "x", "items": [{"line_id": 1, "status": "sent"}]}
    refusal = not_updated(order, given)
    assert (refusal.code, refusal.status) == (code, 409)
    assert [fault.path for fault in refusal.faults] == [("comment",), ("items",)]


def test_closing_says_who_and_when() -> None:
    """And opening again takes both away."""
    closed = a_closed_order()
    assert (closed.status, closed.closed_by, closed.closed_at) == ("closed", ACTOR, LATER.text)
    again = accepted(rules.reopen(closed, LATER.plus(1)))
    assert (again.status, again.closed_by, again.closed_at) == ("open", None, None)
    assert [closed.version, again.version] == [2, 3]


def test_closing_and_opening_twice_changes_nothing() -> None:
    """The order that is there already comes back as it is."""
    order, closed = an_order(), a_closed_order()
    assert rules.reopen(order, LATER) is order
    assert rules.close(closed, "someone else", LATER.plus(1)) is closed


def test_a_cancelled_order_is_neither_opened_nor_closed() -> None:
    """Its end is final."""
    for refusal in (
        rules.reopen(a_cancelled_order(), LATER),
        rules.close(a_cancelled_order(), ACTOR, LATER),
    ):
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == ("ORDER_CANCELLED", 409)


def test_cancelling_says_who_when_and_why() -> None:
    """Nothing more is due, and nothing more can be authorized."""
    order = an_order(lines(100), authorizations=(an_operation(60),))
    gone = accepted(rules.cancel(order, "declined", ACTOR, LATER))
    assert (gone.status, gone.cancelled_by, gone.cancelled_at) == ("cancelled", ACTOR, LATER.text)
    assert (gone.cancelled_reason, gone.version) == ("declined", 2)
    assert gone.payment_details == PaymentDetails(
        remaining_authorization_amount=0,
        remaining_capture_amount=60,
        remaining_cancellation_amount=60,
        remaining_refund_amount=0,
        amount_due=0,
    )
    assert rules.cancel(gone, "customer", ACTOR, LATER.plus(1)) is gone


def test_an_order_that_holds_money_is_not_cancelled() -> None:
    """The refusal says how much has to be refunded first."""
    order = an_order(lines(100), captures=(an_operation(100),), refunds=(an_operation(70),))
    refusal = rules.cancel(order, "other", ACTOR, LATER)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == ("ORDER_HAS_PAYMENTS", 409)
    assert refusal.data == {"captured": 100, "refunded": 70, "remaining": 30}


@pytest.mark.parametrize(
    "paid",
    [
        {},
        {"authorizations": (an_operation(100),)},
        {"captures": (an_operation(100, success=False),)},
        {"captures": (an_operation(100),), "refunds": (an_operation(100),)},
    ],
)
def test_an_order_that_holds_no_money_is_cancelled(paid: Json) -> None:
    """Authorized is not captured, failed is nothing, and refunded is given back."""
    order = an_order(lines(100), **paid)
    assert accepted(rules.cancel(order, "other", ACTOR, LATER)).status == "cancelled"


def test_a_closed_order_is_opened_before_it_is_cancelled() -> None:
    """It was done with; cancelling it says otherwise."""
    refusal = rules.cancel(a_closed_order(), "other", ACTOR, LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ORDER_CLOSED"


# ---------------------------------------------------------------------------------- the calls


def test_each_change_adds_one_event() -> None:
    """With the request that made it; a change that changes nothing adds none."""
    state = FakeState(an_order())
    done(state, CLOSE, order_id="order-1")
    done(state, CLOSE, order_id="order-1")
    done(state, OPEN, order_id="order-1")
    answer = done(state, CANCEL, {"cancelled_reason": "customer"}, order_id="order-1")
    closed, opened, cancelled = answer["events"]
    assert [event["version"] for event in (closed, opened, cancelled)] == [2, 3, 4]
    assert opened["request"]["path"] == f"{ORDERS_PATH}/order-1/open"
    assert json.loads(cancelled["request"]["body"]) == {"cancelled_reason": "customer"}
    assert (answer["cancelled_reason"], answer["state"]) == ("customer", "pending")


def test_cancelling_needs_no_reason() -> None:
    """Without one it is something else than the customer or a declined payment."""
    state = FakeState(an_order())
    assert done(state, CANCEL, order_id="order-1")["cancelled_reason"] == "other"


@pytest.mark.parametrize(
    ("order", "row_id", "body", "expected"),
    [
        (a_cancelled_order(), OPEN, None, "ORDER_CANCELLED"),
        (a_cancelled_order(), CLOSE, None, "ORDER_CANCELLED"),
        (a_closed_order(), CANCEL, None, "ORDER_CLOSED"),
        (an_order(captures=(an_operation(1),)), CANCEL, None, "ORDER_HAS_PAYMENTS"),
        (a_closed_order(), UPDATE, {"comment": "x"}, "ORDER_CLOSED"),
        (a_cancelled_order(), UPDATE, {"comment": "x"}, "ORDER_CANCELLED"),
        (an_order(), UPDATE, {"items": [{"line_id": 9}]}, "NOT FOUND"),
        (an_order(), UPDATE, {"items": [{"line_id": 1, "gross_amount": 1}]}, "USE_A_DRAFT"),
    ],
)
def test_a_refused_change_is_listed_by_its_row_and_writes_nothing(
    order: Order, row_id: str, body: Json | None, expected: str
) -> None:
    """The order stands as before."""
    state = FakeState(order)
    assert refused(state, row_id, body, order_id="order-1").code == expected
    assert (state.order(), state.log) == (order, {})


@pytest.mark.parametrize(
    ("row_id", "body"), [(READ, None), (UPDATE, {}), (OPEN, None), (CLOSE, None), (CANCEL, None)]
)
def test_an_order_that_is_not_there_is_not_found(row_id: str, body: Json | None) -> None:
    """Whatever is asked of it."""
    refusal = refused(FakeState(), row_id, body, order_id="nowhere")
    assert (refusal.code, fault_codes(refusal)) == ("NOT FOUND", [])


@pytest.mark.parametrize("row", [(UPDATE, {}), (OPEN, None), (CLOSE, None), (CANCEL, None)])
def test_a_change_of_a_stale_version_is_refused(row: tuple[str, Json | None]) -> None:
    """The refusal tells the current version."""
    state = FakeState(replace(an_order(), version=5))
    refusal = refused(state, *row, if_match='"4"', order_id="order-1")
    assert (refusal.code, refusal.data) == ("STALE_VERSION", {"version": 5})


def test_an_order_shows_its_events_unless_told_not_to() -> None:
    """And with them the state they combine to."""
    state = FakeState(an_order())
    answer = done(state, UPDATE, {"comment": "x"}, order_id="order-1")
    assert (len(answer["events"]), answer["state"]) == (1, "pending")
    assert done(state, READ, order_id="order-1") == answer
    for row_id, body in ((READ, None), (UPDATE, {"comment": "y"})):
        quiet = done(state, row_id, body, query={"include_events": ["false"]}, order_id="order-1")
        assert {"events", "state"}.isdisjoint(quiet)
    assert len(state.log[Key(ACCOUNT, "order", "order-1")]) == 2


def test_a_line_keeps_what_an_update_does_not_name() -> None:
    """Replacing one property of a line leaves its money and relations alone."""
    body = a_body(100, 1, dimension=Dimension(color="red"), store="A", quantity=2.5)
    order = an_order([body])
    after = updated(order, {"items": [{"line_id": 1, "status": "sent"}]})
    assert after.items == (replace(order.items[0], status="sent", version=2),)
