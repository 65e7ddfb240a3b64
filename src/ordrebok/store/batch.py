"""Commits that are decided together: one after the other, in memory, then written at once.

A `Batch` stands between the decisions and the database. A decision sees what is stored, and on
top of it what earlier members of the same batch have decided; so two commits on one document
both survive. Nothing here touches a database: a `Source` answers what is not yet known, or
raises `NotLoaded`.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import LOGGED, Also, Commit, Decision, Key, NotLoaded, Outcome, Put
from ordrebok.ids import new_uuid
from ordrebok.refusals import Refusal, refuse
from ordrebok.store.bell import FOLLOWING
from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.source import Record, RecordKey, Row, Source

T = TypeVar("T")
FIRST_NUMBER = 100_001
"""The serial number of an account's first order."""
_TOLD = ("follow", "deliver")
"""Statements whose names begin so concern those who follow a log."""
GROUP = 128
"""The most commits that are made durable together."""


class Moments:
    """The store's clock: one moment for a batch, and never one before the last."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        """Read moments from a clock, which may be set back while the server runs."""
        self._now = now
        self._last = now()

    def next(self) -> Instant:
        """Return the present moment, or the last one where the clock has gone back."""
        moment = self._now()
        if moment.ms > self._last.ms:
            self._last = moment
        return self._last


class Member(msgspec.Struct, eq=False):
    """A commit on its way through the store."""

    commit: Commit
    answer: "asyncio.Future[Outcome | Refusal]"
    ids: list[str] = msgspec.field(default_factory=list)
    """Ids drawn so far: a decision that runs again draws the same ones, and so meets what was
    loaded for them."""

    @property
    def record_key(self) -> RecordKey | None:
        """Where the idempotency record of this commit stands, if it has a key."""
        asked = self.commit.idempotency
        if asked is None:
            return None
        account_id = asked.account_id or self.commit.keys[0].account_id
        return RecordKey(account_id, asked.client_id, asked.key)

    def settle(self, result: Outcome | Refusal | BaseException) -> None:
        """Give the caller its answer, if it still waits."""
        if self.answer.done():
            return
        if isinstance(result, BaseException):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class Document(msgspec.Struct, eq=False):
    """One document within a batch: what was found, and what has become of it."""

    key: Key
    found: int
    """The version in the database, 0 where there was none."""
    version: int
    body: bytes
    origin: str | None
    place: int = 0
    parsed: object = None
    stored_events: list[bytes] | None = None
    new_events: list[bytes] = msgspec.field(default_factory=list)
    first_put: Put | None = None
    last_put: Put | None = None
    terms_added: set[str] = msgspec.field(default_factory=set)
    terms_removed: set[str] = msgspec.field(default_factory=set)
    replaced: list[tuple[int, bytes]] = msgspec.field(default_factory=list)
    """Versions that the changes of this batch replace, with their bodies."""

    def apply(self, put: Put) -> None:
        """Take a change in; it is the next version."""
        if self.version and put.key.kind in LOGGED:
            self.replaced.append((self.version, self.body))
        if self.first_put is None:
            self.first_put = put
            if not self.found:
                self.origin = put.origin
        self.last_put = put
        self.version = put.version
        self.body = put.body
        self.parsed = put.document
        self.new_events.append(put.event)
        if put.terms_removed:
            self.terms_added -= put.terms_removed
            self.terms_removed |= put.terms_removed
        if put.terms_added:
            self.terms_removed -= put.terms_added
            self.terms_added |= put.terms_added


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes, type_: type[T]) -> T:
    """Read a stored document; its reader is made once for each type."""
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_)
    parsed: T = decoder.decode(body)
    return parsed


class Batch:
    """The members of one transaction, and what they have decided so far."""

    def __init__(self, now: Instant, source: Source) -> None:
        """Begin with nothing known."""
        self.now = now
        self.documents: dict[Key, Document] = {}
        self.records: dict[RecordKey, Record | None] = {}
        self.new_records: dict[RecordKey, Record] = {}
        self.results: list[tuple[Member, Outcome | Refusal | BaseException]] = []
        self.puts: list[Put] = []
        self.also: list[Also] = []
        self.subjects: dict[RecordKey, str] = {}
        """Ids of the documents that the new records tell of."""
        self.read: set[Key] = set()
        """Documents that an accepted decision looked at."""
        self._source = source
        self._changed: list[Document] | None = None
        self._drawn: dict[int, list[int]] = {}

    # ------------------------------------------------------------------ what is known

    def add_row(self, key: Key, row: Row | None) -> Document:
        """Take in what the database holds; a document that is known already stays as it is."""
        document = self.documents.get(key)
        if document is None:
            found = row or Row(0, b"", None)
            document = Document(
                key, found.version, found.version, found.body, found.origin, found.place
            )
            if not found.version:
                document.stored_events = []
            self.documents[key] = document
        return document

    def document(self, key: Key) -> Document:
        """Return a document as it now stands in this batch."""
        known = self.documents.get(key)
        return known if known is not None else self.add_row(key, self._source.row(key))

    def load(self, keys: Iterable[Key]) -> None:
        """Take in many documents at once; those that are known already are not asked for."""
        unknown = [key for key in dict.fromkeys(keys) if key not in self.documents]
        if unknown:
            for key, row in zip(unknown, self._source.rows(unknown), strict=True):
                self.add_row(key, row)

    def events(self, document: Document) -> Sequence[bytes]:
        """Return the events of a document, those of this batch included."""
        if document.stored_events is None:
            self.add_events(document, self._source.events(document.key, document.place))
        stored = document.stored_events or []
        return (*stored, *document.new_events)

    @staticmethod
    def add_events(document: Document, events: list[bytes]) -> None:
        """Take in the stored events of a document.

        Each version leaves one event. Events read later than the document may be ahead of it;
        those are left out, so that a decision sees one moment.
        """
        document.stored_events = events[: document.found]

    def number(self, member: Member, position: int, account_id: str) -> int:
        """Return the member's serial number at a position; a second run gets the same ones.

        A commit is of one account, so its numbers need not be kept apart by account.
        """
        drawn = self._drawn.setdefault(id(member), [])
        while len(drawn) <= position:
            if member.commit.dry_run:
                drawn.append(self._source.upcoming(account_id) + len(drawn))
            else:
                drawn.append(self._source.number(account_id))
        return drawn[position]

    def drawn(self, member: Member) -> int:
        """Return how many serial numbers a member has been given."""
        return len(self._drawn.get(id(member), ()))

    def give_number(self, member: Member, number: int) -> None:
        """Put down a serial number for a member that asked for one."""
        self._drawn.setdefault(id(member), []).append(number)

    # ------------------------------------------------------------------ deciding

    def run(self, member: Member) -> None:
        """Decide one member and take its changes in, or none of them.

        An unexpected exception is the answer of its own caller and of nobody else.

        Raises: NotLoaded; StoreUnavailable, when a source cannot read.
        """
        try:
            result = self._replay(member) or self._decide(member)
        except (NotLoaded, StoreUnavailable):
            raise
        except Exception as exception:  # noqa: BLE001 -- whatever it is, it goes to the caller
            self.results.append((member, exception))
        else:
            self.results.append((member, result))

    def run_all(self, members: Iterable[Member]) -> list[tuple[Member, NotLoaded]]:
        """Decide members in their order; return those that lack something.

        A member that shares a document with one that has to wait waits too, so that no commit
        on a document overtakes another.
        """
        waiting: list[tuple[Member, NotLoaded]] = []
        blocked: set[object] = set()
        for member in members:
            if blocked and not blocked.isdisjoint((*member.commit.keys, member.record_key)):
                missing = NotLoaded()
            else:
                try:
                    self.run(member)
                    continue
                except NotLoaded as lack:
                    missing = lack
            waiting.append((member, missing))
            blocked |= {*member.commit.keys, *missing.keys, member.record_key} - {None}
        return waiting

    def _replay(self, member: Member) -> Outcome | Refusal | None:
        """Return the answer an idempotency key has already got, if it has."""
        key = member.record_key
        asked = member.commit.idempotency
        if key is None or asked is None:
            return None
        record = self.new_records.get(key) or self._stored_record(key)
        if record is None:
            return None
        if record.fingerprint != asked.fingerprint:
            return refuse("IDEMPOTENCY_KEY_REUSED")
        return Outcome(record.answer, record.version, replayed=True)

    def _stored_record(self, key: RecordKey) -> Record | None:
        if key not in self.records:
            self.records[key] = self._source.record(key)
        return self.records[key]

    def _decide(self, member: Member) -> Outcome | Refusal:
        view = View(self, member)
        decision = member.commit.run(view)
        if isinstance(decision, Refusal):
            return decision
        self._check(decision, member)
        if member.commit.dry_run:
            return Outcome(decision.answer, decision.version)
        for put in decision.puts:
            self.documents[put.key].apply(put)
        self.puts.extend(decision.puts)
        self.also.extend(decision.also)
        key = member.record_key
        asked = member.commit.idempotency
        if key is not None and asked is not None:
            self.new_records[key] = Record(asked.fingerprint, decision.answer, decision.version)
            about = [put.key for put in decision.puts] or member.commit.keys
            self.subjects[key] = about[0].id if about else ""
        if decision.puts or decision.also or key is not None:
            self.read |= view.read
        return Outcome(decision.answer, decision.version)

    def _check(self, decision: Decision, member: Member) -> None:
        """Hold that every change is the next version of its document, before taking any in."""
        puts = decision.puts
        unknown = [put.key for put in puts if put.key not in self.documents]
        for key in unknown:
            if key.id in member.ids:  # Just drawn: the database cannot hold it.
                self.add_row(key, None)
        if unknown:
            self.load(unknown)
        versions: dict[Key, int] = {}
        for put in puts:
            key = put.key
            version = versions[key] if key in versions else self.documents[key].version
            if put.version != version + 1:
                raise ValueError(f"{key} is at {version}, not before {put.version}")
            versions[key] = put.version

    # ------------------------------------------------------------------ what to write

    def changed_rows(self) -> list[tuple[object, ...]]:
        """Return the rows of changed documents: what changes, the key, the version it must have."""
        rows: list[tuple[object, ...]] = []
        for document in self.changed():
            put = document.last_put
            if put is not None and document.found:
                shown = (put.status, put.payment_status, put.currency)
                key = (*put.key, document.found)
                rows.append((put.version, *shown, put.updated_ms, put.body, *key))
        return rows

    def new_rows(self) -> list[tuple[object, ...]]:
        """Return the rows of new documents."""
        rows: list[tuple[object, ...]] = []
        for document in self.changed():
            made, put = document.first_put, document.last_put
            if made is not None and put is not None and not document.found:
                shown = (put.status, put.payment_status, put.currency)
                times = (made.created_ms, put.updated_ms, made.origin)
                rows.append((*put.key, put.version, *shown, *times, put.body))
        return rows

    def record_rows(self) -> list[tuple[object, ...]]:
        """Return the rows of the idempotency records, in the order of their keys."""
        return [
            (*key, *record, self.now.ms, self.subjects[key])
            for key, record in sorted(self.new_records.items())
        ]

    def term_rows(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Return the rows of words that orders are found by from now on, and no longer."""
        added: list[tuple[object, ...]] = []
        removed: list[tuple[object, ...]] = []
        for document in self.changed():
            put = document.first_put
            if put is None:
                continue
            account_id, place = put.key.account_id, (put.created_ms, put.key.id)
            added += [(account_id, term, *place) for term in document.terms_added]
            removed += [(account_id, term, *place) for term in document.terms_removed]
        added.sort()
        removed.sort()
        return added, removed

    def entry_rows(self) -> list[tuple[object, ...]]:
        """Return the new rows of the payout ledger, in the order of their table."""
        rows = [(put.key.account_id, *entry) for put in self.puts for entry in put.entries]
        rows.sort(key=lambda row: row[:7])
        return list(rows)

    def advances(self) -> dict[str, int]:
        """Return by how many positions the log of each account grows; accounts in order."""
        counts: dict[str, int] = {}
        for put in self.puts:
            if put.key.kind in LOGGED:
                counts[put.key.account_id] = counts.get(put.key.account_id, 0) + 1
        return dict(sorted(counts.items())) if len(counts) > 1 else counts

    @property
    def accounts_moved(self) -> Iterator[str]:
        """The accounts whose log this batch has moved on; perhaps more than once."""
        for put in self.puts:
            if put.key.kind in LOGGED:
                yield put.key.account_id
        if any(name.startswith(_TOLD) for name, _ in self.also):
            yield FOLLOWING

    def places(self) -> list[int | None]:
        """Return the place of each change among those of its account, from 0, in their order.

        A change that is not in the log has none.
        """
        counts: dict[str, int] = {}
        places: list[int | None] = []
        for put in self.puts:
            if put.key.kind not in LOGGED:
                places.append(None)
                continue
            place = counts.get(put.key.account_id, 0)
            places.append(place)
            counts[put.key.account_id] = place + 1
        return places

    def replaced(self, kept: Mapping[str, bool]) -> list[tuple[Document, int, bytes]]:
        """Return the replaced versions to keep: of orders, and of drafts where they are `kept`."""
        return [
            (document, version, body)
            for document in self.changed()
            if document.replaced
            and (document.key.kind == "order" or kept.get(document.key.account_id, False))
            for version, body in document.replaced
        ]

    def expiry_rows(self) -> list[tuple[object, ...]]:
        """Return when the time of documents may be over, where it is to be looked at then."""
        return sorted(
            (put.key.account_id, put.expires_ms, put.key.kind, put.key.id)
            for put in self.puts
            if put.expires_ms is not None
        )

    def changed(self) -> list[Document]:
        """Return the documents to write, in the order in which every process locks them."""
        if self._changed is None:
            changed = [document for document in self.documents.values() if document.last_put]
            self._changed = sorted(changed, key=attrgetter("key"))
        return self._changed

    def only_read(self) -> list[Document]:
        """Return the documents that decisions rest on without changing them, by their key."""
        documents = [self.documents[key] for key in self.read]
        rest = [each for each in documents if each.found and each.last_put is None]
        return sorted(rest, key=attrgetter("key"))

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (self.puts or self.new_records or self.also)

    def settle(self) -> None:
        """Give every caller its answer, once the batch is durable."""
        for member, result in self.results:
            member.settle(result)


class View:
    """What one decision sees: the state protocol of the features."""

    __slots__ = ("_batch", "_ids", "_member", "_numbers", "now", "read")

    def __init__(self, batch: Batch, member: Member) -> None:
        """Look at a batch on behalf of one of its members."""
        self.now = batch.now
        self.read: set[Key] = set()
        self._batch = batch
        self._member = member
        self._ids = 0
        self._numbers = 0

    def get(self, key: Key, type_: type[T]) -> T | None:
        """Return the document as it now stands, or None where there is none."""
        document = self._look(key)
        if not document.version:
            return None
        if type(document.parsed) is not type_:
            document.parsed = decode(document.body, type_)
        return document.parsed

    def ahead(self, keys: Iterable[Key]) -> None:
        """Say which documents will be looked at, so that they are loaded together."""
        self._batch.load(key for key in keys if key.id not in self._member.ids)

    def version(self, key: Key) -> int:
        """Return the version of the document, 0 where there is none."""
        return self._look(key).version

    def origin(self, key: Key) -> str | None:
        """Return the fingerprint of the request that made the document under its own id."""
        return self._look(key).origin

    def events(self, key: Key) -> Sequence[bytes]:
        """Return the document's events as JSON, oldest first."""
        return self._batch.events(self._look(key))

    def order_number(self, account_id: str) -> int:
        """Return the account's next serial number, never given before."""
        number = self._batch.number(self._member, self._numbers, account_id)
        self._numbers += 1
        return number

    def new_id(self) -> str:
        """Return a new UUID; a second run of the decision gets the same ones."""
        ids = self._member.ids
        if self._ids == len(ids):
            ids.append(new_uuid())
        self._ids += 1
        return ids[self._ids - 1]

    def _look(self, key: Key) -> Document:
        self.read.add(key)
        known = self._batch.documents.get(key)
        if known is not None:
            return known
        if key.id in self._member.ids:  # Random and never seen: the database cannot hold it.
            return self._batch.add_row(key, None)
        return self._batch.document(key)
