"""The rows of the API for the payout ledger: what a destination was given, summed and listed."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from ordrebok.clock import instant, milliseconds
from ordrebok.decision import Call, LedgerEntry, Reading
from ordrebok.operation import Operation, Plan
from ordrebok.orders.lists import wrong_cursor
from ordrebok.payouts.ledger import period_of, summed
from ordrebok.payouts.operations import READ
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.payout_ledger import (
    DestinationLedger,
    EntriesQuery,
    EntryType,
    LedgerQuery,
    PayoutEntries,
    PayoutEntry,
)

ONE = "/accounts/{aid}/payouts/destinations/{destination}"
_TAG = "payouts"
_DAY: Final = 86_400_000
_ALWAYS: Final = 2**62
"""Milliseconds that no moment reaches: all of time is one unit of them."""

_Row = Mapping[str, Any]


class Position(NamedTuple):
    """Where an entry stands in a destination's list."""

    created_ms: int
    order_id: str
    type: str
    operation_id: str
    line_id: int


_BEFORE_ALL: Final = Position(_ALWAYS, "", "", "", 0)


def cursor_of(position: Position) -> str:
    """Return the opaque text that names an entry's place."""
    return base64.urlsafe_b64encode(encode(position)).decode().rstrip("=")


def position_of(cursor: str | None) -> Position | Refusal:
    """Return the place that a cursor names, before all entries without one.

    Refuses: INVALID_REQUEST_PARAMETER for a text that no list has answered.
    """
    if cursor is None:
        return _BEFORE_ALL
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = msgspec.json.decode(text, type=Position)
    except (binascii.Error, ValueError, RecursionError):
        position = None
    # What was not written by cursor_of might hold what no database takes.
    if position is None or cursor_of(position) != cursor or _is_strange(position):
        return wrong_cursor()
    return position


def _ledger(call: Call) -> Plan:
    """Sum the entries of a destination."""
    query = call.query_as(LedgerQuery)
    destination = call.params["destination"]

    def render(rows: Sequence[_Row]) -> bytes:
        """Make balances of sums by day, or of the sums of all time."""
        totals = [("", row["currency"], row["type"], int(row["amount"])) for row in rows]
        periods: list[tuple[str, str, EntryType, int]] = []
        if query.period is not None:
            for row, (_, currency, type_, amount) in zip(rows, totals, strict=True):
                moment = instant(row["unit"] * _DAY).text
                periods.append((period_of(moment, query.period), currency, type_, amount))
        ledger = DestinationLedger(
            destination=destination, totals=summed(totals), periods=summed(periods)
        )
        return encode(ledger)

    params = {
        **_shared(call, destination, query.created_at_gte, query.created_at_lte),
        **_choice("currency", "currencies", query.currency),
        **_choice("store", "stores", query.store_id),
        "unit_ms": _ALWAYS if query.period is None else _DAY,
    }
    return Reading("payout_sums", params, render)


def _entries(call: Call) -> Plan:
    """List the entries of a destination."""
    query = call.query_as(EntriesQuery)
    destination = call.params["destination"]
    after = position_of(query.starting_after)
    if isinstance(after, Refusal):
        return after

    def render(rows: Sequence[_Row]) -> bytes:
        """Make entries of rows; one row more than a page holds says that there is more."""
        found = [LedgerEntry(**row) for row in rows[: query.limit]]
        cursor = None
        if len(rows) > query.limit:
            last = found[-1]
            cursor = cursor_of(
                Position(last.created_ms, last.order_id, last.type, last.operation_id, last.line_id)
            )
        shown = tuple(_shown(entry) for entry in found)
        return encode(PayoutEntries(entries=shown, starting_after=cursor))

    params = {
        **_shared(call, destination, query.created_at_gte, query.created_at_lte),
        **_choice("currency", "currencies", query.currency),
        **_choice("store", "stores", query.store_id),
        **_choice("type", "types", query.type),
        **_choice("order", "orders", query.order_id),
        "after_ms": after.created_ms,
        "after_order": after.order_id,
        "after_type": after.type,
        "after_operation": after.operation_id,
        "after_line": after.line_id,
        "limit": query.limit + 1,
    }
    return Reading("payout_entries", params, render)


def _shared(
    call: Call, destination: str, first: datetime | None, last: datetime | None
) -> dict[str, object]:
    """Return the parameters that both questions have."""
    return {
        "account_id": call.account_id,
        "destination": destination,
        "from_ms": -_ALWAYS if first is None else milliseconds(first),
        "to_ms": _ALWAYS if last is None else milliseconds(last),
    }


def _choice(name: str, names: str, values: Sequence[str]) -> dict[str, object]:
    """Return the parameters of a filter: whether anything goes, and else what."""
    return {f"any_{name}": int(not values), names: encode(values).decode()}


def _shown(entry: LedgerEntry) -> PayoutEntry:
    """Return a row as it is answered."""
    fields = entry._asdict()
    fields["created_at"] = instant(fields.pop("created_ms")).text
    return PayoutEntry(**fields)


def _is_strange(position: Position) -> bool:
    """Tell whether a place is one that no row can have."""
    texts = (position.order_id, position.type, position.operation_id)
    numbers = (position.created_ms, position.line_id)
    return any("\0" in text for text in texts) or any(abs(each) > _ALWAYS for each in numbers)


OPERATIONS = (
    Operation(
        id="aid_payouts_destinations_id_get",
        method="GET",
        path=ONE,
        summary="Get the balances of a payout destination",
        tag=_TAG,
        scopes=READ,
        query=LedgerQuery,
        answer=DestinationLedger,
        plan=_ledger,
        description=(
            "What was authorized, cancelled, captured and refunded, in each currency, in all and "
            "by `period`. A destination that was given nothing has no balances. An addition of "
            "this server."
        ),
    ),
    Operation(
        id="aid_payouts_destinations_id_entries_get",
        method="GET",
        path=ONE + "/entries",
        summary="Payout entries collection",
        tag=_TAG,
        scopes=READ,
        query=EntriesQuery,
        answer=PayoutEntries,
        plan=_entries,
        description=(
            "One entry for each item of a successful operation that gave the destination "
            "something, newest first. An addition of this server."
        ),
    ),
)
