"""An amount through a tree: every node gets its part, and parts always sum to their whole."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ordrebok.money import exact
from ordrebok.wire.payout import DestinationNode, PayoutShare, ResolvedNode


class Leaf(NamedTuple):
    """One end of a resolved tree: which account, and how much of the line it gets."""

    destination: str | None
    amount: int
    """Minor units, with the sign of the line."""


def split(level: Sequence[DestinationNode], amount: int) -> tuple[ResolvedNode, ...]:
    """Return a level of a rule with the amounts of its nodes, and all levels below.

    Units: minor units; the amount of a reversed line is negative. A flat amount is its value,
    capped by what is left; a percentage is of the level's amount, rounded down, and capped by
    what flat amounts left; remaining amounts share what is left equally; where a level has
    none, its last node takes the rest.
    Keeps: the nodes of a level sum to its amount; split(-amount) is split(amount) with all
    signs turned; no node has the other sign.
    Source: neighbours 4.3; decisions, payout 2.
    """
    sign = -1 if amount < 0 else 1
    return tuple(
        ResolvedNode(
            type=node.type,
            value=node.value,
            amount=sign * part,
            destination=node.destination,
            destinations=split(node.destinations, sign * part) if node.destinations else None,
        )
        for node, part in zip(level, _parts(level, abs(amount)), strict=True)
    )


def apportioned(total: int, weights: Sequence[int]) -> list[int]:
    """Return the total in proportion to the weights, by largest remainder.

    Units: minor units; the total is not negative; the weights have a positive sum, which they
    are usually the parts of (a single one may be negative).
    Keeps: parts sum to the total; apportioned(sum(weights), weights) is the weights; each part
    is the exact proportion, rounded up or down. Of equal remainders the first get the rest
    while they are below a half, the last otherwise: so equal parts come out as in neighbours 9.
    Source: decisions, payout 3.
    """
    whole = sum(weights)
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(total * weight, whole)
        parts.append(part)
        remainders.append(remainder)
    rest = total - sum(parts)
    if rest:
        by_remainder = sorted(
            range(len(weights)),
            key=lambda at: (-remainders[at], at if 2 * remainders[at] < whole else -at),
        )
        for at in by_remainder[:rest]:
            parts[at] += 1
    return parts


def leaves(level: Sequence[ResolvedNode]) -> Iterator[Leaf]:
    """Yield the ends of a resolved tree, in the order in which they are written."""
    for node in level:
        if node.destinations:
            yield from leaves(node.destinations)
        else:
            yield Leaf(node.destination, node.amount or 0)


def with_amounts(
    level: Sequence[ResolvedNode], amounts: Iterator[int]
) -> tuple[tuple[ResolvedNode, ...], int]:
    """Return a resolved tree with other amounts in its leaves, and what they sum to.

    Keeps: every branch is the sum of its leaves; the iterator gives one amount for each leaf.
    """
    nodes, whole = [], 0
    for node in level:
        below = None
        if node.destinations:
            below, amount = with_amounts(node.destinations, amounts)
        else:
            amount = next(amounts)
        nodes.append(replace(node, amount=amount, destinations=below))
        whole += amount
    return tuple(nodes), whole


def merged(shares: Sequence[Leaf]) -> tuple[PayoutShare, ...]:
    """Return the flat list of what each account gets, in order of first appearance.

    Source: neighbours 4.4, leaves with the same destination.
    """
    amounts: dict[str | None, int] = {}
    for share in shares:
        amounts[share.destination] = amounts.get(share.destination, 0) + share.amount
    return tuple(
        PayoutShare(destination=destination, amount=amount)
        for destination, amount in amounts.items()
    )


def _parts(level: Sequence[DestinationNode], amount: int) -> list[int]:
    """Return what each node of a level gets of an amount that is not negative."""
    parts = [0] * len(level)
    left = amount
    percentages: list[int] = []
    remaining: list[int] = []
    for position, node in enumerate(level):
        if node.type == "flat_amount":
            parts[position] = min(_fraction(node.value)[0], left)
            left -= parts[position]
        else:
            (percentages if node.type == "percentage" else remaining).append(position)
    for position in percentages:
        numerator, denominator = _fraction(level[position].value)
        parts[position] = min(amount * numerator // (100 * denominator), left)
        left -= parts[position]
    if not remaining:
        parts[-1] += left
    elif len(remaining) == 1:
        parts[remaining[0]] = left
    else:
        shares = apportioned(left, [1] * len(remaining))
        for position, part in zip(remaining, shares, strict=True):
            parts[position] = part
    return parts


@lru_cache(maxsize=1024)
def _fraction(value: object) -> tuple[int, int]:
    """Return a node's value as a fraction; the same few come again and again."""
    return exact(value).as_integer_ratio()
