"""Whatever happens to its refs, what a rule has left is the sum of what they show."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from ordrebok.decision import Commit, Decision, Key, Outcome
from ordrebok.discounts.books import booked, given_back
from ordrebok.discounts.giving import ERASED, WILDCARDS
from ordrebok.discounts.record import ORDER
from ordrebok.operation import Door
from ordrebok.refusals import Refusal
from ordrebok.retention.given import erase_given
from ordrebok.wire.discount_ref import RefDocument
from ordrebok.wire.order import Discount, DiscountRef
from tests.support.builders import NOW
from tests.support.discount_calls import Books, a_call, a_rule

VALUE = 100
HOLDERS = ("C1", "C2", "C3", "*", "/")
Kind = Literal[
    "give", "take back", "delete", "claim", "unclaim", "order", "replace", "cancel", "use", "erase"
]


class Step(NamedTuple):
    """Something to try; `pick` chooses among what is there, counted round."""

    kind: Kind
    pick: int
    amount: int
    holders: Sequence[str]


STEPS = st.builds(
    Step,
    kind=st.sampled_from(get_args(Kind)),
    pick=st.integers(0, 9),
    amount=st.integers(0, 3 * VALUE) | st.sampled_from([1, VALUE - 1, VALUE, VALUE + 1]),
    holders=st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=3, unique=True),
)


class Erasing:
    """A door to the books, as far as it is opened to take a person out."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Write what is decided, and delete what is to be deleted."""
        decision = commit.run(self.books.state())
        assert isinstance(decision, Decision)
        self.books.write(decision.puts)
        for name, params in decision.also:
            if name == "delete_document":
                place: Any = [params[each] for each in Key._fields]
                del self.books.documents[Key(*place)]
        return Outcome(decision.answer, decision.version)

    async def read(self, name: str, **params: object) -> Sequence[Mapping[str, Any]]:
        """Return all documents of a kind as such that may name the person."""
        assert name == "naming"
        found = [key.id for key in self.books.documents if key.kind == params["kind"]]
        rest = sorted(each for each in found if each > str(params["after"]))
        return [{"id": each, "itself": True, "events": False} for each in rest]


@dataclass
class Shop:
    """One debit, everybody who ever had it, and what was booked on it."""

    books: Books = field(default_factory=Books)
    rule_id: str = ""
    bonus: bool = False
    claims: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    number: int = 0

    def refs(self) -> list[RefDocument]:
        """All refs of the rule, taken back or not."""
        return [each for each in self.books.documents.values() if isinstance(each, RefDocument)]

    def try_(self, step: Step) -> None:
        """Carry out a step; one that is refused or has nothing to choose from does nothing."""
        self.number += 1
        self.books.now = NOW.plus(self.number)
        refs, customers = self.refs(), {"customers": list(step.holders)}
        if step.kind in {"give", "take back"}:
            row = "post" if step.kind == "give" else "delete"
            answer = self.call(f"aid_discounts_did_customers_{row}", customers, did=self.rule_id)
            assert answer["statistics"]["debit_balance"] == self.left()
        elif step.kind in {"unclaim", "cancel", "replace"}:
            self.undo(step)
        elif step.kind == "erase":
            erasing = cast("Door", Erasing(self.books))
            call, person = a_call("aid_discounts_post", {}), step.holders[0]
            asyncio.run(erase_given(erasing, call, person, person, dry_run=False))
            assert person in WILDCARDS or all(ref.given_to != person for ref in self.refs())
        elif refs:
            self.spend(step, refs[step.pick % len(refs)])

    def spend(self, step: Step, ref: RefDocument) -> None:
        """Use a ref, also beyond what it has, or take it back; an erased one only orders know."""
        if ref.given_to == ERASED and step.kind != "order":
            return
        named = {"customer_id": ref.given_to, "ref_id": ref.id}
        if step.kind == "delete":
            self.call("aid_discounts_customer_cid_delete_ref_id", **named)
        elif step.kind == "use":
            signed = step.amount if step.pick % 2 else -step.amount
            usage = {"ref": str(self.number), "ref_type": "till", "amount": signed}
            self.call("aid_discounts_customer_cid_post_ref_id", {"usage_ref": usage}, **named)
        elif step.kind == "claim":
            claimed = {"id": ref.id, "amount": step.amount, "usage": 1}
            body = {
                "type": "pos",
                "purchase_at": NOW.text,
                "customer_id": "C1" if ref.given_to == "*" else ref.given_to,
                "discounts": [{"id": self.rule_id, "refs": [claimed]}],
            }
            answer = self.call("aid_discounts_available_for_receipt_claims_post", body)
            if not isinstance(answer, Refusal):
                self.claims.append(answer["id"])
        else:
            self.order(ref, step.amount)

    def order(self, ref: RefDocument, amount: int, instead_of: str | None = None) -> None:
        """Book what a new order uses; also of a ref that was taken back since it was priced."""
        name = f"order-{self.number}"
        amount, bonus = (0, amount) if self.bonus else (amount, 0)
        part = DiscountRef(id=ref.id, usages=1, amount=amount, bonus=bonus)
        used = Discount(id=self.rule_id, refs=(part,))
        call = a_call("aid_discounts_post", {})
        puts = booked(self.books.state(), call, [(name, [used])], instead_of=instead_of)
        if isinstance(puts, Refusal):
            return
        self.books.write(puts)
        self.orders = [each for each in self.orders if each != instead_of] + [name]

    def undo(self, step: Step) -> None:
        """Give back what a claim or an order has booked; another order may come in its place."""
        if step.kind == "unclaim":
            if self.claims:
                claim_id = self.claims.pop(step.pick % len(self.claims))
                row = "aid_discounts_available_for_receipt_claims_claim_id_delete"
                self.call(row, claim_id=claim_id)
            return
        if not self.orders:
            return
        name = self.orders[step.pick % len(self.orders)]
        if step.kind == "replace":
            self.order(self.refs()[step.pick % len(self.refs())], step.amount, name)
        else:
            self.orders.remove(name)
            call = a_call("aid_discounts_post", {})
            self.books.write(given_back(self.books.state(), call, (ORDER, name)))

    def call(self, row: str, body: object = None, **params: str) -> Any:  # noqa: ANN401 -- JSON
        """Carry out a row of the API."""
        return self.books.call(row, body, None, **params)

    def left(self) -> int:
        """What the rule shows."""
        answer = self.call("aid_discounts_did_get", did=self.rule_id)
        balance: int = answer["statistics"]["debit_balance"]
        return balance

    def shown(self) -> int:
        """The sum of what its refs show that were not taken back."""
        total = 0
        for ref in self.refs():
            if ref.deleted_at is None:
                named = {"customer_id": ref.given_to, "ref_id": ref.id}
                answer = self.call("aid_discounts_customer_cid_get_ref_id", **named)
                total += answer["statistics"]["debit_balance"]
        return total


@settings(max_examples=150)
@given(
    steps=st.lists(STEPS, min_size=1, max_size=40),
    effect=st.sampled_from(["discount", "bonus"]),
)
def test_balance_of_a_rule_is_the_sum_of_what_its_refs_show(steps: list[Step], effect: str) -> None:
    """Given, taken back, claimed, ordered, replaced, cancelled, used, erased, in any order."""
    shop = Shop(bonus=effect == "bonus")
    reward = {"type": "discount_debit", "value": VALUE, "effect": effect}
    shop.rule_id = a_rule(shop.books, "C1", "C2", "*", reward=reward)
    for step in steps:
        shop.try_(step)
        naive = [max(0, VALUE - r.amount - r.bonus) for r in shop.refs() if r.deleted_at is None]
        assert shop.left() == shop.shown() == sum(naive)
    (listed,) = shop.books.call("aid_discounts_get", query={"include": ["statistics"]})
    assert listed["statistics"]["debit_balance"] == shop.left()
