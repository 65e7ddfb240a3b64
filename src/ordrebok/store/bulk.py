"""Orders in bulk: the statements of a walk, and the rows of a load, for either engine."""
# ruff: noqa: S608 -- the statements are put together from this file's own text; what a caller
# gave becomes a parameter.

import json
from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final

from ordrebok.decision import LedgerEntry
from ordrebok.orders.whole import WholeOrder, WrittenEvent
from ordrebok.store.listing import PageQuery
from ordrebok.store.named import Engine
from ordrebok.store.walk import Walk

SHORTEST_LIFE_MS: Final = 86_400_000
"""No order may be kept for less than a day."""

# ------------------------------------------------------------------ statements of a walk


def walk_query(walk: Walk, engine: Engine) -> PageQuery:
    """Return the statement for a page's documents.

    Its columns: id, version, status, payment_status, currency, created_ms, updated_ms, body.
    """
    arguments: list[object] = []

    def place(value: object) -> str:
        arguments.append(value)
        return f"{'?' if engine == 'sqlite' else '$'}{len(arguments)}"

    # The kind and the limit are written out, as in listings, unless a key is searched for: see
    # listing.py.
    kind = "'order'"
    if walk.order_id is not None and engine == "postgres":
        kind = "(select unnest('{order}'::text[]))"
    conditions = [f"account_id = {place(walk.account_id)}", f"kind = {kind}"]
    if walk.order_id is not None:
        conditions.append(f"id = {place(walk.order_id)}")
    if walk.since_ms is not None:
        conditions.append(f"created_ms >= {place(walk.since_ms)}")
    if walk.until_ms is not None:
        conditions.append(f"created_ms < {place(walk.until_ms)}")
    if walk.after is not None:
        conditions.append(f"(created_ms, id) > ({place(walk.after[0])}, {place(walk.after[1])})")
    body = "cast(body as blob)" if engine == "sqlite" else "body"
    text = (
        "select id, version, status, payment_status, currency, created_ms, updated_ms, "
        f"{body} from documents where {' and '.join(conditions)} "
        f"order by created_ms, id limit {int(walk.limit)}"
    )
    return PageQuery(text, arguments)


def as_json(values: Sequence[object]) -> str:
    """Return values as the one parameter that SQLite takes them by."""
    return json.dumps(values, ensure_ascii=False)


def wanted_words(walk: Walk, documents: Sequence[Sequence[Any]]) -> list[tuple[str, int, str]]:
    """Return the words that a page's orders should be found by: word, created_ms, order_id."""
    if walk.words is None:
        return []
    return sorted(
        (word, document[5], document[0])
        for document in documents
        for word in walk.words(document[7])
    )


def wanted_entries(walk: Walk, documents: Sequence[Sequence[Any]]) -> list[tuple[object, ...]]:
    """Return the keys of the payout entries that a page's orders should have, in their order."""
    if walk.entries is None:
        return []
    return sorted(entry[:6] for document in documents for entry in walk.entries(document[7]))


def make_walk_page(
    documents: Sequence[Sequence[Any]],
    events: Sequence[Sequence[Any]],
    words: Sequence[Sequence[Any]],
    entries: Sequence[Sequence[Any]] = (),
) -> list[WholeOrder]:
    """Put a page together.

    `events` are rows of document_id, version, id, body in the order of versions; `words` are rows
    of order_id and word; `entries` are whole rows of the payout ledger.
    """
    ledger: dict[str, list[LedgerEntry]] = {}
    for row in entries:
        entry = LedgerEntry._make(row)
        ledger.setdefault(entry.order_id, []).append(entry)
    logs: dict[str, list[WrittenEvent]] = {}
    for order_id, *event in events:
        logs.setdefault(order_id, []).append(WrittenEvent(*event))
    found: dict[str, set[str]] = {}
    for order_id, word in words:
        found.setdefault(order_id, set()).add(word)
    return [
        WholeOrder._make(
            (
                *document,
                tuple(logs.get(document[0], ())),
                frozenset(found.get(document[0], ())),
                tuple(ledger.get(document[0], ())),
            )
        )
        for document in documents
    ]


# ------------------------------------------------------------------ rows of a load


def document_rows(account_id: str, orders: Sequence[WholeOrder]) -> list[tuple[object, ...]]:
    """Return the rows of new documents, in the order of the table's columns."""
    return [
        (
            *(account_id, "order", order.order_id, order.version),
            *(order.status, order.payment_status, order.currency),
            *(order.created_ms, order.updated_ms, None, order.body),
        )
        for order in sorted(orders, key=lambda order: order.order_id)
    ]


def event_rows(
    account_id: str, orders: Sequence[WholeOrder], first: int
) -> list[tuple[object, ...]]:
    """Return the rows of new events, in the order of the table's columns.

    They stand in the account's log from position `first` on.
    """
    events = [
        (account_id, "order", order.order_id, *event)
        for order in sorted(orders, key=lambda order: order.order_id)
        for event in order.events
    ]
    return [(*event, first + nth) for nth, event in enumerate(events)]


def expiry_rows(account_id: str, orders: Sequence[WholeOrder]) -> list[tuple[object, ...]]:
    """Return when to look whether the orders' time is over: as soon as it may be."""
    return sorted(
        (account_id, order.updated_ms + SHORTEST_LIFE_MS, "order", order.order_id)
        for order in orders
    )


def word_rows(account_id: str, orders: Sequence[WholeOrder]) -> list[tuple[object, ...]]:
    """Return the rows of new words, in the order of their table: so they are written fastest."""
    rows: list[tuple[object, ...]] = [
        (account_id, word, order.created_ms, order.order_id)
        for order in sorted(orders, key=attrgetter("created_ms", "order_id"))
        for word in order.words
    ]
    rows.sort(key=itemgetter(1))  # It keeps the order of what has the same word.
    return rows


def entry_rows(account_id: str, orders: Sequence[WholeOrder]) -> list[tuple[object, ...]]:
    """Return the new rows of the payout ledger, in the order of their table."""
    rows = [(account_id, *entry) for order in orders for entry in order.entries]
    rows.sort(key=lambda row: row[:7])
    return list(rows)
