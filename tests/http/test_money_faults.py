"""Faults that users of other order systems suffered from, about money: here they do not occur."""

from __future__ import annotations

import httpx
import pytest

from tests.http.till import KINDS, Money, Till, accepted_sum
from tests.support.api import Api, line, race, reversal
from tests.support.openapi import Json

CALLERS = 16


@pytest.fixture
def till(api: Api) -> Till:
    """An order of one line of 100."""
    return Till(api, api.order(line(100, 1)))


# ------------------------------------------------------------------------- captured twice


def test_a_webhook_and_a_shop_that_both_complete_capture_once(api: Api) -> None:
    """Payment captured twice: both complete the cart, authorize and capture; one of each counts."""
    draft = api.draft(line(100, 1))

    def finish(_: int) -> tuple[str, httpx.Response, httpx.Response]:
        """What a webhook does, and a shop does, at the same moment."""
        till = Till(api, api.complete(draft)[0])
        authorization = till.send("authorizations", {1: 100})
        return till.order_id, authorization, till.send("captures", {1: 100})

    ends = race(*[lambda n=n: finish(n) for n in range(CALLERS)])
    (order_id,) = {order_id for order_id, _, _ in ends}
    assert len(api.get("orders")["orders"]) == 1
    assert accepted_sum([authorization for _, authorization, _ in ends]) == 100
    assert accepted_sum([capture for _, _, capture in ends]) == 100
    assert Till(api, order_id).money() == Money(0, 0, 0, 100, 0, "paid")


def test_two_orders_are_not_made_of_one_cart_that_is_paid_meanwhile(api: Api) -> None:
    """A duplicate order despite a lock: the cart is read inside the guard, not before it."""
    draft = api.draft(line(100, 1), order_id="CART-1")
    other = api.draft(line(100, 1), order_id="CART-1")

    def finish(number: int) -> Json:
        """Complete one of two drafts of the same order, then pay it."""
        path = f"draft_orders/{(draft, other)[number % 2]['id']}/complete"
        answer = api.send("PUT", path, {})
        if answer.status_code == 200:
            Till(api, "CART-1").send("authorizations", {1: 100})
        return answer

    statuses = [answer.status_code for answer in race(*[lambda n=n: finish(n) for n in range(8)])]
    assert sorted(statuses) == [200] * 4 + [409] * 4
    assert len(api.get("orders")["orders"]) == 1
    assert Till(api, "CART-1").money() == Money(0, 100, 100, 0, 100, "pending")


# -------------------------------------------------------------------- checked too early


def test_of_many_that_saw_one_version_one_is_taken(api: Api) -> None:
    """A version that is checked too early, or on most paths only: every write of money has it."""
    till = Till(api, api.order(line(160, 1)))
    till.authorize({1: 160})
    till.capture({1: 60})
    version = till.order()["version"]
    headers = {"If-Match": f'"{version}"'}
    kinds = ("captures", "refunds", "cancellations")
    answers = race(
        *[lambda n=n: till.send(kinds[n % 3], {1: 1 + n}, headers) for n in range(CALLERS - 2)],
        lambda: api.send("PUT", till.path, {"comment": "seen"}, headers=headers),
        lambda: api.send("POST", f"{till.path}/close", headers=headers),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (CALLERS - 1)
    assert till.order()["version"] == version + 1
    till.money()


def test_a_captured_payment_is_never_put_back(api: Api) -> None:
    """A row that was read before the lock overwrites a capture: here nothing read early is kept."""
    till = Till(api, api.order(line(800, 1)))
    till.authorize({1: 800})

    def work(number: int) -> Json:
        """Half of the callers capture, the others change the order around them."""
        if number % 2:
            return till.send("captures", {1: 100})
        if number % 4:
            return api.send("PUT", till.path, {"metadata": {"by": number}})
        return api.send("POST", f"{till.path}/comments", {"body": str(number)})

    answers = race(*[lambda n=n: work(n) for n in range(CALLERS)])
    assert {answer.status_code for answer in answers} == {200}
    captured = {answer.json()["id"] for answer in answers[1::2]}
    assert {capture["id"] for capture in till.order()["captures"]} == captured
    assert till.money() == Money(0, 0, 0, 800, 0, "paid")


# ----------------------------------------------------------------------- stacked refunds

STACKED = (32, 9, 8, 3, 6, 3)


@pytest.mark.parametrize(
    ("included", "payable", "taken", "rest"),
    [(False, 62, STACKED, 1), (True, 52, STACKED[:4], 0)],
    ids=["tax on top", "tax inside"],
)
def test_stacked_partial_refunds_never_pass_what_was_captured(
    api: Api, payable: int, taken: tuple[int, ...], rest: int, *, included: bool
) -> None:
    """Refunds past the net while the tax is short: together they end exactly at what was paid."""
    tax = {"amount": 10, "included_in_price": included}
    till = Till(api, api.order(line(52, 1, tax_lines=[tax])))
    till.authorize({1: payable})
    till.capture({1: payable})
    refunded = 0
    for amount in STACKED:
        left = payable - refunded
        if amount > left:
            error = till.refused("REFUND_EXCEEDS_CAPTURE", "refunds", {1: amount})
            assert error["errors"][0]["remaining"] == left
            continue
        till.refund({1: amount})
        refunded += amount
        assert till.money().refund == payable - refunded
    assert refunded == sum(taken)
    if rest:
        till.refused("REFUND_EXCEEDS_CAPTURE", "refunds", {1: rest + 1})
        till.refund({1: rest})
    assert till.money() == Money(0, 0, 0, 0, 0, "refunded")
    assert sum(each["amount"] for each in till.listed("refunds")) == payable


# ------------------------------------------------------------------- halves and quantities


def test_no_half_cent_leaves_an_order_partially_paid(api: Api) -> None:
    """A third, a third and a third of 100 in whole units: paid with the last one, not before."""
    till = Till(api, api.order(line(100, 1)))
    till.authorize({1: 100})
    for amount, status in ((33, "partially_paid"), (33, "partially_paid"), (33, "partially_paid")):
        till.capture({1: amount})
        assert till.money().status == status
    half = {"items": [{"line_id": 1, "amount": 0.5}]}
    api.refused("INVALID_REQUEST_PARAMETER", "POST", f"{till.path}/captures", half)
    till.capture({1: 1})
    assert till.money() == Money(0, 0, 0, 100, 0, "paid")


@pytest.mark.parametrize("quantity", [0.333, 1.5, 2.000001, 7])
def test_a_decimal_quantity_does_not_touch_the_amount(api: Api, quantity: float) -> None:
    """Rounding broken by decimal quantities: the amount is the line's, whatever the quantity."""
    till = Till(api, api.order(line(1_999, 1, quantity=quantity)))
    assert till.money().due == 1_999
    till.authorize({1: 1_999})
    till.refused("CAPTURE_EXCEEDS_AUTHORIZATION", "captures", {1: 2_000})
    till.capture({1: 1_999})
    till.update(reversal(2, of=1, gross_amount=-1_999, quantity=quantity))
    till.authorize({2: -1_999})
    till.capture({2: -1_999})
    assert till.money()[:5] == (0, 0, 0, 0, 0)


# ------------------------------------------------------------- what is due, what goes back


def test_an_item_added_and_removed_before_paying_leaves_nothing_to_refund(api: Api) -> None:
    """Settlement is against the net change, in the draft and on the order."""
    draft = api.draft(line(100, 1), line(40, 2))
    api.delete(f"draft_orders/{draft['id']}/items/2")
    till = Till(api, api.complete(draft)[0])
    assert till.money() == Money(100, 0, 0, 0, 100, "pending")
    till.update(line(50, 3))
    till.update(reversal(4, of=3, gross_amount=-50))
    assert till.money() == Money(100, 0, 0, 0, 100, "pending")
    till.authorize({1: 100})
    till.capture({1: 100})
    assert till.money() == Money(0, 0, 0, 100, 0, "paid")


def test_an_item_added_and_removed_after_paying_leaves_nothing_due(till: Till) -> None:
    """The same on an order that is paid: what was never charged is not given back."""
    till.authorize({1: 100})
    till.capture({1: 100})
    till.update(line(50, 2))
    assert till.money() == Money(50, 0, 0, 100, 50, "partially_paid")
    till.update(reversal(3, of=2, gross_amount=-50))
    assert till.money() == Money(0, 0, 0, 100, 0, "paid")


def test_a_refund_needs_nothing_outstanding(till: Till) -> None:
    """Refused because nothing is outstanding: what can be refunded is captured less refunded."""
    till.authorize({1: 100})
    till.capture({1: 40})
    till.cancel({1: 60})
    assert till.money().due == 60
    till.refund({1: 10})
    till.authorize({1: 60})
    till.capture({1: 60})
    assert till.money() == Money(0, 0, 0, 90, 0, "partially_refunded")
    till.refund({1: 90})
    assert till.money().status == "refunded"


def test_a_partial_refund_leaves_no_balance_due(till: Till) -> None:
    """The amount due does not grow by refunds, one by one."""
    till.authorize({1: 100})
    till.capture({1: 100})
    for refunded in range(10, 101, 10):
        till.refund({1: 10})
        money = till.money()
        assert (money.due, money.authorize, money.refund) == (0, 0, 100 - refunded)


def test_what_is_not_money_stays_editable_after_payment(till: Till) -> None:
    """An address that cannot be corrected after delivery: it can, and no amount changes by it."""
    till.authorize({1: 100})
    till.capture({1: 100})
    before = till.money()
    address = {"address_line": "Storgata 1", "postal_place": "Oslo", "country": "NO"}
    till.api.put(till.path, {"shipping_address": address})
    till.refund({1: 100})
    corrected = address | {"address_line": "Storgata 10"}
    order = till.api.put(till.path, {"shipping_address": corrected, "comment": "delivered"})
    assert order["shipping_address"]["address_line"] == "Storgata 10"
    assert till.money() == before._replace(refund=0, status="refunded")
    till.api.post(f"{till.path}/close")
    till.api.put(till.path, {"metadata": {"delivered": True}})
    till.api.post(f"{till.path}/open")
    assert till.api.put(till.path, {"shipping_address": address})["shipping_address"] == address


# ------------------------------------------------------------- refusals that say the remedy


REMEDIES = {
    "authorizations": ("AUTHORIZATION_EXCEEDS_LINE", 100, "an amount from 1 to 100"),
    "captures": ("CAPTURE_EXCEEDS_AUTHORIZATION", 60, "an amount from 1 to 60"),
    "cancellations": ("CANCELLATION_EXCEEDS_AUTHORIZATION", 60, "an amount from 1 to 60"),
    "refunds": ("REFUND_EXCEEDS_CAPTURE", 40, "an amount from 1 to 40"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_names_the_line_the_numbers_and_the_remedy(api: Api, kind: str) -> None:
    """Errors that do not say the rule: this one says what to send, and sending that works."""
    till = Till(api, api.order(line(100, 1), line(100, 2)))
    if kind != "authorizations":
        till.authorize({2: 100})
        till.capture({2: 40})
    code, left, remedy = REMEDIES[kind]
    error = till.refused(code, kind, {2: left + 1})
    assert error["message"] == f"line 2: {left + 1} asked, {left} left"
    (fault,) = error["errors"]
    assert fault == {
        "code": code,
        "message": error["message"],
        "path": ["items", 0, "amount"],
        "description": remedy,
        "line_id": 2,
        "requested": left + 1,
        "remaining": left,
    }
    till.record(kind, {2: int(remedy.rpartition(" ")[2])})


def test_a_second_authorization_is_told_what_to_do(till: Till) -> None:
    """What is open has to be used up first, or several have to be allowed."""
    till.authorize({1: 60})
    error = till.refused("ALREADY_AUTHORIZED", "authorizations", {1: 40})
    assert error["message"] == "line 1: 40 asked, but 60 is authorized and still open"
    (fault,) = error["errors"]
    assert (fault["line_id"], fault["requested"], fault["remaining"]) == (1, 40, 0)
    assert "captured or cancelled" in fault["description"]
    assert "multiple_authorizations" in fault["description"]
    till.capture({1: 60})
    till.authorize({1: 40})
