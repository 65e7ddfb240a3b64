"""The one door: what every storage engine offers, and nothing an engine may be excused from.

Both engines pass the same suite (tests/store). Features never see this room; the web hands
it their plans.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ordrebok.decision import Also, Commit, Key, Listing, Outcome, Page, Stored
from ordrebok.orders.whole import WholeOrder
from ordrebok.refusals import Refusal
from ordrebok.store.bell import Bell
from ordrebok.store.walk import Walk

Row = Mapping[str, Any]


class StoreUnavailable(Exception):  # noqa: N818 -- named by what it means to the caller
    """The database cannot take the request now; nothing of it was stored."""


class SchemaTooNew(Exception):  # noqa: N818 -- named by what it means to the operator
    """The database was written by a newer Ordrebok than this one."""


class SchemaTooOld(Exception):  # noqa: N818 -- named by what it means to the operator
    """The database needs `ordrebok migrate` first."""


class AlreadyServed(Exception):  # noqa: N818 -- named by what it means to the operator
    """Another server process serves this SQLite file; PostgreSQL is for several processes."""


class Store(Protocol):
    """Documents, their events, idempotency records and the book of accounts."""

    bell: Bell
    """Rings when the log of an account has grown by a commit of this process."""

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision inside the guard and store what it decided.

        Keeps: one transaction; parallel commits on one document are applied one after the
        other; when this returns an Outcome, the write is durable and visible to the next read.
        Refuses: IDEMPOTENCY_KEY_REUSED, then whatever the commit refuses.
        Raises: StoreUnavailable.
        """

    async def fetch(self, key: Key, *, with_events: bool) -> Stored | None:
        """Return a document, with its events as JSON oldest first when asked."""

    async def page(self, listing: Listing) -> Page:
        """Return one page of a listing, newest first."""

    async def query(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named reading query of queries/*.sql (parameters as `:name`)."""

    async def read(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named reading query that may take a while; nothing else waits for it."""

    async def execute(self, name: str, **params: object) -> Sequence[Row]:
        """Run a named writing query in a transaction of its own; rows of RETURNING, if any."""

    async def run(self, statements: Sequence[Also]) -> None:
        """Run named writing statements in one transaction, in their order.

        Raises: StoreUnavailable.
        """

    async def sweep_idempotency(self, account_id: str, before_ms: int, limit: int) -> int:
        """Delete at most `limit` idempotency records made before a moment; return how many."""

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted in the database's files, as far as this server can.

        Returns: False where somebody still reads them; then it has to be tried again.
        """

    async def close(self) -> None:
        """Finish what is under way, then let go of the database."""


class BulkStore(Store, Protocol):
    """What both engines offer besides, to commands that move whole order books."""

    async def walk(self, walk: Walk) -> Sequence[WholeOrder]:
        """Return one page of a walk through orders, oldest first.

        Keeps: a page is of one moment; a document has the events and words of its version.
        """

    async def load(
        self, account_id: str, orders: Sequence[WholeOrder], next_number: int = 0
    ) -> frozenset[str]:
        """Write those of many orders that are not there; return the order_ids of those written.

        The account's serial numbers go on from `next_number`, where they have not come so far.
        The orders' ids differ from each other.
        Keeps: one transaction; an order is written whole; one that is there stays as it is.
        Raises: StoreUnavailable.
        """

    async def settle(self) -> None:
        """Let the database take note of what was loaded, so that it finds its way in it."""
