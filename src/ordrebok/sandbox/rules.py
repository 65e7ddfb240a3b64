"""What a sandbox allows, where its clock can stand, and which request a fault is meant for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from ordrebok.clock import Instant, instant, milliseconds
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.sandbox import PlannedFault, SandboxClock

EARLIEST: Final = Instant.of("2000-01-01T00:00:00.000Z")
LATEST: Final = Instant.of("8999-12-31T23:59:59.999Z")
"""A hundred years later, which is the longest an order is kept, there still are dates."""


def has_sandbox(account_id: str) -> bool:
    """Tell whether an account may have a sandbox: test accounts may, and no others."""
    return account_id.startswith("T")


def refusal_of(account_id: str, *, served: bool) -> Refusal | None:
    """Return why an account has no sandbox here, or None.

    Refuses: NO_SANDBOX.
    """
    if not has_sandbox(account_id):
        return Refusal("NO_SANDBOX", "Only accounts beginning with T have a sandbox")
    if not served:
        return Refusal("NO_SANDBOX", "This server was started without a sandbox")
    return None


def offset_to(wanted: datetime, now: Instant) -> int | Refusal:
    """Return by how many milliseconds the clock must be moved to show a moment.

    A moment without a zone is in UTC.

    Refuses: INVALID_REQUEST_PARAMETER.
    """
    try:
        wanted_ms = milliseconds(wanted)
    except OverflowError:  # Its zone leads out of all years there are.
        return out_of_range("now")
    if not EARLIEST.ms <= wanted_ms <= LATEST.ms:
        return out_of_range("now")
    return wanted_ms - now.ms


def most_offset_ms(now: Instant) -> int:
    """Return how far ahead a clock may be."""
    return LATEST.ms - now.ms


def shown(offset_ms: int, now: Instant) -> SandboxClock:
    """Return a clock as it is answered; `now` is the real time."""
    whole, rest = divmod(offset_ms, 1000)
    return SandboxClock(
        now=instant(now.ms + offset_ms).text,
        offset_seconds=offset_ms / 1000 if rest else whole,
        moved=offset_ms != 0,
    )


def faults_refusal(faults: Sequence[PlannedFault]) -> Refusal | None:
    """Return what is wrong with planned faults beside their form, or None.

    Refuses: INVALID_REQUEST_PARAMETER.
    """
    found = tuple(
        Fault(
            "OBJECT_MISSING_REQUIRED_PROPERTY",
            "a delay needs milliseconds",
            ("faults", index, "milliseconds"),
            "how long the delay takes",
        )
        for index, fault in enumerate(faults)
        if fault.kind == "delay" and fault.milliseconds is None
    )
    return Refusal("INVALID_REQUEST_PARAMETER", faults=found) if found else None


def taken(
    faults: Sequence[PlannedFault], method: str, path: str
) -> tuple[PlannedFault, tuple[PlannedFault, ...]] | None:
    """Return the first fault that is meant for a request, and those that are left after it."""
    for index, fault in enumerate(faults):
        if fault.method not in (None, method) or (fault.path_contains or "") not in path:
            continue
        left = (replace(fault, times=fault.times - 1),) if fault.times > 1 else ()
        return fault, (*faults[:index], *left, *faults[index + 1 :])
    return None


def out_of_range(name: str) -> Refusal:
    """Return the refusal of what would move a clock out of its range.

    Refuses: INVALID_REQUEST_PARAMETER.
    """
    fault = Fault(
        "OUT_OF_RANGE",
        "the clock would leave its range",
        (name,),
        f"a moment from {EARLIEST.text} to {LATEST.text}",
    )
    return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))
