"""Requests carried out at the store's door, by the operations' own plans, without the web."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Fetch, Idempotency, Key, Kind, Outcome, Stored
from ordrebok.refusals import Refusal
from ordrebok.store import Store, open_store
from ordrebok.table import OPERATIONS
from ordrebok.wire.base import encode
from tests.support.openapi import Json

ROWS = {row.id: row for row in OPERATIONS}
ACTOR = "a2f1b7c0-0000-4000-8000-000000000001"
_accounts = itertools.count(1)


class Ask(NamedTuple):
    """A write, as a client sends it."""

    row: str
    params: dict[str, str]
    body: Json = None
    key: str | None = None
    if_match: int | None = None


class Door:
    """One store on one event loop, for as long as a block lasts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.Runner()
        self._store: Store | None = None

    def __enter__(self) -> Self:
        self._store = self._loop.run(open_store(self._url, migrate=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._loop.run(self.store.close())
        self._loop.close()

    @property
    def store(self) -> Store:
        """The open store."""
        assert self._store is not None
        return self._store

    @staticmethod
    def new_account() -> str:
        """An account that nothing else uses: each run of a machine has its own."""
        return f"T{next(_accounts):08d}"

    def write(self, account_id: str, ask: Ask, *, dry_run: bool = False) -> Outcome | Refusal:
        """Carry out a write."""
        plan = ROWS[ask.row].plan(_call(account_id, ask))
        if isinstance(plan, Refusal):
            return plan
        assert isinstance(plan, Commit), plan
        if plan.idempotency is None and ask.key is not None:
            plan = replace(plan, idempotency=_idempotency(account_id, ask))
        return self._loop.run(self.store.commit(replace(plan, dry_run=dry_run)))

    def read(self, account_id: str, kind: Kind, name: str) -> Stored | None:
        """Read a document with its events."""
        key = Key(account_id, kind, name)
        return self._loop.run(self.store.fetch(key, with_events=True))

    def answer(self, account_id: str, row: str, **params: str) -> Json:
        """Carry out a read; its JSON."""
        plan = ROWS[row].plan(_call(account_id, Ask(row, params)))
        assert isinstance(plan, Fetch), plan
        stored = self._loop.run(self.store.fetch(plan.key, with_events=plan.with_events))
        assert stored is not None
        body = plan.render(stored)
        assert isinstance(body, bytes), body
        return msgspec.json.decode(body)


def _call(account_id: str, ask: Ask) -> Call:
    """Return the request as the web hands it to a plan."""
    row = ROWS[ask.row]
    text = b"" if ask.body is None else encode(ask.body)
    body = None if ask.body is None else msgspec.json.decode(text, type=row.body or dict)
    return Call(
        account_id=account_id,
        actor_id=ACTOR,
        method=row.method,
        path="/v1" + row.path.format(aid=account_id, **ask.params),
        params={"aid": account_id, **ask.params},
        query=None if row.query is None else msgspec.convert({}, row.query),
        body=body,
        body_text=text,
        if_match=None if ask.if_match is None else f'"{ask.if_match}"',
        idempotency=_idempotency(account_id, ask),
    )


def _idempotency(account_id: str, ask: Ask) -> Idempotency | None:
    """Return the key of a request, with what tells its content from another's."""
    if ask.key is None:
        return None
    content = encode([ask.row, ask.params, ask.body])
    return Idempotency(ACTOR, ask.key, hashlib.sha256(content).hexdigest(), account_id)
