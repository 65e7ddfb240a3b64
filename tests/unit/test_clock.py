"""A moment is one thing in two forms, the text of answers and a number to sort by."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ordrebok import clock
from ordrebok.clock import Instant, instant, milliseconds


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_795_198_333_123, "2026-11-20T18:12:13.123Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_has_a_text_and_a_number(ms: int, text: str) -> None:
    """Both forms say the same, and each can be had from the other."""
    assert instant(ms) == Instant(text, ms)
    assert Instant.of(text) == Instant(text, ms)


def test_seconds_later_is_exact() -> None:
    """A hundred years of seconds lose no millisecond."""
    begin = Instant.of("2026-11-20T18:12:13.123Z")
    assert begin.plus(86_400).text == "2026-11-21T18:12:13.123Z"
    assert begin.plus(3_155_760_000).ms == begin.ms + 3_155_760_000_000


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, 0, 0, 1), 1_000),  # noqa: DTZ001 -- the case without a zone
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000),
        (datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1))), 1_000),
        (datetime(1970, 1, 1, 0, 0, 0, 1_999, tzinfo=UTC), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
    ],
)
def test_a_moment_without_a_zone_is_in_utc(moment: datetime, expected: int) -> None:
    """Zones are honoured where given, and less than a millisecond does not count."""
    assert milliseconds(moment) == expected


def test_texts_sort_as_the_moments_do() -> None:
    """Lists may compare the texts: they have all the same length."""
    moments = [instant(ms) for ms in (0, 999, 1_000, 86_400_000, 1_795_198_333_123)]
    assert [moment.text for moment in moments] == sorted(moment.text for moment in moments)


def test_now_is_the_present() -> None:
    """The one place that reads the machine's clock reads it to the millisecond."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    seen = datetime.fromisoformat(clock.now().text)
    assert before <= seen <= datetime.now(UTC)
