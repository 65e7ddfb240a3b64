"""Query parameters, as structs: a field's encoded name is the parameter's name."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

PageLimit = Annotated[int, Meta(ge=1, le=100, description="Rows of a page, 1 to 100.")]
Cursor = Annotated[
    str, Meta(max_length=512, description="The `starting_after` of the page before.")
]
EventsChoice = Literal["false", "true", "api-event", "service-event"]


class Query(Struct, frozen=True, kw_only=True, gc=False):
    """Base of all query structs."""


class NoQuery(Query, frozen=True, kw_only=True, gc=False):
    """An operation without query parameters of its own."""


class EventsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which events a single resource shows; absent means all of them."""

    include_events: tuple[EventsChoice, ...] = ()


class DraftQuery(EventsQuery, frozen=True, kw_only=True, gc=False):
    """Parameters of draft writes."""

    apply_discounts: bool = False


class DraftsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of drafts."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    total: bool = False
    include_events: tuple[EventsChoice, ...] = ()
    status: tuple[Literal["open", "completed", "deleted"], ...] = ()
    created_at_gte: datetime | None = field(default=None, name="created_at.gte")
    created_at_lte: datetime | None = field(default=None, name="created_at.lte")


class OrdersQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the lists of orders: different names must all hold, repeated ones any."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    total: bool = False
    include_events: tuple[EventsChoice, ...] = ()
    status: tuple[Literal["open", "closed", "cancelled"], ...] = ()
    payment_status: tuple[
        Literal["pending", "partially_paid", "paid", "partially_refunded", "refunded"], ...
    ] = ()
    created_at_gte: datetime | None = field(default=None, name="created_at.gte")
    created_at_lte: datetime | None = field(default=None, name="created_at.lte")
    updated_at_gte: datetime | None = field(default=None, name="updated_at.gte")
    updated_at_lte: datetime | None = field(default=None, name="updated_at.lte")
    currency: tuple[str, ...] = ()
    store_id: tuple[str, ...] = ()
    customer_id: tuple[str, ...] = ()
    order_number: tuple[str, ...] = ()
    external_id: tuple[str, ...] = ()
    itinerary_travel_mode: tuple[str, ...] = ()
    itinerary_arrival_address: tuple[str, ...] = ()
    itinerary_departure_address: tuple[str, ...] = ()
    items_discount_lines_discount_type: tuple[str, ...] = ()
    search: Annotated[str, Meta(max_length=200)] | None = None
