"""Where subscriptions stand, how they are put down, and how their places in the log move."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from ordrebok.clock import Instant
from ordrebok.decision import Also, Call, Commit, Decision, Key, Put, State
from ordrebok.events.rules import change_event
from ordrebok.refusals import Refusal, not_found
from ordrebok.webhooks.rules import keeps_drafts, registered, shown
from ordrebok.wire.base import encode
from ordrebok.wire.hook import HookRegister, StoredHook

NOUN: Final = "Subscription"
_LET_GO: Final = 1_000
Rule = Callable[[StoredHook, Instant], StoredHook | Refusal]

decode = msgspec.json.Decoder(StoredHook).decode
"""Return a subscription from its stored JSON, secrets included."""


class Following(NamedTuple):
    """What a change of a subscription does to its place in the log: named statements, in order."""

    names: tuple[
        Literal["follow", "follow_on", "follow_from_now", "follow_no_more", "deliveries_end"], ...
    ]
    active: bool = False


FOLLOW: Final = Following(("follow",), active=True)
FOLLOW_PAUSED: Final = Following(("follow",))
GO_ON: Final = Following(("follow_on",), active=True)
GO_ON_FROM_NOW: Final = Following(("follow_on", "follow_from_now"), active=True)
STAND_STILL: Final = Following(("follow_on",))
NO_MORE: Final = Following(("follow_no_more", "deliveries_end"))


def hook_key(account_id: str, id_: str) -> Key:
    """Return where a subscription stands."""
    return Key(account_id, "hook", id_)


def register_key(account_id: str) -> Key:
    """Return where the register of an account's subscriptions stands."""
    return Key(account_id, "hook_register", "hooks")


def change(call: Call, id_: str, rule: Rule, following: Following) -> Commit:
    """Return the plan of one change of a subscription, and of its place in the log.

    A change that changes nothing writes nothing. For a change that no client asked for, the call
    says only the account.
    Refuses: NOT FOUND, then whatever the rule refuses.
    """
    key = hook_key(call.account_id, id_)

    def decide(state: State) -> Decision | Refusal:
        """Load, change, write down."""
        hook = state.get(key, StoredHook)
        if hook is None:
            return not_found(NOUN)
        after = rule(hook, state.now)
        if isinstance(after, Refusal):
            return after
        if after is hook:
            return Decision((), encode(shown(hook)), state.version(key))
        return written(state, call, after, encode(shown(after)), following)

    return Commit(
        keys=(key, register_key(call.account_id)),
        decide=decide,
        if_match=call.if_match,
        idempotency=call.idempotency,
    )


def written(
    state: State,
    call: Call,
    hook: StoredHook,
    answer: bytes,
    following: Following,
) -> Decision | Refusal:
    """Return the decision that puts a subscription down as it now stands.

    Refuses: TOO_MANY_HOOKS.
    Keeps: the register, and whether replaced drafts are kept, change in the same transaction;
    the log's row is held before the subscription's place in it is moved. Replaced drafts that
    nobody will be told of any more are let go; of very many the sweeper takes the rest. Of a
    subscription that is deleted no secret stays, also not in the answer that is kept for a
    repeated request.
    """
    account_id, created_ms = call.account_id, Instant.of(hook.created_at).ms
    register = state.get(register_key(account_id), HookRegister)
    after = registered(register, hook, state.now)
    if isinstance(after, Refusal):
        return after
    key = hook_key(account_id, hook.id)
    puts = [_put(state, call, key, hook, (hook.status, created_ms))]
    if after != register:
        key = register_key(account_id)
        puts.append(_put(state, call, key, after, ("active", after.created_ms)))
    also = [Also("keep_drafts", {"account_id": account_id, "kept": keeps_drafts(after)})]
    also += _moves(account_id, hook.id, following)
    if register is not None and keeps_drafts(register) and not keeps_drafts(after):
        also.append(Also("history_let_go", {"account_id": account_id, "limit": _LET_GO}))
    if hook.status == "deleted":
        also.append(Also("forget_first_answer", {"account_id": account_id, "id": hook.id}))
    return Decision(tuple(puts), answer, puts[0].version, tuple(also))


def _moves(account_id: str, hook_id: str, following: Following) -> Sequence[Also]:
    """Return the statements that move a subscription's place in the log."""
    place: dict[str, object] = {"account_id": account_id, "hook_id": hook_id}
    activity = {"active": following.active}
    return [
        Also(name, {**place, **activity} if name in {"follow", "follow_on"} else place)
        for name in following.names
    ]


def _put(
    state: State,
    call: Call,
    key: Key,
    document: StoredHook | HookRegister,
    facts: tuple[str, int],
) -> Put:
    """Return the writing down of a document; `facts` are its status and when it was made.

    Its event shows no request: that of a subscription holds its secret.
    """
    version = state.version(key) + 1
    event = change_event(call, state.new_id(), version, state.now, created=True)
    status, created_ms = facts
    return Put(
        key=key,
        version=version,
        document=document,
        body=encode(document),
        event=encode(event),
        event_id=event.id,
        status=status,
        created_ms=created_ms,
        updated_ms=state.now.ms,
    )
