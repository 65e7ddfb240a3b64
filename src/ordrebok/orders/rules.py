"""What may change in an order, and what an order is after the change."""

from collections.abc import Sequence

from msgspec import UNSET, Struct
from msgspec.structs import asdict, astuple, replace

from ordrebok.clock import Instant
from ordrebok.items.rules import fits, totals
from ordrebok.money import AMOUNT_LIMIT, exact
from ordrebok.payments.rules import payments, sums
from ordrebok.refusals import Fault, Refusal, refuse
from ordrebok.wire.item import DiscountLine, Item, ItemUpdate
from ordrebok.wire.order import Order, OrderUpdate

_WHEN_NOT_OPEN = frozenset({"metadata"})
"""What may still change in a closed or cancelled order."""

_FIXED_IN_ITEMS = ("gross_amount", "quantity", "tax_lines", "discount_lines")


def recomputed(order: Order, now: Instant) -> Order | Refusal:
    """Return the next version of an order, with everything that is computed made current.

    Refuses: AMOUNT_TOO_LARGE.
    Keeps: totals are sums over the lines; payment_details and payment_status follow from the
    lines and the recorded operations; the time to live runs from now.
    """
    amounts = totals(order.items)
    if not fits(amounts):
        return refuse("AMOUNT_TOO_LARGE")
    expires = None if order.time_to_live is None else now.plus(order.time_to_live).text
    order = replace(
        order,
        gross_amount=amounts.gross_amount,
        net_amount=amounts.net_amount,
        total_discount=amounts.total_discount,
        total_manual_discount_amount=amounts.total_manual_discount_amount,
        time_to_live_expires_at=expires,
        updated_at=now.text,
        version=order.version + 1,
    )
    details, status = payments(order)
    if any(abs(amount) > AMOUNT_LIMIT for amount in astuple(details)):
        return refuse("AMOUNT_TOO_LARGE")
    return replace(order, payment_details=details, payment_status=status)


def touched(order: Order, now: Instant) -> Order:
    """Return the next version of an order whose lines and payments did not change."""
    expires = None if order.time_to_live is None else now.plus(order.time_to_live).text
    return replace(
        order,
        updated_at=now.text,
        version=order.version + 1,
        time_to_live_expires_at=expires,
    )


def update(order: Order, change: OrderUpdate, now: Instant) -> Order | Refusal:
    """Return the order with every given property replaced, and those given as null cleared.

    Refuses: ORDER_CLOSED, ORDER_CANCELLED (anything but metadata), NOT FOUND (a line that is
    not there), USE_A_DRAFT (a changed amount, quantity or tax, naming the line).
    Keeps: no amount changes.
    Source: decisions, orders 1 and 3.
    """
    changes = {name: value for name, value in asdict(change).items() if value is not UNSET}
    updates: Sequence[ItemUpdate] = change.items
    del changes["items"]
    if order.status != "open" and (updates or not changes.keys() <= _WHEN_NOT_OPEN):
        code = "ORDER_CLOSED" if order.status == "closed" else "ORDER_CANCELLED"
        names = sorted(changes.keys() - _WHEN_NOT_OPEN) + (["items"] if updates else [])
        return Refusal(
            code, faults=tuple(Fault(code, f"{name} is fixed", (name,)) for name in names)
        )
    refusal = _item_refusal(order, updates)
    if refusal is not None:
        return refusal
    by_line = {item.line_id: item for item in updates}
    items = tuple(
        _updated_item(item, by_line[item.line_id], order.version + 1)
        if item.line_id in by_line
        else item
        for item in order.items
    )
    return touched(replace(order, **changes, items=items), now)


def close(order: Order, actor: str, now: Instant) -> Order | Refusal:
    """Return the order as closed; one that is closed already comes back unchanged.

    Refuses: ORDER_CANCELLED.
    Source: decisions, orders 2.
    """
    if order.status == "closed":
        return order
    if order.status == "cancelled":
        return refuse("ORDER_CANCELLED")
    return touched(replace(order, status="closed", closed_at=now.text, closed_by=actor), now)


def reopen(order: Order, now: Instant) -> Order | Refusal:
    """Return the order as open; one that is open already comes back unchanged.

    Refuses: ORDER_CANCELLED: a cancelled order is never opened again.
    Source: decisions, orders 2.
    """
    if order.status == "open":
        return order
    if order.status == "cancelled":
        return refuse("ORDER_CANCELLED", "A cancelled order is never opened again")
    return touched(replace(order, status="open", closed_at=None, closed_by=None), now)


def cancel(order: Order, reason: str, actor: str, now: Instant) -> Order | Refusal:
    """Return the order as cancelled; one that is cancelled already comes back unchanged.

    Refuses: ORDER_CLOSED, ORDER_HAS_PAYMENTS (captured money that is not refunded).
    Keeps: a cancelled order holds no captured money.
    Source: decisions, orders 2.
    """
    if order.status == "cancelled":
        return order
    if order.status == "closed":
        return refuse("ORDER_CLOSED", "A closed order must be opened before it is cancelled")
    total = sums(order)
    held = total.captured - total.refunded
    if held:
        return refuse(
            "ORDER_HAS_PAYMENTS",
            f"{held} is captured and not refunded; refund it before cancelling",
            captured=total.captured,
            refunded=total.refunded,
            remaining=held,
        )
    cancelled = replace(
        order,
        status="cancelled",
        cancelled_reason=reason,
        cancelled_at=now.text,
        cancelled_by=actor,
    )
    return recomputed(cancelled, now)


def _item_refusal(order: Order, updates: Sequence[ItemUpdate]) -> Refusal | None:
    """Return what is wrong with the lines of an update, all faults at once."""
    lines = {item.line_id: item for item in order.items}
    missing = [
        Fault(
            "LINE_NOT_FOUND",
            f"the order has no line {item.line_id}",
            ("items", index, "line_id"),
            "the line_id of a line of the order",
            {"line_id": item.line_id},
        )
        for index, item in enumerate(updates)
        if item.line_id not in lines
    ]
    if missing:
        return Refusal("NOT FOUND", missing[0].message, faults=tuple(missing))
    changed = [
        Fault(
            "USE_A_DRAFT",
            f"{name} of line {item.line_id} differs from what the order holds",
            ("items", index, name),
            "the value that the order holds, or none; a draft with options.order_id changes it",
            {"line_id": item.line_id},
        )
        for index, item in enumerate(updates)
        for name in _FIXED_IN_ITEMS
        if _differs(item, lines[item.line_id], name)
    ]
    if changed:
        return Refusal("USE_A_DRAFT", changed[0].message, faults=tuple(changed))
    return None


def _differs(change: ItemUpdate, item: Item, name: str) -> bool:
    """Tell whether an update gives another amount, quantity or tax than the line has."""
    given = getattr(change, name)
    kept = getattr(item, name)
    if given is UNSET:
        return False
    if given is None:
        return bool(kept)
    if name == "quantity":
        return exact(given) != exact(kept)
    if name == "gross_amount":
        return bool(given != kept)
    return len(given) != len(kept) or any(
        _line_differs(new, old) for new, old in zip(given, kept, strict=True)
    )


def _line_differs(given: Struct, kept: Struct) -> bool:
    """Tell whether a tax or discount line gives another value; what it leaves out is no change."""
    return any(
        value is not None and name != "discount_subtype" and value != getattr(kept, name)
        for name, value in asdict(given).items()
    )


def _updated_item(item: Item, change: ItemUpdate, version: int) -> Item:
    """Return a line with its new properties; of its discounts only the subtype is taken."""
    changes = {
        name: value
        for name, value in asdict(change).items()
        if value is not UNSET and name not in _FIXED_IN_ITEMS
    }
    if isinstance(change.discount_lines, tuple):
        changes["discount_lines"] = tuple(
            _with_subtype(old, new)
            for old, new in zip(item.discount_lines, change.discount_lines, strict=True)
        )
    return replace(item, **changes, version=version)


def _with_subtype(kept: DiscountLine, given: DiscountLine) -> DiscountLine:
    """Return a discount line with the subtype that was given, if one was."""
    if given.discount_subtype is None:
        return kept
    return replace(kept, discount_subtype=given.discount_subtype)
