"""How a draft becomes orders: new ones, split by store, added to an order, or in its place."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from msgspec.structs import asdict, replace

from ordrebok.clock import Instant
from ordrebok.discounts import bookings
from ordrebok.drafts.rules import order_fit, updated_lines
from ordrebok.items.rules import MAX_ITEMS, payable
from ordrebok.orders.rules import recomputed
from ordrebok.payments.rules import has_operations
from ordrebok.refusals import Fault, Refusal, refuse
from ordrebok.retention.rules import expires_at
from ordrebok.wire.base import Link
from ordrebok.wire.draft import Draft, Options
from ordrebok.wire.item import Item
from ordrebok.wire.location import Store
from ordrebok.wire.order import DraftContent, Order

_KEPT_BY_THE_ORDER = frozenset({"items", "order_id", "order_number", "currency"})
"""What an updating draft never changes in its order, apart from the lines it adds."""

_COMPUTED = frozenset(
    {
        "gross_amount",
        "net_amount",
        "total_discount",
        "total_manual_discount_amount",
        "time_to_live_expires_at",
        "version",
        "stores",
    }
)
_REVERSED = "reversed"


class Identity(NamedTuple):
    """The names that a new order gets."""

    id: str
    order_id: str
    order_number: str


class Part(NamedTuple):
    """What one of the orders of a draft consists of."""

    store: Store | None
    items: tuple[Item, ...]


def faults(draft: Draft, updated: Order | None) -> list[Fault]:
    """Return everything that keeps a draft from being completed, all problems at once.

    Keeps: at least one line, unique line numbers, related lines that exist, and reversals that
    never exceed what they reverse.
    Source: decisions, drafts 8 and from draft to order 2.
    """
    items = draft.order.items
    others = updated_lines(draft.options, updated)
    found = []
    if not items:
        found.append(
            Fault("NO_ITEMS", "the draft has no items", ("order", "items"), "at least one item")
        )
    if len(items) + len(others) > MAX_ITEMS:
        found.append(Fault("TOO_MANY_ITEMS", "the order would pass its limit", ("order", "items")))
    lines = {item.line_id: item for item in others}
    own: set[int] = set()
    for index, item in enumerate(items):
        path = ("order", "items", index)
        if item.line_id in own or item.line_id in lines:
            found.append(
                Fault(
                    "LINE_ID_TAKEN",
                    f"line_id {item.line_id} is taken",
                    (*path, "line_id"),
                    "a number that no other line of the draft or of its order has",
                )
            )
        own.add(item.line_id)
    for index, item in enumerate(items):
        found += [
            fault.under("order", "items", index) for fault in _relation_faults(item, own, lines)
        ]
    return found + _reversal_faults(items, others)


def parts(draft: Draft) -> list[Part]:
    """Return what each order of the draft consists of; one part unless the draft is split.

    Keeps: every line stands in exactly one part; a related line goes where its line goes.
    Source: decisions, from draft to order 4.
    """
    content = draft.order
    if not (draft.options and draft.options.split_draft):
        return [Part(content.store, content.items)]
    stores = {store.id: store for store in content.stores or ()}
    store_of = _stores_by_line(content.items)
    grouped: dict[str | None, list[Item]] = {}
    for item in content.items:
        grouped.setdefault(store_of[item.line_id], []).append(item)
    return [
        Part(content.store if store_id is None else stores[store_id], tuple(items))
        for store_id, items in grouped.items()
    ]


def new_orders(
    draft: Draft,
    split: Sequence[Part],
    identities: Sequence[Identity],
    orders_path: str,
    actor: str,
    now: Instant,
) -> tuple[Order, ...] | Refusal:
    """Return the orders that a draft becomes, one for each part.

    Refuses: AMOUNT_TOO_LARGE.
    Keeps: the totals of the parts sum to the draft's; so do the uses of discounts.
    """
    options = draft.options or Options()
    shared = _properties(draft.order)
    if options.order_time_to_live is not None:
        shared["time_to_live"] = options.order_time_to_live
    if options.multiple_authorizations is not None:
        shared["multiple_authorizations"] = options.multiple_authorizations
    lines = [{item.line_id for item in part.items} for part in split]
    discounts = bookings.shared(draft.order.discounts, lines)
    orders = []
    for part, identity, used in zip(split, identities, discounts, strict=True):
        fields = {**shared, **identity._asdict(), "store": part.store, "discounts": used}
        order = recomputed(
            Order(
                **fields,
                currency=draft.order.currency,
                items=tuple(replace(item, version=1) for item in part.items),
                created_at=now.text,
                created_by=actor,
                updated_at=now.text,
                status="open",
                payment_status="pending",
                version=0,
                links=(_link_to(orders_path, identity.order_id),),
            ),
            now,
        )
        if isinstance(order, Refusal):
            return order
        orders.append(order)
    return tuple(orders)


def updated_order(draft: Draft, order: Order, now: Instant) -> Order | Refusal:
    """Return the order after a draft is added to it, or put in its place.

    Refuses: ORDER_NOT_OPEN, CURRENCY_MISMATCH, ORDER_HAS_PAYMENTS (replace), AMOUNT_TOO_LARGE.
    Keeps: id, order_id, order_number and created_at stay.
    Source: decisions, from draft to order 2 and 3.
    """
    refusal = order_fit(draft.order.currency, order)
    if refusal is not None:
        return refusal
    version = order.version + 1
    items = tuple(replace(item, version=version) for item in draft.order.items)
    options = draft.options or Options()
    if options.replace == "order":
        if has_operations(order):
            return refuse(
                "ORDER_HAS_PAYMENTS", "An order with payment operations cannot be replaced"
            )
        changes = dict.fromkeys(_REPLACEABLE) | _properties(draft.order)
        changes["items"] = items
    else:
        changes = _properties(draft.order)
        changes["items"] = (*order.items, *items)
        changes["discounts"] = bookings.merged(order.discounts, draft.order.discounts)
    if options.order_time_to_live is not None:
        changes["time_to_live"] = options.order_time_to_live
    if options.multiple_authorizations is not None:
        changes["multiple_authorizations"] = options.multiple_authorizations
    return recomputed(replace(order, **changes), now)


def completed(draft: Draft, order_ids: Sequence[str], orders_path: str, now: Instant) -> Draft:
    """Return the draft as completed, pointing to the orders it became."""
    links = tuple(_link_to(orders_path, order_id) for order_id in order_ids)
    return replace(
        draft,
        status="completed",
        order_ids=tuple(order_ids),
        links=(*(draft.links or ()), *links),
        order=replace(draft.order, time_to_live_expires_at=expires_at(draft.order, now)),
        updated_at=now.text,
        version=draft.version + 1,
    )


def numbered(number: str, count: int, *, suffix: bool) -> list[str]:
    """Return the order numbers of the orders of one draft.

    With the serial suffix: -1, -2 and so on, also when there is one order only.
    """
    return [f"{number}-{serial}" if suffix else number for serial in range(1, count + 1)]


def _link_to(orders_path: str, order_id: str) -> Link:
    """Return the link to an order; its id may hold what means something in an address."""
    return Link(href=f"{orders_path}/{quote(order_id, safe='')}", rel="order")


def _properties(content: DraftContent) -> dict[str, object]:
    """Return the properties that a draft gives, without its lines and what is computed."""
    return {
        name: value
        for name, value in asdict(content).items()
        if value is not None and name not in _KEPT_BY_THE_ORDER and name not in _COMPUTED
    }


_REPLACEABLE = frozenset(DraftContent.__struct_fields__) - _KEPT_BY_THE_ORDER - _COMPUTED


def _stores_by_line(items: Sequence[Item]) -> dict[int, str | None]:
    """Return the store whose order each line goes to, following its relations to their end.

    Keeps: a line goes where its related line goes; lines that relate in a circle stay together.
    """
    lines = {line.line_id: line for line in items}
    stores: dict[int, str | None] = {}
    for first in items:
        item = first
        trail: dict[int, None] = {}
        while item.line_id not in stores and item.line_id not in trail:
            trail[item.line_id] = None
            relation = item.related_item
            item = item if relation is None else lines.get(relation.line_id, item)
        store = None if item.store is None else item.store.id
        stores |= dict.fromkeys(trail, stores.get(item.line_id, store))
    return stores


def _relation_faults(item: Item, own: set[int], lines: dict[int, Item]) -> list[Fault]:
    """Return what is wrong with the line that a line relates to."""
    relation = item.related_item
    if relation is None:
        return []
    path = ("related_item", "line_id")
    if relation.type != _REVERSED:
        if relation.line_id in own or relation.line_id in lines:
            return []
        return [
            Fault(
                "RELATED_LINE_MISSING",
                f"line {item.line_id} relates to line {relation.line_id}, which is not there",
                path,
                "the line_id of a line of the draft or of the order it updates",
                {"line_id": item.line_id},
            )
        ]
    original = lines.get(relation.line_id)
    if original is None:
        return [
            Fault(
                "REVERSED_LINE_MISSING",
                f"line {item.line_id} reverses line {relation.line_id}, which no order has",
                path,
                "the line_id of a line of the order that options.order_id names",
                {"line_id": item.line_id},
            )
        ]
    found = []
    if not item.reversed_reason:
        found.append(
            Fault(
                "REVERSED_REASON_MISSING",
                f"line {item.line_id} reverses a line without a reason",
                ("reversed_reason",),
                "why the line is reversed",
                {"line_id": item.line_id},
            )
        )
    if item.gross_amount * original.gross_amount >= 0:
        found.append(
            Fault(
                "REVERSAL_SIGN",
                f"line {item.line_id} has the sign of the line that it reverses",
                ("gross_amount",),
                f"an amount with the opposite sign of {original.gross_amount}",
                {"line_id": item.line_id},
            )
        )
    return found


def _reversal_faults(items: Sequence[Item], others: Sequence[Item]) -> list[Fault]:
    """Return the faults of reversals that together exceed the line they reverse."""
    found = []
    taken, asked_for = _reversals(others), _reversals(items)
    for original in others:
        earlier, new = taken.get(original.line_id, ()), asked_for.get(original.line_id)
        if not new:
            continue
        for name, amount_of in (("gross_amount", _gross), ("payable amount", payable)):
            asked = sum(abs(amount_of(item)) for item in new)
            left = abs(amount_of(original)) - sum(abs(amount_of(item)) for item in earlier)
            if asked > left:
                found.append(
                    Fault(
                        "REVERSAL_EXCEEDS_LINE",
                        f"reversals of line {original.line_id} ask for a {name} of {asked}, "
                        f"{left} is left",
                        ("order", "items"),
                        f"reversals that sum to at most {left}",
                        {"line_id": original.line_id, "requested": asked, "remaining": left},
                    )
                )
    return found


def _reversals(items: Sequence[Item]) -> dict[int, list[Item]]:
    """Return the lines that reverse others, by the number of the line they reverse."""
    found: dict[int, list[Item]] = {}
    for item in items:
        if item.related_item is not None and item.related_item.type == _REVERSED:
            found.setdefault(item.related_item.line_id, []).append(item)
    return found


def _gross(item: Item) -> int:
    """Return the gross amount of a line."""
    return item.gross_amount
