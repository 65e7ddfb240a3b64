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
    MAX_LINES_PER_ITEM,
    Amount,
    Links,
    Metadata,
    OrderId,
    OrderNumber,
    OwnId,
    Text,
    Timestamp,
    Wire,
)
from ordrebok.wire.comment import Comment, CommentBody
from ordrebok.wire.event import Event, EventRequest, EventState, EventType
from ordrebok.wire.item import Item, ItemBody, TaxLine
from ordrebok.wire.order import (
    CancelledReason,
    ComputedContent,
    Order,
    OrderStatus,
    PaymentStatus,
)
from ordrebok.wire.payment import (
    Operation,
    OperationBody,
    OperationItem,
    PaymentDetails,
    Session,
    SessionItem,
)
from ordrebok.wire.payout import ItemPayout

FORMAT: Final = "ordrebok.orders"
FORMAT_VERSION: Final = 1

Version = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
EventId = Annotated[str, Meta(min_length=1, max_length=255)]
OperationItems = Annotated[tuple[OperationItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
SessionItems = Annotated[tuple[SessionItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


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

    items: OperationItems
    created_at: Timestamp | None = None
    created_by: Text | None = None
    amount: Amount | None = None
    links: Links | None = field(default=None, name="_links")


class SessionLine(Wire, frozen=True, kw_only=True):
    """A recorded session."""

    items: SessionItems
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

    id: EventId | None = None
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


# ------------------------------------------------------- the same of a line that leaves nothing out
#
# What a line of an export reads as: the stored order itself, within the limits of the structs
# above. A line that gives less, or more than they let through, is none of these.


class ExportedTaxLine(TaxLine, frozen=True, kw_only=True):
    """A tax line with its amounts."""

    amount: Amount
    tax_basis: Amount


class ExportedItem(Item, frozen=True, kw_only=True):
    """A line of an order with everything that is computed."""

    tax_lines: Annotated[
        tuple[ExportedTaxLine, ...], Meta(min_length=1, max_length=MAX_LINES_PER_ITEM)
    ]
    version: Version


class ExportedOperation(Operation, frozen=True, kw_only=True):
    """A recorded authorization, capture, refund or cancellation, with its link."""

    items: OperationItems
    id: OwnId
    links: Links = field(name="_links")


class ExportedSession(Session, frozen=True, kw_only=True):
    """A recorded session."""

    items: SessionItems
    id: OwnId


class ExportedComment(Comment, frozen=True, kw_only=True):
    """A comment on an order."""

    id: OwnId


class ExportedEvent(Event, frozen=True, kw_only=True):
    """An event with its version."""

    id: EventId
    version: Version
    event_type: EventType


class EmptiedOrder(Order, frozen=True, kw_only=True):
    """An order of an export whose time was over, with its events."""

    items: Annotated[tuple[ExportedItem, ...], Meta(max_length=0)] = ()
    id: OwnId
    version: Version
    deleted_at: Timestamp
    events: Annotated[tuple[ExportedEvent, ...], Meta(min_length=1)]


class ExportedOrder(Order, frozen=True, kw_only=True):
    """An order of an export, with its events."""

    items: Annotated[tuple[ExportedItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    order_number: OrderNumber
    gross_amount: Amount
    net_amount: Amount
    total_discount: Amount
    total_manual_discount_amount: Amount
    id: OwnId
    version: Version
    payment_details: PaymentDetails
    sessions: tuple[ExportedSession, ...] = ()
    authorizations: tuple[ExportedOperation, ...] = ()
    captures: tuple[ExportedOperation, ...] = ()
    refunds: tuple[ExportedOperation, ...] = ()
    cancellations: tuple[ExportedOperation, ...] = ()
    comments: tuple[ExportedComment, ...] = ()
    links: Links = field(name="_links")
    events: tuple[ExportedEvent, ...] | None = None
