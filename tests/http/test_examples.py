"""The full example documents, sent as requests: every writable field comes back as it was sent."""

from __future__ import annotations

import copy
import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, line
from tests.support.openapi import Json

EXAMPLES = Path(__file__).parents[1] / "examples"

SET_BY_THE_SERVER = frozenset(
    {
        *("events", "state", "id", "created_at", "created_by", "updated_at"),
        *("deleted_at", "deleted_by", "cancelled_reason", "cancelled_by", "cancelled_at"),
        *("closed_by", "closed_at", "status", "payment_status", "payment_details"),
        *("gross_amount", "net_amount", "total_discount", "total_manual_discount_amount"),
        *("version", "stores", "discounts", "comments", "_links", "time_to_live_expires_at"),
        *("sessions", "authorizations", "captures", "refunds", "cancellations"),
    }
)
"""Properties of the documented order that a client reads and does not write."""
SET_BY_THE_SERVER_IN_ITEMS = frozenset({"net_amount", "is_changed", "version", "payout"})
ONLY_IN_UPDATES = frozenset({"delivery_id"})
KINDS = ("bus", "car", "ferry", "metro", "taxi", "train", "tram")


def example(name: str) -> Json:
    """One of the documents."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def writable(order: Json, *, without: frozenset[str] = frozenset()) -> Json:
    """An example order without what only the server writes."""
    left = {k: v for k, v in order.items() if k not in SET_BY_THE_SERVER | without}
    left["items"] = [writable_item(item) for item in order["items"]]
    return left


def writable_item(item: Json) -> Json:
    """An example item without what only the server writes."""
    return {k: v for k, v in item.items() if k not in SET_BY_THE_SERVER_IN_ITEMS}


def missing(sent: Any, got: Any, path: str = "") -> list[str]:  # noqa: ANN401 -- JSON of any form
    """Where an answer lacks, or has changed, what was sent."""
    if isinstance(sent, dict) and isinstance(got, dict):
        lost = [f"{path}.{name} is missing" for name in sent if name not in got]
        kept = [missing(sent[name], got[name], f"{path}.{name}") for name in sent if name in got]
        return [*lost, *chain.from_iterable(kept)]
    if isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        pairs = zip(sent, got, strict=True)
        found = (missing(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(pairs))
        return list(chain.from_iterable(found))
    same = sent == got and isinstance(sent, bool) == isinstance(got, bool)
    return [] if same else [f"{path}: sent {sent!r}, got {got!r}"]


def with_its_rule(document: Json) -> Json:
    """An example draft with a payout rule of the name that its items choose."""
    rules = document["options"]["payout"]["rules"]
    chosen = document["order"]["items"][0]["dynamic_payout"]
    rules.append({"destinations": rules[0]["destinations"], **chosen})
    return document


def completable(order: Json) -> Json:
    """An example order whose first line relates to a line that is there."""
    order = copy.deepcopy(order)
    order["items"][0]["related_item"]["line_id"] = 2
    order["items"].append(line(1000, 2))
    return order


def test_draft_document_comes_back(api: Api) -> None:
    """Sent whole, read-only fields included, and updating the very order that it names."""
    document = with_its_rule(example("draft"))
    api.order(order_id=document["options"]["order_id"])
    draft = api.post("draft_orders", document)
    assert missing(writable(document["order"]), draft["order"]) == []
    assert missing(document["options"], draft["options"]) == []
    assert missing(document["id"], draft["id"]) == []
    stored = api.get(f"draft_orders/{draft['id']}")
    assert missing(writable(document["order"]), stored["order"]) == []
    assert missing(document["options"], stored["options"]) == []


def test_draft_document_is_refused_without_the_order_it_names(api: Api) -> None:
    """The example names an order to update; where there is none, nothing is made."""
    api.refused("NOT FOUND", "POST", "draft_orders", example("draft"))
    assert api.get("draft_orders")["draft_orders"] == []


def test_draft_document_completes_into_an_order_with_everything_on_it(api: Api) -> None:
    """Nothing of the draft is lost on the way to the order that it replaces."""
    document = with_its_rule(example("draft"))
    document["order"] = completable(document["order"])
    replaced = api.order(order_id=document["options"]["order_id"])
    (order,) = api.complete(api.post("draft_orders", document))
    sent = writable(document["order"], without=frozenset({"order_number"}))
    sent["time_to_live"] = document["options"]["order_time_to_live"]
    sent["multiple_authorizations"] = document["options"]["multiple_authorizations"]
    assert missing(sent, order) == []
    assert order["order_number"] == replaced["order_number"]
    found = api.get("orders/%3Cstring%3E")
    assert missing(sent, found) == []
    assert (found["id"], found["created_at"]) == (replaced["id"], replaced["created_at"])


@pytest.mark.parametrize("name", ["item", "item_body", "item_minimal"])
def test_item_document_comes_back(api: Api, name: str) -> None:
    """A line keeps dimension, additions, store, discounts, exchange rate and payout rule."""
    document = example(name)
    draft = api.draft()
    added = api.post(f"draft_orders/{draft['id']}/items", document)
    assert missing(writable_item(document), added["order"]["items"][0]) == []
    replaced = api.put(f"draft_orders/{draft['id']}/items/1", document)
    assert missing(writable_item(document), replaced["order"]["items"][0]) == []


def test_order_document_comes_back_from_a_new_order(api: Api) -> None:
    """POST /orders with the whole documented order, read-only fields and all."""
    document = completable(example("order"))
    sent = writable(document, without=ONLY_IN_UPDATES)
    created = api.post("orders", document)
    assert missing(sent, created) == []
    assert missing(sent, api.get("orders/%3Cstring%3E")) == []
    assert created["net_amount"] == 39_800 - 23_130 + 1000
    assert created["created_by"] == api.credentials.id


def test_order_document_comes_back_from_an_update(api: Api) -> None:
    """PUT takes the documented order onto one that has the same lines and nothing else."""
    document = completable(example("order"))
    first, second = document["items"]
    fixed = {k: first[k] for k in ("gross_amount", "tax_lines", "quantity", "related_item")}
    fixed["discount_lines"] = [{"amount": 23_130}]
    made = api.order({**fixed, "line_id": 1}, second)
    # Of discounts an update takes the subtype; the rest has to be what the order holds.
    document["items"][0]["discount_lines"] = [{"amount": 23_130, "discount_subtype": "q3"}]
    updated = api.put(f"orders/{made['order_id']}", document)

    fixed_by_then = frozenset({"currency", "order_id", "order_number", "multiple_authorizations"})
    sent = writable(document, without=fixed_by_then)
    only_in_drafts = ("id", "additions", "store", "reversed_reason", "dynamic_payout")
    for name in (*only_in_drafts, "eligible_for_discount"):
        sent["items"][0].pop(name)
    assert missing(sent, updated) == []
    assert updated["delivery_id"] == document["delivery_id"]


def test_what_was_read_can_be_sent_back(api: Api) -> None:
    """An order goes out and comes in again: accepted, and nothing is different."""
    made = api.post("orders", completable(example("order")))
    read = api.get("orders/%3Cstring%3E", include_events="false")
    updated = api.put("orders/%3Cstring%3E", read, params={"include_events": "false"})
    versions = {"version", "updated_at", "time_to_live_expires_at"}
    items = [{**item, "version": made["version"] + 1} for item in read["items"]]
    assert (
        updated.items() >= {k: v for k, v in read.items() if k not in {*versions, "items"}}.items()
    )
    assert updated["items"] == items


def test_a_draft_that_was_read_can_be_sent_back(api: Api) -> None:
    """The same for a draft, whole."""
    document = example("draft_body")
    document.pop("options")
    made = api.post("draft_orders", document)
    path = f"draft_orders/{made['id']}"
    updated = api.put(path, made)
    assert missing(writable(made["order"]), updated["order"]) == []
    assert updated["version"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_reservation_comes_back(api: Api, kind: str) -> None:
    """An attachment of one kind alone, in a draft and in its order."""
    name = f"{kind}_reservation"
    attachment = {"id": "A-1", name: example("attachment")[name]}
    draft = api.draft(line(), attachments=[attachment])
    assert draft["order"]["attachments"] == [attachment]
    (order,) = api.complete(draft)
    assert order["attachments"] == [attachment]
    assert api.get(f"orders/{order['order_id']}")["attachments"] == [attachment]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("customer", "customer"),
        ("shipping_address", "shipping_address"),
        ("shipping_address", "billing_address"),
        ("itinerary", "itinerary"),
        ("attachment", "attachments"),
    ],
)
def test_part_of_an_order_comes_back_exactly(api: Api, name: str, place: str) -> None:
    """Parts have no read-only fields, so they come back byte for byte, also from an update."""
    document = example(name)
    value = [document] if place in {"itinerary", "attachments"} else document
    order = api.order(**{place: value})
    assert order[place] == value
    other = api.order()
    assert api.put(f"orders/{other['order_id']}", {place: value})[place] == value
    cleared = api.put(f"orders/{other['order_id']}", {place: None})
    assert place not in cleared


def test_options_document_comes_back(api: Api) -> None:
    """Payout rules of any depth are kept as they are sent."""
    options = example("options")
    api.order(order_id=options["order_id"])
    assert api.draft(line(), options=options)["options"] == options


def test_comment_and_event_documents_come_back(api: Api) -> None:
    """The two things that are added to an order; read-only fields in them are ignored."""
    order_id = api.order()["order_id"]
    comment = api.post(f"orders/{order_id}/comments", example("comment"))
    sent = {k: v for k, v in example("comment").items() if k in {"id", "body", "visibility"}}
    assert comment.items() >= sent.items()
    assert comment["created_at"] != example("comment")["created_at"]
    assert "deleted_at" not in comment
    event = api.post(f"orders/{order_id}/events", example("event_body"))
    assert event.items() >= example("event_body").items()
