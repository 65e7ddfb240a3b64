"""Which rule a line follows, and the lines with their amounts split by it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from ordrebok.items.rules import payable
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.payouts.reversals import Reversals
from ordrebok.payouts.splitting import split
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.item import Item
from ordrebok.wire.payout import DynamicPayout, ItemPayout, Payout, PayoutRule

ITEM_PATH: Final = "order.items."
STORE_PATH: Final = ITEM_PATH + "store.id"
"""Where a line's rule id is read when nothing says where: the path that the contract shows."""


class RuleName(NamedTuple):
    """What a rule is found by; of each name the newest version holds."""

    rule_type: str
    rule_id: str


Option: TypeAlias = Payout | bool | None
"""A draft's options.payout: rules of its own, or true for those that the account has stored."""

Find = Callable[[RuleName], PayoutRule | None]
"""Returns the account's stored rule of a name in its newest version, None where it has none."""


def with_payouts(
    items: Sequence[Item], option: Option, find: Find, originals: Sequence[Item] = ()
) -> tuple[Item, ...] | Refusal:
    """Return the lines of a draft, each with its payable amount split by its rule.

    `option` is the draft's options.payout; `find` is asked for stored rules, and only where the
    option is true or has no rules of its own; `originals` are the lines of the order that the
    draft adds to. A line that reverses another gives back what that line's destinations got,
    in proportion to what is left of it, whatever the rules are now. Without the option no
    other line is split. A line that stays as it was comes back as the same object.
    Units: minor units of the order's currency.
    Refuses: PAYOUT_RULE_NOT_FOUND (every dynamic_payout that names no known rule),
    AMOUNT_TOO_LARGE (a line whose payable amount cannot be written down exactly).
    Keeps: the tree of a line sums to its payable amount; a line without a rule has no payout.
    Source: decisions, payout 1 and 2.
    """
    rules = Rules(option, find) if option else None
    reversals = Reversals(originals)
    found: list[Item] = []
    unknown: list[Fault] = []
    too_large: list[Fault] = []
    for index, item in enumerate(items):
        payout: ItemPayout | None = None
        if reversals.mirrors(item):
            payout = reversals.payout(item)
        elif rules is not None:
            rule = rules.of(item)
            if rule is not None and abs(payable(item)) > AMOUNT_LIMIT:
                too_large.append(_too_large(item).under("order", "items", index))
            elif rule is not None:
                payout = _split(item, rule)
            elif item.dynamic_payout is not None and item.dynamic_payout.rule_id is not None:
                unknown.append(_unknown(item, item.dynamic_payout).under("order", "items", index))
        found.append(item if payout == item.payout else replace(item, payout=payout))
    if unknown:
        faults = (*unknown, *too_large)
        return Refusal("PAYOUT_RULE_NOT_FOUND", unknown[0].message, faults=faults)
    if too_large:
        return Refusal("AMOUNT_TOO_LARGE", too_large[0].message, faults=tuple(too_large))
    return tuple(found)


def stored_names(items: Sequence[Item], option: Option) -> tuple[RuleName, ...]:
    """Return the names of the stored rules that the lines may follow, each once.

    So a decision can load them together before it asks for any.
    """
    if not option or (isinstance(option, Payout) and option.rules):
        return ()
    payout = option if isinstance(option, Payout) else Payout()
    return tuple(dict.fromkeys(name for item in items for name in names(payout, item)))


def names(payout: Payout, item: Item) -> Iterator[RuleName]:
    """Yield the names under which the rule of a line may stand, in the order they are tried.

    The id is that of the line's dynamic_payout, else each value that resolve_rule_id leads to.
    The type is that of the dynamic_payout, else resolve_rule_type: as it is written, or the
    values it leads to when it is a path; without it, resolve_rule_id itself is the type.
    Source: neighbours 4.1.
    """
    dynamic = item.dynamic_payout
    path = payout.resolve_rule_id or STORE_PATH
    if dynamic is not None and dynamic.rule_id is not None:
        rule_ids: tuple[str, ...] = (dynamic.rule_id,)
    else:
        rule_ids = values(item, path)
    if dynamic is not None and dynamic.rule_type is not None:
        types: tuple[str, ...] = (dynamic.rule_type,)
    elif payout.resolve_rule_type is not None:
        types = (payout.resolve_rule_type, *values(item, payout.resolve_rule_type))
    else:
        types = (path,)
    for rule_id in rule_ids:
        for rule_type in types:
            yield RuleName(rule_type, rule_id)


def values(item: Item, path: str) -> tuple[str, ...]:
    """Return the texts and whole numbers of a line that a path such as order.items.store.id has.

    Keeps: in the order in which the line has them; none where the path is not one of a line.
    """
    if not path.startswith(ITEM_PATH):
        return ()
    level: list[object] = [item]
    for name in path.removeprefix(ITEM_PATH).split("."):
        level = [child for value in level for child in _children(value, name)]
    found = [value for value in level if isinstance(value, (str, int))]
    return tuple(str(value) for value in found if not isinstance(value, bool) and value != "")


class Rules:
    """The rules in force for a draft: its own, else the account's."""

    def __init__(self, option: Option, find: Find) -> None:
        """Take the draft's option; stored rules are asked for when a line needs one."""
        self.payout = option if isinstance(option, Payout) else Payout()
        self._find = find
        self._own: Mapping[RuleName, PayoutRule] | None = None
        if self.payout.rules:
            self._own = _newest(self.payout.rules)

    def of(self, item: Item) -> PayoutRule | None:
        """Return the rule that a line follows."""
        for name in names(self.payout, item):
            rule = self._find(name) if self._own is None else self._own.get(name)
            if rule is not None:
                return rule
        return None if self._own is None else self._by_id(self._own, item)

    def _by_id(self, own: Mapping[RuleName, PayoutRule], item: Item) -> PayoutRule | None:
        """Return the draft's own rule of a line's rule id, where nothing names a type.

        A rule whose type is another path is for the values of that path. Of several the one
        with the first type holds, whatever their order.
        """
        dynamic = item.dynamic_payout
        if self.payout.resolve_rule_type is not None:
            return None
        if dynamic is not None and dynamic.rule_type is not None:
            return None
        for _, rule_id in names(self.payout, item):
            types = sorted(
                name.rule_type
                for name in own
                if name.rule_id == rule_id and not name.rule_type.startswith(ITEM_PATH)
            )
            if types:
                return own[RuleName(types[0], rule_id)]
        return None


def _split(item: Item, rule: PayoutRule) -> ItemPayout:
    """Return a line's payable amount split by a rule, with the name and version of the rule."""
    return ItemPayout(
        destinations=split(rule.destinations, payable(item)),
        rule_id=rule.rule_id,
        rule_type=rule.rule_type,
        rule_version=rule.rule_version,
    )


def _unknown(item: Item, dynamic: DynamicPayout) -> Fault:
    """Return the fault of a line that names a rule which is not there."""
    of_type = "" if dynamic.rule_type is None else f" of type {dynamic.rule_type}"
    return Fault(
        "PAYOUT_RULE_NOT_FOUND",
        f"line {item.line_id}: there is no payout rule {dynamic.rule_id}{of_type}",
        ("dynamic_payout",),
        "the rule_type and rule_id of a rule of options.payout.rules, else of a stored rule",
        {"line_id": item.line_id},
    )


def _too_large(item: Item) -> Fault:
    """Return the fault of a line whose parts could not be held exactly by any JSON reader."""
    return Fault(
        "AMOUNT_TOO_LARGE",
        f"line {item.line_id}: {payable(item)} is to be paid",
        ("gross_amount",),
        f"an amount that with its taxes stays within {AMOUNT_LIMIT}",
        {"line_id": item.line_id},
    )


def _newest(rules: Sequence[PayoutRule]) -> dict[RuleName, PayoutRule]:
    """Return the newest version of each rule; one without a version is older than any other."""
    newest: dict[RuleName, PayoutRule] = {}
    for rule in rules:
        name = RuleName(rule.rule_type, rule.rule_id)
        standing = newest.get(name)
        if standing is None or (rule.rule_version or 0) > (standing.rule_version or 0):
            newest[name] = rule
    return newest


def _children(value: object, name: str) -> Iterator[object]:
    """Yield what a value holds under a name; of lists, what each of their members holds."""
    child: object = None
    if isinstance(value, dict):
        child = value.get(name)
    elif isinstance(value, msgspec.Struct):
        attribute = _attribute(type(value), name)
        child = None if attribute is None else getattr(value, attribute)
    if isinstance(child, (list, tuple)):
        yield from child
    elif child is not None:
        yield child


@lru_cache(maxsize=256)
def _attribute(type_: type[msgspec.Struct], name: str) -> str | None:
    """Return the attribute of a struct that the JSON shows under a name; the same few come."""
    names = zip(type_.__struct_encode_fields__, type_.__struct_fields__, strict=True)
    return next((attribute for shown, attribute in names if shown == name), None)
