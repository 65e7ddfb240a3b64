"""The draft of an order, its options, and what completing it answers."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from ordrebok.wire.base import (
    MAX_ITEMS,
    Comment255,
    Currency,
    Links,
    Maybe,
    Metadata,
    OrderId,
    OrderNumber,
    OwnId,
    Text,
    Timestamp,
    TimeToLive,
    Wire,
)
from ordrebok.wire.customer import Address, Customer
from ordrebok.wire.event import Event
from ordrebok.wire.item import ItemBody
from ordrebok.wire.location import Store
from ordrebok.wire.order import DraftContent, ExternalLink, Order, OrderContent
from ordrebok.wire.payout import Payout
from ordrebok.wire.travel import Attachment, ExternalId, Itinerary

DraftStatus: TypeAlias = Literal["open", "completed", "deleted", "expired"]
"""One whose time is over is kept as `expired`, and answered no longer."""
OrderIdKind: TypeAlias = Literal["UUID", "ALPHANUMERIC_9"]


class Options(Wire, frozen=True, kw_only=True):
    """How a draft becomes orders; true as payout means the account's stored rules."""

    order_time_to_live: TimeToLive | None = None
    generate_order_id: OrderIdKind | None = None
    order_id: Annotated[
        OrderId | None, Meta(description="The existing order that the draft updates.")
    ] = None
    replace: Literal["order"] | None = None
    payout: Payout | bool | None = None
    split_draft: bool | None = None
    serial_order_number_suffix: bool | None = None
    multiple_authorizations: bool | None = None


class DraftBody(Wire, frozen=True, kw_only=True):
    """A new draft."""

    order: OrderContent
    options: Options | None = None
    id: OwnId | None = None


class OrderBody(Wire, frozen=True, kw_only=True):
    """A new order without a draft, in the form that also takes options."""

    order: OrderContent
    options: Options | None = None


class OrderChanges(Wire, frozen=True, kw_only=True):
    """Changes of a draft's order; items, when given, are the whole new list."""

    currency: Currency | UnsetType = UNSET
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
    pre_order: Maybe[bool] = UNSET
    time_to_live: Maybe[TimeToLive] = UNSET
    itinerary: Maybe[tuple[Itinerary, ...]] = UNSET
    external_ids: Maybe[tuple[ExternalId, ...]] = UNSET
    items: Maybe[Annotated[tuple[ItemBody, ...], Meta(max_length=MAX_ITEMS)]] = UNSET
    type: Maybe[Text] = UNSET
    order_number: Maybe[OrderNumber] = UNSET
    order_id: Maybe[OrderId] = UNSET
    multiple_authorizations: Maybe[bool] = UNSET
    store: Maybe[Store] = UNSET
    external_links: Maybe[tuple[ExternalLink, ...]] = UNSET
    attachments: Maybe[tuple[Attachment, ...]] = UNSET


class OptionChanges(Wire, frozen=True, kw_only=True):
    """Changes of a draft's options."""

    order_time_to_live: Maybe[TimeToLive] = UNSET
    generate_order_id: Maybe[OrderIdKind] = UNSET
    order_id: Maybe[OrderId] = UNSET
    replace: Maybe[Literal["order"]] = UNSET
    payout: Maybe[Payout | bool] = UNSET
    split_draft: Maybe[bool] = UNSET
    serial_order_number_suffix: Maybe[bool] = UNSET
    multiple_authorizations: Maybe[bool] = UNSET


class DraftUpdate(Wire, frozen=True, kw_only=True):
    """A change of a draft: a given field replaces, null clears, an absent field stays."""

    order: OrderChanges | None = None
    options: OptionChanges | None = None


class DraftFacts(Wire, frozen=True, kw_only=True):
    """What every answer tells about a draft itself."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None
    status: DraftStatus
    links: Links | None = field(default=None, name="_links")


class Draft(DraftFacts, frozen=True, kw_only=True):
    """A draft as it is stored and answered."""

    order: DraftContent
    version: int
    events: tuple[Event, ...] | None = None
    options: Options | None = None
    order_ids: Annotated[
        tuple[OrderId, ...], Meta(description="The orders that the draft became.")
    ] = ()


class Drafts(Wire, frozen=True, kw_only=True):
    """A page of drafts; the cursor is there while there is more."""

    draft_orders: tuple[Draft, ...]
    starting_after: Text | None = None


class CompletedDraft(DraftFacts, frozen=True, kw_only=True):
    """The answer to completing a draft: the draft's own facts, and the orders it became."""

    orders: Annotated[tuple[Order, ...], Meta(min_length=1)]
