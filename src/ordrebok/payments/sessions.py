"""What a payment session may ask for: lines of an open order, and what is left to authorize."""

from collections.abc import Mapping

from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.items.rules import payable
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.orders.rules import touched
from ordrebok.payments.ledger import ledger
from ordrebok.payments.shape import shape_refusal
from ordrebok.refusals import Fault, Refusal, refuse
from ordrebok.wire.base import Link
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Session, SessionBody, SessionItem, SessionItemBody


def open_session(
    order: Order, body: SessionBody, session_id: str, actor: str, now: Instant, url: str
) -> Order | Refusal:
    """Return the order with one more session, its last.

    Units: minor units of order.currency. A line without an amount asks for all that is left to
    authorize on it.
    Refuses: ORDER_CLOSED, ORDER_CANCELLED, INVALID_AMOUNTS (a zero, a line that stands twice),
    NOT FOUND (a line that is not there), AMOUNT_SIGN, AUTHORIZATION_EXCEEDS_LINE,
    AMOUNT_TOO_LARGE.
    Keeps: a session never asks for more than is left to authorize.
    Source: decisions, payment operations 7.
    """
    if order.status == "closed":
        return refuse("ORDER_CLOSED", "A closed order takes no sessions; open it to be paid")
    if order.status == "cancelled":
        return refuse("ORDER_CANCELLED", "A cancelled order takes no sessions")
    lines = {str(item.line_id): item for item in order.items}
    refusal = shape_refusal(lines, [(item.line_id, item.amount) for item in body.items])
    if refusal is not None:
        return refusal
    items = _items(order, body, lines)
    if isinstance(items, Refusal):
        return items
    amount = sum(item.amount for item in items)
    if abs(amount) > AMOUNT_LIMIT:
        return refuse("AMOUNT_TOO_LARGE", f"The amounts sum to {amount}", limit=AMOUNT_LIMIT)
    session = Session(
        id=session_id,
        items=items,
        created_at=now.text,
        created_by=actor,
        amount=amount,
        processed_at=body.processed_at,
        metadata=body.metadata,
        url=url,
        profile_id=body.profile_id,
        links=(Link(href=url, rel="session_link"),),
    )
    return touched(replace(order, sessions=(*order.sessions, session)), now)


def same_session(session: Session, body: SessionBody) -> bool:
    """Tell whether a session that stands is the very one that came in again.

    Its addresses and express options are not kept, so they are not compared.
    """
    return (
        session.profile_id == body.profile_id
        and session.processed_at == body.processed_at
        and session.metadata == body.metadata
        and [item.line_id for item in session.items] == [item.line_id for item in body.items]
        and all(
            asked.amount in (None, item.amount)
            for item, asked in zip(session.items, body.items, strict=True)
        )
    )


def _items(
    order: Order, body: SessionBody, lines: Mapping[str, Item]
) -> tuple[SessionItem, ...] | Refusal:
    """Return the items with their amounts, or every one that asks for more than is left."""
    book = ledger(order)
    faults = []
    items = []
    for index, item in enumerate(body.items):
        line = lines[item.line_id]
        sign = 1 if payable(line) >= 0 else -1
        left = book.line(line.line_id).left("authorizations", abs(payable(line)))
        amount = sign * left if item.amount is None else item.amount
        if left <= 0 or abs(amount) > left:
            faults.append(_fault(index, item, line.line_id, sign * left))
        items.append(SessionItem(line_id=item.line_id, amount=amount))
    if faults:
        return Refusal(faults[0].code, faults[0].message, faults=tuple(faults))
    return tuple(items)


def _fault(index: int, item: SessionItemBody, line_id: int, left: int) -> Fault:
    """Return the fault of an item that asks for more than is left to authorize."""
    asked = {} if item.amount is None else {"requested": item.amount}
    low, high = sorted((1 if left > 0 else -1, left))
    return Fault(
        "AUTHORIZATION_EXCEEDS_LINE",
        f"line {line_id}: {asked.get('requested', 'all')} asked, {left} left to authorize",
        ("items", index, "amount"),
        f"no amount, or one from {low} to {high}"
        if left
        else "nothing: all of the line is authorized",
        {"line_id": line_id, **asked, "remaining": left},
    )
