"""Earlier versions of an order, and what differs between two of them."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from ordrebok.wire.base import Text, Timestamp, Wire
from ordrebok.wire.event import EventType
from ordrebok.wire.order import Order
from ordrebok.wire.query import Cursor, PageLimit, Query

VersionNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
ChangeKind: TypeAlias = Literal["added", "removed", "changed"]


class OrderVersion(Wire, frozen=True, kw_only=True):
    """One version of an order: when it came to be, by whom, and by which request."""

    version: int
    created_at: Timestamp
    created_by: Text | None = None
    event_id: Text
    event_type: EventType | None = None
    method: Text | None = None
    path: Text | None = None
    draft_id: Text | None = None
    kept: Annotated[bool, Meta(description="Whether the order can be read as it was then.")]


class OrderVersions(Wire, frozen=True, kw_only=True):
    """A page of the versions of an order, newest first; the cursor is there while there is more."""

    versions: tuple[OrderVersion, ...]
    starting_after: Text | None = None


class Difference(Wire, frozen=True, kw_only=True):
    """One thing that differs: where, and what stood there in each of the two versions."""

    path: Annotated[
        tuple[str | int, ...],
        Meta(description="Names, positions in lists, and `line_id=1` for a thing with a name."),
    ]
    change: ChangeKind
    before: Any = None
    after: Any = None


class OrderThen(Order, frozen=True, kw_only=True):
    """An order as it was, and what had changed since another version when that is asked for."""

    changes: Annotated[
        tuple[Difference, ...] | None,
        Meta(description="Present when `diff` asks for it: from that version to this one."),
    ] = None


class VersionsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which page of the versions is read."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None


class VersionQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which other version this one is held against."""

    diff: VersionNumber | None = None
