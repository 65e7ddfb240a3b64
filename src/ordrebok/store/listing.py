"""One page of documents: the SQL of a listing, for either engine.

A page continues after the last row of the page before, by (created_ms, id); it never counts
rows off. Rows come in the order of an index and stop at the limit, so that a page of a million
orders costs what a page of a hundred costs. Where words are asked for, the index of words leads:
it stands in the same order. Only a prefix, which spans many words, has to be sorted.
"""
# ruff: noqa: S608 -- the statements are put together from this file's own text; what a caller
# gave, `place` makes a parameter of.

from collections.abc import Sequence
from typing import Any, NamedTuple

from ordrebok.decision import Listing, Page, Stored
from ordrebok.store.named import Engine

_HIGHEST = "\U0010ffff"  # Sorts behind every character, in UTF-8 byte order too.
_BY_WORD = "t.created_ms desc, t.order_id desc"


class PageQuery(NamedTuple):
    """A statement with its parameters, numbered from one."""

    text: str
    arguments: list[object]


class _Composer:
    """Collects parameters and writes their places the way the engine wants them."""

    def __init__(self, listing: Listing, engine: Engine) -> None:
        self.listing = listing
        self.engine = engine
        self.arguments: list[object] = []
        self.account = self.place(listing.account_id)
        # Written out, because the index by age is one for each kind. It holds no caller's text.
        self.kind = "'order'" if listing.kind == "order" else "'draft'"
        self.body = "cast(d.body as blob)" if engine == "sqlite" else "d.body"
        # Written out too: a planner that does not see the limit sorts what it could walk.
        self.limit = f"limit {int(listing.limit) + 1}"

    def place(self, value: object) -> str:
        """Add a parameter and return its place."""
        self.arguments.append(value)
        sign = "?" if self.engine == "sqlite" else "$"
        return f"{sign}{len(self.arguments)}"

    def one_of(self, column: str, values: Sequence[str]) -> str:
        """Return the condition that a column has one of some values."""
        if self.engine == "postgres":  # One parameter however many values: one statement.
            return f"{column} = any({self.place(list(values))})"
        return f"{column} in ({', '.join([self.place(value) for value in values])})"

    def ages(self, created: str, id_column: str, after: tuple[int, str] | None) -> list[str]:
        """Return the conditions on age and position, which bound the walk along an index."""
        limits = ((">=", self.listing.created_gte_ms), ("<=", self.listing.created_lte_ms))
        found = [
            f"{created} {sign} {self.place(value)}" for sign, value in limits if value is not None
        ]
        if after is not None:
            place = f"({self.place(after[0])}, {self.place(after[1])})"
            found.append(f"({created}, {id_column}) < {place}")
        return found

    def columns(self) -> list[str]:
        """Return the conditions on columns of the document that no index holds."""
        listing = self.listing
        times = ((">=", listing.updated_gte_ms), ("<=", listing.updated_lte_ms))
        found = [
            f"d.updated_ms {sign} {self.place(value)}" for sign, value in times if value is not None
        ]
        choices = (
            ("d.status", listing.statuses),
            ("d.payment_status", listing.payment_statuses),
            ("d.currency", listing.currencies),
        )
        return found + [self.one_of(column, values) for column, values in choices if values]

    def begins(self, prefix: str, table: str) -> str:
        """Return the condition that a word begins with a prefix."""
        low, high = self.place(prefix), self.place(prefix + _HIGHEST)
        return f"{table}.term >= {low} and {table}.term < {high}"

    def has_word(self, condition: str) -> str:
        """Return the condition that the order of a row of words has another word too."""
        # PostgreSQL would turn `exists` into a join of all rows with all; an offset keeps it one
        # look into the index for each row.
        alone = "offset 0" if self.engine == "postgres" else ""
        return (
            f"exists (select 1 from order_terms as o where o.account_id = {self.account} "
            f"and o.created_ms = t.created_ms and o.order_id = t.order_id and {condition} {alone})"
        )

    def document_of(self, table: str) -> str:
        """Return the join from a row of words to its document.

        The words lead, whatever the planner thinks: each engine has its own way to say so. For
        PostgreSQL the kind comes out of unnest(). Seen as it is, also as a parameter, it would
        let the index by age serve, which to a planner that knows nothing of the table looks as
        good as the primary key: all of that index would be read for each word's order.
        """
        key = f"d.account_id = {self.account} and d.id = {table}.order_id and d.kind ="
        if self.engine == "sqlite":
            return f"cross join documents as d on {key} {self.place('order')}"
        kind = f"(select unnest({self.place(['order'])}::text[]))"
        return f"cross join lateral (select * from documents as d where {key} {kind} offset 0) as d"

    def leads(self, after: tuple[int, str] | None) -> list[str]:
        """Return what yields the positions of the rows in question: one query for each word.

        A prefix leads before whole words: it is typed by somebody who looks for one order.
        """
        prefixes, groups = list(self.listing.prefixes), list(self.listing.term_groups)
        distinct = ""
        if prefixes:
            distinct = "distinct "  # Several words of one order may begin with it.
            leading = [self.begins(prefixes.pop(0), "t")]
        else:
            leading = [f"t.term = {self.place(word)}" for word in groups.pop(0)]
        # One look into the index for each word: with `in` it may be searched by account alone.
        rest = [[f"o.term = {self.place(word)}" for word in group] for group in groups]
        rest += [[self.begins(prefix, "o")] for prefix in prefixes]
        conditions = self.ages("t.created_ms", "t.order_id", after)
        conditions += [f"({' or '.join(map(self.has_word, choices))})" for choices in rest]
        columns = self.columns()
        join = self.document_of("t") if columns else ""
        return [
            f"select {distinct}t.created_ms, t.order_id from order_terms as t {join} where "
            + " and ".join([f"t.account_id = {self.account}", each, *conditions, *columns])
            for each in leading
        ]


def _is_led_by_words(listing: Listing) -> bool:
    return bool(listing.prefixes or listing.term_groups)


def page_query(listing: Listing, engine: Engine) -> PageQuery:
    """Return the statement for the rows of a page, and one row more.

    Its columns: created_ms, id, version, body.
    """
    with_ = _Composer(listing, engine)
    head = f"select d.created_ms, d.id, d.version, {with_.body} from"
    if not _is_led_by_words(listing):
        conditions = [f"d.account_id = {with_.account}", f"d.kind = {with_.kind}"]
        conditions += with_.ages("d.created_ms", "d.id", listing.after) + with_.columns()
        text = (
            f"{head} documents as d where {' and '.join(conditions)} "
            f"order by d.created_ms desc, d.id desc {with_.limit}"
        )
        return PageQuery(text, with_.arguments)
    leads = [
        f"select * from ({lead} order by {_BY_WORD} {with_.limit}) as l"
        for lead in with_.leads(listing.after)
    ]
    positions = leads[0]
    if len(leads) > 1:  # Each word gives a page of its own; the first of them all are the page.
        positions = (
            f"select distinct t.created_ms, t.order_id from ({' union all '.join(leads)}) as t "
            f"order by {_BY_WORD} {with_.limit}"
        )
    text = f"{head} ({positions}) as t {with_.document_of('t')} order by {_BY_WORD}"
    return PageQuery(text, with_.arguments)


def count_query(listing: Listing, engine: Engine) -> PageQuery:
    """Return the statement that counts every row of a listing, on whichever page."""
    with_ = _Composer(listing, engine)
    if _is_led_by_words(listing):
        rows = " union ".join(with_.leads(None))
        return PageQuery(f"select count(*) from ({rows}) as t", with_.arguments)
    conditions = [f"d.account_id = {with_.account}", f"d.kind = {with_.kind}"]
    conditions += with_.ages("d.created_ms", "d.id", None) + with_.columns()
    text = f"select count(*) from documents as d where {' and '.join(conditions)}"
    return PageQuery(text, with_.arguments)


def events_query(listing: Listing, ids: Sequence[str], engine: Engine) -> PageQuery:
    """Return the statement for the events of a page's documents: document_id, version, body."""
    with_ = _Composer(listing, engine)
    key = f"d.account_id = {with_.account} and d.kind = {with_.kind}"
    columns = f"d.document_id, d.version, {with_.body}"
    if engine == "sqlite":
        of = f"e.account_id = {with_.account} and e.document = d.place"
        text = (
            "select d.id, e.version, cast(e.body as blob) "
            f"from documents as d cross join events as e on {of} "
            f"where {key} and {with_.one_of('d.id', ids)} order by d.id, e.version"
        )
    else:  # One look into the index for each document; see documents_at in queries/.
        events = f"select * from events as d where {key} and d.document_id = i.id offset 0"
        asked = f"unnest({with_.place(list(ids))}::text[]) as i (id)"
        source = f"{asked} cross join lateral ({events}) as d"
        text = f"select {columns} from {source} order by d.document_id, d.version"
    return PageQuery(text, with_.arguments)


def make_page(
    listing: Listing,
    rows: Sequence[Sequence[Any]],
    events: Sequence[Sequence[Any]],
    total: int | None,
) -> Page:
    """Put a page together from the rows of its statements.

    Events that were read a moment after their document may be ahead of it. Each version leaves
    one event, so as many belong to it as its version says.
    """
    by_id: dict[str, list[bytes]] = {}
    for document_id, _, body in events:
        by_id.setdefault(document_id, []).append(body)
    kept = rows[: listing.limit]
    stored = [Stored(version, body, by_id.get(id, [])[:version]) for _, id, version, body in kept]
    last = kept[-1] if len(rows) > listing.limit else None
    next_after = None if last is None else (last[0], last[1])
    return Page(stored, next_after, total)
