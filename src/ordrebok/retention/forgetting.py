"""What has to be forgotten beside a document that is erased, and the decisions that erase."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.decision import Also, Commit, Decision, Key, Kind, Put, State
from ordrebok.drafts.record import put as put_draft
from ordrebok.orders.record import put as put_order
from ordrebok.orders.rules import touched
from ordrebok.refusals import Refusal
from ordrebok.retention.rules import (
    ERASED,
    EXPIRED,
    bare_event,
    draft_without_person,
    drafts_of,
    emptied,
    emptied_draft,
    is_emptied,
    is_of,
    is_over,
    notice,
    order_without_person,
    tells_of,
)
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order

_read_event: Final = msgspec.json.Decoder(Event).decode
_NOTHING: Final = Decision((), b"[]")


class Due(NamedTuple):
    """A document whose time may be over, and the moment under which that is noted."""

    kind: Kind
    id: str
    due_ms: int


def type_of(key: Key) -> type[Order] | type[Draft]:
    """Return what stands under a key of a draft or an order."""
    return Order if key.kind == "order" else Draft


def forgetting(key: Key, events: Sequence[bytes], hidden: str | None = None) -> Iterator[Also]:
    """Yield what takes all that was said of a document out of the store, but the document.

    Request bodies leave its events; its earlier versions and what was sent to webhooks of it go as
    a whole. Of the answers about it that are kept for repeated requests nothing is left but that
    the request was carried out. `hidden` is a text that paths may not show either.
    Keeps: what is on its way to a webhook meanwhile leaves nothing behind.
    Source: decisions, orders 6.
    """
    place = key._asdict()
    yield Also("hold_followers", {"account_id": key.account_id})
    for raw in events:
        event = _read_event(raw)
        bare = bare_event(event, hidden)
        if bare != event:
            yield Also("bare_event", {**place, "version": event.version, "body": encode(bare)})
    for name in ("forget_history", "forget_deliveries"):
        yield Also(name, place)
    yield Also("forget_answers", {"account_id": key.account_id, "id": key.id})


def erased_ids(answer: bytes) -> list[tuple[str, str]]:
    """Return kind and id of every document that a commit of this module erased."""
    return msgspec.json.decode(answer, type=list[tuple[str, str]])


# ------------------------------------------------------------------------- the end of a time


def expire(
    account_id: str, due: Due, updating: Sequence[str] = (), *, dry_run: bool = False
) -> Commit:
    """Return the plan that empties a document if its time is over, an order with its drafts.

    `updating` are drafts that were made to update the order and did not. The answer lists what
    was erased; nothing, where the document was changed meanwhile.
    Keeps: of several processes that try it at once, one erases; in one transaction with all that
    has to be forgotten. Entries of the payout ledger stay: they are money and name nobody.
    Source: contract 3.11; decisions, orders 6.
    """
    key = Key(account_id, due.kind, due.id)
    noted = Also("drop_expiry", {**key._asdict(), "due_ms": due.due_ms})

    def decide(state: State) -> Decision | Refusal:
        """Empty what is over, then what belongs to it."""
        document = state.get(key, type_of(key))
        if document is None:
            return Decision((), b"[]", also=(noted,))
        if not is_over(document, state.now):
            return _NOTHING  # The next look at it notes when to look again.
        keys = [key]
        if isinstance(document, Order):
            ids = [*drafts_of(map(_read_event, state.events(key))), *updating]
            keys += [Key(account_id, "draft", each) for each in dict.fromkeys(ids)]
            state.ahead(keys)
        puts = [put for put in (_emptied(each, state) for each in keys) if put is not None]
        decision = _erased(state, puts)
        return replace(decision, also=(*decision.also, noted))

    return Commit(keys=(key,), decide=decide, with_events=True, dry_run=dry_run)


def expire_updating(order: Key, ids: Sequence[str]) -> Commit:
    """Return the plan that empties drafts that were to update an order which was emptied meanwhile.

    They were made after such drafts were looked for, and before the order went; after it nobody
    makes any. The answer lists what was erased; nothing, where the order still is.
    """

    def decide(state: State) -> Decision | Refusal:
        """Empty the drafts, if their order is."""
        document = state.get(order, Order)
        if document is None or not is_emptied(document):
            return _NOTHING
        keys = [Key(order.account_id, "draft", each) for each in ids]
        state.ahead(keys)
        puts = [put for put in (_emptied(each, state) for each in keys) if put is not None]
        return _erased(state, puts)

    return Commit(keys=(order,), decide=decide)


def _emptied(key: Key, state: State) -> Put | None:
    """Return the writing down of an emptied document; None where there is nothing to empty."""
    document = state.get(key, type_of(key))
    if document is None or (isinstance(document, Draft) and document.status == EXPIRED):
        return None
    event = notice(EXPIRED, state.new_id(), document.version + 1, state.now)
    if isinstance(document, Draft):
        return put_draft(key, emptied_draft(document, state.now), event)
    return put_order(key, document, emptied(document, state.now), event)


# ------------------------------------------------------------------------- a person


def erase_person(
    key: Key, customer_id: str, actor: str, *, earlier: bool, updating: Sequence[str] = ()
) -> Commit:
    """Return the plan that takes a person out of a document and all that was said of it.

    A document that is no longer the customer's keeps what it holds, and forgets what it held:
    that is so where a request in its events names the customer, or, as `earlier` says, one of its
    earlier versions. With an order go its drafts; `updating` are those that were made to update
    it and did not. The answer lists what was erased.
    Keeps: the document's lines, amounts and operations; one transaction.
    """

    def decide(state: State) -> Decision | Refusal:
        """Write the document without the person, if it was ever about them, and its drafts."""
        document = state.get(key, type_of(key))
        events = state.events(key)
        if document is None or not (
            earlier
            or is_of(document.order if isinstance(document, Draft) else document, customer_id)
            or any(tells_of(_read_event(raw), customer_id) for raw in events)
        ):
            return _NOTHING
        puts = [_without_person(key, document, customer_id, actor, state)]
        if isinstance(document, Order):
            still = is_of(document, customer_id)
            ids = [*drafts_of(map(_read_event, events)), *updating]
            puts += _drafts_without(state, key, ids, customer_id, actor, also_open=still)
        return _erased(state, puts, customer_id)

    return Commit(keys=(key,), decide=decide, with_events=True)


def erase_updating(order: Key, ids: Sequence[str], customer_id: str, actor: str) -> Commit:
    """Return the plan that takes a person out of drafts that were to update an erased order.

    They were made while it was being erased. Once the order has a customer again, they are that
    customer's, and stay. The answer lists what was erased.
    """

    def decide(state: State) -> Decision | Refusal:
        """Write the drafts without the person."""
        document = state.get(order, Order)
        if document is None or document.customer is not None:
            return _NOTHING
        puts = _drafts_without(state, order, ids, customer_id, actor, also_open=True)
        return _erased(state, puts, customer_id)

    return Commit(keys=(order,), decide=decide)


def _erased(state: State, puts: Sequence[Put], hidden: str | None = None) -> Decision:
    """Return the decision that writes what is left of documents and forgets what they held."""
    also = tuple(
        each for put in puts for each in forgetting(put.key, state.events(put.key), hidden)
    )
    return Decision(tuple(puts), encode([(put.key.kind, put.key.id) for put in puts]), also=also)


def _drafts_without(
    state: State,
    order: Key,
    ids: Sequence[str],
    customer_id: str,
    actor: str,
    *,
    also_open: bool,
) -> list[Put]:
    """Return the writing down of an order's drafts without the person that the order was of.

    One that says whose it is, and names somebody else, stays; so does one of which nothing is left
    to erase. One that is open may still change the order: where that is another customer's now, it
    is theirs.
    """
    keys = [Key(order.account_id, "draft", each) for each in dict.fromkeys(ids)]
    state.ahead(keys)
    puts = []
    for key in keys:
        draft = state.get(key, Draft)
        if draft is None or draft.status == EXPIRED or (draft.status == "open" and not also_open):
            continue
        customer = draft.order.customer
        if customer is not None and customer.id not in {None, customer_id}:
            continue
        if not _is_bare(draft, map(_read_event, state.events(key)), customer_id, state):
            event = notice(ERASED, state.new_id(), draft.version + 1, state.now, actor)
            puts.append(put_draft(key, draft_without_person(draft, customer_id, state.now), event))
    return puts


def _is_bare(draft: Draft, events: Iterable[Event], customer_id: str, state: State) -> bool:
    """Tell whether nothing of a person is left in a draft, so that it is not erased again."""
    left = draft_without_person(draft, customer_id, state.now)
    timed = replace(left.order, time_to_live_expires_at=draft.order.time_to_live_expires_at)
    return timed == draft.order and all(bare_event(each, customer_id) == each for each in events)


def _without_person(
    key: Key, document: Order | Draft, customer_id: str, actor: str, state: State
) -> Put:
    """Return the writing down of a document without a person, if it is still the person's."""
    event = notice(ERASED, state.new_id(), document.version + 1, state.now, actor)
    if isinstance(document, Draft):
        draft = replace(document, version=event.version, updated_at=state.now.text)
        if is_of(document.order, customer_id):
            draft = draft_without_person(document, customer_id, state.now)
        return put_draft(key, draft, event)
    order = touched(document, state.now)
    if is_of(document, customer_id):
        order = order_without_person(document, customer_id, state.now)
    return put_order(key, document, order, event)
