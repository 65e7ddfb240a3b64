"""How a new version of a draft is put down, with its event, and how its answers are made."""

import hashlib
from collections.abc import Sequence

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import Call, Decision, Key, Put, State
from ordrebok.events.rules import change_event, wanted, with_events
from ordrebok.refusals import Refusal, not_found
from ordrebok.retention.rules import EXPIRED, look_ms
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft
from ordrebok.wire.event import Event

decode = msgspec.json.Decoder(Draft).decode
"""Return a draft from its stored JSON."""
_canonical = msgspec.json.Encoder(order="sorted").encode


def key_of(call: Call) -> Key:
    """Return where the draft of the path stands."""
    return Key(call.account_id, "draft", call.params["id"])


def fingerprint(body: object) -> str:
    """Return what tells two contents apart, whatever their spacing and the order of keys."""
    return hashlib.sha256(_canonical(body)).hexdigest()


def live_draft(state: State, key: Key) -> Draft | Refusal:
    """Return a draft as a change finds it.

    Refuses: NOT FOUND, also for a draft whose time is over: it is answered no longer.
    """
    draft = state.get(key, Draft)
    if draft is None or draft.status == EXPIRED:
        return not_found("Draft order")
    return draft


def put(
    key: Key,
    draft: Draft,
    event: Event,
    origin: str | None = None,
    expires_ms: int | None = None,
) -> Put:
    """Return the writing down of a draft's new version."""
    return Put(
        key=key,
        version=draft.version,
        document=draft,
        body=encode(draft),
        event=encode(event),
        event_id=event.id,
        status=draft.status,
        created_ms=Instant.of(draft.created_at).ms,
        updated_ms=Instant.of(draft.updated_at).ms,
        currency=draft.order.currency,
        origin=origin,
        expires_ms=expires_ms,
    )


def decision(
    state: State,
    call: Call,
    key: Key,
    draft: Draft,
    *,
    created: bool = False,
    origin: str | None = None,
) -> Decision:
    """Return the decision that puts down a draft's new version and answers with the draft."""
    event = change_event(call, state.new_id(), draft.version, state.now, created=created)
    before = None if created else state.get(key, Draft)
    written = put(key, draft, event, origin, look_ms(before, draft))
    shown = written.body
    if shows_events(call):
        earlier = () if created else state.events(key)
        shown = answer(call, written.body, (*earlier, written.event))
    return Decision((written,), shown, draft.version)


def answer(call: Call, body: bytes, events: Sequence[bytes]) -> bytes:
    """Return a draft as single-draft calls answer it: with its events unless told not to."""
    if not shows_events(call):
        return body
    return with_events(body, events, getattr(call.query, "include_events", ()))


def shows_events(call: Call) -> bool:
    """Tell whether the answer of a call on one draft shows events."""
    return wanted(getattr(call.query, "include_events", ()))
