"""The worked examples of the guides, as an integrator types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.api import Api

EXAMPLES = Path(__file__).parents[1] / "examples"
NINE = re.compile("[0-9ABCDEFGHJKMNPQRSTVWXYZ]{9}")

CHAIR = {
    "id": "175938",
    "line_id": 1,
    "quantity": 2,
    "gross_amount": 39_800,
    "tax_lines": [{"amount": 7960, "percentage": 25}],
    "description": "Stablestol for utendørsbruk",
    "description_alias": "Stablestol",
}
CREATE = {
    "options": {"generate_order_id": "ALPHANUMERIC_9"},
    "order": {"currency": "NOK", "items": [CHAIR]},
}


def test_create_a_draft_and_complete_it(api: Api) -> None:
    """The first guide: two chairs become an order that is found under its new order_id."""
    assert json.loads((EXAMPLES / "draft_body_minimal.json").read_text()) == CREATE
    draft = api.post("draft_orders", CREATE)
    assert draft["status"] == "open"
    assert draft["order"]["gross_amount"] == draft["order"]["net_amount"] == 39_800
    (item,) = draft["order"]["items"]
    assert item.items() >= (CHAIR | {"net_amount": 39_800, "tax_lines": item["tax_lines"]}).items()
    (tax,) = item["tax_lines"]
    assert tax.items() >= {"amount": 7960, "percentage": 25}.items()

    completed = api.put(f"draft_orders/{draft['id']}/complete", {})
    assert completed["status"] == "completed"
    assert completed.keys().isdisjoint({"order", "version", "events", "options"})
    (order,) = completed["orders"]
    assert NINE.fullmatch(order["order_id"])
    assert order.keys().isdisjoint({"events", "state"})

    found = api.get(f"orders/{order['order_id']}")
    assert found["status"] == "open"
    assert found["payment_status"] == "pending"
    assert (found["gross_amount"], found["net_amount"]) == (39_800, 39_800)
    assert found["payment_details"] == {
        "remaining_authorization_amount": 39_800,
        "remaining_capture_amount": 0,
        "remaining_cancellation_amount": 0,
        "remaining_refund_amount": 0,
        "amount_due": 39_800,
    }
    assert found["state"] == "pending"
    assert [event["draft_id"] for event in found["events"]] == [draft["id"]]


def test_update_an_order_with_a_reversal(api: Api) -> None:
    """The second guide: a chair goes back, another takes its place, and the total is the same."""
    draft = api.post("draft_orders", CREATE)
    order_id = api.complete(draft)[0]["order_id"]
    update = {
        "options": {"order_id": order_id},
        "order": {
            "currency": "NOK",
            "items": [
                {
                    "id": "175938",
                    "line_id": 2,
                    "quantity": 2,
                    "gross_amount": -39_800,
                    "tax_lines": [{"amount": -7960, "percentage": 25}],
                    "reversed_reason": "Replace item",
                    "related_item": {"line_id": 1, "type": "reversed"},
                    "description": "Stablestol for utendørsbruk",
                },
                {
                    "id": "003929",
                    "line_id": 3,
                    "quantity": 1,
                    "gross_amount": 39_800,
                    "tax_lines": [{"amount": 7960, "percentage": 25}],
                    "description": "Stol",
                },
            ],
        },
    }
    updating = api.post("draft_orders", update)
    assert updating["order"]["net_amount"] == 0
    (order,) = api.complete(updating)
    assert order["order_id"] == order_id
    assert order["version"] == 2
    assert [item["line_id"] for item in order["items"]] == [1, 2, 3]
    assert [item["gross_amount"] for item in order["items"]] == [39_800, -39_800, 39_800]
    assert [item["version"] for item in order["items"]] == [1, 2, 2]
    assert order["items"][1]["quantity"] == 2
    assert order["items"][1]["reversed_reason"] == "Replace item"
    assert order["items"][1]["tax_lines"][0]["amount"] == -7960
    assert (order["gross_amount"], order["net_amount"]) == (39_800, 39_800)

    found = api.get(f"orders/{order_id}")
    assert found["payment_details"]["amount_due"] == 39_800
    assert [event["draft_id"] for event in found["events"]] == [draft["id"], updating["id"]]


def test_the_reversal_of_the_example_document_is_taken(api: Api) -> None:
    """The same guide's shorter document, with nothing changed but the order it names."""
    order_id = api.complete(api.post("draft_orders", CREATE))[0]["order_id"]
    body = json.loads((EXAMPLES / "draft_body_reversal.json").read_text())
    body["options"]["order_id"] = order_id
    (order,) = api.complete(api.post("draft_orders", body))
    assert order["net_amount"] == 39_800


def test_report_an_event(api: Api) -> None:
    """The third guide: the kitchen says that the food is ready, and where."""
    order_id = api.order()["order_id"]
    event = {
        "state": "success",
        "service": "kitchen",
        "service_status": "ready_for_pickup",
        "description": "food prepared",
        "metadata": {
            "pickup_location": {
                "latitude": 37.42242,
                "longitude": -122.08585,
                "postal_code": "0342",
                "address": "Smallwei",
            }
        },
    }
    reported = api.post(f"orders/{order_id}/events", event)
    assert reported.items() >= event.items()
    assert reported["event_type"] == "service-event"
    assert reported["created_by"] == api.credentials.id
    listed = api.get(f"orders/{order_id}/events")
    assert listed["state"] == "success"
    assert listed["events"][-1] == reported


def test_complete_without_a_body(api: Api) -> None:
    """A client that sends nothing at all with PUT complete is served, whatever type it names."""
    for headers in ({}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
        draft = api.post("draft_orders", CREATE)
        path = f"draft_orders/{draft['id']}/complete"
        assert api.put(path, headers=headers)["orders"][0]["order_id"]


def test_a_client_with_fields_of_its_own_is_served(api: Api) -> None:
    """Fields that the contract does not have are ignored, and not kept."""
    item = {
        "id": "A1",
        "external_id": "SKU-1",
        "description": "Bord",
        "quantity": 3,
        "unit_price": 5000,
        "gross_amount": 15_000,
        "tax_lines": [{"percentage": 25}],
    }
    body = {
        "options": {"split_draft": False, "payout": True},
        "order": {"merchant_reference": "R-100", "currency": "NOK", "items": [item]},
    }
    draft = api.post("draft_orders", body)
    assert draft["options"] == {"split_draft": False, "payout": True}
    assert "merchant_reference" not in draft["order"]
    assert "unit_price" not in draft["order"]["items"][0]
    (order,) = api.complete(draft)
    assert order["items"][0]["external_id"] == "SKU-1"
    # Where such a client looks for the id, in its order.
    assert order["order_id"]


def test_items_without_tax_lines_are_refused_by_name(api: Api) -> None:
    """The one documented field that such a client leaves out is asked for, line by line."""
    items = [{"id": "A1", "gross_amount": 1}, {"id": "A2", "gross_amount": 2}]
    body = {"order": {"merchant_reference": "R-100", "currency": "NOK", "items": items}}
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert [(e["path"], e["code"]) for e in error["errors"]] == [
        (["order", "items", index], "OBJECT_MISSING_REQUIRED_PROPERTY") for index in (0, 1)
    ]
