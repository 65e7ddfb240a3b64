"""A receipt as the discount engine reads it, and what it adds to one.

A receipt has many fields that discounts do not look at. They are not listed here: the answer is
the receipt as it was sent, byte for byte, with the fields below put in.
"""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from ordrebok.wire.base import (
    MAX_ITEMS,
    MAX_LINES_PER_ITEM,
    Amount,
    Currency,
    CustomerId,
    LineId,
    Metadata,
    Percentage,
    Quantity,
    Text,
    Wire,
)
from ordrebok.wire.customer import Company, EnrolledBy, MarketingConsent, Term
from ordrebok.wire.discount import Rule
from ordrebok.wire.item import DiscountLines, DiscountType, Group, TaxLine


class Place(Wire, frozen=True, kw_only=True):
    """What requirements ask of an address."""

    country: Text | None = None
    postal_code: Text | None = None
    postal_place: Text | None = None
    type: Text | None = None
    custom_type: Text | None = None


class ReceiptStore(Wire, frozen=True, kw_only=True):
    """The store of a receipt."""

    id: Text
    name: Text | None = None
    business_name: Text | None = None
    address: Place | None = None
    chain: Text | None = None
    email: Text | None = None
    gln: Text | None = None
    organization_number: Text | None = None
    phone_number: Text | None = None
    mcc: Text | None = None
    bax: Text | None = None
    terminal_id: Text | None = None


class CustomerToken(Wire, frozen=True, kw_only=True):
    """Something that a customer is known by elsewhere; this server resolves none."""

    token_id: Text | None = None
    value: Text | None = None
    type: Text | None = None


class ReceiptCustomer(Wire, frozen=True, kw_only=True):
    """The customer of a receipt."""

    first_name: Text | None = None
    last_name: Text | None = None
    gender: Text | None = None
    addresses: tuple[Place, ...] | None = None
    date_of_birth: date | None = None
    enrolled_by: EnrolledBy | None = None
    favorite_store: Text | None = None
    company: Company | None = None
    marketing_consent: MarketingConsent | None = None
    status: Text | None = None
    term: Term | None = None
    type: Text | None = None
    attributes: Metadata | None = None
    metadata: Metadata | None = None
    token: CustomerToken | None = None


class ReceiptItem(Wire, frozen=True, kw_only=True):
    """A line of a receipt."""

    line_id: LineId | None = None
    id: Text | None = None
    groups: tuple[Group, ...] | None = None
    quantity: Quantity = 1
    gross_amount: Amount = 0
    eligible_for_discount: bool | None = None
    discount_lines: DiscountLines = ()
    tax_lines: Annotated[tuple[TaxLine, ...], Meta(max_length=MAX_LINES_PER_ITEM)] = ()


class Receipt(Wire, frozen=True, kw_only=True):
    """A purchase for which discounts are asked."""

    store: ReceiptStore
    purchase_at: datetime
    receipt_id: Text
    currency: Currency | None = None
    items: Annotated[tuple[ReceiptItem, ...], Meta(max_length=MAX_ITEMS)] = ()
    customer_id: CustomerId | None = None
    customer: ReceiptCustomer | None = None
    discount_code: tuple[Text, ...] = ()


class BonusLine(Wire, frozen=True, kw_only=True):
    """A bonus collected on a line; the price stays."""

    bonus: Amount
    percentage: Percentage | None = None
    discount_type: DiscountType | None = None
    discount_id: Text | None = None
    description: Text | None = None
    line_id: LineId | None = None


class ReceiptRefItem(Wire, frozen=True, kw_only=True):
    """What one line got of a ref."""

    line_id: LineId
    amount: Amount | None = None
    bonus: Amount | None = None


class ReceiptRefStatistics(Wire, frozen=True, kw_only=True):
    """What a ref has given by now, this purchase included."""

    amount: Amount
    bonus: Amount
    stamp: int
    usage: int
    debit_balance: Amount | None = None


class ReceiptRef(Wire, frozen=True, kw_only=True):
    """One ref that a receipt uses."""

    id: Text
    stamp: int
    amount: Amount
    bonus: Amount
    usage: int
    statistics: ReceiptRefStatistics
    items: tuple[ReceiptRefItem, ...]


class ReceiptDiscount(Rule, frozen=True, kw_only=True):
    """A rule that a receipt uses, whole, with the refs it is used through."""

    refs: tuple[ReceiptRef, ...]


class DiscountedItem(ReceiptItem, frozen=True, kw_only=True):
    """A line of a receipt with what it gets."""

    net_amount: Amount | None = None
    is_changed: bool | None = None
    bonus_lines: tuple[BonusLine, ...] = ()


class DiscountedReceipt(Receipt, frozen=True, kw_only=True):
    """A receipt with the discounts that it qualifies for."""

    items: tuple[DiscountedItem, ...] = ()
    net_amount: Amount | None = None
    total_discount: Amount | None = None
    is_changed: bool | None = None
    discounts: tuple[ReceiptDiscount, ...] = ()
