"""Records of payment: authorizations, captures, refunds, cancellations and sessions."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from ordrebok.wire.base import (
    MAX_ITEMS,
    Amount,
    LineId,
    Links,
    Metadata,
    OwnId,
    Text,
    Timestamp,
    Wire,
)
from ordrebok.wire.item import ExchangeRate
from ordrebok.wire.payout import OperationPayout


class PaymentDetails(Wire, frozen=True, kw_only=True):
    """What may still be authorized, captured, cancelled and refunded on an order, and is due."""

    remaining_capture_amount: Amount
    remaining_refund_amount: Amount
    remaining_cancellation_amount: Amount
    amount_due: Amount
    remaining_authorization_amount: Amount


class Card(Wire, frozen=True, kw_only=True):
    """The card that paid, as far as it may be shown."""

    masked_pan: Text | None = None
    type: Text | None = None
    brand: Text | None = None
    metadata: Metadata | None = None


class PaymentMethodDetails(Wire, frozen=True, kw_only=True):
    """Where the operation was executed: the provider, its id of the payment, the product."""

    psp: Text | None = None
    payment_id: Text | None = None
    payment_product: Text | None = None
    payment_product_type: Text | None = None
    card: Card | None = None


class OperationItemBody(ExchangeRate, frozen=True, kw_only=True):
    """The amount of one line in an operation; it has the sign of its line."""

    line_id: LineId
    amount: Amount


class OperationItem(OperationItemBody, frozen=True, kw_only=True):
    """The amount of one line as recorded, with its split between accounts."""

    payout: OperationPayout | None = None


class OperationFacts(Wire, frozen=True, kw_only=True):
    """What a client tells about an operation besides its items."""

    processed_at: Annotated[
        datetime | None, Meta(description="When the payment system executed it.")
    ] = None
    processed_by: Text | None = None
    payment_details: PaymentMethodDetails | None = None
    metadata: Metadata | None = None
    success: bool = True
    authorization_id: Annotated[
        OwnId | None,
        Meta(description="Needed when the order allows multiple authorizations."),
    ] = None


class OperationBody(OperationFacts, frozen=True, kw_only=True):
    """An authorization, capture, refund or cancellation to record."""

    items: Annotated[tuple[OperationItemBody, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    id: OwnId | None = None


class Operation(OperationBody, frozen=True, kw_only=True):
    """A recorded authorization, capture, refund or cancellation."""

    items: tuple[OperationItem, ...]
    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    amount: Amount
    success: bool
    links: Links | None = field(default=None, name="_links")


class Authorizations(Wire, frozen=True, kw_only=True):
    """The authorizations of one order."""

    authorizations: tuple[Operation, ...]


class Captures(Wire, frozen=True, kw_only=True):
    """The captures of one order."""

    captures: tuple[Operation, ...]


class Refunds(Wire, frozen=True, kw_only=True):
    """The refunds of one order."""

    refunds: tuple[Operation, ...]


class Cancellations(Wire, frozen=True, kw_only=True):
    """The cancellations of one order."""

    cancellations: tuple[Operation, ...]


class SessionItemBody(Wire, frozen=True, kw_only=True):
    """A line to pay in a session; the line id is text here, unlike everywhere else."""

    line_id: Annotated[str, Meta(min_length=1)]
    amount: Annotated[
        Amount | None, Meta(description="Default: what is left to authorize on the line.")
    ] = None


class SessionItem(SessionItemBody, frozen=True, kw_only=True):
    """A line of a recorded session, with the amount that is asked for."""

    amount: Amount


class SessionUrl(Wire, frozen=True, kw_only=True):
    """The addresses that the checkout uses on the way."""

    return_url: Text
    callback_url: Text | None = None
    merchant_terms_url: Text | None = None


class Express(Wire, frozen=True, kw_only=True):
    """An express checkout: the customer gives the address first, then chooses the shipping."""

    shipping_options: tuple[Metadata, ...] | None = None
    shipping_address_callback_url: Text | None = None
    discount_codes: tuple[Text, ...] | None = None
    customer_types: tuple[Literal["b2c", "b2b"], ...] | None = None


class SessionBody(Wire, frozen=True, kw_only=True):
    """A request for a checkout session over some lines of an order."""

    items: Annotated[tuple[SessionItemBody, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    profile_id: Text
    url: SessionUrl
    processed_at: datetime | None = None
    metadata: Metadata | None = None
    express: Express | None = None
    id: OwnId | None = None


class Session(Wire, frozen=True, kw_only=True):
    """A recorded session, with the address where the customer pays."""

    items: tuple[SessionItem, ...]
    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    amount: Amount
    processed_at: datetime | None = None
    metadata: Metadata | None = None
    url: Text | None = None
    profile_id: Text | None = None
    links: Links | None = field(default=None, name="_links")


class Sessions(Wire, frozen=True, kw_only=True):
    """The sessions of one order."""

    sessions: tuple[Session, ...]
