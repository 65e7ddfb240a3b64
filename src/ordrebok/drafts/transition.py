"""The way from a draft to orders inside one decision: completing, and orders without a draft."""

from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Key, Put, State
from ordrebok.discounts.books import booked, told
from ordrebok.drafts import completion, rules
from ordrebok.drafts.record import key_of, live_draft
from ordrebok.drafts.record import put as put_draft
from ordrebok.drafts.settling import ahead_of, forget_draft, settled, updated_order
from ordrebok.events.rules import change_event
from ordrebok.ids import nine_of
from ordrebok.items.conversion import items_refusal
from ordrebok.orders.record import answer as order_answer
from ordrebok.orders.record import put as put_order
from ordrebok.refusals import Fault, Refusal, not_found, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.draft import CompletedDraft, Draft, DraftBody, OrderBody
from ordrebok.wire.order import Order


def orders_path(call: Call) -> str:
    """Return the path below which the account's orders stand."""
    return f"/v1/accounts/{call.account_id}/shopping/orders"


def complete(call: Call) -> Commit:
    """Return the plan that completes the draft in the path.

    Keeps: exactly once; a draft that is completed already answers with the orders it became.
    Refuses: NOT FOUND, DRAFT_DELETED, PAYOUT_RULE_NOT_FOUND, ORDER_NOT_OPEN, CURRENCY_MISMATCH,
    DRAFT_INCOMPLETE, ORDER_ID_TAKEN, ORDER_HAS_PAYMENTS, AMOUNT_TOO_LARGE, DISCOUNT_USED_UP.
    Source: decisions, from draft to order; retrying 5.
    """
    key = key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Complete the draft, or answer with what it became."""
        draft = live_draft(state, key)
        if isinstance(draft, Refusal):
            return draft
        if draft.status == "deleted":
            return refuse("DRAFT_DELETED")
        if draft.status == "completed":
            answer = _completed_answer(draft, _orders_of(state, call, draft))
            return Decision((), answer, draft.version)
        ready = settled(state, call, draft)
        if isinstance(ready, Refusal):
            return ready
        puts = _become_orders(state, call, ready)
        if isinstance(puts, Refusal):
            return puts
        orders = [put.document for put in puts]
        order_ids = [order.order_id for order in orders if isinstance(order, Order)]
        forget_draft(call)
        done = completion.completed(ready, order_ids, orders_path(call), state.now)
        event = change_event(call, state.new_id(), done.version, state.now)
        answer = _completed_answer(done, [o for o in orders if isinstance(o, Order)])
        return Decision((put_draft(key, done, event), *puts), answer, done.version)

    return Commit(
        keys=(key,),
        decide=decide,
        ahead=ahead_of(call),
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def create_order(call: Call, body: OrderBody) -> Commit | Refusal:
    """Return the plan that makes an order without keeping a draft.

    Refuses: INVALID_REQUEST_PARAMETER (options that need a draft), then what creating and
    completing a draft refuse.
    """
    options = body.options
    if options is not None and (options.split_draft or options.order_id or options.replace):
        fault = Fault(
            "USE_A_DRAFT",
            "split_draft, order_id and replace need a draft",
            ("options",),
            "a draft that is completed, or none of these options",
        )
        return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))
    path = ("items",) if call.body is body.order else ("order", "items")

    def decide(state: State) -> Decision | Refusal:
        """Build the draft in memory and turn it into its one order."""
        content = DraftBody(order=body.order, options=options)
        if call.strict:
            refusal = items_refusal(body.order.items, body.order.currency, *path)
            if refusal is not None:
                return refusal
        made = rules.create(content, "", "", call.actor_id, state.now, None)
        draft = made if isinstance(made, Refusal) else settled(state, call, made)
        if isinstance(draft, Refusal):
            return draft
        puts = _become_orders(state, call, draft, with_draft=False)
        if isinstance(puts, Refusal):
            return puts
        written = puts[0]
        choice = getattr(call.query, "include_events", ())
        answer = order_answer(written.body, state, written.key, (written.event,), choice)
        return Decision(puts, answer, written.version)

    return Commit(keys=(), decide=decide, idempotency=call.idempotency)


def _become_orders(
    state: State, call: Call, draft: Draft, *, with_draft: bool = True
) -> tuple[Put, ...] | Refusal:
    """Return the orders that a draft becomes, with what they book, ready to be written.

    Keeps: the orders come first, then the refs of their discounts.
    """
    options = draft.options
    updated = updated_order(state, call, options)
    if options is not None and options.order_id is not None:
        if updated is None:
            return not_found(f"Order {options.order_id} (options.order_id)")
        refusal = rules.order_fit(draft.order.currency, updated)
        if refusal is not None:
            return refusal
    faults = completion.faults(draft, updated)
    if faults:
        return Refusal("DRAFT_INCOMPLETE", faults[0].message, faults=tuple(faults))
    draft_id = draft.id if with_draft else None
    if updated is not None:
        return _update_order(state, call, draft, updated)
    split = completion.parts(draft)
    identities = _identities(state, call, draft, len(split))
    if isinstance(identities, Refusal):
        return identities
    path = orders_path(call)
    orders = completion.new_orders(draft, split, identities, path, call.actor_id, state.now)
    if isinstance(orders, Refusal):
        return orders
    uses = booked(state, call, [(order.order_id, order.discounts) for order in orders])
    if isinstance(uses, Refusal):
        return uses
    puts = (
        put_order(
            Key(call.account_id, "order", order.order_id),
            None,
            replace(order, discounts=told(order.discounts, uses)),
            change_event(call, state.new_id(), 1, state.now, created=True, draft_id=draft_id),
        )
        for order in orders
    )
    return (*puts, *uses)


def _update_order(
    state: State, call: Call, draft: Draft, updated: Order
) -> tuple[Put, ...] | Refusal:
    """Return the order that a draft updates, with what it books now, ready to be written."""
    after = completion.updated_order(draft, updated, state.now)
    if isinstance(after, Refusal):
        return after
    replaces = draft.options is not None and draft.options.replace == "order"
    uses = booked(
        state,
        call,
        [(after.order_id, draft.order.discounts)],
        new=False,
        instead_of=updated.order_id if replaces and updated.discounts else None,
    )
    if isinstance(uses, Refusal):
        return uses
    event = change_event(call, state.new_id(), after.version, state.now, draft_id=draft.id)
    key = Key(call.account_id, "order", after.order_id)
    after = replace(after, discounts=told(after.discounts, uses))
    return (put_order(key, updated, after, event), *uses)


def _identities(
    state: State, call: Call, draft: Draft, count: int
) -> list[completion.Identity] | Refusal:
    """Return the names of the new orders.

    Refuses: ORDER_ID_TAKEN for a draft's own order_id that another order has.
    Keeps: a number or id is given once; the store's guard refuses a second order under one id.
    """
    own = draft.order.order_id
    if own is not None and state.get(Key(call.account_id, "order", own), Order) is not None:
        fault = Fault(
            "ORDER_ID_TAKEN", f"order_id {own} is taken", ("order", "order_id"), "another order_id"
        )
        return Refusal("ORDER_ID_TAKEN", faults=(fault,))
    options = draft.options
    suffix = bool(options and options.serial_order_number_suffix)
    given = draft.order.order_number
    if given is None and not suffix:
        numbers = [str(state.order_number(call.account_id)) for _ in range(count)]
    else:
        number = given or str(state.order_number(call.account_id))
        numbers = completion.numbered(number, count, suffix=suffix)
    identities = []
    for order_number in numbers:
        order_uuid = state.new_id()
        order_id = own or order_uuid
        if own is None and options is not None and options.generate_order_id == "ALPHANUMERIC_9":
            order_id = nine_of(state.new_id())
            while state.get(Key(call.account_id, "order", order_id), Order) is not None:
                order_id = nine_of(state.new_id())
        identities.append(completion.Identity(order_uuid, order_id, order_number))
    return identities


def _orders_of(state: State, call: Call, draft: Draft) -> list[Order]:
    """Return the orders that a completed draft became, as they now stand."""
    found = (
        state.get(Key(call.account_id, "order", order_id), Order) for order_id in draft.order_ids
    )
    return [order for order in found if order is not None]


def _completed_answer(draft: Draft, orders: list[Order]) -> bytes:
    """Return the documented answer of a completion: the orders inside the draft's envelope."""
    return encode(
        CompletedDraft(
            id=draft.id,
            created_at=draft.created_at,
            created_by=draft.created_by,
            updated_at=draft.updated_at,
            deleted_by=draft.deleted_by,
            deleted_at=draft.deleted_at,
            status=draft.status,
            links=draft.links,
            orders=tuple(orders),
        )
    )
