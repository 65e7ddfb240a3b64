"""Spreading an amount over lines: the vectors of the contract's own arithmetic."""

import pytest

from ordrebok.discounts.spreading import spread, spread_within


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1_000, [1, 1, 1], [334, 333, 333]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (-100, [1, 1, 0], [-50, -50, 0]),
        (67, [1, 1, 1, 1], [16, 17, 17, 17]),
        (1, [1, 1, 1], [1, 0, 0]),
        (300, [1, 2, 3], [50, 100, 150]),
        (1_100, [5, 7], [458, 642]),
        (1_100, [1, 1, 1], [366, 367, 367]),
        (23_130, [39_800, 20_000], [15_394, 7_736]),
        (5_000, [39_800, 20_000, 999], [3_273, 1_645, 82]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_what_is_left_over_goes_to_the_first_parts(
    total: int, weights: list[int], parts: list[int]
) -> None:
    """Each part is rounded half up, and the rest is dealt out one unit each."""
    assert spread(total, weights) == parts


def test_no_part_turns_its_sign() -> None:
    """Parts of nearly nothing stay at zero when the rest is taken back."""
    parts = spread(269, [100, 100, 57_900, 9_400, 74_900, 9_400])
    assert sum(parts) == 269
    assert min(parts) >= 0


@pytest.mark.parametrize(
    ("total", "weights", "caps", "parts"),
    [
        (100, [1, 1], [100, 100], [50, 50]),
        (100, [1, 1], [10, 100], [10, 90]),
        (100, [1, 1], [10, 20], [10, 20]),
        (100, [3, 1], [0, 100], [0, 100]),
        (100, [1, 1, 1], [1, 34, 100], [1, 34, 65]),
        (0, [1], [5], [0]),
        (5, [1], [-3], [0]),
    ],
)
def test_what_a_full_part_cannot_take_goes_to_the_others(
    total: int, weights: list[int], caps: list[int], parts: list[int]
) -> None:
    """Up to what all of them can take."""
    assert spread_within(total, weights, caps) == parts
