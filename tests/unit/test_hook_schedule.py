"""When a delivery is tried again, when it is given up, and when a subscription rests."""

import pytest

from ordrebok.webhooks.schedule import (
    GIVEN_UP_AFTER_MS,
    backoff_ms,
    is_failing_for_good,
    next_attempt_ms,
    verdict,
    wait_ms,
)

FIRST_MS = 1_800_000_000_000
MIDDLE = 0.5
"""The chance that adds and takes nothing."""


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [
        (1, 5),
        (2, 30),
        (3, 120),
        (4, 600),
        (5, 1_800),
        (6, 3_600),
        (7, 7_200),
        (8, 14_400),
        (9, 28_800),
        (10, 43_200),
        (11, 43_200),
        (1_000_000, 43_200),
    ],
)
def test_the_waits_grow(attempts: int, seconds: int) -> None:
    """From five seconds to twice a day, a fifth more or less by chance."""
    assert wait_ms(attempts, MIDDLE) == seconds * 1_000
    assert wait_ms(attempts, 0.0) == seconds * 800
    assert wait_ms(attempts, 1.0) == seconds * 1_200


def test_a_delivery_is_given_up_three_days_after_its_first_attempt() -> None:
    """The last attempt is made just then."""
    last = FIRST_MS + GIVEN_UP_AFTER_MS
    assert next_attempt_ms(FIRST_MS, FIRST_MS, 1, MIDDLE) == FIRST_MS + 5_000
    assert next_attempt_ms(FIRST_MS, last - 1, 14, 1.0) == last
    assert next_attempt_ms(FIRST_MS, last, 15, MIDDLE) is None
    assert next_attempt_ms(FIRST_MS, last + 1, 15, MIDDLE) is None


@pytest.mark.parametrize("chance", [0.0, MIDDLE, 1.0])
def test_a_receiver_that_is_down_for_three_days_sees_few_attempts(chance: float) -> None:
    """A dozen or so: nobody is hammered, and nobody is forgotten."""
    now, attempts = FIRST_MS, 1
    while (later := next_attempt_ms(FIRST_MS, now, attempts, chance)) is not None:
        assert later > now
        now, attempts = later, attempts + 1
    assert now == FIRST_MS + GIVEN_UP_AFTER_MS
    assert 12 <= attempts <= 18


def test_a_subscription_is_failing_for_good_after_three_days_without_success() -> None:
    """One success between, and the three days begin anew."""
    assert not is_failing_for_good(None, FIRST_MS)
    assert not is_failing_for_good(FIRST_MS, FIRST_MS + GIVEN_UP_AFTER_MS - 1)
    assert is_failing_for_good(FIRST_MS, FIRST_MS + GIVEN_UP_AFTER_MS)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 1), (2, 2), (3, 4), (12, 2_048), (13, 3_600), (14, 3_600), (10_000, 3_600)],
)
def test_a_subscription_rests_longer_with_each_failure_in_a_row(
    failures: int, seconds: int
) -> None:
    """From a second, doubling, to an hour."""
    assert backoff_ms(failures, MIDDLE) == seconds * 1_000
    assert backoff_ms(failures, 0.0) == seconds * 800
    assert backoff_ms(failures, 1.0) == seconds * 1_200


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (199, "failed"),
        (301, "failed"),
        (307, "failed"),
        (400, "ignored"),
        (401, "failed"),
        (404, "failed"),
        (410, "gone"),
        (429, "failed"),
        (500, "failed"),
        (None, "failed"),
    ],
)
def test_an_answer_means_what_receivers_are_told_it_means(status: int | None, meaning: str) -> None:
    """2xx delivered, 400 not wanted, 410 the end; all else, redirects too, a failure."""
    assert verdict(status) == meaning
