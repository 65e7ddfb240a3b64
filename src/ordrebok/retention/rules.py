"""What is left of an order, a draft and an event when their time is over, or a person is erased.

Two different erasures. When the time to live is over, all goes but the few fields that the
contract names. When a person is erased, whatever may say who bought or where they live goes, and
what was sold, for how much, and how it was paid stays: the books must still add up.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant, instant
from ordrebok.wire.draft import Draft
from ordrebok.wire.event import Event, EventRequest, EventType
from ordrebok.wire.item import Item
from ordrebok.wire.order import ComputedContent, DraftContent, Order, OrderStatus
from ordrebok.wire.payment import Operation
from ordrebok.wire.travel import Attachment, CarReservation, Itinerary, Reservation

C = TypeVar("C", bound=ComputedContent)
EXPIRED: Final = "expired"
"""The event_type of the erasure at the end of a time to live, and the status of a draft then."""
ERASED: Final = "erased"
"""The event_type of the erasure of a person."""
_ACTORS: Final = ("created_by", "deleted_by", "cancelled_by", "closed_by", "processed_by")


def expires_ms(updated_ms: int, content: ComputedContent) -> int | None:
    """Return when the time of an order or draft is over, in milliseconds; None for never.

    Source: decisions, orders 6: it runs from `updated_at`.
    """
    seconds = content.time_to_live
    return None if seconds is None else updated_ms + 1000 * seconds


def expires_at(content: ComputedContent, now: Instant) -> str | None:
    """Return the moment at which the time of a document is over that changes now."""
    due = expires_ms(now.ms, content)
    return None if due is None else instant(due).text


def look_ms(before: Order | Draft | None, after: Order | Draft) -> int | None:
    """Return when to look whether the time of a document is over, where nothing notes it yet.

    That is so for a new document, and for one whose time got shorter: what is noted already is
    looked at then, and may turn out to be later.
    """
    due = _due(after)
    if due is None:
        return None
    noted = None if before is None else _due(before)
    return due if noted is None or due < noted else None


def is_over(document: Order | Draft, now: Instant) -> bool:
    """Tell whether the time of a document is over; one that is emptied has none."""
    due = _due(document)
    return due is not None and due <= now.ms


def _due(document: Order | Draft) -> int | None:
    """Return when the time of a document is over."""
    content = document.order if isinstance(document, Draft) else document
    if content.time_to_live is None:
        return None
    return expires_ms(Instant.of(document.updated_at).ms, content)


# ------------------------------------------------------------------------- when the time is over


def is_emptied(order: Order) -> bool:
    """Tell whether all but the name of an order was taken out at the end of its time."""
    return order.deleted_at is not None and not order.items


def emptied(order: Order, now: Instant) -> Order:
    """Return what is left of an order when its time is over, as its next version.

    Besides what the contract keeps (`order_number`, `order_id`, `external_ids`, `created_at`,
    `updated_at`, `deleted_at`) only what every order has stays: its id, version and currency,
    and how it stood. An open one is closed.
    Source: contract 3.11; decisions, orders 6.
    """
    status: OrderStatus = "closed" if order.status == "open" else order.status
    return replace(left_of(order), deleted_at=now.text, version=order.version + 1, status=status)


def left_of(order: Order) -> Order:
    """Return an order with nothing but the fields that an emptied one has."""
    return Order(
        id=order.id,
        order_id=order.order_id,
        order_number=order.order_number,
        external_ids=order.external_ids,
        created_at=order.created_at,
        updated_at=order.updated_at,
        deleted_at=order.deleted_at,
        version=order.version,
        currency=order.currency,
        status=order.status,
        payment_status=order.payment_status,
    )


def emptied_draft(draft: Draft, now: Instant) -> Draft:
    """Return what is left of a draft when its time, or that of its order, is over.

    It is kept so that its id is not given again, and answered no longer.
    """
    return Draft(
        id=draft.id,
        created_at=draft.created_at,
        updated_at=draft.updated_at,
        deleted_at=now.text,
        status="expired",
        version=draft.version + 1,
        order=DraftContent(currency=draft.order.currency, items=()),
    )


def bare_event(event: Event, hidden: str | None = None) -> Event:
    """Return an event without what was asked or reported in words.

    The request keeps its method, and its path unless that has the hidden text in it. Of a report
    its service and status stay: the combined state of the order follows from them.
    """
    request = event.request
    if request is not None:
        path = request.path
        if hidden and path is not None and hidden in unquote(path):
            path = None
        request = EventRequest(path=path, method=request.method)
    created_by = None if hidden is not None and event.created_by == hidden else event.created_by
    return replace(
        event,
        request=request,
        created_by=created_by,
        description=None,
        metadata=None,
        links=None,
    )


def notice(
    event_type: EventType, event_id: str, version: int, now: Instant, actor: str | None = None
) -> Event:
    """Return the event that an erasure leaves: that it was, when, and who asked for it."""
    return Event(
        id=event_id,
        created_at=now.text,
        created_by=actor,
        version=version,
        event_type=event_type,
    )


def drafts_of(events: Iterable[Event]) -> list[str]:
    """Return the ids of the drafts that an order came from, oldest first."""
    return list(dict.fromkeys(event.draft_id for event in events if event.draft_id is not None))


# ------------------------------------------------------------------------- when a person is erased


def is_of(content: ComputedContent, customer_id: str) -> bool:
    """Tell whether an order or draft is a customer's."""
    return content.customer is not None and content.customer.id == customer_id


def names(value: Any, customer_id: str) -> bool:  # noqa: ANN401 -- whatever a client sent
    """Tell whether the body of a request names a customer: `customer.id`, also below `order`."""
    for holder in (value, value.get("order") if isinstance(value, dict) else None):
        customer = holder.get("customer") if isinstance(holder, dict) else None
        if isinstance(customer, dict) and customer.get("id") == customer_id:
            return True
    return False


def mentions(value: Any, customer_id: str) -> bool:  # noqa: ANN401 -- whatever was answered
    """Tell whether an answer names a customer, at any depth.

    That is where a `customer` has the id, or `customer_id` or `customers` says it.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            customers = each.get("customers")
            if (
                names(each, customer_id)
                or each.get("customer_id") == customer_id
                or (isinstance(customers, list) and customer_id in customers)
            ):
                return True
            waiting += each.values()
    return False


def tells_of(event: Event, customer_id: str) -> bool:
    """Tell whether the request in an event is about a customer."""
    body = None if event.request is None else event.request.body
    if not body:
        return False
    try:
        return names(msgspec.json.decode(body), customer_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def asked_about(event: Event, customer_id: str) -> bool:
    """Tell whether an event names a customer: in its path, in its body at any depth, or as who did.

    Unlike `tells_of`, also where a request names several, such as those a discount is given to.
    """
    request = event.request
    if event.created_by == customer_id:
        return True
    if request is None:
        return False
    if request.path is not None and customer_id in unquote(request.path):
        return True
    if not request.body:
        return False
    try:
        return mentions(msgspec.json.decode(request.body), customer_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def order_without_person(order: Order, customer_id: str, now: Instant) -> Order:
    """Return the next version of an order, without what tells whose it was.

    Keeps: lines, amounts, operations and totals; the time to live runs on from now.
    """
    return replace(
        _content_without_person(order),
        sessions=tuple(
            replace(session, metadata=None, **_actors(session, customer_id))
            for session in order.sessions
        ),
        authorizations=_operations(order.authorizations, customer_id),
        captures=_operations(order.captures, customer_id),
        refunds=_operations(order.refunds, customer_id),
        cancellations=_operations(order.cancellations, customer_id),
        comments=(),
        version=order.version + 1,
        updated_at=now.text,
        time_to_live_expires_at=expires_at(order, now),
        **_actors(order, customer_id),
    )


def draft_without_person(draft: Draft, customer_id: str, now: Instant) -> Draft:
    """Return the next version of a draft, without what tells whose it was."""
    content = _content_without_person(draft.order)
    content = replace(
        content,
        stores=_each(content.stores, comments=None),
        time_to_live_expires_at=expires_at(content, now),
    )
    return replace(
        draft,
        order=content,
        version=draft.version + 1,
        updated_at=now.text,
        **_actors(draft, customer_id),
    )


def _actors(thing: msgspec.Struct, customer_id: str) -> dict[str, None]:
    """Return the marks of who did what that name the person."""
    return {name: None for name in _ACTORS if getattr(thing, name, None) == customer_id}


def _content_without_person(content: C) -> C:
    """Return the content of an order or draft without what tells whose it is.

    Free text goes, because anybody may have written a name into it, and so does metadata. Ids
    of things (orders, lines, payments, bookings, discounts) stay: the books need them.
    """
    return replace(
        content,
        customer=None,
        shipping_address=None,
        billing_address=None,
        metadata=None,
        comment=None,
        external_links=None,
        external_ids=_each(content.external_ids, description=None),
        store=None if content.store is None else replace(content.store, comments=None),
        itinerary=_mapped(content.itinerary, _leg),
        attachments=_mapped(content.attachments, _attachment),
        items=tuple(_item(item) for item in content.items if isinstance(item, Item)),
    )


def _item(item: Item) -> Item:
    """Return a line without free text; what was sold stays."""
    store = None if item.store is None else replace(item.store, comment=None)
    return replace(item, metadata=None, comment=None, store=store)


def _operations(operations: tuple[Operation, ...], customer_id: str) -> tuple[Operation, ...]:
    """Return recorded operations without the number of the card that paid."""
    return tuple(_operation(operation, customer_id) for operation in operations)


def _operation(operation: Operation, customer_id: str) -> Operation:
    """Return a recorded operation without what tells who paid."""
    details = operation.payment_details
    if details is not None and details.card is not None:
        card = replace(details.card, masked_pan=None, metadata=None)
        details = replace(details, card=card)
    return replace(
        operation, metadata=None, payment_details=details, **_actors(operation, customer_id)
    )


def _leg(leg: Itinerary) -> Itinerary:
    """Return a leg of a journey without its places, which may be somebody's home."""
    return replace(
        leg,
        arrival_address=None,
        departure_address=None,
        summary=None,
        waypoints=None,
        tickets=_each(leg.tickets, seat=None, passenger_id=None),
    )


def _attachment(attachment: Attachment) -> Attachment:
    """Return reservations without the people they are for and the places they go to."""
    changes: dict[str, Reservation | CarReservation] = {}
    for name in attachment.__struct_fields__:
        reservation = getattr(attachment, name)
        if isinstance(reservation, Reservation):
            legs = _each(
                reservation.itinerary,
                departure_address=None,
                arrival_address=None,
                seat=None,
                passenger_id=None,
            )
            changes[name] = replace(reservation, passengers=None, itinerary=legs)
        elif isinstance(reservation, CarReservation):
            rentals = _each(
                reservation.itinerary,
                drivers_id=None,
                pick_up_address=None,
                drop_off_address=None,
            )
            changes[name] = replace(reservation, drivers=None, itinerary=rentals)
    return replace(attachment, **changes)


S = TypeVar("S", bound=msgspec.Struct)


def _each(values: tuple[S, ...] | None, **changes: None) -> tuple[S, ...] | None:
    """Return structs with some of their fields cleared."""
    return None if values is None else tuple(replace(value, **changes) for value in values)


def _mapped(values: tuple[S, ...] | None, change: Callable[[S], S]) -> tuple[S, ...] | None:
    """Return structs, each changed."""
    return None if values is None else tuple(change(value) for value in values)
