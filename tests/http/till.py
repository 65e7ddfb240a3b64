"""The till of an order: operations in one line each, and what the order then says of its money."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from tests.support.api import Api
from tests.support.openapi import Json

KINDS = ("authorizations", "captures", "cancellations", "refunds")

SESSION: Json = {
    "items": [{"line_id": "1"}],
    "profile_id": "default",
    "url": {"return_url": "https://shop.test/return"},
}
"""A request for a session that pays line 1."""


class Money(NamedTuple):
    """What is left to authorize, capture, cancel and refund, what is due, and the status."""

    authorize: int
    capture: int
    cancel: int
    refund: int
    due: int
    status: str


class Till:
    """One order's operations, by one client; amounts are given by line: `{1: 39800}`."""

    def __init__(self, api: Api, order: Json | str) -> None:
        self.api = api
        self.order_id: str = order if isinstance(order, str) else order["order_id"]
        self.path = f"orders/{self.order_id}"

    def send(
        self, kind: str, items: dict[int, int], headers: dict[str, str] | None = None, **more: Json
    ) -> httpx.Response:
        """Try to record an operation."""
        return self.api.send("POST", f"{self.path}/{kind}", body(items, **more), headers=headers)

    def record(self, kind: str, items: dict[int, int], **more: Json) -> Json:
        """Record an operation that must be accepted."""
        return self.api.post(f"{self.path}/{kind}", body(items, **more))

    def refused(self, code: str, kind: str, items: dict[int, int], **more: Json) -> Json:
        """Try an operation that must be refused with a code; the refusal's `error`."""
        return self.api.refused(code, "POST", f"{self.path}/{kind}", body(items, **more))

    def authorize(self, items: dict[int, int], **more: Json) -> Json:
        """Record an authorization."""
        return self.record("authorizations", items, **more)

    def capture(self, items: dict[int, int], **more: Json) -> Json:
        """Record a capture."""
        return self.record("captures", items, **more)

    def cancel(self, items: dict[int, int], **more: Json) -> Json:
        """Record a cancellation."""
        return self.record("cancellations", items, **more)

    def refund(self, items: dict[int, int], **more: Json) -> Json:
        """Record a refund."""
        return self.record("refunds", items, **more)

    def order(self) -> Json:
        """The order as it now stands."""
        return self.api.get(self.path)

    def money(self) -> Money:
        """What the order says of its money, once its proof has been seen to hold."""
        proof = self.api.get(f"{self.path}/proof")
        parts = [proof["order"], *(part["equations"] for part in proof["lines"])]
        parts += [part["equations"] for part in proof["authorizations"]]
        assert [each for part in parts for each in part if not each["holds"]] == []
        assert proof["holds"] is True
        return money_of(self.order())

    def listed(self, kind: str) -> list[Json]:
        """All operations of a kind."""
        found: list[Json] = self.api.get(f"{self.path}/{kind}")[kind]
        return found

    def update(self, *items: Json, **more: Json) -> Json:
        """Add lines to the order by a draft that is completed."""
        draft = self.api.draft(*items, options={"order_id": self.order_id}, **more)
        (order,) = self.api.complete(draft)
        return order


def body(items: dict[int, int], **more: Json) -> Json:
    """An operation as a client writes it."""
    listed = [{"line_id": line_id, "amount": amount} for line_id, amount in items.items()]
    return {"items": listed, **more}


def money_of(order: Json) -> Money:
    """What an order says of its money."""
    details = order["payment_details"]
    return Money(
        details["remaining_authorization_amount"],
        details["remaining_capture_amount"],
        details["remaining_cancellation_amount"],
        details["remaining_refund_amount"],
        details["amount_due"],
        order["payment_status"],
    )


def accepted_sum(answers: list[httpx.Response]) -> int:
    """The sum of the operations that were accepted; all others were refused for good reason."""
    assert {answer.status_code for answer in answers} <= {200, 409}
    return sum(
        answer.json()["amount"] for answer in answers if answer.status_code == httpx.codes.OK
    )
