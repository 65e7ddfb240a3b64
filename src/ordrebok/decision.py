"""The words that features and the store share: what a write asks for and what it decides.

A feature turns a request into a plan: a `Commit` (a write), a `Fetch` or a `Listing` (reads).
A commit carries `decide`, a pure function from the current state to a `Decision` or a
`Refusal`. The store runs it inside the guard, perhaps several times, and writes what the last
run decided in one transaction, or nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from ordrebok.clock import Instant
from ordrebok.refusals import Refusal, refuse

Kind = Literal[
    "draft",
    "order",
    "discount_rule",
    "discount_register",
    "discount_wallet",
    "discount_ref",
    "discount_campaign",
    "payout_rule",
    "payout_register",
    "hook",
    "hook_register",
    "erasure",
]
T = TypeVar("T")
LOGGED: Final = frozenset[Kind](("draft", "order"))
"""The kinds whose changes stand in the account's log, each at a position of its own."""


class Key(NamedTuple):
    """Where a document stands; an order stands under its `order_id`."""

    account_id: str
    kind: Kind
    id: str


class State(Protocol):
    """What a decision may look at: documents, their events, the time, new identifiers.

    Each question may be answered by `NotLoaded`, which the store catches: it loads what was
    missing and runs the decision again. A decision needs no handling of it.
    """

    now: Instant

    def get(self, key: Key, type_: type[T]) -> T | None:
        """Return the document as it now stands, or None where there is none."""

    def ahead(self, keys: Iterable[Key]) -> None:
        """Say which documents will be looked at, so that they are loaded together.

        Nothing depends on it but the time that a decision takes which looks at many.
        """

    def version(self, key: Key) -> int:
        """Return the version of the document, 0 where there is none."""

    def origin(self, key: Key) -> str | None:
        """Return the fingerprint of the request that made the document under its own id."""

    def events(self, key: Key) -> Sequence[bytes]:
        """Return the document's events as JSON, oldest first."""

    def order_number(self, account_id: str) -> int:
        """Return the account's next serial number, never given before."""

    def new_id(self) -> str:
        """Return a new UUID."""


class NotLoaded(Exception):  # noqa: N818 -- it is a question to the store, not an error
    """A decision asked for something the store has not loaded yet."""

    def __init__(self, *keys: Key, events: bool = False, numbers_of: str | None = None) -> None:
        """Say what is missing: documents, with events, or serial numbers of an account."""
        super().__init__(keys, events, numbers_of)
        self.keys = keys
        self.events = events
        self.numbers_of = numbers_of


class LedgerEntry(NamedTuple):
    """A row of the payout ledger: what an item of an operation gave to a destination."""

    destination: str
    created_ms: int
    order_id: str
    type: str
    operation_id: str
    line_id: int
    currency: str
    amount: int
    """Minor units, with the sign of the line."""
    store_id: str | None
    rule_type: str | None
    rule_id: str | None


class Put(msgspec.Struct, frozen=True):
    """One document to write, with the event that the change leaves.

    Keeps: `version` is the stored version plus one (1 for a new document); the store refuses
    to write over any other.
    """

    key: Key
    version: int
    document: object
    body: bytes
    """The document as JSON: what is stored, and what answers are made of."""
    event: bytes
    event_id: str
    status: str
    created_ms: int
    updated_ms: int
    currency: str = ""
    payment_status: str = ""
    origin: str | None = None
    terms_added: frozenset[str] = frozenset()
    """Words the order is found by (see orders/terms.py) that this change adds."""
    terms_removed: frozenset[str] = frozenset()
    entries: tuple[LedgerEntry, ...] = ()
    """Rows of the payout ledger that this change adds; none is ever changed or removed."""
    expires_ms: int | None = None
    """When the document's time may be over, if nothing knows of that moment yet: given for a new
    document, and for one whose time was made shorter."""


class Also(NamedTuple):
    """A named writing statement of queries/*.sql that belongs to a decision."""

    name: str
    params: Mapping[str, object]


class Decision(msgspec.Struct, frozen=True):
    """What to write, and the answer that is given once it is durable."""

    puts: tuple[Put, ...]
    answer: bytes
    version: int | None = None
    """The version for the ETag header, where the answer is a versioned resource."""
    also: tuple[Also, ...] = ()
    """Run in the same transaction, in their order, once all documents and events are written."""


class Idempotency(msgspec.Struct, frozen=True):
    """The caller's key for this request and the fingerprint of what was asked."""

    client_id: str
    key: str
    fingerprint: str
    account_id: str = ""
    """Needed where a commit names no keys; otherwise the account of its first key holds."""


class Commit(msgspec.Struct, frozen=True):
    """One write: load `keys`, decide, write.

    Refuses: STALE_VERSION, then whatever `decide` refuses.
    Keeps: everything a commit writes, its idempotency record included, is one transaction.
    """

    keys: tuple[Key, ...]
    decide: Callable[[State], Decision | Refusal]
    ahead: tuple[Key, ...] = ()
    """Load these along too: the decision looks at them, and may change them or not."""
    with_events: bool = False
    """Load the events of `keys` along, because the answer shows them."""
    if_match: str | None = None
    idempotency: Idempotency | None = None
    dry_run: bool = False
    """Answer what the write would answer, store nothing and use up no number."""

    def run(self, state: State) -> Decision | Refusal:
        """Run the decision, after checking If-Match against the first key."""
        if self.if_match is not None:
            version = state.version(self.keys[0])
            if version and not _matches(self.if_match, version):
                return refuse("STALE_VERSION", version=version)
        return self.decide(state)


class Outcome(msgspec.Struct, frozen=True):
    """The answer of a commit that is durable."""

    answer: bytes
    version: int | None
    replayed: bool = False


class Stored(NamedTuple):
    """A document as a read finds it."""

    version: int
    body: bytes
    events: Sequence[bytes]


class Fetch(msgspec.Struct, frozen=True):
    """One document to read; `render` makes the answer of it."""

    key: Key
    noun: str
    render: Callable[[Stored], bytes | Refusal]
    with_events: bool = False
    versioned: bool = True


class Listing(msgspec.Struct, frozen=True):
    """One page of documents, newest first.

    Keeps: a row that was there when the first page was read stands on exactly one page.
    """

    account_id: str
    kind: Kind
    limit: int
    after: tuple[int, str] | None
    """Position of the last row of the page before: (created_ms, id)."""
    render: Callable[["Page"], bytes]
    created_gte_ms: int | None = None
    created_lte_ms: int | None = None
    updated_gte_ms: int | None = None
    updated_lte_ms: int | None = None
    statuses: tuple[str, ...] = ()
    payment_statuses: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    term_groups: tuple[tuple[str, ...], ...] = ()
    """Every group must hold; a group holds when the order has one of its words."""
    prefixes: tuple[str, ...] = ()
    """Every prefix must begin one of the order's words (free-text search)."""
    with_total: bool = False
    with_events: bool = False


class Page(msgspec.Struct, frozen=True):
    """The rows of one page and where the next one begins."""

    rows: Sequence[Stored]
    next_after: tuple[int, str] | None
    total: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """A named query of the store; `render` makes the answer of its rows."""

    name: str
    params: Mapping[str, object]
    render: Callable[[Sequence[Mapping[str, Any]]], bytes | Refusal]
    of: tuple[Key, str] | None = None
    """A document that has to be there, and its noun."""
    writes: bool = False
    """The query changes what it returns. It must do no harm to run it twice."""


class Watch(msgspec.Struct, frozen=True):
    """Changes of an account after a place in its log: those there are, or the next to come."""

    account_id: str
    after: int | None
    """Position of the last change that is known; None: only what comes from now on."""
    limit: int
    wait_seconds: float
    render: Callable[[Sequence[Mapping[str, Any]], int], bytes]
    """Makes the answer of rows and the position they were read after."""
    beyond: Refusal
    """Says that the log does not reach as far as the position that was asked for."""
    each: Callable[[Mapping[str, Any]], tuple[str, str, bytes]]
    """Makes one message of a stream of a row: its id, its name, its JSON."""
    again: Callable[[str], "Watch | Refusal"]
    """The same, after the message whose id a client of a stream has seen last."""


class Call(msgspec.Struct, frozen=True):
    """A request after the web has checked it: who asks, for what, with which body."""

    account_id: str
    actor_id: str
    """Id of the client or user, kept in `created_by`."""
    method: str
    path: str
    params: dict[str, str]
    query: object = None
    body: object = None
    body_text: bytes = b""
    strict: bool = False
    """`Prefer: handling=strict` was given: unknown fields were already refused."""
    dry_run: bool = False
    """`Prefer: dry-run` was given: the plan, if it is a commit, is tried and not stored."""
    if_match: str | None = None
    idempotency: Idempotency | None = None
    credentials: tuple[str, str] | None = None
    """Basic credentials (client_id, client_secret) of a token request."""
    private_targets: bool = False
    """The operator allows webhooks to go to addresses that are not public."""
    origin: str = ""
    """Scheme and authority the caller used, such as `http://localhost:8000`."""

    def body_as(self, type_: type[T]) -> T:
        """Return the body as the struct that the operation's row names."""
        return _as(self.body, type_)

    def query_as(self, type_: type[T]) -> T:
        """Return the query parameters as the struct that the operation's row names."""
        return _as(self.query, type_)


def _as(value: object, type_: type[T]) -> T:
    """Return a value as its type; anything else is a row that names the wrong struct."""
    if not isinstance(value, type_):
        raise TypeError(type(value).__name__)
    return value


def _matches(if_match: str, version: int) -> bool:
    """Tell whether an If-Match header names the version (`*` names any)."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")}
    return "*" in tags or str(version) in tags
