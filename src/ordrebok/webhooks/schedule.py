"""When a delivery is tried again, when it is given up, and when a subscription is paused.

Pure: the time and the chance are given. Times are in milliseconds.
"""

from typing import Final, Literal

WAITS_S: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
"""Seconds after the first, second, ... attempt that failed."""

LONGEST_WAIT_S: Final = 43_200
"""Seconds after every later one: twice a day."""

GIVEN_UP_AFTER_MS: Final = 3 * 24 * 3_600 * 1_000
"""Three days, for a delivery since its first attempt and for a subscription without success."""

LONGEST_BACKOFF_S: Final = 3_600
_DOUBLINGS: Final = 12
"""One second, doubled so often, is longer than the longest back-off."""

Verdict = Literal["delivered", "ignored", "failed", "gone"]
_SUCCESS: Final = range(200, 300)
_MEANT: Final[dict[int, Verdict]] = {400: "ignored", 410: "gone"}


def verdict(status: int | None) -> Verdict:
    """Return what a receiver's answer means; None: there was none.

    delivered: 2xx. ignored: 400, by which a receiver says that it does not want this one again.
    gone: 410, by which it ends the subscription. failed: all else, redirects included.
    Source: neighbours 6.4.
    """
    if status is None:
        return "failed"
    if status in _SUCCESS:
        return "delivered"
    return _MEANT.get(status, "failed")


def wait_ms(attempts: int, chance: float) -> int:
    """Return how long to wait after the `attempts`-th failed attempt, a fifth more or less.

    `chance` is a random number from 0 to 1: receivers that failed together are not tried again
    together.
    """
    index = attempts - 1
    seconds = WAITS_S[index] if index < len(WAITS_S) else LONGEST_WAIT_S
    return int(seconds * _spread(chance))


def next_attempt_ms(first_ms: int, now_ms: int, attempts: int, chance: float) -> int | None:
    """Return when a delivery is tried again after a failure now; None: it is given up.

    The last attempt is made three days after the first one.
    Source: decisions, webhooks 2.
    """
    last_ms = first_ms + GIVEN_UP_AFTER_MS
    return None if now_ms >= last_ms else min(now_ms + wait_ms(attempts, chance), last_ms)


def is_failing_for_good(failing_since_ms: int | None, now_ms: int) -> bool:
    """Tell whether a subscription is paused: three days of failures, and no success between.

    `failing_since_ms` is the first failure after the last success, None while there is none.
    """
    return failing_since_ms is not None and now_ms - failing_since_ms >= GIVEN_UP_AFTER_MS


def backoff_ms(failures: int, chance: float) -> int:
    """Return how long a whole subscription rests after `failures` failed attempts in a row.

    One second after the first, twice as long after each further one, at most an hour; a fifth
    more or less.
    """
    if failures == 0:
        return 0
    seconds = min(1 << min(failures - 1, _DOUBLINGS), LONGEST_BACKOFF_S)
    return int(seconds * _spread(chance))


def _spread(chance: float) -> float:
    """Return the milliseconds of a second, from a fifth less to a fifth more."""
    return 800 + 400 * chance
