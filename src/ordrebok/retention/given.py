"""What a person was given of discounts, taken out: wallet, refs, claims, and what was asked then.

The shop's sums stay: of each ref its book, of each claim what it reserves. What a rule or campaign
says is the shop's own text, and not looked into.
"""

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.decision import Also, Call, Commit, Decision, Key, Kind, Outcome, Put, State
from ordrebok.discounts.books import Books
from ordrebok.discounts.claim_lists import emptied, of_customer, struck
from ordrebok.discounts.claims import is_claim
from ordrebok.discounts.giving import WILDCARDS, without, without_holder
from ordrebok.discounts.record import put, put_index, rule_as_it_stands, wallet_key
from ordrebok.operation import Door
from ordrebok.refusals import Refusal
from ordrebok.retention.forgetting import erased_ids, forgetting
from ordrebok.retention.rules import asked_about, bare_event
from ordrebok.wire.base import encode
from ordrebok.wire.discount_claim import ClaimDocument
from ordrebok.wire.discount_ref import RefDocument, Wallet
from ordrebok.wire.event import Event

_STRETCH: Final = 500
"""Documents looked through together; between two stretches others have their turn."""
_EVENTS: Final = 100
"""Events read together: the request in each may be large."""
_KINDS: Final[tuple[Kind, ...]] = ("discount_ref", "discount_register")
_NOTHING: Final = Decision((), b"[]")
_read_event: Final = msgspec.json.Decoder(Event).decode


class Given(NamedTuple):
    """From how many refs and claims a person was taken out."""

    refs: int = 0
    claims: int = 0


async def erase_given(
    door: Door, call: Call, customer_id: str, needle: str, *, dry_run: bool
) -> Given:
    """Take a person out of all that discounts keep; return out of how many refs and claims.

    `needle` is a text that stands wherever the id does. The wallet and the list of claims go last,
    unless they have something again that was given or claimed meanwhile.
    Keeps: the sums of rules and what orders give back; every ref and claim is erased in a
    transaction of its own, with its place in the wallet or list; a dry run changes nothing.
    """
    if customer_id in WILDCARDS:
        return Given()  # What is given to everybody, or to nobody by name, is no person's.
    counts = dict.fromkeys(_KINDS, 0)
    for kind in _KINDS:
        async for key, told in _suspects(door, call.account_id, kind, needle):
            outcome = await door.commit(_without_person(call, key, customer_id, dry_run=dry_run))
            if isinstance(outcome, Outcome):
                counts[kind] += len(erased_ids(outcome.answer))
            if told and not dry_run:
                await _bare_events(door, key, customer_id, needle)
    await door.commit(_indexes_gone(call, customer_id, dry_run=dry_run))
    return Given(counts["discount_ref"], counts["discount_register"])


async def _suspects(
    door: Door, account_id: str, kind: Kind, needle: str
) -> AsyncIterator[tuple[Key, bool]]:
    """Yield the refs or claims that may name a person, and whether one of their events may."""
    after = ""
    while True:
        place = {"account_id": account_id, "kind": kind, "after": after}
        rows = await door.read("naming", **place, needle=needle, limit=_STRETCH)
        for row in rows:
            concerns = kind == "discount_ref" or is_claim(row["id"])
            if concerns and (row["itself"] or row["events"]):
                yield Key(account_id, kind, row["id"]), bool(row["events"])
        if len(rows) < _STRETCH:
            return
        after = rows[-1]["id"]


def _without_person(call: Call, key: Key, customer_id: str, *, dry_run: bool) -> Commit:
    """Return the plan that takes a person out of a ref or a claim, if it is the person's."""
    take = _ref_without if key.kind == "discount_ref" else _claim_without

    def decide(state: State) -> Decision | Refusal:
        """Write it without the person, and forget what was asked of it."""
        puts = take(state, call, key, customer_id)
        if not puts:
            return _NOTHING
        also = tuple(forgetting(key, state.events(key), customer_id))
        return Decision(puts, encode([(key.kind, key.id)]), also=also)

    return Commit(keys=(key,), decide=decide, dry_run=dry_run)


def _ref_without(state: State, call: Call, key: Key, customer_id: str) -> tuple[Put, ...]:
    """Return a ref of a person without the person, and the wallet without the ref.

    Keeps: what the person had left is left to nobody, also in the balance of the rule.
    """
    ref = state.get(key, RefDocument)
    if ref is None or ref.given_to != customer_id:
        return ()
    books = Books(state, call)
    rule = rule_as_it_stands(state, call.account_id, ref.discount_id)
    books.change(ref, without_holder(ref, call.actor_id, state.now), rule)
    written = books.puts()
    place = wallet_key(call.account_id, customer_id)
    wallet = state.get(place, Wallet)
    if wallet is None or all(held.ref_id != ref.id for held in wallet.refs):
        return written
    return *written, put_index(state, call, place, without(wallet, [ref.id]))


def _claim_without(state: State, call: Call, key: Key, customer_id: str) -> tuple[Put, ...]:
    """Return a claim of a person without the person, and the person's list without the claim."""
    claim = state.get(key, ClaimDocument)
    if claim is None or claim.customer_id != customer_id:
        return ()
    now = state.now.text
    after = replace(claim, customer_id=None, updated_at=now, version=claim.version + 1)
    written = put(state, call, key, after)
    if claim.deleted_at is not None:
        return (written,)
    own = of_customer(customer_id)
    return written, *struck(state, call, own, claim.id, claim.customer_place)


def _indexes_gone(call: Call, customer_id: str, *, dry_run: bool) -> Commit:
    """Return the plan that deletes the wallet and the list of claims of a person.

    Their very keys hold the person's id. Both are empty by now, or somebody has given or claimed
    anew meanwhile: then they stay.
    """
    key = wallet_key(call.account_id, customer_id)

    def decide(state: State) -> Decision | Refusal:
        """Write them once more, so that who comes at the same time goes on from there; delete."""
        puts = emptied(state, call, of_customer(customer_id))
        wallet = state.get(key, Wallet)
        if wallet is not None and not wallet.refs:
            puts.append(put_index(state, call, key, without(wallet, ())))
        also = tuple(each for one in puts for each in _deleting(one))
        return Decision(tuple(puts), b"[]", also=also)

    return Commit(keys=(key,), decide=decide, dry_run=dry_run)


def _deleting(written: Put) -> tuple[Also, Also]:
    """Return what deletes a document that is written in the same transaction, with its events.

    Nothing, where somebody has written it again within the same group of commits.
    """
    place = {**written.key._asdict(), "version": written.version}
    return Also("delete_events", place), Also("delete_document", place)


async def _bare_events(door: Door, key: Key, customer_id: str, needle: str) -> None:
    """Take what was asked out of those events of a document that are about a person.

    Servers that were before this one kept the requests also in events of refs that are everybody's;
    there may be very many of them, so they are read a few at a time. Events never change otherwise.
    """
    after = 0
    while True:
        place = {**key._asdict(), "after": after}
        rows = await door.read("events_naming", **place, needle=needle, limit=_EVENTS)
        bare = []
        for row in rows:
            event = _read_event(row["body"])
            if asked_about(event, customer_id):
                body = encode(bare_event(event, customer_id))
                place = {**key._asdict(), "version": row["version"], "body": body}
                bare.append(Also("bare_event", place))
        if bare:
            await door.run(bare)
        if len(rows) < _EVENTS:
            return
        after = rows[-1]["version"]
