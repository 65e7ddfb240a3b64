"""Rules given to customers: refs, what was used of them, and campaigns."""

from typing import Annotated

from msgspec import UNSET, Meta

from ordrebok.wire.base import Amount, Maybe, Metadata, Text, Timestamp, Wire
from ordrebok.wire.discount import Statistics

Holder = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^\S(?:.*\S)?$(?!\n)",
        description="A customer id; `*` is any customer, `/` a purchase without customer.",
    ),
]
HolderShown = Annotated[Text | None, Meta(description="Absent once the customer was erased.")]
Reference = Annotated[str, Meta(min_length=1, max_length=255)]
MAX_HOLDERS = 1_000


class GiveBody(Wire, frozen=True, kw_only=True):
    """To whom a rule is given; the same constraint id twice gives a customer one ref."""

    customers: Annotated[tuple[Holder, ...], Meta(min_length=1, max_length=MAX_HOLDERS)]
    offering_constraint_id: Reference | None = None


class TakeBackBody(Wire, frozen=True, kw_only=True):
    """From whom a rule is taken back; `*` is everybody who has it."""

    customers: Annotated[tuple[Holder, ...], Meta(min_length=1, max_length=MAX_HOLDERS)]


class UsageRefBody(Wire, frozen=True, kw_only=True):
    """A use, stamps or an amount that were booked elsewhere."""

    ref: Reference
    ref_type: Reference
    usage: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    stamp: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    amount: Amount | None = None


class RefUpdate(Wire, frozen=True, kw_only=True):
    """Stamps and use to add to a ref."""

    usage_ref: UsageRefBody


class HeldStamps(Wire, frozen=True, kw_only=True):
    """Stamps collected at one moment, in milliseconds since 1970."""

    at_ms: int
    number: int


class UsageRef(UsageRefBody, frozen=True, kw_only=True):
    """One booking on a ref."""

    created_at: Timestamp
    created_by: Text | None = None
    bonus: Amount | None = None


class DiscountUsage(Wire, frozen=True, kw_only=True):
    """What was booked on one ref of a rule; `create_at` is spelt as the contract has it."""

    id: Text
    ref_id: Text
    discount_id: Text
    customer_id: HolderShown = None
    create_at: Timestamp
    updated_at: Timestamp
    created_by: Text | None = None
    usage_refs: Annotated[
        tuple[UsageRef, ...],
        Meta(description="The latest bookings; those through a wildcard are only counted."),
    ] = ()
    statistics: Statistics


class RefDocument(Wire, frozen=True, kw_only=True):
    """One instance of a rule as it is stored: to whom it is given, and its book."""

    id: Text
    discount_id: Text
    given_to: Text
    """Empty once the customer was erased; no holder has such an id."""
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None
    offering_constraint_id: Text | None = None
    version: int
    chunk: int = 0
    """Which document of the rule's holders names this ref."""
    usage: int = 0
    amount: int = 0
    bonus: int = 0
    stamp: int = 0
    held: tuple[HeldStamps, ...] = ()
    usage_refs: tuple[UsageRef, ...] = ()


class BookedUse(Wire, frozen=True, kw_only=True):
    """What a purchase booked on one ref, with the stamps that its reward used up."""

    discount_id: Text
    ref_id: Text
    at_ms: int
    usage: int = 0
    amount: Amount = 0
    bonus: Amount = 0
    stamp: int = 0
    spent: tuple[HeldStamps, ...] = ()


class Bookings(Wire, frozen=True, kw_only=True):
    """All that an order or a claim has booked and not given back."""

    version: int
    created_ms: int
    uses: tuple[BookedUse, ...] = ()


class Tally(Wire, frozen=True, kw_only=True):
    """What some of the refs of a rule have given together; those of wildcards are not in it."""

    version: int
    created_ms: int
    usage: int = 0
    amount: int = 0
    bonus: int = 0
    stamp: int = 0
    debit_balance: int = 0
    """What those of them that were not taken back have left: only of a `discount_debit`."""


class HeldRef(Wire, frozen=True, kw_only=True):
    """A ref as a list of refs names it."""

    ref_id: Text
    discount_id: Text
    created_ms: int
    offering_constraint_id: Text | None = None


class Wallet(Wire, frozen=True, kw_only=True):
    """The live refs of one customer; those of `*` and of `/` are wallets too."""

    id: Text
    version: int
    created_ms: int
    refs: tuple[HeldRef, ...] = ()


class Holders(Wire, frozen=True, kw_only=True):
    """Some of the refs of one rule, in the order in which they were given, taken back or not.

    The first of these documents of a rule also says how many there are, which refs are those of
    wildcards, and whether balances are summed.
    """

    version: int
    created_ms: int
    chunks: int = 1
    ref_ids: tuple[Text, ...] = ()
    wildcards: tuple[Text, ...] = ()
    """In the first document: the refs of `*` and `/`, also those that were taken back."""
    balances: bool = False
    """In the first document: tallies hold the balances of all refs. Not so of a rule that was first
    given by a server that kept no sum of them."""


class Entity(Wire, frozen=True, kw_only=True):
    """To whom a rule is given through one ref, and since when and until when."""

    id: Text
    customer_id: HolderShown = None
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None


class RegisterEntry(Wire, frozen=True, kw_only=True):
    """What lists and the engine need to know of a rule before they read it."""

    id: Text
    digest: Text
    created_ms: int
    updated_ms: int
    from_ms: int
    to_ms: int
    active: bool
    private: bool
    deleted: bool
    campaign_id: Text | None = None


class Register(Wire, frozen=True, kw_only=True):
    """All rules of an account, in the order in which they were made."""

    version: int
    created_ms: int
    rules: tuple[RegisterEntry, ...] = ()


class RegisterHead(Wire, frozen=True, kw_only=True):
    """What tells one state of the rules and wildcards of an account from all others."""

    version: int
    created_ms: int
    digest: Text


class CampaignBody(Wire, frozen=True, kw_only=True):
    """A group of rules as a client writes it."""

    name: Text
    campaign_id: Reference | None = None
    description: Text | None = None
    private: bool = False
    metadata: Metadata | None = None


class Campaign(CampaignBody, frozen=True, kw_only=True):
    """A group of rules as it is stored and answered."""

    id: Text
    campaign_id: Text
    private: bool
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None
    version: int


class CampaignEntry(Wire, frozen=True, kw_only=True):
    """What the list of campaigns needs to know of one before it reads it."""

    id: Text
    private: bool
    deleted: bool


class CampaignRegister(Wire, frozen=True, kw_only=True):
    """All campaigns of an account, in the order in which they were made."""

    version: int
    created_ms: int
    campaigns: tuple[CampaignEntry, ...] = ()


class CampaignUpdate(Wire, frozen=True, kw_only=True):
    """A change of a campaign; it brings a deleted one back."""

    name: Text | None = None
    description: Maybe[Text] = UNSET
    private: bool | None = None
