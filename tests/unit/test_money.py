"""Money is whole minor units, and is rounded half up, away from zero, exactly once."""

from decimal import Decimal

import pytest

from ordrebok.money import decimal_text, divide_half_up, exact, tax_fraction


def tax(net_amount: int, percentage: object, *, included: bool = True) -> int:
    """Return the rounded tax of a net amount."""
    return divide_half_up(*tax_fraction(net_amount, percentage, included=included))


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (0, 7, 0),
        (1, 2, 1),
        (-1, 2, -1),
        (3, 2, 2),
        (-3, 2, -2),
        (1, 3, 0),
        (-1, 3, 0),
        (2, 3, 1),
        (49, 100, 0),
        (50, 100, 1),
        (-50, 100, -1),
        (8165, 10, 817),
        (15, 10, 2),
        (156, 100, 2),
        (209_050 * 861, 100, 1_799_921),
        (9_007_199_254_740_991, 1, 9_007_199_254_740_991),
    ],
)
def test_division_rounds_half_up_away_from_zero(
    numerator: int, denominator: int, expected: int
) -> None:
    """An exact half goes away from zero, on both sides of it."""
    assert divide_half_up(numerator, denominator) == expected


@pytest.mark.parametrize(
    ("net_amount", "percentage", "expected"),
    [
        (2, 25, 0),
        (7, 25, 1),
        (12, 25, 2),
        (4, 15, 1),
        (11, 15, 1),
        (19, 15, 2),
        (5, 12, 1),
        (14, 12, 2),
        (42, 12, 5),
        (70, 12, 8),
        (39_800, 25, 7_960),
        (27_920, 25, 5_584),
        (1_250, 25, 250),
        (0, 25, 0),
        (100, 0, 0),
        (115, 15, 15),
        (111, 11.11, 11),
        (100, 1000, 91),
        (-2, 25, 0),
        (-7, 25, -1),
        (-12, 25, -2),
        (-5, 12, -1),
        (-39_800, 25, -7_960),
    ],
)
def test_tax_inside_a_price_is_rounded_in_one_step(
    net_amount: int, percentage: float, expected: int
) -> None:
    """The tax is net * p / (100 + p), rounded once; rounding twice would differ by one."""
    assert tax(net_amount, percentage) == expected


@pytest.mark.parametrize(
    ("net_amount", "percentage", "expected"),
    [
        (39_800, 25, 9_950),
        (1_000, 25, 250),
        (2, 25, 1),
        (1, 25, 0),
        (-2, 25, -1),
        (1_000, 12.5, 125),
        (10, 15, 2),
        (100, 0.1, 0),
        (500, 0.1, 1),
    ],
)
def test_tax_on_top_of_a_price_is_a_share_of_it(
    net_amount: int, percentage: float, expected: int
) -> None:
    """The tax is net * p / 100 where the price does not contain it."""
    assert tax(net_amount, percentage, included=False) == expected


@pytest.mark.parametrize(
    ("percentage", "differing"), [(25, 0), (15, 0), (11, 0), (12, 714)], ids=str
)
def test_a_tax_is_what_its_rounded_basis_leaves(percentage: int, differing: int) -> None:
    """For the usual rates; at 12 percent the two differ on exact halves: 14, 42, 70 and so on."""
    apart = [
        net
        for net in range(1, 20_000)
        if tax(net, percentage) != net - divide_half_up(net * 100, 100 + percentage)
    ]
    assert apart == list(range(14, 20_000, 28))[:differing]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.1, "0.1"), (12.5, "12.5"), (25, "25"), (2.0, "2.0"), (1e-06, "0.000001"), ("1.1", "1.1")],
)
def test_a_json_number_means_what_its_text_says(number: object, expected: str) -> None:
    """One tenth is one tenth, not the nearest binary fraction."""
    assert exact(number) == Decimal(expected)


def test_a_percentage_of_one_tenth_is_exact() -> None:
    """A binary fraction would make the tax of a large amount wrong in its last units."""
    assert tax_fraction(10**15, 0.1, included=False) == (10**15, 1000)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (7960, 1, "7960.0000"),
        (0, 1, "0.0000"),
        (50, 125, "0.4000"),
        (-50, 125, "-0.4000"),
        (1, 3, "0.3333"),
        (2, 3, "0.6667"),
        (-2, 3, "-0.6667"),
        (1, 100_000, "0.0000"),
        (-1, 100_000, "0.0000"),
        (5, 100_000, "0.0001"),
        (123_456_789, 10_000, "12345.6789"),
    ],
)
def test_an_unrounded_value_is_shown_with_four_decimals(
    numerator: int, denominator: int, expected: str
) -> None:
    """The text has always four decimals, and zero has no sign."""
    assert decimal_text(numerator, denominator) == expected
