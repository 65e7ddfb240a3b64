"""Bulk reading and loading in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from ordrebok.orders.whole import WholeOrder
from ordrebok.store.batch import FIRST_NUMBER
from ordrebok.store.bulk import (
    document_rows,
    entry_rows,
    event_rows,
    expiry_rows,
    make_walk_page,
    walk_query,
    wanted_entries,
    wanted_words,
    word_rows,
)
from ordrebok.store.named import Statements
from ordrebok.store.postgres_link import Connection
from ordrebok.store.walk import Walk

_TRIES: Final = 10
"""How often a load begins anew because somebody else made one of its orders meanwhile."""


async def read_walk(connection: Connection, statements: Statements, walk: Walk) -> list[WholeOrder]:
    """Return one page of a walk, all of it of one moment."""
    query = walk_query(walk, "postgres")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        documents = await connection.fetch(query.text, *query.arguments)
        ids = [document[0] for document in documents]
        statement = statements["walk_events"]
        of_ids = {"account_id": walk.account_id, "ids": ids}
        events = await connection.fetch(statement.text, *statement.arguments(of_ids))
        words = []
        wanted = wanted_words(walk, documents)
        if wanted:
            statement = statements["walk_words"]
            terms, created_ms, of_orders = zip(*wanted, strict=True)
            of_words = {
                "account_id": walk.account_id,
                "terms": terms,
                "created_ms": created_ms,
                "ids": of_orders,
            }
            words = await connection.fetch(statement.text, *statement.arguments(of_words))
        entries = []
        keys = wanted_entries(walk, documents)
        if keys:
            statement = statements["walk_entries"]
            names = ("destinations", "moments", "orders", "types", "operations", "lines")
            columns = zip(*keys, strict=True)
            of_keys = {"account_id": walk.account_id, **dict(zip(names, columns, strict=True))}
            entries = await connection.fetch(statement.text, *statement.arguments(of_keys))
    return make_walk_page(documents, events, words, entries)


async def write_load(
    connection: Connection,
    statements: Statements,
    account_id: str,
    orders: Sequence[WholeOrder],
    next_number: int,
) -> frozenset[str]:
    """Write the orders that are not there, in one transaction; return their ids.

    The counter is raised first, in a transaction of its own: servers that give numbers wait for
    its row, and must not wait for the rest.
    """
    if next_number > FIRST_NUMBER:
        statement = statements["raise_numbers"]
        raised = {"account_id": account_id, "next": next_number}
        await connection.fetch(statement.text, *statement.arguments(raised))
    for tried in range(1, _TRIES + 1):
        try:
            return await _copy(connection, statements, account_id, orders)
        except asyncpg.UniqueViolationError:
            if tried == _TRIES:
                raise
    raise AssertionError


async def _copy(
    connection: Connection,
    statements: Statements,
    account_id: str,
    orders: Sequence[WholeOrder],
) -> frozenset[str]:
    """Write the orders that are not there now.

    Raises: asyncpg.UniqueViolationError, when somebody else makes one of them meanwhile.
    """
    statement = statements["orders_there"]
    ids = [order.order_id for order in orders]
    asked = {"account_id": account_id, "kinds": ["order"] * len(ids), "ids": ids}
    there = {row[0] for row in await connection.fetch(statement.text, *statement.arguments(asked))}
    new = [order for order in orders if order.order_id not in there]
    if not new:
        return frozenset()
    async with connection.transaction():
        for table, rows in (
            ("documents", document_rows(account_id, new)),
            ("order_terms", word_rows(account_id, new)),
            ("payout_entries", entry_rows(account_id, new)),
            ("expiries", expiry_rows(account_id, new)),
        ):
            await connection.copy_records_to_table(table, records=rows)
        # From here to the commit all writers of the account wait: as late as can be.
        count = sum(len(order.events) for order in new)
        statement = statements["advance_feed"]
        moved = {"account_id": account_id, "count": count}
        first = (await connection.fetch(statement.text, *statement.arguments(moved)))[0][0]
        rows = event_rows(account_id, new, first)
        await connection.copy_records_to_table("events", records=rows)
    return frozenset(order.order_id for order in new)
