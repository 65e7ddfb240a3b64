"""Tells those who wait for an account's log that it has grown."""

import asyncio
from collections.abc import Iterable


class Bell:
    """Rung by the writers of this process; what other processes write does not ring it."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._everybody: set[asyncio.Event] = set()

    def ring(self, accounts: Iterable[str]) -> None:
        """Wake up all who wait for one of these accounts."""
        if not (self._waiting or self._everybody):
            return
        for event in self._everybody:
            event.set()
        for account_id in accounts:
            for event in self._waiting.get(account_id, ()):
                event.set()

    async def wait(self, account_id: str | None, seconds: float) -> bool:
        """Wait until the account's log has grown (None: anyone's), at most so long.

        Returns: whether it was the bell that ended the waiting.
        """
        event = asyncio.Event()
        waiting = (
            self._everybody if account_id is None else self._waiting.setdefault(account_id, set())
        )
        waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            waiting.discard(event)
            if account_id is not None and not waiting:
                self._waiting.pop(account_id, None)
