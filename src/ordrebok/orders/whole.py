"""An order with all that a database keeps of it: its row, its events and its words."""

from collections.abc import Sequence
from typing import NamedTuple

from ordrebok.clock import Instant
from ordrebok.decision import LedgerEntry
from ordrebok.orders.terms import terms
from ordrebok.payouts.ledger import entries, ledger_rows
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order


class WrittenEvent(NamedTuple):
    """An event as a database keeps it."""

    version: int
    id: str
    body: bytes


class WholeOrder(NamedTuple):
    """An order as it is read and written in bulk, with everything that belongs to it."""

    order_id: str
    version: int
    status: str
    payment_status: str
    currency: str
    created_ms: int
    updated_ms: int
    body: bytes
    """The document as JSON."""
    events: tuple[WrittenEvent, ...]
    """Oldest first."""
    words: frozenset[str]
    """The words it is found by (see terms.py)."""
    entries: tuple[LedgerEntry, ...] = ()
    """Its rows of the payout ledger."""


def whole(order: Order, events: Sequence[Event]) -> WholeOrder:
    """Return an order as a database keeps it."""
    return WholeOrder(
        order_id=order.order_id,
        version=order.version,
        status=order.status,
        payment_status=order.payment_status,
        currency=order.currency,
        created_ms=Instant.of(order.created_at).ms,
        updated_ms=Instant.of(order.updated_at).ms,
        body=encode(order),
        events=tuple(WrittenEvent(event.version or 0, event.id, encode(event)) for event in events),
        words=terms(order),
        entries=ledger_rows(entries(order)),
    )
