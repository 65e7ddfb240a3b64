"""`Prefer: dry-run`: the answer of the write, and nothing of it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.support.api import Api, line
from tests.support.openapi import Json

DRY = {"Prefer": "dry-run"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def masked(answer: Json) -> Json:
    """An answer without what is new in every request: drawn ids, and moments."""
    return json.loads(_TIME.sub("TIME", _UUID.sub("ID", json.dumps(answer))))


def operation(amount: int) -> Json:
    """The body of a payment operation on line 1."""
    return {"items": [{"line_id": 1, "amount": amount}]}


def draft_path(api: Api) -> str:
    """The path of a stored draft with one line."""
    return f"draft_orders/{api.draft(line(39800, 1))['id']}"


def order_path(api: Api) -> str:
    """The path of a stored order with one line, authorized and half captured."""
    path = f"orders/{api.order(line(39800, 1))['order_id']}"
    api.post(f"{path}/authorizations", operation(39800))
    api.post(f"{path}/captures", operation(19900))
    return path


WRITES: dict[str, tuple[Callable[[Api], str], str, str, Json]] = {
    "update draft": (draft_path, "PUT", "", {"order": {"comment": "x"}}),
    "delete draft": (draft_path, "DELETE", "", None),
    "add item": (draft_path, "POST", "/items", line(500)),
    "update item": (draft_path, "PUT", "/items/1", line(500)),
    "remove item": (draft_path, "DELETE", "/items/1", None),
    "complete": (draft_path, "PUT", "/complete", {}),
    "update order": (order_path, "PUT", "", {"comment": "x"}),
    "close": (order_path, "POST", "/close", None),
    "report event": (order_path, "POST", "/events", {"service": "k", "service_status": "ready"}),
    "comment": (order_path, "POST", "/comments", {"body": "x"}),
    "capture": (order_path, "POST", "/captures", operation(19900)),
    "refund": (order_path, "POST", "/refunds", operation(100)),
    "cancel the rest": (order_path, "POST", "/cancellations", operation(19900)),
}


@pytest.mark.parametrize("name", WRITES)
def test_dry_run_answers_what_the_write_answers_and_stores_nothing(api: Api, name: str) -> None:
    """Dry run, look, write: the first answers like the last, and between them nothing changed."""
    place, method, tail, body = WRITES[name]
    path = place(api)
    before = api.get(path)
    content = {} if body is None else {"body": body}
    tried = api.send(method, path + tail, headers=DRY, **content)
    assert tried.status_code == 200, tried.text
    assert tried.headers["preference-applied"] == "dry-run"
    assert api.get(path) == before
    written = api.send(method, path + tail, **content)
    assert written.status_code == 200, written.text
    assert masked(tried.json()) == masked(written.json())
    assert tried.headers["etag"] == written.headers["etag"]
    assert "preference-applied" not in written.headers


def test_dry_run_of_a_new_draft_and_order_leaves_neither(api: Api) -> None:
    """What is only tried is not there, and its own id and order_id stay free."""
    body = {"id": "tried", "order": {"currency": "NOK", "items": [line(100, 1)]}}
    api.post("draft_orders", body, headers=DRY)
    api.refused("NOT FOUND", "GET", "draft_orders/tried")
    api.post("orders", {"currency": "NOK", "order_id": "tried", "items": [line(100)]}, headers=DRY)
    api.refused("NOT FOUND", "GET", "orders/tried")
    assert api.get("orders")["orders"] == []
    assert api.get("draft_orders")["draft_orders"] == []


def test_dry_run_uses_up_no_order_number(api: Api) -> None:
    """The number that a dry run shows is the number that the write gets."""
    first = api.order(line())["order_number"]
    body = {"currency": "NOK", "items": [line()]}
    shown = [api.post("orders", body, headers=DRY)["order_number"] for _ in range(3)]
    given = api.post("orders", body)["order_number"]
    assert shown == [given] * 3
    assert int(given) == int(first) + 1


def test_dry_run_keeps_no_idempotency_key(api: Api) -> None:
    """A key that came with a dry run is free for the write."""
    key = {"Idempotency-Key": "one"}
    body = {"currency": "NOK", "items": [line()]}
    api.post("orders", body, headers=DRY | key)
    written = api.send("POST", "orders", body, headers=key)
    assert "idempotency-replayed" not in written.headers
    assert len(api.get("orders")["orders"]) == 1


def test_dry_run_refuses_what_the_write_refuses(api: Api) -> None:
    """A refusal is the same, with the same numbers."""
    path = order_path(api)
    tried = api.refused(
        "CAPTURE_EXCEEDS_AUTHORIZATION", "POST", f"{path}/captures", operation(20000), headers=DRY
    )
    refused = api.refused(
        "CAPTURE_EXCEEDS_AUTHORIZATION", "POST", f"{path}/captures", operation(20000)
    )
    assert tried == refused


def test_dry_run_and_strict_handling_are_both_applied(api: Api) -> None:
    """Two preferences of one request are both named."""
    headers = {"Prefer": "dry-run, handling=strict"}
    answer = api.send("POST", "orders", {"currency": "NOK", "items": [line()]}, headers=headers)
    assert answer.headers["preference-applied"] == "handling=strict, dry-run"
