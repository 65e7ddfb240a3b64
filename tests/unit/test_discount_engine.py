"""What a purchase gets of a rule: every reward, worked by hand."""

from typing import Any

import pytest

from ordrebok.discounts.basket import Line
from ordrebok.discounts.engine import discounted
from ordrebok.discounts.standing import NEW, Stamps, Standing
from ordrebok.wire.base import MAX_LINES_PER_ITEM
from tests.support.builders import NOW
from tests.support.discounts import (
    a_line,
    a_purchase,
    a_rule,
    amounts,
    an_offer,
    got,
    missed,
    outcome,
)

DAY_MS = 86_400_000
CHAIRS = {"items": [{"id": "chair"}]}


def chairs(gross: int, quantity: float = 1, line_id: int = 1, **about: Any) -> Line:  # noqa: ANN401
    """Return a line of chairs."""
    return a_line(gross, line_id, quantity=quantity, id="chair", **about)


# ----------------------------------------------------------------------- the contract's vectors


@pytest.mark.parametrize(("base", "amount"), [("gross", 1_000), ("net", 800)])
def test_a_percentage_is_of_gross_or_of_what_other_discounts_have_left(
    base: str, amount: int
) -> None:
    """The documented example: 100.00 with a rebate of 20.00."""
    rule = a_rule("discount_percent", 10, reward={"base": base})
    assert got(outcome(a_purchase(a_line(10_000, discount=2_000)), rule)) == [amount]


@pytest.mark.parametrize(
    ("quantity", "gross", "limit", "amount"),
    [(3, 9_000, -1, 3_000), (7, 21_000, -1, 6_000), (7, 21_000, 1, 3_000), (2, 6_000, -1, None)],
)
def test_three_for_two(quantity: int, gross: int, limit: int, amount: int | None) -> None:
    """The cheapest of every three is free, as often as the limit of rewards allows."""
    rule = a_rule(
        "discount_item_quantity",
        1,
        item={**CHAIRS, "quantity": 3},
        limitation={"discount_reward_usage": limit},
    )
    result = outcome(a_purchase(chairs(gross, quantity)), rule)
    assert got(result) == ([] if amount is None else [amount])


@pytest.mark.parametrize(
    ("gross", "quantity", "given"),
    [(14_000, 2, [4_000]), (21_000, 3, [4_000]), (28_000, 4, [8_000]), (10_000, 2, [])],
)
def test_a_new_price_is_for_each_unit_of_whole_sets(
    gross: int, quantity: int, given: list[int]
) -> None:
    """Two at 70.00 for 50.00 each; a third pays its own price, and none pays more than that."""
    rule = a_rule("discount_item_new_price", 5_000, item={**CHAIRS, "quantity": 2})
    assert got(outcome(a_purchase(chairs(gross, quantity)), rule)) == given


def test_a_new_price_for_a_mix_is_spread_by_gross() -> None:
    """Popcorn, a drink and a ticket for 150.00."""
    parts = ("popcorn", "drink", "ticket")
    mixes = [{"items": [{"id": x}], "quantity": 1, "reward_eligible": True} for x in parts]
    rule = a_rule("discount_mix_new_price", 15_000, item={"mixes": mixes})
    lines = [
        a_line(gross, number, id=part)
        for number, (part, gross) in enumerate(zip(parts, (8_000, 4_000, 12_000), strict=True), 1)
    ]
    assert got(outcome(a_purchase(*lines), rule)) == [3_000, 1_500, 4_500]
    assert missed(outcome(a_purchase(*lines[:2]), rule)) == {"rule": "requirement.item.mixes"}


@pytest.mark.parametrize(
    ("value", "grosses", "parts"),
    [
        (10_000, (3_000, 7_000), [3_000, 7_000]),
        (5_000, (39_800, 20_000, 999), [3_273, 1_645, 82]),
        (5_000, (3_000, 1_000), [3_000, 1_000]),
    ],
)
def test_an_amount_off_a_receipt_is_spread_by_gross(
    value: int, grosses: tuple[int, ...], parts: list[int]
) -> None:
    """The parts sum to the amount, or to the receipt where that is less."""
    lines = [a_line(gross, number) for number, gross in enumerate(grosses, 1)]
    assert got(outcome(a_purchase(*lines), a_rule("discount_amount", value))) == parts


def test_a_debit_is_used_up_to_its_balance() -> None:
    """What is not used stays for later purchases."""
    rule = a_rule("discount_debit", 10_000)
    assert got(outcome(a_purchase(a_line(6_500)), rule)) == [6_500]
    later = {"ref-rule": Standing(usage=1, amount=6_500)}
    assert got(outcome(a_purchase(a_line(6_500)), rule, books=later)) == [3_500]
    spent = {"ref-rule": Standing(usage=2, amount=10_000)}
    result = outcome(a_purchase(a_line(6_500)), rule, books=spent)
    assert missed(result) == {"rule": "statistics.debit_balance"}


def test_thirty_percent_of_the_guides_chair() -> None:
    """398.00 with 30 %."""
    assert got(outcome(a_purchase(a_line(39_800)), a_rule(value=30))) == [11_940]


# ------------------------------------------------------------------------------------- rewards


@pytest.mark.parametrize(
    ("gross", "percent", "amount"),
    [(5, 10, 1), (4, 10, None), (15, 10, 2), (999, 33.3, 333), (1_000, 10.55, 106), (1, 100, 1)],
)
def test_a_percentage_is_rounded_half_up_once(
    gross: int, percent: float, amount: int | None
) -> None:
    """An exact half goes up; nothing at all is no discount."""
    result = outcome(a_purchase(a_line(gross)), a_rule(value=percent))
    assert got(result) == ([] if amount is None else [amount])


def test_an_amount_off_items_is_given_for_every_set() -> None:
    """10.00 off every second chair, spread over all chairs."""
    rule = a_rule("discount_amount", 1_000, item={**CHAIRS, "quantity": 2})
    result = outcome(a_purchase(chairs(30_000, 3), chairs(20_000, 2, 2), a_line(9_000, 3)), rule)
    assert amounts(result) == {"ref-rule": {1: 1_200, 2: 800}}


def test_the_cheapest_units_are_free_wherever_they_lie() -> None:
    """Two sets of three: the two cheapest units, one of this line and one of that."""
    rule = a_rule("discount_item_quantity", 1, item={**CHAIRS, "quantity": 3})
    lines = (chairs(12_000, 4), chairs(2_500, 1, 2), chairs(2_000, 1, 3))
    assert amounts(outcome(a_purchase(*lines), rule)) == {"ref-rule": {2: 2_500, 3: 2_000}}


def test_a_percentage_off_the_cheapest_item_is_for_one_unit() -> None:
    """Where no quantity is required, the reward is given once."""
    rule = a_rule("discount_item_percent", 50, item=CHAIRS)
    lines = (chairs(9_000, 3), chairs(2_000, 1, 2))
    assert amounts(outcome(a_purchase(*lines), rule)) == {"ref-rule": {2: 1_000}}


def test_a_fractional_quantity_is_one_unit() -> None:
    """Half a kilo of nuts is one thing in the basket."""
    rule = a_rule("discount_item_quantity", 1, item={**CHAIRS, "quantity": 2})
    lines = (chairs(1_000, 0.5), chairs(3_000, 1, 2))
    assert amounts(outcome(a_purchase(*lines), rule)) == {"ref-rule": {1: 1_000}}


def test_values_stand_in_for_the_value_of_the_lines_they_name() -> None:
    """One rule, another percentage for one of its products; both parts of a pair must hold."""
    rule = a_rule(
        value=10,
        item={"items": [{"group_id": "food"}]},
        reward={
            "values": [
                {"items": [{"id": "tea", "group_id": "sale"}], "value": 50},
                {"items": [{"id": "tea"}], "value": 20},
            ]
        },
    )
    lines = (
        a_line(1_000, 1, id="tea", groups=["food", "sale"]),
        a_line(1_000, 2, id="tea", groups=["food"]),
        a_line(1_000, 3, id="cake", groups=["food"]),
    )
    assert got(outcome(a_purchase(*lines), rule)) == [500, 200, 100]


def test_a_mix_takes_the_unit_that_only_it_can_use() -> None:
    """A latte and any coffee: the latte is not used up as the coffee."""
    mixes = [
        {"items": [{"group_id": "coffee"}], "quantity": 1, "reward_eligible": True},
        {"items": [{"id": "latte"}], "quantity": 1, "reward_eligible": True},
    ]
    rule = a_rule("discount_mix_new_price", 5_000, item={"mixes": mixes})
    lines = (
        a_line(4_000, 1, id="latte", groups=["coffee"]),
        a_line(3_000, 2, id="espresso", groups=["coffee"]),
    )
    assert sum(got(outcome(a_purchase(*lines), rule))) == 2_000


def test_a_mix_of_many_units_is_counted_not_walked() -> None:
    """Five thousand units are one line."""
    mixes = [
        {"items": [{"id": "a"}], "quantity": 1, "reward_eligible": True},
        {"items": [{"id": "b"}], "quantity": 2, "reward_eligible": False},
    ]
    rule = a_rule("discount_mix_new_price", 100, item={"mixes": mixes})
    lines = (a_line(5_000_000, 1, quantity=5_000, id="a"), a_line(10, 2, quantity=9_001, id="b"))
    assert amounts(outcome(a_purchase(*lines), rule)) == {"ref-rule": {1: 4_500 * 900}}


def test_a_mix_that_is_cheaper_than_its_price_takes_nothing_from_the_others() -> None:
    """Each set is judged by itself."""
    mixes = [{"items": [{"id": "a"}], "quantity": 1, "reward_eligible": True}]
    rule = a_rule("discount_mix_new_price", 500, item={"mixes": mixes})
    lines = (a_line(100, 1, id="a"), a_line(1_000, 2, id="a"))
    assert sum(got(outcome(a_purchase(*lines), rule))) == 500


def test_a_bonus_changes_no_price_for_others() -> None:
    """It is collected; a net percentage after it is of the full price."""
    bonus = a_rule("discount_amount", 4_000, id="bonus", reward={"effect": "bonus"})
    net = a_rule(value=10, id="net", reward={"base": "net"})
    assert amounts(outcome(a_purchase(a_line(10_000)), bonus, net)) == {
        "ref-bonus": {1: 4_000},
        "ref-net": {1: 1_000},
    }


# ------------------------------------------------------------------------------ what takes part


@pytest.mark.parametrize(
    "line", [chairs(10_000, eligible=False), chairs(-10_000), chairs(0), a_line(10_000, id="table")]
)
def test_only_eligible_positive_matching_lines_take_part(line: Line) -> None:
    """Reversals and what is not eligible get nothing."""
    result = outcome(a_purchase(line), a_rule(item=CHAIRS))
    assert missed(result) == {"rule": "requirement.item.items"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("item_eligible_for_discount", {1: 1_000, 2: 1_000}),
        ("item_eligible_for_discount_no_discount", {2: 1_000}),
        ("receipt_no_discount", None),
    ],
)
def test_a_rule_may_ask_for_lines_or_receipts_without_discount(
    mode: str, expected: dict[int, int] | None
) -> None:
    """The three kinds of discount_eligible."""
    rule = a_rule(limitation={"discount_eligible": mode})
    result = outcome(a_purchase(a_line(10_000, 1, discount=500), a_line(10_000, 2)), rule)
    assert amounts(result).get("ref-rule") == expected


def test_what_a_rule_has_taken_counts_for_those_after_it() -> None:
    """The bigger rule comes first; then the line has a discount."""
    big = a_rule(value=50, id="big")
    shy = a_rule(
        value=10,
        id="shy",
        limitation={"discount_eligible": "item_eligible_for_discount_no_discount"},
    )
    result = outcome(a_purchase(a_line(10_000)), shy, big)
    assert amounts(result) == {"ref-big": {1: 5_000}}
    assert missed(result) == {"shy": "items.eligible_for_discount"}


def test_blacklisted_products_get_nothing() -> None:
    """And do not count as units."""
    rule = a_rule(limitation={"blacklist": [{"group_id": "books"}]})
    lines = (a_line(10_000, 1, groups=["books"]), a_line(5_000, 2))
    assert amounts(outcome(a_purchase(*lines), rule)) == {"ref-rule": {2: 500}}


def test_any_item_does_not_combine_with_other_item_rules_on_a_line() -> None:
    """On a line without one it still applies."""
    chair = a_rule(value=50, id="chair", item=CHAIRS)
    anything = a_rule(value=10, id="any", item={"items": [{"id": "ANY_ITEM"}]})
    result = outcome(a_purchase(chairs(10_000), a_line(1_000, 2)), anything, chair)
    assert amounts(result) == {"ref-chair": {1: 5_000}, "ref-any": {2: 100}}


def test_a_line_never_holds_more_discount_lines_than_it_can() -> None:
    """The hundred and first rule finds it full."""
    rules = [a_rule(value=1, id=f"r{n:03}") for n in range(MAX_LINES_PER_ITEM + 1)]
    result = outcome(a_purchase(a_line(1_000_000)), *rules)
    assert len(result.uses) == MAX_LINES_PER_ITEM
    assert missed(result) == {"r100": "items.eligible_for_discount"}


def test_discounts_end_where_the_line_is_used_up() -> None:
    """A line is never worth less than nothing."""
    rules = [a_rule(value=60, id="a"), a_rule(value=60, id="b", created=1)]
    assert got(outcome(a_purchase(a_line(10_000)), *rules)) == [6_000, 4_000]


@pytest.mark.parametrize("value", [1, 60])
def test_without_verdicts_the_same_is_given(value: int) -> None:
    """What is left out once all lines are full, or used up, would have given nothing."""
    offers = [an_offer(a_rule(value=value, id=f"r{n:03}")) for n in range(MAX_LINES_PER_ITEM + 20)]
    purchase = a_purchase(a_line(1_000_000), a_line(999, 2), a_line(10, 3, eligible=False))
    brief = discounted(purchase, offers, lambda _: NEW, explained=False)
    assert brief.uses == outcome(purchase, *offers).uses
    assert brief.verdicts == ()


# ------------------------------------------------------------------------------- rules that meet


def test_item_rules_come_before_receipt_rules_and_bigger_ones_first() -> None:
    """Then older ones, then by id: the order of arrival is nothing."""
    rules = [
        a_rule(value=10, id="receipt", reward={"base": "net"}),
        a_rule(value=20, id="small", item=CHAIRS, reward={"base": "net"}),
        a_rule(value=30, id="young", item=CHAIRS, created=5, reward={"base": "net"}),
        a_rule(value=30, id="old", item=CHAIRS, reward={"base": "net"}),
    ]
    expected = {
        "ref-old": {1: 3_000},
        "ref-young": {1: 2_100},
        "ref-small": {1: 980},
        "ref-receipt": {1: 392},
    }
    for turned in (rules, rules[::-1]):
        result = amounts(outcome(a_purchase(chairs(10_000)), *turned))
        assert list(result.items()) == list(expected.items())


@pytest.mark.parametrize(("alone", "winner"), [(40, "ref-alone"), (30, None), (29, None)])
def test_a_rule_that_does_not_combine_wins_only_by_giving_more(
    alone: int, winner: str | None
) -> None:
    """It must beat the sum of all that combine."""
    rules = [
        a_rule(value=alone, id="alone", limitation={"discount_combination": 0}),
        a_rule(value=10, id="ten"),
        a_rule(value=20, id="twenty"),
    ]
    result = outcome(a_purchase(a_line(10_000)), *rules)
    expected = {"ref-twenty", "ref-ten"} if winner is None else {winner}
    assert set(amounts(result)) == expected
    assert set(missed(result).values()) == {"limitation.discount_combination"}


def test_a_rule_is_off_while_another_is_active() -> None:
    """The other need only qualify; what does not qualify turns nothing off."""
    limits = {"discount_activation": [{"type": "deactivate_if_discount_active", "value": "vip"}]}
    common = a_rule(id="common", limitation=limits)
    vip = a_rule(value=5, id="vip")
    result = outcome(a_purchase(a_line(10_000)), common, vip)
    assert (amounts(result), missed(result)) == (
        {"ref-vip": {1: 500}},
        {"common": "limitation.discount_activation"},
    )
    dear = a_rule(value=5, id="vip", gross_amount=20_000)
    assert amounts(outcome(a_purchase(a_line(10_000)), common, dear)) == {"ref-common": {1: 1_000}}


def test_every_ref_of_a_rule_gives_by_itself() -> None:
    """A customer who holds a voucher twice may use both; one for `*` is a third."""
    rule = a_rule("discount_amount", 1_000)
    offers = [an_offer(rule, "C1", "r1"), an_offer(rule, "C1", "r2"), an_offer(rule, "*", "r3")]
    result = outcome(a_purchase(a_line(10_000), customer_id="C1"), *offers)
    assert amounts(result) == {"r1": {1: 1_000}, "r2": {1: 1_000}, "r3": {1: 1_000}}


# -------------------------------------------------------------------------------- use and stamps


def test_a_ref_is_used_in_so_many_purchases() -> None:
    """The limit of repeated use is a number of purchases."""
    rule = a_rule(limitation={"discount_repeat_usage": 2})
    once, twice = ({"ref-rule": Standing(usage=number)} for number in (1, 2))
    assert got(outcome(a_purchase(a_line(10_000)), rule, books=once)) == [1_000]
    result = outcome(a_purchase(a_line(10_000)), rule, books=twice)
    assert missed(result) == {"rule": "limitation.discount_repeat_usage"}


@pytest.mark.parametrize(
    ("held", "expire", "reward"),
    [
        ([(1, 4)], -1, [3_000]),
        ([(1, 3)], -1, []),
        ([(40, 2), (5, 2)], 30, []),
        ([(30, 2), (5, 2)], 30, [3_000]),
        ([(40, 9)], -1, [3_000]),
    ],
)
def test_the_fifth_coffee_is_free(
    held: list[tuple[int, int]], expire: int, reward: list[int]
) -> None:
    """Stamps that have expired do not count; surplus ones stay for the next reward."""
    rule = a_rule(
        "discount_item_percent",
        100,
        item=CHAIRS,
        stamp=5,
        limitation={"stamp_expire_days": expire},
    )
    stamps = tuple(Stamps(NOW.ms - days * DAY_MS, number) for days, number in held)
    result = outcome(a_purchase(chairs(3_000)), rule, books={"ref-rule": Standing(held=stamps)})
    assert got(result) == reward
    assert [use.stamp for use in result.uses] == [1]
    assert [use.usage for use in result.uses] == [len(reward)]


def test_each_set_gives_a_stamp() -> None:
    """Where a quantity is required; else a purchase gives one."""
    counted = a_rule(id="counted", item={**CHAIRS, "quantity": 2}, stamp=9)
    plain = a_rule(id="plain", item=CHAIRS, stamp=9)
    result = outcome(a_purchase(chairs(10_000, 5)), counted, plain)
    assert {use.offer.rule.id: use.stamp for use in result.uses} == {"counted": 2, "plain": 1}
    assert set(missed(result).values()) == {"requirement.stamp"}
