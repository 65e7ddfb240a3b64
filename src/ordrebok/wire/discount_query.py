"""Query parameters of the discount rules."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from ordrebok.wire.query import Cursor, PageLimit, Query

RuleState = Literal["all", "available", "deleted", "inactive", "active", "scheduled", "completed"]
ManyLimit = Annotated[int, Meta(ge=1, le=1_000, description="Rows of a page, 1 to 1000.")]


class RulesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of rules; without a state, all that are not deleted."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    since_datetime: datetime | None = None
    purchase_from: datetime | None = None
    purchase_to: datetime | None = None
    state: RuleState | None = None
    campaign_id: tuple[str, ...] = ()
    include: tuple[Literal["statistics"], ...] = ()


class CustomerRulesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Page of a customer's rules."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None


class PublicRulesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Page of the rules that everybody may see."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    no_customer_id: bool = False
    campaign_id: tuple[str, ...] = ()


class CampaignsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of campaigns; without a state, all that are not deleted."""

    limit: ManyLimit = 1_000
    starting_after: Cursor | None = None
    state: Literal["all", "public", "private", "deleted"] | None = None


class HoldersQuery(Query, frozen=True, kw_only=True, gc=False):
    """Page of those whom a rule was given to; without a state, who can use it."""

    limit: ManyLimit = 10
    starting_after: Cursor | None = None
    state: Literal["all", "available", "deleted", "inactive"] | None = None


class UsagesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Page of what was booked on a rule."""

    limit: ManyLimit = 10
    starting_after: Cursor | None = None
