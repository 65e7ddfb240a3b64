"""The rows of the API for the events of an order."""

from ordrebok.decision import Call, Commit, Decision, Fetch, State, Stored
from ordrebok.events.rules import combined_state, find, reported_event, same_report
from ordrebok.operation import READ, WRITE, Operation, Plan
from ordrebok.orders.record import key_of, live_order, put
from ordrebok.orders.rules import touched
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event, EventBody, Events

_PATH = "/accounts/{aid}/shopping/orders/{order_id}/events"


def _report(call: Call) -> Plan:
    """Add what a service reports; under an own id, the same report again is the same event."""
    body, key = call.body_as(EventBody), key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load the order, add the event."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        if body.id is not None:
            standing = find(state.events(key), body.id)
            if standing is not None:
                if not same_report(standing, body):
                    return refuse("ID_TAKEN", f"The event id {body.id} is taken", id=body.id)
                return Decision((), encode(standing), order.version)
        after = touched(order, state.now)
        event = reported_event(call, body, body.id or state.new_id(), after.version, state.now)
        written = put(key, order, after, event)
        return Decision((written,), written.event, after.version)

    return Commit(
        keys=(key,),
        decide=decide,
        with_events=body.id is not None,
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def _list(call: Call) -> Plan:
    """Read all events of an order and the state they combine to."""

    def render(stored: Stored) -> bytes:
        """Make the answer without decoding an event."""
        state = combined_state(stored.events).encode()
        return b'{"events":[' + b",".join(stored.events) + b'],"state":"' + state + b'"}'

    return Fetch(key=key_of(call), noun="Order", render=render, with_events=True)


OPERATIONS = (
    Operation(
        id="aid_orders_id_events_get",
        method="GET",
        path=_PATH,
        summary="Order events collection",
        tag="orderlist",
        scopes=(*READ, "read:shopping:/orders/ANY/events"),
        answer=Events,
        plan=_list,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_events_post",
        method="POST",
        path=_PATH,
        summary="Create an order event",
        tag="orderevents",
        scopes=(*WRITE, "write:shopping:/orders/ANY/events"),
        body=EventBody,
        answer=Event,
        plan=_report,
        refusals=("NOT FOUND", "ID_TAKEN"),
        versioned=True,
        description="Taken in every status of the order: food can be ready after it is paid.",
    ),
)
