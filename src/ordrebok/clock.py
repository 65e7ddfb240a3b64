"""The time of a decision: read once by the store, passed in to the rules."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(NamedTuple):
    """One moment, to the millisecond, in both forms that are needed: JSON text and a number."""

    text: str
    """ISO 8601 in UTC with milliseconds, as answers print it."""
    ms: int
    """Milliseconds since 1970-01-01, as lists sort and filter by it."""

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(text: str) -> "Instant":
        """Return the moment that a server-made text says; the same few come again and again."""
        return Instant(text, milliseconds(datetime.fromisoformat(text)))

    def plus(self, seconds: int) -> "Instant":
        """Return the moment `seconds` later."""
        return instant(self.ms + seconds * 1000)


def instant(ms: int) -> Instant:
    """Return the moment that lies `ms` milliseconds after 1970-01-01T00:00:00Z."""
    second, rest = divmod(ms, 1000)
    return Instant(f"{_second(second)}.{rest:03d}Z", ms)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Return a second as text; the present one is asked for again and again."""
    # timedelta arithmetic is exact; a float timestamp would round.
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970 of a moment; one without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def now() -> Instant:
    """Return the present moment of the machine's clock."""
    return instant(time.time_ns() // 1_000_000)
