"""What an operation gives to whom: cumulative shares, exact when a line is through."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from ordrebok.payments.ledger import KINDS, OperationKind
from ordrebok.payouts.splitting import Leaf, apportioned, leaves, merged
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation, OperationItem
from ordrebok.wire.payout import ItemPayout, OperationPayout


def operation_payout(payout: ItemPayout, before: int, amount: int) -> OperationPayout | None:
    """Return how the amount of an operation falls on the destinations of its line.

    Units: minor units; `amount` has the sign of the line; `before` is what operations of the
    same kind recorded on the line so far, in absolute value. None where the tree holds nothing.
    Keeps: shares sum to the amount. A share is share(before + amount) - share(before), so
    operations that reach the line's amount give every leaf exactly its own, whatever their
    steps; refunds that reach what was captured give back exactly what captures gave. A share
    may be one unit against the sign, where largest remainder asks for it.
    Source: decisions, payout 3; neighbours 4.4.
    """
    ends = list(leaves(payout.destinations))
    sign = -1 if amount < 0 else 1
    weights = _weights(ends)
    if not weights:
        return None
    earlier = apportioned(before, weights)
    later = apportioned(before + abs(amount), weights)
    shares = [
        Leaf(end.destination, sign * (new - old))
        for end, new, old in zip(ends, later, earlier, strict=True)
    ]
    return OperationPayout(
        rule_id=payout.rule_id, rule_type=payout.rule_type, destinations=merged(shares)
    )


def with_shares(
    order: Order, kind: OperationKind, items: Sequence[OperationItem]
) -> tuple[OperationItem, ...]:
    """Return the items of a new operation with their shares, where their lines have payouts.

    `order` is the order before the operation. An operation that did not succeed gets shares
    too, and counts for nothing in those of others.
    """
    payouts = _payouts(order)
    if not payouts:
        return tuple(items)
    before = recorded(order, kind)
    return tuple(_shared(item, payouts, before) for item in items)


def with_all_shares(order: Order) -> Order:
    """Return an order whose recorded operations have shares wherever their lines have payouts.

    Shares that are recorded stay as they are: they say what was paid out.
    Source: field notes 29, history is taken as it is.
    """
    payouts = _payouts(order)
    if not payouts:
        return order
    changes: dict[str, tuple[Operation, ...]] = {}
    for kind in KINDS:
        before: Counter[int] = Counter()
        operations = []
        for operation in getattr(order, kind):
            items = tuple(
                item if item.payout is not None else _shared(item, payouts, before)
                for item in operation.items
            )
            operations.append(replace(operation, items=items))
            if operation.success:
                before.update({item.line_id: abs(item.amount) for item in items})
        changes[kind] = tuple(operations)
    return replace(order, **changes)


def recorded(order: Order, kind: OperationKind) -> Counter[int]:
    """Return what successful operations of a kind recorded on each line, in absolute value."""
    amounts: Counter[int] = Counter()
    operations: Sequence[Operation] = getattr(order, kind)
    for operation in operations:
        if operation.success:
            for item in operation.items:
                amounts[item.line_id] += abs(item.amount)
    return amounts


def _payouts(order: Order) -> dict[int, ItemPayout]:
    """Return the payouts of an order's lines, by line."""
    lines: Sequence[Item] = order.items
    return {item.line_id: item.payout for item in lines if item.payout is not None}


def _shared(
    item: OperationItem, payouts: dict[int, ItemPayout], before: Counter[int]
) -> OperationItem:
    """Return an operation's item with its share."""
    payout = payouts.get(item.line_id)
    if payout is None:
        return item
    return replace(item, payout=operation_payout(payout, before[item.line_id], item.amount))


def _weights(ends: Sequence[Leaf]) -> list[int]:
    """Return the amounts of leaves with the sign of their line turned to positive."""
    whole = sum(end.amount for end in ends)
    if whole == 0:
        return []
    return [end.amount if whole > 0 else -end.amount for end in ends]
