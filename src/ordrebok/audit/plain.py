"""A quick look that spares most orders the whole proof."""

from collections.abc import Sequence

from ordrebok.items.rules import payable, totals
from ordrebok.payments.ledger import KINDS, OperationKind
from ordrebok.payments.rules import payments
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation


def plainly_agrees(order: Order) -> bool:
    """Tell whether an order agrees, as far as can be told without a closer look.

    Keeps: where this says yes, every equation of the proof holds, and no number of a line and no
    id of an operation stands twice. It says no to a few orders that agree too: with reversed
    lines, payouts, several authorizations, or operations of which only some name theirs. Written
    out, the proof of a usual order takes several times as long.
    """
    stored = (
        order.gross_amount,
        order.net_amount,
        order.total_discount,
        order.total_manual_discount_amount,
    )
    return (
        stored == totals(order.items)
        and (order.payment_details, order.payment_status) == payments(order)
        and plainly_fits(order)
    )


def plainly_fits(order: Order) -> bool:
    """Tell the same of an order whose totals, payment details and status were just computed."""
    payables: dict[int, int] = {}
    for item in order.items:
        net = item.gross_amount
        for line in item.discount_lines:
            net -= line.amount or 0
        relation = item.related_item
        if item.net_amount != net or item.payout is not None:
            return False
        if relation is not None and relation.type == "reversed":
            return False
        payables[item.line_id] = payable(item)
    return len(payables) == len(order.items) and _operations_fit(order, payables)


def _operations_fit(order: Order, payables: dict[int, int]) -> bool:
    """Tell whether every operation sums up, fits its lines, and keeps within what came before."""
    named: set[str | None] = set()
    recorded: dict[OperationKind, dict[int, int]] = {}
    for kind in KINDS:
        operations: Sequence[Operation] = getattr(order, kind)
        if len(operations) > 1 and len({each.id for each in operations}) < len(operations):
            return False
        amounts = recorded[kind] = {}
        for operation in operations:
            if kind != "authorizations":
                named.add(operation.authorization_id)
            if not _operation_fits(operation, payables, amounts):
                return False
    authorized = {operation.id for operation in order.authorizations}
    return (
        len(authorized) <= 1
        and named in (set(), {None}, authorized)
        and (not any(recorded.values()) or _is_within(recorded, payables))
    )


def _operation_fits(
    operation: Operation, payables: dict[int, int], amounts: dict[int, int]
) -> bool:
    """Tell whether an operation sums up and has the signs of its lines; count it in by line."""
    total = 0
    lines = set()
    for item in operation.items:
        line_id, amount = item.line_id, item.amount
        if payables.get(line_id, 0) * amount <= 0:
            return False
        total += amount
        lines.add(line_id)
        if operation.success:
            amounts[line_id] = amounts.get(line_id, 0) + abs(amount)
    return operation.amount == total and len(lines) == len(operation.items)


def _is_within(recorded: dict[OperationKind, dict[int, int]], payables: dict[int, int]) -> bool:
    """Tell whether what is recorded on each line, in absolute amounts, keeps the inequalities."""
    captures, refunds = recorded["captures"], recorded["refunds"]
    cancellations = recorded["cancellations"]
    for line_id, payable_amount in payables.items():
        authorized = recorded["authorizations"].get(line_id, 0)
        captured, cancelled = captures.get(line_id, 0), cancellations.get(line_id, 0)
        if not (
            authorized - cancelled <= abs(payable_amount)
            and captured + cancelled <= authorized
            and refunds.get(line_id, 0) <= captured
        ):
            return False
    return True
