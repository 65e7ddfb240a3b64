"""Uses of discounts at the store: the last one goes to one order, whoever comes at once."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ordrebok.decision import Call, Commit, Decision, Key, Outcome, State
from ordrebok.discounts.books import booked
from ordrebok.discounts.operations import OPERATIONS
from ordrebok.discounts.record import offers_for
from ordrebok.refusals import Refusal
from ordrebok.store import Store
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule
from ordrebok.wire.discount_ref import RefDocument
from ordrebok.wire.order import Discount, DiscountRef
from tests.store.doors import accepted, opened, with_store
from tests.support.builders import ACCOUNT, ACTOR
from tests.support.discounts import a_rule_body

ROWS = {row.id: row for row in OPERATIONS}


def a_commit(row_id: str, body: object, **params: str) -> Commit:
    """Return the plan of a call on a row."""
    row = ROWS[row_id]
    call = Call(ACCOUNT, ACTOR, row.method, row.path, params, body=msgspec.convert(body, row.body))
    plan = row.plan(call)
    assert isinstance(plan, Commit)
    return plan


async def a_ref(store: Store, limit: int) -> tuple[str, str]:
    """Write a rule that may be used so often, give it to everybody, and return rule and ref."""
    body = msgspec.to_builtins(a_rule_body(limitation={"discount_repeat_usage": limit}))
    made = await accepted(store, a_commit("aid_discounts_post", body))
    rule = msgspec.json.decode(made.answer, type=Rule)
    gift = {"customers": ["*"]}
    await accepted(store, a_commit("aid_discounts_did_customers_post", gift, did=rule.id))
    found: list[str] = []

    def look(state: State) -> Decision:
        """See which ref it became."""
        found[:] = [offer.ref.id for offer in offers_for(state, ACCOUNT, "C1")]
        return Decision((), b"")

    await accepted(store, Commit(keys=(), decide=look))
    return rule.id, found[0]


def a_booking(rule: str, ref: str, order_id: str) -> Commit:
    """Return what completing a draft that uses a ref books."""
    used = Discount(id=rule, refs=(DiscountRef(id=ref, amount=100, usages=1),))
    call = Call(ACCOUNT, ACTOR, "PUT", "/complete", {})

    def decide(state: State) -> Decision | Refusal:
        """Book, or refuse."""
        puts = booked(state, call, [(order_id, [used])])
        return puts if isinstance(puts, Refusal) else Decision(puts, b"")

    return Commit(keys=(), decide=decide)


def test_the_last_uses_go_to_as_many_orders_as_there_are_uses(database_url: str) -> None:
    """Sixteen at once for three: three have it, the others are told that it is used up."""

    async def use(store: Store) -> None:
        rule, ref = await a_ref(store, 3)
        outcomes = await asyncio.gather(
            *(store.commit(a_booking(rule, ref, f"order-{number}")) for number in range(16))
        )
        refused = [each.code for each in outcomes if isinstance(each, Refusal)]
        assert refused == ["DISCOUNT_USED_UP"] * 13
        assert sum(isinstance(each, Outcome) for each in outcomes) == 3
        stored = await store.fetch(Key(ACCOUNT, "discount_ref", ref), with_events=False)
        assert stored is not None
        book = msgspec.json.decode(stored.body, type=RefDocument)
        assert (book.usage, book.amount, book.version) == (3, 300, 4)
        assert stored.body == encode(book)

    with_store(database_url, use)


def a_claim(rule: str, ref: str, name: str) -> Commit:
    """Return the plan of a claim of one use."""
    body = {
        "ref": name,
        "purchase_at": "2026-06-01T12:00:00Z",
        "customer_id": "C1",
        "discounts": [{"id": rule, "refs": [{"id": ref, "amount": 100, "usage": 1}]}],
    }
    return a_commit("aid_discounts_available_for_receipt_claims_post", body)


@pytest.mark.postgres
def test_the_last_uses_go_to_as_many_claims_from_whichever_process(postgres_url: str) -> None:
    """Through two stores on one database; claims and bookings of orders compete alike."""

    async def use(one: Store) -> None:
        async with opened(postgres_url) as other:
            rule, ref = await a_ref(one, 3)
            outcomes = await asyncio.gather(
                *(
                    store.commit(make(rule, ref, f"{make.__name__}-{number}"))
                    for number in range(6)
                    for store, make in ((one, a_claim), (other, a_claim), (other, a_booking))
                )
            )
            refused = [each.code for each in outcomes if isinstance(each, Refusal)]
            assert sum(isinstance(each, Outcome) for each in outcomes) == 3
            assert set(refused) <= {"DISCOUNT_USED_UP", "CLAIM_REF_TAKEN"}
            stored = await other.fetch(Key(ACCOUNT, "discount_ref", ref), with_events=False)
            assert stored is not None
            book = msgspec.json.decode(stored.body, type=RefDocument)
            assert (book.usage, book.amount, book.version) == (3, 300, 4)

    with_store(postgres_url, use)


def test_parallel_rules_all_stand_in_the_register(database_url: str) -> None:
    """Sixteen rules written at once are sixteen rules in the list."""

    async def use(store: Store) -> None:
        body = msgspec.to_builtins(a_rule_body())
        await asyncio.gather(
            *(accepted(store, a_commit("aid_discounts_post", body)) for _ in range(16))
        )
        row = ROWS["aid_discounts_get"]
        assert row.query is not None
        call = Call(ACCOUNT, ACTOR, "GET", row.path, {}, query=row.query(limit=100))
        plan = row.plan(call)
        assert isinstance(plan, Commit)
        listed = await accepted(store, plan)
        assert len(msgspec.json.decode(listed.answer)) == 16

    with_store(database_url, use)


def test_documents_that_are_asked_for_together_cost_one_more_run(database_url: str) -> None:
    """A hundred rules and their refs, looked at by one decision: it runs twice at most."""

    async def use(store: Store) -> None:
        made = [await a_ref(store, 1) for _ in range(3)]
        keys = [Key(ACCOUNT, "discount_ref", ref) for _, ref in made]
        keys += [Key(ACCOUNT, "discount_ref", f"nothing-{number}") for number in range(97)]
        runs: list[int] = []

        def look(state: State) -> Decision:
            """Ask for all, then look at each."""
            runs.append(1)
            state.ahead(keys)
            found = [state.get(key, RefDocument) for key in keys]
            return Decision((), encode([each is not None for each in found]))

        outcome = await accepted(store, Commit(keys=(), decide=look))
        assert msgspec.json.decode(outcome.answer) == [True] * 3 + [False] * 97
        assert len(runs) <= 2

    with_store(database_url, use)
