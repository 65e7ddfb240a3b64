"""Discount rules: what a purchase must satisfy, what it then gets, and how often."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, field

from ordrebok.wire.base import (
    MAX_INTEGER,
    Amount,
    Currency,
    Maybe,
    Metadata,
    Text,
    Timestamp,
    Wire,
)

RewardType: TypeAlias = Literal[
    "discount_amount",
    "discount_percent",
    "discount_item_new_price",
    "discount_item_quantity",
    "discount_item_percent",
    "discount_mix_new_price",
    "discount_debit",
]
RuleType: TypeAlias = Literal["item", "receipt"]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_END = r"$(?!\n)"
_NOT_BARE_STAR = r"^(\*.+|(?!\*).*)" + _END

ClockTime = Annotated[str, Meta(pattern=r"^([01]?[0-9]|2[0-3]):[0-5][0-9]" + _END)]
CategoryCode = Annotated[str, Meta(pattern=r"^[0-9]{4}" + _END)]
MixText = Annotated[str, Meta(pattern=_NOT_BARE_STAR)]
Texts: TypeAlias = tuple[Text, ...]
Value: TypeAlias = (
    Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | Annotated[float, Meta(ge=0, le=MAX_INTEGER)]
)
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Limit = Annotated[int, Meta(ge=-1, le=MAX_INTEGER, description="-1 is no limit.")]
Days = Annotated[int, Meta(ge=-1, le=36_500, description="-1 is no limit.")]


class ItemMatch(Wire, frozen=True, kw_only=True):
    """A product, a group of products, or a product when it is in a group."""

    id: Text | None = None
    group_id: Text | None = None


class MixMatch(Wire, frozen=True, kw_only=True):
    """A product or group of a mix; a bare `*` is not taken here."""

    id: MixText | None = None
    group_id: MixText | None = None


class Mix(Wire, frozen=True, kw_only=True):
    """One part of a mix: any of these products, so many units of them."""

    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    reward_eligible: bool
    items: tuple[MixMatch, ...] = ()


class ItemRequirement(Wire, frozen=True, kw_only=True):
    """Which products must be bought: any of the items, all of the mixes."""

    quantity: (
        Annotated[int, Meta(ge=0, le=1_000_000)] | Annotated[float, Meta(ge=0, le=1_000_000)]
    ) = 0
    items: tuple[ItemMatch, ...] = ()
    mixes: tuple[Mix, ...] = ()


class PlaceRequirement(Wire, frozen=True, kw_only=True):
    """Accepted values of an address."""

    country: Texts = ()
    postal_code: Texts = ()
    postal_place: Texts = ()


class AddressRequirement(PlaceRequirement, frozen=True, kw_only=True):
    """Accepted values of one and the same address of the customer."""

    custom_type: Texts = ()
    type: Texts = ()


class CompanyRequirement(Wire, frozen=True, kw_only=True):
    """Accepted values of the customer's business; the first spelling is the contract's."""

    bussiness_name: Texts = ()
    department: Texts = ()
    industry: Texts = ()
    number_of_employees: Texts = ()
    organization_number: Texts = ()
    website: Texts = ()


class EnrolledByRequirement(Wire, frozen=True, kw_only=True):
    """Accepted ways by which the customer came."""

    type: Texts = ()
    value: Texts = ()


class ConsentRequirement(Wire, frozen=True, kw_only=True):
    """Accepted consents, as the texts `true` and `false`."""

    consent: Texts = ()


class MarketingConsentRequirement(Wire, frozen=True, kw_only=True):
    """Accepted consents for each channel."""

    email: ConsentRequirement | None = None
    sms: ConsentRequirement | None = None


class TermRequirement(Wire, frozen=True, kw_only=True):
    """Accepted terms."""

    id: Texts = ()


class CustomerRequirement(Wire, frozen=True, kw_only=True):
    """Accepted values of the customer that comes with the purchase."""

    addresses: tuple[AddressRequirement, ...] = ()
    company: CompanyRequirement | None = None
    date_of_birth: Texts = ()
    enrolled_by: EnrolledByRequirement | None = None
    favorite_store: Texts = ()
    first_name: Texts = ()
    gender: Texts = ()
    last_name: Texts = ()
    marketing_consent: MarketingConsentRequirement | None = None
    status: Texts = ()
    term: TermRequirement | None = None
    type: Texts = ()
    attributes: dict[str, Texts] | None = None


class CategoryRange(Wire, frozen=True, kw_only=True):
    """Merchant category codes from start to end, both included."""

    start: CategoryCode
    end: CategoryCode


class StoreRequirement(Wire, frozen=True, kw_only=True):
    """Accepted values of the store."""

    id: Texts = ()
    name: Texts = ()
    business_name: Texts = ()
    address: PlaceRequirement | None = None
    chain: Texts = ()
    email: Texts = ()
    gln: Texts = ()
    organization_number: Texts = ()
    phone_number: Texts = ()
    mcc: Texts = ()
    mcc_ranges: tuple[CategoryRange, ...] = ()
    bax: Texts = ()
    terminal_id: Texts = ()


class AnythingBut(Wire, frozen=True, kw_only=True):
    """Every currency except these."""

    anything_but: tuple[Currency, ...] = field(name="anything-but")


class BaseRequirement(Wire, frozen=True, kw_only=True):
    """What a purchase must satisfy, apart from its time; everything that is given must hold."""

    gross_amount: Amount | None = None
    net_amount: Amount | None = None
    currencies: tuple[Currency | AnythingBut, ...] = ()
    stamp: Count | None = None
    discount_code: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    store_ids: Texts = ()
    store: StoreRequirement | None = None
    customer: CustomerRequirement | None = None
    item: ItemRequirement | None = None


class Requirement(BaseRequirement, frozen=True, kw_only=True):
    """What a purchase must satisfy."""

    purchase_from: datetime
    purchase_to: datetime


class RequirementUpdate(BaseRequirement, frozen=True, kw_only=True):
    """The requirement as it shall be; its beginning is fixed and its end may only grow."""

    purchase_from: datetime | None = None
    purchase_to: datetime | None = None


class RewardValue(Wire, frozen=True, kw_only=True):
    """Another value for some of the products."""

    items: Annotated[tuple[ItemMatch, ...], Meta(min_length=1)]
    value: Value


class Reward(Wire, frozen=True, kw_only=True):
    """What the purchase gets: money off, or a bonus to collect."""

    type: RewardType
    value: Annotated[Value, Meta(description="Minor units, percent or units, as the type says.")]
    values: tuple[RewardValue, ...] = ()
    base: Literal["gross", "net"] = "gross"
    effect: Literal["discount", "bonus"] = "discount"


class RewardUpdate(Wire, frozen=True, kw_only=True):
    """The base may change; all else may be sent only as it stands."""

    type: RewardType | None = None
    value: Value | None = None
    values: tuple[RewardValue, ...] | None = None
    base: Literal["gross", "net"] | None = None
    effect: Literal["discount", "bonus"] | None = None


class Activation(Wire, frozen=True, kw_only=True):
    """Another rule, during which this one is off."""

    type: Literal["deactivate_if_discount_active"]
    value: Text


class Period(Wire, frozen=True, kw_only=True):
    """Hours of a day, from start up to but without end; an early end is on the next day."""

    day: Day
    start: ClockTime
    end: ClockTime


class DiscountHours(Wire, frozen=True, kw_only=True):
    """When the rule holds, by the clock on the wall of a time zone."""

    hours: tuple[Period, ...]
    timezone: Text = "Europe/Oslo"


class Limitation(Wire, frozen=True, kw_only=True):
    """How often, when, and together with what a reward is given."""

    discount_reward_usage: Limit = -1
    discount_repeat_usage: Limit = -1
    discount_combination: Literal[-1, 0] = -1
    discount_eligible: Literal[
        "item_eligible_for_discount",
        "item_eligible_for_discount_no_discount",
        "receipt_no_discount",
    ] = "item_eligible_for_discount"
    discount_activation: tuple[Activation, ...] = ()
    discount_hours: DiscountHours | None = None
    stamp_expire_days: Days = -1
    blacklist: tuple[ItemMatch, ...] = ()
    dynamic_purchase_to_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None


class RuleLink(Wire, frozen=True, kw_only=True):
    """A picture or page about the discount."""

    href: Text
    rel: Text | None = None
    type: Text | None = None


class RuleBody(Wire, frozen=True, kw_only=True):
    """A discount rule as a client writes it."""

    requirement: Requirement
    reward: Reward
    limitation: Limitation | None = None
    campaign_id: Text | None = None
    active: bool = True
    private: bool = False
    name: Text | None = None
    receipt_text: Text | None = None
    description: Text | None = None
    visible_from: datetime | None = None
    metadata: Metadata | None = None
    links: tuple[RuleLink, ...] | None = None


class Statistics(Wire, frozen=True, kw_only=True):
    """What a rule, or one instance of it, has given by now."""

    stamp: int | None = None
    current_stamp: int | None = None
    used: int | None = None
    usage: int | None = None
    amount: Amount | None = None
    bonus: Amount | None = None
    debit_balance: Annotated[
        Amount | None,
        Meta(
            description=(
                "Only of a `discount_debit`, in minor units: what is left of a ref; of a rule, "
                "what its refs that were not taken back have left together."
            )
        ),
    ] = None


class Rule(RuleBody, frozen=True, kw_only=True):
    """A discount rule as it is stored and answered."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    updated_by: Text | None = None
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None
    type: RuleType
    active: bool
    private: bool
    version: int
    statistics: Statistics | None = None
    ref_id: Text | None = None


class TakenBackRule(Rule, frozen=True, kw_only=True):
    """A rule whose ref was just taken back (contract 3.2)."""

    debit_balance: Annotated[
        Amount | None,
        Meta(
            description="The ref's `statistics.debit_balance` once more.",
            extra_json_schema={"deprecated": True},
        ),
    ] = None


class RuleUpdate(Wire, frozen=True, kw_only=True):
    """A change of a rule: a given field replaces, null clears, an absent field stays."""

    campaign_id: Maybe[Text] = UNSET
    active: Maybe[bool] = UNSET
    private: Maybe[bool] = UNSET
    links: Maybe[tuple[RuleLink, ...]] = UNSET
    limitation: Maybe[Limitation] = UNSET
    requirement: Maybe[RequirementUpdate] = UNSET
    reward: Maybe[RewardUpdate] = UNSET
    name: Maybe[Text] = UNSET
    receipt_text: Maybe[Text] = UNSET
    description: Maybe[Text] = UNSET
    visible_from: Maybe[datetime] = UNSET
    metadata: Maybe[Metadata] = UNSET
