"""The rules of the sandbox: where a clock can stand, whom a fault is meant for, which ids."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest

from ordrebok.clock import Instant, instant
from ordrebok.decision import Commit, Decision, Key, Put, State
from ordrebok.refusals import Refusal
from ordrebok.sandbox import rules
from ordrebok.sandbox.clocks import Clocks
from ordrebok.sandbox.seeing import Ticket, inside
from ordrebok.wire.sandbox import PlannedFault
from tests.support.builders import ACCOUNT, NOW, FakeState, a_draft

AWAY = PlannedFault(kind="unavailable")
DROPPED_POSTS = PlannedFault(kind="drop", method="POST", times=2)
SLOW_ORDERS = PlannedFault(kind="delay", milliseconds=5, path_contains="/orders")


# ------------------------------------------------------------------------------- the rules


def test_only_test_accounts_have_a_sandbox() -> None:
    """And only where one is served."""
    assert rules.refusal_of("T12345678", served=True) is None
    for account_id, served in (("P12345678", True), ("P12345678", False), ("T12345678", False)):
        refusal = rules.refusal_of(account_id, served=served)
        assert refusal is not None
        assert (refusal.code, refusal.status) == ("NO_SANDBOX", 403)


def test_a_clock_is_moved_by_the_difference_to_the_real_time() -> None:
    """Whatever zone the moment is given in; without one it is in UTC."""
    later = datetime.fromisoformat(NOW.text) + timedelta(hours=1)
    elsewhere = timezone(timedelta(hours=8))
    for wanted in (later, later.replace(tzinfo=None), later.astimezone(elsewhere)):
        assert rules.offset_to(wanted, NOW) == 3_600_000
    assert rules.offset_to(later - timedelta(hours=2), NOW) == -3_600_000


@pytest.mark.parametrize(
    "wanted",
    [
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9000, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=12))),
    ],
)
def test_a_clock_cannot_be_moved_out_of_its_range(wanted: datetime) -> None:
    """Also not to where a zone leads out of all years that there are."""
    refusal = rules.offset_to(wanted, NOW)
    assert isinstance(refusal, Refusal)
    assert [fault.path for fault in refusal.faults] == [("now",)]


def test_a_clock_that_was_moved_by_milliseconds_says_so() -> None:
    """Whole seconds are a whole number."""
    assert rules.shown(1_500, NOW).offset_seconds == 1.5
    shown = rules.shown(-2_000, NOW)
    assert (shown.offset_seconds, type(shown.offset_seconds)) == (-2, int)
    assert (shown.now, shown.moved) == (instant(NOW.ms - 2_000).text, True)


def test_a_fault_is_taken_once_for_each_time() -> None:
    """The first that is meant for the request; the others stay in their order."""
    faults = (DROPPED_POSTS, SLOW_ORDERS, AWAY)
    taken = rules.taken(faults, "POST", "/x")
    assert taken is not None
    assert (taken[0], [left.times for left in taken[1]]) == (DROPPED_POSTS, [1, 1, 1])
    assert rules.taken(taken[1], "POST", "/orders") == (taken[1][0], (SLOW_ORDERS, AWAY))
    assert rules.taken(faults, "GET", "/orders") == (SLOW_ORDERS, (DROPPED_POSTS, AWAY))
    assert rules.taken(faults, "GET", "/x") == (AWAY, (DROPPED_POSTS, SLOW_ORDERS))
    assert rules.taken((DROPPED_POSTS, SLOW_ORDERS), "GET", "/x") is None
    assert rules.taken((), "GET", "/x") is None


# -------------------------------------------------------------------------------- the clocks


def test_clocks_are_moved_by_account() -> None:
    """Those that are not, show the machine's own moment, as it is."""
    clocks = Clocks(lambda: NOW)
    clocks.move({"T1": 1_000, "T2": 0})
    assert clocks.now_for("T1") == instant(NOW.ms + 1_000)
    assert clocks.now_for("T2") is NOW
    assert dict(clocks.moved()) == {"T1": 1_000}
    clocks.move({})
    assert clocks.now_for("T1") is NOW


def test_who_waits_is_woken_when_a_clock_moves() -> None:
    """And not when everything stays as it was."""

    async def run() -> None:
        clocks = Clocks(lambda: NOW)
        waiting = asyncio.create_task(clocks.pause(3_600))
        await asyncio.sleep(0)
        clocks.move({"T1": 0})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        clocks.move({"T1": 1})
        await asyncio.wait_for(waiting, 30)
        await clocks.pause(0)

    asyncio.run(run())


# ----------------------------------------------------------------------------- the decisions


def test_ids_follow_from_seed_number_and_position() -> None:
    """They look like random ones, and none is like another."""
    tickets = [Ticket(seed, number) for seed in ("a", "a\n1", "æ\ud800") for number in (1, 2, 11)]
    ids = [ticket.id_at(position) for ticket in tickets for position in range(12)]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(each)) == each for each in ids)
    assert {(UUID(each).version, UUID(each).variant) for each in ids} == {(4, RFC_4122)}
    assert Ticket("a", 1).id_at(0) == ids[0]


def drawing(seen: list[tuple[Instant, str, str]]) -> Commit:
    """A commit that notes what it sees."""

    def decide(state: State) -> Decision | Refusal:
        seen.append((state.now, state.new_id(), state.new_id()))
        return Decision((), b"")

    return Commit((), decide)


def test_a_decision_sees_the_time_and_the_ids_of_its_sandbox() -> None:
    """The same ones when it runs again; without a ticket the state's own."""
    seen: list[tuple[Instant, str, str]] = []
    ticket = Ticket("seed", 1)
    commit = inside(drawing(seen), 1_000, ticket)
    for _ in range(2):
        commit.run(FakeState())
    assert seen == [(instant(NOW.ms + 1_000), ticket.id_at(0), ticket.id_at(1))] * 2
    inside(drawing(seen), 0, None).run(FakeState())
    assert seen[-1] == (NOW, "id-1", "id-2")


def test_a_drawn_id_that_is_taken_is_refused() -> None:
    """It can be so only of what was written during a reset."""
    ticket = Ticket("seed", 1)
    draft = a_draft(draft_id=ticket.id_at(0))

    def decide(state: State) -> Decision | Refusal:
        key = Key(ACCOUNT, "draft", state.new_id())
        put = Put(key, 1, draft, b"", b"", "event", "open", 0, 0)
        return Decision((put,), b"")

    commit = inside(Commit((), decide), 0, ticket)
    assert isinstance(commit.run(FakeState()), Decision)
    refusal = commit.run(FakeState(draft))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "ID_TAKEN"
