"""Events: how they are written, which of them are shown, and the state they combine to."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.decision import Key
from ordrebok.events.rules import (
    chosen,
    combined_state,
    find,
    wanted,
    with_events,
    without_requests,
)
from ordrebok.orders.rules import cancel, close
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event, EventRequest
from ordrebok.wire.order import Order
from tests.support.builders import (
    ACCOUNT,
    ACTOR,
    LATER,
    NOW,
    ORDERS_PATH,
    FakeState,
    Json,
    accepted,
    an_order,
    done,
    refused,
)

REPORT = "aid_orders_id_events_post"
LIST = "aid_orders_id_events_get"
UPDATE = "aid_orders_id_put"

READY = {"service": "kitchen", "service_status": "ready_for_pickup"}

API = encode(Event(id="api", created_at=NOW.text, event_type="api-event"))


def report(service: str, state: str) -> bytes:
    """Return the stored event of a service's report."""
    event = {"id": f"{service}-{state}", "created_at": NOW.text, "service": service}
    return encode({**event, "state": state, "event_type": "service-event"})


# ------------------------------------------------------------------------------ combined state


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], "pending"),
        ([("a", "success")], "success"),
        ([("a", "pending")], "pending"),
        ([("a", "failure")], "failure"),
        ([("a", "error")], "failure"),
        ([("a", "pending"), ("a", "success")], "success"),
        ([("a", "success"), ("a", "pending")], "pending"),
        ([("a", "success"), ("b", "success")], "success"),
        ([("a", "success"), ("b", "pending")], "pending"),
        ([("a", "pending"), ("b", "success")], "pending"),
        ([("a", "failure"), ("a", "success")], "failure"),
        ([("a", "success"), ("b", "error"), ("b", "success")], "failure"),
        ([("a", "pending"), ("b", "failure")], "failure"),
        ([("a", "pending"), ("b", "pending"), ("a", "success"), ("b", "success")], "success"),
    ],
)
def test_the_state_of_all_services_combines(reports: list[tuple[str, str]], expected: str) -> None:
    """The latest report of each service counts, and a failure is never forgotten."""
    events = [report(service, state) for service, state in reports]
    assert combined_state(events) == expected
    assert combined_state([API, *events, API]) == expected


def test_changes_through_the_api_report_no_state() -> None:
    """They say what happened to the order, not how a service fares."""
    assert combined_state([API, API]) == "pending"


# ------------------------------------------------------------------------------ include_events


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ([], ["api", "kitchen-success"]),
        (["true"], ["api", "kitchen-success"]),
        (["api-event"], ["api"]),
        (["service-event"], ["kitchen-success"]),
        (["api-event", "service-event"], ["api", "kitchen-success"]),
        (["false", "true"], ["api", "kitchen-success"]),
        (["false", "service-event"], ["kitchen-success"]),
        (["false"], []),
    ],
)
def test_the_events_that_are_asked_for_are_shown(choice: list[str], expected: list[str]) -> None:
    """In their order; absent means all of them."""
    events = [API, report("kitchen", "success")]
    assert [json.loads(raw)["id"] for raw in chosen(events, choice)] == expected


@pytest.mark.parametrize(
    ("choice", "default", "expected"),
    [
        ((), True, True),
        ((), False, False),
        (("true",), False, True),
        (("false",), True, False),
        (("api-event",), False, True),
        (("false", "api-event"), False, True),
        (("false", "false"), True, False),
    ],
)
def test_single_orders_show_events_and_lists_do_not_unless_asked(
    choice: tuple[str, ...], *, default: bool, expected: bool
) -> None:
    """What is asked for wins over the default of the call."""
    assert wanted(choice, default=default) is expected


def test_the_state_is_that_of_all_events_whichever_are_shown() -> None:
    """Choosing what to see does not change what is so."""
    events = [API, report("kitchen", "success")]
    answer = json.loads(with_events(b'{"a":1}', events, ["api-event"], state=True))
    assert (answer["a"], answer["state"], len(answer["events"])) == (1, "success", 1)
    assert json.loads(with_events(b'{"a":1}', [], [])) == {"a": 1, "events": []}


# ------------------------------------------------------------------------------------- reports


def test_a_service_reports_about_an_order() -> None:
    """The answer is the event; the order is a version further."""
    state = FakeState(an_order(), now=LATER)
    body = {**READY, "description": "food prepared", "metadata": {"shelf": {"number": 7}}}
    answer = done(state, REPORT, body, order_id="order-1")
    assert answer == {
        "id": "id-1",
        "created_at": LATER.text,
        "created_by": ACTOR,
        "version": 2,
        "event_type": "service-event",
        "state": "success",
        "service": "kitchen",
        "service_status": "ready_for_pickup",
        "description": "food prepared",
        "metadata": {"shelf": {"number": 7}},
        "_links": [{"href": f"{ORDERS_PATH}/order-1", "rel": "order"}],
    }
    assert (state.order().version, state.order().updated_at) == (2, LATER.text)


def test_a_report_changes_nothing_but_version_and_time() -> None:
    """Lines, money and status are those of before."""
    order = an_order(time_to_live=86_400)
    state = FakeState(order, now=LATER)
    done(state, REPORT, READY, order_id="order-1")
    expires = LATER.plus(86_400).text
    assert state.order() == replace(
        order, version=2, updated_at=LATER.text, time_to_live_expires_at=expires
    )


@pytest.mark.parametrize(
    "order",
    [
        an_order(),
        accepted(close(an_order(), ACTOR, NOW)),
        accepted(cancel(an_order(), "other", ACTOR, NOW)),
    ],
)
def test_a_report_is_taken_in_every_status_of_the_order(order: Order) -> None:
    """Food can be ready after the order is closed."""
    state = FakeState(order)
    assert done(state, REPORT, READY, order_id="order-1")["state"] == "success"
    assert state.order().status == order.status


def test_the_same_report_under_an_own_id_is_one_event() -> None:
    """A service that is not sure whether it was heard may say it again."""
    state, body = FakeState(an_order()), {**READY, "id": "e-1", "metadata": {"a": 1}}
    first = done(state, REPORT, body, order_id="order-1")
    done(state, REPORT, READY, order_id="order-1")
    assert done(state, REPORT, body, order_id="order-1") == first
    assert (first["id"], state.order().version) == ("e-1", 3)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "failure"},
        {"service": "courier"},
        {"service_status": "cold"},
        {"description": "x"},
        {"metadata": {"a": 2}},
    ],
)
def test_another_report_under_a_taken_id_is_refused(change: Json) -> None:
    """Every part of what it says counts."""
    state, body = FakeState(an_order()), {**READY, "id": "e-1", "metadata": {"a": 1}}
    done(state, REPORT, body, order_id="order-1")
    refusal = refused(state, REPORT, {**body, **change}, order_id="order-1")
    assert (refusal.code, refusal.status, refusal.data) == ("ID_TAKEN", 409, {"id": "e-1"})
    assert state.order().version == 2


def test_an_id_of_the_servers_own_events_is_taken_too() -> None:
    """An event is found by its id, whichever kind it is."""
    state = FakeState(an_order())
    event = done(state, UPDATE, {"comment": "x"}, order_id="order-1")["events"][0]
    body = {**READY, "id": event["id"]}
    assert refused(state, REPORT, body, order_id="order-1").code == "ID_TAKEN"


def test_a_report_about_an_order_that_is_not_there_is_refused() -> None:
    """There is nothing to report about."""
    assert refused(FakeState(), REPORT, READY, order_id="nowhere").code == "NOT FOUND"
    assert refused(FakeState(), LIST, order_id="nowhere").code == "NOT FOUND"


def test_all_events_of_an_order_are_listed_with_their_state() -> None:
    """Oldest first."""
    state = FakeState(an_order())
    assert done(state, LIST, order_id="order-1") == {"events": [], "state": "pending"}
    done(state, UPDATE, {"comment": "x"}, order_id="order-1")
    done(state, REPORT, READY, order_id="order-1")
    answer = done(state, LIST, order_id="order-1")
    assert [event["event_type"] for event in answer["events"]] == ["api-event", "service-event"]
    assert answer["state"] == "success"


# ------------------------------------------------------------------------------------- finding


@pytest.mark.parametrize("event_id", ["e-1", "é", 'a"b', "a\\b", "日本"])
def test_an_event_is_found_by_its_id(event_id: str) -> None:
    """Also by one that JSON writes in another way."""
    event = Event(id=event_id, created_at=NOW.text)
    other = Event(id="other", created_at=NOW.text)
    assert find([encode(other), encode(event)], event_id) == event


def test_an_id_inside_another_event_is_not_that_event() -> None:
    """A description may mention an id."""
    event = Event(id="other", created_at=NOW.text, description="see e-1")
    assert find([encode(event)], "e-1") is None


def test_the_request_of_an_event_is_the_text_that_came() -> None:
    """Bytes that are no text do not make an event unreadable."""
    state = FakeState(an_order())
    done(state, UPDATE, {"comment": "Blåbær"}, order_id="order-1")
    (raw,) = state.log[Key(ACCOUNT, "order", "order-1")]
    event = msgspec.json.decode(raw, type=Event)
    assert event.request == EventRequest(
        path=f"{ORDERS_PATH}/order-1", method="PUT", body='{"comment":"Blåbær"}'
    )


def test_customers_see_events_without_what_was_asked_and_by_whom() -> None:
    """The requests repeat what staff wrote."""
    request = EventRequest(path="/", method="PUT", body="secret")
    event = Event(id="e", created_at=NOW.text, created_by="staff", request=request, version=2)
    (shown,) = without_requests([encode(event)])
    assert json.loads(shown) == {"id": "e", "created_at": NOW.text, "version": 2}
