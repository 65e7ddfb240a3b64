"""Failed token requests are slowed down, and remembering them costs little."""

from ordrebok.accounts.attempts import LIMIT, MOST_CLIENTS, WINDOW_MS, Attempts


def test_the_twenty_first_failure_of_a_minute_is_refused_otherwise() -> None:
    """Twenty failures are answered as such; then the answer says how long to wait."""
    attempts = Attempts()
    assert [attempts.failed("T12345678", "c", 1000 * n) for n in range(LIMIT)] == [None] * LIMIT
    assert attempts.failed("T12345678", "c", 20_000) == 40
    assert attempts.failed("T12345678", "c", 59_999) == 1
    assert attempts.failed("T12345678", "c", WINDOW_MS) is None
    assert attempts.failed("T12345678", "c", WINDOW_MS) == 1


def test_clients_and_accounts_are_counted_apart() -> None:
    """One client's failures are none of another's."""
    attempts = Attempts()
    for _ in range(LIMIT):
        attempts.failed("T12345678", "c", 0)
    assert attempts.failed("T12345678", "c", 0) is not None
    assert attempts.failed("T12345678", "d", 0) is None
    assert attempts.failed("P12345678", "c", 0) is None


def test_memory_stays_bounded() -> None:
    """Who tries ever new names does not fill the memory; long names are cut."""
    attempts = Attempts()
    for number in range(MOST_CLIENTS + 100):
        attempts.failed("T12345678", f"{number:06d}" + "x" * 10_000, 0)
    assert len(attempts._failures) == MOST_CLIENTS
    assert max(len(name) for _, name in attempts._failures) < 300
