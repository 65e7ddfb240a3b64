"""The rows of the API for payment operations and sessions of an order."""

from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Fetch, State, Stored
from ordrebok.events.rules import change_event
from ordrebok.items.conversion import conversion_refusal
from ordrebok.operation import READ, WRITE, Operation, Plan
from ordrebok.orders.record import decode, erased_refusal, key_of, live_order, put
from ordrebok.payments.ledger import OperationKind
from ordrebok.payments.proof import proof
from ordrebok.payments.recording import record, same_operation
from ordrebok.payments.sessions import open_session, same_session
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.wire.base import Link, Wire, encode
from ordrebok.wire.payment import (
    Authorizations,
    Cancellations,
    Captures,
    OperationBody,
    Refunds,
    Session,
    SessionBody,
    Sessions,
)
from ordrebok.wire.payment import Operation as Recorded
from ordrebok.wire.proof import Proof

_ORDER = "/accounts/{aid}/shopping/orders/{order_id}"


class _Kind(NamedTuple):
    """How the rows of one kind of operation differ."""

    name: OperationKind
    noun: str
    post_id: str
    tag: str
    collection: type[Wire]
    refusals: tuple[str, ...]
    description: str


def _record(call: Call, kind: _Kind) -> Commit:
    """Record an operation; under an own id, the same operation again is the same fact."""
    body, key = call.body_as(OperationBody), key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load the order, record the operation unless it stands already."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        standing = next((o for o in getattr(order, kind.name) if o.id == body.id), None)
        if standing is not None:
            if not same_operation(standing, body):
                return refuse("ID_TAKEN", f"The id {body.id} is taken", id=body.id)
            return Decision((), encode(standing), order.version)
        if call.strict:
            rates = [(item, item.amount) for item in body.items]
            refusal = conversion_refusal(rates, order.currency, "items")
            if refusal is not None:
                return refusal
        operation_id = body.id or state.new_id()
        link = Link(href=quote(f"{call.path}/{operation_id}"), rel=kind.noun.lower())
        after = record(order, kind.name, body, operation_id, call.actor_id, state.now)
        if isinstance(after, Refusal):
            return after
        *earlier, recorded = getattr(after, kind.name)
        recorded = replace(recorded, links=(link,))
        after = replace(after, **{kind.name: (*earlier, recorded)})
        event = change_event(call, state.new_id(), after.version, state.now)
        return Decision((put(key, order, after, event),), encode(recorded), after.version)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _open_session(call: Call) -> Plan:
    """Record a session; under an own id, the same session again is the same fact."""
    body, key = call.body_as(SessionBody), key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load the order, record the session unless it stands already."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        standing = next((s for s in order.sessions if s.id == body.id), None)
        if standing is not None:
            if not same_session(standing, body):
                return refuse("ID_TAKEN", f"The session id {body.id} is taken", id=body.id)
            return Decision((), encode(standing), order.version)
        session_id = body.id or state.new_id()
        url = call.origin + quote(f"{call.path}/{session_id}")
        after = open_session(order, body, session_id, call.actor_id, state.now, url)
        if isinstance(after, Refusal):
            return after
        session = after.sessions[-1]
        event = change_event(call, state.new_id(), after.version, state.now)
        return Decision((put(key, order, after, event),), encode(session), after.version)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _list(call: Call, name: str) -> Plan:
    """Read all operations of one kind, in the order they were recorded."""

    def render(stored: Stored) -> bytes:
        """Make the answer of the order's document."""
        return encode({name: getattr(decode(stored.body), name)})

    return Fetch(key=key_of(call), noun="Order", render=render)


def _one(call: Call, name: str, param: str, noun: str) -> Plan:
    """Read one operation of an order."""
    wanted = call.params[param]

    def render(stored: Stored) -> bytes | Refusal:
        """Find the operation in the order's document."""
        recorded = getattr(decode(stored.body), name)
        found = next((operation for operation in recorded if operation.id == wanted), None)
        return not_found(noun) if found is None else encode(found)

    return Fetch(key=key_of(call), noun="Order", render=render)


_MONEY = (
    "NOT FOUND",
    "ID_TAKEN",
    "INVALID_AMOUNTS",
    "AMOUNT_SIGN",
    "AMOUNT_TOO_LARGE",
)


_KINDS = (
    _Kind(
        "authorizations",
        "Authorization",
        "aid_orders_id_authorization_post",
        "orderauthorizations",
        Authorizations,
        ("ORDER_CLOSED", "ORDER_CANCELLED", "ALREADY_AUTHORIZED", "AUTHORIZATION_EXCEEDS_LINE"),
        "For each line, what is authorized and not cancelled never passes what the customer pays.",
    ),
    _Kind(
        "captures",
        "Capture",
        "aid_orders_id_capture_post",
        "ordercaptures",
        Captures,
        (
            "ORDER_CLOSED",
            "ORDER_CANCELLED",
            "AUTHORIZATION_ID_REQUIRED",
            "CAPTURE_EXCEEDS_AUTHORIZATION",
        ),
        "For each line, what is captured or cancelled never passes what is authorized.",
    ),
    _Kind(
        "refunds",
        "Refund",
        "aid_orders_id_refunds_post",
        "orderrefunds",
        Refunds,
        ("ORDER_CANCELLED", "AUTHORIZATION_ID_REQUIRED", "REFUND_EXCEEDS_CAPTURE"),
        "What is refunded of a line never passes what is captured. Closed orders take it too.",
    ),
    _Kind(
        "cancellations",
        "Cancellation",
        "aid_orders_id_cancellation_post",
        "ordercancellations",
        Cancellations,
        ("ORDER_CLOSED", "AUTHORIZATION_ID_REQUIRED", "CANCELLATION_EXCEEDS_AUTHORIZATION"),
        "Takes back what is authorized and not captured. Taken on cancelled orders too.",
    ),
)


def _rows(kind: _Kind) -> tuple[Operation, ...]:
    """Return the three rows of one kind: record, list, read one."""
    path = f"{_ORDER}/{kind.name}"
    param = f"{kind.noun.lower()}_id"
    return (
        Operation(
            id=f"aid_orders_id_{kind.name}_get",
            method="GET",
            path=path,
            summary=f"Get {kind.noun.lower()} collection",
            tag="orderlist",
            scopes=READ,
            answer=kind.collection,
            plan=partial(_list, name=kind.name),
            refusals=("NOT FOUND",),
            versioned=True,
        ),
        Operation(
            id=kind.post_id,
            method="POST",
            path=path,
            summary=f"Record {kind.noun.lower()}",
            tag=kind.tag,
            scopes=WRITE,
            body=OperationBody,
            answer=Recorded,
            plan=partial(_record, kind=kind),
            refusals=(*_MONEY, *kind.refusals),
            versioned=True,
            description=kind.description,
        ),
        Operation(
            id=f"aid_orders_id_{kind.name}_id_get",
            method="GET",
            path=f"{path}/{{{param}}}",
            summary=f"Get {kind.noun.lower()} details",
            tag=kind.tag,
            scopes=READ,
            answer=Recorded,
            plan=partial(_one, name=kind.name, param=param, noun=kind.noun),
            refusals=("NOT FOUND",),
            versioned=True,
        ),
    )


def _prove(call: Call) -> Plan:
    """Write out the order's books."""

    def render(stored: Stored) -> bytes | Refusal:
        """Make the answer, if there is anything left to prove."""
        order = decode(stored.body)
        return erased_refusal(order) or encode(proof(order))

    return Fetch(key=key_of(call), noun="Order", render=render)


_PROOF = Operation(
    id="aid_orders_id_proof_get",
    method="GET",
    path=_ORDER + "/proof",
    summary="Prove the amounts of an order",
    tag="orderproof",
    scopes=READ,
    answer=Proof,
    plan=_prove,
    refusals=("NOT FOUND",),
    versioned=True,
    description=(
        "Every equation that the order's amounts must satisfy, by line, by authorization and in "
        "total, with its terms and whether it holds. An addition of this server."
    ),
)


_SESSIONS = (
    Operation(
        id="aid_orders_id_sessions_get",
        method="GET",
        path=_ORDER + "/sessions",
        summary="Get session collection",
        tag="orderlist",
        scopes=READ,
        answer=Sessions,
        plan=partial(_list, name="sessions"),
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_session_post",
        method="POST",
        path=_ORDER + "/sessions",
        summary="Create a session",
        tag="ordersessions",
        scopes=WRITE,
        body=SessionBody,
        answer=Session,
        plan=_open_session,
        refusals=(
            "NOT FOUND",
            "ID_TAKEN",
            "INVALID_AMOUNTS",
            "AMOUNT_SIGN",
            "AMOUNT_TOO_LARGE",
            "ORDER_CLOSED",
            "ORDER_CANCELLED",
            "AUTHORIZATION_EXCEEDS_LINE",
        ),
        versioned=True,
        description="An item without an amount asks for all that is left to authorize on its line.",
    ),
    Operation(
        id="aid_orders_id_sessions_id_get",
        method="GET",
        path=_ORDER + "/sessions/{session_id}",
        summary="Get session details",
        tag="ordersessions",
        scopes=READ,
        answer=Session,
        plan=partial(_one, name="sessions", param="session_id", noun="Session"),
        refusals=("NOT FOUND",),
        versioned=True,
    ),
)

OPERATIONS = (*(row for kind in _KINDS for row in _rows(kind)), *_SESSIONS, _PROOF)
