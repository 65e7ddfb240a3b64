"""The discount engine, held against a naive one on random rules and purchases."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.discounts.basket import Line
from ordrebok.discounts.engine import discounted
from ordrebok.discounts.rules import create, faults
from ordrebok.discounts.shelf import concerning, shelved
from ordrebok.discounts.standing import NEW, Stamps, Standing
from ordrebok.wire.discount import Rule, RuleBody
from tests.property.discount_reference import reference
from tests.support.builders import NOW
from tests.support.discounts import FROM, TO, a_purchase, amounts, an_offer, outcome

DAY_MS = 86_400_000
KINDS = [
    "discount_amount",
    "discount_percent",
    "discount_item_new_price",
    "discount_item_quantity",
    "discount_item_percent",
    "discount_mix_new_price",
    "discount_debit",
]
ids = st.sampled_from(["A", "B", "C", "D"])
groups = st.sampled_from(["G", "H"])
matches = st.one_of(
    ids.map(lambda each: {"id": each}),
    groups.map(lambda each: {"group_id": each}),
    st.tuples(ids, groups).map(lambda pair: {"id": pair[0], "group_id": pair[1]}),
)
prices = st.sampled_from([1, 2, 3, 99, 100, 333, 999, 1_000, 5_000, 39_800]) | st.integers(1, 500)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Draw a line whose number is set later."""
    gross = draw(prices) * draw(st.sampled_from([1, 1, 1, 1, -1]))
    discount = draw(st.integers(0, abs(gross))) if draw(st.booleans()) else 0
    discount = discount if gross > 0 else 0
    return Line(
        line_id=0,
        gross_amount=gross,
        quantity=draw(st.sampled_from([1, 1, 2, 3, 7, 0.5, 2.0])),
        id=draw(ids),
        groups=tuple(draw(st.lists(groups, max_size=2, unique=True))),
        eligible=draw(st.sampled_from([True, True, True, False])),
        discount=discount,
        discount_lines=1 if discount else 0,
    )


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Draw which products a rule is for."""
    found: dict[str, Any] = {"quantity": draw(st.sampled_from([0, 0, 1, 2, 3, 1.5]))}
    match draw(st.integers(0, 5)):
        case 0:
            found["items"] = [{"id": "ANY_ITEM"}]
        case 1:
            found["items"] = [{"id": "*"}]
        case 2 | 3:
            found["items"] = draw(st.lists(matches, min_size=1, max_size=3))
    return found


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the JSON of a rule; some are refused, and then drawn again by the caller's filter."""
    kind = draw(st.sampled_from(KINDS))
    percent = kind in {"discount_percent", "discount_item_percent"}
    small = kind == "discount_item_quantity"
    cheap = kind in {"discount_item_new_price", "discount_mix_new_price"}
    values = (
        st.sampled_from([0, 1, 10, 10.5, 33.3, 50, 100])
        if percent
        else st.integers(0, 3)
        if small
        else st.integers(0, 300 if cheap else 6_000)
    )
    item = draw(items())
    reward: dict[str, Any] = {"type": kind, "value": draw(values)}
    if item.get("items") and draw(st.booleans()):
        entry = st.tuples(st.lists(matches, min_size=1, max_size=2), values)
        drawn = draw(st.lists(entry, max_size=2))
        reward["values"] = [{"items": some, "value": value} for some, value in drawn]
    if kind == "discount_mix_new_price" or draw(st.integers(0, 5)) == 0:
        mix = st.fixed_dictionaries(
            {
                "items": st.lists(matches, min_size=1, max_size=2),
                "quantity": st.sampled_from([1, 1, 1, 2]),
                "reward_eligible": st.sampled_from([True, True, False]),
            }
        )
        item["mixes"] = draw(st.lists(mix, min_size=1, max_size=3))
    reward["base"] = draw(st.sampled_from(["gross", "gross", "net"]))
    reward["effect"] = draw(st.sampled_from(["discount", "discount", "discount", "bonus"]))
    requirement: dict[str, Any] = {"purchase_from": FROM, "purchase_to": TO, "item": item}
    if draw(st.booleans()):
        requirement["stamp"] = draw(st.sampled_from([0, 1, 3, 5]))
    if draw(st.integers(0, 3)) == 0:
        requirement["gross_amount"] = draw(st.integers(0, 2_000))
    if draw(st.integers(0, 3)) == 0:
        requirement["net_amount"] = draw(st.integers(0, 2_000))
    if draw(st.integers(0, 5)) == 0:
        requirement["discount_code"] = draw(st.sampled_from(["TACO", "A", "NEVER"]))
    return {"requirement": requirement, "reward": reward, "limitation": draw(limitations())}


@st.composite
def limitations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the limits of a rule."""
    found: dict[str, Any] = {
        "discount_reward_usage": draw(st.sampled_from([-1, -1, -1, 1, 2])),
        "discount_repeat_usage": draw(st.sampled_from([-1, -1, 2])),
        "discount_combination": draw(st.sampled_from([-1, -1, -1, 0])),
        "discount_eligible": draw(
            st.sampled_from(
                [
                    "item_eligible_for_discount",
                    "item_eligible_for_discount",
                    "item_eligible_for_discount_no_discount",
                    "receipt_no_discount",
                ]
            )
        ),
        "stamp_expire_days": draw(st.sampled_from([-1, 10])),
    }
    if draw(st.integers(0, 4)) == 0:
        found["blacklist"] = draw(st.lists(matches, max_size=2))
    if draw(st.integers(0, 4)) == 0:
        other = draw(st.sampled_from(["rule-0", "rule-1", "rule-2"]))
        found["discount_activation"] = [{"type": "deactivate_if_discount_active", "value": other}]
    return found


def kept(body: dict[str, Any], number: int, age: int) -> Rule | None:
    """Return the rule as it is kept, None where it would be refused."""
    made = create(msgspec.convert(body, RuleBody), f"rule-{number}", "", NOW.plus(-age))
    return made if isinstance(made, Rule) else None


@settings(max_examples=150, deadline=None)
@given(
    bodies=st.lists(st.tuples(rules(), st.integers(1, 3)), min_size=1, max_size=5),
    bought=st.lists(lines(), min_size=1, max_size=6),
    books=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 3_000),
            st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4)), max_size=3),
        ),
        min_size=5,
        max_size=5,
    ),
    coded=st.booleans(),
    seed=st.integers(0, 1_000),
)
def test_the_engine_gives_what_the_naive_one_gives(
    *,
    bodies: list[tuple[dict[str, Any], int]],
    bought: list[Line],
    books: list[tuple[int, int, list[tuple[int, int]]]],
    coded: bool,
    seed: int,
) -> None:
    """Every amount on every line, every stamp; and the order in which rules arrive is nothing."""
    made = [kept(body, number, age) for number, (body, age) in enumerate(bodies)]
    usable = [rule for rule in made if rule is not None]
    numbered = [replace(line, line_id=number) for number, line in enumerate(bought, 1)]
    held: dict[str, dict[str, Any]] = {
        f"rule-{number}": {
            "usage": usage,
            "amount": amount,
            "stamps": [(NOW.ms - days * DAY_MS, count) for days, count in sorted(stamps)[::-1]],
        }
        for number, (usage, amount, stamps) in enumerate(books)
    }
    codes = {"TACO"} if coded else set()
    wanted, stamps = reference(
        [msgspec.json.decode(msgspec.json.encode(rule)) for rule in usable],
        [
            {
                "line_id": line.line_id,
                "gross": line.gross_amount,
                "discount": line.discount,
                "discount_lines": line.discount_lines,
                "quantity": line.quantity,
                "id": line.id,
                "groups": list(line.groups),
                "eligible": line.eligible,
            }
            for line in numbered
        ],
        held,
        NOW.ms,
        codes,
    )
    standings = {
        f"ref-{rule}": Standing(
            usage=book["usage"],
            amount=book["amount"],
            held=tuple(Stamps(*each) for each in book["stamps"]),
        )
        for rule, book in held.items()
    }
    purchase = a_purchase(*numbered, codes=frozenset(codes))
    result = outcome(purchase, *usable, books=standings)
    assert amounts(result) == wanted
    assert {use.offer.ref.id: use.stamp for use in result.uses if use.stamp} == stamps
    random.Random(seed).shuffle(usable)
    assert outcome(purchase, *usable, books=standings) == result
    near = concerning([shelved([an_offer(rule) for rule in usable])], purchase)
    assert outcome(purchase, *near, books=standings).uses == result.uses
    brief = discounted(purchase, near, lambda ref: standings.get(ref, NEW), explained=False)
    assert brief.uses == result.uses
    for position, line in enumerate(numbered):
        off = sum(
            use.amounts.get(position, 0) for use in result.uses if not use.offer.rule.is_bonus
        )
        assert 0 <= off <= max(0, line.gross_amount - line.discount)


@given(st.lists(rules(), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_rule_that_has_no_faults_is_kept(bodies: list[dict[str, Any]]) -> None:
    """And one that has any is refused with exactly those."""
    for body in bodies:
        written = msgspec.convert(body, RuleBody)
        found = faults(written.requirement, written.reward, written.limitation)
        assert (kept(body, 0, 1) is None) == bool(found)
