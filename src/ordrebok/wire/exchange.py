"""Orders on their way between databases: the lines of an export, and what an import may leave out.

A line is an order as it is answered with its events. Everything the server itself computes or
makes up may be missing from it, so that history from elsewhere fits too.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, field

from ordrebok.wire.base import (
    MAX_INTEGER,
    MAX_ITEMS,
    Amount,
    Links,
    Metadata,
    OrderId,
    OwnId,
    Text,
    Timestamp,
    Wire,
)
from ordrebok.wire.comment import CommentBody
from ordrebok.wire.event import EventRequest, EventState, EventType
from ordrebok.wire.item import ItemBody
from ordrebok.wire.order import CancelledReason, ComputedContent, OrderStatus, PaymentStatus
from ordrebok.wire.payment import OperationBody, OperationItem, PaymentDetails, SessionItem
from ordrebok.wire.payout import ItemPayout

FORMAT: Final = "ordrebok.orders"
FORMAT_VERSION: Final = 1

Version = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]


class Header(Wire, frozen=True, kw_only=True):
    """The first line of an export: what the lines below it are."""

    format: Text
    version: int
    account_id: Text | None = None
    exported_at: Timestamp | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None


class ItemLine(ItemBody, frozen=True, kw_only=True):
    """A line of an order; what it comes to is computed when it is not given."""

    net_amount: Amount | None = None
    is_changed: bool | None = None
    version: Version | None = None
    payout: ItemPayout | None = None


class OperationLine(OperationBody, frozen=True, kw_only=True):
    """A recorded authorization, capture, refund or cancellation."""

    items: Annotated[tuple[OperationItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    created_at: Timestamp | None = None
    created_by: Text | None = None
    amount: Amount | None = None
    links: Links | None = field(default=None, name="_links")


class SessionLine(Wire, frozen=True, kw_only=True):
    """A recorded session."""

    items: Annotated[tuple[SessionItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    id: OwnId | None = None
    created_at: Timestamp | None = None
    created_by: Text | None = None
    amount: Amount | None = None
    processed_at: datetime | None = None
    metadata: Metadata | None = None
    url: Text | None = None
    profile_id: Text | None = None
    links: Links | None = field(default=None, name="_links")


class CommentLine(CommentBody, frozen=True, kw_only=True):
    """A comment on an order."""

    created_at: Timestamp | None = None
    created_by: Text | None = None
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None


class EventLine(Wire, frozen=True, kw_only=True):
    """An event of an order; without a version it takes the next one that no other event has."""

    id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    created_at: Timestamp | None = None
    created_by: Text | None = None
    version: Version | None = None
    event_type: EventType | None = None
    request: EventRequest | None = None
    draft_id: Text | None = None
    state: EventState | None = None
    service: Text | None = None
    service_status: Text | None = None
    description: Text | None = None
    metadata: dict[str, Any] | None = None
    links: Links | None = field(default=None, name="_links")


class OrderLine(ComputedContent, frozen=True, kw_only=True):
    """An order of an export, or of another system's history."""

    order_id: OrderId
    created_at: Timestamp
    items: Annotated[tuple[ItemLine, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    id: OwnId | None = None
    created_by: Text | None = None
    updated_at: Timestamp | None = None
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None
    cancelled_reason: CancelledReason | None = None
    cancelled_by: Text | None = None
    cancelled_at: Timestamp | None = None
    closed_by: Text | None = None
    closed_at: Timestamp | None = None
    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None
    version: Version | None = None
    payment_details: PaymentDetails | None = None
    sessions: tuple[SessionLine, ...] = ()
    authorizations: tuple[OperationLine, ...] = ()
    captures: tuple[OperationLine, ...] = ()
    refunds: tuple[OperationLine, ...] = ()
    cancellations: tuple[OperationLine, ...] = ()
    comments: tuple[CommentLine, ...] = ()
    delivery_id: Text | None = None
    links: Links | None = field(default=None, name="_links")
    events: tuple[EventLine, ...] = ()
