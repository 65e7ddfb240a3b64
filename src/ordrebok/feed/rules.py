"""How changes are shown, and which place in the log a cursor names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ordrebok.refusals import Fault, Refusal
from ordrebok.webhooks.names import event_name
from ordrebok.wire.base import encode
from ordrebok.wire.change import Change, Changes

LATEST: Final = "latest"
_DIGITS: Final = 18
"""More digits than these no log will ever count to."""

Row = Mapping[str, Any]


class _Head(msgspec.Struct, gc=False):
    """What a change shows of its event."""

    created_at: str
    created_by: str | None = None


_read_head = msgspec.json.Decoder(_Head).decode


def position_of(cursor: str | None) -> int | Refusal:
    """Return the place in the log that a cursor names: everything after it is wanted.

    Refuses: INVALID_REQUEST_PARAMETER for a text that no page has answered.
    """
    if cursor is None:
        return 0
    if cursor.isascii() and cursor.isdecimal() and len(cursor) <= _DIGITS:
        return int(cursor)
    return wrong_place("after is not a place in the feed")


def wrong_place(message: str) -> Refusal:
    """Return the refusal of a cursor that no page of this feed gave."""
    fault = Fault("INVALID_CURSOR", message, ("after",), "the after of the page before, or latest")
    return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))


def change_of(row: Row) -> Change:
    """Return a change as it is shown."""
    event = bytes(row["event"])
    head = _read_head(event)
    return Change(
        cursor=str(row["position"]),
        event=event_name(row["kind"], row["version"], event),
        resource="draft_order" if row["kind"] == "draft" else "order",
        id=row["document_id"],
        version=row["version"],
        event_id=row["event_id"],
        created_at=head.created_at,
        created_by=head.created_by,
    )


def page_of(rows: Sequence[Row], after: int, limit: int) -> bytes:
    """Return a page of the feed as JSON."""
    last = rows[-1]["position"] if rows else after
    changes = tuple(map(change_of, rows))
    return encode(Changes(changes=changes, after=str(last), more=len(rows) == limit))
