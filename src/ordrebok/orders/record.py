"""How a new version of an order is put down, with its event, and how its answers are made."""

from collections.abc import Sequence

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import Call, Decision, Key, Put, State
from ordrebok.events.rules import change_event, wanted, with_events
from ordrebok.orders.terms import terms
from ordrebok.payouts.ledger import ledger_rows, new_entries
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.retention.rules import is_emptied, look_ms
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order

decode = msgspec.json.Decoder(Order).decode
"""Return an order from its stored JSON."""


def key_of(call: Call, order_id: str | None = None) -> Key:
    """Return where an order stands: the one of the path, or another of the same account."""
    return Key(call.account_id, "order", order_id or call.params["order_id"])


def live_order(state: State, key: Key) -> Order | Refusal:
    """Return an order as a change finds it.

    Refuses: NOT FOUND, also for an order whose time is over: it takes no change.
    """
    order = state.get(key, Order)
    if order is None:
        return not_found("Order")
    return erased_refusal(order) or order


def erased_refusal(order: Order) -> Refusal | None:
    """Return the refusal of an order whose time is over, where that is so."""
    if not is_emptied(order):
        return None
    return refuse("NOT FOUND", "The time of the order is over, and it is erased")


def put(key: Key, before: Order | None, after: Order, event: Event) -> Put:
    """Return the writing down of an order's new version, with the words it is found by."""
    old = frozenset[str]() if before is None else terms(before)
    new = terms(after)
    return Put(
        key=key,
        version=after.version,
        document=after,
        body=encode(after),
        event=encode(event),
        event_id=event.id,
        status=after.status,
        created_ms=created_ms(after),
        updated_ms=Instant.of(after.updated_at).ms,
        currency=after.currency,
        payment_status=after.payment_status,
        terms_added=new - old,
        terms_removed=old - new,
        entries=ledger_rows(new_entries(before, after)),
        expires_ms=look_ms(before, after),
    )


def created_ms(order: Order) -> int:
    """Return the moment an order was made, as lists sort by it."""
    return Instant.of(order.created_at).ms


def changed(state: State, call: Call, before: Order, after: Order) -> Decision:
    """Return the decision that puts down a change of an order and answers with the order.

    An order that came back unchanged is answered and not written: nothing happened to it.
    """
    key = key_of(call, before.order_id)
    choice = getattr(call.query, "include_events", ())
    if after is before:
        return Decision((), answer(encode(before), state, key, (), choice), before.version)
    event = change_event(call, state.new_id(), after.version, state.now)
    written = put(key, before, after, event)
    body = answer(written.body, state, key, (written.event,), choice)
    return Decision((written,), body, after.version)


def answer(
    body: bytes, state: State, key: Key, new_events: tuple[bytes, ...], choice: Sequence[str]
) -> bytes:
    """Return an order as single-order calls answer it: with its events and their state."""
    if not wanted(choice):
        return body
    return with_events(body, (*state.events(key), *new_events), choice, state=True)
