"""What a batch may ask of a database: stored documents, their events, records and numbers."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from ordrebok.decision import Key, NotLoaded


class Row(NamedTuple):
    """A document as the database holds it."""

    version: int
    body: bytes
    origin: str | None
    place: int = 0
    """Number of its row, where an engine finds rows faster by it than by their key."""


class RecordKey(NamedTuple):
    """Where an idempotency record stands."""

    account_id: str
    client_id: str
    key: str


class Record(NamedTuple):
    """What an idempotency key was used for, and what was answered."""

    fingerprint: str
    answer: bytes
    version: int | None


class Source(Protocol):
    """Answers what a batch does not know yet, or raises NotLoaded."""

    def row(self, key: Key) -> Row | None:
        """Return a stored document."""

    def rows(self, keys: Sequence[Key]) -> Iterable[Row | None]:
        """Return stored documents, in the order of their keys."""

    def events(self, key: Key, place: int) -> list[bytes]:
        """Return a document's stored events, oldest first."""

    def record(self, key: RecordKey) -> Record | None:
        """Return a stored idempotency record."""

    def number(self, account_id: str) -> int:
        """Return a serial number that was never given before."""

    def upcoming(self, account_id: str) -> int:
        """Return the number that would be given next, without giving it."""


NO_RECORDS: dict[RecordKey, Record] = {}


class NothingMore:
    """The source of an engine that loads ahead: whatever is missing has to be asked for."""

    def row(self, key: Key) -> Row | None:
        """Ask for the document."""
        raise NotLoaded(key)

    def rows(self, keys: Sequence[Key]) -> Iterable[Row | None]:
        """Ask for the documents."""
        raise NotLoaded(*keys)

    def events(self, key: Key, place: int) -> list[bytes]:
        """Ask for the document with its events."""
        del place
        raise NotLoaded(key, events=True)

    def record(self, key: RecordKey) -> Record | None:
        """Tell that there is none: the records of all members are loaded before they run."""
        return NO_RECORDS.get(key)

    def number(self, account_id: str) -> int:
        """Ask for a serial number."""
        raise NotLoaded(numbers_of=account_id)

    def upcoming(self, account_id: str) -> int:
        """Ask for a look at the next serial number."""
        raise NotLoaded(numbers_of=account_id)
