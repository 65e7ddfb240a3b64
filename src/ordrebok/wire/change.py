"""The public JSON of the change feed."""

from typing import Annotated, Literal

from msgspec import Meta

from ordrebok.wire.base import Text, Timestamp, Wire
from ordrebok.wire.query import Query

FeedLimit = Annotated[int, Meta(ge=1, le=1000, description="Changes of a page, 1 to 1,000.")]
FeedCursor = Annotated[
    str,
    Meta(
        max_length=32,
        description="The `after` of the page before, or the `cursor` of a change. Absent: from the "
        "beginning. `latest`: from now on.",
    ),
]
FeedWait = Annotated[
    int,
    Meta(
        ge=0,
        le=60,
        description="Seconds to wait for a change when there is none yet, 0 to 60.",
    ),
]


class Change(Wire, frozen=True, kw_only=True):
    """One change of a draft or an order: what it is called, and what it made of what."""

    cursor: Text
    """The change's place in the log: where to go on after it."""
    event: Text
    """The name that a webhook tells it by, such as `shopping_order_update`."""
    resource: Literal["draft_order", "order"]
    id: Text
    """Id of the draft, or `order_id` of the order."""
    version: int
    """The version of the resource that this change made."""
    event_id: Text
    """Id of the event that the change left on the resource."""
    created_at: Timestamp
    created_by: Text | None = None


class Changes(Wire, frozen=True, kw_only=True):
    """A page of the feed, oldest first."""

    changes: tuple[Change, ...]
    after: Text
    """Where the next page begins; it stays as it was while nothing happens."""
    more: bool
    """Whether there is more to read at once."""


class ChangesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Where to read the feed, and how long to wait for something to read."""

    after: FeedCursor | None = None
    limit: FeedLimit = 100
    wait: FeedWait = 0
