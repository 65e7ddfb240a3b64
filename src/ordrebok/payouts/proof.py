"""That the payouts of an order add up: every equation, with its terms and whether it holds."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ordrebok.items.rules import payable
from ordrebok.payments.ledger import KINDS
from ordrebok.payouts.splitting import leaves, merged
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation
from ordrebok.wire.payout import ItemPayout, ResolvedNode
from ordrebok.wire.proof import Equation

_SIGN = {"captures": 1, "refunds": -1}
"""What counts for the balance of a destination."""


def payout_equations(order: Order) -> tuple[Equation, ...]:
    """Return what must hold of an order's payouts; nothing for an order without any.

    Units: minor units of order.currency, with their sign.
    Keeps: a tree sums to what the customer pays for its line, and each branch to its nodes;
    over destinations, captured minus refunded is that of the lines that have payouts; a line
    that is captured to its end has given every destination its leaf, and one that is refunded
    to its end has taken everything back.
    Source: decisions, payout 2 and 3.
    """
    lines = [item for item in order.items if item.payout is not None]
    if not lines:
        return ()
    found = [each for item in lines for each in _tree_equations(item)]
    net: Counter[int] = Counter()
    captured: Counter[int] = Counter()
    given: dict[int, Counter[str | None]] = {item.line_id: Counter() for item in lines}
    for kind in KINDS:
        asked = shared = 0
        for operation in _successful(order, kind):
            for item in operation.items:
                if item.line_id not in given:
                    continue
                shares = () if item.payout is None else item.payout.destinations
                asked += item.amount
                shared += sum(share.amount for share in shares)
                sign = _SIGN.get(kind, 0)
                net[item.line_id] += sign * item.amount
                captured[item.line_id] += item.amount if kind == "captures" else 0
                for share in shares:
                    given[item.line_id][share.destination] += sign * share.amount
        terms = {"lines": asked, "destinations": shared}
        found.append(_equal(f"payout: {kind} over destinations = over lines", shared, asked, terms))
    for line in lines:
        found += _end_equations(line, net, captured, given[line.line_id])
    whole = sum(sum(amounts.values()) for amounts in given.values())
    name = "payout: captured - refunded over destinations = over lines"
    found.append(_equal(name, whole, sum(net.values()), {}))
    return tuple(found)


def _tree_equations(item: Item) -> Iterator[Equation]:
    """Yield what must hold of the tree of one line."""
    payout = item.payout
    if payout is None:
        return
    amounts = [leaf.amount for leaf in leaves(payout.destinations)]
    name = f"payout: line {item.line_id}: leaves = payable"
    yield _equal(name, sum(amounts), payable(item), {"leaves": sum(amounts)})
    name = f"payout: line {item.line_id}: branches that their nodes do not sum to = 0"
    yield _equal(name, _uneven(payout.destinations), 0, {})


def _end_equations(
    item: Item, net: Counter[int], captured: Counter[int], given: Counter[str | None]
) -> Iterator[Equation]:
    """Yield what must hold of a line that is captured, or refunded, to its end."""
    if item.payout is None or captured[item.line_id] == 0:
        return
    expected: dict[str | None, int]
    if net[item.line_id] == 0:
        expected, end = {}, "refunded"
    elif net[item.line_id] == payable(item):
        expected, end = _leaf_amounts(item.payout), "captured"
    else:
        return
    destinations = {*expected, *given}
    off = sum(given[each] != expected.get(each, 0) for each in destinations)
    name = f"payout: line {item.line_id}, {end} to its end: destinations that are off = 0"
    yield _equal(name, off, 0, {})


def _leaf_amounts(payout: ItemPayout) -> dict[str | None, int]:
    """Return what each destination gets of a line."""
    return {share.destination: share.amount for share in merged(list(leaves(payout.destinations)))}


def _uneven(level: Sequence[ResolvedNode]) -> int:
    """Return how many branches have an amount that their nodes do not sum to."""
    found = 0
    for node in level:
        if node.destinations:
            parts = sum(leaf.amount for leaf in leaves(node.destinations))
            found += node.amount is not None and node.amount != parts
            found += _uneven(node.destinations)
    return found


def _successful(order: Order, kind: str) -> Iterator[Operation]:
    """Yield the operations of a kind that count."""
    operations: Sequence[Operation] = getattr(order, kind)
    return (operation for operation in operations if operation.success)


def _equal(name: str, left: int, right: int, terms: dict[str, int]) -> Equation:
    """Return an equation of two amounts that must be equal."""
    return Equation(
        name=name, left=left, relation="=", right=right, terms=terms, holds=left == right
    )
