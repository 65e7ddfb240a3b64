"""The order: what a client writes, what a draft holds, and what is stored and answered."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, field

from ordrebok.wire.base import (
    MAX_ITEMS,
    Amount,
    Comment255,
    Currency,
    LineId,
    Links,
    Maybe,
    Metadata,
    OrderId,
    OrderNumber,
    Text,
    Timestamp,
    TimeToLive,
    Wire,
)
from ordrebok.wire.comment import Comment
from ordrebok.wire.customer import Address, Customer
from ordrebok.wire.event import Event
from ordrebok.wire.item import Item, ItemBody, ItemUpdate
from ordrebok.wire.location import Store
from ordrebok.wire.payment import Operation, PaymentDetails, Session
from ordrebok.wire.travel import Attachment, ExternalId, Itinerary

OrderStatus: TypeAlias = Literal["open", "closed", "cancelled"]
PaymentStatus: TypeAlias = Literal[
    "pending", "partially_paid", "paid", "partially_refunded", "refunded"
]
CancelledReason: TypeAlias = Literal["customer", "declined", "other"]


class ExternalLink(Wire, frozen=True, kw_only=True):
    """A link to something about the order that lives elsewhere, such as its receipt."""

    text: Text | None = None
    href: Text | None = None
    public: bool | None = None


class DiscountStatistics(Wire, frozen=True, kw_only=True):
    """How a discount was used by now, this purchase included."""

    amount: Amount | None = None
    stamp: int | None = None
    usage: int | None = None


class DiscountRefItem(Wire, frozen=True, kw_only=True):
    """What one line got of a discount."""

    line_id: LineId
    amount: Amount


class DiscountRef(Wire, frozen=True, kw_only=True):
    """One use of a discount on the order, spread over its lines."""

    id: Text
    amount: Amount | None = None
    bonus: Annotated[
        Amount | None, Meta(description="Collected on the customer's balance; no price changed.")
    ] = None
    statistics: DiscountStatistics | None = None
    stamp: int | None = None
    usages: int | None = None
    items: tuple[DiscountRefItem, ...] | None = None


class Discount(Wire, frozen=True, kw_only=True):
    """A discount that the order's discount lines refer to."""

    id: Text
    refs: tuple[DiscountRef, ...] | None = None


class OrderContent(Wire, frozen=True, kw_only=True):
    """What a client writes about an order, in a draft or directly."""

    currency: Currency
    customer: Customer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    metadata: Metadata | None = None
    comment: Comment255 | None = None
    salesperson_id: Text | None = None
    salesperson_name: Text | None = None
    delivery_at: datetime | None = None
    pickup_at: datetime | None = None
    courier_id: Text | None = None
    pre_order: bool | None = None
    time_to_live: TimeToLive | None = None
    itinerary: tuple[Itinerary, ...] | None = None
    external_ids: tuple[ExternalId, ...] | None = None
    items: Annotated[tuple[ItemBody, ...], Meta(max_length=MAX_ITEMS)] = ()
    type: Text | None = None
    order_number: OrderNumber | None = None
    order_id: OrderId | None = None
    multiple_authorizations: bool | None = None
    store: Store | None = None
    external_links: tuple[ExternalLink, ...] | None = None
    attachments: tuple[Attachment, ...] | None = None


class ComputedContent(OrderContent, frozen=True, kw_only=True):
    """What the server adds to the content, of a draft and of an order alike."""

    gross_amount: Amount | None = None
    net_amount: Amount | None = None
    total_discount: Amount | None = None
    total_manual_discount_amount: Amount | None = None
    discounts: tuple[Discount, ...] | None = None
    time_to_live_expires_at: Text | None = None


class DraftContent(ComputedContent, frozen=True, kw_only=True):
    """The order that a draft is building, as it is stored and answered."""

    items: tuple[Item, ...]
    stores: tuple[Store, ...] | None = None
    version: int | None = None


class Order(ComputedContent, frozen=True, kw_only=True):
    """An order as it is stored and answered."""

    items: tuple[Item, ...] = ()
    id: Text
    order_id: OrderId
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None
    cancelled_reason: CancelledReason | None = None
    cancelled_by: Text | None = None
    cancelled_at: Timestamp | None = None
    closed_by: Text | None = None
    closed_at: Timestamp | None = None
    status: OrderStatus
    payment_status: PaymentStatus
    version: int
    payment_details: PaymentDetails | None = None
    sessions: tuple[Session, ...] = ()
    authorizations: tuple[Operation, ...] = ()
    captures: tuple[Operation, ...] = ()
    refunds: tuple[Operation, ...] = ()
    cancellations: tuple[Operation, ...] = ()
    comments: tuple[Comment, ...] = ()
    delivery_id: Text | None = None
    links: Links | None = field(default=None, name="_links")
    events: Annotated[
        tuple[Event, ...] | None, Meta(description="Present when include_events asks for it.")
    ] = None
    state: Annotated[
        Text | None, Meta(description="What the events of all services add up to.")
    ] = None


class OrderUpdate(Wire, frozen=True, kw_only=True):
    """A change of an order: a given field replaces, null clears, an absent field stays."""

    customer: Maybe[Customer] = UNSET
    shipping_address: Maybe[Address] = UNSET
    billing_address: Maybe[Address] = UNSET
    metadata: Maybe[Metadata] = UNSET
    comment: Maybe[Comment255] = UNSET
    salesperson_id: Maybe[Text] = UNSET
    salesperson_name: Maybe[Text] = UNSET
    delivery_at: Maybe[datetime] = UNSET
    pickup_at: Maybe[datetime] = UNSET
    courier_id: Maybe[Text] = UNSET
    delivery_id: Maybe[Text] = UNSET
    pre_order: Maybe[bool] = UNSET
    type: Maybe[Text] = UNSET
    time_to_live: Maybe[TimeToLive] = UNSET
    itinerary: Maybe[tuple[Itinerary, ...]] = UNSET
    external_ids: Maybe[tuple[ExternalId, ...]] = UNSET
    external_links: Maybe[tuple[ExternalLink, ...]] = UNSET
    attachments: Maybe[tuple[Attachment, ...]] = UNSET
    store: Maybe[Store] = UNSET
    items: Annotated[tuple[ItemUpdate, ...], Meta(max_length=MAX_ITEMS)] = ()


class Orders(Wire, frozen=True, kw_only=True):
    """A page of orders; the cursor is there while there is more."""

    orders: tuple[Order, ...]
    starting_after: Text | None = None


class CancelBody(Wire, frozen=True, kw_only=True):
    """Why an order is cancelled."""

    cancelled_reason: CancelledReason = "other"
