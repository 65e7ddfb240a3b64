"""Orders over HTTP: what may change, their life, their events and comments."""

from __future__ import annotations

import pytest

from tests.support.api import Api, codes_of, line, paths_of
from tests.support.openapi import Json

ADDRESS = {"address_line": "Storgata 1", "postal_place": "Oslo", "country": "NO"}
CHANGEABLE: Json = {
    "customer": {"id": "C1", "first_name": "Kari", "metadata": {"vip": True}},
    "shipping_address": ADDRESS,
    "billing_address": ADDRESS,
    "metadata": {"k": [1, {"n": None}]},
    "comment": "note",
    "salesperson_id": "S1",
    "salesperson_name": "Ola",
    "delivery_at": "2026-11-20T18:12:13Z",
    "pickup_at": "2026-11-20T18:12:13Z",
    "courier_id": "courier",
    "delivery_id": "delivery",
    "pre_order": True,
    "type": "delivery",
    "time_to_live": 86_400,
    "itinerary": [{"id": "leg", "travel_mode": "BUS"}],
    "external_ids": [{"id": "E1", "source": "erp"}],
    "external_links": [{"text": "Receipt", "href": "https://example.com", "public": True}],
    "attachments": [{"id": "A1", "bus_reservation": {"booking_id": "B"}}],
    "store": {"id": "SL02", "comments": ["one", "two"]},
}
ITEM_CHANGEABLE: Json = {
    "status": "packed",
    "metadata": {"shelf": 3},
    "comment": "fragile",
    "description": "Stol",
    "description_alias": "S",
    "external_id": "X1",
    "salesperson_id": "S1",
    "salesperson_name": "Ola",
    "dimension": {"color": "red"},
    "groups": [{"id": "G", "name": "Group"}],
    "original_currency": "SEK",
    "original_gross_amount": 100,
    "conversion_rate_ppm": 1_099_000,
    "conversion_rate_timestamp": "2026-11-20T18:12:13Z",
    "conversion_rate_source": "ecb",
}


@pytest.mark.parametrize("name", CHANGEABLE)
def test_property_can_be_set_and_cleared(api: Api, name: str) -> None:
    """Each by itself: set, still there after another change, cleared by null."""
    order = api.order(line(100, 1))
    path = f"orders/{order['order_id']}"
    after = api.put(path, {name: CHANGEABLE[name]})
    assert after[name] == CHANGEABLE[name]
    other = "comment" if name != "comment" else "type"
    assert api.put(path, {other: "x"})[name] == CHANGEABLE[name]
    cleared = api.put(path, {name: None})
    assert name not in cleared
    assert cleared["version"] == 4
    assert cleared["items"] == order["items"]


@pytest.mark.parametrize("name", ITEM_CHANGEABLE)
def test_property_of_an_item_can_be_set_and_cleared(sqlite_api: Api, name: str) -> None:
    """Items are matched by line_id; only the one that is named changes, and says when."""
    order = sqlite_api.order(line(100, 1), line(200, 2))
    path = f"orders/{order['order_id']}"
    after = sqlite_api.put(path, {"items": [{"line_id": 2, name: ITEM_CHANGEABLE[name]}]})
    assert after["items"][0] == order["items"][0]
    assert after["items"][1][name] == ITEM_CHANGEABLE[name]
    assert after["items"][1]["version"] == 2
    cleared = sqlite_api.put(path, {"items": [{"line_id": 2, name: None}]})
    assert name not in cleared["items"][1]


def test_discount_subtype_is_the_one_thing_of_a_discount_that_changes(api: Api) -> None:
    """Sent with what the order holds, or alone; any other difference is refused."""
    order = api.order(line(100, 1, discount_lines=[{"amount": 10, "discount_type": "manual"}]))
    path = f"orders/{order['order_id']}"
    change = {"amount": 10, "discount_type": "manual", "discount_subtype": "q3"}
    after = api.put(path, {"items": [{"line_id": 1, "discount_lines": [change]}]})
    assert after["items"][0]["discount_lines"] == [change]
    after = api.put(
        path, {"items": [{"line_id": 1, "discount_lines": [{"discount_subtype": "q4"}]}]}
    )
    assert after["items"][0]["discount_lines"][0]["discount_subtype"] == "q4"
    for lines in ([{"amount": 11}], [], [{"amount": 10}, {"amount": 0}], None):
        body = {"items": [{"line_id": 1, "discount_lines": lines}]}
        assert codes_of(api.refused("USE_A_DRAFT", "PUT", path, body)) == ["USE_A_DRAFT"]


def test_changed_money_needs_a_draft(api: Api) -> None:
    """Every line and field that differs is named; what is sent as it stands is accepted."""
    order = api.order(line(100, 1, quantity=2), line(200, 2))
    path = f"orders/{order['order_id']}"
    body = {
        "comment": "not stored",
        "items": [
            {"line_id": 1, "gross_amount": 101, "quantity": 3},
            {"line_id": 2, "tax_lines": [{"percentage": 15}], "status": "packed"},
        ],
    }
    error = api.refused("USE_A_DRAFT", "PUT", path, body)
    assert [(entry["line_id"], entry["path"]) for entry in error["errors"]] == [
        (1, ["items", 0, "gross_amount"]),
        (1, ["items", 0, "quantity"]),
        (2, ["items", 1, "tax_lines"]),
    ]
    same = [
        {"line_id": 1, "gross_amount": 100, "quantity": 2.0},
        {"line_id": 2, "tax_lines": order["items"][1]["tax_lines"]},
    ]
    after = api.put(path, {"items": same})
    assert after["version"] == 2
    assert "comment" not in after
    assert "status" not in after["items"][1]


def test_line_that_the_order_lacks_is_not_found(api: Api) -> None:
    """An update adds no lines: all that are not there are named."""
    order = api.order(line(100, 1))
    body = {"items": [{"line_id": 7}, {"line_id": 1}, {"line_id": 8}]}
    error = api.refused("NOT FOUND", "PUT", f"orders/{order['order_id']}", body)
    assert paths_of(error) == [["items", 0, "line_id"], ["items", 2, "line_id"]]


def test_address_can_be_corrected_after_delivery(api: Api) -> None:
    """A fixed address: what is no money stays editable, on a closed order once it is opened."""
    order = api.order(line(100, 1), shipping_address=ADDRESS)
    path = f"orders/{order['order_id']}"
    report = {"state": "success", "service": "courier", "service_status": "delivered"}
    api.post(f"{path}/events", report)
    right = {**ADDRESS, "address_line": "Storgata 2"}
    assert api.put(path, {"shipping_address": right})["shipping_address"] == right
    api.post(f"{path}/close")
    api.refused("ORDER_CLOSED", "PUT", path, {"shipping_address": ADDRESS})
    api.post(f"{path}/open")
    assert api.put(path, {"shipping_address": ADDRESS})["shipping_address"] == ADDRESS


def test_update_is_seen_at_once(api: Api) -> None:
    """A stale answer: what a write answered is what the next read and the next list show."""
    path = f"orders/{api.order()['order_id']}"
    for number in range(5):
        written = api.put(path, {"comment": f"c{number}"})
        assert written["comment"] == f"c{number}"
        assert api.get(path) == written
        listed = api.get("orders", include_events="true")["orders"][0]
        assert listed == written


# ------------------------------------------------------------------------ open, close, cancel


def test_close_and_open(api: Api) -> None:
    """There and back; each may be repeated, answers the same, and leaves one event."""
    path = f"orders/{api.order()['order_id']}"
    closed = api.post(f"{path}/close")
    assert (closed["status"], closed["closed_by"]) == ("closed", api.credentials.id)
    assert closed["closed_at"] == closed["updated_at"]
    assert api.post(f"{path}/close") == closed
    opened = api.post(f"{path}/open")
    assert opened["status"] == "open"
    assert opened.keys().isdisjoint({"closed_at", "closed_by"})
    assert api.post(f"{path}/open") == opened
    assert opened["version"] == 3
    assert [event["version"] for event in opened["events"]] == [1, 2, 3]


@pytest.mark.parametrize("reason", ["customer", "declined", "other", None])
def test_cancel(api: Api, reason: str | None) -> None:
    """The reason is `other` unless given; a cancelled order owes nothing and stays cancelled."""
    path = f"orders/{api.order()['order_id']}"
    body = () if reason is None else ({"cancelled_reason": reason},)
    cancelled = api.post(f"{path}/cancel", *body)
    assert (cancelled["status"], cancelled["cancelled_reason"]) == ("cancelled", reason or "other")
    assert cancelled["cancelled_by"] == api.credentials.id
    assert cancelled["payment_details"]["amount_due"] == 0
    assert cancelled["payment_details"]["remaining_authorization_amount"] == 0
    assert api.post(f"{path}/cancel", {"cancelled_reason": "customer"}) == cancelled
    api.refused("ORDER_CANCELLED", "POST", f"{path}/open")
    api.refused("ORDER_CANCELLED", "POST", f"{path}/close")
    error = {"cancelled_reason": "mood"}
    api.refused("INVALID_REQUEST_PARAMETER", "POST", f"{path}/cancel", error)


def test_closed_order_must_be_opened_to_be_cancelled(api: Api) -> None:
    """Only an open order is cancelled."""
    path = f"orders/{api.order()['order_id']}"
    api.post(f"{path}/close")
    api.refused("ORDER_CLOSED", "POST", f"{path}/cancel")


@pytest.mark.parametrize(
    ("step", "code"), [("close", "ORDER_CLOSED"), ("cancel", "ORDER_CANCELLED")]
)
def test_order_at_its_end_takes_notes_only(api: Api, step: str, code: str) -> None:
    """Metadata, events and comments; everything else that was given is named."""
    path = f"orders/{api.order(line(1, 1))['order_id']}"
    api.post(f"{path}/{step}")
    assert api.put(path, {"metadata": {"k": 1}})["metadata"] == {"k": 1}
    api.post(f"{path}/comments", {"body": "late"})
    api.post(f"{path}/events", {"service": "s", "service_status": "x"})
    body: Json = {"comment": "c", "type": "t", "items": [{"line_id": 1, "status": "s"}]}
    error = api.refused(code, "PUT", path, body)
    assert paths_of(error) == [["comment"], ["type"], ["items"]]
    options = {"order_id": path.removeprefix("orders/")}
    body = {"order": {"currency": "NOK"}, "options": options}
    api.refused("ORDER_NOT_OPEN", "POST", "draft_orders", body)


# ------------------------------------------------------------------------ events and the state


def test_combined_state(api: Api) -> None:
    """Pending until a service reports; failure for ever; else the latest of every service."""
    path = f"orders/{api.order()['order_id']}"

    def after(service: str, state: str) -> str:
        """The combined state after one more report."""
        api.post(f"{path}/events", {"service": service, "service_status": "x", "state": state})
        found = api.get(path)["state"]
        assert found == api.get(f"{path}/events")["state"]
        assert found == api.put(path, {"metadata": {}})["state"]
        return str(found)

    assert api.get(path)["state"] == "pending"
    assert after("kitchen", "success") == "success"
    assert after("courier", "pending") == "pending"
    assert after("courier", "success") == "success"
    assert after("kitchen", "pending") == "pending"
    assert after("kitchen", "error") == "failure"
    assert after("kitchen", "success") == "failure"


def test_events_are_chosen_by_kind(api: Api) -> None:
    """include_events on every answer with one order; the state is that of all events."""
    path = f"orders/{api.order()['order_id']}"
    api.post(f"{path}/events", {"service": "s", "service_status": "x", "state": "success"})
    kinds = {
        "true": ["api-event", "service-event", "api-event"],
        "api-event": ["api-event", "api-event"],
        "service-event": ["service-event"],
    }
    api.put(path, {"metadata": {}}, params={"include_events": "false"})
    for choice, expected in kinds.items():
        found = api.get(path, include_events=choice)
        assert [event["event_type"] for event in found["events"]] == expected
        assert found["state"] == "success"
    both = api.get(path, include_events=["api-event", "service-event"])
    assert len(both["events"]) == 3
    without = api.get(path, include_events="false")
    assert without.keys().isdisjoint({"events", "state"})
    api.refused("INVALID_REQUEST_PARAMETER", "GET", path, params={"include_events": "all"})


def test_every_change_of_an_order_emits_an_event(api: Api) -> None:
    """A silent change: update, close, open, event, comment, its removal, a draft, cancel."""
    order_id = api.order(line(100, 1))["order_id"]
    path = f"orders/{order_id}"
    api.put(path, {"items": [{"line_id": 1, "status": "packed"}]})
    api.post(f"{path}/close")
    api.post(f"{path}/open")
    api.post(f"{path}/events", {"service": "s", "service_status": "x"})
    comment = api.post(f"{path}/comments", {"body": "hello"})
    api.delete(f"{path}/comments/{comment['id']}")
    api.complete(api.draft(line(1, 2), options={"order_id": order_id}))
    api.post(f"{path}/cancel")
    found = api.get(path)
    assert [event["version"] for event in found["events"]] == list(range(1, 10))
    assert found["version"] == 9
    assert len({event["id"] for event in found["events"]}) == 9


def test_event_needs_service_and_status(api: Api) -> None:
    """State is success unless given; both names are required, and named when they lack."""
    path = f"orders/{api.order()['order_id']}/events"
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", path, {"state": "good"})
    assert codes_of(error).count("OBJECT_MISSING_REQUIRED_PROPERTY") == 2
    assert ["state"] in paths_of(error)
    event = api.post(path, {"service": "s", "service_status": "x"})
    assert event["state"] == "success"
    assert event["_links"] == [{"href": api.url(path).removesuffix("/events"), "rel": "order"}]


def test_order_without_reports_is_pending(api: Api) -> None:
    """The events of a new order are listed whole: the one that says it was made."""
    path = f"orders/{api.order()['order_id']}/events"
    listed = api.get(path)
    assert (len(listed["events"]), listed["state"]) == (1, "pending")


# --------------------------------------------------------------------------------- comments


def test_comments_are_added_listed_and_deleted(api: Api) -> None:
    """Deleting is soft: the list leaves it out, the order shows it with its marks."""
    path = f"orders/{api.order()['order_id']}"
    first = api.post(f"{path}/comments", {"body": "first"})
    assert (first["visibility"], first["created_by"]) == ("private", api.credentials.id)
    second = api.post(f"{path}/comments", {"body": "second", "visibility": "public"})
    assert api.get(f"{path}/comments") == {"comments": [first, second]}
    deleted = api.delete(f"{path}/comments/{first['id']}")
    assert deleted.items() >= first.items()
    assert deleted["deleted_by"] == api.credentials.id
    assert api.delete(f"{path}/comments/{first['id']}") == deleted
    assert api.get(f"{path}/comments") == {"comments": [second]}
    assert api.get(path)["comments"] == [deleted, second]
    api.refused("NOT FOUND", "DELETE", f"{path}/comments/nowhere")


def test_comment_has_a_length(api: Api) -> None:
    """1 to 2,000 characters, counted as characters."""
    path = f"orders/{api.order()['order_id']}/comments"
    assert api.post(path, {"body": "ø" * 2000})["body"] == "ø" * 2000
    for body in ({"body": ""}, {"body": "ø" * 2001}, {}, {"body": "x", "visibility": "secret"}):
        api.refused("INVALID_REQUEST_PARAMETER", "POST", path, body)


def test_own_ids_of_events_and_comments(api: Api) -> None:
    """The same content again is the same fact; other content is a conflict."""
    path = f"orders/{api.order()['order_id']}"
    bodies: list[tuple[str, Json, Json]] = [
        ("comments", {"id": "one", "body": "b"}, {"body": "other"}),
        ("events", {"id": "two", "service": "s", "service_status": "x"}, {"state": "error"}),
    ]
    for kind, body, change in bodies:
        first = api.post(f"{path}/{kind}", body)
        version = api.get(path)["version"]
        assert api.post(f"{path}/{kind}", body) == first
        assert api.get(path)["version"] == version
        assert api.refused("ID_TAKEN", "POST", f"{path}/{kind}", body | change)["id"] == body["id"]
