"""Payouts add up for all trees, lines and sequences of operations, and agree with a reference."""

from collections import Counter
from fractions import Fraction
from random import Random

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.items.rules import payable
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.payments.ledger import KINDS, OperationKind, Recorded
from ordrebok.payouts.ledger import balances, entries
from ordrebok.payouts.proof import payout_equations
from ordrebok.payouts.resolution import RuleName, with_payouts
from ordrebok.payouts.splitting import apportioned, leaves, split
from ordrebok.payouts.trees import rule_faults
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payout import DestinationNode, Payout, PayoutRule, ResolvedNode
from tests.property.payout_reference import Node, cumulative, leaves_of
from tests.support.builders import a_body, accepted, an_item
from tests.support.payouts import a_rule, a_split_order, no_rule, shares, with_operation

NAMES = "abcde"
FULL = 100

# ------------------------------------------------------------------------------------- trees

steps = st.sampled_from(["0", "1", "5", "10", "12.5", "33.33", "33.333333", "50", "0.5", "99.9"])
values = steps | st.decimals(0, FULL, places=3).map(lambda number: f"{number:f}")


@st.composite
def levels(draw: st.DrawFn, depth: int = 3) -> tuple[Node, ...]:
    """Draw a level of a valid tree, and what is below it."""
    nodes: list[Node] = []
    percent = Fraction(0)
    for _ in range(draw(st.integers(1, 4))):
        type_ = draw(st.sampled_from(["percentage", "flat_amount", "remaining_amount"]))
        value = None
        if type_ == "percentage":
            value = draw(values)
            if percent + Fraction(value) >= FULL:
                type_, value = "remaining_amount", None
            else:
                percent += Fraction(value)
        elif type_ == "flat_amount":
            value = str(draw(st.sampled_from([0, 1, 7, 500]) | st.integers(0, 10**6)))
        branch = depth > 1 and draw(st.integers(0, 3)) == 0
        end = draw(levels(depth - 1)) if branch else draw(st.sampled_from(NAMES))
        nodes.append(Node(type_, value, end))
    return tuple(nodes)


def written(level: tuple[Node, ...]) -> tuple[DestinationNode, ...]:
    """Return a tree as a client writes it."""
    return msgspec.convert([_written(node) for node in level], tuple[DestinationNode, ...])


def _written(node: Node) -> dict[str, object]:
    """Return a node as JSON."""
    end: dict[str, object] = (
        {"destination": node.end}
        if isinstance(node.end, str)
        else {"destinations": [_written(each) for each in node.end]}
    )
    return {"type": node.type, "value": node.value, **end}


some_amounts = (
    st.integers(-3000, 3000)
    | st.integers(-AMOUNT_LIMIT, AMOUNT_LIMIT)
    | st.sampled_from([0, 1, -1, 43_000, AMOUNT_LIMIT, -AMOUNT_LIMIT])
)


def adds_up(level: tuple[ResolvedNode, ...], amount: int) -> None:
    """Hold that a level, and every level below, sums to its amount, without a wrong sign."""
    assert sum(node.amount or 0 for node in level) == amount
    for node in level:
        assert node.amount is not None
        assert node.amount * amount >= 0
        if node.destinations:
            adds_up(node.destinations, node.amount)


@given(levels(), some_amounts)
def test_every_level_sums_to_its_amount(level: tuple[Node, ...], amount: int) -> None:
    """For every tree that is taken, and for amounts that no float holds."""
    tree = written(level)
    assert rule_faults(a_rule("R", *tree)) == []
    adds_up(split(tree, amount), amount)


@given(levels(), some_amounts)
def test_negative_lines_mirror_positive_ones(level: tuple[Node, ...], amount: int) -> None:
    """Leaf by leaf."""
    tree = written(level)
    there = [leaf.amount for leaf in leaves(split(tree, amount))]
    back = [leaf.amount for leaf in leaves(split(tree, -amount))]
    assert back == [-amount for amount in there]


@given(levels(), some_amounts)
def test_a_split_is_that_of_the_reference(level: tuple[Node, ...], amount: int) -> None:
    """Which says the rules once more, in fractions."""
    found = [(leaf.destination, leaf.amount) for leaf in leaves(split(written(level), amount))]
    assert found == leaves_of(level, amount)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
def test_proportional_parts_sum_to_the_total(total: int, weights: list[int]) -> None:
    """And each is its exact proportion, rounded up or down."""
    whole = sum(weights)
    assume(whole > 0)
    parts = apportioned(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, whole)) < 1
    assert apportioned(whole, weights) == weights
    more = zip(weights, parts, strict=True)
    assert apportioned(whole + total, weights) == [weight + part for weight, part in more]


# -------------------------------------------------------------------------------- operations

kinds = st.sampled_from((*KINDS, "captures", "captures", "refunds"))
moves = st.tuples(kinds, st.sampled_from([1, 2]), st.integers(0, 100))


@st.composite
def split_orders(draw: st.DrawFn) -> tuple[Order, tuple[Node, ...]]:
    """Draw an order of a line and its like with the other sign, and the tree of both."""
    level = draw(levels(2))
    amount = draw(st.integers(1, 500) | st.integers(1, 10**9))
    lines = [a_body(amount, 1, store="S1"), a_body(-amount, 2, store="S1")]
    return a_split_order(lines, a_rule("S1", *written(level))), level


def amount_of(order: Order, line_id: int) -> int:
    """Return what the customer pays for a line."""
    return payable(order.items[line_id - 1])


def step(
    order: Order, books: dict[int, Recorded], kind: OperationKind, line_id: int, part: int
) -> tuple[Order, int]:
    """Return the order after a part, in percent, of all that is left of a kind on a line."""
    amount = amount_of(order, line_id)
    left = books[line_id].left(kind, abs(amount))
    taken = max(left * part // 100, min(left, 1))
    if not taken:
        return order, 0
    books[line_id].add(kind, taken)
    signed = taken if amount > 0 else -taken
    line_amounts = (signed,) if line_id == 1 else (0, signed)
    return with_operation(order, kind, *line_amounts), signed


@settings(max_examples=60)
@given(split_orders(), st.lists(moves, max_size=15))
def test_any_sequence_of_operations_ends_exactly(
    drawn: tuple[Order, tuple[Node, ...]], tried: list[tuple[OperationKind, int, int]]
) -> None:
    """Captured to the end everybody has the leaf; refunded to the end everybody has nothing."""
    order, level = drawn
    books = {1: Recorded(), 2: Recorded()}
    for kind, line_id, part in tried:
        order, _ = step(order, books, kind, line_id, part)
        assert all(each.holds for each in payout_equations(order))
    for line_id in (1, 2):
        for kind in ("authorizations", "captures"):
            order, _ = step(order, books, kind, line_id, FULL)
    for line_id in (1, 2):
        expected: Counter[str] = Counter()
        for name, amount in leaves_of(level, amount_of(order, line_id)):
            expected[name] += amount
        found = sums_of(order, line_id)
        assert {name: sums["capture"] for name, sums in found.items()} == expected
        order, _ = step(order, books, "refunds", line_id, FULL)
        found = sums_of(order, line_id)
        assert {name: sums["refund"] for name, sums in found.items()} == expected
    assert all(each.holds for each in payout_equations(order))


def sums_of(order: Order, line_id: int) -> dict[str, Counter[str]]:
    """Return what each account got of a line in all, by the type of the entries."""
    payout = order.items[line_id - 1].payout
    assert payout is not None
    sums = {str(leaf.destination): Counter[str]() for leaf in leaves(payout.destinations)}
    for entry in entries(order):
        if entry.line_id == line_id:
            sums[entry.destination][entry.type] += entry.amount
    return sums


@settings(max_examples=60)
@given(split_orders(), st.lists(moves, max_size=12))
def test_shares_are_those_of_the_reference(
    drawn: tuple[Order, tuple[Node, ...]], tried: list[tuple[OperationKind, int, int]]
) -> None:
    """What an account has so far, less what it had before."""
    order, level = drawn
    books = {1: Recorded(), 2: Recorded()}
    so_far: dict[tuple[str, int], int] = {}
    for kind, line_id, part in tried:
        order, amount = step(order, books, kind, line_id, part)
        if not amount:
            continue
        ends = leaves_of(level, amount_of(order, line_id))
        before = so_far.get((kind, line_id), 0)
        so_far[kind, line_id] = after = before + abs(amount)
        old, new = cumulative(before, ends), cumulative(after, ends)
        sign = 1 if amount > 0 else -1
        assert shares(order, kind) == {name: sign * (new[name] - old[name]) for name in new}


@settings(max_examples=60)
@given(split_orders(), st.lists(moves, max_size=12))
def test_the_ledger_sums_to_the_lines(
    drawn: tuple[Order, tuple[Node, ...]], tried: list[tuple[OperationKind, int, int]]
) -> None:
    """Over destinations; and over days, months and years it is the same."""
    order, _ = drawn
    books = {1: Recorded(), 2: Recorded()}
    for kind, line_id, part in tried:
        order, _ = step(order, books, kind, line_id, part)
    found = entries(order)
    expected = sum(
        (books[n].captures - books[n].refunds) * (1 if amount_of(order, n) > 0 else -1)
        for n in books
    )
    assert sum(each.net for each in balances(found)) == expected
    for period in ("day", "month", "year"):
        assert sum(each.net for each in balances(found, period)) == expected


# ---------------------------------------------------------------------------------- reversals


@settings(max_examples=60)
@given(
    level=levels(2),
    amount=st.integers(1, 10**6),
    cuts=st.lists(st.integers(1, 100), max_size=6),
    together=st.booleans(),
)
def test_reversals_take_back_at_most_what_was_given_and_all_of_it_in_the_end(
    level: tuple[Node, ...], amount: int, cuts: list[int], *, together: bool
) -> None:
    """Whether they stand in one draft or in several."""
    rule = a_rule("S1", *written(level))
    (original,) = accepted(
        with_payouts([an_item(amount, 1, store="S1")], Payout(rules=(rule,)), no_rule)
    )
    parts, left = [], amount
    for cut in cuts:
        parts.append(left * cut // 100)
        left -= parts[-1]
    bodies = [
        an_item(-part, number, store="S1", related=("reversed", 1))
        for number, part in enumerate([*parts, left], 2)
        if part
    ]
    lines: list[Item] = [original]
    if together:
        lines += accepted(with_payouts(bodies, None, no_rule, lines))
    else:
        for body in bodies:
            lines += accepted(with_payouts([body], None, no_rule, lines))
    balance = [0] * len(leaf_amounts(original))
    for line in lines:
        amounts = leaf_amounts(line)
        assert sum(amounts) == payable(line)
        balance = [old + new for old, new in zip(balance, amounts, strict=True)]
        assert min(balance) >= 0
    assert balance == [0] * len(balance)


def leaf_amounts(item: Item) -> list[int]:
    """Return what the leaves of a line get."""
    assert item.payout is not None
    return [leaf.amount for leaf in leaves(item.payout.destinations)]


# --------------------------------------------------------------------------------- resolution

rules = st.builds(
    a_rule,
    st.sampled_from(["S1", "S2"]),
    rule_type=st.sampled_from(["order.items.store.id", "order.items.id", "x", "y"]),
    version=st.integers(1, 3),
)


@given(st.lists(rules, max_size=6), st.randoms(use_true_random=False))
def test_the_rule_of_a_line_never_depends_on_an_order(
    drawn: list[PayoutRule], random: Random
) -> None:
    """Neither on that of a list, nor on that in which a database answers."""
    own = list({(rule.rule_type, rule.rule_id, rule.rule_version): rule for rule in drawn}.values())
    shuffled = list(own)
    random.shuffle(shuffled)
    items = [an_item(100, store="S1"), an_item(100, 2, store="S2", id="S1")]
    results = [
        accepted(with_payouts(items, Payout(rules=tuple(each)), no_rule))
        for each in (own, shuffled)
        if each
    ]
    assert results == results[::-1]
    kept = {RuleName(rule.rule_type, rule.rule_id): rule for rule in shuffled}
    before = accepted(with_payouts(items, Payout(), kept.get))
    back = dict(reversed(kept.items()))
    assert accepted(with_payouts(items, Payout(), back.get)) == before
    assert [replace(item, payout=None) for item in before] == items
