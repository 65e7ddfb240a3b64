"""What was sent to a subscription, and what waits to be sent again."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, field

from ordrebok.wire.base import Text, Timestamp, Wire
from ordrebok.wire.query import PageLimit, Query

ShownState: TypeAlias = Literal["waiting", "delivered", "ignored", "given_up"]


class DeliveryFacts(Wire, frozen=True, kw_only=True):
    """What every form of a delivery tells about itself."""

    id: Text
    event_delivery: Text
    """What the receiver knows it by: the same, however often it is sent."""
    event: Text
    created_at: Timestamp
    status: Annotated[
        int | None, Meta(description="HTTP status of the last answer; absent: there was none.")
    ] = None
    state: ShownState
    attempts: int
    next_attempt_at: Timestamp | None = None


class HookDelivery(DeliveryFacts, frozen=True, kw_only=True):
    """A delivery in a list."""


class SentRequest(Wire, frozen=True, kw_only=True):
    """What was sent, or will be."""

    headers: dict[str, str]
    body: Any


class ReceivedAnswer(Wire, frozen=True, kw_only=True):
    """What the receiver answered; of a long answer the beginning."""

    headers: dict[str, str]
    body: Text


class DeliveryDetails(Wire, frozen=True, kw_only=True):
    """How the last attempt went."""

    delivery_at: Timestamp
    delivery_duration: Annotated[int, Meta(description="Milliseconds.")]
    delivery_success: bool
    failure: Annotated[Text | None, Meta(description="Why nobody answered.")] = None


class HookDeliveryDetail(DeliveryFacts, frozen=True, kw_only=True):
    """A delivery, whole."""

    url: Text
    request: SentRequest
    response: ReceivedAnswer | None = None
    details: DeliveryDetails | None = None


class DeliveriesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which deliveries are listed."""

    limit: PageLimit = 10
    starting_after: (
        Annotated[str, Meta(max_length=64, description="The id of the last one of a page.")] | None
    ) = None


class ResendBody(Wire, frozen=True, kw_only=True):
    """A span of time: what was told in it is sent once more."""

    from_: datetime = field(name="from")
    """Of the moment when a delivery was made; included."""
    to: datetime | None = None
    """Not included; absent: now."""
    only: Literal["all", "given_up"] = "all"


class Resent(Wire, frozen=True, kw_only=True):
    """How many deliveries will be sent once more."""

    deliveries: int
    more: Annotated[bool, Meta(description="Whether there are more in that span of time.")]
    next_from: Annotated[
        Timestamp | None,
        Meta(description="With `more`: the `from` of the request for the rest."),
    ] = None
