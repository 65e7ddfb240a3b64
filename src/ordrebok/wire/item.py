"""The line of an order: what was sold, its tax, its discounts, and how it relates to others."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta

from ordrebok.wire.base import (
    MAX_LINES_PER_ITEM,
    Amount,
    Comment255,
    Currency,
    DecimalText,
    LineId,
    Maybe,
    Metadata,
    Percentage,
    Quantity,
    RatePpm,
    Text,
    Wire,
)
from ordrebok.wire.location import ItemStore
from ordrebok.wire.payout import DynamicPayout, ItemPayout

DiscountType: TypeAlias = Literal[
    "customer", "periodic", "manual", "loyalty", "total", "employee", "external"
]


class TaxLine(Wire, frozen=True, kw_only=True):
    """One tax on a line; with a percentage and no amount, the amount is computed."""

    amount: Amount | None = None
    amount_dwh: DecimalText | None = None
    exempt: bool | None = None
    included_in_price: bool | None = None
    percentage: Percentage | None = None
    tax_basis: Annotated[Amount | None, Meta(description="The value without tax.")] = None
    tax_basis_dwh: DecimalText | None = None
    tax_code: Text | None = None
    tax_group: Text | None = None


class DiscountLine(Wire, frozen=True, kw_only=True):
    """One reduction of a line; the percentage is kept when the amount came from one."""

    amount: Amount | None = None
    percentage: Percentage | None = None
    discount_type: DiscountType | None = None
    discount_subtype: Text | None = None
    discount_id: Text | None = None
    description: Text | None = None
    line_id: LineId | None = None


TaxLines: TypeAlias = Annotated[
    tuple[TaxLine, ...], Meta(min_length=1, max_length=MAX_LINES_PER_ITEM)
]
DiscountLines: TypeAlias = Annotated[tuple[DiscountLine, ...], Meta(max_length=MAX_LINES_PER_ITEM)]


class Group(Wire, frozen=True, kw_only=True):
    """A group of products that the line's product belongs to."""

    id: Text
    name: Text | None = None


class Addition(Wire, frozen=True, kw_only=True):
    """A customization of the item; its amount is already inside the item's gross amount."""

    id: Text | None = None
    description: Text | None = None
    quantity: Quantity | None = None
    gross_amount: Amount | None = None
    groups: tuple[Group, ...] | None = None


class RelatedItem(Wire, frozen=True, kw_only=True):
    """The line that this one needs, goes with, or reverses."""

    line_id: LineId
    type: Literal["required", "optional", "reversed"]


class Dimension(Wire, frozen=True, kw_only=True):
    """What tells variants of one product apart."""

    color: Text | None = None
    size: Text | None = None
    style: Text | None = None
    config: Text | None = None
    variant: Text | None = None


class ExchangeRate(Wire, frozen=True, kw_only=True):
    """What a price was in its own currency, and the rate it was converted by."""

    original_currency: Currency | None = None
    original_gross_amount: Amount | None = None
    conversion_rate_ppm: RatePpm | None = None
    conversion_rate_timestamp: datetime | None = None
    conversion_rate_source: Text | None = None


class ItemBody(ExchangeRate, frozen=True, kw_only=True):
    """A line as a client writes it; its gross amount is for the whole quantity."""

    gross_amount: Amount
    tax_lines: TaxLines
    id: Annotated[Text | None, Meta(description="The id or SKU of the product.")] = None
    line_id: LineId | None = None
    status: Text | None = None
    metadata: Metadata | None = None
    groups: tuple[Group, ...] | None = None
    quantity: Quantity = 1
    description: Text | None = None
    description_alias: Text | None = None
    eligible_for_discount: bool | None = None
    dimension: Dimension | None = None
    discount_lines: DiscountLines = ()
    additions: tuple[Addition, ...] | None = None
    store: ItemStore | None = None
    external_id: Text | None = None
    related_item: RelatedItem | None = None
    salesperson_id: Text | None = None
    salesperson_name: Text | None = None
    comment: Comment255 | None = None
    reversed_reason: Text | None = None
    dynamic_payout: DynamicPayout | None = None


class Item(ItemBody, frozen=True, kw_only=True):
    """A line as it is stored and answered, with what the server computed."""

    line_id: LineId
    quantity: Quantity
    net_amount: Amount
    is_changed: bool | None = None
    undiscounted_tax_lines: Annotated[
        TaxLines | None,
        Meta(
            description=(
                "An addition of ours: the taxes of the gross amount, while discounts leave nothing "
                "of a line whose taxes no percentage tells."
            )
        ),
    ] = None
    version: int | None = None
    payout: ItemPayout | None = None


class ItemUpdate(Wire, frozen=True, kw_only=True):
    """A change of one line of an order; amounts are read only to notice that they differ."""

    line_id: LineId
    status: Maybe[Text] = UNSET
    metadata: Maybe[Metadata] = UNSET
    comment: Maybe[Comment255] = UNSET
    description: Maybe[Text] = UNSET
    description_alias: Maybe[Text] = UNSET
    external_id: Maybe[Text] = UNSET
    salesperson_id: Maybe[Text] = UNSET
    salesperson_name: Maybe[Text] = UNSET
    dimension: Maybe[Dimension] = UNSET
    groups: Maybe[tuple[Group, ...]] = UNSET
    original_currency: Maybe[Currency] = UNSET
    original_gross_amount: Maybe[Amount] = UNSET
    conversion_rate_ppm: Maybe[RatePpm] = UNSET
    conversion_rate_timestamp: Maybe[datetime] = UNSET
    conversion_rate_source: Maybe[Text] = UNSET
    discount_lines: Maybe[DiscountLines] = UNSET
    gross_amount: Maybe[Amount] = UNSET
    quantity: Maybe[Quantity] = UNSET
    tax_lines: Maybe[TaxLines] = UNSET
