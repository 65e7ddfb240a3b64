"""The rows of the API for stored payout rules: create, list, read, delete."""

from itertools import product

from ordrebok.decision import (
    Call,
    Commit,
    Decision,
    Fetch,
    State,
    Stored,
)
from ordrebok.operation import Operation, Plan
from ordrebok.orders.lists import cursor_of, position_of
from ordrebok.payouts import rules
from ordrebok.payouts.record import decode, key_of, puts, register_keys, rule_key
from ordrebok.payouts.resolution import RuleName
from ordrebok.refusals import Refusal, not_found
from ordrebok.wire.base import encode
from ordrebok.wire.payout import (
    PayoutRegister,
    PayoutRuleBody,
    PayoutRuleQuery,
    PayoutRules,
    PayoutRulesQuery,
    StoredPayoutRule,
)

PATH = "/accounts/{aid}/billing/payout-rules"
ONE = PATH + "/{id}"
READ = ("admin:billing", "read:billing")
WRITE = ("admin:billing", "write:billing")
_TAG = "payoutrules"
_NOUN = "Payout rule"


def _create(call: Call) -> Plan:
    """Make a rule, or the next version of the one with its type and id."""
    body = call.body_as(PayoutRuleBody)
    key = key_of(call.account_id, RuleName(body.rule_type, body.rule_id))

    def decide(state: State) -> Decision | Refusal:
        """Load what stands, write down the version after it."""
        standing = state.get(key, StoredPayoutRule)
        place = rules.Place(call.account_id, key.id)
        rule = rules.next_version(standing, body, place, call.actor_id, state.now)
        if isinstance(rule, Refusal):
            return rule
        return Decision(puts(state, call, rule), encode(rule), state.version(key) + 1)

    keys = (key, *register_keys(call.account_id, [key.id]))
    return Commit(keys=keys, decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _list(call: Call) -> Plan:
    """List rules in their newest versions."""
    query = call.query_as(PayoutRulesQuery)
    after = position_of(query.starting_after)
    if isinstance(after, Refusal):
        return after
    names = map(RuleName._make, product(query.rule_type, query.rule_id))
    ids = [key_of(call.account_id, name).id for name in names]
    keys = register_keys(call.account_id, ids)

    def decide(state: State) -> Decision:
        """Choose from the register, then read; nothing is written."""
        parts = [state.get(key, PayoutRegister) for key in keys]
        entries, more = rules.page((part for part in parts if part is not None), query, after)
        places = [rule_key(call.account_id, entry.id) for entry in entries]
        state.ahead(places)
        found = [state.get(place, StoredPayoutRule) for place in places]
        cursor = cursor_of((entries[-1].created_ms, entries[-1].id)) if more else None
        answer = PayoutRules(
            payout_rules=tuple(rule for rule in found if rule is not None), starting_after=cursor
        )
        return Decision((), encode(answer))

    return Commit(keys=keys, decide=decide)


def _read(call: Call) -> Plan:
    """Read a rule, in its newest version or another; deleted ones too."""
    wanted = call.query_as(PayoutRuleQuery).rule_version

    def render(stored: Stored) -> bytes | Refusal:
        """Answer what is stored, or what the rule was."""
        if wanted is None:
            return stored.body
        rule = rules.version_of(decode(stored.body), stored.events, wanted)
        return not_found(f"Version {wanted} of the payout rule") if rule is None else encode(rule)

    key = rule_key(call.account_id, call.params["id"])
    return Fetch(key=key, noun=_NOUN, render=render, with_events=wanted is not None)


def _delete(call: Call) -> Plan:
    """Delete a rule; one that is deleted already comes back as it is."""
    key = rule_key(call.account_id, call.params["id"])

    def decide(state: State) -> Decision | Refusal:
        """Load the rule, mark it and its place in the register."""
        rule = state.get(key, StoredPayoutRule)
        if rule is None:
            return not_found(_NOUN)
        if rule.deleted_at is not None:
            return Decision((), encode(rule), state.version(key))
        after = rules.deleted(rule, call.actor_id, state.now)
        return Decision(puts(state, call, after), encode(after), state.version(key) + 1)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


OPERATIONS = (
    Operation(
        id="aid_billing_payout_rules_get",
        method="GET",
        path=PATH,
        summary="Payout rules collection",
        tag=_TAG,
        scopes=READ,
        query=PayoutRulesQuery,
        answer=PayoutRules,
        plan=_list,
        description="Newest first, each rule once, in its newest version.",
    ),
    Operation(
        id="aid_billing_payout_rules_post",
        method="POST",
        path=PATH,
        summary="Create a payout rule",
        tag=_TAG,
        scopes=WRITE,
        body=PayoutRuleBody,
        answer=StoredPayoutRule,
        plan=_create,
        versioned=True,
        description=(
            "With the `rule_type` and `rule_id` of a rule that is there, its next version. Lines "
            "that are split already stay as they are; drafts follow the newest version."
        ),
    ),
    Operation(
        id="aid_billing_payout_rules_id_get",
        method="GET",
        path=ONE,
        summary="Get payout rule",
        tag=_TAG,
        scopes=READ,
        query=PayoutRuleQuery,
        answer=StoredPayoutRule,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
        description="With `rule_version`, the rule as it was made in that version.",
    ),
    Operation(
        id="aid_billing_payout_rules_id_delete",
        method="DELETE",
        path=ONE,
        summary="Delete payout rule",
        tag=_TAG,
        scopes=WRITE,
        answer=StoredPayoutRule,
        plan=_delete,
        refusals=("NOT FOUND",),
        versioned=True,
        description=(
            "No draft follows it from then on; what was split by it stays. Creating it again makes "
            "its next version."
        ),
    ),
)
