"""What is kept of an attempt to deliver."""

from __future__ import annotations

import msgspec
import pytest

from ordrebok.webhooks.deliveries import Answered, Delivery, after_attempt, in_portions


def attempted(headers: dict[str, str]) -> Delivery:
    """A delivery that was answered with these headers."""
    delivery = Delivery(id="d", event_delivery="e", event="ping", created_ms=1, body=b"{}")
    answered = Answered(
        url="https://shop.alt/in",
        request_headers={},
        status=200,
        failure=None,
        response_headers=headers,
        response_body="",
        duration_ms=1,
    )
    return after_attempt(delivery, answered, 2, 0.5)


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", '"\\u0000"', "a\\", "ø"])
def test_headers_of_an_answer_are_kept_as_they_came(value: str) -> None:
    """Also those that look like an escape of JSON."""
    kept = attempted({"X-Answer": value}).response_headers
    assert msgspec.json.decode(kept) == {"X-Answer": value}


def test_portions_hold_so_much_and_everything() -> None:
    """However long a body is, it is in a portion; no portion is empty."""

    def long(size: int) -> Delivery:
        return Delivery(
            id=str(size), event_delivery="", event="ping", created_ms=0, body=b"x" * size
        )

    rows = [long(n) for n in (3, 4, 5, 20, 1, 9, 1)]
    portions = [[len(row.body) for row in rows] for rows in in_portions(rows, 10)]
    assert portions == [[3, 4], [5], [20], [1, 9], [1]]
    assert list(in_portions([], 10)) == []
