"""Which event a change is, by the name that receivers subscribe to."""

from typing import Literal

import msgspec

from ordrebok.wire.hook import ShoppingEvent

_DRAFTS = "draft_orders"
_COMPLETE = "complete"


class _Request(msgspec.Struct, gc=False):
    """What has to be read of a request to know what it asked for."""

    path: str = ""


class _Head(msgspec.Struct, gc=False):
    """What has to be read of an event to name it."""

    event_type: str = "api-event"
    request: _Request | None = None


_read_head = msgspec.json.Decoder(_Head).decode


def event_name(kind: Literal["draft", "order"], version: int, event: bytes) -> ShoppingEvent:
    """Return the name of a change: of a draft's or an order's version, by the event it left.

    Every change has exactly one name. Deleting a draft is an update of it; so is what a draft
    adds to an order. `shopping_order_add` is an addition of ours.
    Source: neighbours 6.3; decisions, webhooks 2.
    """
    if kind == "draft":
        if version == 1:
            return "shopping_draft_add"
        return "shopping_draft_complete" if _completes(event) else "shopping_draft_update"
    if version == 1:
        return "shopping_order_add"
    match _read_head(event).event_type:
        case "service-event":
            return "shopping_order_event_add"
        case "expired":
            return "shopping_order_delete"
        case _:
            return "shopping_order_update"


def _completes(event: bytes) -> bool:
    """Tell whether a draft's event is the one of its completion: `.../draft_orders/{id}/complete`.

    A draft may itself have the id `complete`; then the last part of its path says nothing.
    """
    request = _read_head(event).request
    parts = [] if request is None else request.path.split("/")
    return len(parts) > 2 and parts[-1] == _COMPLETE and parts[-3] == _DRAFTS  # noqa: PLR2004 -- collection, id, action
