"""A store whose commits are decided at the time of the account that they are of."""

from typing import Any

from ordrebok.decision import Commit, Outcome
from ordrebok.refusals import Refusal
from ordrebok.sandbox.clocks import Clocks
from ordrebok.sandbox.seeing import inside
from ordrebok.store.interface import Store


class DatedStore:
    """The store of a server with sandboxes, for what it does by itself: expiry, deliveries.

    What requests ask for goes past this: they know their account also where a commit names no key.
    """

    def __init__(self, inner: Store, clocks: Clocks) -> None:
        """Take the store itself, and the clocks."""
        self.inner = inner
        self._clocks = clocks

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the store has
        """Return what the store itself has."""
        return getattr(self.inner, name)

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision at the time of the account of its first key."""
        offset_ms = self._clocks.offset_ms(commit.keys[0].account_id) if commit.keys else 0
        return await self.inner.commit(inside(commit, offset_ms, None) if offset_ms else commit)
