"""What a delivery says."""

from typing import Any

import msgspec

from ordrebok.webhooks.body import Change, change_body, choice_of, delivery_id, ping_body
from ordrebok.wire.hook import ShoppingEvent
from tests.support.builders import ACCOUNT
from tests.support.subscriptions import HMAC, HOOK_ID, a_hook

DOCUMENT = b'{"order_id":"O1","status":"open","items":[{"line_id":1,"amount":100.0}]}'
EVENT = b'{"id":"E1","service":"kitchen"}'
ID = delivery_id(HOOK_ID, 17)
HEAD = {"account_id": ACCOUNT, "event_delivery": ID}


def said(event: ShoppingEvent, **masks: Any) -> dict[str, Any]:  # noqa: ANN401 -- the members of a subscription
    """Return what a delivery says, read back, without what every delivery says."""
    body = change_body(Change(ACCOUNT, event, DOCUMENT, EVENT), ID, choice_of(a_hook(**masks)))
    read: dict[str, Any] = msgspec.json.decode(body)
    assert {name: read.pop(name) for name in (*HEAD, "event")} == {**HEAD, "event": event}
    return read


def test_a_change_is_told_in_the_documented_envelope() -> None:
    """Compact JSON, with the document byte for byte as it is stored."""
    body = change_body(
        Change(ACCOUNT, "shopping_order_update", DOCUMENT, EVENT), ID, choice_of(a_hook())
    )
    assert (
        body
        == (
            f'{{"account_id":"{ACCOUNT}","event":"shopping_order_update","event_delivery":"{ID}",'
            f'"order":{DOCUMENT.decode()}}}'
        ).encode()
    )


def test_a_draft_is_told_as_a_draft_and_a_report_with_its_order() -> None:
    """Each resource under its own key."""
    order, event = msgspec.json.decode(DOCUMENT), msgspec.json.decode(EVENT)
    assert said("shopping_draft_complete") == {"draft_order": order}
    assert said("shopping_order_delete") == {"order": order}
    assert said("shopping_order_event_add") == {"order": order, "order_event": event}


def test_a_mask_leaves_what_it_names_and_who_is_told_what() -> None:
    """The members that say which delivery this is always stay."""
    assert said("shopping_order_add", fields="order(order_id,items/line_id)") == {
        "order": {"order_id": "O1", "items": [{"line_id": 1}]}
    }
    assert said("shopping_order_event_add", fields="order_event/id") == {
        "order_event": {"id": "E1"}
    }
    assert said("shopping_order_add", fields="draft_order/id") == {}
    assert said("shopping_order_add", fields="id") == {}


def test_what_is_excluded_is_left_out() -> None:
    """Of what the other mask names, where there are both."""
    assert said("shopping_order_event_add", exclude_fields=["order/items", "order_event"]) == {
        "order": {"order_id": "O1", "status": "open"}
    }
    assert said(
        "shopping_order_add", fields="order(order_id,status)", exclude_fields=["*/status"]
    ) == {"order": {"order_id": "O1"}}
    assert said("shopping_order_add", exclude_fields=["*", "event"]) == {}
    assert said("shopping_order_update", exclude_fields=[]) == said("shopping_order_update")


def test_the_same_change_has_the_same_delivery_id_for_the_same_subscription() -> None:
    """So that a receiver knows what it has seen; to another subscription it is another one."""
    assert delivery_id(HOOK_ID, 17) == ID
    assert len({delivery_id(HOOK_ID, 18), delivery_id("another", 17), ID}) == 3


def test_a_ping_is_the_subscription_itself() -> None:
    """Without an envelope, and without its secrets."""
    hook = a_hook(secret=HMAC)
    read = msgspec.json.decode(ping_body(hook))
    assert read["id"] == hook.id
    assert read["config"]["insecure_ssl"] == 0
    assert read["config"]["secret"] == {"type": "HMAC-SHA1"}
    assert "signing_secret" not in read
