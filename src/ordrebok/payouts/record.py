"""Where payout rules stand, how they are put down, and how a decision finds one."""

from collections.abc import Iterable

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import Call, Key, Put, State
from ordrebok.events.rules import change_event
from ordrebok.exchange.rules import derived_id
from ordrebok.payouts.applying import needed, split_draft
from ordrebok.payouts.resolution import Find, RuleName
from ordrebok.payouts.rules import PARTS, part_of, registered
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order
from ordrebok.wire.payout import PayoutRegister, PayoutRule, StoredPayoutRule

decode = msgspec.json.Decoder(StoredPayoutRule).decode
"""Return a rule from its stored JSON."""


def rule_key(account_id: str, id_: str) -> Key:
    """Return where a rule stands; the id is the one that its answer shows."""
    return Key(account_id, "payout_rule", id_)


def key_of(account_id: str, name: RuleName) -> Key:
    """Return where the rule of a name stands, so that it is found without a search."""
    return rule_key(account_id, derived_id("payout_rule", account_id, *name))


def register_keys(account_id: str, ids: Iterable[str] = ()) -> tuple[Key, ...]:
    """Return where the register's parts stand: those of some rules, or all of them."""
    parts = sorted({part_of(each) for each in ids}) or [f"{part:02d}" for part in range(PARTS)]
    return tuple(Key(account_id, "payout_register", part) for part in parts)


def finder(state: State, account_id: str) -> Find:
    """Return how a decision finds the account's rule of a name, in its newest version."""

    def find(name: RuleName) -> PayoutRule | None:
        """Return one rule; a deleted one is followed no longer."""
        rule = state.get(key_of(account_id, name), StoredPayoutRule)
        return None if rule is None or rule.deleted_at is not None else rule

    return find


def split(state: State, account_id: str, draft: Draft, updated: Order | None) -> Draft | Refusal:
    """Return a draft with its lines split; the stored rules it needs are loaded together.

    `updated` is the order that the draft adds lines to.
    Refuses: PAYOUT_RULE_NOT_FOUND, AMOUNT_TOO_LARGE.
    """
    state.ahead(key_of(account_id, name) for name in needed(draft))
    return split_draft(draft, finder(state, account_id), updated)


def puts(state: State, call: Call, rule: StoredPayoutRule) -> tuple[Put, ...]:
    """Return the writing down of a rule as it now stands, and of its place in the register.

    The event shows the request also where the rule is new: from it old versions are read.
    """
    key = rule_key(call.account_id, rule.id)
    event = change_event(call, state.new_id(), state.version(key) + 1, state.now)
    status = "active" if rule.deleted_at is None else "deleted"
    written = _put(state, key, rule, event, status, Instant.of(rule.created_at).ms)
    (register_key,) = register_keys(call.account_id, [rule.id])
    register = registered(state.get(register_key, PayoutRegister), rule, state.now)
    if register is None:
        return (written,)
    number = state.version(register_key) + 1
    event = change_event(call, state.new_id(), number, state.now, created=True)
    return (
        written,
        _put(state, register_key, register, event, "active", register.created_ms),
    )


def _put(
    state: State,
    key: Key,
    document: StoredPayoutRule | PayoutRegister,
    event: Event,
    status: str,
    created_ms: int,
) -> Put:
    """Return the writing down of a document."""
    return Put(
        key=key,
        version=event.version or 1,
        document=document,
        body=encode(document),
        event=encode(event),
        event_id=event.id,
        status=status,
        created_ms=created_ms,
        updated_ms=state.now.ms,
    )
