"""Mixes: which units of a purchase make up how many whole mixes, and what each is worth."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ordrebok.discounts.basket import Basket
from ordrebok.discounts.compiled import CompiledMix, CompiledRule, Ratio


class Assembly(Struct, frozen=True, gc=False):
    """Whole mixes that a purchase holds."""

    sets: int
    queues: tuple[tuple[tuple[int, int], ...], ...]
    """For each part of the mix, in the rule's order: (line, units) that it is made of."""


def assembled(rule: CompiledRule, basket: Basket, candidates: Sequence[int]) -> Assembly:
    """Return how many whole mixes the candidate lines make, and of which units.

    Keeps: a unit stands in one part of one mix. Parts that fewer lines can fill choose first,
    and take lines that fewer parts can use, so that "a latte and any coffee" finds its latte.
    Source: neighbours 3.12, step 5.
    """
    lines_of = [basket.matching(mix.matcher) for mix in rule.mixes]
    if candidates is not basket.takers:
        allowed = set(candidates)
        lines_of = [[line for line in lines if line in allowed] for lines in lines_of]
    units = basket.units
    most = min(
        [
            sum([units[line] for line in lines]) // mix.quantity
            for mix, lines in zip(rule.mixes, lines_of, strict=True)
        ]
    )
    if not most:
        return Assembly(0, ())
    wanted_by: dict[int, int] = {}
    for lines in lines_of:
        for line in lines:
            wanted_by[line] = wanted_by.get(line, 0) + 1
    order = sorted(range(len(rule.mixes)), key=lambda part: (len(lines_of[part]), part))
    # Lines stand in their order already, and sorting keeps it among equals.
    sorted_lines = [sorted(lines, key=wanted_by.__getitem__) for lines in lines_of]
    sets = 0
    queues: list[list[tuple[int, int]]] | None = None
    low, high = 0, most
    while low < high:
        # The most that could be is what mostly is: it is tried first.
        middle = high if high == most else (low + high + 1) // 2
        tried = _filled(rule.mixes, order, sorted_lines, basket, middle)
        if tried is None:
            high = middle - 1
        else:
            low, sets, queues = middle, middle, tried
    return Assembly(sets, tuple(tuple(queue) for queue in queues or ()))


def units_in(rule: CompiledRule, assembly: Assembly, sets: int) -> dict[int, int]:
    """Return how many units of each line get the reward of so many mixes."""
    units: dict[int, int] = {}
    for mix, queue in zip(rule.mixes, assembly.queues, strict=True):
        if mix.reward_eligible:
            for line, count in _popped([*reversed(queue)], mix.quantity * sets):
                units[line] = units.get(line, 0) + count
    return units


def mix_reward(
    rule: CompiledRule, assembly: Assembly, price: Sequence[int], units: Sequence[int], sets: int
) -> Ratio:
    """Return what a new price for the mix takes off, exactly.

    Units: minor units. `price` is what a whole line costs, `units` how many units it has.
    Keeps: a mix that is cheaper than its new price gets nothing and takes nothing from others.
    Source: neighbours 3.12, step 8.
    """
    parts = [
        (mix.quantity, mix.reward_eligible, [*reversed(queue)])
        for mix, queue in zip(rule.mixes, assembly.queues, strict=True)
    ]
    scale = common_multiple([units[line] for _, _, queue in parts for line, _ in queue])
    value = rule.value.numerator * scale
    total = 0
    while sets > 0:
        # Sets made of the same lines are worth the same, so they are counted, not walked.
        alike = min([queue[-1][1] // quantity for quantity, _, queue in parts])
        alike = max(1, min(alike, sets))
        worth = 0
        for quantity, eligible, queue in parts:
            for line, count in _popped(queue, quantity * alike):
                if eligible:
                    worth += price[line] * count * (scale // units[line])
        total += max(0, worth - value * alike)
        sets -= alike
    return Ratio(total, scale)


def common_multiple(numbers: Iterable[int]) -> int:
    """Return a number that all of these divide: shares of units in whole numbers."""
    multiple = 1
    for number in set(numbers):
        multiple *= number
    return multiple


def _filled(
    mixes: Sequence[CompiledMix],
    order: Sequence[int],
    lines_of: Sequence[Sequence[int]],
    basket: Basket,
    sets: int,
) -> list[list[tuple[int, int]]] | None:
    """Return the units of so many sets, part by part; None where they cannot all be filled."""
    free: dict[int, int] = {}
    units = basket.units
    queues: list[list[tuple[int, int]]] = [[] for _ in mixes]
    for part in order:
        needed = mixes[part].quantity * sets
        queue = queues[part]
        for line in lines_of[part]:
            there = free[line] if line in free else units[line]
            count = min(needed, there)
            if count:
                queue.append((line, count))
                free[line] = there - count
                needed -= count
                if not needed:
                    break
        if needed:
            return None
        queue.sort()
    return queues


def _popped(queue: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Take so many units from the end of a queue, and return which."""
    taken = []
    while count > 0:
        line, there = queue.pop()
        if there > count:
            queue.append((line, there - count))
            taken.append((line, count))
            break
        taken.append((line, there))
        count -= there
    return taken
