"""What a batch decided, written into a SQLite file."""

import sqlite3
from collections.abc import Mapping

from ordrebok.store.batch import Batch, Document
from ordrebok.store.named import Statements


def write(connection: sqlite3.Connection, statements: Statements, batch: Batch) -> None:
    """Write a batch inside the caller's transaction, of each document only what it has become.

    The transaction holds the file's only write lock, so a version that was read in it is still
    the version now.
    """
    added, removed = batch.term_rows()
    _insert_documents(connection, statements, batch)
    firsts, kept = _advance(connection, statements, batch)
    for name, rows in (
        ("change_document", [_changed(document) for document in batch.changed() if document.found]),
        ("insert_event", _event_rows(batch, firsts)),
        ("insert_history", _history_rows(batch, kept)),
        ("insert_expiry", batch.expiry_rows()),
        ("insert_record", batch.record_rows()),
        ("insert_term", added),
        ("delete_term", removed),
        ("insert_entry", batch.entry_rows()),
    ):
        if rows:
            connection.executemany(statements[name].text, rows)
    for name, params in batch.also:
        statement = statements[name]
        connection.execute(statement.text, statement.arguments(params)).fetchall()


def _advance(
    connection: sqlite3.Connection, statements: Statements, batch: Batch
) -> tuple[dict[str, int], dict[str, bool]]:
    """Move the logs of the accounts on.

    Returns: for each account, its first new position, and whether it keeps replaced drafts.
    """
    firsts: dict[str, int] = {}
    kept: dict[str, bool] = {}
    text = statements["advance_feed"].text
    for account_id, count in batch.advances().items():
        first, drafts_kept = connection.execute(text, (account_id, count)).fetchall()[0]
        firsts[account_id] = first
        kept[account_id] = bool(drafts_kept)
    return firsts, kept


def _insert_documents(connection: sqlite3.Connection, statements: Statements, batch: Batch) -> None:
    """Write the new documents one by one: where each has come to stand, its events go too."""
    new = [document for document in batch.changed() if not document.found]
    for document, row in zip(new, batch.new_rows(), strict=True):
        cursor = connection.execute(statements["insert_document"].text, row)
        document.place = cursor.lastrowid or 0


def _changed(document: Document) -> tuple[object, ...]:
    """Return the row of a changed document, found again by its place."""
    put = document.last_put
    if put is None:
        raise ValueError(document.key)
    return (
        *(put.version, put.status, put.payment_status, put.currency, put.updated_ms, put.body),
        *(document.place, put.key.account_id, document.found),
    )


def _event_rows(batch: Batch, firsts: Mapping[str, int]) -> list[tuple[object, ...]]:
    """Return the rows of all events in the order of their table: so they are written fastest."""
    documents = batch.documents
    rows = [
        (
            *(put.key.account_id, documents[put.key].place, put.version, put.event_id, put.event),
            None if place is None else firsts[put.key.account_id] + place,
        )
        for put, place in zip(batch.puts, batch.places(), strict=True)
    ]
    rows.sort(key=_table_order)
    return list(rows)


def _history_rows(batch: Batch, kept: Mapping[str, bool]) -> list[tuple[object, ...]]:
    """Return the rows of the replaced versions that are kept."""
    return [
        (document.key.account_id, document.place, version, body, batch.now.ms)
        for document, version, body in batch.replaced(kept)
    ]


def _table_order(row: tuple[str, int, int, str, bytes, int | None]) -> tuple[str, int, int]:
    return row[:3]
