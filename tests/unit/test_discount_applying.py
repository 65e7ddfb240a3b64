"""Discounts on a draft: lines, taxes, totals and `discounts[]`, the same however often applied."""

import random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.discounts.applying import apply, considered
from ordrebok.discounts.engine import Offer
from ordrebok.discounts.explanation import explained
from ordrebok.discounts.shelf import shelved
from ordrebok.discounts.standing import NEW, Standing
from ordrebok.wire.customer import Customer
from ordrebok.wire.draft import Draft
from ordrebok.wire.item import DiscountLine, ItemBody, TaxLine
from tests.support import builders
from tests.support.builders import NOW, a_body, a_tax, accepted
from tests.support.discounts import a_rule, an_offer

CHAIRS = {"items": [{"id": "chair"}]}


def a_draft(*items: ItemBody, **order: Any) -> Draft:  # noqa: ANN401 -- fields of the order
    """Return a draft of these lines."""
    return builders.a_draft(items, **order)


def a_chair(gross: int = 39_800, line_id: int = 1, **about: Any) -> ItemBody:  # noqa: ANN401
    """Return an eligible line of chairs."""
    return a_body(gross, line_id, id="chair", eligible_for_discount=True, **about)


def applied(draft: Draft, *offers: Offer, books: dict[str, Standing] | None = None) -> Draft:
    """Return the draft with the discounts of these offers."""
    return accepted(apply(draft, [shelved(offers)], lambda ref: (books or {}).get(ref, NEW), NOW))


def test_thirty_percent_of_the_guides_chair_and_its_tax() -> None:
    """Gross 398.00, net 278.60, tax 55.72."""
    draft = applied(a_draft(a_chair()), an_offer(a_rule(value=30)))
    (item,) = draft.order.items
    assert (item.gross_amount, item.net_amount, item.is_changed) == (39_800, 27_860, True)
    assert item.tax_lines[0].amount == 5_572
    assert item.tax_lines[0].tax_basis == 27_860 - 5_572
    assert item.discount_lines == (
        DiscountLine(
            amount=11_940,
            percentage=30,
            discount_type="periodic",
            discount_id="rule",
            description="Save",
            line_id=1,
        ),
    )
    order = draft.order
    assert (order.gross_amount, order.net_amount) == (39_800, 27_860)
    assert (order.total_discount, order.total_manual_discount_amount) == (11_940, 0)


def test_three_for_two_takes_its_tax_along() -> None:
    """Gross 90.00, net 60.00, tax 12.00."""
    rule = a_rule("discount_item_quantity", 1, item={**CHAIRS, "quantity": 3})
    (item,) = applied(a_draft(a_chair(9_000, quantity=3)), an_offer(rule)).order.items
    assert (item.net_amount, item.tax_lines[0].amount) == (6_000, 1_200)
    assert item.discount_lines[0].percentage is None


def test_the_discounts_of_an_order_say_who_got_what() -> None:
    """The printed example: 30.00 on one line, 70.00 on another; statistics hold this purchase."""
    draft = a_draft(a_chair(3_000, 1), a_chair(7_000, 5), customer=Customer(id="C1"))
    limited = a_rule("discount_amount", 10_000, limitation={"discount_repeat_usage": 5})
    offer = an_offer(limited, "C1")
    books = {"ref-rule": Standing(usage=2, amount=500, stamp=3)}
    order = applied(draft, offer, books=books).order
    assert msgspec.to_builtins(order.discounts) == (
        {
            "id": "rule",
            "refs": (
                {
                    "id": "ref-rule",
                    "amount": 10_000,
                    "statistics": {"amount": 10_500, "stamp": 3, "usage": 3},
                    "stamp": 0,
                    "usages": 1,
                    "items": ({"line_id": 1, "amount": 3_000}, {"line_id": 5, "amount": 7_000}),
                },
            ),
        },
    )
    assert [item.discount_lines[0].discount_type for item in order.items] == ["customer"] * 2


def test_a_draft_does_not_rest_on_books_that_change_nothing() -> None:
    """Whoever else uses a rule without limits does not make the draft be decided again."""
    draft = a_draft(a_chair(3_000, 1))
    asked: list[str] = []

    def book(ref_id: str) -> Standing:
        """Note who is asked for."""
        asked.append(ref_id)
        return Standing()

    shelf = shelved([an_offer(a_rule(value=10))])
    (discount,) = accepted(apply(draft, [shelf], book, NOW)).order.discounts or ()
    assert (asked, discount.refs and discount.refs[0].statistics) == ([], None)


def test_applying_again_changes_nothing() -> None:
    """Not a line, not a tax, not a version of a line."""
    manual = DiscountLine(amount=800, discount_type="manual", line_id=7)
    draft = a_draft(a_chair(discount_lines=(manual,)), a_chair(9_999, 2))
    offers = [an_offer(a_rule(value=10)), an_offer(a_rule("discount_amount", 500, id="b"))]
    once = applied(draft, *offers)
    assert applied(once, *offers[::-1]) == once
    lines = once.order.items[0].discount_lines
    assert lines[0] == manual
    assert [line.line_id for line in lines] == [7, 8, 9]


def test_what_no_longer_applies_goes_without_a_trace() -> None:
    """The taxes are what they were before."""
    draft = a_draft(a_chair(), a_chair(5_000, 2, taxes=[TaxLine(amount=333)]))
    discounted = applied(draft, an_offer(a_rule(value=33)))
    assert discounted.order.items[1].tax_lines[0].amount == 223
    bare = applied(discounted)
    amounts = [(item.net_amount, item.tax_lines[0].amount) for item in bare.order.items]
    assert amounts == [(39_800, 7_960), (5_000, 333)]
    assert bare.order.discounts is None
    assert [item.is_changed for item in bare.order.items] == [None, None]
    assert bare.order.total_discount == 0


@pytest.mark.parametrize(
    "tax",
    [
        TaxLine(amount=333),
        TaxLine(amount=333, included_in_price=False),
        TaxLine(amount=333, amount_dwh="333.3333", tax_basis=2_500),
        a_tax(25, tax_basis=2_500),
        a_tax(25),
        a_tax(25, exempt=True),
    ],
)
@pytest.mark.parametrize("manual", [0, 1_700])
def test_a_tax_is_back_when_a_line_costs_something_again(tax: TaxLine, manual: int) -> None:
    """Also one without a percentage, of which a net of 0 would know nothing any more."""
    lines = (DiscountLine(amount=manual, discount_type="manual"),) if manual else ()
    draft = a_draft(a_chair(5_000, taxes=[tax], discount_lines=lines))
    offer = an_offer(a_rule(value=100))
    free = applied(draft, offer)
    (item,) = free.order.items
    assert (item.net_amount, item.tax_lines[0].amount) == (0, 0)
    shared = tax.percentage is None or tax.tax_basis is not None
    assert (item.undiscounted_tax_lines is not None) == shared
    assert applied(free, offer) == free
    (before,), (after,) = draft.order.items, applied(free).order.items
    assert after.net_amount == before.net_amount
    for name in ("amount", "tax_basis", "percentage", "exempt", "included_in_price"):
        assert getattr(after.tax_lines[0], name) == getattr(before.tax_lines[0], name), name
    assert after.undiscounted_tax_lines is None


@pytest.mark.parametrize(("value", "tax"), [(50, 167), (33, 223), (0.01, 333), (99.99, 0)])
def test_a_tax_goes_on_from_what_it_was_when_another_rule_takes_less(
    value: float, tax: int
) -> None:
    """A rule that took all is followed by one that takes a part."""
    draft = a_draft(a_chair(5_000, taxes=[TaxLine(amount=333)]))
    free = applied(draft, an_offer(a_rule(value=100)))
    part = an_offer(a_rule(value=value))
    (item,) = applied(free, part).order.items
    assert item.tax_lines[0].amount == tax
    assert applied(free, part).order.items == applied(draft, part).order.items


def test_a_tax_is_back_from_any_amounts() -> None:
    """To the unit, whatever was taken off by hand before."""
    chance = random.Random(7)
    offer = an_offer(a_rule(value=100))
    for _ in range(300):
        gross = chance.choice([9, 1_000, 10**6, 10**12]) + chance.randrange(9)
        manual = chance.randrange(gross)
        amount = chance.randrange(gross - manual + 1)
        tax = TaxLine(amount=amount, tax_basis=chance.choice([None, chance.randrange(gross)]))
        lines = (DiscountLine(amount=manual, discount_type="manual"),)
        draft = a_draft(a_chair(gross, taxes=[tax], discount_lines=lines))
        (before,), (after,) = draft.order.items, applied(applied(draft, offer)).order.items
        assert after.tax_lines[0].amount == before.tax_lines[0].amount
        assert after.tax_lines[0].tax_basis == before.tax_lines[0].tax_basis


def test_a_tax_beyond_all_measure_is_not_kept() -> None:
    """Seen from the gross amount it could not be stored."""
    manual = DiscountLine(amount=9_999, discount_type="manual")
    tax = TaxLine(amount=9_000_000_000_000_000)
    draft = a_draft(a_chair(10_000, taxes=[tax], discount_lines=(manual,)))
    (item,) = applied(draft, an_offer(a_rule(value=100))).order.items
    assert (item.net_amount, item.undiscounted_tax_lines) == (0, None)


def test_manual_and_external_lines_are_never_touched() -> None:
    """Not even when they name a rule."""
    lines = (
        DiscountLine(amount=100, discount_type="manual", discount_id="rule"),
        DiscountLine(amount=100, discount_type="external", discount_id="rule"),
        DiscountLine(amount=100, discount_type="customer", discount_id="rule"),
        DiscountLine(amount=100, discount_type="loyalty", discount_id="elsewhere"),
    )
    draft = a_draft(a_chair(10_000, discount_lines=lines))
    (item,) = applied(draft, an_offer(a_rule(value=10))).order.items
    assert [line.amount for line in item.discount_lines] == [100, 100, 100, 1_000]
    assert item.net_amount == 8_700


@pytest.mark.parametrize(
    ("tax", "amount", "basis"),
    [
        (a_tax(25), 4_000, 16_000),
        (a_tax(25, amount=9_999), 4_000, 16_000),
        (a_tax(25, included_in_price=False), 5_000, 20_000),
        (a_tax(25, exempt=True), 0, 20_000),
        (TaxLine(amount=5_001), 2_501, 17_499),
        (TaxLine(amount=5_000, tax_basis=30_000), 2_500, 15_000),
    ],
)
def test_each_kind_of_tax_follows_the_net(tax: TaxLine, amount: int, basis: int) -> None:
    """With a percentage it is computed, else it keeps its share."""
    draft = applied(a_draft(a_chair(40_000, taxes=[tax])), an_offer(a_rule(value=50)))
    (line,) = draft.order.items[0].tax_lines
    assert (line.amount, line.tax_basis) == (amount, basis)


def test_the_percentage_is_that_of_the_line() -> None:
    """Where `values` gave another, that one is written."""
    values = [{"items": [{"id": "chair"}], "value": 20.5}]
    rule = a_rule(value=10, item={"items": [{"id": "*"}]}, reward={"values": values})
    other = a_body(1_000, 2, id="table", eligible_for_discount=True)
    items = applied(a_draft(a_chair(), other), an_offer(rule)).order.items
    assert [item.discount_lines[0].percentage for item in items] == [20.5, 10]


def test_a_bonus_is_told_and_takes_nothing_off() -> None:
    """Orders have no bonus lines; the ref says what was collected."""
    draft = applied(a_draft(a_chair(10_000)), an_offer(a_rule(reward={"effect": "bonus"})))
    assert draft.order.net_amount == 10_000
    assert draft.order.discounts is not None
    assert draft.order.discounts[0].refs is not None
    assert (draft.order.discounts[0].refs[0].bonus, draft.order.discounts[0].refs[0].amount) == (
        1_000,
        0,
    )


def test_reversals_and_what_is_not_eligible_stay_as_they_are() -> None:
    """The same items come back."""
    draft = a_draft(a_body(-100, 1), a_body(100, 2))
    assert applied(draft, an_offer(a_rule())) == draft


def test_a_code_comes_with_the_metadata_or_as_an_item() -> None:
    """One text, or a list."""
    offer = an_offer(a_rule(discount_code="TACO"))
    for metadata, net in (
        ({"discount_code": "TACO"}, 9_000),
        ({"discount_code": ["X", "TACO"]}, 9_000),
        ({"discount_code": 5}, 10_000),
        (None, 10_000),
    ):
        draft = a_draft(a_chair(10_000), metadata=metadata)
        assert applied(draft, offer).order.net_amount == net
    coupon = a_body(0, 2, id="TACO")
    assert applied(a_draft(a_chair(10_000), coupon), offer).order.net_amount == 9_000


def test_an_explanation_names_amounts_or_the_first_thing_that_failed() -> None:
    """For every rule that was considered; the code itself is not given away."""
    offers = [
        an_offer(a_rule(value=10, id="ten")),
        an_offer(a_rule(id="dear", gross_amount=50_000)),
        an_offer(a_rule(id="coded", discount_code="SECRET")),
        an_offer(a_rule(id="card", stamp=5)),
    ]
    draft = a_draft(a_chair(10_000))
    result, purchase = considered(draft.order, [shelved(offers)], lambda _: NEW, NOW)
    answer = msgspec.to_builtins(explained(result, purchase.lines, NOW))
    assert answer["purchase_at"] == NOW.text
    by_id = {each["id"]: each for each in answer["discounts"]}
    assert by_id["ten"]["items"] == ({"line_id": 1, "amount": 1_000},)
    assert by_id["dear"]["failed"] == {
        "requirement": "requirement.gross_amount",
        "message": "The purchase is smaller than the rule requires",
        "required": 50_000,
        "found": 10_000,
    }
    assert by_id["coded"]["failed"]["requirement"] == "requirement.discount_code"
    assert "SECRET" not in str(by_id["coded"])
    assert (by_id["card"]["applied"], by_id["card"]["stamp"]) == (False, 1)
    assert by_id["card"]["failed"]["required"] == 5


def test_an_explanation_prints_moments() -> None:
    """As all answers do."""
    rule = a_rule()
    early = replace(
        rule, requirement=replace(rule.requirement, purchase_from=rule.requirement.purchase_to)
    )
    result, purchase = considered(
        a_draft(a_chair()).order, [shelved([an_offer(early)])], lambda _: NEW, NOW
    )
    (one,) = explained(result, purchase.lines, NOW).discounts
    assert one.failed is not None
    assert (one.failed.required, one.failed.found) == ("2027-01-01T00:00:00.000Z", NOW.text)
