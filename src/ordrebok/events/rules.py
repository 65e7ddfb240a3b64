"""How an event is written, which events an answer shows, and the state they combine to."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import Call
from ordrebok.wire.base import Link, encode
from ordrebok.wire.event import Event, EventBody, EventRequest

UNSUCCESSFUL = frozenset({"error", "failure"})


class _Head(msgspec.Struct, gc=False):
    """What has to be read of an event to choose it and to combine its state."""

    event_type: str = "api-event"
    service: str = ""
    state: str = ""


_read_head = msgspec.json.Decoder(_Head).decode
_read_event = msgspec.json.Decoder(Event).decode


def change_event(
    call: Call,
    event_id: str,
    version: int,
    now: Instant,
    *,
    created: bool = False,
    draft_id: str | None = None,
) -> Event:
    """Return the event that an accepted change leaves.

    A change of something that was there shows its request; a creation does not, as documented.
    """
    request = None
    if not created:
        request = EventRequest(
            path=call.path, method=call.method, body=call.body_text.decode(errors="replace")
        )
    return Event(
        id=event_id,
        created_at=now.text,
        created_by=call.actor_id,
        version=version,
        request=request,
        draft_id=draft_id,
        event_type="api-event",
    )


def reported_event(call: Call, body: EventBody, event_id: str, version: int, now: Instant) -> Event:
    """Return the event that a service reports about an order."""
    return Event(
        id=event_id,
        created_at=now.text,
        created_by=call.actor_id,
        version=version,
        event_type="service-event",
        state=body.state,
        service=body.service,
        service_status=body.service_status,
        description=body.description,
        metadata=body.metadata,
        links=(Link(href=quote(call.path.removesuffix("/events")), rel="order"),),
    )


def same_report(event: Event, body: EventBody) -> bool:
    """Tell whether an event that stands is the very report that came in again."""
    return (
        event.event_type == "service-event"
        and event.state == body.state
        and event.service == body.service
        and event.service_status == body.service_status
        and event.description == body.description
        and event.metadata == body.metadata
    )


def find(events: Sequence[bytes], event_id: str) -> Event | None:
    """Return the event with an id, if it is among these."""
    needle = event_id.encode()
    for raw in events:
        # The cheap test spares decoding every event; an id inside a body is ruled out after it.
        if needle in raw or b"\\" in raw:
            event = _read_event(raw)
            if event.id == event_id:
                return event
    return None


def combined_state(events: Sequence[bytes]) -> str:
    """Return what all services together report.

    failure: any event reports an error or a failure; pending: nothing is reported, or the
    latest report of any service is pending; success: the latest of every service is success.
    Source: contract 3.9.
    """
    latest: dict[str, str] = {}
    for raw in events:
        head = _read_head(raw)
        if head.event_type == "service-event":
            if head.state in UNSUCCESSFUL:
                return "failure"
            latest[head.service] = head.state
    if not latest or "pending" in latest.values():
        return "pending"
    return "success"


def wanted(choice: Sequence[str], *, default: bool = True) -> bool:
    """Tell whether an answer shows any events at all."""
    return default if not choice else any(value != "false" for value in choice)


def chosen(events: Sequence[bytes], choice: Sequence[str]) -> Sequence[bytes]:
    """Return the events that `include_events` asks for; no choice means all."""
    if not choice or "true" in choice:
        return events
    kinds = set(choice)
    return [raw for raw in events if _read_head(raw).event_type in kinds]


def with_events(
    body: bytes, events: Sequence[bytes], choice: Sequence[str], *, state: bool = False
) -> bytes:
    """Return a document's JSON with its events, and their combined state when asked.

    The JSON is spliced, not decoded: the stored bytes are the answer.
    """
    shown = b",".join(chosen(events, choice))
    tail = b',"state":"' + combined_state(events).encode() + b'"}' if state else b"}"
    return body[:-1] + b',"events":[' + shown + b"]" + tail


def without_requests(events: Sequence[bytes]) -> list[bytes]:
    """Return the events as a customer may see them: what was asked of us stays inside."""
    return [
        encode(msgspec.structs.replace(event, request=None, created_by=None))
        for event in map(_read_event, events)
    ]
