"""One amount over many lines: parts that always sum to the whole."""

from collections.abc import Sequence
from operator import lt


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Return the total as one part for each weight.

    Units: minor units; weights are not negative and not all zero.
    Keeps: parts sum to the total; a part of weight zero is zero; no part has the other sign;
    spread(-total) is spread(total) with all signs turned. What rounding leaves over goes, one
    unit each, to the first parts.
    Source: neighbours 9, distributeBy.
    """
    whole, total_size = sum(weights), abs(total)
    twice, size = 2 * whole, 2 * total_size
    parts = [(size * weight + whole) // twice for weight in weights]
    rest = total_size - sum(parts)
    step = 1 if rest > 0 else -1
    while rest:
        for position, weight in enumerate(weights):
            if rest and weight and parts[position] + step >= 0:
                parts[position] += step
                rest -= step
    return parts if total >= 0 else [-part for part in parts]


def spread_within(total: int, weights: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Return the total as parts by weight, none of them above its cap.

    Units: minor units; total and caps are not negative, weights are positive.
    Keeps: parts sum to the total, or to the sum of the caps where that is less. What a full part
    cannot take is spread over the others by their weights.
    """
    if weights and total > 0:
        # Mostly no part is full.
        shares = spread(total, weights)
        if all(map(lt, shares, caps)):
            return shares
    parts = [0] * len(weights)
    open_parts = [position for position, cap in enumerate(caps) if cap > 0]
    left = min(total, sum([caps[position] for position in open_parts]))
    while left > 0:
        shares = spread(left, [weights[position] for position in open_parts])
        still_open = []
        for position, share in zip(open_parts, shares, strict=True):
            if share < caps[position]:
                still_open.append(position)
                parts[position] = share
            else:
                parts[position] = caps[position]
                left -= caps[position]
        if len(still_open) == len(open_parts):
            break
        open_parts = still_open
    return parts
