"""An amount through the tree of a rule: flat, percent, the rest, and nothing lost."""

import pytest

from ordrebok.money import AMOUNT_LIMIT
from ordrebok.payouts.splitting import Leaf, apportioned, leaves, merged, split
from ordrebok.wire.base import encode
from ordrebok.wire.payout import DestinationNode, ItemPayout, PayoutShare
from tests.support.payouts import amounts, flat, percent, rest

DOCUMENTED = (
    percent(10, flat("500", "account-a"), rest(percent("5.0", "account-b"))),
    flat("500", "account-a"),
    rest(percent("5", "account-b"), percent("95.0", "account-c")),
)
"""The tree of the documented rule."""

# ------------------------------------------------------------------------- documented trees


def test_the_documented_rule_splits_what_it_was_shown_with() -> None:
    """10 % of 40,000 is 4,000, of which 500 and 3,500; 500; 5 % and the rest of 35,500."""
    assert amounts(DOCUMENTED, 40_000) == [500, 3500, 500, 1775, 33_725]


def test_the_documented_result_comes_from_a_rule() -> None:
    """4,000 as 500 and 3,500; 500; 38,500 as 192 and 38,308, because 192.5 is rounded down."""
    tree = (
        flat(4000, flat(500, "a"), rest(percent("5.0", "b"))),
        flat(500, "a"),
        rest(percent("0.5", "b"), percent("99.5", "c")),
    )
    resolved = split(tree, 43_000)
    assert [node.amount for node in resolved] == [4000, 500, 38_500]
    assert [leaf.amount for leaf in leaves(resolved)] == [500, 3500, 500, 192, 38_308]


def test_a_resolved_tree_keeps_types_values_and_destinations() -> None:
    """As the documented answer shows it: the nodes of the rule, with their amounts."""
    tree = (percent("10", flat(1, "a"), rest("b")), rest("c"))
    assert encode(ItemPayout(destinations=split(tree, 100))) == (
        b'{"destinations":[{"type":"percentage","value":"10","amount":10,"destinations":['
        b'{"type":"flat_amount","value":1,"amount":1,"destination":"a"},'
        b'{"type":"remaining_amount","amount":9,"destination":"b"}]},'
        b'{"type":"remaining_amount","amount":90,"destination":"c"}]}'
    )


# -------------------------------------------------------------------------------- one level


@pytest.mark.parametrize(
    ("tree", "amount", "expected"),
    [
        ([percent(10, "a"), rest("b")], 1009, [100, 909]),
        ([percent("0.5", "a"), percent("99.5", "b")], 38_500, [192, 38_308]),
        ([percent(33.33, "a"), percent(33.33, "b"), percent(33.34, "c")], 100, [33, 33, 34]),
        ([percent(0.1, "a"), rest("b")], 1000, [1, 999]),
        ([flat(500, "a"), rest("b")], 2000, [500, 1500]),
        ([flat(500, "a"), rest("b")], 300, [300, 0]),
        ([flat(200, "a"), flat(200, "b"), rest("c")], 300, [200, 100, 0]),
        ([flat(500, "a"), percent(50, "b"), rest("c")], 800, [500, 300, 0]),
        ([percent(50, "b"), flat(500, "a"), rest("c")], 800, [300, 500, 0]),
        ([rest("a"), percent(10, "b")], 100, [90, 10]),
        ([percent(0, "a"), rest("b")], 100, [0, 100]),
        ([percent(100, "a")], 100, [100]),
        ([rest("a")], 0, [0]),
    ],
)
def test_a_level_is_split(tree: list[DestinationNode], amount: int, expected: list[int]) -> None:
    """Flat amounts first, then percentages of the whole rounded down, then the rest."""
    assert amounts(tree, amount) == expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ([percent(5, "a")], [1000]),
        ([percent(10, "a"), percent(20, "b")], [100, 900]),
        ([flat(100, "a")], [1000]),
        ([percent(50, "a"), flat(100, "b")], [500, 500]),
    ],
)
def test_without_a_remaining_amount_the_last_node_takes_the_rest(
    tree: list[DestinationNode], expected: list[int]
) -> None:
    """Whatever its type: a level always sums to its amount."""
    assert amounts(tree, 1000) == expected


@pytest.mark.parametrize(
    ("amount", "count", "expected"),
    [
        (100, 3, [34, 33, 33]),
        (1000, 3, [334, 333, 333]),
        (67, 4, [16, 17, 17, 17]),
        (1, 3, [1, 0, 0]),
        (1100, 3, [366, 367, 367]),
        (-100, 3, [-34, -33, -33]),
        (-100, 2, [-50, -50]),
    ],
)
def test_several_remaining_amounts_share_equally(
    amount: int, count: int, expected: list[int]
) -> None:
    """The vectors of the money library for equal parts."""
    assert amounts([rest(str(number)) for number in range(count)], amount) == expected


def test_a_reversed_line_is_split_as_its_mirror() -> None:
    """192.5 goes towards zero on both sides."""
    positive = amounts(DOCUMENTED, 43_001)
    assert amounts(DOCUMENTED, -43_001) == [-amount for amount in positive]


def test_the_largest_amount_is_split_exactly() -> None:
    """No float is anywhere near."""
    thirds = [percent("33.333333333333333333", name) for name in "abc"]
    parts = amounts(thirds, AMOUNT_LIMIT)
    assert sum(parts) == AMOUNT_LIMIT
    assert parts[0] == 3_002_399_751_580_330


# -------------------------------------------------------------------------- proportional parts


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (300, [1, 2, 3], [50, 100, 150]),
        (1100, [5, 7], [458, 642]),
        (1100, [1, 1, 1], [366, 367, 367]),
        (23_130, [39_800, 20_000], [15_394, 7736]),
        (5000, [39_800, 20_000, 999], [3273, 1645, 82]),
        (100, [1, 1, 0], [50, 50, 0]),
        (1, [1, 1, 1], [1, 0, 0]),
        (0, [3, 4], [0, 0]),
        (7, [6, 6, 2], [3, 3, 1]),
        (10, [6, 6, 2], [4, 4, 2]),
    ],
)
def test_proportional_parts(total: int, weights: list[int], expected: list[int]) -> None:
    """The vectors of the money library, and largest remainders."""
    assert apportioned(total, weights) == expected


def test_no_part_of_a_proportion_is_negative() -> None:
    """The money library's own hard case: small weights beside large ones."""
    parts = apportioned(269, [100, 100, 57_900, 9400, 74_900, 9400])
    assert sum(parts) == 269
    assert min(parts) == 0


def test_the_flat_list_names_each_destination_once() -> None:
    """In the order in which they first appear in the tree."""
    ends = [Leaf("b", 1), Leaf("a", 2), Leaf("b", 3)]
    assert merged(ends) == (
        PayoutShare(destination="b", amount=4),
        PayoutShare(destination="a", amount=2),
    )
