"""The payout ledger: what destinations were given, entry by entry and summed."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from ordrebok.wire.base import Amount, Currency, LineId, Text, Timestamp, Wire
from ordrebok.wire.query import Cursor, Query

EntryType: TypeAlias = Literal["authorization", "capture", "refund", "cancellation"]
PeriodLength: TypeAlias = Literal["day", "month", "year"]
BigAmount = Annotated[
    int, Meta(description="Minor units. A sum over orders; it may pass what a float holds.")
]


class PayoutEntry(Wire, frozen=True, kw_only=True):
    """What one item of a recorded operation gave to, or took from, one destination."""

    destination: Text
    created_at: Timestamp
    type: EntryType
    amount: Annotated[Amount, Meta(description="With the sign of the line.")]
    currency: Currency
    order_id: Text
    line_id: LineId
    operation_id: Text
    store_id: Text | None = None
    rule_id: Text | None = None
    rule_type: Text | None = None


class PayoutBalance(Wire, frozen=True, kw_only=True):
    """What the entries of a destination come to in one currency, in all or in one period."""

    currency: Currency
    authorized: BigAmount
    cancelled: BigAmount
    captured: BigAmount
    refunded: BigAmount
    net: Annotated[BigAmount, Meta(description="Captured minus refunded.")]
    period: Annotated[Text | None, Meta(description="2026, 2026-11 or 2026-11-20, in UTC.")] = None


class DestinationLedger(Wire, frozen=True, kw_only=True):
    """The balances of a destination: in all, and by period when one is asked for."""

    destination: Text
    totals: tuple[PayoutBalance, ...]
    periods: tuple[PayoutBalance, ...] = ()


class PayoutEntries(Wire, frozen=True, kw_only=True):
    """A page of a destination's entries, newest first; the cursor is there while there is more."""

    entries: tuple[PayoutEntry, ...]
    starting_after: Text | None = None


class LedgerQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which entries are summed, and by which periods."""

    period: PeriodLength | None = None
    currency: tuple[str, ...] = ()
    store_id: tuple[str, ...] = ()
    created_at_gte: datetime | None = field(default=None, name="created_at.gte")
    created_at_lte: datetime | None = field(default=None, name="created_at.lte")


class EntriesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which entries are listed."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Rows of a page, 1 to 1000.")] = 100
    starting_after: Cursor | None = None
    type: tuple[EntryType, ...] = ()
    currency: tuple[str, ...] = ()
    store_id: tuple[str, ...] = ()
    order_id: tuple[str, ...] = ()
    created_at_gte: datetime | None = field(default=None, name="created_at.gte")
    created_at_lte: datetime | None = field(default=None, name="created_at.lte")
