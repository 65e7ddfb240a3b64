"""A purchase as the engine sees it: its lines, and what discounts have left of them so far."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from ordrebok.discounts.compiled import Matcher, Ratio
from ordrebok.money import exact
from ordrebok.wire.base import MAX_LINES_PER_ITEM

_NO_LINES: Sequence[int] = ()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FactsOf = Mapping[str, frozenset[str]]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a purchase, with the discounts that stand on it whatever the engine does."""

    line_id: int
    gross_amount: int
    quantity: float = 1
    id: str | None = None
    groups: tuple[str, ...] = ()
    eligible: bool = True
    discount: int = 0
    """Sum of the discount lines that stand, in minor units."""
    discount_lines: int = 0
    """How many discount lines stand."""
    last_discount_line: int = 0
    """The highest line_id among them."""
    store: msgspec.Struct | None = None
    """The line's own store, None for the purchase's."""


class Purchase(msgspec.Struct, frozen=True):
    """What is bought, by whom, where and when."""

    lines: tuple[Line, ...]
    currency: str
    moment_ms: int
    customer_id: str | None = None
    customer: msgspec.Struct | None = None
    store: msgspec.Struct | None = None
    codes: frozenset[str] = frozenset()


class Basket:
    """The lines of a purchase while rules take from them.

    Keeps: `left` of a line is its gross less every discount on it, those of the engine included.
    """

    __slots__ = (
        "_clocks",
        "_customer_facts",
        "_line_stores",
        "_room",
        "_store_ids",
        "by_group",
        "by_id",
        "changed",
        "counts",
        "discounted",
        "full",
        "gross",
        "has_line_stores",
        "left",
        "open",
        "percentages",
        "purchase",
        "taker_units",
        "takers",
        "under_any_item",
        "under_item_rule",
        "units",
    )

    def __init__(self, purchase: Purchase) -> None:
        """Take in a purchase; nothing is taken off yet."""
        self.purchase = purchase
        self.gross: list[int] = []
        self.left: list[int] = []
        self.units: list[int] = []
        self.counts: list[int] = []
        self.takers: list[int] = []
        self.taker_units = 0
        """Units of all lines that may take discounts."""
        self.open: set[int] = set()
        """Lines that a discount can still be taken off."""
        self.discounted: set[int] = set()
        self.full: set[int] = set()
        self.under_item_rule: set[int] = set()
        self.under_any_item: set[int] = set()
        self.changed: set[int] = set()
        self.percentages: dict[tuple[Ratio, bool], tuple[dict[int, int], int]] = {}
        self.by_id: dict[str, list[int]] = {}
        self.by_group: dict[str, list[int]] = {}
        self.has_line_stores = False
        self._store_ids: list[str | None] | None = None
        self._line_stores: list[FactsOf] | None = None
        self._customer_facts: FactsOf | None = None
        self._room: int | None = None
        self._clocks: dict[str, tuple[int, int]] = {}
        for position, line in enumerate(purchase.lines):
            self._put(position, line)

    def _put(self, position: int, line: Line) -> None:
        """Take in a line: what is left of it, and by what names rules find it."""
        gross, count = line.gross_amount, line.discount_lines
        left = gross - line.discount
        units = units_of(line.quantity)
        self.gross.append(gross)
        self.left.append(left)
        self.units.append(units)
        self.counts.append(count)
        if count:
            self.discounted.add(position)
            if count >= MAX_LINES_PER_ITEM:
                self.full.add(position)
        if line.store is not None:
            self.has_line_stores = True
        if line.eligible and gross > 0:
            self.takers.append(position)
            self.taker_units += units
            if left > 0 and count < MAX_LINES_PER_ITEM:
                self.open.add(position)
            if line.id is not None:
                self.by_id.setdefault(line.id, []).append(position)
            for group in line.groups:
                others = self.by_group.setdefault(group, [])
                if others[-1:] != [position]:
                    others.append(position)

    @property
    def gross_amount(self) -> int:
        """Gross of the whole purchase in minor units."""
        return sum(self.gross)

    @property
    def taker_room(self) -> int:
        """What is left of all lines that may take discounts, in minor units."""
        if self._room is None:
            left = self.left
            self._room = sum([left[line] for line in self.takers if left[line] > 0])
        return self._room

    @property
    def net_amount(self) -> int:
        """Net of the whole purchase before the engine takes anything, in minor units."""
        return self.gross_amount - sum(line.discount for line in self.purchase.lines)

    @property
    def item_ids(self) -> frozenset[str]:
        """Ids of all lines, those that take no discount too: one of them may be a code."""
        return frozenset(line.id for line in self.purchase.lines if line.id is not None)

    @property
    def customer_facts(self) -> FactsOf:
        """What is known of the customer, by path."""
        if self._customer_facts is None:
            self._customer_facts = flat(self.purchase.customer)
        return self._customer_facts

    @property
    def customer_addresses(self) -> tuple[FactsOf, ...]:
        """What is known of each address of the customer."""
        addresses = getattr(self.purchase.customer, "addresses", None) or ()
        return tuple(flat(address) for address in addresses)

    @property
    def store_ids(self) -> list[str | None]:
        """The id of the store of each line; of the purchase's, where no line has its own."""
        if self._store_ids is None:
            stores = [line.store for line in self.purchase.lines]
            if self.has_line_stores:
                own = getattr(self.purchase.store, "id", None)
                ids = [own if each is None else getattr(each, "id", None) for each in stores]
            else:
                ids = [getattr(self.purchase.store, "id", None)]
            self._store_ids = ids
        return self._store_ids

    @property
    def line_stores(self) -> list[FactsOf] | None:
        """What is known of the store of each line; None where no line has a store of its own."""
        if self._line_stores is None and self.has_line_stores:
            self._line_stores = [
                self.store_facts if line.store is None else _facts_of_store(line.store)
                for line in self.purchase.lines
            ]
        return self._line_stores

    @property
    def store_facts(self) -> FactsOf:
        """What is known of the purchase's store, by path."""
        return _facts_of_store(self.purchase.store)

    def wall_clock(self, zone: ZoneInfo) -> tuple[int, int]:
        """Return day of the week, from Monday, and minute of the day in a time zone."""
        found = self._clocks.get(zone.key)
        if found is None:
            moment = _EPOCH + timedelta(milliseconds=self.purchase.moment_ms)
            local = moment.astimezone(zone)
            found = self._clocks[zone.key] = (local.weekday(), local.hour * 60 + local.minute)
        return found

    def matching(self, matcher: Matcher) -> Sequence[int]:
        """Return the lines that a matcher names, among those that may take discounts at all."""
        if matcher.everything:
            return self.takers
        if matcher.name is not None:
            index = self.by_group if matcher.groups else self.by_id
            return index.get(matcher.name, _NO_LINES)
        lists = [self.by_id[name] for name in self.by_id.keys() & matcher.ids]
        if matcher.groups:
            lists += [self.by_group[name] for name in self.by_group.keys() & matcher.groups]
        for item, group in matcher.pairs:
            both = {*self.by_id.get(item, ())} & {*self.by_group.get(group, ())}
            lists.append(sorted(both))
        if len(lists) > 1:
            return sorted({line for each in lists for line in each})
        return lists[0] if lists else _NO_LINES

    def units_of(self, lines: Sequence[int]) -> int:
        """Return the units of lines that may take discounts."""
        if lines is self.takers:
            return self.taker_units
        units, count = self.units, 0
        for line in lines:
            count += units[line]
        return count

    def take(self, amounts: Mapping[int, int]) -> None:
        """Take amounts off lines, by their positions; none is more than what is left."""
        left, counts = self.left, self.counts
        self._room = None
        self.discounted.update(amounts)
        self.changed.update(amounts)
        for position, amount in amounts.items():
            left[position] = rest = left[position] - amount
            counts[position] = count = counts[position] + 1
            if count >= MAX_LINES_PER_ITEM:
                self.full.add(position)
                self.open.discard(position)
            elif rest <= 0:
                self.open.discard(position)

    def occupy(self, positions: Iterable[int], *, any_item: bool) -> None:
        """Note that an item rule has given on these lines."""
        self.under_item_rule.update(positions)
        if any_item:
            self.under_any_item.update(positions)
        self.changed.update(positions)


def matches(matcher: Matcher, line: Line) -> bool:
    """Tell whether a list of products and groups names a line."""
    return (
        matcher.everything
        or line.id in matcher.ids
        or not matcher.groups.isdisjoint(line.groups)
        or any(line.id == item and group in line.groups for item, group in matcher.pairs)
    )


def units_of(quantity: float) -> int:
    """Return how many units a line counts for; a fractional quantity is one.

    Source: neighbours 3.12, steps 4 and 5.
    """
    if isinstance(quantity, int):
        return quantity
    whole = exact(quantity)
    return int(whole) if whole == whole.to_integral_value() else 1


def flat(value: object) -> dict[str, frozenset[str]]:
    """Return every text, number and yes or no below a struct by its path, as texts.

    Metadata is what a customer's attributes are, where it has none.
    """
    found: dict[str, set[str]] = {}
    plain = {} if value is None else msgspec.to_builtins(value)
    if "metadata" in plain:
        plain.setdefault("attributes", plain["metadata"])
    _flatten(plain, "", found)
    return {path: frozenset(texts) for path, texts in found.items()}


@lru_cache(maxsize=1024)
def _facts_of_store(store: msgspec.Struct | None) -> FactsOf:
    """Return what is known of a store; the same few stores sell all day."""
    return flat(store)


def _flatten(value: object, path: str, found: dict[str, set[str]]) -> None:
    """Collect what stands at and below a value."""
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(each, f"{path}.{key}" if path else str(key), found)
    elif isinstance(value, list | tuple):
        for each in value:
            _flatten(each, path, found)
    elif isinstance(value, bool):
        found.setdefault(path, set()).add("true" if value else "false")
    elif value is not None:
        found.setdefault(path, set()).add(str(value))
