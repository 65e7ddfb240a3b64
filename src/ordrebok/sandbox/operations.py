"""The API's rows of this room: the sandbox of a test account."""

from collections.abc import Awaitable, Callable
from typing import cast

from ordrebok.decision import Call
from ordrebok.operation import READ, WRITE, Operation, Plan, Play
from ordrebok.refusals import Refusal
from ordrebok.sandbox.boxes import Boxes
from ordrebok.sandbox.rules import refusal_of
from ordrebok.wire.base import encode
from ordrebok.wire.sandbox import (
    AdvanceBody,
    ClockBody,
    Emptied,
    FaultsBody,
    SandboxClock,
    SandboxFaults,
    SandboxSeed,
    SeedBody,
)


def plan_clock(call: Call) -> Plan:
    """Plan to read the clock."""
    return _play(call, lambda boxes: _now(boxes.clock(call.account_id)))


def plan_clock_change(call: Call) -> Plan:
    """Plan to set the clock."""
    wanted = call.body_as(ClockBody).now
    return _play(call, lambda boxes: boxes.set_clock(call.account_id, wanted))


def plan_advance(call: Call) -> Plan:
    """Plan to let time pass."""
    seconds = call.body_as(AdvanceBody).seconds
    return _play(call, lambda boxes: boxes.advance(call.account_id, seconds))


def plan_clock_deletion(call: Call) -> Plan:
    """Plan to go back to the real time."""
    return _play(call, lambda boxes: boxes.right_clock(call.account_id))


def plan_reset(call: Call) -> Plan:
    """Plan to empty the account."""
    return _play(call, lambda boxes: boxes.reset(call.account_id))


def plan_faults(call: Call) -> Plan:
    """Plan to read the faults that are to come."""
    return _play(call, lambda boxes: _now(boxes.faults(call.account_id)))


def plan_faults_change(call: Call) -> Plan:
    """Plan to replace the faults that are to come."""
    faults = call.body_as(FaultsBody).faults
    return _play(call, lambda boxes: boxes.set_faults(call.account_id, faults))


def plan_faults_deletion(call: Call) -> Plan:
    """Plan to let no more faults come."""
    return _play(call, lambda boxes: boxes.drop_faults(call.account_id))


def plan_seed(call: Call) -> Plan:
    """Plan to draw ids from a seed."""
    seed = call.body_as(SeedBody).seed
    return _play(call, lambda boxes: boxes.set_seed(call.account_id, seed))


def plan_seed_deletion(call: Call) -> Plan:
    """Plan to draw random ids again."""
    return _play(call, lambda boxes: boxes.drop_seed(call.account_id))


def _play(call: Call, act: Callable[[Boxes], Awaitable[object]]) -> Plan:
    """Return the plan that does something with the sandboxes and writes the result as JSON.

    Refuses: NO_SANDBOX, then what is done refuses.
    """

    async def run(boxes: object) -> bytes | Refusal:
        """Do it; there are no sandboxes where none are served."""
        refusal = refusal_of(call.account_id, served=boxes is not None)
        if refusal is not None:
            return refusal
        result = await act(cast("Boxes", boxes))
        return result if isinstance(result, Refusal) else encode(result)

    return Play(run)


async def _now(result: object) -> object:
    """Return what needs no waiting for."""
    return result


TAG = "Sandbox"
ROOT = "/accounts/{aid}/sandbox"
REFUSALS = ("NO_SANDBOX",)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="aid_sandbox_clock_get",
        method="GET",
        path=f"{ROOT}/clock",
        summary="Read the account's clock",
        tag=TAG,
        plan=plan_clock,
        answer=SandboxClock,
        scopes=READ,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_clock_put",
        method="PUT",
        path=f"{ROOT}/clock",
        summary="Set the account's clock",
        description="It ticks on from there. It may be set back, too.",
        tag=TAG,
        plan=plan_clock_change,
        body=ClockBody,
        answer=SandboxClock,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_clock_advance_post",
        method="POST",
        path=f"{ROOT}/clock/advance",
        summary="Let time pass",
        tag=TAG,
        plan=plan_advance,
        body=AdvanceBody,
        answer=SandboxClock,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_clock_delete",
        method="DELETE",
        path=f"{ROOT}/clock",
        summary="Go back to the real time",
        description="The answer is the clock as it then is.",
        tag=TAG,
        plan=plan_clock_deletion,
        answer=SandboxClock,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_reset_post",
        method="POST",
        path=f"{ROOT}/reset",
        summary="Empty the account",
        description=(
            "Everything written below the account is gone, for good; the account, its clients and "
            "grants stay, and so do clock, seed and faults. Discounts, payout rules and "
            "subscriptions go, too: that takes the scope for everything."
        ),
        tag=TAG,
        plan=plan_reset,
        answer=Emptied,
        scopes=("admin:shopping",),
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_faults_get",
        method="GET",
        path=f"{ROOT}/faults",
        summary="Read the faults that are to come",
        tag=TAG,
        plan=plan_faults,
        answer=SandboxFaults,
        scopes=READ,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_faults_put",
        method="PUT",
        path=f"{ROOT}/faults",
        summary="Plan faults",
        description=(
            "Each request of the account meets the first fault that is meant for it, and uses it "
            "up. Requests below `/sandbox/` and `/auth/` meet none."
        ),
        tag=TAG,
        plan=plan_faults_change,
        body=FaultsBody,
        answer=SandboxFaults,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_faults_delete",
        method="DELETE",
        path=f"{ROOT}/faults",
        summary="Let no more faults come",
        tag=TAG,
        plan=plan_faults_deletion,
        answer=SandboxFaults,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_seed_put",
        method="PUT",
        path=f"{ROOT}/seed",
        summary="Draw ids from a seed",
        description="After a reset, the same requests in the same order get the same ids.",
        tag=TAG,
        plan=plan_seed,
        body=SeedBody,
        answer=SandboxSeed,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
    Operation(
        id="aid_sandbox_seed_delete",
        method="DELETE",
        path=f"{ROOT}/seed",
        summary="Draw random ids again",
        tag=TAG,
        plan=plan_seed_deletion,
        answer=SandboxSeed,
        scopes=WRITE,
        refusals=REFUSALS,
    ),
)
