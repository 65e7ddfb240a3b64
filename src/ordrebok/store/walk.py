"""A walk through all orders of an account, from the oldest to the newest.

It goes page by page, each page one short look at one moment: no page holds a database up, and
however many orders there are, one page is all that is held.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ordrebok.decision import LedgerEntry
from ordrebok.orders.whole import WholeOrder

FIRST_PAGE: Final = 50
LARGEST_PAGE: Final = 500
PAGE_BYTES: Final = 4 * 1024 * 1024
"""Pages are made so long that they hold about this much."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Orders to read in bulk, oldest first."""

    account_id: str
    order_id: str | None = None
    """Only this one."""
    since_ms: int | None = None
    """Only those made at this moment or later ..."""
    until_ms: int | None = None
    """... and before this one."""
    after: tuple[int, str] | None = None
    """Position of the last order of the page before: (created_ms, order_id)."""
    limit: int = FIRST_PAGE
    words: Callable[[bytes], frozenset[str]] | None = None
    """Says by which words a document should be found: those of them that are there come along."""
    entries: Callable[[bytes], tuple[LedgerEntry, ...]] | None = None
    """Says which rows of the payout ledger a document should have: the same for them."""


class Walkable(Protocol):
    """What walks: a store."""

    async def walk(self, walk: Walk) -> Sequence[WholeOrder]:
        """Return one page."""


async def walked(store: Walkable, walk: Walk) -> AsyncIterator[WholeOrder]:
    """Go through all orders of a walk, in pages that hold about the same amount each.

    Keeps: an order that was there at the beginning and keeps its moment comes exactly once.
    """
    while True:
        page = await store.walk(walk)
        for order in page:
            yield order
        if len(page) < walk.limit:
            return
        size = sum(_size(order) for order in page)
        fitting = walk.limit * PAGE_BYTES // max(size, 1)
        last = page[-1]
        walk = replace(
            walk,
            after=(last.created_ms, last.order_id),
            limit=max(1, min(fitting, 2 * walk.limit, LARGEST_PAGE)),
        )


def _size(order: WholeOrder) -> int:
    """Return about how many bytes an order takes."""
    return len(order.body) + sum(len(event.body) for event in order.events)
