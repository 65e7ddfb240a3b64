"""A tiny table of operations with a store in memory, to test the web by itself."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import httpx
import msgspec
from msgspec import Meta

from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.tokens import Principal
from ordrebok.decision import (
    Also,
    Call,
    Commit,
    Decision,
    Fetch,
    Idempotency,
    Key,
    Listing,
    Outcome,
    Page,
    State,
    Stored,
)
from ordrebok.operation import READ, WRITE, Ask, Operation, Plan
from ordrebok.refusals import Refusal, refuse
from ordrebok.store.bell import Bell
from ordrebok.store.interface import Row, StoreUnavailable
from ordrebok.web.app import create_app
from ordrebok.web.exchange import App
from ordrebok.web.settings import WebSettings
from ordrebok.wire.base import Amount, Currency, Links, Metadata, Timestamp, Wire
from ordrebok.wire.query import Cursor, DraftQuery, PageLimit, Query

ACCOUNT = "T12345678"
ROOT = f"/v1/accounts/{ACCOUNT}/shopping"


class PartBody(Wire, frozen=True, kw_only=True):
    """A part as a client writes it."""

    amount: Amount
    note: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    share: Annotated[int, Meta(ge=0, le=100)] | Annotated[float, Meta(ge=0, le=100)] | None = None


class Part(PartBody, frozen=True, kw_only=True):
    """A part as it is answered."""

    net_amount: Amount


class Leaf(Wire, frozen=True, kw_only=True):
    """A leaf of a tree."""

    id: str
    leaves: "tuple[Leaf, ...] | None" = None


class ThingBody(Wire, frozen=True, kw_only=True):
    """A thing as a client writes it."""

    currency: Currency
    parts: Annotated[tuple[PartBody, ...], Meta(max_length=3)] = ()
    kind: Literal["small", "large"] | None = None
    at: datetime | None = None
    metadata: Metadata | None = None
    payout: bool | Leaf | None = None
    words: dict[str, str] | None = None
    step: Annotated[int, Meta(multiple_of=5)] | None = None


class Thing(ThingBody, frozen=True, kw_only=True):
    """A thing as it is answered."""

    id: str
    parts: tuple[Part, ...] = ()
    created_at: Timestamp
    version: int
    links: Links | None = msgspec.field(default=None, name="_links")


class Things(Wire, frozen=True, kw_only=True):
    """A page of things."""

    things: tuple[Thing, ...]
    starting_after: str | None = None


class Wrapped(Wire, frozen=True, kw_only=True):
    """The other form of a thing's body."""

    thing: ThingBody


class ThingsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of things."""

    limit: PageLimit = 10
    starting_after: Cursor | None = None
    total: bool = False
    status: tuple[Literal["open", "closed"], ...] = ()
    created_at_gte: datetime | None = msgspec.field(default=None, name="created_at.gte")


class SecretRequest(Wire, frozen=True, kw_only=True):
    """A request for a secret."""

    audience: str


class SecretAnswer(Wire, frozen=True, kw_only=True):
    """A secret."""

    secret: str


class TinyTokens:
    """Knows a handful of tokens."""

    def __init__(self) -> None:
        self.started = False
        everything = frozenset(READ + WRITE)
        self.known = {
            "Bearer good": Principal("client-1", ACCOUNT, everything),
            "Bearer reader": Principal("client-2", ACCOUNT, frozenset({"read:shopping"})),
            "Bearer old": Principal("client-3", ACCOUNT, frozenset({"shopping:admin"})),
            "Bearer deals": Principal("client-4", ACCOUNT, everything | {"write:discounts"}),
        }

    @property
    def book(self) -> AccountBook:
        return cast("AccountBook", self)

    async def start(self) -> None:
        self.started = True

    def cached(self, authorization: str) -> Principal | None:
        return self.known.get(authorization)

    async def principal_of(self, authorization: str | None) -> Principal | Refusal:
        if not authorization:
            return refuse("MISSING_TOKEN")
        return self.known.get(authorization) or refuse("INVALID_TOKEN")

    async def jwks(self) -> bytes:
        return b'{"keys":[]}'


class TinyState:
    """The state that a decision of the tiny table sees."""

    def __init__(self, store: "TinyStore") -> None:
        self._store = store

    def version(self, key: Key) -> int:
        return len(self._store.written.get(key, ()))


class TinyStore:
    """Keeps the bodies that were written, and the answers by idempotency key."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.written: dict[Key, list[bytes]] = {}
        self.keyed: dict[tuple[str, str], tuple[str, Outcome]] = {}
        self.down = False
        self.closed = False
        self.total: int | None = 7

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        if self.down:
            raise StoreUnavailable
        await asyncio.sleep(0)
        once: Idempotency | None = commit.idempotency
        if once is not None and (once.client_id, once.key) in self.keyed:
            fingerprint, outcome = self.keyed[once.client_id, once.key]
            if fingerprint != once.fingerprint:
                return refuse("IDEMPOTENCY_KEY_REUSED")
            return Outcome(outcome.answer, outcome.version, replayed=True)
        decision = commit.run(cast("State", TinyState(self)))
        if isinstance(decision, Refusal):
            return decision
        key = commit.keys[0]
        self.written.setdefault(key, []).append(decision.answer)
        outcome = Outcome(decision.answer, decision.version)
        if once is not None:
            self.keyed[once.client_id, once.key] = (once.fingerprint, outcome)
        return outcome

    async def run(self, statements: Sequence[Also]) -> None:
        raise NotImplementedError

    async def fetch(self, key: Key, *, with_events: bool) -> Stored | None:
        del with_events
        if self.down:
            raise StoreUnavailable
        bodies = self.written.get(key)
        return Stored(len(bodies), bodies[-1], ()) if bodies else None

    async def page(self, listing: Listing) -> Page:
        rows = [Stored(len(bodies), bodies[-1], ()) for bodies in self.written.values()]
        return Page(rows[: listing.limit], None, self.total if listing.with_total else None)

    async def query(self, name: str, **params: object) -> Sequence[Row]:
        raise NotImplementedError(name, params)

    async def read(self, name: str, **params: object) -> Sequence[Row]:
        raise NotImplementedError(name, params)

    async def execute(self, name: str, **params: object) -> Sequence[Row]:
        raise NotImplementedError(name, params)

    async def sweep_idempotency(self, account_id: str, before_ms: int, limit: int) -> int:
        raise NotImplementedError(account_id, before_ms, limit)

    async def scrub(self) -> bool:
        return True

    async def close(self) -> None:
        self.closed = True


def _key(call: Call) -> Key:
    return Key(call.account_id, "draft", call.params.get("id", "1"))


def plan_post(call: Call) -> Plan:
    body = call.body.thing if isinstance(call.body, Wrapped) else cast("ThingBody", call.body)

    def decide(state: State) -> Decision:
        version = state.version(_key(call)) + 1
        fields = {name: getattr(body, name) for name in body.__struct_fields__}
        fields["parts"] = tuple(
            Part(net_amount=part.amount, amount=part.amount, note=part.note, share=part.share)
            for part in body.parts
        )
        thing = Thing(
            **fields, id=_key(call).id, created_at="2026-01-01T00:00:00.000Z", version=version
        )
        return Decision((), msgspec.json.encode(thing), version)

    return Commit((_key(call),), decide, if_match=call.if_match, idempotency=call.idempotency)


def plan_get(call: Call) -> Plan:
    return Fetch(_key(call), "Thing", lambda stored: stored.body)


def plan_list(call: Call) -> Plan:
    query = cast("ThingsQuery", call.query)

    def render(page: Page) -> bytes:
        return b'{"things":[' + b",".join(row.body for row in page.rows) + b"]}"

    return Listing(call.account_id, "draft", query.limit, None, render, with_total=query.total)


def plan_secret(call: Call) -> Plan:
    async def run(book: object) -> bytes | Refusal:
        assert isinstance(book, TinyTokens)
        if call.credentials != ("me", "s:ecret"):
            return refuse("INVALID_CLIENT")
        return msgspec.json.encode(SecretAnswer(secret=call.origin))

    return Ask(run)


def plan_broken(call: Call) -> Plan:
    raise RuntimeError(f"the body was {call.path}")


def plan_slow(call: Call) -> Plan:
    del call

    async def run(book: object) -> bytes | Refusal:
        del book
        await asyncio.sleep(0.5)
        return msgspec.json.encode(SecretAnswer(secret="late"))

    return Ask(run)


def choose(body: bytes) -> type:
    return Wrapped if b'"thing"' in body else ThingBody


THINGS = "/accounts/{aid}/shopping/things"
OPERATIONS = (
    Operation(
        id="things_get", method="GET", path=THINGS, summary="List things", tag="things",
        plan=plan_list, answer=Things, query=ThingsQuery, scopes=READ,
    ),
    Operation(
        id="things_post", method="POST", path=THINGS, summary="Make a thing", tag="things",
        plan=plan_post, answer=Thing, body=ThingBody, query=DraftQuery, scopes=WRITE,
        versioned=True, refusals=("ID_TAKEN",),
    ),
    Operation(
        id="things_id_get", method="GET", path=THINGS + "/{id}", summary="Get a thing",
        tag="things", plan=plan_get, answer=Thing, scopes=READ, versioned=True,
    ),
    Operation(
        id="things_id_put", method="PUT", path=THINGS + "/{id}", summary="Change a thing",
        tag="things", plan=plan_post, answer=Thing, body_choice=choose,
        body_forms=(ThingBody, Wrapped), scopes=WRITE, versioned=True,
    ),
    Operation(
        id="broken_post", method="POST", path="/accounts/{aid}/shopping/broken",
        summary="Break", tag="things", plan=plan_broken, answer=Thing, body=ThingBody,
        body_optional=True, scopes=WRITE,
    ),
    Operation(
        id="slow_get", method="GET", path="/accounts/{aid}/shopping/slow", summary="Wait",
        tag="things", plan=plan_slow, answer=SecretAnswer, scopes=READ,
    ),
    Operation(
        id="secret_post", method="POST", path="/accounts/{oid}/auth/secret",
        summary="Get a secret", tag="secrets", plan=plan_secret, answer=SecretAnswer,
        body=SecretRequest, auth="basic", refusals=("INVALID_CLIENT",),
    ),
)  # fmt: skip


def tiny_app(store: TinyStore | None = None, settings: WebSettings | None = None) -> App:
    """The application of the tiny table."""
    return create_app(
        store or TinyStore(),
        TinyTokens(),
        operations=OPERATIONS,
        settings=settings or WebSettings(),
    )


async def build_tiny(settings: WebSettings) -> App:
    """The same for a server, which builds it inside its event loop."""
    return tiny_app(settings=settings)


def send(
    method: str,
    path: str,
    *,
    app: App | None = None,
    store: TinyStore | None = None,
    token: str | None = "good",
    content: bytes | AsyncIterator[bytes] | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send one request to the application and return its response."""
    sent = {} if token is None else {"authorization": f"Bearer {token}"}
    if body is not None:
        content = msgspec.json.encode(body)
    if isinstance(content, bytes):
        sent["content-type"] = "application/json"
    sent.update(headers or {})

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(app=cast("Any", app or tiny_app(store)))
        async with httpx.AsyncClient(transport=transport, base_url="http://orders.test") as client:
            return await client.request(method, path, content=content, headers=sent)

    return asyncio.run(exchange())


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error of a refusal."""
    error: dict[str, Any] = response.json()["error"]
    return error
