"""Which event a change is."""

import pytest

from ordrebok.decision import Call
from ordrebok.events.rules import change_event, reported_event
from ordrebok.webhooks.names import event_name
from ordrebok.wire.base import encode
from ordrebok.wire.event import EventBody
from tests.support.builders import ACCOUNT, ACTOR, DRAFTS_PATH, NOW, ORDERS_PATH


def a_call(method: str, path: str) -> Call:
    """Return a request, by its method and path."""
    return Call(account_id=ACCOUNT, actor_id=ACTOR, method=method, path=path, params={})


def changed(method: str, path: str, version: int = 2) -> bytes:
    """Return the event that a request left."""
    return encode(change_event(a_call(method, path), "an-id", version, NOW))


def test_the_first_version_is_an_addition() -> None:
    """Of a draft, and of an order: the latter is an addition of ours."""
    made = encode(change_event(a_call("POST", DRAFTS_PATH), "an-id", 1, NOW, created=True))
    assert event_name("draft", 1, made) == "shopping_draft_add"
    assert event_name("order", 1, made) == "shopping_order_add"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/items"),
        ("PUT", "/items/1"),
        ("DELETE", "/items/complete"),
    ],
)
def test_what_changes_a_draft_is_an_update(method: str, path: str) -> None:
    """Item calls and deletion too."""
    event = changed(method, f"{DRAFTS_PATH}/D1{path}")
    assert event_name("draft", 2, event) == "shopping_draft_update"


@pytest.mark.parametrize("draft_id", ["D1", "complete", "draft_orders"])
def test_a_draft_is_completed_by_the_call_that_completes_it(draft_id: str) -> None:
    """Whatever the draft's own id is; an update of a draft called `complete` is one."""
    completed = changed("PUT", f"{DRAFTS_PATH}/{draft_id}/complete")
    updated = changed("PUT", f"{DRAFTS_PATH}/{draft_id}")
    assert event_name("draft", 2, completed) == "shopping_draft_complete"
    assert event_name("draft", 2, updated) == "shopping_draft_update"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{ORDERS_PATH}/O1"),
        ("PUT", f"{ORDERS_PATH}/O1/close"),
        ("POST", f"{ORDERS_PATH}/O1/captures"),
        ("PUT", f"{DRAFTS_PATH}/D1/complete"),
    ],
)
def test_what_changes_an_order_is_an_update(method: str, path: str) -> None:
    """A draft that adds to it too."""
    assert event_name("order", 7, changed(method, path, 7)) == "shopping_order_update"


def test_a_report_of_a_service_is_an_event_of_the_order() -> None:
    """It has a name of its own."""
    call = a_call("POST", f"{ORDERS_PATH}/O1/events")
    report = EventBody(service="kitchen", service_status="ready")
    event = encode(reported_event(call, report, "an-id", 2, NOW))
    assert event_name("order", 2, event) == "shopping_order_event_add"


def test_an_order_that_expired_is_deleted() -> None:
    """The one event that no request leaves."""
    event = encode({"id": "an-id", "event_type": "expired", "version": 9})
    assert event_name("order", 9, event) == "shopping_order_delete"
    assert event_name("draft", 9, event) == "shopping_draft_update"
