"""Tax and rounding, held against exact fractions."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.items.rules import payable, priced
from ordrebok.money import AMOUNT_LIMIT, decimal_text, divide_half_up, tax_fraction
from ordrebok.wire.base import encode
from ordrebok.wire.item import Item
from tests.support.builders import a_body, a_tax

amounts = st.integers(-AMOUNT_LIMIT, AMOUNT_LIMIT) | st.integers(-200, 200)
percentages = st.integers(0, 1_000) | st.decimals(0, 100, places=4).map(float)
"""Whole percentages, and those with decimals as JSON brings them."""


def rounded(exact: Fraction) -> int:
    """Return a fraction rounded half up, away from zero."""
    size = floor(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


@given(st.integers(), st.integers(1, 10**9))
def test_division_is_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    """An exact half goes away from zero, and the sign changes nothing else."""
    result = divide_half_up(numerator, denominator)
    assert result == rounded(Fraction(numerator, denominator))
    assert divide_half_up(-numerator, denominator) == -result


@given(amounts, percentages)
def test_tax_is_the_exact_share_rounded_once(net: int, percentage: float) -> None:
    """Inside the price and on top of it."""
    rate = Fraction(str(percentage))
    inside = divide_half_up(*tax_fraction(net, percentage, included=True))
    on_top = divide_half_up(*tax_fraction(net, percentage, included=False))
    assert inside == rounded(net * rate / (100 + rate))
    assert on_top == rounded(net * rate / 100)


@given(net=amounts, percentage=percentages, included=st.booleans())
def test_the_tax_of_a_reversal_mirrors_the_original(
    *, net: int, percentage: float, included: bool
) -> None:
    """What was taken is what is given back, to the last unit."""
    tax = divide_half_up(*tax_fraction(net, percentage, included=included))
    mirrored = divide_half_up(*tax_fraction(-net, percentage, included=included))
    assert mirrored == -tax


@given(amounts, percentages)
def test_a_tax_inside_the_price_and_its_basis_are_the_price(net: int, percentage: float) -> None:
    """No unit is lost between them, and the tax has the sign of the price."""
    item = priced(a_body(net, taxes=[a_tax(percentage)]), line_id=1, version=1)
    assert isinstance(item, Item)
    (line,) = item.tax_lines
    assert line.amount is not None
    assert line.tax_basis is not None
    assert line.amount + line.tax_basis == net
    assert line.amount * net >= 0
    assert payable(item) == net


@given(amounts, st.integers(1, 10**6))
def test_the_unrounded_text_is_right_to_four_decimals(numerator: int, denominator: int) -> None:
    """It is never further off than half of the last digit."""
    text = decimal_text(numerator, denominator)
    exact = Fraction(numerator, denominator)
    assert abs(Fraction(text) - exact) <= Fraction(1, 20_000)
    assert Decimal(text).as_tuple().exponent == -4
    assert not (text.startswith("-") and Decimal(text) == 0)


@given(
    gross=amounts,
    share=st.fractions(0, 1),
    percentage=percentages,
    given_tax=st.none() | amounts,
    included=st.sampled_from([None, True, False]),
)
@settings(max_examples=200)
def test_a_line_that_is_accepted_is_mirrored_and_can_be_read_again(
    *,
    gross: int,
    share: Fraction,
    percentage: float,
    given_tax: int | None,
    included: bool | None,
) -> None:
    """Whatever amounts a client sends: what is kept fits its own schema."""
    discount = int(gross * share)
    tax = a_tax(percentage, amount=given_tax, included_in_price=included)
    body = a_body(gross, discounts=(discount,), taxes=[tax])
    item = priced(body, line_id=1, version=1)
    if not isinstance(item, Item):
        assert [fault.code for fault in item] == ["MAXIMUM"]
        return
    assert msgspec.json.decode(encode(item), type=Item) == item
    opposite = replace(tax, amount=None if given_tax is None else -given_tax)
    mirrored = priced(
        a_body(-gross, discounts=(-discount,), taxes=[opposite]), line_id=1, version=1
    )
    assert isinstance(mirrored, Item)
    assert mirrored.net_amount == -item.net_amount
    assert payable(mirrored) == -payable(item)
    assert mirrored.tax_lines[0].tax_basis == -(item.tax_lines[0].tax_basis or 0)
