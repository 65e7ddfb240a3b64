"""What must agree in an order: its amounts, its names, its events, its row and its words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from ordrebok.audit.plain import plainly_agrees, plainly_fits
from ordrebok.clock import Instant
from ordrebok.decision import LedgerEntry
from ordrebok.orders.record import decode
from ordrebok.orders.terms import terms
from ordrebok.orders.whole import WholeOrder, WrittenEvent
from ordrebok.payments.ledger import KINDS
from ordrebok.payments.proof import proof
from ordrebok.payments.rules import sums
from ordrebok.payouts.ledger import entries, ledger_rows
from ordrebok.retention.rules import is_emptied
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation
from ordrebok.wire.proof import Equation

T = TypeVar("T")
Value = int | str | None

_UNREADABLE = (ValueError, OverflowError, RecursionError)
"""What reading something ends with that is no order or event, or has moments that are none."""
_ENTRY_KEY = 6
"""How much of an entry is its key: the rest is what it says."""
_read_event = msgspec.json.Decoder(Event).decode


class Disagreement(NamedTuple):
    """One thing that does not agree: what was looked at, what stands there, what should."""

    check: str
    found: Value
    relation: str
    expected: Value


def of_order(order: Order, *, computed: bool = False) -> Iterator[Disagreement]:
    """Yield what does not agree in an order's document.

    With `computed`, totals, payment details and status were just computed, and are passed over
    where the order is a plain one.
    Keeps: totals are sums over the lines; payment_details and payment_status follow from the
    operations; the inequalities hold per line and per authorization; names are given once.
    Source: decisions, drafts 2, orders 2 and payment operations 1 to 5.
    """
    if is_emptied(order):
        return  # Its time is over: there is nothing left that could disagree.
    if not (plainly_fits if computed else plainly_agrees)(order):
        yield from _of_proof(order)
        yield from _of_names(order)
    if order.sessions:
        yield from _twice("id in sessions", (session.id for session in order.sessions))
    if order.comments:
        yield from _twice("id in comments", (comment.id for comment in order.comments))
    yield from _of_relations(order)
    if order.status == "cancelled":
        total = sums(order)
        yield from _differ("captured - refunded, cancelled", total.captured - total.refunded, 0)
    expires = None
    if order.time_to_live is not None:
        expires = Instant.of(order.updated_at).plus(order.time_to_live).text
    if order.time_to_live_expires_at != expires:
        check = "time_to_live_expires_at = updated_at + time_to_live"
        yield Disagreement(check, order.time_to_live_expires_at, "=", expires)


def of_events(order: Order, events: Sequence[Event]) -> Iterator[Disagreement]:
    """Yield what does not agree in an order's log: one event for each version, in their order."""
    versions = [event.version for event in events]
    yield from _differ("number of events = version", len(versions), order.version)
    for number, version in enumerate(versions, 1):
        if version != number:
            yield Disagreement(f"version of event {number}", version, "=", number)
            break  # From the first gap on, all of them would be named.
    yield from _twice("id in events", (event.id for event in events))


def of_row(row: WholeOrder, order: Order) -> Iterator[Disagreement]:
    """Yield the columns that differ from the document, and the words that are not there."""
    columns: tuple[tuple[str, Value, Value], ...] = (
        ("order_id", row.order_id, order.order_id),
        ("version", row.version, order.version),
        ("status", row.status, order.status),
        ("payment_status", row.payment_status, order.payment_status),
        ("currency", row.currency, order.currency),
        ("created_ms", row.created_ms, Instant.of(order.created_at).ms),
        ("updated_ms", row.updated_ms, Instant.of(order.updated_at).ms),
    )
    for name, found, expected in columns:
        yield from _differ(f"column {name} = document", found, expected)
    for word in sorted(terms(order) - row.words):
        yield Disagreement("search word", None, "=", word)


def of_ledger(row: WholeOrder, order: Order) -> Iterator[Disagreement]:
    """Yield the entries of the payout ledger that are not there, or say something else."""
    there = {entry[:_ENTRY_KEY]: entry for entry in row.entries}
    for entry in ledger_rows(entries(order)):
        found = there.get(entry[:_ENTRY_KEY])
        if found != entry:
            where = f"{entry.type} {entry.operation_id}, line {entry.line_id}"
            check = f"payout entry of {where}: {entry.destination}"
            amount = None if found is None else found.amount
            yield Disagreement(check, amount, "=", entry.amount)


def entries_of(body: bytes) -> tuple[LedgerEntry, ...]:
    """Return the payout entries that a stored order should have; none when it cannot be read."""
    try:
        return ledger_rows(entries(decode(body))) if b'"payout"' in body else ()
    except _UNREADABLE:
        return ()


def was_emptied(body: bytes) -> bool:
    """Tell whether a stored order was emptied: what it paid out stays in the ledger."""
    try:
        return b'"deleted_at"' in body and is_emptied(decode(body))
    except _UNREADABLE:
        return False


def audit(row: WholeOrder) -> list[Disagreement]:
    """Return everything that does not agree in an order as a database keeps it."""
    found: list[Disagreement] = []
    try:
        order = decode(row.body)
        found += of_order(order)
        found += of_row(row, order)
        found += of_ledger(row, order)
    except _UNREADABLE as error:
        return [*found, Disagreement("the document can be read", str(error), "=", None)]
    events = []
    for written in row.events:
        event = _event_of(written)
        if isinstance(event, Disagreement):
            return [*found, event]
        events.append(event)
        found += _differ(f"column id of event {written.version}", written.id, event.id)
        found += _differ(f"column version of event {event.id}", written.version, event.version)
    return [*found, *of_events(order, events)]


def audit_line(line: bytes) -> tuple[str, list[Disagreement]]:
    """Return the order_id of an order of an export, and everything that does not agree in it."""
    order_id = ""
    try:
        order = decode(line)
        order_id = order.order_id
        found = [*of_order(order), *of_events(order, order.events or ())]
    except _UNREADABLE as error:
        return order_id, [Disagreement("the line can be read", str(error), "=", None)]
    return order_id, found


def words_of(body: bytes) -> frozenset[str]:
    """Return the words that a stored order should be found by; none when it cannot be read."""
    try:
        return terms(decode(body))
    except _UNREADABLE:
        return frozenset()


def _event_of(written: WrittenEvent) -> Event | Disagreement:
    """Return a stored event."""
    try:
        return _read_event(written.body)
    except _UNREADABLE as error:
        return Disagreement(f"event {written.version} can be read", str(error), "=", None)


def _of_proof(order: Order) -> Iterator[Disagreement]:
    """Yield the equations of the proof that do not hold."""
    books = proof(order)
    parts: list[tuple[str, tuple[Equation, ...]]] = [("", books.order)]
    parts += [(f"line {part.line_id}: ", part.equations) for part in books.lines]
    parts += [
        (f"authorization {part.authorization_id}, ", part.equations)
        for part in books.authorizations
    ]
    for where, equations in parts:
        for equation in equations:
            if not equation.holds:
                check = where + equation.name.removeprefix("line: ")
                yield Disagreement(check, equation.left, equation.relation, equation.right)


def _of_names(order: Order) -> Iterator[Disagreement]:
    """Yield the numbers of lines and the ids of operations that stand twice."""
    yield from _twice("line_id", (item.line_id for item in order.items))
    for kind in KINDS:
        operations: Sequence[Operation] = getattr(order, kind)
        yield from _twice(f"id in {kind}", (operation.id for operation in operations))
        for operation in operations:
            lines = (item.line_id for item in operation.items)
            yield from _twice(f"{kind} {operation.id}: line_id", lines)


def _of_relations(order: Order) -> Iterator[Disagreement]:
    """Yield the related lines that are not there."""
    lines: set[int] = set()
    for item in order.items:
        if item.related_item is not None:
            lines = lines or {each.line_id for each in order.items}
            related = item.related_item.line_id
            if related not in lines:
                yield Disagreement(f"line {item.line_id}: related line", None, "=", related)


def _differ(check: str, found: Value, expected: Value) -> Iterator[Disagreement]:
    """Yield two values that should be equal and are not."""
    if found != expected:
        yield Disagreement(check, found, "=", expected)


def _twice(name: str, values: Iterable[T]) -> Iterator[Disagreement]:
    """Yield the values that stand more often than once."""
    all_of_them = list(values)
    if len(all_of_them) > 1 and len(set(all_of_them)) < len(all_of_them):
        for value, count in Counter(all_of_them).items():
            if count > 1:
                yield Disagreement(f"{name} {value} stands once", count, "=", 1)
