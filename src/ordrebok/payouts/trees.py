"""Which payout rules are taken: everything that is wrong with a tree, all of it at once."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from ordrebok.limits import PAYOUT_LEVELS, PAYOUT_NODES
from ordrebok.money import AMOUNT_LIMIT, exact
from ordrebok.refusals import Fault
from ordrebok.wire.payout import DestinationNode, PayoutRuleBody

_NAME_LENGTH = 255
_NAME = re.compile(r"(?=\S)[^\x00-\x1f\x7f-\x9f/]*(?<=\S)")
"""A destination stands in an address of the API, so it has no slash and no control characters."""

_WHOLE = Decimal(100)
"""Percent of a level."""

Path = tuple[str | int, ...]
Tree = Sequence[DestinationNode]


def rule_faults(rule: PayoutRuleBody) -> list[Fault]:
    """Return everything that is wrong with a rule, paths seen from the rule.

    Keeps: a rule without faults splits any amount, and names an account in every leaf.
    Source: neighbours 4.1 and 4.3; decisions, limits.
    """
    found = [*_name_faults("rule_type", rule.rule_type), *_name_faults("rule_id", rule.rule_id)]
    levels, nodes = measured(rule.destinations)
    path: Path = ("destinations",)
    if levels > PAYOUT_LEVELS:
        message = f"the payout tree has {levels} levels"
        found.append(Fault("PAYOUT_TREE_TOO_DEEP", message, path, f"at most {PAYOUT_LEVELS}"))
    if nodes > PAYOUT_NODES:
        message = f"the payout tree has {nodes} nodes"
        found.append(Fault("PAYOUT_TREE_TOO_LARGE", message, path, f"at most {PAYOUT_NODES}"))
    # A tree beyond its limits is not gone through: it may be too deep for that.
    return found or list(_level_faults(rule.destinations, path))


def rules_faults(rules: Sequence[PayoutRuleBody]) -> list[Fault]:
    """Return everything that is wrong with the rules of a draft, paths seen from their list.

    Keeps: of a rule's type, id and version there is one; otherwise the split would depend on
    which of them is met first.
    """
    found = []
    seen: dict[tuple[str, str, object], int] = {}
    for index, rule in enumerate(rules):
        found += [fault.under(index) for fault in rule_faults(rule)]
        name = (rule.rule_type, rule.rule_id, getattr(rule, "rule_version", None))
        first = seen.setdefault(name, index)
        if first != index:
            message = f"rule {rule.rule_id} of type {rule.rule_type} stands twice"
            expected = f"one of the rules {first} and {index}, or a rule_version in each"
            found.append(Fault("PAYOUT_RULE_TWICE", message, (index, "rule_id"), expected))
    return found


def measured(tree: Tree | None) -> tuple[int, int]:
    """Return how many levels and nodes a tree has, without recursion."""
    levels = nodes = 0
    while tree:
        levels += 1
        nodes += len(tree)
        tree = tuple(child for node in tree for child in node.destinations or ())
    return levels, nodes


def _name_faults(field: str, name: str) -> Iterator[Fault]:
    """Yield the fault of a name that no rule or destination can have."""
    if len(name) > _NAME_LENGTH or _NAME.fullmatch(name) is None:
        yield Fault(
            "INVALID_FORMAT",
            f"{field} is no name",
            (field,),
            f"1 to {_NAME_LENGTH} characters, without spaces at the ends, slashes and control "
            "characters",
        )


def _level_faults(level: Tree, path: Path) -> Iterator[Fault]:
    """Yield the faults of one level and of all below it."""
    for index, node in enumerate(level):
        for fault in (*_value_faults(node), *_end_faults(node)):
            yield fault.under(*path, index)
        yield from _level_faults(node.destinations or (), (*path, index, "destinations"))
    percent = sum(
        (_number(node) or Decimal(0) for node in level if node.type == "percentage"), Decimal(0)
    )
    flat = any(node.type == "flat_amount" and _number(node) for node in level)
    if percent > _WHOLE or (percent == _WHOLE and flat):
        beside = ", with a flat_amount beside them" if flat else ""
        yield Fault(
            "PAYOUT_LEVEL_EXCEEDED",
            f"the percentages of the level sum to {percent:f}{beside}",
            path,
            "percentages that sum to at most 100, and to less beside a flat_amount; "
            "remaining_amount takes what is left",
        )


def _end_faults(node: DestinationNode) -> Iterator[Fault]:
    """Yield the faults of a node that is neither a leaf nor a branch, or is both."""
    if node.destination is not None:
        yield from _name_faults("destination", node.destination)
    if (node.destination is not None) == bool(node.destinations):
        held = "both a destination" if node.destinations else "neither a destination"
        yield Fault(
            "PAYOUT_NODE_END",
            f"the node has {held} {'and' if node.destinations else 'nor'} destinations",
            (),
            "either a destination, or destinations that split the amount further",
        )


def _value_faults(node: DestinationNode) -> Iterator[Fault]:
    """Yield the fault of a value that does not fit the type of its node."""
    if node.type == "remaining_amount":
        if node.value is not None:
            message = f"remaining_amount has a value of {node.value}"
            yield Fault("PAYOUT_VALUE", message, ("value",), "no value: it takes what is left")
        return
    number = None if node.value is None else exact(node.value)
    if node.type == "percentage":
        if number is None or not 0 <= number <= _WHOLE:
            message = f"the percentage is {node.value}"
            yield Fault("PAYOUT_VALUE", message, ("value",), "a number from 0 to 100")
        return
    # 500.00 might be meant as 500 of the main unit: only what can be nothing else is taken.
    whole = isinstance(node.value, int) or (isinstance(node.value, str) and "." not in node.value)
    if number is None or not whole or not 0 <= number <= AMOUNT_LIMIT:
        message = f"the flat_amount is {node.value}"
        expected = f"a whole number of minor units from 0 to {AMOUNT_LIMIT}"
        yield Fault("PAYOUT_VALUE", message, ("value",), expected)


def _number(node: DestinationNode) -> Decimal | None:
    """Return the value of a node as an exact number."""
    return None if node.value is None else exact(node.value)
