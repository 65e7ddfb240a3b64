"""Which payout rules are taken, and everything that is wrong with the others."""

import pytest

from ordrebok.limits import PAYOUT_LEVELS, PAYOUT_NODES
from ordrebok.payouts.trees import rule_faults, rules_faults
from ordrebok.wire.payout import DestinationNode
from tests.support.builders import fault_codes
from tests.support.payouts import COMMISSION, a_rule, flat, percent, rest
from tests.unit.test_payout_splitting import DOCUMENTED


def faults(*tree: DestinationNode) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return the code and place of each fault of a tree, seen from its destinations."""
    found = rule_faults(a_rule("R", *tree))
    assert all(fault.path[0] == "destinations" for fault in found)
    return [(fault.code, fault.path[1:]) for fault in found]


@pytest.mark.parametrize(
    "tree",
    [
        DOCUMENTED,
        COMMISSION,
        (percent(100, "a"),),
        (percent("0", "a"), percent("100.0", "b")),
        (flat(0, "a"), percent(100, "b")),
        (flat(500, "a"), percent("99.99", "b")),
        (rest("a"), rest("b")),
        (percent(12.5, "a"),),
    ],
)
def test_a_tree_that_can_split_any_amount_is_taken(tree: tuple[DestinationNode, ...]) -> None:
    """The documented one first."""
    assert faults(*tree) == []


@pytest.mark.parametrize(
    "node",
    [
        percent(None, "a"),
        percent("-1", "a"),
        percent("100.01", "a"),
        percent(101, "a"),
        flat(None, "a"),
        flat("-1", "a"),
        flat("500.00", "a"),
        flat(500.5, "a"),
        flat(500.0, "a"),
        flat(2**53, "a"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_a_fault(node: DestinationNode) -> None:
    """Percentages from 0 to 100; flat amounts in whole minor units."""
    assert faults(node, rest("b"))[0] == ("PAYOUT_VALUE", (0, "value"))


def test_a_remaining_amount_has_no_value() -> None:
    """It takes what is left."""
    node = DestinationNode(type="remaining_amount", value=5, destination="a")
    assert faults(node) == [("PAYOUT_VALUE", (0, "value"))]


def test_a_node_ends_in_an_account_or_goes_on() -> None:
    """Neither and both are faults."""
    both = DestinationNode(type="remaining_amount", destination="a", destinations=(rest("b"),))
    neither = DestinationNode(type="remaining_amount")
    empty = DestinationNode(type="remaining_amount", destinations=())
    found = faults(both, neither, empty)
    assert found == [("PAYOUT_NODE_END", (index,)) for index in range(3)]


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a\nb", "x" * 256])
def test_a_destination_is_a_name(name: str) -> None:
    """It stands in the address of its ledger."""
    assert faults(rest(name)) == [("INVALID_FORMAT", (0, "destination"))]


@pytest.mark.parametrize(
    "level",
    [
        (percent(60, "a"), percent("40.01", "b")),
        (percent(60, "a"), percent(60, "b"), rest("c")),
        (percent(100, "a"), flat(1, "b")),
    ],
)
def test_a_level_that_gives_more_than_it_has_is_a_fault(level: tuple[DestinationNode, ...]) -> None:
    """100 percent leave nothing for a flat amount."""
    assert faults(*level) == [("PAYOUT_LEVEL_EXCEEDED", ())]


def test_all_faults_of_all_levels_are_listed() -> None:
    """With their places, so that a rule is corrected once."""
    tree = (
        percent("101", rest(" "), flat(None, "a")),
        rest(percent(70, "a"), percent(70, "b"), DestinationNode(type="remaining_amount")),
    )
    assert faults(*tree) == [
        ("PAYOUT_VALUE", (0, "value")),
        ("INVALID_FORMAT", (0, "destinations", 0, "destination")),
        ("PAYOUT_VALUE", (0, "destinations", 1, "value")),
        ("PAYOUT_NODE_END", (1, "destinations", 2)),
        ("PAYOUT_LEVEL_EXCEEDED", (1, "destinations")),
        ("PAYOUT_LEVEL_EXCEEDED", ()),
    ]


def test_a_tree_keeps_within_the_published_limits() -> None:
    """Ten levels and 500 nodes."""
    deep = rest("a")
    for _ in range(PAYOUT_LEVELS - 1):
        deep = rest(deep)
    wide = [rest(f"d{number}") for number in range(PAYOUT_NODES)]
    assert faults(deep) == []
    assert faults(*wide) == []
    assert faults(rest(deep)) == [("PAYOUT_TREE_TOO_DEEP", ())]
    assert faults(*wide, rest("one more")) == [("PAYOUT_TREE_TOO_LARGE", ())]


def test_a_rule_has_a_type_and_an_id() -> None:
    """Both are names."""
    rule = a_rule(" ", rule_type="")
    assert [fault.path for fault in rule_faults(rule)] == [("rule_type",), ("rule_id",)]


def test_a_rule_stands_once_in_a_list() -> None:
    """Several versions of one may stand beside each other."""
    assert rules_faults([a_rule("R", version=1), a_rule("R", version=2), a_rule("Q")]) == []
    found = rules_faults([a_rule("R"), a_rule("Q", percent(101, "a")), a_rule("R")])
    assert fault_codes(found) == ["PAYOUT_VALUE", "PAYOUT_LEVEL_EXCEEDED", "PAYOUT_RULE_TWICE"]
    assert found[0].path == (1, "destinations", 0, "value")
    assert found[2].path == (2, "rule_id")
