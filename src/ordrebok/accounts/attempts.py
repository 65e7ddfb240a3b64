"""A memory of failed token requests, so that a wrong secret is not tried without end."""

from collections import deque
from typing import Final

LIMIT: Final = 20
WINDOW_MS: Final = 60_000
MOST_CLIENTS: Final = 10_000
MOST_CHARACTERS: Final = 255


class Attempts:
    """Failures per account and client id, in this process.

    Only failures are counted and only failures are slowed down. A right secret is always taken,
    or whoever knows a client's id could keep it out; and secrets are too long to be guessed.
    """

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[int]] = {}

    def failed(self, account_id: str, client_id: str, now_ms: int) -> int | None:
        """Note a failure; return for how many seconds further ones are refused with 429, or None.

        Keeps: at most 20 failures a minute are answered as such; memory stays bounded.
        """
        # Whoever asks chooses the name, so a long one is not kept whole.
        key = (account_id, client_id[:MOST_CHARACTERS])
        times = self._failures.pop(key, None) or deque(maxlen=LIMIT)
        self._failures[key] = times  # At the end again: the front is the oldest.
        if len(self._failures) > MOST_CLIENTS:
            del self._failures[next(iter(self._failures))]
        if len(times) == LIMIT:
            left_ms = times[0] + WINDOW_MS - now_ms
            if left_ms > 0:
                return -(-left_ms // 1000)
        times.append(now_ms)
        return None
