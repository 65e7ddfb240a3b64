"""Comments on an order."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ordrebok.wire.base import OwnId, Text, Timestamp, Wire

Visibility: TypeAlias = Literal["private", "public"]


class CommentBody(Wire, frozen=True, kw_only=True):
    """A comment as a client writes it; private ones stay out of the customer's view."""

    body: Annotated[str, Meta(min_length=1, max_length=2_000)]
    visibility: Visibility = "private"
    id: OwnId | None = None


class Comment(CommentBody, frozen=True, kw_only=True):
    """A comment as it is stored and answered."""

    visibility: Visibility
    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None


class Comments(Wire, frozen=True, kw_only=True):
    """The comments of one order."""

    comments: tuple[Comment, ...]
