"""A toy document and decisions about it, for tests of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ordrebok.decision import Commit, Decision, Idempotency, Key, Put, State
from ordrebok.refusals import Refusal, not_found, refuse

ACCOUNT = "T12345678"


class Toy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document small enough to see through."""

    id: str
    version: int
    created_ms: int = 0
    status: str = "open"
    items: tuple[str, ...] = ()
    count: int = 0
    number: int = 0
    filling: str = ""


def order(id: str, account_id: str = ACCOUNT) -> Key:
    """The key of a toy order."""
    return Key(account_id, "order", id)


def put(key: Key, toy: Toy, state: State, **more: Any) -> Put:  # noqa: ANN401 -- passed on
    """What writes a toy, with the event that says which version was made."""
    event_id = more.pop("event_id", None) or state.new_id()
    event = msgspec.json.encode({"id": event_id, "version": toy.version})
    return Put(
        key=key,
        version=toy.version,
        document=toy,
        body=msgspec.json.encode(toy),
        event=event,
        event_id=event_id,
        status=toy.status,
        created_ms=toy.created_ms,
        updated_ms=state.now.ms,
        **more,
    )


def answered(*puts: Put) -> Decision:
    """A decision that answers the last document it writes."""
    return Decision(puts, puts[-1].body, puts[-1].version)


def create(
    key: Key,
    *,
    idempotency: Idempotency | None = None,
    numbered: bool = False,
    created_ms: int | None = None,
    **fields: Any,  # noqa: ANN401 -- passed on
) -> Commit:
    """Make a toy; refused when there is one."""
    more = {name: fields.pop(name) for name in PUT_FIELDS & fields.keys()}

    def decide(state: State) -> Decision | Refusal:
        if state.version(key):
            return refuse("ID_TAKEN")
        number = state.order_number(key.account_id) if numbered else 0
        at = state.now.ms if created_ms is None else created_ms
        toy = Toy(id=key.id, version=1, created_ms=at, number=number, **fields)
        return answered(put(key, toy, state, **more))

    return Commit((key,), decide, idempotency=idempotency)


PUT_FIELDS = {"currency", "payment_status", "origin", "terms_added"}


def change(
    key: Key,
    changed: Callable[[Toy], Toy | Refusal],
    *,
    if_match: str | None = None,
    idempotency: Idempotency | None = None,
    **more: Any,  # noqa: ANN401 -- passed on
) -> Commit:
    """Change a toy by a function of what it is."""

    def decide(state: State) -> Decision | Refusal:
        toy = state.get(key, Toy)
        if toy is None:
            return not_found("Toy")
        after = changed(toy)
        if isinstance(after, Refusal):
            return after
        after = msgspec.structs.replace(after, version=toy.version + 1)
        return answered(put(key, after, state, **more))

    return Commit((key,), decide, if_match=if_match, idempotency=idempotency)


def add_item(key: Key, item: str, **more: Any) -> Commit:  # noqa: ANN401 -- passed on
    """Add an item to a toy."""
    return change(key, lambda toy: msgspec.structs.replace(toy, items=(*toy.items, item)), **more)


def count_up(key: Key, **more: Any) -> Commit:  # noqa: ANN401 -- passed on
    """Count one more."""
    return change(key, lambda toy: msgspec.structs.replace(toy, count=toy.count + 1), **more)


def complete(draft: Key, key: Key, **more: Any) -> Commit:  # noqa: ANN401 -- passed on
    """Make the order of a draft, once; later calls answer the order that was made."""

    def decide(state: State) -> Decision | Refusal:
        toy = state.get(draft, Toy)
        if toy is None:
            return not_found("Draft")
        if toy.status == "completed":
            made = state.get(key, Toy)
            assert made is not None
            return Decision((), msgspec.json.encode(made), made.version)
        done = msgspec.structs.replace(toy, status="completed", version=toy.version + 1)
        made = Toy(
            id=key.id,
            version=1,
            created_ms=state.now.ms,
            items=toy.items,
            number=state.order_number(key.account_id),
        )
        return answered(put(draft, done, state), put(key, made, state))

    return Commit((draft, key), decide, **more)


def toy_of(answer: bytes) -> Toy:
    """The toy that an answer shows."""
    return msgspec.json.decode(answer, type=Toy)


def versions_of(events: Iterable[bytes]) -> list[int]:
    """The versions that events say they made."""
    return [msgspec.json.decode(event)["version"] for event in events]
