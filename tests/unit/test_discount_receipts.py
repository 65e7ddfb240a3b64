"""Discounts of a receipt: what is put into it, and that all else comes back as it was."""

from typing import Any

import msgspec

from ordrebok.discounts.engine import Offer
from ordrebok.discounts.receipts import with_discounts
from ordrebok.discounts.standing import NEW, Standing
from ordrebok.wire.base import encode
from ordrebok.wire.discount_receipt import Receipt
from tests.support.builders import NOW
from tests.support.discounts import a_rule, an_offer

Json = dict[str, Any]


def a_receipt(*items: Json, **fields: Any) -> Json:  # noqa: ANN401 -- JSON
    """Return a receipt as a till sends it."""
    known = {
        "receipt_id": "714118",
        "store": {"id": "sc029", "mcc": "5814"},
        "currency": "NOK",
        "purchase_at": NOW.text,
        "round_off_to_coin": 100,
        "items": list(items),
    }
    return known | fields


def an_entry(gross: int, **fields: Any) -> Json:  # noqa: ANN401 -- JSON
    """Return a line of a receipt."""
    return {"gross_amount": gross, "eligible_for_discount": True, "barcode": "3123"} | fields


def asked(receipt: Json, *offers: Offer, books: dict[str, Standing] | None = None) -> Json:
    """Return what comes back for a receipt."""
    sent = encode(receipt)
    read = msgspec.json.decode(sent, type=Receipt)
    answer = with_discounts(read, sent, offers, lambda ref: (books or {}).get(ref, NEW))
    found: Json = msgspec.json.decode(answer)
    return found


def test_a_receipt_comes_back_with_its_discounts() -> None:
    """Lines, net, taxes, and each rule whole with its refs; other fields as they were."""
    tax = {"percentage": 25, "amount": 7_960}
    receipt = a_receipt(an_entry(39_800, line_id=1, tax_lines=[tax]))
    answer = asked(receipt, an_offer(a_rule(value=30)), books={"ref-rule": Standing(amount=60)})
    (item,) = answer["items"]
    assert (item["net_amount"], item["is_changed"], item["barcode"]) == (27_860, True, "3123")
    assert item["discount_lines"][0]["amount"] == 11_940
    assert item["tax_lines"][0]["amount"] == 5_572
    assert (answer["net_amount"], answer["total_discount"]) == (27_860, 11_940)
    assert (answer["is_changed"], answer["round_off_to_coin"]) == (True, 100)
    (discount,) = answer["discounts"]
    assert (discount["id"], discount["reward"]["value"]) == ("rule", 30)
    assert discount["refs"] == [
        {
            "id": "ref-rule",
            "stamp": 0,
            "amount": 11_940,
            "bonus": 0,
            "usage": 1,
            "statistics": {"amount": 12_000, "bonus": 0, "stamp": 0, "usage": 1},
            "items": [{"line_id": 1, "amount": 11_940}],
        }
    ]


def test_a_receipt_that_qualifies_for_nothing_is_unchanged() -> None:
    """To the byte."""
    receipt = a_receipt(an_entry(100, eligible_for_discount=False), an_entry(-100))
    assert asked(receipt, an_offer(a_rule())) == receipt


def test_asking_again_with_the_answer_answers_the_same() -> None:
    """Discounts do not pile up."""
    rules = [an_offer(a_rule()), an_offer(a_rule("discount_amount", 500, id="b"))]
    once = asked(a_receipt(an_entry(10_000)), *rules)
    assert asked(once, *rules) == once


def test_a_bonus_is_a_line_of_its_own() -> None:
    """It takes nothing off."""
    offer = an_offer(a_rule(reward={"effect": "bonus"}))
    answer = asked(a_receipt(an_entry(10_000)), offer)
    (item,) = answer["items"]
    assert (item["net_amount"], answer["net_amount"]) == (10_000, 10_000)
    assert item["bonus_lines"] == [
        {
            "bonus": 1_000,
            "percentage": 10,
            "discount_type": "periodic",
            "discount_id": "rule",
            "description": "Save",
            "line_id": 1,
        }
    ]
    assert answer["discounts"][0]["refs"][0]["items"] == [{"line_id": 1, "bonus": 1_000}]


def test_a_debit_tells_its_balance() -> None:
    """After this purchase."""
    answer = asked(a_receipt(an_entry(6_500)), an_offer(a_rule("discount_debit", 10_000)))
    assert answer["discounts"][0]["refs"][0]["statistics"]["debit_balance"] == 3_500


def test_the_store_and_the_codes_are_the_receipts() -> None:
    """Ranges of category codes, and codes typed at the till."""
    store = {"mcc_ranges": [{"start": "5811", "end": "5814"}]}
    offer = an_offer(a_rule(store=store, discount_code="TACO"))
    coded = asked(a_receipt(an_entry(100), discount_code=["TACO"]), offer)
    assert coded["net_amount"] == 90
    elsewhere = {"id": "x", "mcc": "5999"}
    receipt = a_receipt(an_entry(100), discount_code=["TACO"], store=elsewhere)
    assert asked(receipt, offer) == receipt
