"""How PostgreSQL finds rows: by index, whatever it believes of the tables."""

from __future__ import annotations

import asyncio
import re

import pytest

from ordrebok.decision import Listing
from ordrebok.store.bulk import walk_query
from ordrebok.store.listing import PageQuery, count_query, events_query, page_query
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import SETTINGS, Connection, connect
from ordrebok.store.walk import Walk
from tests.store.doors import opened
from tests.store.toy import ACCOUNT


async def plan(connection: Connection, text: str) -> str:
    """The plan that would be kept for a statement, whatever its parameters."""
    count = max((int(number) for number in re.findall(r"\$(\d+)", text)), default=0)
    await connection.execute(f"prepare p as {text}")
    nulls = ", ".join(["null"] * count)
    rows = await connection.fetch(f"explain execute p{f'({nulls})' if count else ''}")
    await connection.execute("deallocate p")
    return "\n".join(row[0] for row in rows)


async def plan_of_the_pool(connection: Connection, query: PageQuery) -> str:
    """The plan that a connection of the pool makes for a statement with these parameters."""
    mode = SETTINGS["plan_cache_mode"]
    await connection.execute(f"set plan_cache_mode = {mode}")
    rows = await connection.fetch(f"explain {query.text}", *query.arguments)
    await connection.execute("reset plan_cache_mode")
    return "\n".join(row[0] for row in rows)


def list_queries() -> list[PageQuery]:
    """Statements of lists of every kind."""

    def listing(**more: object) -> Listing:
        after = (1, "a")
        return Listing(ACCOUNT, "order", 10, after, lambda _: b"", **more)  # type: ignore[arg-type]

    listings = [
        listing(),
        listing(statuses=("open", "closed"), created_gte_ms=1),
        listing(term_groups=(("a",), ("b", "c")), currencies=("NOK",)),
        listing(term_groups=(("a", "b"),)),
        listing(prefixes=("a", "b"), term_groups=(("c",),)),
    ]
    return [
        *(page_query(each, "postgres") for each in listings),
        *(count_query(each, "postgres") for each in listings if each.term_groups),
        events_query(listings[0], ["a", "b"], "postgres"),
    ]


def hold_a_list_to_its_keys(found: str, query: PageQuery) -> None:
    """The words of a list are found by word, and their documents by the whole key."""
    assert "Seq Scan" not in found, found
    assert "Materialize" not in found, found
    if "order_terms" in query.text:  # The index by age is for lists that it leads.
        assert "_by_age" not in found, found
    for index in re.findall(r"using order_terms_pkey[^\n]*\n[^\n]*", found):
        assert re.search(r"account_id = .*term ", index), found
    for index in re.findall(r"using documents_pkey[^\n]*\n[^\n]*", found):
        assert re.search(r"account_id = .*kind = .*id = ", index), found


@pytest.mark.postgres
@pytest.mark.parametrize("tables", ["new", "analyzed"])
def test_rows_are_found_by_their_keys_also_on_empty_tables(postgres_url: str, tables: str) -> None:
    """A plan made on an empty table is kept while it grows: it must not read everything."""
    statements = Statements("postgres")
    names = ("document", "document_and_events", "documents_at", "records_at", "lock_documents")

    async def use() -> None:
        async with opened(postgres_url):
            connection = await connect(postgres_url)
            if tables == "analyzed":
                await connection.execute("vacuum analyze")
            for name in names:
                found = await plan(connection, statements[name].text)
                assert "Seq Scan" not in found, found
                assert "_by_age" not in found, found
                for index in re.findall(r"Scan using documents_pkey[^\n]*\n[^\n]*", found):
                    assert re.search(r"account_id = .*kind = .*id = ", index), found
            for query in list_queries():
                hold_a_list_to_its_keys(await plan(connection, query.text), query)
                hold_a_list_to_its_keys(await plan_of_the_pool(connection, query), query)
            await connection.close()

    asyncio.run(use())


@pytest.mark.postgres
def test_what_an_erasure_touches_is_found_by_its_keys(postgres_url: str) -> None:
    """Also on tables that are new: no erasure reads a whole table."""
    statements = Statements("postgres")
    names = ("order_at", "earlier_versions", "due_expiries", "drop_expiry", "naming", "bare_event")
    forgotten = ("forget_history", "forget_deliveries", "forget_answers", "forget_answer")
    meanwhile = ("forget_first_answer", "hold_followers", "told_next", "sweep_told")
    deleted = ("events_naming", "delete_events", "delete_document")

    async def use() -> None:
        async with opened(postgres_url):
            connection = await connect(postgres_url)
            for name in (
                *names,
                *forgotten,
                *deleted,
                *meanwhile,
                "answers_naming",
                "drafts_updating",
                "naming_changed",
                "deliveries_naming",
            ):
                found = await plan(connection, statements[name].text)
                assert "Seq Scan" not in found, (name, found)
            await connection.close()

    asyncio.run(use())


@pytest.mark.postgres
def test_a_walk_goes_by_age_and_to_one_order_by_its_key(postgres_url: str) -> None:
    """One order of a database that was filled a moment ago is not looked for among all."""

    async def use() -> None:
        async with opened(postgres_url):
            connection = await connect(postgres_url)
            found = await plan_of_the_pool(connection, walk_query(Walk(ACCOUNT), "postgres"))
            assert "Index Scan using orders_by_age" in found, found
            assert "Sort" not in found, found
            found = await plan_of_the_pool(connection, walk_query(Walk(ACCOUNT, "a"), "postgres"))
            assert re.search(r"documents_pkey.*\n.*account_id = .*kind = .*id = ", found), found
            await connection.close()

    asyncio.run(use())


@pytest.mark.postgres
def test_writes_find_rows_by_their_keys(postgres_url: str) -> None:
    """The writer's statements search by the whole key, once there is anything to search."""
    statements = Statements("postgres")

    async def use() -> None:
        async with opened(postgres_url):
            connection = await connect(postgres_url)
            await connection.execute(
                "insert into documents select 'a', 'order', n::text, 1, '', '', '', n, n, null, "
                "'{}' from generate_series(1, 200) as n"
            )
            for name in ("write_one", "write_all"):
                found = await plan(connection, statements[name].text)
                assert "Seq Scan" not in found, found
                for index in re.findall(r"Scan using documents_\w+[^\n]*\n[^\n]*", found):
                    assert re.search(r"documents_pkey.*\n.*account_id = .*kind = .*id = ", index)
            await connection.close()

    asyncio.run(use())
