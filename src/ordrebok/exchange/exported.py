"""Lines that leave nothing out: they are the order already, and need only be seen to agree.

`completion.py` makes an order of whatever a line gives, part by part. Most lines come from an
export and give everything; to read such a line straight into the stored order, and to look at it
as `verify` does, takes half the time.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ordrebok.audit.rules import of_events, of_order
from ordrebok.exchange.completion import Completed
from ordrebok.exchange.moments import canonical
from ordrebok.payments.ledger import KINDS
from ordrebok.wire.exchange import ExportedEvent, ExportedItem, ExportedOperation, ExportedOrder


def as_it_stands(line: ExportedOrder) -> Completed | None:
    """Return the order that a line is; None where that takes a closer look.

    Keeps: what is returned is what `completed` would make of the line, within the account that
    it was exported from.
    """
    events = line.events or ()
    if not all(map(_is_priced, line.items)):
        return None
    if any(canonical(moment) != moment for moment in _moments(line, events)):
        return None
    order = replace(line, events=None, state=None)
    if any(of_order(order)) or any(of_events(order, events)):
        return None
    return Completed(order, events)


def _is_priced(item: ExportedItem) -> bool:
    """Tell whether there is nothing to compute on a line, and plainly nothing to refuse.

    Keeps: where this says yes, `priced` would return the line as it is.
    """
    gross, net = item.gross_amount, item.gross_amount
    for discount in item.discount_lines:
        net -= discount.amount or 0
    for tax in item.tax_lines:
        if tax.exempt and tax.amount:
            return False
    return (
        net == item.net_amount
        and abs(net) <= abs(gross)
        and net * gross >= 0
        and isinstance(item.quantity, int)
    )


def _moments(line: ExportedOrder, events: Sequence[ExportedEvent]) -> Iterator[str]:
    """Yield every moment of a line that completing it would bring into one form."""
    yield line.created_at
    yield line.updated_at
    for moment in (line.deleted_at, line.closed_at, line.cancelled_at):
        if moment is not None:
            yield moment
    for kind in KINDS:
        operations: Sequence[ExportedOperation] = getattr(line, kind)
        for operation in operations:
            yield operation.created_at
    for session in line.sessions:
        yield session.created_at
    for comment in line.comments:
        yield comment.created_at
        if comment.deleted_at is not None:
            yield comment.deleted_at
    for event in events:
        yield event.created_at
