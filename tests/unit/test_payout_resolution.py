"""Which rule a line follows: its own, the one its store leads to, or none."""

import itertools

import pytest

from ordrebok.money import AMOUNT_LIMIT
from ordrebok.payouts.resolution import Option, RuleName, stored_names, values, with_payouts
from ordrebok.payouts.splitting import leaves
from ordrebok.refusals import Refusal
from ordrebok.wire.item import Group, Item
from ordrebok.wire.payout import DynamicPayout, Payout, PayoutRule
from tests.support.builders import a_tax, accepted, an_item, fault_codes
from tests.support.payouts import a_rule, flat, no_rule, percent, rest, split_lines

STORE = "order.items.store.id"
STORED: Option = True
"""The draft asks for the rules of the account."""


def taken(rule_id: str | None = None, rule_type: str | None = None) -> DynamicPayout:
    """Return a line's own choice of a rule."""
    return DynamicPayout(rule_id=rule_id, rule_type=rule_type)


def followed(item: Item, option: Option, *stored: PayoutRule) -> str | None:
    """Return the type, id and version of the rule that a line follows."""
    kept = {RuleName(rule.rule_type, rule.rule_id): rule for rule in stored}
    (found,) = accepted(with_payouts([item], option, kept.get))
    payout = found.payout
    return None if payout is None else f"{payout.rule_type} {payout.rule_id} {payout.rule_version}"


# ------------------------------------------------------------------------------- by its store


def test_a_line_follows_the_rule_of_its_store() -> None:
    """The path of the documented options."""
    option = Payout(resolve_rule_id=STORE, rules=(a_rule("S1"), a_rule("S2")))
    assert followed(an_item(store="S2"), option) == f"{STORE} S2 1"


def test_a_line_without_a_rule_has_no_payout() -> None:
    """No store, another store, or an option that is switched off."""
    option = Payout(resolve_rule_id=STORE, rules=(a_rule("S1"),))
    assert followed(an_item(), option) is None
    assert followed(an_item(store="S2"), option) is None
    for off in (None, False):
        assert followed(an_item(store="S1"), off, a_rule("S1")) is None


def test_a_payout_goes_when_its_rule_goes() -> None:
    """It is computed anew, never patched; one that stays is not even copied."""
    (before,) = split_lines([an_item(store="S1")], a_rule("S1"))
    (same,) = split_lines([before], a_rule("S1"))
    assert same is before
    (after,) = split_lines([before])
    assert after.payout is None


@pytest.mark.parametrize("option", [STORED, Payout(), Payout(resolve_rule_id=STORE, rules=())])
def test_without_rules_of_its_own_a_draft_follows_the_stored_ones(option: Option) -> None:
    """`true`, and an option without rules."""
    assert followed(an_item(store="S1"), option, a_rule("S1", version=7)) == f"{STORE} S1 7"
    assert followed(an_item(store="S2"), option, a_rule("S1")) is None


def test_rules_of_a_draft_hold_in_place_of_the_stored_ones() -> None:
    """A stored rule is not even asked for."""
    option = Payout(rules=(a_rule("S1", version=None),))
    assert followed(an_item(store="S1"), option, a_rule("S1", version=9)) == f"{STORE} S1 None"
    assert followed(an_item(store="S2"), option, a_rule("S2")) is None


def test_the_newest_version_holds_whatever_the_order() -> None:
    """Of a list of rules, and of any order of it."""
    versions = [a_rule("S1", version=version) for version in (None, 2, 3)]
    for rules in itertools.permutations(versions):
        assert followed(an_item(store="S1"), Payout(rules=rules)) == f"{STORE} S1 3"


def test_the_payable_amount_is_split() -> None:
    """Discounts are off, and a tax outside the price is paid by the customer too."""
    item = an_item(1000, discounts=(100,), taxes=(a_tax(25, included_in_price=False),), store="S1")
    (found,) = split_lines([item], a_rule("S1"))
    assert found.payout is not None
    assert [node.amount for node in found.payout.destinations] == [112, 1013]


def test_a_line_too_large_to_be_written_down_is_refused() -> None:
    """With the tax outside the price it would pass what any JSON reader holds."""
    item = an_item(AMOUNT_LIMIT, taxes=(a_tax(25, included_in_price=False),), store="S1")
    refusal = with_payouts([item], Payout(rules=(a_rule("S1"),)), no_rule)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.faults[0].path) == (
        "AMOUNT_TOO_LARGE",
        ("order", "items", 0, "gross_amount"),
    )


# ---------------------------------------------------------------------------- by other paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (STORE, ("S1",)),
        ("order.items.external_id", ("X1",)),
        ("order.items.line_id", ("3",)),
        ("order.items.metadata.seller.id", ("M1",)),
        ("order.items.groups.id", ("G1", "G2")),
        ("order.items.groups.name", ("Shoes",)),
        ("order.items.dimension.size", ()),
        ("order.items.store", ()),
        ("order.items.store.id.more", ()),
        ("order.items.nothing", ()),
        ("order.items.eligible_for_discount", ()),
        ("order.items.", ()),
        ("items.store.id", ()),
        ("<string>", ()),
    ],
)
def test_a_path_is_read_on_the_line(path: str, expected: tuple[str, ...]) -> None:
    """By the names that the JSON has; what is not there leads to nothing."""
    item = an_item(
        line_id=3,
        store="S1",
        external_id="X1",
        metadata={"seller": {"id": "M1"}},
        groups=(Group(id="G1", name="Shoes"), Group(id="G2")),
        eligible_for_discount=True,
    )
    assert values(item, path) == expected


def test_of_several_values_the_first_with_a_rule_leads() -> None:
    """In the order of the line."""
    item = an_item(groups=(Group(id="G1"), Group(id="G2"), Group(id="G3")))
    path = "order.items.groups.id"
    rules = tuple(a_rule(each, rule_type=path) for each in ("G3", "G2"))
    assert followed(item, Payout(resolve_rule_id=path, rules=rules)) == f"{path} G2 1"


def test_the_type_may_be_said_or_read() -> None:
    """resolve_rule_type is a type, or the path to one."""
    rules = (a_rule("S1", rule_type="food"), a_rule("S1", rule_type="taxi"))
    item = an_item(store="S1", metadata={"service": "taxi"})
    said = Payout(resolve_rule_id=STORE, resolve_rule_type="food", rules=rules)
    read = Payout(
        resolve_rule_id=STORE, resolve_rule_type="order.items.metadata.service", rules=rules
    )
    other = Payout(resolve_rule_id=STORE, resolve_rule_type="bus", rules=rules)
    assert followed(item, said) == "food S1 1"
    assert followed(item, read) == "taxi S1 1"
    assert followed(item, other) is None


def test_where_nothing_names_a_type_an_own_rule_is_found_by_its_id() -> None:
    """That of the path first, then the first of the types; never that of another path."""
    path_rule, other_path = a_rule("S1"), a_rule("S1", rule_type="order.items.external_id")
    food, taxi = a_rule("S1", rule_type="food"), a_rule("S1", rule_type="taxi")
    item = an_item(store="S1")
    for rules in itertools.permutations((path_rule, other_path, food, taxi)):
        assert followed(item, Payout(rules=rules)) == f"{STORE} S1 1"
    for rules in itertools.permutations((other_path, food, taxi)):
        assert followed(item, Payout(rules=rules)) == "food S1 1"
    assert followed(item, Payout(rules=(other_path,))) is None


# ------------------------------------------------------------------------- by its own choice


def test_the_rule_that_a_line_names_wins() -> None:
    """Over the one that its store leads to, with stored rules too."""
    item = an_item(store="S1", dynamic_payout=taken("D1", "special"))
    rules = (a_rule("S1"), a_rule("D1", rule_type="special"))
    assert followed(item, Payout(rules=rules)) == "special D1 1"
    assert followed(item, STORED, *rules) == "special D1 1"


def test_a_line_may_name_only_the_type_or_only_the_id() -> None:
    """The other is resolved."""
    rules = (a_rule("S1", rule_type="special"), a_rule("D1"))
    only_type = an_item(store="S1", dynamic_payout=taken(rule_type="special"))
    only_id = an_item(store="S1", dynamic_payout=taken("D1"))
    for option in (Payout(rules=rules), STORED):
        assert followed(only_type, option, *rules) == "special S1 1"
        assert followed(only_id, option, *rules) == f"{STORE} D1 1"


def test_a_named_rule_that_is_not_there_is_refused() -> None:
    """Every line that names one is listed."""
    items = [
        an_item(store="S1"),
        an_item(line_id=2, dynamic_payout=taken("D1", "special")),
        an_item(line_id=3, dynamic_payout=taken("S1", "special")),
        an_item(line_id=4, dynamic_payout=taken("D1")),
    ]
    refusal = with_payouts(items, Payout(rules=(a_rule("S1"),)), no_rule)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == ("PAYOUT_RULE_NOT_FOUND", 409)
    assert fault_codes(refusal) == ["PAYOUT_RULE_NOT_FOUND"] * 3
    assert [fault.data["line_id"] for fault in refusal.faults] == [2, 3, 4]
    assert refusal.faults[0].path == ("order", "items", 1, "dynamic_payout")
    assert "rule D1 of type special" in refusal.text


def test_a_choice_without_the_option_is_only_kept() -> None:
    """A draft that has no payouts names no rules."""
    item = an_item(dynamic_payout=taken("D1", "special"))
    assert accepted(with_payouts([item], None, no_rule)) == (item,)


# ------------------------------------------------------------------------------ stored rules


def test_the_stored_rules_that_may_be_needed_are_known_before() -> None:
    """So that they are loaded together; each name once, none where the draft has its own."""
    items = [
        an_item(store="S1"),
        an_item(store="S1"),
        an_item(store="S2"),
        an_item(),
        an_item(dynamic_payout=taken("D1", "special")),
    ]
    expected = (RuleName(STORE, "S1"), RuleName(STORE, "S2"), RuleName("special", "D1"))
    assert stored_names(items, STORED) == expected
    assert stored_names(items, Payout(resolve_rule_id=STORE)) == expected
    for option in (None, False, Payout(rules=(a_rule("S1"),))):
        assert stored_names(items, option) == ()


# --------------------------------------------------------------------------------- reversals

FEE = (flat(500, "platform"), rest("seller"))


def reversal(gross: int, line_id: int, dynamic_payout: DynamicPayout | None = None) -> Item:
    """Return a line that reverses line 1."""
    related = ("reversed", 1)
    return an_item(gross, line_id, related=related, store="S1", dynamic_payout=dynamic_payout)


def got(item: Item) -> list[int]:
    """Return what the leaves of a line got."""
    assert item.payout is not None
    return [leaf.amount for leaf in leaves(item.payout.destinations)]


def test_a_full_reversal_takes_back_exactly_what_was_given() -> None:
    """Also when the rules are others by now, and when the draft has no option at all."""
    originals = split_lines([an_item(1999, store="S1")], a_rule("S1", *FEE))
    for rules in ((), (a_rule("S1", percent(50, "x"), rest("y"), version=2),)):
        (item,) = split_lines([reversal(-1999, 2)], *rules, originals=originals)
        assert got(item) == [-500, -1499]
        assert item.payout is not None
        assert item.payout.rule_version == 1


def test_partial_reversals_take_back_in_proportion_and_end_exactly() -> None:
    """A flat amount is given back once, whatever the steps; earlier reversals are counted."""
    originals = split_lines([an_item(2000, store="S1")], a_rule("S1", *FEE))
    first, second = split_lines(
        [reversal(-1000, 2), reversal(-333, 3)], a_rule("S1", *FEE), originals=originals
    )
    assert (got(first), got(second)) == ([-250, -750], [-83, -250])
    (last,) = split_lines([reversal(-667, 4)], originals=(*originals, first, second))
    assert got(last) == [-167, -500]


def test_a_reversal_has_the_branches_of_what_it_reverses() -> None:
    """And every branch is the sum of its nodes."""
    tree = (percent(10, flat(50, "a"), rest("b")), rest("c"))
    originals = split_lines([an_item(1000, store="S1")], a_rule("S1", *tree))
    (item,) = split_lines([reversal(-500, 2)], originals=originals)
    assert item.payout is not None
    assert [node.amount for node in item.payout.destinations] == [-50, -450]
    assert got(item) == [-25, -25, -450]


def test_a_line_without_payout_is_reversed_without_payout() -> None:
    """Nobody gives back what nobody got."""
    (item,) = split_lines([reversal(-100, 2)], a_rule("S1"), originals=[an_item(100)])
    assert item.payout is None


def test_a_reversal_that_names_another_rule_follows_it() -> None:
    """One that names the rule of its original does not name another."""
    named = taken("D1", "special")
    rules = (a_rule("S1"), a_rule("D1", rest("x"), rule_type="special"))
    originals = split_lines([an_item(100, store="S1")], *rules)
    (item,) = split_lines([reversal(-100, 2, named)], *rules, originals=originals)
    assert got(item) == [-100]
    originals = split_lines([an_item(100, store="S1", dynamic_payout=named)], *rules)
    (item,) = split_lines([reversal(-100, 2, named)], originals=originals)
    assert got(item) == [-100]
    assert item.payout is not None
    assert item.payout.rule_id == "D1"
