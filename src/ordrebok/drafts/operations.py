"""The rows of the API for drafts: create, read, list, update, edit items, complete, delete."""

from collections.abc import Callable

from ordrebok.clock import milliseconds
from ordrebok.decision import Call, Commit, Decision, Fetch, Key, Listing, State, Stored
from ordrebok.drafts import rules
from ordrebok.drafts.record import (
    answer,
    decision,
    decode,
    fingerprint,
    key_of,
    live_draft,
    shows_events,
)
from ordrebok.drafts.settling import ahead_of, foresee, forget_draft, settled, updated_order
from ordrebok.drafts.transition import complete
from ordrebok.events.rules import wanted, with_events
from ordrebok.items.conversion import item_refusal, items_refusal
from ordrebok.operation import READ, WRITE, Operation, Plan
from ordrebok.orders.lists import position_of, rendered
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.retention.rules import EXPIRED
from ordrebok.wire.base import encode
from ordrebok.wire.draft import CompletedDraft, Draft, DraftBody, Drafts, DraftUpdate
from ordrebok.wire.item import ItemBody
from ordrebok.wire.query import DraftQuery, DraftsQuery, EventsQuery

PATH = "/accounts/{aid}/shopping/draft_orders"
ONE = PATH + "/{id}"
ITEMS = ONE + "/items"
_LONGEST_LINE_ID = 16
_SHOWN = ("open", "completed", "deleted")
"""The drafts that a list without a status shows; those whose time is over it does not."""
_EDIT_REFUSALS = ("NOT FOUND", "DRAFT_COMPLETED", "DRAFT_DELETED")
_ITEM_REFUSALS = (
    *_EDIT_REFUSALS,
    "INVALID_AMOUNTS",
    "AMOUNT_TOO_LARGE",
    "PAYOUT_RULE_NOT_FOUND",
)


def _create(call: Call) -> Plan:
    """Make a draft; under an own id, the same content again is the same draft."""
    body = call.body_as(DraftBody)
    own = None if body.id is None else Key(call.account_id, "draft", body.id)
    origin = None if own is None else fingerprint(body)

    def decide(state: State) -> Decision | Refusal:
        """Make the draft, or find that it is made already."""
        if own is not None:
            standing = state.get(own, Draft)
            if standing is not None:
                if state.origin(own) != origin or standing.status == EXPIRED:
                    return refuse("ID_TAKEN", f"The draft id {own.id} is taken", id=own.id)
                events = state.events(own) if shows_events(call) else ()
                return Decision((), answer(call, encode(standing), events), standing.version)
        key = own or Key(call.account_id, "draft", state.new_id())
        if call.strict:
            refusal = items_refusal(body.order.items, body.order.currency, "order", "items")
            if refusal is not None:
                return refusal
        order = updated_order(state, call, body.options)
        draft = rules.create(body, key.id, call.path, call.actor_id, state.now, order)
        if not isinstance(draft, Refusal):
            draft = settled(state, call, draft)
        if isinstance(draft, Refusal):
            return draft
        return decision(state, call, key, draft, created=True, origin=origin)

    return Commit(
        keys=() if own is None else (own,),
        decide=decide,
        ahead=ahead_of(call),
        with_events=own is not None,
        idempotency=call.idempotency,
    )


def _change(call: Call, change: Callable[[Draft, State], Draft | Refusal]) -> Commit:
    """Return the plan of one change of the draft in the path."""
    key = key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load, change, settle, write down."""
        draft = live_draft(state, key)
        if isinstance(draft, Refusal):
            return draft
        foresee(state, call, draft)
        after = change(draft, state)
        if not isinstance(after, Refusal):
            after = settled(state, call, after)
        return after if isinstance(after, Refusal) else decision(state, call, key, after)

    return Commit(
        keys=(key,),
        decide=decide,
        ahead=ahead_of(call),
        with_events=shows_events(call),
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def _update(call: Call) -> Plan:
    """Replace the given properties."""
    body = call.body_as(DraftUpdate)

    def change(draft: Draft, state: State) -> Draft | Refusal:
        """Update with the order that the new options name."""
        if call.strict and body.order is not None and body.order.items:
            currency = body.order.currency or draft.order.currency
            refusal = items_refusal(body.order.items, currency, "order", "items")
            if refusal is not None:
                return refusal
        options = rules.changed_options(draft, body)
        return rules.update(draft, body, state.now, updated_order(state, call, options))

    return _change(call, change)


def _line_of(call: Call) -> int | None:
    """Return the line number of the path, None where it is no number a line could have."""
    text = call.params["line_id"]
    return (
        int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_LINE_ID else None
    )


def _add_item(call: Call) -> Plan:
    """Add a line."""
    body = call.body_as(ItemBody)

    def change(draft: Draft, state: State) -> Draft | Refusal:
        """Add the line to what stands."""
        refusal = item_refusal(body, draft.order.currency) if call.strict else None
        if refusal is not None:
            return refusal
        return rules.add_item(draft, body, state.now, updated_order(state, call, draft.options))

    return _change(call, change)


def _replace_item(call: Call) -> Plan:
    """Replace a line."""
    body, line_id = call.body_as(ItemBody), _line_of(call)
    if line_id is None:
        return not_found("Item")

    def change(draft: Draft, state: State) -> Draft | Refusal:
        """Put the line in the place of what stands."""
        refusal = item_refusal(body, draft.order.currency) if call.strict else None
        return refusal or rules.replace_item(draft, line_id, body, state.now)

    return _change(call, change)


def _remove_item(call: Call) -> Plan:
    """Remove a line and what follows it."""
    line_id = _line_of(call)
    if line_id is None:
        return not_found("Item")
    return _change(call, lambda draft, state: rules.remove_item(draft, line_id, state.now))


def _delete(call: Call) -> Plan:
    """Delete a draft; one that is deleted already comes back as it is."""
    key = key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load, delete, write down."""
        draft = live_draft(state, key)
        if isinstance(draft, Refusal):
            return draft
        if draft.status == "deleted":
            events = state.events(key) if shows_events(call) else ()
            return Decision((), answer(call, encode(draft), events), draft.version)
        forget_draft(call)
        after = rules.delete(draft, call.actor_id, state.now)
        return after if isinstance(after, Refusal) else decision(state, call, key, after)

    return Commit(
        keys=(key,),
        decide=decide,
        with_events=shows_events(call),
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def _read(call: Call) -> Plan:
    """Read one draft."""

    def render(stored: Stored) -> bytes | Refusal:
        """Make the answer; a draft whose time is over is not there."""
        if b'"expired"' in stored.body and decode(stored.body).status == EXPIRED:
            return not_found("Draft order")
        return answer(call, stored.body, stored.events)

    return Fetch(
        key=key_of(call), noun="Draft order", render=render, with_events=shows_events(call)
    )


def _list(call: Call) -> Plan:
    """List the account's drafts."""
    query = call.query_as(DraftsQuery)
    after = position_of(query.starting_after)
    if isinstance(after, Refusal):
        return after
    show = wanted(query.include_events, default=False)

    def one(stored: Stored) -> bytes:
        """Make one row of the answer."""
        return (
            with_events(stored.body, stored.events, query.include_events) if show else stored.body
        )

    gte, lte = query.created_at_gte, query.created_at_lte
    return Listing(
        account_id=call.account_id,
        kind="draft",
        limit=query.limit,
        after=after,
        render=lambda page: rendered("draft_orders", page, one),
        created_gte_ms=None if gte is None else milliseconds(gte),
        created_lte_ms=None if lte is None else milliseconds(lte),
        statuses=query.status or _SHOWN,
        with_total=query.total,
        with_events=show,
    )


OPERATIONS = (
    Operation(
        id="aid_draft_orders_get",
        method="GET",
        path=PATH,
        summary="Draft orders collection",
        tag="orderlist",
        scopes=READ,
        query=DraftsQuery,
        answer=Drafts,
        plan=_list,
    ),
    Operation(
        id="aid_draft_orders_post",
        method="POST",
        path=PATH,
        summary="Create a draft order",
        tag="draft",
        scopes=WRITE,
        body=DraftBody,
        query=DraftQuery,
        answer=Draft,
        plan=_create,
        refusals=(
            "INVALID_AMOUNTS",
            "NOT FOUND",
            "ID_TAKEN",
            "LINE_ID_TAKEN",
            "ORDER_NOT_OPEN",
            "CURRENCY_MISMATCH",
            "AMOUNT_TOO_LARGE",
            "PAYOUT_RULE_NOT_FOUND",
        ),
        versioned=True,
        description=(
            "Items may be empty until completion, and a `line_id` may be absent: the next free "
            "number is given. With an own `id`, the same content again answers the same draft."
        ),
    ),
    Operation(
        id="aid_draft_orders_id_get",
        method="GET",
        path=ONE,
        summary="Get draft order",
        tag="draft",
        scopes=READ,
        query=EventsQuery,
        answer=Draft,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_draft_orders_id_put",
        method="PUT",
        path=ONE,
        summary="Update draft order",
        tag="draft",
        scopes=WRITE,
        body=DraftUpdate,
        query=DraftQuery,
        answer=Draft,
        plan=_update,
        refusals=(
            *_ITEM_REFUSALS,
            "LINE_ID_TAKEN",
            "ORDER_NOT_OPEN",
            "CURRENCY_MISMATCH",
        ),
        versioned=True,
        description=(
            "Each property given under `order` and `options` replaces the stored one, null "
            "clears it, an absent one stays; `items`, when given, is the whole new list."
        ),
    ),
    Operation(
        id="aid_draft_orders_id_complete_put",
        method="PUT",
        path=ONE + "/complete",
        summary="Complete a draft order",
        tag="draft",
        scopes=WRITE,
        body=dict,
        body_optional=True,
        query=DraftQuery,
        answer=CompletedDraft,
        plan=complete,
        refusals=(
            "NOT FOUND",
            "DRAFT_DELETED",
            "DRAFT_INCOMPLETE",
            "ORDER_ID_TAKEN",
            "ORDER_NOT_OPEN",
            "CURRENCY_MISMATCH",
            "ORDER_HAS_PAYMENTS",
            "AMOUNT_TOO_LARGE",
            "DISCOUNT_USED_UP",
        ),
        versioned=True,
        description=(
            "Exactly once: completing a completed draft answers with the same orders. All that "
            "is missing is listed at once."
        ),
    ),
    Operation(
        id="aid_draft_orders_id_delete",
        method="DELETE",
        path=ONE,
        summary="Delete draft order",
        tag="draft",
        scopes=WRITE,
        query=EventsQuery,
        answer=Draft,
        plan=_delete,
        refusals=("NOT FOUND", "DRAFT_COMPLETED"),
        versioned=True,
    ),
    Operation(
        id="aid_draft_orders_id_items_post",
        method="POST",
        path=ITEMS,
        summary="Add item to draft",
        tag="draftitems",
        scopes=WRITE,
        body=ItemBody,
        query=DraftQuery,
        answer=Draft,
        plan=_add_item,
        refusals=(*_ITEM_REFUSALS, "LINE_ID_TAKEN", "TOO_MANY_ITEMS"),
        versioned=True,
    ),
    Operation(
        id="aid_draft_orders_id_items_line_id_put",
        method="PUT",
        path=ITEMS + "/{line_id}",
        summary="Update item of draft",
        tag="draftitems",
        scopes=WRITE,
        body=ItemBody,
        query=DraftQuery,
        answer=Draft,
        plan=_replace_item,
        refusals=_ITEM_REFUSALS,
        versioned=True,
    ),
    Operation(
        id="aid_draft_orders_id_items_line_id_delete",
        method="DELETE",
        path=ITEMS + "/{line_id}",
        summary="Remove item from draft",
        tag="draftitems",
        scopes=WRITE,
        query=DraftQuery,
        answer=Draft,
        plan=_remove_item,
        refusals=(*_EDIT_REFUSALS, "AMOUNT_TOO_LARGE", "PAYOUT_RULE_NOT_FOUND"),
        versioned=True,
        description=(
            "Lines that require or reverse the removed one go too, however long the chain; "
            "optional relations to it are cleared."
        ),
    ),
)
