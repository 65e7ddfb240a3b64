"""Sandboxes in the database: what is set is kept, and what is emptied is found by its key."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from ordrebok.sandbox.book import Box
from ordrebok.sandbox.seeing import Ticket
from ordrebok.store import Store
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import connect
from ordrebok.store.sandboxes import EMPTIED, SandboxStore
from ordrebok.wire.sandbox import Emptied, PlannedFault
from tests.store.doors import accepted, opened, together, with_store
from tests.store.toy import ACCOUNT, count_up, create, order

AWAY, SLOW = PlannedFault(kind="unavailable"), PlannedFault(kind="delay", milliseconds=5)
OTHER = "T99999999"
FAR = 10**15


def test_what_is_set_is_kept(database_url: str) -> None:
    """Each thing by itself, for each account by itself."""

    async def use(store: Store) -> None:
        book = SandboxStore(store)
        assert await book.boxes() == {}
        await book.set_seed(ACCOUNT, "one")
        await book.set_offset(ACCOUNT, -5)
        await book.set_faults(ACCOUNT, (AWAY, SLOW))
        await book.set_offset(OTHER, 7)
        assert await book.boxes() == {
            ACCOUNT: Box(-5, "one", (AWAY, SLOW)),
            OTHER: Box(7, None, ()),
        }
        await book.set_offset(OTHER, 0)
        assert set(await book.boxes()) == {ACCOUNT}

    with_store(database_url, use)


def test_a_clock_goes_no_further_than_it_may(database_url: str) -> None:
    """Of steps taken at once none is lost, and one too many leaves it where it is."""

    async def use(store: Store) -> None:
        book = SandboxStore(store)
        steps = [book.add_offset(ACCOUNT, 10, most_ms=FAR) for _ in range(8)]
        assert sorted(step or 0 for step in await asyncio.gather(*steps)) == list(range(10, 90, 10))
        assert await book.add_offset(ACCOUNT, 10, most_ms=89) is None
        assert (await book.boxes())[ACCOUNT].offset_ms == 80

    with_store(database_url, use)


def test_a_ticket_is_given_once(database_url: str) -> None:
    """From one on, only where there is a seed; emptying the account begins anew."""

    async def use(store: Store) -> None:
        book = SandboxStore(store)
        assert await book.next_ticket(ACCOUNT) is None
        await book.set_seed(ACCOUNT, "one")
        assert await book.upcoming_ticket(ACCOUNT) == Ticket("one", 1)
        given = await asyncio.gather(*(book.next_ticket(ACCOUNT) for _ in range(8)))
        assert sorted(ticket.number for ticket in given if ticket) == list(range(1, 9))
        await book.set_seed(ACCOUNT, None)
        assert await book.next_ticket(ACCOUNT) is None
        await book.set_seed(ACCOUNT, "two")
        assert await book.next_ticket(ACCOUNT) == Ticket("two", 9)
        await book.empty(ACCOUNT)
        assert await book.next_ticket(ACCOUNT) == Ticket("two", 1)

    with_store(database_url, use)


def test_faults_are_replaced_by_one_of_many(database_url: str) -> None:
    """Who was too late is told so."""

    async def use(store: Store) -> None:
        book = SandboxStore(store)
        await book.set_faults(ACCOUNT, (AWAY, SLOW))
        swaps = [book.swap_faults(ACCOUNT, (AWAY, SLOW), (SLOW,)) for _ in range(5)]
        assert sorted(await asyncio.gather(*swaps)) == [False] * 4 + [True]
        assert (await book.boxes())[ACCOUNT].faults == (SLOW,)

    with_store(database_url, use)


def test_more_rows_than_go_in_one_transaction(database_url: str) -> None:
    """All of them are gone, and none of another account's."""
    count = 520

    async def use(store: Store) -> None:
        book = SandboxStore(store)
        keys = [order(f"o-{number:04d}") for number in range(count)]
        terms = frozenset({"a", "b"})
        await together(store, *(create(key, terms_added=terms) for key in keys))
        await together(store, *(count_up(key) for key in keys))
        other = order("o-0000", OTHER)
        await accepted(store, create(other, terms_added=terms))
        assert await book.empty(ACCOUNT) == Emptied(documents=count)
        assert await book.empty(ACCOUNT) == Emptied(documents=0)
        assert await store.fetch(keys[-1], with_events=True) is None
        stored = await store.fetch(other, with_events=True)
        assert stored is not None
        assert len(stored.events) == 1
        made = await accepted(store, create(keys[0]))
        assert made.version == 1

    with_store(database_url, use)


@pytest.mark.postgres
def test_what_is_emptied_is_found_by_its_key(postgres_url: str) -> None:
    """Two conditions on one index: nothing is compared with everything else."""

    async def use() -> None:
        async with opened(postgres_url):
            client: Any = await connect(postgres_url)
            statements = Statements("postgres")
            names = {f"empty_{table}" for table in EMPTIED} - {"empty_feeds"}
            for name in (*names, "empty_events_of_documents", "empty_history_of_documents"):
                plan = await explained(client, statements[name].text)
                assert "Nested Loop" not in plan, plan
                assert "Filter" not in plan, plan
                assert "<= " in plan.rpartition("Index Cond")[2], plan
            await client.close()

    asyncio.run(use())


async def explained(client: asyncpg.Connection, text: str) -> str:
    """The plan of a statement about an account, for so many rows."""
    rows = await client.fetch("explain " + text.replace("$1", "'T1'").replace("$2", "500"))
    return "\n".join(row[0] for row in rows)
