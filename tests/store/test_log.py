"""The log of changes: positions without a gap, replaced versions, statements of a decision."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.decision import Also, Commit, Decision, Idempotency, Key, Outcome, State
from ordrebok.feed.rules import change_of
from ordrebok.refusals import Refusal
from ordrebok.store import Store
from ordrebok.store.bell import Ear
from ordrebok.store.schema import migrate_postgres, migrate_sqlite, migrations
from ordrebok.webhooks.names import event_name
from tests.store.doors import accepted, another_process, finished, opened, together, with_store
from tests.store.toy import (
    ACCOUNT,
    Toy,
    answered,
    change,
    complete,
    count_up,
    create,
    order,
    put,
    toy_of,
)

Event = dict[str, Any]
Seen = list[tuple[int, str, str, int]]


def draft(id: str) -> Key:
    """The key of a toy draft."""
    return Key(ACCOUNT, "draft", id)


async def changes(store: Store, after: int = 0, limit: int = 100_000) -> Seen:
    """The changes after a position: position, kind, id, version."""
    rows = await store.read("changes_after", account_id=ACCOUNT, after=after, limit=limit)
    return [(row["position"], row["kind"], row["document_id"], row["version"]) for row in rows]


async def version(store: Store, key: Key, number: int) -> bytes | None:
    """A document as it was, if that was kept."""
    rows = await store.query("version_of", **key._asdict(), version=number)
    return bytes(rows[0]["body"]) if rows else None


def keep_drafts(*, kept: bool) -> Commit:
    """Say that replaced versions of drafts are kept, or no longer."""

    def decide(_: State) -> Decision | Refusal:
        also = Also("keep_drafts", {"account_id": ACCOUNT, "kept": kept})
        return Decision((), b"{}", also=(also,))

    return Commit((), decide)


def test_changes_stand_in_the_order_of_their_commits(database_url: str) -> None:
    """Each change has the next position, also those of a batch, those of one decision, and both."""

    async def use(store: Store) -> Seen:
        await accepted(store, create(draft("D")))
        await together(store, *[count_up(draft("D"))] * 3, create(order("A")))
        await accepted(store, complete(draft("D"), order("B")))
        await accepted(store, create(Key(ACCOUNT, "payout_rule", "R")))
        return await changes(store)

    seen = with_store(database_url, use)
    assert [position for position, *_ in seen] == list(range(1, 8))
    assert [row[1:] for row in seen if row[2] == "D"] == [("draft", "D", n) for n in range(1, 6)]
    assert [row[1:] for row in seen[-2:]] == [("draft", "D", 5), ("order", "B", 1)]


def test_refused_repeated_and_tried_writes_leave_no_gap(database_url: str) -> None:
    """What was not written has no position, and the next change follows the last."""
    asked = Idempotency("c", "k", "f")

    async def use(store: Store) -> Seen:
        await accepted(store, create(order("A"), idempotency=asked))
        await accepted(store, create(order("A"), idempotency=asked))
        assert isinstance(await store.commit(create(order("A"))), Refusal)
        await accepted(store, replace(count_up(order("A")), dry_run=True))
        await accepted(store, count_up(order("A")))
        return await changes(store)

    assert with_store(database_url, use) == [(1, "order", "A", 1), (2, "order", "A", 2)]


async def follow(store: Store, writers: list[subprocess.Popen[str]]) -> Seen:
    """Read the log while others write, each time from where it was left; to its very end."""
    seen: Seen = []
    while True:
        ended = all(writer.poll() is not None for writer in writers)
        found = await changes(store, seen[-1][0] if seen else 0, 50)
        seen += found
        if ended and not found:
            return seen
        await asyncio.sleep(0.001)


def test_a_reader_misses_nothing_while_two_processes_write(database_url: str) -> None:
    """Readers see each change once, in order, however the commits of the writers overlap."""
    names = "ABCD"

    async def use() -> list[Seen]:
        async with opened(database_url) as store:
            for name in names:
                await accepted(store, create(order(name)))
            tasks = [("count_up", name, "160") for name in "ABCDAB"]
            writers = [another_process(task, database_url, *more) for task, *more in tasks[:4]]
            going = [asyncio.to_thread(finished, writer) for writer in writers]
            readers = [follow(store, writers) for _ in range(2)]
            ends = asyncio.gather(*going)
            seen = await asyncio.gather(*readers)
            await ends
            return seen

    for seen in asyncio.run(use()):
        assert [position for position, *_ in seen] == list(range(1, 4 + 4 * 160 + 1))
        for name in names:
            assert [row[3] for row in seen if row[2] == name] == list(range(1, 162))


def test_processes_that_find_documents_in_opposite_order_keep_the_log(postgres_url: str) -> None:
    """Also where commits have to lock, a later version never stands before an earlier one."""

    async def use() -> Seen:
        async with opened(postgres_url) as store:
            for name in "AB":
                await accepted(store, create(order(name)))
            tasks = [("count_two", "A", "B", "40"), ("count_two", "B", "A", "40")]
            writers = [another_process(task, postgres_url, *more) for task, *more in tasks]
            going = [asyncio.to_thread(finished, writer) for writer in writers]
            ends = asyncio.gather(*going)
            seen = await follow(store, writers)
            await ends
            return seen

    seen = asyncio.run(use())
    assert [position for position, *_ in seen] == list(range(1, 2 + 160 + 1))
    for name in "AB":
        assert [row[3] for row in seen if row[2] == name] == list(range(1, 82))


def test_replaced_versions_of_orders_are_kept(database_url: str) -> None:
    """An order can be looked at as it was at each version, also those of one batch."""

    async def use(store: Store) -> list[bytes | None]:
        await accepted(store, create(order("A")))
        await together(store, *[count_up(order("A"))] * 4)
        return [await version(store, order("A"), number) for number in range(7)]

    none, *found, after = with_store(database_url, use)
    assert none is None
    assert after is None
    assert [toy_of(body or b"").count for body in found] == [0, 1, 2, 3, 4]


def test_replaced_versions_of_drafts_are_kept_while_asked_for(database_url: str) -> None:
    """Drafts change often; what they were is kept only where somebody follows them."""

    async def use(store: Store) -> list[int]:
        key = draft("D")
        await accepted(store, create(key))
        await accepted(store, count_up(key))
        await store.commit(keep_drafts(kept=True))
        await accepted(store, count_up(key))
        await together(store, *[count_up(key)] * 3)
        await store.commit(keep_drafts(kept=False))
        await accepted(store, count_up(key))
        await accepted(store, count_up(key))
        return [n for n in range(1, 9) if await version(store, key, n) is not None]

    assert with_store(database_url, use) == [2, 3, 4, 5, 8]


@pytest.mark.postgres
def test_a_process_learns_at_once_what_another_wants_kept(postgres_url: str) -> None:
    """No version is lost between the word of one process and the next write of another."""

    async def use() -> list[int]:
        key = draft("D")
        async with opened(postgres_url) as one, opened(postgres_url) as other:
            await accepted(one, create(key))
            await accepted(one, count_up(key))
            await other.commit(keep_drafts(kept=True))
            await accepted(one, count_up(key))
            await together(one, *[count_up(key)] * 3)
            await other.commit(keep_drafts(kept=False))
            await accepted(one, count_up(key))
            return [n for n in range(1, 8) if await version(one, key, n) is not None]

    assert asyncio.run(use()) == [2, 3, 4, 5, 7]


def test_statements_of_a_decision_are_written_with_it_or_not_at_all(database_url: str) -> None:
    """A statement that fails takes its decision with it, and nobody else's."""

    def decided(name: str, also: Also) -> Commit:
        def decide(state: State) -> Decision | Refusal:
            made = create(order(name)).run(state)
            assert isinstance(made, Decision)
            return replace(made, also=(also,))

        return Commit((order(name),), decide)

    good = Also("keep_drafts", {"account_id": ACCOUNT, "kept": True})
    bad = Also("keep_drafts", {"account_id": None, "kept": True})

    async def use(store: Store) -> tuple[list[Any], Seen, bool]:
        results = await together(store, decided("A", good), decided("B", bad), create(order("C")))
        rows = await store.query("drafts_kept", account_id=ACCOUNT)
        return results, await changes(store), bool(rows[0]["drafts_kept"])

    results, seen, kept = with_store(database_url, use)
    assert [isinstance(result, Outcome) for result in results] == [True, False, True]
    assert sorted(row[2] for row in seen) == ["A", "C"]
    assert [row[0] for row in seen] == [1, 2]
    assert kept


def test_a_bell_rings_when_the_log_has_grown(database_url: str) -> None:
    """Who waits for an account is woken by its next change, and by no other account's."""

    async def use(store: Store) -> list[bool]:
        bell = store.bell
        ours, others = Ear(bell), Ear(bell)
        with bell.listening(ACCOUNT, ours), bell.listening("T00000000", others):
            await accepted(store, create(order("A")))
            return [await ours.rung(30), await others.rung(0.01)]

    assert with_store(database_url, use) == [True, False]


@pytest.mark.parametrize("made", [{}, {"created_by": "Kari", "event_type": "service-event"}])
def test_a_page_of_the_log_holds_no_long_requests(database_url: str, made: Event) -> None:
    """A thousand changes by requests of 5 MB are no more to read than others."""
    request = {"method": "POST", "path": "/v1/accounts/draft_orders/D/complete"}
    told = {"id": "e", "version": 1, "created_at": "2026-11-20T18:12:13.000Z", **made}
    texts = "".join(f"{sha256(bytes(8 * [n])).hexdigest()} " for n in range(256)) * 8

    def decide(name: str, event: Event) -> Commit:
        def made_so(state: State) -> Decision | Refusal:
            toy = Toy(id=name, version=1)
            return answered(replace(put(order(name), toy, state), event=msgspec.json.encode(event)))

        return Commit((order(name),), made_so)

    async def use(store: Store) -> list[Any]:
        await accepted(store, decide("A", {**told, "request": request}))
        await accepted(store, decide("B", {**told, "request": {**request, "body": texts}}))
        return list(await store.read("changes_after", account_id=ACCOUNT, after=0, limit=10))

    short, long = with_store(database_url, use)
    assert len(long["event"]) < 1_000
    assert change_of({**long, "position": 1, "document_id": "A", "event_id": "e"}) == change_of(
        {**short, "event_id": "e"}
    )
    names = [event_name("draft", 2, bytes(row["event"])) for row in (short, long)]
    assert names == ["shopping_draft_complete"] * 2


def old_rows() -> list[tuple[str, str, int, str]]:
    """What a database of the schema before the log may hold: kind, id, version, created_at."""
    return [
        ("order", "A", 1, "2026-01-01T00:00:00.000Z"),
        ("draft", "D", 1, "2026-01-02T00:00:00.000Z"),
        ("order", "A", 2, "2026-01-04T00:00:00.000Z"),
        ("draft", "D", 2, "2026-01-03T00:00:00.000Z"),
        ("order", "A", 3, "2026-01-01T00:00:00.000Z"),
        ("payout_rule", "R", 1, "2026-01-01T00:00:00.000Z"),
    ]


def body_of(kind: str, id: str, version: int) -> str:
    """The body of a toy that was made before."""
    return msgspec.json.encode({"id": id, "version": version, "filling": kind}).decode()


async def fill_old(url: str) -> None:
    """Make a database of schema version 2, with documents and events in it."""
    events = [
        (kind, id, version, f'{{"created_at":"{at}"}}') for kind, id, version, at in old_rows()
    ]
    last = {(kind, id): version for kind, id, version, _ in events}
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        migrate_sqlite(connection, migrate=True, known=migrations("sqlite")[:2])
        connection.executemany(
            "insert into documents values (null, ?, ?, ?, ?, 'open', '', '', 1, 1, null, ?)",
            [(ACCOUNT, *key, version, body_of(*key, version)) for key, version in last.items()],
        )
        connection.executemany(
            "insert into events select ?, place, ?, 'e', ? from documents where kind=? and id=?",
            [(ACCOUNT, version, body, kind, id) for kind, id, version, body in events],
        )
        connection.close()
        return
    client = await asyncpg.connect(url)
    await migrate_postgres(client, migrate=True, known=migrations("postgres")[:2])
    await client.executemany(
        "insert into documents values ($1, $2, $3, $4, 'open', '', '', 1, 1, null, $5::text::json)",
        [(ACCOUNT, *key, version, body_of(*key, version)) for key, version in last.items()],
    )
    await client.executemany(
        "insert into events values ($1, $2, $3, $4, 'e', $5::text::json)",
        [(ACCOUNT, *event) for event in events],
    )
    await client.close()


def test_what_was_there_before_the_log_is_in_it(database_url: str) -> None:
    """Older changes stand by their time, those of one document by version, and new ones follow."""

    async def use() -> Seen:
        await fill_old(database_url)
        async with opened(database_url) as store:
            await accepted(store, change(order("A"), lambda toy: toy))
            return await changes(store)

    migrated = asyncio.run(use())
    assert migrated == [
        (1, "order", "A", 1),
        (2, "draft", "D", 1),
        (3, "draft", "D", 2),
        (4, "order", "A", 2),
        (5, "order", "A", 3),
        (6, "order", "A", 4),
    ]


def test_a_document_that_is_new_has_its_time_noted(database_url: str) -> None:
    """When to look whether a document's time is over is written with the document."""

    async def use(store: Store) -> list[tuple[Any, ...]]:
        def decide(state: State) -> Decision | Refusal:
            made = create(order("A")).run(state)
            assert isinstance(made, Decision)
            return replace(made, puts=tuple(replace(each, expires_ms=77) for each in made.puts))

        await accepted(store, Commit((order("A"),), decide))
        rows = await store.query("expiries_due", account_id=ACCOUNT, now_ms=77, limit=9)
        return [(row["due_ms"], row["kind"], row["document_id"]) for row in rows]

    assert with_store(database_url, use) == [(77, "order", "A")]
