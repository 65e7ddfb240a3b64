"""What the rules of the sandbox ask of storage."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ordrebok.sandbox.seeing import Ticket
from ordrebok.wire.sandbox import Emptied, PlannedFault


class Box(NamedTuple):
    """The sandbox of one account."""

    offset_ms: int = 0
    seed: str | None = None
    faults: tuple[PlannedFault, ...] = ()


class SandboxBook(Protocol):
    """The sandboxes of all accounts. Every method may raise StoreUnavailable."""

    async def boxes(self) -> Mapping[str, Box]:
        """Return every sandbox in which something is set."""

    async def set_offset(self, account_id: str, offset_ms: int) -> None:
        """Move an account's clock to so many milliseconds from the real time."""

    async def add_offset(self, account_id: str, more_ms: int, *, most_ms: int) -> int | None:
        """Move an account's clock on; return where it is then, or None if that is above `most_ms`.

        Keeps: of several at once, none is lost.
        """

    async def set_seed(self, account_id: str, seed: str | None) -> None:
        """Let ids be drawn from a seed, or be random again."""

    async def next_ticket(self, account_id: str) -> Ticket | None:
        """Return the next ticket of an account, never given before since its last reset.

        None where there is no seed.
        """

    async def upcoming_ticket(self, account_id: str) -> Ticket | None:
        """Return the ticket that would be next, and stays it."""

    async def set_faults(self, account_id: str, faults: tuple[PlannedFault, ...]) -> None:
        """Replace the faults that are to come."""

    async def swap_faults(
        self,
        account_id: str,
        before: tuple[PlannedFault, ...],
        after: tuple[PlannedFault, ...],
    ) -> bool:
        """Replace the faults, if they still are those; tell whether they were."""

    async def empty(self, account_id: str) -> Emptied:
        """Take away all that the account has written, and count tickets from the start.

        Keeps: the account, its clients and grants, and what is set in its sandbox; transactions are
        short. What is written meanwhile is taken away, or stays whole.
        """
