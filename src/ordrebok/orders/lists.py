"""The rows of the API for lists of orders, and for the views of a store and of a customer."""

import base64
import binascii
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ordrebok.clock import milliseconds
from ordrebok.decision import Call, Listing, Page, Stored
from ordrebok.events.rules import wanted, with_events, without_requests
from ordrebok.operation import READ, Operation, Plan
from ordrebok.orders.operations import PATH, read
from ordrebok.orders.record import decode
from ordrebok.orders.terms import folded, search_words, term
from ordrebok.refusals import Fault, Refusal, not_found
from ordrebok.wire.base import encode
from ordrebok.wire.order import Order, Orders
from ordrebok.wire.query import EventsQuery, OrdersQuery

_STORE = "/accounts/{aid}/shopping/stores/{store_id}/orders"
_CUSTOMER = "/accounts/{aid}/shopping/customers/{customer_id}/orders"


def cursor_of(position: tuple[int, str]) -> str:
    """Return the opaque text that names a row's place in a list."""
    return base64.urlsafe_b64encode(f"{position[0]}:{position[1]}".encode()).decode().rstrip("=")


def position_of(cursor: str | None) -> tuple[int, str] | Refusal | None:
    """Return the place that a cursor names.

    Refuses: INVALID_REQUEST_PARAMETER for a text that no list has answered.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created, _, row_id = base64.urlsafe_b64decode(padded).decode().partition(":")
        position = None if "\0" in row_id else (int(created), row_id)
    except (binascii.Error, ValueError):
        position = None
    if position is None or cursor_of(position) != cursor or abs(position[0]) >= 2**53:
        return wrong_cursor()
    return position


def wrong_cursor() -> Refusal:
    """Return the refusal of a cursor that no page gave."""
    fault = Fault(
        "INVALID_CURSOR",
        "starting_after is not a cursor of this list",
        ("starting_after",),
        "the starting_after of the page before",
    )
    return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))


def rendered(name: str, page: Page, show: Callable[[Stored], bytes]) -> bytes:
    """Return a page as JSON: the stored documents, and the cursor while there is more."""
    rows = b",".join(show(row) for row in page.rows)
    more = b""
    if page.next_after is not None:
        more = b',"starting_after":"' + cursor_of(page.next_after).encode() + b'"'
    return b'{"' + name.encode() + b'":[' + rows + b"]" + more + b"}"


def _groups(query: OrdersQuery) -> tuple[tuple[str, ...], ...]:
    """Return the filters that go by an order's words; repeated values are alternatives."""
    exact: Sequence[tuple[str, tuple[str, ...]]] = (
        ("number", query.order_number),
        ("external", query.external_id),
        ("customer", query.customer_id),
        ("store", query.store_id),
        ("travel", query.itinerary_travel_mode),
        ("discount", query.items_discount_lines_discount_type),
    )
    places: Sequence[tuple[str, tuple[str, ...]]] = (
        ("arrival", query.itinerary_arrival_address),
        ("departure", query.itinerary_departure_address),
    )
    groups = [tuple(term(kind, value) for value in values) for kind, values in exact]
    groups += [tuple(folded(kind, value) for value in values) for kind, values in places]
    return tuple(group for group in groups if group)


def _listing(
    call: Call, view: Callable[[Stored], Stored], extra: tuple[tuple[str, ...], ...] = ()
) -> Plan:
    """Return the plan of a list of orders, narrowed by the words of its path."""
    query = call.query_as(OrdersQuery)
    after = position_of(query.starting_after)
    if isinstance(after, Refusal):
        return after
    choice = query.include_events
    show = wanted(choice, default=False)

    def one(stored: Stored) -> bytes:
        """Make one row of the answer."""
        seen = view(stored)
        return with_events(seen.body, seen.events, choice, state=True) if show else seen.body

    def ms(moment: object) -> int | None:
        """Return a bound of a filter in milliseconds."""
        return None if moment is None else milliseconds(moment)  # type: ignore[arg-type]

    return Listing(
        account_id=call.account_id,
        kind="order",
        limit=query.limit,
        after=after,
        render=lambda page: rendered("orders", page, one),
        created_gte_ms=ms(query.created_at_gte),
        created_lte_ms=ms(query.created_at_lte),
        updated_gte_ms=ms(query.updated_at_gte),
        updated_lte_ms=ms(query.updated_at_lte),
        statuses=query.status,
        payment_statuses=query.payment_status,
        currencies=query.currency,
        term_groups=extra + _groups(query),
        prefixes=search_words(query.search or ""),
        with_total=query.total,
        with_events=show,
    )


def customer_view(stored: Stored) -> Stored:
    """Return an order as its customer may see it.

    Private comments are left out, and so are the requests in events: they repeat what staff
    wrote.
    """
    body = stored.body
    if b'"comments"' in body:
        order = decode(body)
        public = tuple(
            comment
            for comment in order.comments
            if comment.visibility == "public" and comment.deleted_at is None
        )
        body = encode(replace(order, comments=public))
    return Stored(stored.version, body, without_requests(stored.events))


def _as_is(stored: Stored) -> Stored:
    """Return an order unchanged."""
    return stored


def _orders(call: Call) -> Plan:
    """List the account's orders."""
    return _listing(call, _as_is)


def _store_orders(call: Call) -> Plan:
    """List the orders of a store."""
    return _listing(call, _as_is, ((term("store", call.params["store_id"]),),))


def _customer_orders(call: Call) -> Plan:
    """List the orders of a customer, as the customer may see them."""
    return _listing(call, customer_view, ((term("customer", call.params["customer_id"]),),))


def _store_order(call: Call) -> Plan:
    """Read one order of a store; another store's order is not there."""
    store_id = call.params["store_id"]

    def view(stored: Stored) -> Stored | Refusal:
        """Show the order only to a store that it names."""
        order = decode(stored.body)
        stores = {item.store.id for item in order.items if item.store is not None}
        if order.store is not None:
            stores.add(order.store.id)
        return stored if store_id in stores else not_found("Order")

    return read(call, view)


def _customer_order(call: Call) -> Plan:
    """Read one order of a customer; another customer's order is not there."""
    customer_id = call.params["customer_id"]

    def view(stored: Stored) -> Stored | Refusal:
        """Show the order only to the customer that it names."""
        customer = decode(stored.body).customer
        if customer is None or customer.id != customer_id:
            return not_found("Order")
        return customer_view(stored)

    return read(call, view)


def _list_row(operation_id: str, path: str, summary: str, tag: str, plan: object) -> Operation:
    """Return the row of one of the three lists; they differ in path and view only."""
    return Operation(
        id=operation_id,
        method="GET",
        path=path,
        summary=summary,
        tag=tag,
        scopes=READ,
        query=OrdersQuery,
        answer=Orders,
        plan=plan,  # type: ignore[arg-type]
    )


def _one_row(operation_id: str, path: str, summary: str, tag: str, plan: object) -> Operation:
    """Return the row of one of the two narrowed views of a single order."""
    return Operation(
        id=operation_id,
        method="GET",
        path=path + "/{order_id}",
        summary=summary,
        tag=tag,
        scopes=READ,
        query=EventsQuery,
        answer=Order,
        plan=plan,  # type: ignore[arg-type]
        refusals=("NOT FOUND",),
        versioned=True,
    )


OPERATIONS = (
    _list_row("aid_orders_get", PATH, "Orders collection", "orderlist", _orders),
    _list_row(
        "aid_stores_sid_orders_get", _STORE, "Store orders collection", "storeorder", _store_orders
    ),
    _one_row(
        "aid_stores_sid_orders_id_get", _STORE, "Get order of a store", "storeorder", _store_order
    ),
    _list_row(
        "aid_customers_cid_orders_get",
        _CUSTOMER,
        "Customer orders collection",
        "customerorder",
        _customer_orders,
    ),
    _one_row(
        "aid_customers_cid_orders_id_get",
        _CUSTOMER,
        "Get order of a customer",
        "customerorder",
        _customer_order,
    ),
)
