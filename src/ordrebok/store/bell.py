"""Tells those who wait for an account's log that it has grown."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

FOLLOWING: Final = "*"
"""Rung like an account, when somebody may have begun to follow a log, or to be followed."""


class Bell:
    """Rung by the writers of this process; what other processes write does not ring it."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._silent = False
        self._ears: dict[str, set[Ear]] = {}

    def is_silent(self) -> bool:
        """Tell whether the server is about to end: nobody should wait any longer."""
        return self._silent

    @contextmanager
    def listening(self, account_id: str, ear: "Ear") -> Iterator[None]:
        """Let an ear hear from here on whether the account's log has grown."""
        self._ears.setdefault(account_id, set()).add(ear)
        try:
            yield
        finally:
            ears = self._ears[account_id]
            ears.discard(ear)
            if not ears:
                del self._ears[account_id]

    def ring(self, accounts: Iterable[str]) -> None:
        """Wake up all who listen for one of these accounts."""
        if not self._ears:
            return
        for account_id in set(accounts):
            for ear in self._ears.get(account_id, ()):
                ear.heard.set()

    def fall_silent(self) -> None:
        """Wake up everybody, and let nobody wait again."""
        self._silent = True
        for ears in self._ears.values():
            for ear in ears:
                ear.heard.set()


class Ear:
    """One who listens; what rings while it looks elsewhere is not lost."""

    def __init__(self, bell: Bell) -> None:
        """Listen to a bell."""
        self.heard = asyncio.Event()
        self._bell = bell
        self._left = False

    def leave(self) -> None:
        """Listen no longer: the one for whom this listens has gone."""
        self._left = True
        self.heard.set()

    def has_left(self) -> bool:
        """Tell whether waiting has no sense any more, for this one or for everybody."""
        return self._left or self._bell.is_silent()

    async def rung(self, seconds: float) -> bool:
        """Wait until the bell rings, or has rung since the last time, but only so long.

        Returns: whether it was the bell that ended the waiting.
        """
        if self.has_left():
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.heard.wait()
        except TimeoutError:
            return False
        self.heard.clear()
        return True
