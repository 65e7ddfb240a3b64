"""A line's net amount and taxes, what lines sum to, and what leaves with a removed line."""

import time

import pytest
from msgspec.structs import replace

from ordrebok.items.rules import Totals, fits, next_line_id, payable, priced, totals, without
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.wire.base import encode
from ordrebok.wire.item import DiscountLine, Item, TaxLine
from tests.support.builders import a_body, a_tax, accepted, an_item, fault_codes


def taxed(gross: int, *taxes: TaxLine, discounts: tuple[int, ...] = ()) -> tuple[TaxLine, ...]:
    """Return the tax lines of a line as they are kept."""
    return an_item(gross, discounts=discounts, taxes=taxes).tax_lines


# ------------------------------------------------------------------------------- net and tax


@pytest.mark.parametrize(
    ("gross", "discounts", "net"),
    [
        (39_800, (), 39_800),
        (39_800, (11_880,), 27_920),
        (39_800, (10_000, 1_880), 27_920),
        (100, (100,), 0),
        (0, (), 0),
        (0, (0,), 0),
        (-100, (), -100),
        (-100, (-30,), -70),
        (-100, (-100,), 0),
        (100, (60, -20), 60),
    ],
)
def test_the_net_amount_is_gross_less_discounts(
    gross: int, discounts: tuple[int, ...], net: int
) -> None:
    """A discount takes away from the amount of the whole line."""
    assert an_item(gross, discounts=discounts).net_amount == net


@pytest.mark.parametrize(
    ("gross", "discounts"),
    [(100, (101,)), (100, (60, 60)), (100, (-1,)), (-100, (-101,)), (-100, (1,)), (0, (1,))],
)
def test_a_discount_never_changes_the_sign_of_a_line(
    gross: int, discounts: tuple[int, ...]
) -> None:
    """Nor does it make a line dearer; the refusal says what was asked and what is there."""
    faults = priced(a_body(gross, discounts=discounts), line_id=1, version=1)
    assert not isinstance(faults, Item)
    assert fault_codes(faults) == ["DISCOUNT_EXCEEDS_LINE"]
    assert faults[0].message.startswith(f"discounts of {sum(discounts)} ")
    assert faults[0].data == {
        "gross_amount": gross,
        "requested": sum(discounts),
        "remaining": gross,
    }


@pytest.mark.parametrize("gross", [1, 2, 3, 99, 100, 39_799, 39_800])
def test_a_discount_of_one_moves_the_total_by_one(gross: int) -> None:
    """A discount of one unit on one line never moves a total by two."""
    others = [an_item(333, 2), an_item(1, 3)]
    before = totals([an_item(gross, 1), *others])
    after = totals([an_item(gross, 1, discounts=(1,)), *others])
    assert (after.net_amount, after.total_discount) == (before.net_amount - 1, 1)


def test_tax_follows_when_a_discount_is_removed() -> None:
    """The tax is computed from what the line is, so a discount that went leaves no trace."""
    never = an_item(39_800)
    discounted = an_item(39_800, discounts=(11_880,))
    undone = an_item(39_800, discounts=())
    assert discounted.tax_lines[0].amount == 5_584
    assert undone == never
    assert undone.tax_lines[0].amount == 7_960


def test_a_computed_tax_comes_with_its_basis_and_the_unrounded_values() -> None:
    """Everything a receipt needs follows from the percentage."""
    (line,) = taxed(39_799, a_tax(25))
    assert line == a_tax(
        25, amount=7_960, amount_dwh="7959.8000", tax_basis=31_839, tax_basis_dwh="31839.2000"
    )


def test_a_tax_outside_the_price_has_the_net_amount_as_its_basis() -> None:
    """What comes on top is computed of the whole net amount."""
    (line,) = taxed(1_000, a_tax(12.5, included_in_price=False))
    assert (line.amount, line.amount_dwh) == (125, "125.0000")
    assert (line.tax_basis, line.tax_basis_dwh) == (1_000, "1000.0000")


@pytest.mark.parametrize("percentage", [None, 0, 25])
def test_an_exempt_line_has_no_tax(percentage: float | None) -> None:
    """Exempt means zero, whatever percentage the line would have had."""
    (line,) = taxed(1_000, a_tax(percentage, exempt=True))
    assert (line.amount, line.tax_basis) == (0, 1_000)
    assert (line.amount_dwh, line.tax_basis_dwh) == ("0.0000", "1000.0000")


def test_an_exempt_line_with_a_tax_contradicts_itself() -> None:
    """Both cannot be true, so neither is taken."""
    faults = priced(a_body(1_000, taxes=[a_tax(25, exempt=True, amount=200)]), line_id=1, version=1)
    assert not isinstance(faults, Item)
    assert [(fault.code, fault.path) for fault in faults] == [
        ("EXEMPT_WITH_TAX", ("tax_lines", 0, "amount"))
    ]


def test_a_tax_amount_that_the_client_gave_is_kept() -> None:
    """The client may round by another rule; only the missing basis is filled in."""
    (line,) = taxed(39_800, a_tax(25, amount=7_961))
    assert line == a_tax(25, amount=7_961, tax_basis=31_839)


def test_a_tax_basis_that_the_client_gave_is_kept() -> None:
    """What was given is a fact of the client's books."""
    (line,) = taxed(39_800, a_tax(25, tax_basis=31_000))
    assert (line.amount, line.tax_basis) == (7_960, 31_000)
    (line,) = taxed(39_800, a_tax(25, amount=7_960, tax_basis=31_000))
    assert line.tax_basis == 31_000


def test_a_tax_without_percentage_and_amount_is_zero() -> None:
    """An empty tax line is allowed and says that nothing is known to be due."""
    (line,) = taxed(1_000, TaxLine())
    assert (line.amount, line.tax_basis) == (0, 1_000)


def test_several_taxes_are_each_computed_from_the_net_amount() -> None:
    """One line may carry two rates."""
    first, second = taxed(1_000, a_tax(25), a_tax(15), discounts=(100,))
    assert (first.amount, second.amount) == (180, 117)


def test_a_tax_that_cannot_be_held_exactly_is_refused() -> None:
    """A thousand percent of the largest amount would pass what JSON readers hold."""
    faults = priced(
        a_body(AMOUNT_LIMIT, taxes=[a_tax(1_000, included_in_price=False)]), line_id=1, version=1
    )
    assert not isinstance(faults, Item)
    assert fault_codes(faults) == ["MAXIMUM"]


def test_a_tax_basis_that_cannot_be_held_exactly_is_refused() -> None:
    """What is stored must be readable again, also at the edge of the amounts."""
    taxes = [a_tax(None, amount=-AMOUNT_LIMIT)]
    faults = priced(a_body(AMOUNT_LIMIT, taxes=taxes), line_id=1, version=1)
    assert not isinstance(faults, Item)
    assert fault_codes(faults) == ["MAXIMUM"]


@pytest.mark.parametrize(
    ("net", "taxes", "expected"),
    [
        (1_000, [a_tax(25)], 1_000),
        (1_000, [a_tax(25, included_in_price=True)], 1_000),
        (1_000, [a_tax(25, included_in_price=False)], 1_250),
        (1_000, [a_tax(25, included_in_price=False), a_tax(15, included_in_price=False)], 1_400),
        (1_000, [a_tax(25, included_in_price=False, exempt=True)], 1_000),
        (-1_000, [a_tax(25, included_in_price=False)], -1_250),
    ],
)
def test_the_customer_pays_net_and_the_taxes_outside_the_price(
    net: int, taxes: list[TaxLine], expected: int
) -> None:
    """A tax inside the price is paid with it."""
    assert payable(an_item(net, taxes=taxes)) == expected


# --------------------------------------------------------------------------------- quantities


@pytest.mark.parametrize("quantity", [1, 5_000, 0.5, 1.25, 0.000001, 1.123456, 12_345.678901, 2.0])
def test_a_quantity_may_have_six_decimals(quantity: float) -> None:
    """Weights and lengths are sold, too."""
    assert an_item(100, quantity=quantity).quantity == quantity


@pytest.mark.parametrize("quantity", [0.0000001, 1.1234567, 1e-10])
def test_a_quantity_of_seven_decimals_is_too_fine(quantity: float) -> None:
    """The refusal names the property and what would be accepted."""
    faults = priced(a_body(100, quantity=quantity), line_id=1, version=1)
    assert not isinstance(faults, Item)
    assert [(fault.code, fault.path) for fault in faults] == [("NOT_MULTIPLE_OF", ("quantity",))]


@pytest.mark.parametrize("quantity", [1, 3, 0.333333, 2.5, 5_000])
def test_a_quantity_never_multiplies_the_amount(quantity: float) -> None:
    """The amount is the whole line's, so a decimal quantity cannot break its rounding."""
    item = an_item(999, quantity=quantity, discounts=(9,))
    assert (item.gross_amount, item.net_amount, payable(item)) == (999, 990, 990)
    assert item.tax_lines == an_item(999, discounts=(9,)).tax_lines


def test_five_thousand_units_are_one_line() -> None:
    """A quantity is a number, not rows: many units cost no more time than one."""
    begin = time.process_time()
    item = an_item(5_000 * 199, quantity=5_000)
    assert totals([item]) == Totals(995_000, 995_000, 0, 0)
    assert len(encode(item)) < 500
    assert time.process_time() - begin < 0.1


def test_all_faults_of_a_line_are_listed() -> None:
    """A client repairs everything at once."""
    body = a_body(
        100, quantity=0.1234567, discounts=(200,), taxes=[a_tax(25), a_tax(exempt=True, amount=1)]
    )
    faults = priced(body, line_id=1, version=1)
    assert not isinstance(faults, Item)
    assert fault_codes(faults) == ["NOT_MULTIPLE_OF", "DISCOUNT_EXCEEDS_LINE", "EXEMPT_WITH_TAX"]


def test_what_a_client_sends_for_computed_fields_does_not_count() -> None:
    """A line that was read and is sent back is computed anew."""
    read = an_item(39_800)
    again = accepted(priced(replace(read, net_amount=1), line_id=7, version=3))
    assert (again.line_id, again.net_amount, again.version) == (7, 39_800, 3)


# ------------------------------------------------------------------------------------- totals


def test_totals_are_sums_over_the_lines() -> None:
    """Gross, net and discounts are added up; a reversed line takes away."""
    items = [
        an_item(39_800, 1, discounts=(800,)),
        an_item(20_000, 2),
        an_item(-10_000, 3, discounts=(-200,)),
    ]
    assert totals(items) == Totals(49_800, 49_200, 600, 0)


def test_manual_discounts_are_also_summed_on_their_own() -> None:
    """A shop watches what its staff gives away."""
    discounts = (
        DiscountLine(amount=100, discount_type="manual"),
        DiscountLine(amount=30, discount_type="customer"),
        DiscountLine(discount_type="manual"),
    )
    item = accepted(priced(a_body(1_000, discount_lines=discounts), line_id=1, version=1))
    assert totals([item]) == Totals(1_000, 870, 130, 100)


def test_no_lines_sum_to_nothing() -> None:
    """An empty draft has totals, too."""
    assert totals([]) == Totals(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        (Totals(0, 0, 0, 0), True),
        (Totals(AMOUNT_LIMIT, -AMOUNT_LIMIT, 0, 0), True),
        (Totals(AMOUNT_LIMIT + 1, 0, 0, 0), False),
        (Totals(0, -AMOUNT_LIMIT - 1, 0, 0), False),
        (Totals(0, 0, 0, AMOUNT_LIMIT + 1), False),
    ],
)
def test_a_total_must_be_held_exactly(sums: Totals, *, expected: bool) -> None:
    """The limit holds for every one of the sums, on both sides."""
    assert fits(sums) is expected


# ------------------------------------------------------------------------------- line numbers


def test_the_next_line_number_is_above_all_others() -> None:
    """Gaps are not filled, so that a number once seen keeps its meaning."""
    assert next_line_id([]) == 1
    assert next_line_id([an_item(1, 0)]) == 1
    assert next_line_id([an_item(1, 7), an_item(1, 3)]) == 8
    assert next_line_id([an_item(1, 7)], [an_item(1, 12)]) == 13


# ------------------------------------------------------------------------------ related lines


def related(*relations: tuple[str, int] | None) -> list[Item]:
    """Return lines 1, 2, 3 ... with these relations."""
    return [an_item(100, number, related=relation) for number, relation in enumerate(relations, 1)]


@pytest.mark.parametrize(
    ("relations", "removed", "left"),
    [
        ([None, None], 1, [2]),
        ([None, ("required", 1)], 1, []),
        ([None, ("reversed", 1)], 1, []),
        ([None, ("optional", 1)], 1, [2]),
        ([None, ("required", 1)], 2, [1]),
        ([None, ("required", 1), ("required", 2), ("reversed", 3)], 1, []),
        ([None, ("required", 1), ("optional", 2), ("required", 3)], 1, [3, 4]),
        ([None, ("required", 1), ("required", 1), None], 1, [4]),
        ([("required", 2), ("required", 1), None], 1, [3]),
        ([("required", 1), None], 1, [2]),
        ([None, ("required", 9)], 1, [2]),
    ],
)
def test_lines_that_need_a_removed_line_go_too(
    relations: list[tuple[str, int] | None], removed: int, left: list[int]
) -> None:
    """Required and reversing lines follow, through any chain and round any circle."""
    assert [item.line_id for item in without(related(*relations), removed)] == left


def test_an_optional_relation_to_a_removed_line_is_cleared() -> None:
    """The line stays, also when its related line went only as a follower."""
    first, second = without(related(None, ("required", 1), ("optional", 2), ("optional", 3)), 1)
    assert (first.line_id, first.related_item) == (3, None)
    assert second.related_item is not None
    assert second.related_item.line_id == 3


def test_what_stays_keeps_its_place_and_content() -> None:
    """Removing a line touches nothing that has nothing to do with it."""
    items = related(None, None, ("required", 2), ("optional", 2))
    assert without(items, 1) == tuple(items[1:])


def test_a_chain_of_two_thousand_lines_goes_in_reasonable_time() -> None:
    """Following a chain takes time in proportion to its length, and no recursion."""
    items = related(None, *(("required", number) for number in range(1, 2_000)))
    begin = time.process_time()
    assert without(items, 1) == ()
    assert without(items, 1_000) == tuple(items[:999])
    assert time.process_time() - begin < 0.5
