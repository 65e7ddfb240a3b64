"""Orders in bulk: walked through whole, and loaded without writing over anything."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace as with_fields
from typing import Any, TypeVar

import asyncpg
import pytest
from msgspec.structs import replace

from ordrebok.decision import Commit, Decision, Key, Listing, Outcome, State
from ordrebok.orders.record import decode, put
from ordrebok.orders.terms import terms
from ordrebok.orders.whole import WholeOrder, whole
from ordrebok.refusals import Refusal, refuse
from ordrebok.store import BulkStore, open_store
from ordrebok.store.bulk import walk_query
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import SETTINGS
from ordrebok.store.walk import Walk, walked
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order
from tests.support.builders import ACCOUNT, NOW, an_order, lines

T = TypeVar("T")


def with_bulk(url: str, use: Callable[[BulkStore], Awaitable[T]]) -> T:
    """Open a store in a loop of its own, use it, close it."""

    async def run() -> T:
        store = await open_store(url, migrate=True)
        try:
            return await use(store)
        finally:
            await store.close()

    return asyncio.run(run())


def an_order_of(name: str, seconds: int = 0, *, comment: str | None = None) -> Order:
    """An order made so many seconds later than others."""
    moment = NOW.plus(seconds).text
    order = an_order(lines(100), order_id=name, order_number=f"N-{name}", comment=comment)
    return replace(order, created_at=moment, updated_at=moment)


def event_of(order: Order, version: int = 1) -> Event:
    """The event of one of its versions."""
    return Event(id=f"{order.order_id}-{version}", created_at=NOW.text, version=version)


def row(name: str, seconds: int = 0, *, comment: str | None = None) -> WholeOrder:
    """An order as it is loaded."""
    order = an_order_of(name, seconds, comment=comment)
    return whole(order, [event_of(order)])


def words_of(body: bytes) -> frozenset[str]:
    """The words of a document."""
    return terms(decode(body))


async def all_of(store: BulkStore, walk: Walk) -> list[WholeOrder]:
    """Everything that a walk comes by."""
    return [order async for order in walked(store, walk)]


def creation(order: Order) -> Commit:
    """What makes an order the usual way; refused when there is one."""
    key = Key(ACCOUNT, "order", order.order_id)

    def decide(state: State) -> Decision | Refusal:
        if state.version(key):
            return refuse("ORDER_ID_TAKEN")
        written = put(key, None, order, event_of(order))
        return Decision((written,), written.body, 1)

    return Commit((key,), decide)


def change(name: str, comment: str) -> Commit:
    """What changes an order the usual way, with its words."""
    key = Key(ACCOUNT, "order", name)

    def decide(state: State) -> Decision | Refusal:
        order = state.get(key, Order)
        assert order is not None
        after = replace(
            order, version=order.version + 1, comment=comment, order_number=f"N-{comment}"
        )
        written = put(key, order, after, event_of(after, after.version))
        return Decision((written,), written.body, after.version)

    return Commit((key,), decide)


# --------------------------------------------------------------------------------- loading


def test_what_is_loaded_is_as_if_it_had_been_made_here(database_url: str) -> None:
    """Read, listed, found by its words, changed on; and walked through as it went in."""

    async def use(store: BulkStore) -> None:
        rows = [row("A", 1), row("B", 2)]
        assert await store.load(ACCOUNT, rows) == {"A", "B"}
        assert await all_of(store, Walk(ACCOUNT, words=words_of)) == rows
        found = await store.fetch(Key(ACCOUNT, "order", "A"), with_events=True)
        assert found is not None
        assert (found.body, found.events) == (rows[0].body, [rows[0].events[0].body])
        listing = Listing(ACCOUNT, "order", 10, None, lambda _: b"", prefixes=("word:n-b",))
        assert [each.body for each in (await store.page(listing)).rows] == [rows[1].body]
        assert isinstance(await store.commit(change("A", "changed")), Outcome)
        refused = await store.commit(creation(an_order_of("B")))
        assert refused == refuse("ORDER_ID_TAKEN")

    with_bulk(database_url, use)


def test_what_is_there_stays_as_it_is(database_url: str) -> None:
    """Of a load only what is not there is written, and the answer says which that was."""

    async def use(store: BulkStore) -> None:
        assert isinstance(await store.commit(creation(an_order_of("A"))), Outcome)
        before = await all_of(store, Walk(ACCOUNT, words=words_of))
        load = [row("A", 60, comment="another"), row("B", 60)]
        assert await store.load(ACCOUNT, load) == {"B"}
        assert await store.load(ACCOUNT, load) == frozenset()
        assert await store.load(ACCOUNT, []) == frozenset()
        assert await all_of(store, Walk(ACCOUNT, words=words_of)) == [*before, load[1]]
        count = await store.query("words_count", account_id=ACCOUNT)
        assert count[0]["count"] == sum(len(order.words) for order in (*before, load[1]))

    with_bulk(database_url, use)


def test_accounts_are_kept_apart(database_url: str) -> None:
    """The same order_id is another order elsewhere; drafts are no orders."""

    async def use(store: BulkStore) -> None:
        assert await store.load(ACCOUNT, [row("A")]) == {"A"}
        assert await store.load("T00000002", [row("A", 5)]) == {"A"}
        assert [each.created_ms for each in await all_of(store, Walk("T00000002"))] == [
            NOW.plus(5).ms
        ]

    with_bulk(database_url, use)


def test_a_load_is_one_transaction(database_url: str) -> None:
    """When one order cannot be written, none of them is."""

    async def use(store: BulkStore) -> None:
        bad = row("B")
        bad = bad._replace(events=bad.events * 2)
        with pytest.raises(Exception, match=r"(?i)unique"):
            await store.load(ACCOUNT, [row("A"), bad])
        assert await all_of(store, Walk(ACCOUNT)) == []
        assert await store.load(ACCOUNT, [row("A"), row("B")]) == {"A", "B"}

    with_bulk(database_url, use)


def test_numbers_go_on_behind_those_that_were_loaded(database_url: str) -> None:
    """They never go back, and other accounts go on counting from their own."""

    def numbered(account_id: str) -> Commit:
        def decide(state: State) -> Decision:
            return Decision((), str(state.order_number(account_id)).encode())

        return Commit((Key(account_id, "order", "none"),), decide)

    async def number(store: BulkStore, account_id: str = ACCOUNT) -> int:
        outcome = await store.commit(numbered(account_id))
        assert isinstance(outcome, Outcome)
        return int(outcome.answer)

    async def use(store: BulkStore) -> None:
        await store.load(ACCOUNT, [row("A")], 57)
        assert await number(store) == 100_001, "a counter never starts below its first number"
        await store.load(ACCOUNT, [row("B")], 100_500)
        assert await number(store) == 100_500
        await store.load(ACCOUNT, [row("C")], 100_400)
        # A number that no order took is given again on SQLite, and only there.
        assert await number(store) in {100_500, 100_501}
        assert await number(store, "T00000002") == 100_001

    with_bulk(database_url, use)


def test_loads_and_writes_meet_without_harm(database_url: str) -> None:
    """Two loads and the usual way, all at once, for the same orders: each is made once."""

    async def use(store: BulkStore) -> None:
        other = await open_store(database_url, migrate=False)
        names = [f"{number:03}" for number in range(60)]
        results = await asyncio.gather(
            store.load(ACCOUNT, [row(name) for name in names]),
            other.load(ACCOUNT, [row(name) for name in reversed(names)]),
            *(store.commit(creation(an_order_of(name))) for name in names),
        )
        made = [name for each in results if isinstance(each, frozenset) for name in each]
        made += ["made" for each in results if isinstance(each, Outcome)]
        assert len(made) == len(names)
        await other.close()
        found = await all_of(store, Walk(ACCOUNT, words=words_of))
        assert [order.order_id for order in found] == names
        assert found == [row(name) for name in names]

    with_bulk(database_url, use)


# --------------------------------------------------------------------------------- walking


def test_a_walk_goes_from_the_oldest_to_the_newest(database_url: str) -> None:
    """Orders of the same moment by their id; each once, in however many pages."""

    async def use(store: BulkStore) -> None:
        rows = [row(f"{(number * 7) % 40:02}", number // 4) for number in range(40)]
        await store.load(ACCOUNT, rows)
        expected = sorted(rows, key=lambda order: (order.created_ms, order.order_id))
        for limit in (1, 3, 40, 100):
            assert [o.order_id for o in await all_of(store, Walk(ACCOUNT, limit=limit))] == [
                order.order_id for order in expected
            ]

    with_bulk(database_url, use)


def test_a_walk_keeps_within_its_bounds(database_url: str) -> None:
    """From a moment on, it included; up to another, it not included; or one order alone."""

    async def use(store: BulkStore) -> None:
        await store.load(ACCOUNT, [row(str(number), number) for number in range(6)])

        async def names(walk: Walk) -> str:
            return "".join([order.order_id for order in await all_of(store, walk)])

        assert await names(Walk(ACCOUNT, since_ms=NOW.plus(2).ms)) == "2345"
        assert await names(Walk(ACCOUNT, until_ms=NOW.plus(2).ms)) == "01"
        both = Walk(ACCOUNT, since_ms=NOW.plus(1).ms, until_ms=NOW.plus(4).ms, limit=1)
        assert await names(both) == "123"
        assert await names(Walk(ACCOUNT, order_id="3")) == "3"
        assert await names(Walk(ACCOUNT, order_id="nobody")) == ""
        assert await names(Walk("T00000002")) == ""

    with_bulk(database_url, use)


def test_a_page_is_of_one_moment(database_url: str) -> None:
    """While orders change, a document has the events and the words of its own version."""

    async def use(store: BulkStore) -> None:
        await store.load(ACCOUNT, [row("A"), row("B")])
        other = await open_store(database_url, migrate=False)

        async def write() -> None:
            for turn in range(60):
                await store.commit(change("AB"[turn % 2], f"comment-{turn}"))

        writing = asyncio.create_task(write())
        looked = 0
        while not writing.done() or looked < 5:
            for order in await all_of(other, Walk(ACCOUNT, words=words_of)):
                assert [event.version for event in order.events] == [*range(1, order.version + 1)]
                assert order.words == words_of(order.body)
            looked += 1
            await asyncio.sleep(0)
        await writing
        await other.close()

    with_bulk(database_url, use)


def test_words_come_with_the_documents_they_lead_to(database_url: str) -> None:
    """Page by page in their order; a word that leads nowhere comes without one."""

    async def use(store: BulkStore) -> None:
        rows = [row("A"), row("B")]
        stray = rows[1]._replace(words=rows[1].words | {"store:wrong"})
        await store.load(ACCOUNT, [rows[0], stray])
        found: list[tuple[str, str, bytes]] = []
        after: tuple[str, int, str] = ("", 0, "")
        while True:
            page = await store.query(
                "words_with_documents",
                account_id=ACCOUNT,
                kinds=["order"],
                after_term=after[0],
                after_ms=after[1],
                after_id=after[2],
                limit=3,
            )
            found += [(each["term"], each["order_id"], each["body"]) for each in page]
            assert all(each["created_ms"] == each["document_created_ms"] for each in page)
            if len(page) < 3:
                break
            after = (page[-1]["term"], page[-1]["created_ms"], page[-1]["order_id"])
        expected = [(word, o.order_id, o.body) for o in (rows[0], stray) for word in o.words]
        assert found == sorted(expected)
        of_one = await store.query(
            "words_of_order", account_id=ACCOUNT, kinds=["order"], order_id="B"
        )
        assert {each["term"] for each in of_one} == stray.words
        assert {each["body"] for each in of_one} == {stray.body}

    with_bulk(database_url, use)


def test_large_orders_make_short_pages(tmp_path_factory: pytest.TempPathFactory) -> None:
    """However large orders are, about the same amount is held at a time."""
    url = f"sqlite:///{tmp_path_factory.mktemp('bulk') / 'large.db'}"

    async def use(store: BulkStore) -> None:
        large = [row(f"{number:03}", number) for number in range(120)]
        large = [each._replace(body=each.body + b" " * 400_000) for each in large]
        await store.load(ACCOUNT, large)
        limits: list[int] = []

        class Watched:
            async def walk(self, walk: Walk) -> list[WholeOrder]:
                limits.append(walk.limit)
                return list(await store.walk(walk))

        assert len([each async for each in walked(Watched(), Walk(ACCOUNT))]) == 120
        assert limits[1:-1] == [10] * len(limits[1:-1])

    with_bulk(url, use)


@pytest.mark.postgres
@pytest.mark.parametrize("counted", [False, True])
def test_bulk_statements_find_rows_by_their_keys(postgres_url: str, *, counted: bool) -> None:
    """Also right after a load, when the server has not counted the rows yet."""
    statements = Statements("postgres")
    given: dict[str, Any] = {
        "account_id": ACCOUNT,
        "order_id": "0007",
        "ids": ["0001", "0002", "nobody"],
        "kinds": ["order"],
        "terms": ["number:N-0001"],
        "created_ms": [NOW.ms],
        "after_term": "number:",
        "after_ms": 0,
        "after_id": "",
        "limit": 100,
    }

    async def use(store: BulkStore) -> None:
        await store.load(ACCOUNT, [row(f"{number:04}", number) for number in range(300)])
        if counted:
            await store.settle()
        connection = await asyncpg.connect(postgres_url, server_settings=SETTINGS)

        async def plan(text: str, arguments: Sequence[object]) -> str:
            return "\n".join(
                row[0] for row in await connection.fetch(f"explain {text}", *arguments)
            )

        names = ("walk_events", "walk_words", "orders_there", "words_with_documents")
        for name in (*names, "words_of_order"):
            statement = statements[name]
            found = await plan(statement.text, statement.arguments(given))
            assert "Seq Scan" not in found, found
            assert "_by_age" not in found, found
            for index in re.findall(r"using documents_pkey[^\n]*\n[^\n]*", found):
                assert re.search(r"account_id = .*kind = .*id = ", index), found
        walk = Walk(ACCOUNT, after=(1, "a"), since_ms=1, until_ms=2**52)
        for each in (walk, with_fields(walk, after=None)):
            found = await plan(*walk_query(each, "postgres"))
            assert "orders_by_age" in found, found
            assert "Sort" not in found, found
        await connection.close()

    with_bulk(postgres_url, use)
