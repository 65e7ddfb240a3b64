"""Builders for payouts: rules and trees in few words, and orders whose lines have them."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ordrebok.payments.ledger import OperationKind
from ordrebok.payouts.resolution import Option, RuleName, with_payouts
from ordrebok.payouts.shares import with_shares
from ordrebok.payouts.splitting import leaves, split
from ordrebok.wire.item import Item, ItemBody
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation
from ordrebok.wire.payout import DestinationNode, ItemPayout, Payout, PayoutRule
from tests.support.builders import NOW, Json, accepted, an_operation, an_order

PLATFORM, SELLER = "platform", "seller"


def percent(value: object, *end: str | DestinationNode) -> DestinationNode:
    """Return a node with a percentage."""
    return _node("percentage", value, end)


def flat(value: object, *end: str | DestinationNode) -> DestinationNode:
    """Return a node with a flat amount."""
    return _node("flat_amount", value, end)


def rest(*end: str | DestinationNode) -> DestinationNode:
    """Return a node with the remaining amount."""
    return _node("remaining_amount", None, end)


def _node(type_: str, value: object, end: Sequence[str | DestinationNode]) -> DestinationNode:
    """Return a node that ends in an account, or in further nodes."""
    node: Json = {"type": type_, "value": value}
    if len(end) == 1 and isinstance(end[0], str):
        node["destination"] = end[0]
    elif end:
        node["destinations"] = [msgspec.to_builtins(each) for each in end]
    return msgspec.convert(node, DestinationNode)


COMMISSION = (percent(10, PLATFORM), rest(SELLER))
"""A tenth for the platform, the rest for the seller."""


def a_rule(
    rule_id: str = "sc029",
    *tree: DestinationNode,
    rule_type: str = "order.items.store.id",
    version: int | None = 1,
) -> PayoutRule:
    """Return a rule, by default for the lines of a store."""
    return PayoutRule(
        rule_type=rule_type, rule_id=rule_id, destinations=tree or COMMISSION, rule_version=version
    )


def amounts(tree: Sequence[DestinationNode], amount: int) -> list[int]:
    """Return what the leaves of a rule get of an amount."""
    return [leaf.amount for leaf in leaves(split(tree, amount))]


def no_rule(_: RuleName) -> None:
    """Find no stored rule."""


def split_lines(
    items: Sequence[Item], *rules: PayoutRule, originals: Sequence[Item] = ()
) -> tuple[Item, ...]:
    """Return lines with their payouts by rules of their draft."""
    option: Option = Payout(rules=rules) if rules else None
    return accepted(with_payouts(items, option, no_rule, originals))


def a_split_order(items: Sequence[ItemBody], *rules: PayoutRule, **fields: object) -> Order:
    """Return an order whose lines are split by rules; takes what `an_order` takes."""
    order = an_order(items, **fields)
    return replace(order, items=split_lines(order.items, *rules))


def a_payout(*leaf_amounts: int) -> ItemPayout:
    """Return a payout with leaves of these amounts, for the accounts a, b, c ..."""
    whole = abs(sum(leaf_amounts))
    names = "abcdefghijklmnopqrstuvwxyz"
    nodes = tuple(
        replace(node, amount=amount)
        for node, amount in zip(
            split([flat(0, name) for name in names[: len(leaf_amounts)]], whole),
            leaf_amounts,
            strict=True,
        )
    )
    return ItemPayout(destinations=nodes)


def with_operation(
    order: Order, kind: OperationKind, *line_amounts: int, seconds: int = 0, **fields: object
) -> Order:
    """Return an order with one more operation, with its shares, for lines 1, 2, 3 ..."""
    standing: tuple[Operation, ...] = getattr(order, kind)
    fields = {"id": f"{kind}-{len(standing) + 1}", "created_at": NOW.plus(seconds).text, **fields}
    operation = an_operation(*line_amounts, **fields)  # type: ignore[arg-type]
    kept = tuple(item for item in operation.items if item.amount)
    operation = replace(operation, items=with_shares(order, kind, kept))
    return replace(order, **{kind: (*standing, operation)})


def shares(order: Order, kind: OperationKind, index: int = -1) -> dict[str | None, int]:
    """Return what each destination got of an operation."""
    operation: Operation = getattr(order, kind)[index]
    found: dict[str | None, int] = {}
    for item in operation.items:
        for share in () if item.payout is None else item.payout.destinations:
            found[share.destination] = found.get(share.destination, 0) + share.amount
    return found
