"""Lines of orders whose time was over before they were exported: little is left of them."""

from typing import Final

from ordrebok.audit.rules import of_events
from ordrebok.exchange.completion import Completed
from ordrebok.exchange.moments import canonical
from ordrebok.retention.rules import left_of
from ordrebok.wire.exchange import EmptiedOrder
from ordrebok.wire.order import Order

_MOMENTS: Final = ("created_at", "updated_at", "deleted_at")


def as_emptied(line: EmptiedOrder) -> Completed | None:
    """Return the emptied order that a line is; None where it holds more than is left of one.

    Keeps: nothing is made up, and nothing comes in that an erasure takes out.
    """
    fields = {name: getattr(line, name) for name in Order.__struct_fields__}
    order = Order(**fields | {"events": None, "state": None})
    moments = [*(getattr(line, name) for name in _MOMENTS), *(e.created_at for e in line.events)]
    if order != left_of(order) or any(canonical(moment) != moment for moment in moments):
        return None
    return None if any(of_events(order, line.events)) else Completed(order, line.events)
