"""Spreading: parts always sum to the whole, and a reversal mirrors its original."""

from fractions import Fraction
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from ordrebok.discounts.spreading import spread, spread_within
from ordrebok.payouts.splitting import apportioned

totals = st.integers(-(10**12), 10**12) | st.integers(-50, 50)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any)


@settings(max_examples=200)
@given(totals, weights)
def test_parts_sum_to_the_whole(total: int, by: list[int]) -> None:
    """No unit is lost or made; a part of no weight is none; no part has the other sign."""
    parts = spread(total, by)
    assert sum(parts) == total
    assert all(part * total >= 0 for part in parts)
    assert all(weight or not part for part, weight in zip(parts, by, strict=True))


def distributed(total: int, by: list[int]) -> list[int]:
    """Return what the money library's own words come to: round each, then walk from the first."""
    sign = -1 if total < 0 else 1
    exact = [Fraction(abs(total) * weight, sum(by)) for weight in by]
    parts = [floor(each + Fraction(1, 2)) for each in exact]
    while sum(parts) != abs(total):
        step = 1 if sum(parts) < abs(total) else -1
        for place, weight in enumerate(by):
            if weight and sum(parts) != abs(total) and parts[place] + step >= 0:
                parts[place] += step
    return [sign * part for part in parts]


@settings(max_examples=200)
@given(totals, weights)
def test_parts_are_those_of_the_money_library(total: int, by: list[int]) -> None:
    """Said once more in fractions, walk and all."""
    assert spread(total, by) == distributed(total, by)


@settings(max_examples=200)
@given(totals, st.integers(1, 40))
def test_equal_parts_of_payouts_are_those_of_discounts(total: int, count: int) -> None:
    """Largest remainders and the money library's walk agree where all weights are the same."""
    assert apportioned(abs(total), [1] * count) == spread(abs(total), [1] * count)


@settings(max_examples=200)
@given(totals, weights)
def test_a_negative_total_mirrors_the_positive_one(total: int, by: list[int]) -> None:
    """What was spread one way is taken back the same way."""
    assert spread(-total, by) == [-part for part in spread(total, by)]


@settings(max_examples=200)
@given(totals, weights)
def test_a_part_is_within_its_own_rest_of_the_exact_share(total: int, by: list[int]) -> None:
    """Rounding moves a part by less than one unit and a half for every part there is."""
    whole = sum(by)
    for part, weight in zip(spread(total, by), by, strict=True):
        assert 2 * abs(part * whole - total * weight) <= (2 + len(by)) * whole


@settings(max_examples=200)
@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(-5, 10**8)), min_size=1, max_size=20),
)
def test_no_part_passes_its_cap(total: int, lines: list[tuple[int, int]]) -> None:
    """And as much is given as fits."""
    caps = [cap for _, cap in lines]
    parts = spread_within(total, [weight for weight, _ in lines], caps)
    room = sum(cap for cap in caps if cap > 0)
    assert sum(parts) == min(total, room)
    assert all(0 <= part <= max(0, cap) for part, cap in zip(parts, caps, strict=True))
