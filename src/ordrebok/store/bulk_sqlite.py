"""Bulk reading and loading in SQLite."""

import sqlite3
from collections.abc import Sequence
from operator import attrgetter

from ordrebok.orders.whole import WholeOrder
from ordrebok.store.batch import FIRST_NUMBER
from ordrebok.store.bulk import (
    as_json,
    document_rows,
    entry_rows,
    expiry_rows,
    make_walk_page,
    walk_query,
    wanted_entries,
    wanted_words,
    word_rows,
)
from ordrebok.store.named import Statements
from ordrebok.store.walk import Walk


def read_walk(
    connection: sqlite3.Connection, statements: Statements, walk: Walk
) -> list[WholeOrder]:
    """Return one page of a walk, all of it of one moment."""
    query = walk_query(walk, "sqlite")
    connection.execute("begin")
    try:
        documents = connection.execute(query.text, query.arguments).fetchall()
        ids = as_json([document[0] for document in documents])
        of_ids = {"account_id": walk.account_id, "ids": ids}
        statement = statements["walk_events"]
        events = connection.execute(statement.text, statement.arguments(of_ids)).fetchall()
        words = []
        wanted = wanted_words(walk, documents)
        if wanted:
            statement = statements["walk_words"]
            of_words = {"account_id": walk.account_id, "words": as_json(wanted)}
            words = connection.execute(statement.text, statement.arguments(of_words)).fetchall()
        entries = []
        keys = wanted_entries(walk, documents)
        if keys:
            statement = statements["walk_entries"]
            of_keys = {"account_id": walk.account_id, "entries": as_json(keys)}
            entries = connection.execute(statement.text, statement.arguments(of_keys)).fetchall()
    finally:
        connection.rollback()
    return make_walk_page(documents, events, words, entries)


def write_load(
    connection: sqlite3.Connection,
    statements: Statements,
    account_id: str,
    orders: Sequence[WholeOrder],
    next_number: int,
) -> frozenset[str]:
    """Write the orders that are not there, inside the caller's transaction; return their ids.

    The transaction holds the file's only write lock, so what is not there stays away until it
    is written.
    """
    statement = statements["orders_there"]
    asked = {"account_id": account_id, "ids": as_json([order.order_id for order in orders])}
    there = {row[0] for row in connection.execute(statement.text, statement.arguments(asked))}
    new = [order for order in orders if order.order_id not in there]
    new.sort(key=attrgetter("order_id"))
    insert = statements["insert_document"].text
    events: list[tuple[object, ...]] = []
    for order, row in zip(new, document_rows(account_id, new), strict=True):
        place = connection.execute(insert, row).lastrowid
        events += [(account_id, place, *event) for event in order.events]
    if events:
        moved = (account_id, len(events))
        first = connection.execute(statements["advance_feed"].text, moved).fetchall()[0][0]
        events = [(*event, first + nth) for nth, event in enumerate(events)]
    for name, rows in (
        ("insert_event", events),
        ("insert_term", word_rows(account_id, new)),
        ("insert_entry", entry_rows(account_id, new)),
        ("insert_expiry", expiry_rows(account_id, new)),
    ):
        if rows:
            connection.executemany(statements[name].text, rows)
    if next_number > FIRST_NUMBER:
        statement = statements["raise_numbers"]
        raised = {"account_id": account_id, "next": next_number}
        connection.execute(statement.text, statement.arguments(raised)).fetchall()
    return frozenset(order.order_id for order in new)
