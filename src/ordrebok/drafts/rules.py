"""What may change in a draft, and what a draft is after the change."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from ordrebok.clock import Instant
from ordrebok.items.rules import (
    MAX_ITEMS,
    fits,
    next_line_id,
    priced,
    totals,
    without,
)
from ordrebok.payouts.applying import option_refusal
from ordrebok.refusals import Fault, Refusal, not_found, refuse
from ordrebok.retention.rules import expires_at
from ordrebok.wire.base import MAX_INTEGER, Link
from ordrebok.wire.draft import Draft, DraftBody, DraftUpdate, OptionChanges, Options
from ordrebok.wire.item import Item, ItemBody
from ordrebok.wire.location import Store
from ordrebok.wire.order import DraftContent, Order

_AFTER_COMPLETION = frozenset({"metadata", "comment"})
"""What may still change in the order of a completed draft."""

_NO_NUMBER_LEFT = Fault(
    "LINE_ID_TAKEN",
    f"no line_id is free above the other lines: {MAX_INTEGER} is the last",
    ("line_id",),
    "a line_id of the item's own",
)


def create(
    body: DraftBody, draft_id: str, path: str, actor: str, now: Instant, updated: Order | None
) -> Draft | Refusal:
    """Return a new draft.

    `updated` is the order named by options.order_id, None where there is none.
    Refuses: INVALID_REQUEST_PARAMETER and INVALID_AMOUNTS (every fault of options and items),
    NOT FOUND, ORDER_NOT_OPEN, CURRENCY_MISMATCH, LINE_ID_TAKEN, AMOUNT_TOO_LARGE.
    Keeps: totals are sums over the lines; every line has its own number.
    Source: decisions, drafts 1 and from draft to order 2.
    """
    options = body.options or Options()
    refusal = _options_refusal(options, body.order.order_id, body.order.currency, updated)
    if refusal is not None:
        return refusal
    items = _numbered_and_priced(body.order.items, updated_lines(options, updated), version=1)
    if isinstance(items, Refusal):
        return items
    fields = asdict(body.order)
    fields["items"] = items
    draft = Draft(
        id=draft_id,
        created_at=now.text,
        created_by=actor,
        updated_at=now.text,
        status="open",
        version=0,
        order=DraftContent(**fields),
        options=options,
        links=(Link(href=f"{path}/{quote(draft_id, safe='')}", rel="draft"),),
    )
    return _recomputed(draft, draft.order, now)


def update(
    draft: Draft, change: DraftUpdate, now: Instant, updated: Order | None
) -> Draft | Refusal:
    """Return the draft with every given property replaced, and those given as null cleared.

    `updated` is the order named by options.order_id after the change.
    Refuses: DRAFT_DELETED, DRAFT_COMPLETED, then what create refuses.
    Source: decisions, drafts 4 and 7.
    """
    refusal = _closed(draft, change)
    if refusal is not None:
        return refusal
    options = changed_options(draft, change)
    order_changes = _given(change.order)
    order_changes.pop("items", None)
    items: Sequence[Item] = draft.order.items
    if change.order is not None and change.order.items is not UNSET:
        bodies = change.order.items or ()
        lines = updated_lines(options, updated)
        priced_items = _numbered_and_priced(bodies, lines, version=draft.version + 1)
        if isinstance(priced_items, Refusal):
            return priced_items
        items = priced_items
    content = replace(draft.order, **order_changes, items=tuple(items))
    if draft.status == "open":
        refusal = _options_refusal(options, content.order_id, content.currency, updated)
        if refusal is not None:
            return refusal
    return _recomputed(replace(draft, options=options), content, now)


def changed_options(draft: Draft, change: DraftUpdate) -> Options:
    """Return the options as they will be, so that the order they name can be looked up."""
    return replace(draft.options or Options(), **_given(change.options))


def add_item(draft: Draft, body: ItemBody, now: Instant, updated: Order | None) -> Draft | Refusal:
    """Return the draft with one more line.

    Refuses: DRAFT_DELETED, DRAFT_COMPLETED, TOO_MANY_ITEMS, LINE_ID_TAKEN, INVALID_AMOUNTS,
    AMOUNT_TOO_LARGE.
    Keeps: line numbers are unique, over the updated order's lines too.
    Source: decisions, drafts 1 to 3.
    """
    refusal = not_open(draft)
    if refusal is not None:
        return refusal
    items = draft.order.items
    if len(items) >= MAX_ITEMS:
        return refuse("TOO_MANY_ITEMS", limit=MAX_ITEMS)
    others = updated_lines(draft.options, updated)
    line_id = next_line_id(items, others) if body.line_id is None else body.line_id
    if line_id > MAX_INTEGER:
        return Refusal("LINE_ID_TAKEN", _NO_NUMBER_LEFT.message, faults=(_NO_NUMBER_LEFT,))
    if any(item.line_id == line_id for item in (*items, *others)):
        return _line_taken(line_id, ())
    return _with_line(draft, items, len(items), body, line_id, now)


def replace_item(draft: Draft, line_id: int, body: ItemBody, now: Instant) -> Draft | Refusal:
    """Return the draft with one line replaced in its place.

    Refuses: DRAFT_DELETED, DRAFT_COMPLETED, NOT FOUND, INVALID_REQUEST_PARAMETER (another
    line_id in the body), INVALID_AMOUNTS, AMOUNT_TOO_LARGE.
    """
    refusal = not_open(draft)
    if refusal is not None:
        return refusal
    items = draft.order.items
    position = next((i for i, item in enumerate(items) if item.line_id == line_id), None)
    if position is None:
        return not_found(f"Item with line_id {line_id}")
    if body.line_id is not None and body.line_id != line_id:
        fault = Fault(
            "LINE_ID_MISMATCH",
            f"the body says line_id {body.line_id}, the path {line_id}",
            ("line_id",),
            f"{line_id}, or no line_id",
        )
        return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))
    rest = items[:position] + items[position + 1 :]
    return _with_line(draft, rest, position, body, line_id, now)


def remove_item(draft: Draft, line_id: int, now: Instant) -> Draft | Refusal:
    """Return the draft without a line and without what only stood because of it.

    Refuses: DRAFT_DELETED, DRAFT_COMPLETED, NOT FOUND.
    Source: decisions, drafts 5.
    """
    refusal = not_open(draft)
    if refusal is not None:
        return refusal
    if all(item.line_id != line_id for item in draft.order.items):
        return not_found(f"Item with line_id {line_id}")
    return _recomputed(draft, replace(draft.order, items=without(draft.order.items, line_id)), now)


def delete(draft: Draft, actor: str, now: Instant) -> Draft | Refusal:
    """Return the draft as deleted; it stays readable.

    Refuses: DRAFT_COMPLETED.
    Source: decisions, drafts 6.
    """
    if draft.status == "completed":
        return refuse("DRAFT_COMPLETED")
    return replace(
        draft,
        status="deleted",
        deleted_at=now.text,
        deleted_by=actor,
        order=replace(draft.order, time_to_live_expires_at=expires_at(draft.order, now)),
        updated_at=now.text,
        version=draft.version + 1,
    )


def not_open(draft: Draft) -> Refusal | None:
    """Return why a draft takes no change, or None when it is open."""
    if draft.status == "deleted":
        return refuse("DRAFT_DELETED")
    if draft.status == "completed":
        return refuse("DRAFT_COMPLETED")
    return None


def updated_lines(options: Options | None, updated: Order | None) -> Sequence[Item]:
    """Return the lines whose numbers a draft must leave alone: those of the order it adds to."""
    if updated is None or options is None or options.replace == "order":
        return ()
    return updated.items


def order_fit(currency: str, updated: Order) -> Refusal | None:
    """Return why an order cannot be updated by a draft in a currency, or None.

    Refuses: ORDER_NOT_OPEN, CURRENCY_MISMATCH.
    Source: decisions, from draft to order 2.
    """
    if updated.status != "open":
        return refuse(
            "ORDER_NOT_OPEN",
            f"The order {updated.order_id} is {updated.status}; only an open order is updated",
            order_id=updated.order_id,
            status=updated.status,
        )
    if updated.currency != currency:
        return refuse(
            "CURRENCY_MISMATCH",
            f"The draft is in {currency}, the order in {updated.currency}",
            draft_currency=currency,
            order_currency=updated.currency,
        )
    return None


def _options_refusal(
    options: Options, own_order_id: str | None, currency: str, updated: Order | None
) -> Refusal | None:
    """Return what is wrong with the options, all contradictions at once."""
    faults = []
    if options.split_draft and own_order_id is not None:
        faults.append(
            Fault(
                "ORDER_ID_WITH_SPLIT",
                "an own order_id cannot be given to several orders",
                ("order", "order_id"),
                "no order_id, or split_draft false",
            )
        )
    if options.split_draft and options.order_id is not None:
        faults.append(
            Fault(
                "SPLIT_WITH_UPDATE",
                "a draft that updates an order cannot be split",
                ("options", "split_draft"),
                "no options.order_id, or split_draft false",
            )
        )
    if options.replace is not None and options.order_id is None:
        faults.append(
            Fault(
                "REPLACE_WITHOUT_ORDER",
                "replace needs the order that is to be replaced",
                ("options", "replace"),
                "options.order_id beside it, or no replace",
            )
        )
    payout = option_refusal(options.payout)
    if payout is not None:
        faults += payout.faults
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults=tuple(faults))
    if options.order_id is None:
        return None
    if updated is None:
        return not_found(f"Order {options.order_id} (options.order_id)")
    return order_fit(currency, updated)


def _closed(draft: Draft, change: DraftUpdate) -> Refusal | None:
    """Return why a draft takes no such change: after completion only notes may change."""
    if draft.status != "completed":
        return not_open(draft)
    refused = sorted(set(_given(change.order)) - _AFTER_COMPLETION)
    faults = [
        Fault("DRAFT_COMPLETED", f"order.{name} is fixed", ("order", name)) for name in refused
    ]
    faults += [
        Fault("DRAFT_COMPLETED", f"options.{name} is fixed", ("options", name))
        for name in sorted(_given(change.options))
    ]
    return Refusal("DRAFT_COMPLETED", faults=tuple(faults)) if faults else None


def _given(changes: msgspec.Struct | OptionChanges | None) -> dict[str, object]:
    """Return the properties that a change gives, null ones included."""
    if changes is None:
        return {}
    return {name: value for name, value in asdict(changes).items() if value is not UNSET}


def _numbered_and_priced(
    bodies: Sequence[ItemBody], others: Sequence[Item], *, version: int
) -> tuple[Item, ...] | Refusal:
    """Return a whole list of lines, numbered where they had no number, or all their faults."""
    taken = {item.line_id for item in others}
    own = [body.line_id for body in bodies if body.line_id is not None]
    next_free = max([*own, *taken, 0]) + 1
    items: list[Item] = []
    faults: list[Fault] = []
    seen: set[int] = set()
    for index, body in enumerate(bodies):
        line_id = body.line_id
        if line_id is None:
            line_id, next_free = next_free, next_free + 1
            if line_id > MAX_INTEGER:
                faults.append(_NO_NUMBER_LEFT.under("order", "items", index))
        elif line_id in seen:
            faults.append(
                Fault(
                    "LINE_ID_TAKEN",
                    f"line_id {line_id} stands twice",
                    ("order", "items", index, "line_id"),
                    "a number that no other item has, or no line_id",
                )
            )
        seen.add(line_id)
        item = priced(body, line_id=line_id, version=version)
        if isinstance(item, Item):
            items.append(item)
        else:
            faults += [fault.under("order", "items", index) for fault in item]
    if faults:
        return Refusal("INVALID_AMOUNTS", _first(faults), faults=tuple(faults))
    clash = next((i for i, item in enumerate(items) if item.line_id in taken), None)
    if clash is not None:
        return _line_taken(items[clash].line_id, ("order", "items", clash))
    return tuple(items)


def _with_line(
    draft: Draft,
    rest: Sequence[Item],
    position: int,
    body: ItemBody,
    line_id: int,
    now: Instant,
) -> Draft | Refusal:
    """Return the draft with a line put between the rest of its lines."""
    item = priced(body, line_id=line_id, version=draft.version + 1)
    if not isinstance(item, Item):
        return Refusal("INVALID_AMOUNTS", _first(item), faults=tuple(item))
    items = (*rest[:position], item, *rest[position:])
    return _recomputed(draft, replace(draft.order, items=items), now)


def _recomputed(draft: Draft, content: DraftContent, now: Instant) -> Draft | Refusal:
    """Return the next version of a draft, with totals and stores computed from its lines."""
    sums = totals(content.items)
    if not fits(sums):
        return refuse("AMOUNT_TOO_LARGE")
    content = replace(
        content,
        gross_amount=sums.gross_amount,
        net_amount=sums.net_amount,
        total_discount=sums.total_discount,
        total_manual_discount_amount=sums.total_manual_discount_amount,
        stores=_stores(content.items),
        time_to_live_expires_at=expires_at(content, now),
    )
    return replace(draft, order=content, updated_at=now.text, version=draft.version + 1)


def _stores(items: Sequence[Item]) -> tuple[Store, ...] | None:
    """Return the distinct stores of the lines, in order of first appearance."""
    stores: dict[str, Store] = {}
    for item in items:
        store = item.store
        if store is not None and store.id is not None and store.id not in stores:
            stores[store.id] = Store(
                id=store.id,
                organization_number=store.organization_number,
                name=store.name,
                business_name=store.business_name,
                comments=None if store.comment is None else (store.comment,),
            )
    return tuple(stores.values()) or None


def _line_taken(line_id: int, prefix: tuple[str | int, ...]) -> Refusal:
    """Return the refusal of a line number that another line has."""
    fault = Fault(
        "LINE_ID_TAKEN",
        f"line_id {line_id} is taken",
        (*prefix, "line_id"),
        "a number that no other item of the draft or of its order has, or no line_id",
        {"line_id": line_id},
    )
    return Refusal("LINE_ID_TAKEN", f"The line_id {line_id} is taken", faults=(fault,))


def _first(faults: Sequence[Fault]) -> str:
    """Return the sentence of the first fault, so that a person sees what is wrong at once."""
    return faults[0].message
