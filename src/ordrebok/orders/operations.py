"""The rows of the API for single orders: create, read, update, open, close, cancel."""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Fetch, Put, State, Stored
from ordrebok.discounts.books import given_back
from ordrebok.discounts.record import ORDER
from ordrebok.drafts.transition import create_order
from ordrebok.events.rules import wanted, with_events
from ordrebok.items.conversion import items_refusal
from ordrebok.operation import READ, WRITE, Operation, Plan
from ordrebok.orders import rules
from ordrebok.orders.record import changed, key_of, live_order
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import OrderBody
from ordrebok.wire.order import CancelBody, Order, OrderContent, OrderUpdate
from ordrebok.wire.query import EventsQuery

PATH = "/accounts/{aid}/shopping/orders"
ONE = PATH + "/{order_id}"


def commit(
    call: Call,
    change: Callable[[Order, State], Order | Refusal],
    *,
    needs_events: bool = True,
    besides: Callable[[Order, State], tuple[Put, ...]] | None = None,
) -> Commit:
    """Return the plan of one change of the order in the path.

    `besides` is what else is written where the order changes; it takes the order before.
    """
    key = key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load, change, write down."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        after = change(order, state)
        if isinstance(after, Refusal):
            return after
        decision = changed(state, call, order, after)
        if besides is None or after is order:
            return decision
        return replace(decision, puts=(*decision.puts, *besides(order, state)))

    return Commit(
        keys=(key,),
        decide=decide,
        with_events=needs_events and wanted(getattr(call.query, "include_events", ())),
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def _create(call: Call) -> Plan:
    """Make an order without a draft."""
    body = call.body
    if not isinstance(body, OrderBody):
        body = OrderBody(order=call.body_as(OrderContent))
    return create_order(call, body)


def _form(raw: bytes) -> type:
    """Tell the two bodies of POST /orders apart: the long one has an object under `order`."""
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return OrderContent
    return OrderBody if "order" in members else OrderContent


def _read(call: Call) -> Plan:
    """Read one order."""
    return read(call, lambda stored: stored)


def read(call: Call, view: Callable[[Stored], Stored | Refusal]) -> Fetch:
    """Return the plan that reads the order in the path through a view of it."""
    choice = call.query_as(EventsQuery).include_events
    show = wanted(choice)

    def render(stored: Stored) -> bytes | Refusal:
        """Make the answer of the stored order."""
        seen = view(stored)
        if isinstance(seen, Refusal):
            return seen
        return with_events(seen.body, seen.events, choice, state=True) if show else seen.body

    return Fetch(key=key_of(call), noun="Order", render=render, with_events=show)


def _update(call: Call) -> Plan:
    """Change what is not money."""
    body = call.body_as(OrderUpdate)

    def change(order: Order, state: State) -> Order | Refusal:
        """Update; where the caller is strict, the exchange rates must then agree."""
        after = rules.update(order, body, state.now)
        if call.strict and isinstance(after, Order):
            lines = {item.line_id: item for item in after.items}
            items = [lines[item.line_id] for item in body.items]
            return items_refusal(items, after.currency, "items") or after
        return after

    return commit(call, change)


def _open(call: Call) -> Plan:
    """Open a closed order again."""
    return commit(call, lambda order, state: rules.reopen(order, state.now))


def _close(call: Call) -> Plan:
    """Close an open order."""
    return commit(call, lambda order, state: rules.close(order, call.actor_id, state.now))


def _cancel(call: Call) -> Plan:
    """Cancel an order that holds no captured money, and give back the discounts it used."""
    reason = call.body.cancelled_reason if isinstance(call.body, CancelBody) else "other"

    def discounts(order: Order, state: State) -> tuple[Put, ...]:
        """Return the refs without what the order has booked."""
        return given_back(state, call, (ORDER, order.order_id)) if order.discounts else ()

    return commit(
        call,
        lambda order, state: rules.cancel(order, reason, call.actor_id, state.now),
        besides=discounts,
    )


OPERATIONS = (
    Operation(
        id="aid_orders_post",
        method="POST",
        path=PATH,
        summary="Create an order without a draft",
        tag="orders",
        scopes=WRITE,
        body_choice=_form,
        body_forms=(OrderContent, OrderBody),
        query=EventsQuery,
        answer=Order,
        plan=_create,
        refusals=(
            "INVALID_AMOUNTS",
            "PAYOUT_RULE_NOT_FOUND",
            "DRAFT_INCOMPLETE",
            "ORDER_ID_TAKEN",
            "AMOUNT_TOO_LARGE",
        ),
        versioned=True,
        description=(
            "Draft and completion in one step. The body is an order, or an object with `order` "
            "and `options`. A split, or an update of an existing order, needs a draft."
        ),
    ),
    Operation(
        id="aid_orders_id_get",
        method="GET",
        path=ONE,
        summary="Get order",
        tag="orders",
        scopes=READ,
        query=EventsQuery,
        answer=Order,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_put",
        method="PUT",
        path=ONE,
        summary="Update order",
        tag="orders",
        scopes=WRITE,
        body=OrderUpdate,
        query=EventsQuery,
        answer=Order,
        plan=_update,
        refusals=(
            "NOT FOUND",
            "ORDER_CLOSED",
            "ORDER_CANCELLED",
            "USE_A_DRAFT",
            "INVALID_AMOUNTS",
        ),
        versioned=True,
        description=(
            "A given property replaces the stored one, null clears it, an absent one stays. "
            "Items are matched by `line_id`. A changed amount, quantity or tax is refused: "
            "use a draft with `options.order_id`."
        ),
    ),
    Operation(
        id="aid_orders_id_open_post",
        method="POST",
        path=ONE + "/open",
        summary="Open order",
        tag="orderstatus",
        scopes=WRITE,
        query=EventsQuery,
        answer=Order,
        plan=_open,
        refusals=("NOT FOUND", "ORDER_CANCELLED"),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_close_post",
        method="POST",
        path=ONE + "/close",
        summary="Close order",
        tag="orderstatus",
        scopes=WRITE,
        query=EventsQuery,
        answer=Order,
        plan=_close,
        refusals=("NOT FOUND", "ORDER_CANCELLED"),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_cancel_post",
        method="POST",
        path=ONE + "/cancel",
        summary="Cancel order",
        tag="orderstatus",
        scopes=WRITE,
        body=CancelBody,
        body_optional=True,
        query=EventsQuery,
        answer=Order,
        plan=_cancel,
        refusals=("NOT FOUND", "ORDER_CLOSED", "ORDER_HAS_PAYMENTS"),
        versioned=True,
    ),
)
