"""The rows of the API for discount rules: write, read, list, give, and what a draft gets."""

from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Key, State
from ordrebok.discounts import rules
from ordrebok.discounts.applying import considered
from ordrebok.discounts.campaigns import OPERATIONS as CAMPAIGNS
from ordrebok.discounts.claims import OPERATIONS as CLAIMS
from ordrebok.discounts.distribution import OPERATIONS as DISTRIBUTION
from ordrebok.discounts.distribution import on_rule
from ordrebok.discounts.explanation import explained
from ordrebok.discounts.holders import OPERATIONS as HOLDERS
from ordrebok.discounts.receipts import OPERATIONS as RECEIPTS
from ordrebok.discounts.record import (
    Standings,
    campaign_key,
    put,
    put_head,
    put_index,
    register_key,
    replaced_order,
    rule_key,
    shelves_for,
)
from ordrebok.discounts.register import page, registered
from ordrebok.discounts.statistics import shown, with_statistics
from ordrebok.drafts.record import live_draft
from ordrebok.operation import READ as READ_ORDERS
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Refusal, not_found
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule, RuleBody, RuleUpdate
from ordrebok.wire.discount_explanation import DraftDiscounts
from ordrebok.wire.discount_query import RulesQuery
from ordrebok.wire.discount_ref import (
    Campaign,
    Register,
)

RULES = "/accounts/{aid}/discounts/rules"
RULE = RULES + "/{did}"
READ = ("admin:discounts", "read:discounts")
WRITE = ("admin:discounts", "write:discounts")
_TAG = "rules"


def _campaign_fault(state: State, call: Call, campaign_id: object) -> Refusal | None:
    """Return the refusal of a campaign that is not there."""
    if not isinstance(campaign_id, str):
        return None
    campaign = state.get(campaign_key(call.account_id, campaign_id), Campaign)
    return not_found("Campaign") if campaign is None or campaign.deleted_at else None


def _written(state: State, call: Call, rule: Rule, answer: Rule) -> Decision:
    """Return the decision that puts down a rule and its place in the register."""
    key = register_key(call.account_id)
    register = registered(state.get(key, Register), rule, state.now)
    written = put(state, call, rule_key(call.account_id, rule.id), rule)
    index = put_index(state, call, key, register)
    head = put_head(state, call, (written, index))
    return Decision((written, index, head), encode(answer), rule.version)


def _create(call: Call) -> Plan:
    """Make a rule."""
    body = call.body_as(RuleBody)

    def decide(state: State) -> Decision | Refusal:
        """Check and write down."""
        refusal = _campaign_fault(state, call, body.campaign_id)
        if refusal is not None:
            return refusal
        rule = rules.create(body, state.new_id(), call.actor_id, state.now)
        return rule if isinstance(rule, Refusal) else _written(state, call, rule, rule)

    return Commit(keys=(), decide=decide, idempotency=call.idempotency)


def _update(call: Call) -> Plan:
    """Change a rule."""
    body = call.body_as(RuleUpdate)

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Check the campaign, then the rule."""
        refusal = _campaign_fault(state, call, body.campaign_id)
        if refusal is not None:
            return refusal
        after = rules.update(rule, body, call.actor_id, state.now)
        if isinstance(after, Refusal):
            return after
        return _written(state, call, after, shown(state, call.account_id, after))

    return on_rule(call, change)


def _delete(call: Call) -> Plan:
    """Delete a rule; one that is deleted already comes back as it is."""

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Mark the rule."""
        if rule.deleted_at is not None:
            return Decision((), encode(shown(state, call.account_id, rule)), rule.version)
        after = rules.delete(rule, call.actor_id, state.now)
        return _written(state, call, after, shown(state, call.account_id, after))

    return on_rule(call, change)


def _read(call: Call) -> Plan:
    """Read a rule; deleted ones too."""

    def look(rule: Rule, state: State) -> Decision:
        """Answer with what it has given by now."""
        return Decision((), encode(shown(state, call.account_id, rule)), rule.version)

    return on_rule(replace(call, if_match=None), look)


def _list(call: Call) -> Plan:
    """List rules."""
    query = call.query_as(RulesQuery)

    def decide(state: State) -> Decision | Refusal:
        """Choose from the register, then read."""
        register = state.get(register_key(call.account_id), Register)
        ids = page(register, query, state.now)
        if isinstance(ids, Refusal):
            return ids
        state.ahead(rule_key(call.account_id, each) for each in ids)
        found = [state.get(rule_key(call.account_id, each), Rule) for each in ids]
        listed = [rule for rule in found if rule is not None]
        if "statistics" in query.include:
            listed = with_statistics(state, call.account_id, listed)
        return Decision((), encode(listed))

    return Commit(keys=(register_key(call.account_id),), decide=decide)


def _explain(call: Call) -> Plan:
    """Say of every rule what it gives a draft, or what stands against it."""
    key = Key(call.account_id, "draft", call.params["id"])

    def decide(state: State) -> Decision | Refusal:
        """Run the engine on the draft as it stands, and write nothing."""
        draft = live_draft(state, key)
        if isinstance(draft, Refusal):
            return draft
        customer = draft.order.customer
        shelves = shelves_for(state, call.account_id, None if customer is None else customer.id)
        replaced = replaced_order(draft.options)
        books = Standings(state, call.account_id, instead_of=replaced)
        result, purchase = considered(draft.order, shelves, books, state.now)
        books.check()
        return Decision((), encode(explained(result, purchase.lines, state.now)))

    return Commit(keys=(key,), decide=decide)


OPERATIONS: tuple[Operation, ...] = (
    *CAMPAIGNS,
    *HOLDERS,
    *DISTRIBUTION,
    *RECEIPTS,
    *CLAIMS,
    Operation(
        id="aid_discounts_get",
        method="GET",
        path=RULES,
        summary="Discount rules collection",
        tag=_TAG,
        scopes=READ,
        query=RulesQuery,
        answer=tuple[Rule, ...],
        plan=_list,
        description=(
            "Newest first; `starting_after` is the id of the last rule of the page before. With "
            "`since_datetime` in the order of their changes. `include=statistics` adds what "
            "each rule has given, and what a `discount_debit` has left."
        ),
    ),
    Operation(
        id="aid_discounts_post",
        method="POST",
        path=RULES,
        summary="Create a discount rule",
        tag=_TAG,
        scopes=WRITE,
        body=RuleBody,
        answer=Rule,
        plan=_create,
        refusals=("NOT FOUND",),
        description="Nobody can use the rule until it is given to somebody.",
    ),
    Operation(
        id="aid_discounts_did_get",
        method="GET",
        path=RULE,
        summary="Get discount rule",
        tag=_TAG,
        scopes=READ,
        answer=Rule,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_discounts_did_put",
        method="PUT",
        path=RULE,
        summary="Update discount rule",
        tag=_TAG,
        scopes=WRITE,
        body=RuleUpdate,
        answer=Rule,
        plan=_update,
        refusals=("NOT FOUND",),
        versioned=True,
        description=(
            "The reward is fixed, except its base; purchase_from is fixed, and purchase_to may "
            "only become later. What was read may be sent back."
        ),
    ),
    Operation(
        id="aid_discounts_did_delete",
        method="DELETE",
        path=RULE,
        summary="Delete discount rule",
        tag=_TAG,
        scopes=WRITE,
        answer=Rule,
        plan=_delete,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_draft_orders_id_discounts_get",
        method="GET",
        path="/accounts/{aid}/shopping/draft_orders/{id}/discounts",
        summary="Explain the discounts of a draft",
        tag="draft",
        scopes=READ_ORDERS,
        answer=DraftDiscounts,
        plan=_explain,
        refusals=("NOT FOUND",),
        description=(
            "Of every rule that the buyer holds: whether it applies, with which amount on which "
            "line, or the first requirement that failed. An addition of ours; nothing is written."
        ),
    ),
)
