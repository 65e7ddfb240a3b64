"""The rows of the API that look from the holder: a customer's rules and refs, and public rules."""

from collections.abc import Callable, Iterable

from msgspec.structs import asdict, replace

from ordrebok.clock import milliseconds
from ordrebok.decision import Call, Commit, Decision, State
from ordrebok.discounts import giving
from ordrebok.discounts.books import Books
from ordrebok.discounts.engine import Offer
from ordrebok.discounts.record import (
    buyer_keys,
    campaign_key,
    offers_for,
    put_head,
    put_index,
    ref_key,
    rule_as_it_stands,
    wallet_key,
)
from ordrebok.discounts.requirements import EVERYBODY, NOBODY, used_up
from ordrebok.discounts.standing import Booking
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Fault, Refusal, not_found
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule, TakenBackRule
from ordrebok.wire.discount_query import CustomerRulesQuery, PublicRulesQuery
from ordrebok.wire.discount_ref import Campaign, RefDocument, RefUpdate, UsageRef, Wallet

_RULES = "/accounts/{aid}/discounts/customers/{customer_id}/rules"
_REF = "/accounts/{aid}/discounts/customers/{customer_id}/refs/{ref_id}"
_PUBLIC = "/accounts/{aid}/discounts/public/rules"
_READ = ("admin:discounts", "read:discounts")
_WRITE = ("admin:discounts", "write:discounts")
_HIDDEN = "dintero:exclude:public:"


def _page(offers: Iterable[Offer], after: str | None, limit: int) -> list[Offer] | Refusal:
    """Return a page of refs, oldest first; the cursor is the ref_id of the last row before it.

    Refuses: INVALID_REQUEST_PARAMETER for a ref_id that is not in the list.
    """
    rows = sorted(offers, key=lambda offer: (offer.ref.created_ms, offer.ref.id))
    if after is not None:
        place = next((i for i, offer in enumerate(rows) if offer.ref.id == after), None)
        if place is None:
            return _invalid("starting_after", f"there is no ref {after} in this list")
        rows = rows[place + 1 :]
    return rows[:limit]


def _visible(offer: Offer, now_ms: int) -> bool:
    """Tell whether a rule is shown at a time: in its window, or from visible_from on."""
    rule = offer.rule
    early = rule.rule.visible_from
    begins = rule.from_ms if early is None else min(rule.from_ms, milliseconds(early))
    return rule.usable and begins <= now_ms <= rule.to_ms


def _customer_rules(call: Call) -> Plan:
    """List what a customer can use, also through `*`."""
    query, customer = call.query_as(CustomerRulesQuery), call.params["customer_id"]

    def decide(state: State) -> Decision | Refusal:
        """Read the wallets, then the books of what is shown."""
        shown = []
        offers = offers_for(state, call.account_id, customer)
        state.ahead(ref_key(call.account_id, offer.ref.id) for offer in offers)
        for offer in offers:
            ref = state.get(ref_key(call.account_id, offer.ref.id), RefDocument)
            open_ = used_up(offer.rule, giving.standing_of(ref)) is None
            if ref is not None and open_ and _visible(offer, state.now.ms):
                shown.append(offer)
        page = _page(shown, query.starting_after, query.limit)
        if isinstance(page, Refusal):
            return page
        return Decision((), encode([_with_book(state, call, offer) for offer in page]))

    return Commit(keys=buyer_keys(call.account_id, customer), decide=decide)


def _with_book(state: State, call: Call, offer: Offer) -> Rule:
    """Return a rule with a ref and what it has given."""
    ref = state.get(ref_key(call.account_id, offer.ref.id), RefDocument)
    book = None if ref is None else giving.statistics(ref, offer.rule, state.now)
    return replace(offer.rule.rule, ref_id=offer.ref.id, statistics=book)


def _public_rules(call: Call) -> Plan:
    """List what everybody may see: rules for any customer, or for strangers."""
    query = call.query_as(PublicRulesQuery)
    holder = NOBODY if query.no_customer_id else EVERYBODY

    def decide(state: State) -> Decision | Refusal:
        """Leave out private rules, private campaigns, and what is not for the public."""
        shown = [
            offer
            for offer in offers_for(state, call.account_id, None if holder == NOBODY else EVERYBODY)
            if _visible(offer, state.now.ms) and _is_public(state, call, offer.rule.rule)
            if not query.campaign_id or offer.rule.rule.campaign_id in query.campaign_id
        ]
        unique = {offer.ref.id: offer for offer in shown if offer.ref.given_to == holder}
        page = _page(unique.values(), query.starting_after, query.limit)
        if isinstance(page, Refusal):
            return page
        return Decision((), encode([_public(offer) for offer in page]))

    return Commit(keys=(wallet_key(call.account_id, holder),), decide=decide)


def _public_rule(call: Call) -> Plan:
    """Read a rule that everybody may see."""
    keys = tuple(wallet_key(call.account_id, holder) for holder in (EVERYBODY, NOBODY))

    def decide(state: State) -> Decision | Refusal:
        """Look for it among what wildcards hold."""
        for buyer in (EVERYBODY, None):
            for offer in offers_for(state, call.account_id, buyer):
                rule = offer.rule.rule
                if rule.id == call.params["did"] and _visible(offer, state.now.ms):
                    shown = _is_public(state, call, rule)
                    return Decision((), encode(_public(offer))) if shown else _NO_RULE
        return _NO_RULE

    return Commit(keys=keys, decide=decide)


_NO_RULE = not_found("Discount")


def _is_public(state: State, call: Call, rule: Rule) -> bool:
    """Tell whether neither a rule nor its campaign is private."""
    if rule.private:
        return False
    if rule.campaign_id is None:
        return True
    campaign = state.get(campaign_key(call.account_id, rule.campaign_id), Campaign)
    return campaign is None or not campaign.private


def _public(offer: Offer) -> Rule:
    """Return a rule without the metadata that is not for the public."""
    rule = offer.rule.rule
    metadata = {k: v for k, v in (rule.metadata or {}).items() if not k.startswith(_HIDDEN)}
    return replace(rule, ref_id=offer.ref.id, metadata=metadata or None)


def _on_ref(call: Call, change: Callable[[RefDocument, State], Decision | Refusal]) -> Commit:
    """Return the plan of a call on the ref in the path, which must be this customer's."""
    key = ref_key(call.account_id, call.params["ref_id"])

    def decide(state: State) -> Decision | Refusal:
        """Load the ref."""
        ref = state.get(key, RefDocument)
        if ref is None or ref.given_to not in {call.params["customer_id"], EVERYBODY}:
            return not_found("Discount ref")
        return change(ref, state)

    return Commit(keys=(key,), decide=decide, idempotency=call.idempotency)


def _shown(state: State, call: Call, ref: RefDocument) -> Rule | Refusal:
    """Return a ref as answers show it: its rule, with its book."""
    rule = rule_as_it_stands(state, call.account_id, ref.discount_id)
    if rule is None:
        return not_found("Discount")
    book = giving.statistics(ref, rule, state.now)
    return replace(rule.rule, ref_id=ref.id, statistics=book)


def _answer(state: State, call: Call, ref: RefDocument) -> bytes | Refusal:
    """Return a ref as it is answered."""
    shown = _shown(state, call, ref)
    return shown if isinstance(shown, Refusal) else encode(shown)


def _read_ref(call: Call) -> Plan:
    """Read a ref."""

    def read(ref: RefDocument, state: State) -> Decision | Refusal:
        """Answer, and write nothing."""
        body = _answer(state, call, ref)
        return body if isinstance(body, Refusal) else Decision((), body)

    return _on_ref(call, read)


def _add_usage(call: Call) -> Plan:
    """Book a use, stamps or an amount that arose elsewhere; the same reference is booked once."""
    given = call.body_as(RefUpdate).usage_ref

    def change(ref: RefDocument, state: State) -> Decision | Refusal:
        """Book, unless it is booked already."""
        if ref.deleted_at is not None:
            return _invalid("ref_id", "the ref is deleted")
        rule = rule_as_it_stands(state, call.account_id, ref.discount_id)
        if rule is None:
            return not_found("Discount")
        same = [u for u in ref.usage_refs if (u.ref, u.ref_type) == (given.ref, given.ref_type)]
        if same:
            body = _answer(state, call, ref)
            return body if isinstance(body, Refusal) else Decision((), body)
        usage, amount, stamp = given.usage or 0, given.amount or 0, given.stamp or 0
        booking = Booking(state.now.ms, usage, amount, 0, stamp)
        noted = UsageRef(
            ref=given.ref,
            ref_type=given.ref_type,
            usage=given.usage,
            stamp=given.stamp,
            amount=given.amount,
            created_at=state.now.text,
            created_by=call.actor_id,
        )
        after, _ = giving.after_booking(ref, rule, booking, noted, state.now)
        books = Books(state, call)
        books.change(ref, after, rule)
        body = _answer(state, call, after)
        refusal = books.refusal()
        if refusal is not None:
            return refusal
        if isinstance(body, Refusal):
            return body
        return Decision(books.puts(), body)

    return _on_ref(call, change)


def _delete_ref(call: Call) -> Plan:
    """Take one ref back."""

    def change(ref: RefDocument, state: State) -> Decision | Refusal:
        """Mark the ref and strike it from its wallet."""
        if ref.deleted_at is not None:
            return _invalid("ref_id", "the ref is deleted already")
        after = giving.deleted(ref, call.actor_id, state.now)
        shown = _shown(state, call, after)
        if isinstance(shown, Refusal):
            return shown
        balance = None if shown.statistics is None else shown.statistics.debit_balance
        books = Books(state, call)
        books.change(ref, after, rule_as_it_stands(state, call.account_id, ref.discount_id))
        puts = [*books.puts()]
        key = wallet_key(call.account_id, ref.given_to)
        wallet = state.get(key, Wallet)
        if wallet is not None:
            puts.append(put_index(state, call, key, giving.without(wallet, [ref.id])))
        if ref.given_to in giving.WILDCARDS:
            puts.append(put_head(state, call, puts))
        answer = TakenBackRule(**asdict(shown), debit_balance=balance)
        return Decision(tuple(puts), encode(answer))

    return _on_ref(call, change)


def _invalid(name: str, message: str) -> Refusal:
    """Return the refusal of one parameter."""
    fault = Fault("INVALID_REQUEST_PARAMETER", message, (name,), "a ref of this list that stands")
    return Refusal("INVALID_REQUEST_PARAMETER", message, faults=(fault,))


OPERATIONS = (
    Operation(
        id="aid_discounts_customer_cid_get",
        method="GET",
        path=_RULES,
        summary="Customer discount rules",
        tag="customers",
        scopes=(*_READ, "user:discounts"),
        query=CustomerRulesQuery,
        answer=tuple[Rule, ...],
        plan=_customer_rules,
        refusals=("WRONG_CUSTOMER",),
        description=(
            "What the customer can use or sees coming; the cursor is the last `ref_id`. With "
            "`user:discounts` a token opens the rules of the customer that it names."
        ),
    ),
    Operation(
        id="aid_discounts_public_get",
        method="GET",
        path=_PUBLIC,
        summary="Public discount rules",
        tag="public",
        scopes=(*_READ, "public:discounts"),
        query=PublicRulesQuery,
        answer=tuple[Rule, ...],
        plan=_public_rules,
        description="Rules given to `*`, or to `/` with `no_customer_id`; private ones left out.",
    ),
    Operation(
        id="aid_discounts_public_did_get",
        method="GET",
        path=_PUBLIC + "/{did}",
        summary="Get public discount rule",
        tag="public",
        scopes=(*_READ, "public:discounts"),
        answer=Rule,
        plan=_public_rule,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_discounts_customer_cid_get_ref_id",
        method="GET",
        path=_REF,
        summary="Get a customer's discount ref",
        tag="customers",
        scopes=_READ,
        answer=Rule,
        plan=_read_ref,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_discounts_customer_cid_post_ref_id",
        method="POST",
        path=_REF,
        summary="Add stamps and usage to a discount ref",
        tag="customers",
        scopes=_WRITE,
        body=RefUpdate,
        answer=Rule,
        plan=_add_usage,
        refusals=("NOT FOUND", "AMOUNT_TOO_LARGE"),
        description="The same `ref` and `ref_type` again is booked once.",
    ),
    Operation(
        id="aid_discounts_customer_cid_delete_ref_id",
        method="DELETE",
        path=_REF,
        summary="Delete a customer's discount ref",
        tag="customers",
        scopes=_WRITE,
        answer=TakenBackRule,
        plan=_delete_ref,
        refusals=("NOT FOUND",),
    ),
)
