"""Payouts said once more, naively and in fractions; shares no code with the rules."""

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import NamedTuple


class Node(NamedTuple):
    """A node of a tree: its type, its value as text, and an account or further nodes."""

    type: str
    value: str | None
    end: "str | tuple[Node, ...]"


def parts_of(level: tuple[Node, ...], amount: int) -> list[int]:
    """Return what the nodes of a level get of an amount that is not negative."""
    got: dict[int, int] = {}
    for wanted, share in (
        ("flat_amount", lambda node: int(node.value)),
        ("percentage", lambda node: floor(amount * Fraction(node.value) / 100)),
    ):
        take: Callable[[Node], int] = share
        for place, node in enumerate(level):
            if node.type == wanted:
                got[place] = min(take(node), amount - sum(got.values()))
    takers = [place for place in range(len(level)) if place not in got]
    left = amount - sum(got.values())
    if not takers:
        got[len(level) - 1] += left
        return [got[place] for place in range(len(level))]
    return [got.get(place, 0) or equal(left, takers).get(place, 0) for place in range(len(level))]


def equal(amount: int, takers: list[int]) -> dict[int, int]:
    """Return equal parts by the money library's words: round each, then mend from the first."""
    each = floor(Fraction(amount, len(takers)) + Fraction(1, 2))
    parts = dict.fromkeys(takers, each)
    for place in takers:
        gap = amount - sum(parts.values())
        if gap:
            parts[place] += 1 if gap > 0 else -1
    return parts


def leaves_of(level: tuple[Node, ...], amount: int) -> list[tuple[str, int]]:
    """Return the accounts of a tree with their amounts, a negative amount as its mirror."""
    if amount < 0:
        return [(name, -part) for name, part in leaves_of(level, -amount)]
    found: list[tuple[str, int]] = []
    for node, part in zip(level, parts_of(level, amount), strict=True):
        if isinstance(node.end, str):
            found.append((node.end, part))
        else:
            found += leaves_of(node.end, part)
    return found


def cumulative(total: int, ends: list[tuple[str, int]]) -> dict[str, int]:
    """Return what each account has of a total, by largest remainder over its leaves."""
    sizes = [abs(amount) for _, amount in ends]
    exact = [Fraction(total * size, sum(sizes)) for size in sizes]
    parts = [floor(each) for each in exact]
    gaps = [each - part for each, part in zip(exact, parts, strict=True)]
    open_places = set(range(len(ends)))
    while sum(parts) < total:
        largest = max(gaps[place] for place in open_places)
        ties = [place for place in sorted(open_places) if gaps[place] == largest]
        place = ties[0] if largest < Fraction(1, 2) else ties[-1]
        parts[place] += 1
        open_places.remove(place)
    has: dict[str, int] = {}
    for (name, _), part in zip(ends, parts, strict=True):
        has[name] = has.get(name, 0) + part
    return has
