"""Where discounts stand, how they are put down, and what the engine reads of them.

Everything is a document: each rule; the register of all rules of an account; for each holder a
wallet that names its refs, `*` and `/` being holders too; each ref with its book; campaigns.
Pricing a draft reads the head of the register and the buyer's wallet. Rules and what wildcards
hold are read once for each state of them, and the book of a ref only where it matters.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from ordrebok.clock import Instant
from ordrebok.decision import Call, Key, NotLoaded, Put, State
from ordrebok.discounts.compiled import CompiledRule, compiled
from ordrebok.discounts.engine import Offer
from ordrebok.discounts.giving import booking_of, engine_ref, standing_of
from ordrebok.discounts.requirements import EVERYBODY, NOBODY
from ordrebok.discounts.shelf import Shelf, shelved
from ordrebok.discounts.standing import NEW, Standing, released
from ordrebok.events.rules import change_event
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule
from ordrebok.wire.discount_claim import ClaimDocument, ClaimList, ClaimNames
from ordrebok.wire.discount_ref import (
    BookedUse,
    Bookings,
    Campaign,
    CampaignRegister,
    Holders,
    RefDocument,
    Register,
    RegisterEntry,
    RegisterHead,
    Tally,
    Wallet,
)
from ordrebok.wire.draft import Options

REGISTER = "rules"
HEAD = "head"
ORDER = "order"
"""The ref_type of what an order books."""

Reference: TypeAlias = tuple[str, str]
"""What a booking is for: its ref_type and ref, such as `order` and the order_id."""

Index: TypeAlias = (
    Register
    | RegisterHead
    | Wallet
    | CampaignRegister
    | Holders
    | Bookings
    | Tally
    | ClaimList
    | ClaimNames
)

_KEPT_RULES = 20_000
_compiled: dict[str, CompiledRule] = {}
"""Rules made ready, by the digest of what they say: a version may be decided and then not be
written, and another be written in its place. Forgetting them costs time and nothing else."""


class _Kept(NamedTuple):
    """A shelf, and the wallet that it was made of."""

    digest: str
    """Of the head of the register."""
    wallet: Wallet | None
    """None for what a wildcard offers, which the digest holds."""
    shelf: Shelf


_KEPT_SHELVES = 10_000
_shelves: dict[tuple[str, str], _Kept] = {}
"""What holders are offered, by account and holder, in the state that was seen last."""
_KEPT_REGISTERS = 100
_registers: dict[str, Mapping[str, RegisterEntry]] = {}
"""The rules that are not deleted, by the digest of the register's head: so that a customer who
comes for the first time costs a wallet and not a register."""


def rule_key(account_id: str, rule_id: str) -> Key:
    """Return where a rule stands."""
    return Key(account_id, "discount_rule", rule_id)


def register_key(account_id: str) -> Key:
    """Return where the register of an account's rules stands."""
    return Key(account_id, "discount_register", REGISTER)


def wallet_key(account_id: str, holder: str) -> Key:
    """Return where the wallet of a customer, of `*` or of `/` stands."""
    return Key(account_id, "discount_wallet", holder)


def ref_key(account_id: str, ref_id: str) -> Key:
    """Return where a ref stands."""
    return Key(account_id, "discount_ref", ref_id)


def holders_key(account_id: str, rule_id: str, chunk: int) -> Key:
    """Return where some of the refs of a rule are named."""
    return Key(account_id, "discount_register", f"holders:{rule_id}:{chunk}")


def campaign_key(account_id: str, campaign_id: str) -> Key:
    """Return where a campaign stands."""
    return Key(account_id, "discount_campaign", campaign_id)


def campaigns_key(account_id: str) -> Key:
    """Return where the register of an account's campaigns stands."""
    return Key(account_id, "discount_register", "campaigns")


def bookings_key(account_id: str, reference: Reference) -> Key:
    """Return where stands what an order or a claim has booked."""
    return Key(account_id, "discount_register", f"booked:{':'.join(reference)}")


def put(
    state: State, call: Call, key: Key, document: Rule | RefDocument | Campaign | ClaimDocument
) -> Put:
    """Return the writing down of a new version of a rule, ref, campaign or claim, and its event.

    The event of a ref or a claim does not repeat the request, which names customers, those of
    others too: a ref of `*` would remember everybody who bought with it.
    """
    silent = document.version == 1 or isinstance(document, RefDocument | ClaimDocument)
    event = change_event(call, state.new_id(), document.version, state.now, created=silent)
    return Put(
        key=key,
        version=document.version,
        document=document,
        body=encode(document),
        event=encode(event),
        event_id=event.id,
        status="deleted" if document.deleted_at is not None else "active",
        created_ms=Instant.of(document.created_at).ms,
        updated_ms=Instant.of(document.updated_at).ms,
    )


def put_index(
    state: State,
    call: Call,
    key: Key,
    document: Index,
) -> Put:
    """Return the writing down of a new version of what is kept beside rules, refs and claims."""
    event = change_event(call, state.new_id(), document.version, state.now, created=True)
    return Put(
        key=key,
        version=document.version,
        document=document,
        body=encode(document),
        event=encode(event),
        event_id=event.id,
        status="active",
        created_ms=document.created_ms,
        updated_ms=state.now.ms,
    )


def ready(state: State, account_id: str, entry: RegisterEntry) -> CompiledRule | None:
    """Return a rule of the register made ready, from what is kept or from the store."""
    known = _compiled.get(entry.digest)
    if known is not None:
        return known
    rule = state.get(rule_key(account_id, entry.id), Rule)
    if rule is None:
        return None
    if len(_compiled) >= _KEPT_RULES:
        _compiled.clear()
    made = _compiled[entry.digest] = compiled(rule)
    return made


def head_key(account_id: str) -> Key:
    """Return where the head of the register stands."""
    return Key(account_id, "discount_register", HEAD)


def put_head(state: State, call: Call, puts: Iterable[Put]) -> Put:
    """Return the new head of the register, for a decision that writes rules or wildcards.

    Keeps: its digest holds all that was written before and what is written now, so what is kept
    under a digest is never anything else.
    """
    key = head_key(call.account_id)
    before = state.get(key, RegisterHead)
    digest = hashlib.sha256(b"" if before is None else before.digest.encode())
    for each in puts:
        digest.update(each.body)
    head = RegisterHead(
        version=1 if before is None else before.version + 1,
        created_ms=state.now.ms if before is None else before.created_ms,
        digest=digest.hexdigest(),
    )
    return put_index(state, call, key, head)


def buyer_keys(account_id: str, customer_id: str | None) -> tuple[Key, ...]:
    """Return what is looked at for every purchase of a buyer."""
    head = head_key(account_id)
    return (head,) if customer_id is None else (head, wallet_key(account_id, customer_id))


def shelves_for(state: State, account_id: str, customer_id: str | None) -> list[Shelf]:
    """Return the offers that hold for a buyer: its own, and those of the wildcard.

    Reads the head of the register and the buyer's wallet; all else only after a change.
    """
    head = state.get(head_key(account_id), RegisterHead)
    if head is None:
        return []
    wildcard = NOBODY if customer_id is None else EVERYBODY
    shelves = [_shelf(state, account_id, head, wildcard)]
    if customer_id is not None and customer_id != wildcard:
        wallet = state.get(wallet_key(account_id, customer_id), Wallet)
        if wallet is None:
            forget_holder(account_id, customer_id)
        else:
            shelves.append(_shelf(state, account_id, head, customer_id, wallet))
    return shelves


def _shelf(
    state: State, account_id: str, head: RegisterHead, holder: str, wallet: Wallet | None = None
) -> Shelf:
    """Return what a wildcard, or a wallet as it stands, offers: kept, or made now."""
    name = (account_id, holder)
    kept = _shelves.get(name)
    if kept is not None and kept.digest == head.digest:
        if kept.wallet is wallet:
            return kept.shelf
        if kept.wallet == wallet:
            # The next in the batch has this very wallet: they need not be compared again.
            _shelves[name] = kept._replace(wallet=wallet)
            return kept.shelf
    shelf = shelved(_offers_of(state, account_id, head, holder))
    _shelves.pop(name, None)
    if len(_shelves) >= _KEPT_SHELVES:
        del _shelves[next(iter(_shelves))]
    _shelves[name] = _Kept(head.digest, wallet, shelf)
    return shelf


def forget_holder(account_id: str, holder: str) -> None:
    """Forget what a holder is offered; it is made again where it is asked for again."""
    _shelves.pop((account_id, holder), None)


def offers_for(state: State, account_id: str, customer_id: str | None) -> list[Offer]:
    """Return every live rule through every ref that this buyer holds, also through wildcards."""
    shelves = shelves_for(state, account_id, customer_id)
    return [offer for shelf in shelves for offer in shelf.offers]


def _live(state: State, account_id: str, head: RegisterHead) -> Mapping[str, RegisterEntry]:
    """Return the rules that are not deleted, by their ids."""
    live = _registers.get(head.digest)
    if live is None:
        register = state.get(register_key(account_id), Register)
        rules = () if register is None else register.rules
        live = {entry.id: entry for entry in rules if not entry.deleted}
        if len(_registers) >= _KEPT_REGISTERS:
            del _registers[next(iter(_registers))]
        _registers[head.digest] = live
    return live


def _offers_of(state: State, account_id: str, head: RegisterHead, holder: str) -> list[Offer]:
    """Return every live rule through every ref in one wallet."""
    keys = [wallet_key(account_id, holder)]
    if head.digest not in _registers:
        keys.append(register_key(account_id))
    state.ahead(keys)
    wallet = state.get(wallet_key(account_id, holder), Wallet)
    if wallet is None:
        return []
    live = _live(state, account_id, head)
    asked = [live[held.discount_id] for held in wallet.refs if held.discount_id in live]
    state.ahead(rule_key(account_id, each.id) for each in asked if each.digest not in _compiled)
    offers = []
    for held in wallet.refs:
        entry = live.get(held.discount_id)
        rule = None if entry is None else ready(state, account_id, entry)
        if rule is not None:
            offers.append(Offer(rule, engine_ref(held, holder)))
    return offers


def replaced_order(options: Options | None) -> str | None:
    """Return the order that a draft replaces: what that has used does not count for the draft."""
    return options.order_id if options is not None and options.replace == "order" else None


class Standings:
    """The books of refs, as the engine asks for them one by one."""

    def __init__(self, state: State, account_id: str, *, instead_of: str | None = None) -> None:
        """Look for books on one account, without what an order that is replaced has booked."""
        self._state = state
        self._account_id = account_id
        self._missing: list[Key] = []
        self._spared: list[BookedUse] = []
        if instead_of is not None:
            own = state.get(bookings_key(account_id, (ORDER, instead_of)), Bookings)
            self._spared += () if own is None else own.uses

    def __call__(self, ref_id: str) -> Standing:
        """Return the book of one ref; one that is still to be loaded looks like a new one."""
        key = ref_key(self._account_id, ref_id)
        try:
            standing = standing_of(self._state.get(key, RefDocument))
        except NotLoaded:
            self._missing.append(key)
            return NEW
        for use in self._spared:
            if use.ref_id == ref_id:
                standing = released(standing, booking_of(use))
        return standing

    def check(self) -> None:
        """Ask the store for all books that were missing; whoever used them calls this after.

        So a purchase that concerns many refs is priced twice, and not once more for each of them.
        """
        self._state.ahead(self._missing)


def rule_as_it_stands(state: State, account_id: str, rule_id: str) -> CompiledRule | None:
    """Return a rule in the version that the register names."""
    register = state.get(register_key(account_id), Register)
    entries = () if register is None else register.rules
    entry = next((entry for entry in entries if entry.id == rule_id), None)
    return None if entry is None else ready(state, account_id, entry)
