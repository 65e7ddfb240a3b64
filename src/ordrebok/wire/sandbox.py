"""What clients say to the sandbox of a test account, and what it answers."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ordrebok.wire.base import MAX_INTEGER, Number, Text, Timestamp, Wire

MOST_FAULTS = 100
LONGEST_DELAY_MS = 60_000

FaultKind: TypeAlias = Literal["unavailable", "delay", "drop"]


class ClockBody(Wire, frozen=True, kw_only=True):
    """The moment that it is to be for the account from now on."""

    now: Annotated[datetime, Meta(description="Between the years 2000 and 8999.")]


class AdvanceBody(Wire, frozen=True, kw_only=True):
    """How far the account's clock goes ahead."""

    seconds: Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class SandboxClock(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """The account's clock."""

    now: Timestamp
    offset_seconds: Annotated[Number, Meta(description="Its time minus the real time.")]
    moved: bool


class SeedBody(Wire, frozen=True, kw_only=True):
    """What the ids of the account are made from."""

    seed: Annotated[str, Meta(min_length=1, max_length=255)]


class SandboxSeed(Wire, frozen=True, kw_only=True):
    """The seed; absent where there was none."""

    seed: Text | None = None


class PlannedFault(Wire, frozen=True, kw_only=True):
    """Something that goes wrong with the next requests it is meant for."""

    kind: Annotated[
        FaultKind,
        Meta(
            description=(
                "unavailable: 503 before anything is done. delay: wait first. drop: do it, then "
                "close the connection without an answer."
            )
        ),
    ]
    times: Annotated[int, Meta(ge=1, le=1_000, description="For so many requests.")] = 1
    milliseconds: Annotated[
        Annotated[int, Meta(ge=0, le=LONGEST_DELAY_MS)] | None,
        Meta(description="How long a delay takes."),
    ] = None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None
    path_contains: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class FaultsBody(Wire, frozen=True, kw_only=True):
    """All faults that are to come, in their order."""

    faults: Annotated[tuple[PlannedFault, ...], Meta(max_length=MOST_FAULTS)]


class SandboxFaults(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """The faults that are still to come."""

    faults: tuple[PlannedFault, ...]


class Emptied(Wire, frozen=True, kw_only=True, omit_defaults=False):
    """How much a reset took away."""

    documents: Annotated[int, Meta(description="Drafts, orders, rules, refs, subscriptions ...")]
