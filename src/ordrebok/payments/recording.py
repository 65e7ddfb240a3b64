"""What may be recorded of an order's money, line by line and authorization by authorization."""

from msgspec.structs import asdict, replace

from ordrebok.clock import Instant
from ordrebok.items.rules import payable
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.orders.rules import recomputed
from ordrebok.payments.ledger import Ledger, OperationKind, ledger
from ordrebok.payments.shape import shape_refusal
from ordrebok.payouts.shares import with_shares
from ordrebok.refusals import Fault, Refusal, refuse
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation, OperationBody, OperationItem, OperationItemBody

_REFUSED: dict[OperationKind, str] = {
    "authorizations": "AUTHORIZATION_EXCEEDS_LINE",
    "captures": "CAPTURE_EXCEEDS_AUTHORIZATION",
    "refunds": "REFUND_EXCEEDS_CAPTURE",
    "cancellations": "CANCELLATION_EXCEEDS_AUTHORIZATION",
}

_NOTHING_LEFT: dict[OperationKind, str] = {
    "authorizations": "nothing: all of the line is authorized",
    "captures": "nothing, until more of the line is authorized",
    "refunds": "nothing, until more of the line is captured",
    "cancellations": "nothing, until more of the line is authorized",
}
"""What would be accepted where nothing is left."""

_MOST_NAMED = 10
"""How many authorizations a refusal offers by name."""


def record(
    order: Order,
    kind: OperationKind,
    body: OperationBody,
    operation_id: str,
    actor: str,
    now: Instant,
) -> Order | Refusal:
    """Return the order with one more operation, its last of that kind.

    Units: minor units of order.currency; an item's amount has the sign of its line.
    Refuses: ORDER_CLOSED, ORDER_CANCELLED, INVALID_AMOUNTS (a zero, a line that stands twice),
    NOT FOUND (a line or authorization that is not there), AUTHORIZATION_ID_REQUIRED,
    AMOUNT_SIGN, ALREADY_AUTHORIZED, AUTHORIZATION_EXCEEDS_LINE, CAPTURE_EXCEEDS_AUTHORIZATION,
    REFUND_EXCEEDS_CAPTURE, CANCELLATION_EXCEEDS_AUTHORIZATION, AMOUNT_TOO_LARGE.
    Keeps: for every line and authorization A - X <= N, C + X <= A, R <= C.
    Source: decisions, payment operations 1 to 3.
    """
    lines = {item.line_id: item for item in order.items}
    refusal = (
        _status_refusal(order, kind)
        or shape_refusal(lines, [(item.line_id, item.amount) for item in body.items])
        or _authorization_refusal(order, kind, body)
        or (_room_refusal(order, kind, body) if body.success else None)
    )
    if refusal is not None:
        return refusal
    amount = sum(item.amount for item in body.items)
    if abs(amount) > AMOUNT_LIMIT:
        return refuse("AMOUNT_TOO_LARGE", f"The amounts sum to {amount}", limit=AMOUNT_LIMIT)
    fields = asdict(body)
    fields["id"] = operation_id
    items = [OperationItem(**asdict(item)) for item in body.items]
    fields["items"] = with_shares(order, kind, items)
    operation = Operation(**fields, created_at=now.text, created_by=actor, amount=amount)
    operations = (*getattr(order, kind), operation)
    return recomputed(replace(order, **{kind: operations}), now)


def same_operation(operation: Operation, body: OperationBody) -> bool:
    """Tell whether an operation that stands is the very one that came in again."""
    again = [replace(item, payout=None) for item in operation.items]
    given = [OperationItem(**asdict(item)) for item in body.items]
    facts = set(body.__struct_fields__) - {"items", "id"}
    return again == given and all(getattr(operation, name) == getattr(body, name) for name in facts)


def _status_refusal(order: Order, kind: OperationKind) -> Refusal | None:
    """Return why an order's status takes no such operation, or None."""
    if order.status == "closed" and kind != "refunds":
        return refuse("ORDER_CLOSED", "A closed order takes refunds only; open it to record this")
    if order.status == "cancelled" and kind != "cancellations":
        return refuse("ORDER_CANCELLED", "A cancelled order takes cancellations only")
    return None


def _authorization_refusal(
    order: Order, kind: OperationKind, body: OperationBody
) -> Refusal | None:
    """Return what is wrong with the authorization an operation names, or fails to name."""
    named = body.authorization_id
    if kind == "authorizations" or (named is None and not order.multiple_authorizations):
        return None
    known = [operation.id for operation in order.authorizations]
    if named in known:
        return None
    offered = ", ".join(known[-_MOST_NAMED:])
    expected = f"the id of an authorization of the order, such as {offered}"
    if not known:
        expected = "the id of an authorization; the order has none yet"
    path = ("authorization_id",)
    if named is None:
        message = "The order allows several authorizations: authorization_id says which one"
        fault = Fault("OBJECT_MISSING_REQUIRED_PROPERTY", message, path, expected)
        return Refusal("AUTHORIZATION_ID_REQUIRED", message, faults=(fault,))
    message = f"Authorization {named} not found"
    fault = Fault("AUTHORIZATION_NOT_FOUND", message, path, expected)
    return Refusal("NOT FOUND", message, faults=(fault,))


def _room_refusal(order: Order, kind: OperationKind, body: OperationBody) -> Refusal | None:
    """Return the lines on which an operation asks for more than is left, with the numbers."""
    book = ledger(order)
    lines = {item.line_id: item for item in order.items}
    faults = []
    for index, item in enumerate(body.items):
        line_payable = abs(payable(lines[item.line_id]))
        if kind == "authorizations" and not order.multiple_authorizations:
            fault = _live_fault(book, index, item)
            if fault is not None:
                faults.append(fault)
                continue
        left = book.line(item.line_id).left(kind, line_payable)
        named = None if kind == "authorizations" else body.authorization_id
        if named is not None:
            left = min(left, book.within(named, item.line_id).left(kind))
        if abs(item.amount) > left:
            faults.append(_room_fault(kind, index, item, left, named))
    return Refusal(faults[0].code, faults[0].message, faults=tuple(faults)) if faults else None


def _live_fault(book: Ledger, index: int, item: OperationItemBody) -> Fault | None:
    """Return the fault of a second authorization while something of the first is still open.

    One that is used up, captured or cancelled to its end, does not stand in the way of another.
    """
    line_id, asked = item.line_id, item.amount
    live = book.line(line_id).left("captures")
    if live <= 0:
        return None
    return Fault(
        "ALREADY_AUTHORIZED",
        f"line {line_id}: {asked} asked, but {_signed(live, asked)} is authorized and still open",
        ("items", index, "amount"),
        f"nothing on line {line_id}, until what is open is captured or cancelled; an order with "
        "multiple_authorizations takes several at once",
        {"line_id": line_id, "requested": asked, "remaining": 0},
    )


def _room_fault(
    kind: OperationKind, index: int, item: OperationItemBody, left: int, named: str | None
) -> Fault:
    """Return the fault of an amount that asks for too much, with what would be accepted."""
    line_id, asked = item.line_id, item.amount
    remaining = _signed(left, asked)
    low, high = sorted((_signed(1, asked), remaining))
    under = "" if named is None else f" under authorization {named}"
    return Fault(
        _REFUSED[kind],
        f"line {line_id}: {asked} asked, {remaining} left{under}",
        ("items", index, "amount"),
        f"an amount from {low} to {high}" if left > 0 else _NOTHING_LEFT[kind],
        {"line_id": line_id, "requested": asked, "remaining": remaining},
    )


def _signed(amount: int, like: int) -> int:
    """Return an absolute amount with the sign of another."""
    return amount if like > 0 else -amount
