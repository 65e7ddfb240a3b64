"""How a line becomes an order: what is missing is computed, what is given must agree.

A line of an export comes out as it went in. In a line of another system's history everything may
be missing that follows from the rest: ids, totals, statuses, versions, events. What is made up
follows from the line alone, so that reading it again gives the same order.

`exported.py` is the short way for lines that leave nothing out: what is asked of a line here must
be asked there, too.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from msgspec.structs import asdict, replace

from ordrebok.audit.rules import Disagreement, of_events, of_order
from ordrebok.clock import Instant, instant, milliseconds
from ordrebok.exchange.log import completed_log
from ordrebok.exchange.moments import Moments, canonical
from ordrebok.exchange.place import Place
from ordrebok.exchange.rules import derived_id
from ordrebok.items.rules import priced
from ordrebok.orders.rules import recomputed
from ordrebok.payments.ledger import KINDS
from ordrebok.payouts.shares import with_all_shares
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.comment import Comment
from ordrebok.wire.event import Event
from ordrebok.wire.exchange import CommentLine, ItemLine, OperationLine, OrderLine, SessionLine
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation, Session

_TOTALS: Final = ("gross_amount", "net_amount", "total_discount", "total_manual_discount_amount")


class Completed(NamedTuple):
    """An order with its log, as if it had always been here."""

    order: Order
    log: tuple[Event, ...]


def completed(line: OrderLine, place: Place) -> Completed | Refusal:
    """Return the order that a line tells of, with everything that it leaves out.

    Units: minor units of the order's currency.
    Refuses: INVALID_REQUEST_PARAMETER (moments and versions that are none), INVALID_AMOUNTS
    (what does not agree, with the numbers), AMOUNT_TOO_LARGE.
    Keeps: every order that comes out satisfies its proof and its audit.
    """
    moments = Moments()
    created_at = moments.read(line.created_at, "created_at")
    times = [
        created_at
        if event.created_at is None
        else moments.read(event.created_at, "events", index, "created_at")
        for index, event in enumerate(line.events)
    ]
    order = _Parts(line, created_at, place, moments).order()
    if moments.faults:
        return _refused("INVALID_REQUEST_PARAMETER", moments.faults)
    items = _items(line.items)
    if isinstance(items, list):
        return _refused("INVALID_AMOUNTS", items)
    order = with_all_shares(replace(order, items=items))
    log = completed_log(line, times, order, place)
    if isinstance(log, Refusal):
        return log
    done = recomputed(replace(order, version=len(log) - 1), Instant.of(order.updated_at))
    if isinstance(done, Refusal):
        return done
    faults = [*_given_faults(line, done), *map(_fault, of_order(done, computed=True))]
    faults += map(_fault, of_events(done, log))
    return _refused("INVALID_AMOUNTS", faults) if faults else Completed(done, log)


class _Parts:
    """The parts of one line, completed."""

    def __init__(self, line: OrderLine, created_at: str, place: Place, moments: Moments) -> None:
        self._line = line
        self._created_at = created_at
        self._place = place
        self._moments = moments
        self._path = place.path(line.order_id)

    def order(self) -> Order:
        """Return the order without its items and without what is computed."""
        line, read = self._line, self._moments.read_any
        status = "cancelled" if line.cancelled_at else "closed" if line.closed_at else "open"
        fields = asdict(line)
        del fields["events"]
        for name in ("closed_at", "cancelled_at", "deleted_at"):
            fields[name] = read(fields[name], name)
        for kind in KINDS:
            given: Sequence[OperationLine] = fields[kind]
            fields[kind] = tuple(self._operation(kind, *each) for each in enumerate(given))
        fields |= {
            "items": (),
            "sessions": tuple(self._session(*each) for each in enumerate(line.sessions)),
            "comments": tuple(self._comment(*each) for each in enumerate(line.comments)),
            "id": line.id or self._derived_id(),
            "order_number": line.order_number or line.order_id,
            "created_at": self._created_at,
            "status": line.status or status,
            "payment_status": "pending",
            "version": 0,
            "links": self._place.links(line.links, self._path, "order"),
        }
        # Last of all: where it is not given, it is the latest moment that was read.
        updated_at = read(line.updated_at, "updated_at")
        fields["updated_at"] = updated_at or self._moments.latest
        return Order(**fields)

    def _operation(self, kind: str, index: int, line: OperationLine) -> Operation:
        """Return a recorded operation; its amount, where it is not given, is that of its items."""
        operation_id = line.id or self._derived_id(kind, str(index))
        created_at = self._created_at
        if line.created_at is not None:
            created_at = self._moments.read(line.created_at, kind, index, "created_at")
        elif line.processed_at is not None:
            created_at = instant(milliseconds(line.processed_at)).text
        fields = asdict(line)
        fields["id"] = operation_id
        fields["created_at"] = created_at
        if line.amount is None:
            fields["amount"] = sum(item.amount for item in line.items)
        href = f"{self._path}/{kind}/{operation_id}"
        fields["links"] = self._place.links(line.links, href, kind)
        return Operation(**fields)

    def _session(self, index: int, line: SessionLine) -> Session:
        """Return a recorded session."""
        fields = asdict(line)
        fields["id"] = line.id or self._derived_id("sessions", str(index))
        created_at = self._moments.read_any(line.created_at, "sessions", index, "created_at")
        fields["created_at"] = created_at or self._created_at
        if line.amount is None:
            fields["amount"] = sum(item.amount for item in line.items)
        if line.url is not None:
            fields["url"] = self._place.moved(line.url)
        if line.links is not None:
            fields["links"] = self._place.links(line.links, "", "")
        return Session(**fields)

    def _comment(self, index: int, line: CommentLine) -> Comment:
        """Return a comment."""
        fields = asdict(line)
        fields["id"] = line.id or self._derived_id("comments", str(index))
        for name in ("created_at", "deleted_at"):
            fields[name] = self._moments.read_any(fields[name], "comments", index, name)
        fields["created_at"] = fields["created_at"] or self._created_at
        return Comment(**fields)

    def _derived_id(self, *names: str) -> str:
        """Return the id of something that has none."""
        return derived_id(self._place.account_id, self._line.order_id, *names)


def _items(lines: Sequence[ItemLine]) -> tuple[Item, ...] | list[Fault]:
    """Return the items with their numbers, net amounts and taxes, or everything wrong with them."""
    items = []
    faults: list[Fault] = []
    next_line_id = max((line.line_id or 0 for line in lines), default=0) + 1
    for index, line in enumerate(lines):
        line_id = line.line_id
        if line_id is None:
            line_id = next_line_id
            next_line_id += 1
        item = priced(line, line_id=line_id, version=line.version or 1)
        if isinstance(item, list):
            faults += [fault.under("items", index) for fault in item]
            continue
        if line.net_amount not in {None, item.net_amount}:
            path = ("items", index, "net_amount")
            faults.append(_differs("net_amount", line.net_amount, item.net_amount, path))
        items.append(item)
    return faults or tuple(items)


def _given_faults(line: OrderLine, done: Order) -> Iterator[Fault]:
    """Yield what a line gives of all that is computed, and gives otherwise."""
    for name in _TOTALS:
        given, right = getattr(line, name), getattr(done, name)
        if given is not None and given != right:
            yield _differs(name, given, right, (name,))
    if line.payment_status not in {None, done.payment_status}:
        path = ("payment_status",)
        yield _differs("payment_status", line.payment_status, done.payment_status, path)
    if line.payment_details is not None and line.payment_details != done.payment_details:
        for name, given in asdict(line.payment_details).items():
            right = getattr(done.payment_details, name)
            if given != right:
                yield _differs(name, given, right, ("payment_details", name))
    expires = line.time_to_live_expires_at
    if expires is not None and canonical(expires) != done.time_to_live_expires_at:
        name = "time_to_live_expires_at"
        yield _differs(name, expires, done.time_to_live_expires_at, (name,))


def _differs(name: str, given: object, right: object, path: tuple[str | int, ...]) -> Fault:
    """Return the fault of a value that does not follow from the rest of the line."""
    data = {"given": given, "computed": right}
    message = f"{name} is {given}, the rest of the line comes to {right}"
    return Fault("DOES_NOT_ADD_UP", message, path, f"{right}, or nothing", data)


def _fault(found: Disagreement) -> Fault:
    """Return the fault of something that does not agree."""
    message = f"{found.check}: {found.found} is not {found.relation} {found.expected}"
    data = {"found": found.found, "expected": found.expected}
    return Fault("DOES_NOT_ADD_UP", message, (), "amounts and names that agree", data)


def _refused(code: str, faults: Sequence[Fault]) -> Refusal:
    """Return the refusal of a line with all its faults."""
    return Refusal(code, faults[0].message, tuple(faults))
