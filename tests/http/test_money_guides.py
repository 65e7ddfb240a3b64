"""The money of the guides, from the first draft to the last refund, as an integrator types it."""

from __future__ import annotations

from tests.http.till import Money, Till
from tests.support.api import Api, line, reversal
from tests.support.openapi import Json

CHAIR = {
    "id": "175938",
    "line_id": 1,
    "quantity": 2,
    "gross_amount": 39_800,
    "tax_lines": [{"amount": 7960, "percentage": 25}],
    "description": "Stablestol for utendørsbruk",
    "description_alias": "Stablestol",
}
PAID = {"payment_details": {"payment_id": "PID_123"}, "success": True}


def two_chairs(api: Api, **options: Json) -> Till:
    """The order of the first guide."""
    draft = {
        "options": {"generate_order_id": "ALPHANUMERIC_9", **options},
        "order": {"currency": "NOK", "items": [CHAIR]},
    }
    (order,) = api.complete(api.post("draft_orders", draft))
    return Till(api, order)


def returned_chairs(line_id: int = 2) -> Json:
    """The line that takes the chairs back."""
    return {
        "id": "175938",
        "line_id": line_id,
        "quantity": 2,
        "gross_amount": -39_800,
        "tax_lines": [{"amount": -7960, "percentage": 25}],
        "reversed_reason": "Replace item",
        "related_item": {"line_id": 1, "type": "reversed"},
        "description": "Stablestol for utendørsbruk",
    }


def other_chair(gross_amount: int, line_id: int = 3) -> Json:
    """The line that takes their place."""
    tax = {"amount": gross_amount // 5, "percentage": 25}
    return {
        "id": "003929",
        "line_id": line_id,
        "quantity": 1,
        "gross_amount": gross_amount,
        "tax_lines": [tax],
        "description": "Stol",
    }


def authorized_and_captured(till: Till, items: dict[int, int]) -> None:
    """Record both, with the same body, as the guide does."""
    till.authorize(items, **PAID)
    till.capture(items, **PAID)


def test_authorize_then_capture(api: Api) -> None:
    """Create, complete, authorize, capture: the same body is accepted once for each."""
    till = two_chairs(api)
    assert till.money() == Money(39_800, 0, 0, 0, 39_800, "pending")
    authorization = till.authorize({1: 39_800}, **PAID)
    assert authorization["payment_details"] == {"payment_id": "PID_123"}
    assert (authorization["amount"], authorization["success"]) == (39_800, True)
    assert till.money() == Money(0, 39_800, 39_800, 0, 39_800, "pending")
    till.capture({1: 39_800}, **PAID)
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")
    for code, kind in (
        ("AUTHORIZATION_EXCEEDS_LINE", "authorizations"),
        ("CAPTURE_EXCEEDS_AUTHORIZATION", "captures"),
    ):
        (fault,) = till.refused(code, kind, {1: 39_800}, **PAID)["errors"]
        assert fault.items() >= {"line_id": 1, "requested": 39_800, "remaining": 0}.items()


def test_the_checkout_session_of_an_order(api: Api) -> None:
    """The lines to pay are picked; the customer pays there; then it is recorded by hand."""
    till = two_chairs(api)
    request = {
        "items": [{"line_id": "1"}],
        "profile_id": "default",
        "url": {
            "return_url": "https://shop.test/return",
            "callback_url": "https://shop.test/callback",
            "merchant_terms_url": "https://shop.test/terms",
        },
    }
    session = api.post(f"{till.path}/sessions", request)
    assert session["items"] == [{"line_id": "1", "amount": 39_800}]
    assert session["amount"] == 39_800
    (link,) = session["_links"]
    assert (link["rel"], link["href"]) == ("session_link", session["url"])
    assert till.money() == Money(39_800, 0, 0, 0, 39_800, "pending")
    authorized_and_captured(till, {1: 39_800})
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")


def test_replace_an_item_at_the_same_price(api: Api) -> None:
    """The reversal guide: what was captured pays for what takes its place; nothing is left over."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    till.update(returned_chairs(), other_chair(39_800))
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")
    authorized_and_captured(till, {2: -39_800})
    assert till.money() == Money(39_800, 0, 0, 0, 39_800, "pending")
    authorized_and_captured(till, {3: 39_800})
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")
    order = till.order()
    assert [each["amount"] for each in order["captures"]] == [39_800, -39_800, 39_800]
    assert (order["gross_amount"], order["net_amount"]) == (39_800, 39_800)


def test_both_lines_of_a_replacement_in_one_operation(api: Api) -> None:
    """The reversed and the new line together: an operation whose amount is zero."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    till.update(returned_chairs(), other_chair(39_800))
    assert till.authorize({2: -39_800, 3: 39_800}, **PAID)["amount"] == 0
    assert till.capture({2: -39_800, 3: 39_800}, **PAID)["amount"] == 0
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")


def test_money_left_over_is_refunded_by_a_line_of_its_own(api: Api) -> None:
    """The original was dearer: a refund line holds the rest, and a refund brings it back."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    rest = line(9_800, 4, id="refund", description="Refund of the rest")
    till.update(returned_chairs(), other_chair(30_000), rest)
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")
    authorized_and_captured(till, {2: -39_800})
    authorized_and_captured(till, {3: 30_000, 4: 9_800})
    assert till.money() == Money(0, 0, 0, 39_800, 0, "paid")
    refund = till.refund({4: 9_800}, **PAID)
    assert refund["amount"] == 9_800
    # Captured 39,800 and given back 9,800: the customer has paid 30,000 for the new chair.
    assert till.money() == Money(0, 0, 0, 30_000, 0, "partially_refunded")
    assert till.refused("REFUND_EXCEEDS_CAPTURE", "refunds", {4: 1})["errors"][0]["remaining"] == 0

    order = till.order()
    assert [item["line_id"] for item in order["items"]] == [1, 2, 3, 4]
    captured = sum(each["amount"] for each in order["captures"])
    refunded = sum(each["amount"] for each in order["refunds"])
    assert (captured, refunded, captured - refunded) == (39_800, 9_800, 30_000)


def test_missing_money_is_authorized_and_captured_too(api: Api) -> None:
    """The replacement is dearer: the new line is paid in one, the rest of it by the customer."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    till.update(returned_chairs(), other_chair(50_000))
    assert till.money() == Money(10_200, 0, 0, 39_800, 10_200, "partially_paid")
    authorized_and_captured(till, {2: -39_800})
    assert till.money() == Money(50_000, 0, 0, 0, 50_000, "pending")
    till.authorize({3: 39_800}, **PAID)
    till.capture({3: 39_800}, **PAID)
    assert till.money() == Money(10_200, 0, 0, 39_800, 10_200, "partially_paid")
    more = {"payment_details": {"payment_id": "PID_124"}, "success": True}
    till.authorize({3: 10_200}, **more)
    till.capture({3: 10_200}, **more)
    assert till.money() == Money(0, 0, 0, 50_000, 0, "paid")


def test_missing_money_with_several_authorizations_of_one_line(api: Api) -> None:
    """The same on an order that takes several: both are open at once, and named when captured."""
    till = two_chairs(api, multiple_authorizations=True)
    first = till.authorize({1: 39_800}, **PAID)["id"]
    till.capture({1: 39_800}, authorization_id=first, **PAID)
    till.update(returned_chairs(), other_chair(50_000))
    back = till.authorize({2: -39_800}, **PAID)["id"]
    till.capture({2: -39_800}, authorization_id=back, **PAID)
    old = till.authorize({3: 39_800}, **PAID)["id"]
    new = till.authorize({3: 10_200}, payment_details={"payment_id": "PID_124"})["id"]
    assert till.money() == Money(0, 50_000, 50_000, 0, 50_000, "pending")
    (fault,) = till.refused(
        "CAPTURE_EXCEEDS_AUTHORIZATION", "captures", {3: 10_201}, authorization_id=new
    )["errors"]
    assert fault["remaining"] == 10_200
    captured = [
        till.capture({3: 39_800}, authorization_id=old),
        till.capture({3: 10_200}, authorization_id=new),
    ]
    assert [each["authorization_id"] for each in captured] == [old, new]
    assert till.money() == Money(0, 0, 0, 50_000, 0, "paid")


def test_money_left_over_is_refunded_from_the_original_line(api: Api) -> None:
    """Nothing takes the place of what came back: the line is refunded, and that is all."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    till.refund({1: 10_000}, **PAID)
    assert till.money() == Money(0, 0, 0, 29_800, 0, "partially_refunded")
    till.refund({1: 29_800}, **PAID)
    assert till.money() == Money(0, 0, 0, 0, 0, "refunded")


def test_a_reversal_of_part_of_a_line_is_settled_in_part(api: Api) -> None:
    """One of two chairs goes back: half is captured back, and the rest stays paid."""
    till = two_chairs(api)
    authorized_and_captured(till, {1: 39_800})
    till.update(reversal(2, of=1, gross_amount=-19_900, quantity=1))
    assert till.money() == Money(-19_900, 0, 0, 39_800, -19_900, "paid")
    authorized_and_captured(till, {2: -19_900})
    assert till.money() == Money(0, 0, 0, 19_900, 0, "paid")


def test_a_reversal_before_anything_was_captured(api: Api) -> None:
    """What was only authorized is cancelled, and the new line is paid in its place."""
    till = two_chairs(api)
    till.authorize({1: 39_800}, **PAID)
    till.update(returned_chairs(), other_chair(30_000))
    till.cancel({1: 39_800}, **PAID)
    assert till.money() == Money(30_000, 0, 0, 0, 30_000, "pending")
    authorized_and_captured(till, {3: 30_000})
    assert till.money() == Money(0, 0, 0, 30_000, 0, "paid")


def test_an_event_of_a_service_stands_between_the_payments(api: Api) -> None:
    """Each operation leaves one event, and what a service reports stands among them in order."""
    till = two_chairs(api)
    till.authorize({1: 39_800}, **PAID)
    report = {"service": "kitchen", "service_status": "ready_for_pickup", "state": "success"}
    api.post(f"{till.path}/events", report)
    till.capture({1: 39_800}, **PAID)
    events = till.order()["events"]
    assert [event["version"] for event in events] == [1, 2, 3, 4]
    paths = [event.get("request", {}).get("path", "").rpartition("/")[2] for event in events]
    assert paths == ["", "authorizations", "", "captures"]
    assert till.order()["state"] == "success"
