"""An order with parts of every kind, and its log, as an export holds them."""

from msgspec.structs import replace

from ordrebok.wire.base import Link
from ordrebok.wire.comment import Comment
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order
from tests.support.builders import NOW, ORDERS_PATH, a_body, an_order
from tests.unit.payment_steps import after


def an_exported_order() -> tuple[Order, tuple[Event, ...]]:
    """Return an order of version 4 with its four events."""
    items = [a_body(100, 1, metadata={"a": [1.0, 2]}), a_body(-40, 2, related=("reversed", 1))]
    order = an_order(
        items,
        links=(Link(href=f"{ORDERS_PATH}/order-1", rel="order"),),
        comments=(Comment(id="c", body="æøå", visibility="public", created_at=NOW.text),),
        time_to_live=86_400,
        multiple_authorizations=True,
    )
    order = after(order, "A100 C40 A40/2")
    linked = {
        kind: tuple(
            replace(each, links=(Link(href=f"{ORDERS_PATH}/order-1/{kind}/{each.id}", rel=kind),))
            for each in getattr(order, kind)
        )
        for kind in ("authorizations", "captures")
    }
    order = replace(order, **linked)
    log = tuple(
        Event(id=f"e{version}", created_at=NOW.text, version=version, event_type="api-event")
        for version in range(1, order.version + 1)
    )
    return order, log
