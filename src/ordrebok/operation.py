"""A row of the API table: everything the web needs to serve, check and document one operation.

Features list their rows in `operations.py`; `web/table.py` makes routes and the OpenAPI
document from them. A row never does work itself: `plan` turns the checked request into a
plan that the web carries out at the store.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ordrebok.decision import (
    Also,
    Call,
    Commit,
    Fetch,
    Key,
    Listing,
    Outcome,
    Reading,
    Stored,
    Watch,
)
from ordrebok.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to, or a change of, the book of accounts (clients, grants, keys)."""

    run: Callable[[object], Awaitable[bytes | Refusal]]
    """Takes the account book (see accounts/book.py) and returns the answer as JSON."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A list whose number of rows is told in the header `total-count`, where it is asked for."""

    commit: Commit
    """Answers `[total, rows]`; the total is null where nobody asked."""


@dataclass(frozen=True, slots=True)
class Play:
    """A question to, or a change of, the sandbox of an account."""

    run: Callable[[object], Awaitable[bytes | Refusal]]
    """Takes the sandboxes (see sandbox/boxes.py), or None where none are served."""


class Door(Protocol):
    """What an errand may do at the store; see store/interface.py."""

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision inside the guard and store what it decided."""

    async def fetch(self, key: Key, *, with_events: bool) -> Stored | None:
        """Return a document, with its events when asked."""

    async def read(self, name: str, **params: object) -> Sequence[Mapping[str, Any]]:
        """Run a named reading query that may take a while; nothing else waits for it."""

    async def run(self, statements: Sequence[Also]) -> None:
        """Run named writing statements in one transaction, in their order."""

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted in the database's files."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Work in many steps, each a commit of its own, so that nobody waits for all of it."""

    run: Callable[[Door], Awaitable[Outcome | Refusal]]
    """Minds the call's idempotency key and its wish for a dry run itself."""


Plan = Commit | Counted | Fetch | Listing | Reading | Watch | Ask | Play | Errand | Refusal

READ = ("admin:shopping", "read:shopping")
WRITE = ("admin:shopping", "write:shopping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method and path, with its scopes, bodies, refusals and plan."""

    id: str
    """Operation id of the contract, such as `aid_draft_orders_post`."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Below `/v1`, with parameters in braces: `/accounts/{aid}/shopping/orders/{order_id}`."""
    summary: str
    tag: str
    plan: Callable[[Call], Plan]
    answer: type
    """Struct of the 200 answer, for the document and for the tests that hold it."""
    scopes: tuple[str, ...] = ()
    """Any one of these suffices."""
    body: type | None = None
    body_choice: Callable[[bytes], type] | None = None
    """For the few bodies with two forms: picks the struct by looking at the bytes."""
    body_forms: tuple[type, ...] = ()
    """With `body_choice`: every form there is."""
    body_optional: bool = False
    query: type | None = None
    """Struct of the query parameters; a field's encoded name is the parameter's name."""
    refusals: tuple[str, ...] = ()
    """Codes of this operation beside those every operation shares."""
    echoes: bool = False
    """The answer is the body as it was sent, with more put in: what was null comes back as null."""
    empty: bool = False
    """Success is 204, without a body."""
    versioned: bool = False
    """The answer carries an ETag, and writes take If-Match."""
    streams: bool = False
    """The answer also comes as server-sent events, to those who take them; the plan is a Watch."""
    auth: Literal["bearer", "basic"] = "bearer"
    description: str = ""
