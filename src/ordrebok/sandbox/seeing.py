"""A decision inside a sandbox: it sees the account's own time, and draws ids from the seed."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from ordrebok.clock import instant
from ordrebok.decision import Commit, Decision, Key, State
from ordrebok.refusals import Refusal, refuse


class Ticket(NamedTuple):
    """What the ids of one request are made from: no two requests have the same."""

    seed: str
    number: int

    def id_at(self, position: int) -> str:
        """Return the request's id at a position, in the form of a random UUID."""
        text = f"{self.seed}\n{self.number}\n{position}".encode("utf-8", "surrogatepass")
        digits = hashlib.sha256(text).hexdigest()
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
        )


class Seen:
    """The state that a decision looks at, at another time and with other ids."""

    def __init__(self, state: State, offset_ms: int, ticket: Ticket | None) -> None:
        """Look at a state; without a ticket, ids are random as everywhere."""
        self._state = state
        self._ticket = ticket
        self._drawn: list[str] = []
        self.now = instant(state.now.ms + offset_ms) if offset_ms else state.now

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever else a state has
        """Return what the state itself has."""
        return getattr(self._state, name)

    def new_id(self) -> str:
        """Return a new id; a second run of the decision gets the same ones."""
        if self._ticket is None:
            return self._state.new_id()
        self._drawn.append(self._ticket.id_at(len(self._drawn)))
        return self._drawn[-1]

    def is_taken(self, key: Key) -> bool:
        """Tell whether something stands already where a new document would, by a drawn id."""
        return key.id in self._drawn and self._state.version(key) > 0


def inside(commit: Commit, offset_ms: int, ticket: Ticket | None) -> Commit:
    """Return a commit that decides at the account's own time, with ids drawn by a ticket.

    Random ids are never taken, and rules do not ask. Drawn ones are, when something was written
    during a reset: that is refused.
    """
    decide: Callable[[State], Decision | Refusal] = commit.decide

    def decide_inside(state: State) -> Decision | Refusal:
        """Decide."""
        seen = Seen(state, offset_ms, ticket)
        decision = decide(cast("State", seen))
        if isinstance(decision, Refusal):
            return decision
        if any(put.version == 1 and seen.is_taken(put.key) for put in decision.puts):
            return refuse("ID_TAKEN")
        return decision

    return replace(commit, decide=decide_inside)
