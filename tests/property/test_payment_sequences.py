"""Any sequence of operations is taken exactly as far as the inequalities allow, and adds up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.payments.ledger import KINDS, OperationKind, ledger
from ordrebok.payments.proof import proof
from ordrebok.payments.recording import record
from ordrebok.wire.order import Order
from ordrebok.wire.payment import OperationBody, OperationItemBody
from tests.support.builders import ACTOR, NOW, a_body, accepted, an_order

PAYABLE = {1: 60, 2: -60}


class Step(NamedTuple):
    """An operation to try; `named` picks one of the authorizations, if there are any."""

    kind: OperationKind
    asked: dict[int, str]
    """How much of what is left of each line: all, half, one, or one more."""
    named: int | None
    success: bool
    flips: bool
    """Before it, the order begins or stops to allow several authorizations."""


@dataclass
class Share:
    """What was recorded on a line under one authorization, counted as it came in."""

    authorization_id: str
    sums: dict[OperationKind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def room(self, kind: OperationKind) -> int:
        """How much more of a kind fits in."""
        if kind == "refunds":
            return self.sums["captures"] - self.sums["refunds"]
        return self.sums["authorizations"] - self.sums["captures"] - self.sums["cancellations"]


@dataclass
class Books:
    """The same rules in other words: shares of authorizations, filled from the oldest on."""

    shares: dict[int, list[Share]] = field(default_factory=lambda: {n: [] for n in PAYABLE})

    def left(self, kind: OperationKind, line_id: int, named: str | None, *, multiple: bool) -> int:
        """How much more of a kind fits on a line."""
        shares = self.shares[line_id]
        if kind != "authorizations":
            return sum(share.room(kind) for share in self._of(line_id, named))
        if not multiple and any(share.room("captures") > 0 for share in shares):
            return 0
        held = sum(s.sums["authorizations"] - s.sums["cancellations"] for s in shares)
        return abs(PAYABLE[line_id]) - held

    def add(self, kind: OperationKind, items: dict[int, int], name: str, named: str | None) -> None:
        """Count amounts that fit."""
        for line_id, asked in items.items():
            amount = asked
            if kind == "authorizations":
                self.shares[line_id].append(Share(name))
                self.shares[line_id][-1].sums["authorizations"] = amount
                continue
            for share in self._of(line_id, named):
                part = min(amount, share.room(kind))
                share.sums[kind] += part
                amount -= part

    def _of(self, line_id: int, named: str | None) -> list[Share]:
        shares = self.shares[line_id]
        return [share for share in shares if named in (None, share.authorization_id)]


AMOUNTS: dict[str, Callable[[int], int]] = {
    "all": lambda left: max(left, 1),
    "half": lambda left: max(left // 2, 1),
    "one": lambda _: 1,
    "one more": lambda left: left + 1,
}
amounts = st.sampled_from(["all", "all", "half", *AMOUNTS])
one_line = st.builds(lambda line_id, how: {line_id: how}, st.sampled_from([1, 1, 1, 2]), amounts)
steps = st.builds(
    Step,
    kind=st.sampled_from((*KINDS, "authorizations", "captures")),
    asked=one_line | one_line | st.dictionaries(st.sampled_from([1, 2]), amounts, min_size=2),
    named=st.sampled_from([None, None, None, 0, 1, 2]),
    success=st.sampled_from([True] * 9 + [False]),
    flips=st.sampled_from([False] * 7 + [True]),
)


def body_of(
    items: dict[int, int], named: str | None = None, *, success: bool = True
) -> OperationBody:
    """Return an operation as a client writes it; the amounts take the sign of their lines."""
    signed = tuple(
        OperationItemBody(line_id=line_id, amount=amount if PAYABLE[line_id] > 0 else -amount)
        for line_id, amount in items.items()
    )
    return OperationBody(items=signed, success=success, authorization_id=named)


@settings(max_examples=200)
@given(tried=st.lists(steps, max_size=30), multiple=st.booleans())
def test_a_step_is_taken_exactly_when_it_fits(tried: list[Step], *, multiple: bool) -> None:
    """And after each one the books agree with what was counted on the way, and are proved."""
    order = an_order([a_body(net, line_id) for line_id, net in PAYABLE.items()])
    books = Books()
    for number, step in enumerate(tried):
        kind, name = step.kind, f"id-{number}"
        multiple ^= step.flips
        order = replace(order, multiple_authorizations=multiple)
        known = [each.id for each in order.authorizations]
        named = None
        if kind != "authorizations" and known and (multiple or step.named is not None):
            named = known[(step.named or 0) % len(known)]
        elif kind != "authorizations" and multiple:
            continue
        left = {n: books.left(kind, n, named, multiple=multiple) for n in step.asked}
        items = {n: AMOUNTS[how](left[n]) for n, how in step.asked.items()}
        body = body_of(items, named, success=step.success)
        after = record(order, kind, body, name, ACTOR, NOW.plus(number))
        fits = not step.success or all(items[n] <= left[n] for n in items)
        assert fits == isinstance(after, Order), after
        if isinstance(after, Order):
            order = after
            if step.success:
                books.add(kind, items, name, named)
            agree(order, books)


def agree(order: Order, books: Books) -> None:
    """Hold the order's ledger against what was counted, and its proof against the ledger."""
    assert proof(order).holds
    book = ledger(order)
    for line_id, shares in books.shares.items():
        for share in shares:
            within = book.within(share.authorization_id, line_id)
            assert {kind: getattr(within, kind) for kind in KINDS} == share.sums
        of_line = book.line(line_id)
        for kind in KINDS:
            assert getattr(of_line, kind) == sum(share.sums[kind] for share in shares)


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**9), max_size=30))
def test_stacked_refunds_end_exactly_at_what_was_captured(captured: int, asked: list[int]) -> None:
    """Each is taken as long as it fits; the rest is taken by the last; nothing passes."""
    order = an_order([a_body(captured, 1)])
    for kind in ("authorizations", "captures"):
        order = accepted(record(order, kind, body_of({1: captured}), kind, ACTOR, NOW))
    left = captured
    for amount in [*asked, captured, 1]:
        after = record(order, "refunds", body_of({1: amount}), "R", ACTOR, NOW)
        assert isinstance(after, Order) == (amount <= left)
        if isinstance(after, Order):
            order, left = after, left - amount
        elif left:
            order = accepted(record(order, "refunds", body_of({1: left}), "R", ACTOR, NOW))
            left = 0
        assert order.payment_details is not None
        assert order.payment_details.remaining_refund_amount == left
        assert order.payment_details.amount_due == 0
    assert order.payment_status == "refunded"
