"""What a batch decided, written into a SQLite file."""

import sqlite3

from ordrebok.store.batch import Batch, Document
from ordrebok.store.named import Statements


def write(connection: sqlite3.Connection, statements: Statements, batch: Batch) -> None:
    """Write a batch inside the caller's transaction, of each document only what it has become.

    The transaction holds the file's only write lock, so a version that was read in it is still
    the version now.
    """
    added, removed = batch.term_rows()
    _insert_documents(connection, statements, batch)
    for name, rows in (
        ("change_document", [_changed(document) for document in batch.changed() if document.found]),
        ("insert_event", _event_rows(batch)),
        ("insert_record", batch.record_rows()),
        ("insert_term", added),
        ("delete_term", removed),
        ("insert_entry", batch.entry_rows()),
    ):
        if rows:
            connection.executemany(statements[name].text, rows)


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


def _event_rows(batch: Batch) -> list[tuple[object, ...]]:
    """Return the rows of all events in the order of their table: so they are written fastest."""
    documents = batch.documents
    rows = [
        (put.key.account_id, documents[put.key].place, put.version, put.event_id, put.event)
        for put in batch.puts
    ]
    rows.sort(key=_table_order)
    return list(rows)


def _table_order(row: tuple[str, int, int, str, bytes]) -> tuple[str, int, int]:
    return row[:3]
