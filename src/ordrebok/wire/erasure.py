"""The erasure of a person: what is kept of it names nobody."""

from typing import Annotated

from msgspec import Meta

from ordrebok.wire.base import Text, Timestamp, Wire
from ordrebok.wire.query import Cursor, PageLimit, Query


class Erasure(Wire, frozen=True, kw_only=True):
    """That a person was erased: when, who asked for it, and from how many documents."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    finished_at: Annotated[
        Timestamp | None,
        Meta(description="Absent where it was broken off; then it has to be asked for again."),
    ] = None
    orders: int | None = None
    drafts: int | None = None
    refs: Annotated[int | None, Meta(description="Discounts that the person was given.")] = None
    claims: Annotated[int | None, Meta(description="Uses that were reserved for the person.")] = (
        None
    )
    version: int


class Erasures(Wire, frozen=True, kw_only=True):
    """A page of the erasures, newest first; the cursor is there while there is more."""

    erasures: tuple[Erasure, ...]
    starting_after: Text | None = None


class EraseQuery(Query, frozen=True, kw_only=True, gc=False):
    """Whether the erasure is only tried."""

    dry_run: bool = False


class ErasuresQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which page of the erasures is read."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
