"""What lines that reverse others take back from whom."""

from collections.abc import Sequence

from msgspec.structs import replace

from ordrebok.items.rules import payable
from ordrebok.payouts.splitting import apportioned, leaves, with_amounts
from ordrebok.wire.item import Item
from ordrebok.wire.payout import ItemPayout


class Reversals:
    """The lines of an order that may be reversed, and what is left of their destinations' parts.

    Keeps: reversals of a line together take from a leaf at most what it got, and exactly that
    once all of the line is reversed, also when the rules have changed in between.
    """

    def __init__(self, originals: Sequence[Item]) -> None:
        """Begin with the lines of an order, among them earlier reversals."""
        self._lines = {item.line_id: item for item in originals}
        self._left: dict[int, list[int]] = {}
        for item in originals:
            if item.payout is not None and self.mirrors(item):
                self._take(item, [leaf.amount for leaf in leaves(item.payout.destinations)])

    def mirrors(self, item: Item) -> bool:
        """Tell whether a line follows the line that it reverses.

        It does, unless it names a rule of its own that the other did not name.
        """
        relation = item.related_item
        if relation is None or relation.type != "reversed":
            return False
        original = self._lines.get(relation.line_id)
        return original is not None and (
            item.dynamic_payout is None or item.dynamic_payout == original.dynamic_payout
        )

    def payout(self, item: Item) -> ItemPayout | None:
        """Return what a line takes back; None where the line that it reverses has no payout.

        Units: minor units, with the sign of the line.
        """
        original = self._original(item)
        if original.payout is None:
            return None
        ends = [leaf.amount for leaf in leaves(original.payout.destinations)]
        left = self._left.get(original.line_id, ends)
        amount = payable(item)
        sign = -1 if payable(original) < 0 else 1
        weights = [max(sign * each, 0) for each in left]
        if sum(weights) < abs(amount):  # More than is left: completion refuses it by itself.
            weights = [abs(each) for each in ends]
        if not any(weights):
            return None
        parts = apportioned(abs(amount), weights)
        signed = [part if amount > 0 else -part for part in parts]
        self._take(item, signed)
        tree, _ = with_amounts(original.payout.destinations, iter(signed))
        return replace(original.payout, destinations=tree)

    def _take(self, item: Item, amounts: Sequence[int]) -> None:
        """Count what a line takes back; its amounts have the other sign."""
        original = self._original(item)
        if original.payout is None:
            return
        ends = [leaf.amount for leaf in leaves(original.payout.destinations)]
        left = self._left.get(original.line_id, ends)
        if len(amounts) == len(left):  # A tree of another form says nothing about these leaves.
            self._left[original.line_id] = [
                old + new for old, new in zip(left, amounts, strict=True)
            ]

    def _original(self, item: Item) -> Item:
        """Return the line that a line reverses."""
        if item.related_item is None:
            raise TypeError(item)
        return self._lines[item.related_item.line_id]
