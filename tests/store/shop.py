"""A real store that real rows of the API write to, with a clock that a test moves."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from ordrebok.accounts.book import Account
from ordrebok.clock import Instant
from ordrebok.decision import Commit, Fetch, Idempotency, Listing
from ordrebok.refusals import Refusal
from ordrebok.store import Store
from ordrebok.store.accounts import AccountStore
from ordrebok.store.sweep import expire_due
from tests.store.doors import opened
from tests.support.builders import ACCOUNT, NOW, plan_of
from tests.support.openapi import Json

DAY = 86_400


class Shop:
    """One account on a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.moment = NOW

    def later(self, seconds: int) -> None:
        """Let time pass."""
        self.moment = self.moment.plus(seconds)

    def __call__(self) -> Instant:
        """The time of the store."""
        return self.moment

    async def answer(
        self,
        row_id: str,
        body: object = None,
        *,
        key: str | None = None,
        **asked: Any,  # noqa: ANN401 -- passed on
    ) -> Json | Refusal:
        """Carry out a row of the API; `key` is an idempotency key."""
        plan = plan_of(row_id, body, **asked)
        if isinstance(plan, Commit):
            if key is not None:
                fingerprint = hashlib.sha256(f"{row_id} {body}".encode()).hexdigest()
                once = Idempotency("client", key, fingerprint, ACCOUNT)
                plan = msgspec.structs.replace(plan, idempotency=once)
            outcome = await self.store.commit(plan)
            if isinstance(outcome, Refusal):
                return outcome
            return msgspec.json.decode(outcome.answer)
        if isinstance(plan, Listing):
            return msgspec.json.decode(plan.render(await self.store.page(plan)))
        assert isinstance(plan, Fetch), plan
        stored = await self.store.fetch(plan.key, with_events=plan.with_events)
        if stored is None:
            return Refusal("NOT FOUND")
        body = plan.render(stored)
        return body if isinstance(body, Refusal) else msgspec.json.decode(body)

    async def done(self, row_id: str, body: object = None, **asked: Any) -> Json:  # noqa: ANN401 -- passed on
        """Carry out what must not be refused."""
        answer = await self.answer(row_id, body, **asked)
        assert not isinstance(answer, Refusal), answer
        return answer

    async def refused(self, row_id: str, body: object = None, **asked: Any) -> str:  # noqa: ANN401 -- passed on
        """The code of what must be refused."""
        answer = await self.answer(row_id, body, **asked)
        assert isinstance(answer, Refusal), answer
        return answer.code

    async def expire(self, **more: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- passed on
        """Erase what is past its time; what that was."""
        gone: list[tuple[str, str]] = []

        def erased(kind: str, id: str) -> None:
            gone.append((kind, id))

        count = await expire_due(self.store, ACCOUNT, self.moment, erased=erased, **more)
        assert count == len(gone)
        return sorted(gone)


@asynccontextmanager
async def opened_shop(url: str) -> AsyncIterator[Shop]:
    """A shop for the length of a block."""
    moments: list[Shop] = []
    async with opened(url, now=lambda: moments[0]() if moments else NOW) as store:
        shop = Shop(store)
        moments.append(shop)
        await AccountStore(store).add_account(Account(ACCOUNT, "A", NOW.text))
        yield shop


async def everything(url: str) -> bytes:
    """All bytes that a database consists of: its files, or what a dump of it would hold."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(
            each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name)
        )
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public' order by tablename"
        )
        parts = []
        for row in tables:
            lines = f'select t::text as line from "{row["tablename"]}" as t'  # noqa: S608 -- a table
            rows = await connection.fetch(lines)
            parts += [line["line"] for line in rows]
        return "\n".join(parts).replace('""', '"').encode()
    finally:
        await connection.close()


async def raw(
    url: str, sqlite_text: str, postgres_text: str | None = None
) -> list[Mapping[str, Any]]:
    """Rows of a database, read past the store."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute(sqlite_text)]
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(postgres_text or sqlite_text)]
    finally:
        await connection.close()
