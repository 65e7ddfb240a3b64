"""Deliveries: what is to be sent to a subscription, and what has become of it.

Pure: the time, the chance and new ids are given. Times are in milliseconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import astuple, replace

from ordrebok.ids import ordered_id
from ordrebok.webhooks import schedule
from ordrebok.webhooks.body import Change, Choice, change_body, delivery_id, ping_body
from ordrebok.webhooks.names import event_name
from ordrebok.wire.hook import SentEvent, StoredHook

DeliveryState = Literal["waiting", "delivered", "ignored", "given_up"]
PING: Final = "ping"

Place = tuple[str, str]
"""Kind and id of a document: what is told of one is told in the order of its versions."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is told to a subscription; its members are the columns of its row.

    The body is the last of them, see `rows_of`.
    """

    id: str
    """Grows with time."""
    event_delivery: str
    """What the receiver knows it by: the same, however often it is sent."""
    position: int | None = None
    event: SentEvent
    document_kind: str = ""
    document_id: str = ""
    document_version: int = 0
    state: DeliveryState = "waiting"
    attempts: int = 0
    created_ms: int
    first_ms: int | None = None
    attempted_ms: int | None = None
    due_ms: int | None = None
    """When it is tried next; None once nothing more happens to it."""
    status: int | None = None
    duration_ms: int | None = None
    url: str = ""
    request_headers: str = "{}"
    response_headers: str = "{}"
    response_body: str = ""
    fault: str | None = None
    body: bytes

    @property
    def place(self) -> Place:
        """What it has to keep in order with; a ping stands for itself."""
        if self.document_kind:
            return self.document_kind, self.document_id
        return PING, self.id


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt: the request that was sent, and the answer or the failure."""

    url: str
    request_headers: Mapping[str, str]
    status: int | None
    failure: str | None
    response_headers: Mapping[str, str]
    response_body: str
    duration_ms: int


class Maker:
    """Makes the deliveries of one subscription, with what it has chosen of the bodies."""

    def __init__(self, account_id: str, hook: StoredHook, choice: Choice) -> None:
        """Take the subscription as it stands."""
        self._account_id = account_id
        self._hook = hook
        self._choice = choice
        self._events = frozenset[str](hook.events)

    def of_change(
        self, row: Mapping[str, Any], now_ms: int, place: tuple[int, int]
    ) -> Delivery | None:
        """Return the delivery of a change, or None where the subscription does not want it.

        `place`: milliseconds and number of its id, which must grow from change to change.
        """
        event = bytes(row["event"])
        name = event_name(row["kind"], row["version"], event)
        if name not in self._events:
            return None
        event_delivery = delivery_id(self._hook.id, row["position"])
        told = Change(self._account_id, name, bytes(row["body"]), event)
        return Delivery(
            id=ordered_id(*place),
            event_delivery=event_delivery,
            position=row["position"],
            event=name,
            document_kind=row["kind"],
            document_id=row["document_id"],
            document_version=row["version"],
            created_ms=now_ms,
            due_ms=now_ms,
            body=change_body(told, event_delivery, self._choice),
        )


def ping_of(hook: StoredHook, event_delivery: str, now_ms: int) -> Delivery:
    """Return a ping: it tells nothing but that the subscription is there."""
    return Delivery(
        id=ordered_id(now_ms, 0),
        event_delivery=event_delivery,
        event=PING,
        created_ms=now_ms,
        due_ms=now_ms,
        body=ping_body(hook),
    )


def after_attempt(delivery: Delivery, answered: Answered, now_ms: int, chance: float) -> Delivery:
    """Return a delivery after an attempt that ended now.

    Keeps: it is delivered or ignored by its receiver's word, given up three days after its first
    attempt, and else waits for the next one.
    Source: decisions, webhooks 2.
    """
    first_ms = now_ms if delivery.first_ms is None else delivery.first_ms
    attempts = delivery.attempts + 1
    due_ms: int | None = None
    state: DeliveryState
    match schedule.verdict(answered.status):
        case "delivered":
            state = "delivered"
        case "ignored":
            state = "ignored"
        case "gone":
            state = "given_up"
        case "failed":
            due_ms = schedule.next_attempt_ms(first_ms, now_ms, attempts, chance)
            state = "given_up" if due_ms is None else "waiting"
    return replace(
        delivery,
        state=state,
        attempts=attempts,
        first_ms=first_ms,
        attempted_ms=now_ms,
        due_ms=due_ms,
        status=answered.status,
        duration_ms=answered.duration_ms,
        url=answered.url,
        request_headers=msgspec.json.encode(answered.request_headers).decode(),
        response_headers=msgspec.json.encode(answered.response_headers).decode(),
        response_body=answered.response_body.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        fault=answered.failure,
    )


def of_row(row: Mapping[str, Any]) -> Delivery:
    """Return a delivery that waits, from its row."""
    return Delivery(body=row["body"].encode(), **{name: row[name] for name in _WAITING})


def in_portions(deliveries: Sequence[Delivery], most: int) -> Iterator[Sequence[Delivery]]:
    """Yield deliveries in portions whose bodies have at most so many bytes, one at least."""
    portion: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        size += len(delivery.body)
        if portion and size > most:
            yield portion
            portion, size = [], len(delivery.body)
        portion.append(delivery)
    if portion:
        yield portion


def rows_of(deliveries: Iterable[Delivery]) -> dict[str, object]:
    """Return deliveries as the parameters by which `deliveries_put` takes them.

    The bodies stand beside the rows, as they are: as texts inside of JSON they would be quoted here
    and read there, which costs more than the rest of the rows together. Each row ends with where
    its body begins, counted from 1, and its length.
    """
    rows, bodies, begin = [], [], 1
    for delivery in deliveries:
        body = delivery.body
        rows.append((*astuple(delivery)[:-1], begin, len(body)))
        bodies.append(body)
        begin += len(body)
    return {"rows": msgspec.json.encode(rows).decode(), "bodies": b"".join(bodies)}


_WAITING: Final = (
    *("id", "event_delivery", "position", "event", "document_kind", "document_id"),
    *("document_version", "state", "attempts", "created_ms", "first_ms", "due_ms"),
)
