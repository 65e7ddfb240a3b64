"""The payout ledger: the entries of an order's operations, and what they come to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ordrebok.clock import Instant
from ordrebok.decision import LedgerEntry
from ordrebok.payments.ledger import KINDS, OperationKind
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation
from ordrebok.wire.payout_ledger import EntryType, PayoutBalance, PayoutEntry, PeriodLength

TYPES: Final[Mapping[OperationKind, EntryType]] = {
    "authorizations": "authorization",
    "captures": "capture",
    "refunds": "refund",
    "cancellations": "cancellation",
}
_LENGTHS: Final[Mapping[PeriodLength, int]] = {"year": 4, "month": 7, "day": 10}
"""How much of a moment's text names its period: 2026, 2026-11, 2026-11-20."""


def entries(order: Order) -> tuple[PayoutEntry, ...]:
    """Return what the operations of an order gave to whom, oldest first.

    One entry for each item of a successful operation and each destination that it gave
    something; the shares are those recorded with the operation.
    Units: minor units of order.currency, with the sign of the line: an entry of a refund says
    what was taken back from the destination.
    Keeps: entries only ever come to the end; with the same order come the same entries.
    """
    stores = _stores(order)
    found = [
        entry
        for kind in KINDS
        for operation in getattr(order, kind)
        if operation.success
        for entry in _entries_of(order, TYPES[kind], operation, stores)
    ]
    return tuple(sorted(found, key=lambda entry: Instant.of(entry.created_at).ms))


def new_entries(before: Order | None, after: Order) -> tuple[PayoutEntry, ...]:
    """Return the entries that a change of an order adds: those of the operations it records.

    `before` is the order as it stood, None for a new one.
    Keeps: entries(after) is entries(before) and these, for operations are only ever added.
    """
    stores: dict[int, str | None] | None = None
    found: list[PayoutEntry] = []
    for kind in KINDS:
        operations: Sequence[Operation] = getattr(after, kind)
        known = 0 if before is None else len(getattr(before, kind))
        for operation in operations[known:]:
            if operation.success:
                stores = _stores(after) if stores is None else stores
                found += _entries_of(after, TYPES[kind], operation, stores)
    return tuple(found)


def ledger_rows(found: Iterable[PayoutEntry]) -> tuple[LedgerEntry, ...]:
    """Return entries as the store keeps them."""
    return tuple(
        LedgerEntry(
            destination=entry.destination,
            created_ms=Instant.of(entry.created_at).ms,
            order_id=entry.order_id,
            type=entry.type,
            operation_id=entry.operation_id,
            line_id=entry.line_id,
            currency=entry.currency,
            amount=entry.amount,
            store_id=entry.store_id,
            rule_type=entry.rule_type,
            rule_id=entry.rule_id,
        )
        for entry in found
    )


def balances(
    found: Iterable[PayoutEntry], period: PeriodLength | None = None
) -> tuple[PayoutBalance, ...]:
    """Return what entries come to in each currency, and in each period when one is given.

    Units: minor units of each currency; nothing is added over currencies. Periods are those of
    UTC. An entry belongs to the period in which its operation was recorded, so that a period
    that is over never changes.
    Keeps: periods sum to the totals; net = captured - refunded.
    """
    return summed(
        (
            "" if period is None else period_of(entry.created_at, period),
            entry.currency,
            entry.type,
            entry.amount,
        )
        for entry in found
    )


def summed(amounts: Iterable[tuple[str, str, EntryType, int]]) -> tuple[PayoutBalance, ...]:
    """Return balances of amounts that a database may have summed already.

    Each is (period, currency, type, amount); the period is empty where none was asked for.
    """
    sums: dict[tuple[str, str], dict[EntryType, int]] = {}
    for period, currency, type_, amount in amounts:
        of_type = sums.setdefault((period, currency), dict.fromkeys(TYPES.values(), 0))
        of_type[type_] += amount
    return tuple(
        PayoutBalance(
            currency=currency,
            authorized=of_type["authorization"],
            cancelled=of_type["cancellation"],
            captured=of_type["capture"],
            refunded=of_type["refund"],
            net=of_type["capture"] - of_type["refund"],
            period=period or None,
        )
        for (period, currency), of_type in sorted(sums.items())
    )


def period_of(moment: str, period: PeriodLength) -> str:
    """Return the period in which a moment lies, such as 2026-11."""
    return Instant.of(moment).text[: _LENGTHS[period]]


def bounds(period: str) -> tuple[Instant, Instant] | None:
    """Return the first moment of a period and that of the next one; None for what is no period.

    A period is a year (2026), a month (2026-11) or a day (2026-11-20), in UTC.
    """
    try:
        year, month, day = (int(part) for part in f"{period}-01-01"[:10].split("-"))
        first = Instant.of(f"{year:04d}-{month:02d}-{day:02d}T00:00:00.000Z")
        next_year, next_month = year + month // 12, month % 12 + 1
        nexts = {
            4: f"{year + 1:04d}-01-01T00:00:00.000Z",
            7: f"{next_year:04d}-{next_month:02d}-01T00:00:00.000Z",
            10: first.plus(86_400).text,
        }
        after = Instant.of(nexts[len(period)])
    except (KeyError, ValueError, OverflowError):
        return None
    return (first, after) if first.text.startswith(period) else None


def _stores(order: Order) -> dict[int, str | None]:
    """Return the store that each line was sold in: its own, else the order's."""
    own = None if order.store is None else order.store.id
    return {
        item.line_id: own if item.store is None or item.store.id is None else item.store.id
        for item in order.items
        if item.payout is not None
    }


def _entries_of(
    order: Order, type_: EntryType, operation: Operation, stores: Mapping[int, str | None]
) -> Iterator[PayoutEntry]:
    """Yield the entries of one operation, whatever became of it."""
    for item in operation.items:
        if item.payout is None:
            continue
        for share in item.payout.destinations:
            if share.amount and share.destination is not None:
                yield PayoutEntry(
                    destination=share.destination,
                    created_at=operation.created_at,
                    type=type_,
                    amount=share.amount,
                    currency=order.currency,
                    order_id=order.order_id,
                    line_id=item.line_id,
                    operation_id=operation.id,
                    store_id=stores.get(item.line_id),
                    rule_id=item.payout.rule_id,
                    rule_type=item.payout.rule_type,
                )
