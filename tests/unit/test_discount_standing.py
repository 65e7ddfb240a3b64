"""The book of a ref: what is booked is used once, and comes back when the purchase is undone."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordrebok.discounts.compiled import CompiledRule, compiled
from ordrebok.discounts.standing import (
    NEW,
    Booking,
    Stamps,
    Standing,
    balance,
    booked,
    current_stamps,
    released,
    shortage,
)
from tests.support.discounts import a_rule

DAY_MS = 86_400_000


def ready(**about: Any) -> CompiledRule:  # noqa: ANN401 -- passed on
    """Return a rule made ready."""
    return compiled(a_rule(**about))


def test_a_booking_adds_up() -> None:
    """Use, money and bonus are counters."""
    rule = ready()
    after, _ = booked(NEW, rule, Booking(1, usage=1, amount=500, bonus=7))
    after, _ = booked(after, rule, Booking(2, usage=1, amount=300))
    assert after == Standing(usage=2, amount=800, bonus=7)


@pytest.mark.parametrize(
    ("standing", "booking", "lack"),
    [
        (Standing(usage=1), Booking(0, usage=1), None),
        (Standing(usage=2), Booking(0, usage=1), "limitation.discount_repeat_usage"),
        (Standing(usage=2), Booking(0, stamp=1), None),
    ],
)
def test_the_last_use_is_given_once(standing: Standing, booking: Booking, lack: str | None) -> None:
    """Of two purchases that count on it, the second finds it gone."""
    rule = ready(limitation={"discount_repeat_usage": 2})
    assert shortage(standing, rule, booking) == lack


def test_a_debit_never_pays_more_than_it_has() -> None:
    """Its balance is what was not used."""
    rule = ready(kind="discount_debit", value=1_000)
    assert balance(Standing(amount=400), rule) == 600
    assert shortage(Standing(amount=400), rule, Booking(0, usage=1, amount=600)) is None
    lack = shortage(Standing(amount=400), rule, Booking(0, usage=1, amount=601))
    assert lack == "statistics.debit_balance"


def test_a_reward_uses_up_the_oldest_stamps() -> None:
    """The booking remembers which, so that they can come back."""
    rule = ready(stamp=3)
    held = (Stamps(1, 2), Stamps(5, 2))
    after, booking = booked(Standing(stamp=4, held=held), rule, Booking(9, usage=1, stamp=1))
    assert after.held == (Stamps(5, 1), Stamps(9, 1))
    assert booking.spent == (Stamps(1, 2), Stamps(5, 1))
    assert after.stamp == 5
    assert released(after, booking) == Standing(stamp=4, held=held)


def test_expired_stamps_do_not_count_and_are_not_spent() -> None:
    """They are struck off when a reward is given."""
    rule = ready(stamp=2, limitation={"stamp_expire_days": 10})
    held = (Stamps(0, 5), Stamps(20 * DAY_MS, 1))
    standing = Standing(held=held)
    now = 25 * DAY_MS
    assert current_stamps(standing, rule, now) == 1
    assert shortage(standing, rule, Booking(now, usage=1)) == "requirement.stamp"
    after, booking = booked(standing, rule, Booking(now, usage=1, stamp=1))
    assert (after.held, booking.spent) == ((), (Stamps(20 * DAY_MS, 1), Stamps(now, 1)))


@settings(max_examples=100)
@given(
    held=st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=4, unique_by=lambda x: x[0]
    ),
    stamp=st.integers(0, 4),
    needed=st.integers(1, 6),
    usage=st.integers(0, 1),
)
def test_undoing_a_purchase_leaves_no_trace(
    *, held: list[tuple[int, int]], stamp: int, needed: int, usage: int
) -> None:
    """Whatever was booked, when nothing else was booked since."""
    rule = ready(stamp=needed)
    standing = Standing(stamp=99, held=tuple(Stamps(*each) for each in sorted(held)))
    wanted = Booking(10, usage=usage, amount=5, stamp=stamp)
    if shortage(standing, rule, wanted) is None:
        after, booking = booked(standing, rule, wanted)
        assert released(after, booking) == standing
