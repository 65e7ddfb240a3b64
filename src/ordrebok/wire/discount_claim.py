"""Claims: uses of discounts that are reserved before the receipt exists."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from ordrebok.wire.base import MAX_INTEGER, CustomerId, Text, Timestamp, Wire
from ordrebok.wire.discount import Count
from ordrebok.wire.discount_ref import Reference
from ordrebok.wire.query import Cursor, PageLimit, Query

MAX_CLAIMED = 100
"""Rules of a claim, and refs of each of them."""


class ClaimedRef(Wire, frozen=True, kw_only=True):
    """What a claim reserves of one ref; the amount in minor units."""

    id: Text
    amount: Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
    usage: Count


class ClaimedDiscount(Wire, frozen=True, kw_only=True):
    """A rule, and through which refs it is claimed."""

    id: Text
    refs: Annotated[tuple[ClaimedRef, ...], Meta(min_length=1, max_length=MAX_CLAIMED)]


class ClaimedUse(Wire, frozen=True, kw_only=True):
    """What a claim says, but for whom it is."""

    ref: (
        Annotated[
            Reference, Meta(description="The client's own name for it, unique in the account.")
        ]
        | None
    ) = None
    type: Annotated[Text | None, Meta(description="Where it comes from, such as `pos`.")] = None
    purchase_at: datetime
    discounts: Annotated[tuple[ClaimedDiscount, ...], Meta(min_length=1, max_length=MAX_CLAIMED)]


class ClaimBody(ClaimedUse, frozen=True, kw_only=True):
    """A claim as a client writes it."""

    customer_id: Annotated[CustomerId, Meta(min_length=1)]


class Claim(ClaimedUse, frozen=True, kw_only=True):
    """A claim as it is answered; one that is deleted reserves nothing."""

    id: Text
    customer_id: Annotated[
        CustomerId | None, Meta(description="Absent once the customer was erased.")
    ] = None
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None


class ClaimDocument(Claim, frozen=True, kw_only=True):
    """A claim as it is stored: with its places in the lists."""

    version: int
    place: int
    """Which of the account's claims it is, counted from 0."""
    customer_place: int
    """Which of the customer's claims it is."""


class ClaimList(Wire, frozen=True, kw_only=True):
    """How many claims an account, or a customer, has ever had, and how many of them stand."""

    version: int
    created_ms: int
    made: int = 0
    live: int = 0
    empty: tuple[tuple[int, int], ...] = ()
    """Which documents of names have none left: numbers from the first to the last of each run."""


class ClaimNames(Wire, frozen=True, kw_only=True):
    """Some claims of a list, in the order in which they were made; empty where one is deleted."""

    version: int
    created_ms: int
    ids: tuple[Text, ...] = ()


class ClaimsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of claims; all that are given must hold."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    ref: str | None = None
    customer_id: str | None = None
    total: bool = False
