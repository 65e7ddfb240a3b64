"""The rows of the API that give a rule to customers, take it back, and say who has it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from ordrebok.decision import Call, Commit, Decision, Put, State
from ordrebok.discounts import giving
from ordrebok.discounts.books import Books, tally_keys
from ordrebok.discounts.compiled import CompiledRule, compiled
from ordrebok.discounts.record import (
    holders_key,
    put_head,
    put_index,
    ref_key,
    rule_as_it_stands,
    rule_key,
    wallet_key,
)
from ordrebok.discounts.register import invalid_cursor
from ordrebok.discounts.requirements import EVERYBODY
from ordrebok.discounts.statistics import shown
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Fault, Refusal, not_found, refuse
from ordrebok.wire.base import MAX_INTEGER, encode
from ordrebok.wire.discount import Rule, Statistics
from ordrebok.wire.discount_query import HoldersQuery, UsagesQuery
from ordrebok.wire.discount_ref import (
    DiscountUsage,
    Entity,
    GiveBody,
    Holders,
    RefDocument,
    TakeBackBody,
    Wallet,
)

_PATH = "/accounts/{aid}/discounts/rules/{did}/customers"
_READ = ("admin:discounts", "read:discounts")
_WRITE = ("admin:discounts", "write:discounts")
_TAG = "rules"
_CHUNK = 200
"""Refs that one document of holders names: giving writes one of them anew."""
_FIRST_LOOK = 200
"""Refs that a page looks at first; twice as many each time, until it is full."""


def on_rule(call: Call, change: Callable[[Rule, State], Decision | Refusal]) -> Commit:
    """Return the plan of a change of the rule in the path."""
    key = rule_key(call.account_id, call.params["did"])

    def decide(state: State) -> Decision | Refusal:
        """Load the rule and change it."""
        rule = state.get(key, Rule)
        return not_found("Discount") if rule is None else change(rule, state)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _enlisted(
    state: State, call: Call, rule_id: str, given: Mapping[str, str]
) -> tuple[list[int], list[Put]]:
    """Return where new refs of a rule are named, chunk by chunk, and what writes that down.

    `given` are the refs with those whom they are given to.
    """
    ref_ids = list(given)
    if not ref_ids:
        return [], []
    first = state.get(holders_key(call.account_id, rule_id, 0), Holders)
    number = 0 if first is None else first.chunks - 1
    last = first if number == 0 else _chunk(state, call, rule_id, number)
    named: dict[int, list[str]] = {number: [] if last is None else [*last.ref_ids]}
    chunks = []
    for ref_id in ref_ids:
        if len(named[number]) >= _CHUNK:
            number += 1
            named[number] = []
        named[number].append(ref_id)
        chunks.append(number)
    wildcards = () if first is None else first.wildcards
    wildcards += tuple(ref_id for ref_id, holder in given.items() if holder in giving.WILDCARDS)
    if first is not None and (number >= first.chunks or wildcards != first.wildcards):
        named.setdefault(0, [*first.ref_ids])
    puts = []
    for each, names in named.items():
        before = _chunk(state, call, rule_id, each)
        document = Holders(
            version=1 if before is None else before.version + 1,
            created_ms=state.now.ms if before is None else before.created_ms,
            chunks=number + 1 if each == 0 else 1,
            ref_ids=tuple(names),
            wildcards=wildcards if each == 0 else (),
            balances=each == 0 and (first is None or first.balances),
        )
        puts.append(put_index(state, call, holders_key(call.account_id, rule_id, each), document))
    return chunks, puts


def _chunk(state: State, call: Call, rule_id: str, number: int) -> Holders | None:
    """Return one of the documents that name a rule's refs."""
    return state.get(holders_key(call.account_id, rule_id, number), Holders)


def _refs(state: State, call: Call, rule_id: str, start: int = 0) -> list[str]:
    """Return the ids of all refs of a rule, from a chunk on, in the order they were given."""
    first = _chunk(state, call, rule_id, 0)
    if first is None:
        return []
    numbers = range(start, first.chunks)
    state.ahead(holders_key(call.account_id, rule_id, number) for number in numbers)
    found = (_chunk(state, call, rule_id, number) for number in numbers)
    return [ref_id for each in found if each is not None for ref_id in each.ref_ids]


def _all_holders(state: State, call: Call, rule_id: str) -> list[str]:
    """Return everybody whom a rule was given to."""
    keys = [ref_key(call.account_id, each) for each in _refs(state, call, rule_id)]
    state.ahead(keys)
    found = (state.get(key, RefDocument) for key in keys)
    return [ref.given_to for ref in found if ref is not None and ref.deleted_at is None]


def _give(call: Call) -> Plan:
    """Give a rule to customers."""
    body = call.body_as(GiveBody)
    constraint = body.offering_constraint_id

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Make a ref for each holder who gets anything new."""
        if rule.deleted_at is not None:
            return _gone("Discount")
        state.ahead(wallet_key(call.account_id, holder) for holder in body.customers)
        wallets = {
            holder: state.get(wallet_key(call.account_id, holder), Wallet)
            for holder in body.customers
        }
        new = {
            holder: wallet
            for holder, wallet in wallets.items()
            if not giving.has_already(wallet, rule.id, constraint)
        }
        ref_ids = [state.new_id() for _ in new]
        chunks, puts = _enlisted(state, call, rule.id, dict(zip(ref_ids, new, strict=True)))
        books, ready = _books(state, call, rule)
        for (holder, wallet), ref_id, chunk in zip(new.items(), ref_ids, chunks, strict=True):
            ref = RefDocument(
                id=ref_id,
                discount_id=rule.id,
                given_to=holder,
                created_at=state.now.text,
                created_by=call.actor_id,
                updated_at=state.now.text,
                offering_constraint_id=constraint,
                version=1,
                chunk=chunk,
            )
            books.change(None, ref, ready)
            key = wallet_key(call.account_id, holder)
            puts.append(put_index(state, call, key, giving.given(wallet, ref, state.now)))
        puts += books.puts()
        after = shown(state, call.account_id, rule, puts)
        return books.refusal() or _too_much(after) or _with_head(state, call, puts, after)

    return on_rule(call, change)


def _take_back(call: Call) -> Plan:
    """Take a rule back from customers; from `*` is from all who have it."""
    body = call.body_as(TakeBackBody)

    def change(rule: Rule, state: State) -> Decision | Refusal:
        """Mark the refs, and strike them from the wallets."""
        puts: list[Put] = []
        books, ready = _books(state, call, rule)
        customers = body.customers
        if EVERYBODY in customers:
            customers = (*customers, *_all_holders(state, call, rule.id))
        state.ahead(wallet_key(call.account_id, holder) for holder in customers)
        for holder in dict.fromkeys(customers):
            key = wallet_key(call.account_id, holder)
            wallet = state.get(key, Wallet)
            held = [each for each in wallet.refs if each.discount_id == rule.id] if wallet else []
            if wallet is None or not held:
                continue
            state.ahead(ref_key(call.account_id, each.ref_id) for each in held)
            for each in held:
                ref = books.ref(each.ref_id)
                if ref is not None:
                    books.change(ref, giving.deleted(ref, call.actor_id, state.now), ready)
            rest = giving.without(wallet, [each.ref_id for each in held])
            puts.append(put_index(state, call, key, rest))
        puts += books.puts()
        return _with_head(state, call, puts, shown(state, call.account_id, rule, puts))

    return on_rule(call, change)


def _books(state: State, call: Call, rule: Rule) -> tuple[Books, CompiledRule]:
    """Return the books of refs that are given or taken back, and their rule made ready."""
    if rule.reward.type == "discount_debit":
        state.ahead(tally_keys(call.account_id, rule.id))
    return Books(state, call), compiled(rule)


def _too_much(after: Rule) -> Refusal | None:
    """Return the refusal of a gift after which a rule would have more left than is kept exactly."""
    left = 0 if after.statistics is None else after.statistics.debit_balance or 0
    if left <= MAX_INTEGER:
        return None
    return refuse("AMOUNT_TOO_LARGE", "The discount would have more left than can be kept")


def _with_head(state: State, call: Call, puts: list[Put], after: Rule) -> Decision:
    """Return the decision on the refs of a rule; those of wildcards change the register's head."""
    if any(each.key.id in giving.WILDCARDS for each in puts):
        puts.append(put_head(state, call, puts))
    return Decision(tuple(puts), encode(after), after.version)


def _holders(call: Call) -> Plan:
    """List whom a rule was given to."""
    query = call.query_as(HoldersQuery)

    def row(ref: RefDocument, rule: Rule, _: State) -> Entity | None:
        """Return the row of a ref, None where another state is asked for."""
        return _entity(ref) if _fits(ref, rule, query.state) else None

    return _along_refs(call, row, query.limit, query.starting_after)


def _usages(call: Call) -> Plan:
    """List what was booked on a rule, ref by ref."""
    query = call.query_as(UsagesQuery)

    def row(ref: RefDocument, _: Rule, state: State) -> DiscountUsage | None:
        """Return the row of a ref, None where nothing was ever booked on it."""
        made = rule_as_it_stands(state, call.account_id, ref.discount_id)
        if made is None or not (ref.usage or ref.amount or ref.bonus or ref.stamp):
            return None
        return _usage(ref, giving.statistics(ref, made, state.now))

    return _along_refs(call, row, query.limit, query.starting_after)


Row = TypeVar("Row")


def _along_refs(
    call: Call,
    row: Callable[[RefDocument, Rule, State], Row | None],
    limit: int,
    after: str | None,
) -> Commit:
    """Return the plan of a list of the refs of the rule in the path, oldest first.

    Refuses: NOT FOUND; INVALID_REQUEST_PARAMETER for a cursor that is no ref of the rule.
    """
    key = rule_key(call.account_id, call.params["did"])

    def decide(state: State) -> Decision | Refusal:
        """Walk along the refs until the page is full."""
        rule = state.get(key, Rule)
        if rule is None:
            return not_found("Discount")
        start = 0
        if after is not None:
            last = state.get(ref_key(call.account_id, after), RefDocument)
            if last is None or last.discount_id != rule.id:
                return invalid_cursor(f"there is no ref {after} of this rule")
            start = last.chunk
        names = _refs(state, call, rule.id, start)
        if after is not None:
            names = names[names.index(after) + 1 :]
        made = (row(ref, rule, state) for ref in _in_steps(state, call, names))
        rows = list(islice((each for each in made if each is not None), limit))
        return Decision((), encode(rows))

    return Commit(keys=(key,), decide=decide)


def _in_steps(state: State, call: Call, names: Sequence[str]) -> Iterator[RefDocument]:
    """Yield refs, loading more of them each time."""
    done, step = 0, _FIRST_LOOK
    while done < len(names):
        keys = [ref_key(call.account_id, each) for each in names[done : done + step]]
        state.ahead(keys)
        for key in keys:
            ref = state.get(key, RefDocument)
            if ref is not None:
                yield ref
        done, step = done + step, step * 2


def _fits(ref: RefDocument, rule: Rule, state: str | None) -> bool:
    """Tell whether a ref is in a state; a deleted rule leaves its refs as they are."""
    if state in {"all", "deleted"}:
        return state == "all" or ref.deleted_at is not None
    if ref.deleted_at is not None:
        return False
    return state is None or rule.active == (state == "available")


def _entity(ref: RefDocument) -> Entity:
    """Return a ref as the list shows it."""
    return Entity(
        id=ref.id,
        customer_id=ref.given_to or None,
        created_at=ref.created_at,
        created_by=ref.created_by,
        updated_at=ref.updated_at,
        deleted_at=ref.deleted_at,
        deleted_by=ref.deleted_by,
    )


def _gone(noun: str) -> Refusal:
    """Return the refusal of something that was deleted and takes no change."""
    fault = Fault("DELETED", f"{noun} is deleted", (), "one that is not deleted")
    return Refusal("INVALID_REQUEST_PARAMETER", fault.message, faults=(fault,))


def _usage(ref: RefDocument, statistics: Statistics) -> DiscountUsage:
    """Return what was booked on a ref as the list shows it."""
    return DiscountUsage(
        id=ref.id,
        ref_id=ref.id,
        discount_id=ref.discount_id,
        customer_id=ref.given_to or None,
        create_at=ref.created_at,
        updated_at=ref.updated_at,
        created_by=ref.created_by,
        usage_refs=ref.usage_refs,
        statistics=statistics,
    )


OPERATIONS = (
    Operation(
        id="aid_discounts_did_usages_get",
        method="GET",
        path="/accounts/{aid}/discounts/rules/{did}/usages",
        summary="Usages of a discount rule",
        tag=_TAG,
        scopes=_READ,
        query=UsagesQuery,
        answer=tuple[DiscountUsage, ...],
        plan=_usages,
        refusals=("NOT FOUND",),
        description=(
            "One row for each ref that anything was booked on, the oldest ref first; "
            "`starting_after` is the `id` of the last."
        ),
    ),
    Operation(
        id="aid_discounts_did_customers_get",
        method="GET",
        path=_PATH,
        summary="Customers of a discount rule",
        tag=_TAG,
        scopes=_READ,
        query=HoldersQuery,
        answer=tuple[Entity, ...],
        plan=_holders,
        refusals=("NOT FOUND",),
        description=(
            "One row for each ref, in the order in which they were given; `starting_after` is the "
            "`id` of the last."
        ),
    ),
    Operation(
        id="aid_discounts_did_customers_post",
        method="POST",
        path=_PATH,
        summary="Give a discount rule to customers",
        tag=_TAG,
        scopes=_WRITE,
        body=GiveBody,
        answer=Rule,
        plan=_give,
        refusals=("NOT FOUND", "AMOUNT_TOO_LARGE"),
        versioned=True,
        description=(
            "Refused where the refs of a `discount_debit` would have more left together than is "
            "kept exactly."
        ),
    ),
    Operation(
        id="aid_discounts_did_customers_delete",
        method="DELETE",
        path=_PATH,
        summary="Take a discount rule back from customers",
        tag=_TAG,
        scopes=_WRITE,
        body=TakeBackBody,
        answer=Rule,
        plan=_take_back,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
)
