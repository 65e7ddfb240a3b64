"""What happened to a draft or an order, and what other services reported about it."""

from typing import Literal, TypeAlias

from msgspec import field

from ordrebok.wire.base import Links, Metadata, OwnId, Text, Timestamp, Wire

EventState: TypeAlias = Literal["error", "failure", "success", "pending"]
EventType: TypeAlias = Literal["api-event", "service-event", "expired", "erased"]
"""The last two are left by the end of a time to live, and by the erasure of a person."""


class EventRequest(Wire, frozen=True, kw_only=True):
    """The request that made an update; its body is kept as text."""

    path: Text | None = None
    method: Text | None = None
    body: Text | None = None


class EventBody(Wire, frozen=True, kw_only=True):
    """A status that another service reports on an order."""

    state: EventState = "success"
    service: Text
    service_status: Text
    description: Text | None = None
    metadata: Metadata | None = None
    id: OwnId | None = None


class Event(Wire, frozen=True, kw_only=True):
    """One entry of the log: an update through the API, or a status from a service."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    version: int | None = None
    event_type: EventType | None = None
    request: EventRequest | None = None
    draft_id: Text | None = None
    state: EventState | None = None
    service: Text | None = None
    service_status: Text | None = None
    description: Text | None = None
    metadata: Metadata | None = None
    links: Links | None = field(default=None, name="_links")


class Events(Wire, frozen=True, kw_only=True):
    """The log of one order, with the state its events add up to."""

    events: tuple[Event, ...]
    state: Text | None = None
