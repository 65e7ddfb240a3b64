"""The rows of the API for discount rules: write, read, list, give, and what a draft gets."""

from collections.abc import Callable

from ordrebok.decision import Call, Commit, Decision, Fetch, Key, Put, State
from ordrebok.discounts import giving, rules
from ordrebok.discounts.applying import considered
from ordrebok.discounts.campaigns import OPERATIONS as CAMPAIGNS
from ordrebok.discounts.explanation import explained
from ordrebok.discounts.holders import OPERATIONS as HOLDERS
from ordrebok.discounts.receipts import OPERATIONS as RECEIPTS
from ordrebok.discounts.record import (
    Standings,
    campaign_key,
    put,
    put_head,
    put_index,
    ref_key,
    register_key,
    rule_key,
    shelves_for,
    wallet_key,
)
from ordrebok.discounts.register import page, registered
from ordrebok.operation import READ as READ_ORDERS
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Fault, Refusal, not_found
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule, RuleBody, RuleUpdate
from ordrebok.wire.discount_explanation import DraftDiscounts
from ordrebok.wire.discount_query import RulesQuery
from ordrebok.wire.discount_ref import (
    Campaign,
    GiveBody,
    RefDocument,
    Register,
    TakeBackBody,
    Wallet,
)
from ordrebok.wire.draft import Draft

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


def _written(state: State, call: Call, rule: Rule) -> Decision:
    """Return the decision that puts down a rule and its place in the register."""
    key = register_key(call.account_id)
    register = registered(state.get(key, Register), rule, state.now)
    written = put(state, call, rule_key(call.account_id, rule.id), rule)
    index = put_index(state, call, key, register)
    head = put_head(state, call, (written, index))
    return Decision((written, index, head), written.body, rule.version)


def _create(call: Call) -> Plan:
    """Make a rule."""
    body = call.body_as(RuleBody)

    def decide(state: State) -> Decision | Refusal:
        """Check and write down."""
        refusal = _campaign_fault(state, call, body.campaign_id)
        if refusal is not None:
            return refusal
        rule = rules.create(body, state.new_id(), call.actor_id, state.now)
        return rule if isinstance(rule, Refusal) else _written(state, call, rule)

    return Commit(keys=(), decide=decide, idempotency=call.idempotency)


def _on_rule(call: Call, change: Callable[[Rule, State], Decision | Refusal]) -> Commit:
    """Return the plan of a change of the rule in the path."""
    key = rule_key(call.account_id, call.params["did"])

    def decide(state: State) -> Decision | Refusal:
        """Load the rule and change it."""
        rule = state.get(key, Rule)
        return not_found("Discount") if rule is None else change(rule, state)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _update(call: Call) -> Plan:
    """Change a rule."""
    body = call.body_as(RuleUpdate)

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Check the campaign, then the rule."""
        refusal = _campaign_fault(state, call, body.campaign_id)
        if refusal is not None:
            return refusal
        after = rules.update(rule, body, call.actor_id, state.now)
        return after if isinstance(after, Refusal) else _written(state, call, after)

    return _on_rule(call, change)


def _delete(call: Call) -> Plan:
    """Delete a rule; one that is deleted already comes back as it is."""

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Mark the rule."""
        if rule.deleted_at is not None:
            return Decision((), encode(rule), rule.version)
        return _written(state, call, rules.delete(rule, call.actor_id, state.now))

    return _on_rule(call, change)


def _read(call: Call) -> Plan:
    """Read a rule; deleted ones too."""
    key = rule_key(call.account_id, call.params["did"])
    return Fetch(key=key, noun="Discount", render=lambda stored: stored.body)


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
        return Decision((), encode([rule for rule in found if rule is not None]))

    return Commit(keys=(register_key(call.account_id),), decide=decide)


def _give(call: Call) -> Plan:
    """Give a rule to customers."""
    body = call.body_as(GiveBody)
    constraint = body.offering_constraint_id

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Make a ref for each holder who gets anything new."""
        if rule.deleted_at is not None:
            return _gone("Discount")
        puts: list[Put] = []
        state.ahead(wallet_key(call.account_id, holder) for holder in body.customers)
        for holder in dict.fromkeys(body.customers):
            key = wallet_key(call.account_id, holder)
            wallet = state.get(key, Wallet)
            if giving.has_already(wallet, rule.id, constraint):
                continue
            ref = RefDocument(
                id=state.new_id(),
                discount_id=rule.id,
                given_to=holder,
                created_at=state.now.text,
                created_by=call.actor_id,
                updated_at=state.now.text,
                offering_constraint_id=constraint,
                version=1,
            )
            puts.append(put(state, call, ref_key(call.account_id, ref.id), ref))
            puts.append(put_index(state, call, key, giving.given(wallet, ref, state.now)))
        return _with_head(state, call, puts, rule)

    return _on_rule(call, change)


def _take_back(call: Call) -> Plan:
    """Take a rule back from customers."""
    body = call.body_as(TakeBackBody)

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Mark the refs, and strike them from the wallets."""
        puts: list[Put] = []
        state.ahead(wallet_key(call.account_id, holder) for holder in body.customers)
        for holder in dict.fromkeys(body.customers):
            key = wallet_key(call.account_id, holder)
            wallet = state.get(key, Wallet)
            held = [each for each in wallet.refs if each.discount_id == rule.id] if wallet else []
            if wallet is None or not held:
                continue
            state.ahead(ref_key(call.account_id, each.ref_id) for each in held)
            for each in held:
                where = ref_key(call.account_id, each.ref_id)
                ref = state.get(where, RefDocument)
                if ref is not None:
                    puts.append(
                        put(state, call, where, giving.deleted(ref, call.actor_id, state.now))
                    )
            rest = giving.without(wallet, [each.ref_id for each in held])
            puts.append(put_index(state, call, key, rest))
        return _with_head(state, call, puts, rule)

    return _on_rule(call, change)


def _with_head(state: State, call: Call, puts: list[Put], rule: Rule) -> Decision:
    """Return the decision on the refs of a rule; those of wildcards change the register's head."""
    if any(each.key.id in giving.WILDCARDS for each in puts):
        puts.append(put_head(state, call, puts))
    return Decision(tuple(puts), encode(rule), rule.version)


def _explain(call: Call) -> Plan:
    """Say of every rule what it gives a draft, or what stands against it."""
    key = Key(call.account_id, "draft", call.params["id"])

    def decide(state: State) -> Decision | Refusal:
        """Run the engine on the draft as it stands, and write nothing."""
        draft = state.get(key, Draft)
        if draft is None:
            return not_found("Draft order")
        customer = draft.order.customer
        shelves = shelves_for(state, call.account_id, None if customer is None else customer.id)
        books = Standings(state, call.account_id)
        result, purchase = considered(draft.order, shelves, books, state.now)
        books.check()
        return Decision((), encode(explained(result, purchase.lines, state.now)))

    return Commit(keys=(key,), decide=decide)


def _gone(noun: str) -> Refusal:
    """Return the refusal of something that was deleted and takes no change."""
    fault = Fault("DELETED", f"{noun} is deleted", (), "one that is not deleted")
    return Refusal("INVALID_REQUEST_PARAMETER", fault.message, faults=(fault,))


OPERATIONS: tuple[Operation, ...] = (
    *CAMPAIGNS,
    *HOLDERS,
    *RECEIPTS,
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
            "`since_datetime` in the order of their changes."
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
        id="aid_discounts_did_customers_post",
        method="POST",
        path=RULE + "/customers",
        summary="Give a discount rule to customers",
        tag=_TAG,
        scopes=WRITE,
        body=GiveBody,
        answer=Rule,
        plan=_give,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_discounts_did_customers_delete",
        method="DELETE",
        path=RULE + "/customers",
        summary="Take a discount rule back from customers",
        tag=_TAG,
        scopes=WRITE,
        body=TakeBackBody,
        answer=Rule,
        plan=_take_back,
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
