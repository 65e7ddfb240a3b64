"""What a rule takes off each line, once it is known which lines it is for.

Amounts are exact until they are rounded half up, once for each line, or once for an amount that
is then spread. No line gives more than what is left of it.
"""

from collections.abc import Sequence

from msgspec import Struct

from ordrebok.discounts.basket import Basket
from ordrebok.discounts.compiled import CompiledRule, Ratio
from ordrebok.discounts.mixes import Assembly, common_multiple, mix_reward, units_in
from ordrebok.discounts.spreading import spread_within
from ordrebok.discounts.standing import Standing, balance
from ordrebok.money import divide_half_up

Amounts = dict[int, int]
"""Position of a line and what it gets, in minor units; nothing is left out."""


class Reach(Struct, frozen=True, gc=False):
    """How far a rule reaches into a purchase."""

    lines: Sequence[int]
    """Lines that get the reward, in their order."""
    sets: int
    """How many times the reward is given."""
    stamps: int
    """How many times the required units are there, within the limit of rewards."""
    assembly: Assembly | None = None


Pool = tuple[Ratio, Sequence[int]]
"""A value, and the lines whose reward has it."""


def worth_of(
    rule: CompiledRule, basket: Basket, reach: Reach, standing: Standing
) -> tuple[Amounts | None, int]:
    """Return what each line gets of a rule's reward by itself, and the sum.

    Units: minor units. Where the sum is known without spreading it, the amounts are None: most
    rules that are tried are not applied, or only after others have changed what is left; then
    spreading would have been for nothing.
    """
    if rule.kind == "discount_amount" and not (rule.is_item or rule.values):
        if reach.lines is basket.takers:
            return None, min(rule.value.numerator, basket.taker_room)
        left = basket.left
        room = sum([left[line] for line in reach.lines if left[line] > 0])
        return None, min(rule.value.numerator, room)
    if rule.is_plain and not basket.changed:
        name = (rule.value, rule.on_net)
        known = basket.percentages.get(name)
        if known is None:
            # Many rules take the same percentage off everything.
            amounts = _percent(rule, basket, reach)
            known = basket.percentages[name] = (amounts, sum(amounts.values()))
        return known
    amounts = amounts_of(rule, basket, reach, standing)
    return amounts, sum(amounts.values())


def amounts_of(rule: CompiledRule, basket: Basket, reach: Reach, standing: Standing) -> Amounts:
    """Return what each line gets of a rule's reward.

    Units: minor units; `standing` is the book of the rule's ref.
    Keeps: no amount is negative or above what is left of its line.
    Source: neighbours 3.12, steps 8 and 11.
    """
    match rule.kind:
        case "discount_percent":
            return _percent(rule, basket, reach)
        case "discount_amount":
            return _amount(rule, basket, reach)
        case "discount_item_new_price":
            return _new_price(rule, basket, reach)
        case "discount_item_quantity" | "discount_item_percent":
            return _cheapest(rule, basket, reach)
        case "discount_mix_new_price":
            return _mix(rule, basket, reach)
        case _:
            price = _price(rule, basket)
            whole = sum([max(0, price[line]) for line in reach.lines])
            total = min(balance(standing, rule), whole)
            return _spread(basket, reach.lines, total)


def _percent(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Take a percentage off every line, or off as many units as the limit of rewards covers."""
    price, left = _price(rule, basket), basket.left
    if rule.mixes or (rule.is_item and rule.reward_usage >= 0):
        return _percent_of_units(rule, basket, reach)
    amounts: Amounts = {}
    pools = _pools(rule, basket, reach.lines) if rule.values else ((rule.value, reach.lines),)
    for value, lines in pools:
        # Twice the numerator and half of the denominator: half up in whole numbers.
        numerator, half = 2 * value.numerator, value.denominator * 100
        whole = 2 * half
        for line in lines:
            room = left[line]
            if room > 0:
                amount = (price[line] * numerator + half) // whole
                if amount > room:
                    amounts[line] = room
                elif amount:
                    amounts[line] = amount
    return amounts


def _percent_of_units(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Take a percentage off as many units as the sets cover."""
    price, covered = _price(rule, basket), _covered(rule, basket, reach)
    amounts: Amounts = {}
    for value, lines in _pools(rule, basket, reach.lines):
        for line in lines:
            part = max(0, price[line]) * covered[line] * value.numerator
            share = divide_half_up(part, 100 * value.denominator * basket.units[line])
            amounts[line] = min(share, basket.left[line])
    return _positive(amounts)


def _amount(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Take an amount off: once from a receipt, for every set from items."""
    if not (rule.values or rule.is_item):
        return _spread(basket, reach.lines, rule.value.numerator)
    amounts: Amounts = {}
    for value, lines, sets in _pools_with_sets(rule, basket, reach):
        times = sets if rule.is_item else 1
        amounts |= _spread(basket, lines, value.numerator * times)
    return amounts


def _new_price(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Bring the units of all sets, in line order, down to a new price."""
    covered = _covered(rule, basket, reach)
    amounts: Amounts = {}
    for value, lines in _pools(rule, basket, reach.lines):
        for line in lines:
            units = basket.units[line]
            over = (basket.gross[line] - value.numerator * units) * covered[line]
            if over > 0 and basket.left[line] > 0:
                amounts[line] = min(divide_half_up(over, units), basket.left[line])
    return _positive(amounts)


def _cheapest(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Give the cheapest units free, or at a percentage off."""
    price, units, left = _price(rule, basket), basket.units, basket.left
    there = _covered(rule, basket, reach) if rule.mixes else units
    free = rule.kind == "discount_item_quantity"
    amounts: Amounts = {}
    for value, lines, sets in _pools_with_sets(rule, basket, reach):
        count = sets * value.numerator if free else sets
        numerator, denominator = (1, 1) if free else (value.numerator, value.denominator * 100)
        scale = common_multiple([units[line] for line in lines])
        for _, line in sorted([(price[line] * (scale // units[line]), line) for line in lines]):
            if count <= 0:
                break
            taken = min(count, there[line])
            count -= taken
            whole, room = price[line] * taken * numerator, left[line]
            if whole > 0 and room > 0:
                amounts[line] = min(divide_half_up(whole, units[line] * denominator), room)
    return _positive(amounts)


def _mix(rule: CompiledRule, basket: Basket, reach: Reach) -> Amounts:
    """Bring whole mixes down to a new price."""
    if reach.assembly is None:
        return {}
    price = _price(rule, basket)
    exact = mix_reward(rule, reach.assembly, price, basket.units, reach.sets)
    return _spread(basket, reach.lines, divide_half_up(exact.numerator, exact.denominator))


def _spread(basket: Basket, lines: Sequence[int], total: int) -> Amounts:
    """Spread an amount over lines by their gross, none above what is left of it."""
    gross, left = basket.gross, basket.left
    able, weights, caps = [], [], []
    for line in lines:
        cap = left[line]
        if cap > 0:
            able.append(line)
            weights.append(gross[line])
            caps.append(cap)
    parts = spread_within(total, weights, caps)
    return {line: part for line, part in zip(able, parts, strict=True) if part}


def _price(rule: CompiledRule, basket: Basket) -> Sequence[int]:
    """Return what each line costs by the rule's base: gross, or what discounts have left."""
    return basket.left if rule.on_net else basket.gross


def _pools(rule: CompiledRule, basket: Basket, lines: Sequence[int]) -> list[Pool]:
    """Return the lines by the value that holds for them: the first of `values` that matches."""
    if not rule.values:
        return [(rule.value, lines)]
    named = [(set(basket.matching(matcher)), value) for matcher, value in rule.values]
    pools: dict[int, list[int]] = {}
    for line in lines:
        which = next((i for i, (found, _) in enumerate(named) if line in found), len(named))
        pools.setdefault(which, []).append(line)
    values = [*(value for _, value in named), rule.value]
    return [(values[which], pools[which]) for which in sorted(pools)]


def _pools_with_sets(
    rule: CompiledRule, basket: Basket, reach: Reach
) -> list[tuple[Ratio, Sequence[int], int]]:
    """Return the lines by the value that holds for them, and how many sets begin on them.

    All sets begin somewhere: where one value holds for all lines, they need not be looked for.
    """
    if not rule.values:
        return [(rule.value, reach.lines, reach.sets)]
    begun = _begun(rule, basket, reach)
    return [
        (value, lines, sum([begun[line] for line in lines]))
        for value, lines in _pools(rule, basket, reach.lines)
    ]


def _covered(rule: CompiledRule, basket: Basket, reach: Reach) -> dict[int, int]:
    """Return how many units of each line the sets take, filled in line order."""
    if reach.assembly is not None:
        return units_in(rule, reach.assembly, reach.sets)
    numerator, denominator = rule.quantity.numerator, rule.quantity.denominator
    left = reach.sets * numerator // denominator
    covered = {}
    for line in reach.lines:
        covered[line] = min(left, basket.units[line])
        left -= covered[line]
    return covered


def _begun(rule: CompiledRule, basket: Basket, reach: Reach) -> dict[int, int]:
    """Return how many sets begin on each line, when sets are filled in line order.

    A set that goes over two lines belongs to the first, and so does its value. Mixes begin on
    the first of their lines.
    """
    if reach.assembly is not None:
        return {line: 0 if i else reach.sets for i, line in enumerate(reach.lines)}
    numerator, denominator = rule.quantity.numerator, rule.quantity.denominator
    begun, passed, before = {}, 0, 0
    for line in reach.lines:
        passed += basket.units[line]
        after = min(reach.sets, -(-passed * denominator // numerator))
        begun[line] = after - before
        before = after
    return begun


def _positive(amounts: Amounts) -> Amounts:
    """Return the amounts of lines that get anything."""
    return {line: amount for line, amount in amounts.items() if amount > 0}
