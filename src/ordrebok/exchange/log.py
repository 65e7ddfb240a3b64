"""The log of an order that comes from elsewhere: one event for every version."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from ordrebok.exchange.place import Place
from ordrebok.exchange.rules import derived_id
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event
from ordrebok.wire.exchange import EventLine, OrderLine
from ordrebok.wire.order import Order

MOST_MISSING: Final = 1_000
"""The most versions of which a line may tell nothing."""
IMPORTED: Final = "Imported"
"""The description of an event that stands for a version of which nothing is told."""


def completed_log(
    line: OrderLine, times: Sequence[str], order: Order, place: Place
) -> tuple[Event, ...] | Refusal:
    """Return one event for every version of an order, oldest first.

    `times` are the moments of the line's events. An event without a version takes the lowest
    that no other has; a version without an event gets one that says that it was imported.
    Refuses: INVALID_REQUEST_PARAMETER (a version that two events have, one above the order's
    own, or too many of which nothing is told).
    Keeps: versions 1, 2, 3 ... up to the order's own.
    """
    given = line.events
    taken = {event.version for event in given if event.version is not None}
    last = (
        max(line.version or 1, len(given), *taken) if taken else max(line.version or 1, len(given))
    )
    faults = list(_version_faults(line, last))
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults[0].message, tuple(faults))
    free = (version for version in range(1, last + 1) if version not in taken)
    by_version: dict[int, Event] = {}
    content = ""
    if len(given) < last or any(event.id is None for event in given):
        # Ids of events tell logs apart, so those that are made up follow from the content.
        content = hashlib.sha256(encode(order)).hexdigest()
    for event, created_at in zip(given, times, strict=True):
        version = event.version or next(free)
        name = event.id or derived_id(place.account_id, content, str(version))
        by_version[version] = _event(event, name, version, created_at, place)
    for version in free:
        by_version[version] = Event(
            id=derived_id(place.account_id, content, str(version)),
            created_at=order.created_at if version == 1 else order.updated_at,
            version=version,
            event_type="api-event",
            description=IMPORTED,
        )
    return tuple(by_version[version] for version in range(1, last + 1))


def _event(line: EventLine, name: str, version: int, created_at: str, place: Place) -> Event:
    """Return one event of the line; one that names a service is a service's."""
    links = line.links
    return Event(
        id=name,
        created_at=created_at,
        created_by=line.created_by,
        version=version,
        event_type=line.event_type or ("service-event" if line.service else "api-event"),
        request=line.request,
        draft_id=line.draft_id,
        state=line.state,
        service=line.service,
        service_status=line.service_status,
        description=line.description,
        metadata=line.metadata,
        links=None if links is None else place.links(links, "", ""),
    )


def _version_faults(line: OrderLine, last: int) -> Iterator[Fault]:
    """Yield what is wrong with the versions of a line."""
    seen: set[int] = set()
    for index, event in enumerate(line.events):
        version, path = event.version, ("events", index, "version")
        if version is None:
            continue
        if version in seen:
            message = f"two events are of version {version}"
            yield Fault("VERSION_TWICE", message, path, "one event for each version")
        elif line.version is not None and version > line.version:
            message = f"an event is of version {version}, the order of version {line.version}"
            yield Fault("VERSION_TOO_LARGE", message, path, f"at most {line.version}")
        seen.add(version)
    if line.version is not None and len(line.events) > line.version:
        message = f"{len(line.events)} events and version {line.version}"
        yield Fault("VERSION_TOO_SMALL", message, ("version",), "one version for each event")
    if last - len(line.events) > MOST_MISSING:
        message = f"version {last} with {len(line.events)} events"
        expected = f"events for all but {MOST_MISSING} of the versions"
        yield Fault("VERSION_TOO_LARGE", message, ("version",), expected)
