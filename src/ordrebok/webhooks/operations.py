"""The rows of the API for subscriptions: create, list, read, pause, resume, delete."""

from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.decision import Call, Commit, Decision, Fetch, State
from ordrebok.ids import new_key
from ordrebok.operation import Counted, Operation, Plan
from ordrebok.refusals import Refusal
from ordrebok.webhooks import record, rules
from ordrebok.webhooks.record import NOUN, change, decode, hook_key, register_key, written
from ordrebok.webhooks.sent import ONE, PATH, READ, TAG, WRITE, ping
from ordrebok.wire.base import encode
from ordrebok.wire.hook import (
    Hook,
    HookBody,
    HookRegister,
    HooksQuery,
    NewHook,
    ResumeQuery,
    StoredHook,
)


def _create(call: Call) -> Plan:
    """Make a subscription; it is pinged, and told what happens from then on."""
    body = call.body_as(HookBody)
    secret = new_key()

    def decide(state: State) -> Decision | Refusal:
        """Make it, with a place at the end of the log."""
        made = rules.Made(state.new_id(), secret, call.actor_id, state.now)
        hook = rules.create(body, made, private_targets=call.private_targets)
        if isinstance(hook, Refusal):
            return hook
        following = record.FOLLOW if hook.active else record.FOLLOW_PAUSED
        decision = written(state, call, hook, encode(rules.shown_new(hook)), following)
        if isinstance(decision, Refusal):
            return decision
        pinging = ping(call.account_id, hook, state)
        return replace(decision, also=(*decision.also, pinging))

    return Commit(
        keys=(register_key(call.account_id),), decide=decide, idempotency=call.idempotency
    )


def _list(call: Call) -> Plan:
    """List subscriptions, newest first."""
    query = call.query_as(HooksQuery)
    key = register_key(call.account_id)

    def decide(state: State) -> Decision:
        """Choose from the register, then read; nothing is written."""
        register = state.get(key, HookRegister)
        kept = query.include_deleted
        page = rules.page(register, query.limit, query.starting_after, include_deleted=kept)
        places = [hook_key(call.account_id, entry.id) for entry in page]
        state.ahead(places)
        found = [state.get(place, StoredHook) for place in places]
        hooks = [rules.shown(hook) for hook in found if hook is not None]
        total = rules.count(register, include_deleted=kept) if query.total else None
        return Decision((), encode((total, hooks)))

    return Counted(Commit(keys=(key,), decide=decide))


def _read(call: Call) -> Plan:
    """Read a subscription; deleted ones too."""
    return Fetch(
        key=hook_key(call.account_id, call.params["hid"]),
        noun=NOUN,
        render=lambda stored: encode(rules.shown(decode(stored.body))),
    )


def _delete(call: Call) -> Plan:
    """Delete a subscription; one that is deleted already comes back as it is."""

    def rule(hook: StoredHook, now: Instant) -> StoredHook:
        """Delete it once."""
        return hook if hook.status == "deleted" else rules.deleted(hook, call.actor_id, now)

    return change(call, call.params["hid"], rule, record.NO_MORE)


def _pause(call: Call) -> Plan:
    """Pause a subscription: it keeps its place in the log."""
    return change(
        call,
        call.params["hid"],
        lambda hook, now: rules.paused(hook, "requested", now),
        record.STAND_STILL,
    )


def _resume(call: Call) -> Plan:
    """Resume a subscription, from where it stood or from now."""
    skip = call.query_as(ResumeQuery).missed == "skip"
    following = record.GO_ON_FROM_NOW if skip else record.GO_ON
    return change(call, call.params["hid"], rules.resumed, following)


OPERATIONS = (
    Operation(
        id="aid_hooks_subscriptions_get",
        method="GET",
        path=PATH,
        summary="List subscriptions",
        tag=TAG,
        scopes=READ,
        query=HooksQuery,
        answer=tuple[Hook, ...],
        plan=_list,
        description="Newest first. `starting_after` is the `id` of the last one of a page.",
    ),
    Operation(
        id="aid_hooks_subscriptions_post",
        method="POST",
        path=PATH,
        summary="Create a subscription",
        tag=TAG,
        scopes=WRITE,
        body=HookBody,
        answer=NewHook,
        plan=_create,
        refusals=("TOO_MANY_HOOKS",),
        versioned=True,
        description=(
            "A ping is sent at once, then what happens from then on. `signing_secret` is shown in "
            "this answer alone: every delivery is signed with it as Standard Webhooks asks, beside "
            "the documented `secret`. Names that do not begin with `shopping_` are taken and never "
            "told."
        ),
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_get",
        method="GET",
        path=ONE,
        summary="Get subscription",
        tag=TAG,
        scopes=READ,
        answer=Hook,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_delete",
        method="DELETE",
        path=ONE,
        summary="Delete subscription",
        tag=TAG,
        scopes=WRITE,
        answer=Hook,
        plan=_delete,
        refusals=("NOT FOUND",),
        versioned=True,
        description="Nothing more is sent, and its secrets are gone.",
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_pause_post",
        method="POST",
        path=ONE + "/pause",
        summary="Pause subscription",
        tag=TAG,
        scopes=WRITE,
        answer=Hook,
        plan=_pause,
        refusals=("NOT FOUND", "HOOK_ENDED"),
        versioned=True,
        description="Nothing is sent until it is resumed. An addition of ours.",
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_resume_post",
        method="POST",
        path=ONE + "/resume",
        summary="Resume subscription",
        tag=TAG,
        scopes=WRITE,
        query=ResumeQuery,
        answer=Hook,
        plan=_resume,
        refusals=("NOT FOUND", "HOOK_ENDED"),
        versioned=True,
        description=(
            "What happened meanwhile is sent now, or left out with `missed=skip`. An addition of "
            "ours."
        ),
    ),
)
