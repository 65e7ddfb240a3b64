"""A rule made ready for the engine: sets instead of lists, fractions instead of numbers."""

from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant, milliseconds
from ordrebok.money import exact
from ordrebok.wire.discount import (
    AnythingBut,
    DiscountHours,
    ItemMatch,
    ItemRequirement,
    Limitation,
    MixMatch,
    Requirement,
    Rule,
    RuleType,
)

ANY_ITEM = "ANY_ITEM"
ANY = "*"
DAY_MINUTES = 24 * 60
_OF_THE_CHEAPEST = frozenset({"discount_item_quantity", "discount_item_percent"})
"""Rewards for single units: where no quantity is required, they are given once."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MS = 24 * 60 * 60 * 1000


class Ratio(msgspec.Struct, frozen=True, gc=False):
    """An exact number as a fraction; the denominator is positive."""

    numerator: int
    denominator: int = 1


class Matcher(msgspec.Struct, frozen=True, gc=False):
    """Which lines a list of products and groups names."""

    everything: bool
    ids: frozenset[str]
    groups: frozenset[str]
    pairs: tuple[tuple[str, str], ...]
    """Product and group that must both hold."""
    name: str | None = None
    """The only product or group, where there is one and nothing else."""


EVERYTHING = Matcher(everything=True, ids=frozenset(), groups=frozenset(), pairs=())


class CompiledMix(msgspec.Struct, frozen=True, gc=False):
    """One part of a mix."""

    matcher: Matcher
    quantity: int
    reward_eligible: bool


class Hours(NamedTuple):
    """Open minutes of the days of a week, in a time zone."""

    zone: ZoneInfo
    spans: tuple[tuple[tuple[int, int], ...], ...]
    """For each day from Monday: (from, up to) in minutes after midnight."""


class Currencies(NamedTuple):
    """Accepted currencies: those named, and all but the excluded ones."""

    named: frozenset[str]
    excluded: tuple[frozenset[str], ...]


class Fact(NamedTuple):
    """A property of the customer or the store, and the values that are accepted of it."""

    path: str
    accepted: frozenset[str]


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule as the engine reads it. Made once for each version of a rule, and kept."""

    rule: Rule
    id: str
    is_item: bool
    any_item: bool
    usable: bool
    created_ms: int
    from_ms: int
    to_ms: int
    dynamic_ms: int | None
    hours: Hours | None
    currencies: Currencies | None
    gross_amount: int | None
    net_amount: int | None
    code: str | None
    store_ids: frozenset[str] | None
    store: tuple[Fact, ...]
    mcc_ranges: tuple[tuple[str, str], ...]
    customer: tuple[Fact, ...]
    addresses: tuple[tuple[Fact, ...], ...]
    items: Matcher
    blacklist: Matcher | None
    quantity: Ratio
    """Units of one set; 1 where none is required."""
    has_quantity: bool
    mixes: tuple[CompiledMix, ...]
    stamp: int
    """Stamps of one reward; 0 where the rule needs none."""
    stamp_expire_ms: int | None
    reward_usage: int
    repeat_usage: int
    alone: bool
    item_without_discount: bool
    receipt_without_discount: bool
    deactivated_by: frozenset[str]
    kind: str
    value: Ratio
    values: tuple[tuple[Matcher, Ratio], ...]
    on_net: bool
    is_bonus: bool
    percentage: float | None
    text: str | None
    is_timed: bool = False
    """Has hours, or days that run from when it was given."""
    has_store: bool = False
    """Asks for a store at all."""
    only_stores: frozenset[str] | None = None
    """Ids of which the store must have one, where nothing else is asked of it."""
    is_conditional: bool = False
    """Asks anything of a purchase as a whole."""
    has_book: bool = False
    """What it gives may depend on the book of its ref."""
    is_counted: bool = False
    """Requires units of its lines, or mixes: how many there are says how often it is given."""
    is_once: bool = False
    """Is given once, however many units there are."""
    is_simple: bool = False
    """Its lines are those that it names, each unit for itself."""
    is_plain: bool = False
    """A percentage or an amount off every line, whatever the purchase is made of."""


def matcher_of(matches: Iterable[ItemMatch | MixMatch]) -> Matcher:
    """Return a list of products and groups as sets; `*` alone is everything."""
    ids, groups, pairs = set(), set(), []
    everything = False
    for match in matches:
        item = None if match.id == ANY else match.id
        group = None if match.group_id == ANY else match.group_id
        if item is not None and group is not None:
            pairs.append((item, group))
        elif item is not None:
            ids.add(item)
        elif group is not None:
            groups.add(group)
        else:
            everything = True
    names = [*ids, *groups]
    only = names[0] if len(names) == 1 and not pairs else None
    return Matcher(everything, frozenset(ids), frozenset(groups), tuple(pairs), only)


def is_any_item(item: ItemRequirement | None) -> bool:
    """Tell whether a rule is the item rule for any item at all."""
    return item is not None and [match.id for match in item.items] == [ANY_ITEM]


def type_of(requirement: Requirement) -> RuleType:
    """Return what a rule's reward is given on: items that it names, or the whole receipt.

    Source: neighbours 3.3. Mixes name real items too.
    """
    item = requirement.item
    if item is None:
        return "receipt"
    return "item" if item.mixes or not _wildcard(matcher_of(item.items)) else "receipt"


def compiled(rule: Rule) -> CompiledRule:
    """Return a rule made ready for the engine, with what tests of it may be left out."""
    made = _translated(rule)
    counted = made.has_quantity or bool(made.mixes)
    has_store = bool(made.store_ids is not None or made.store or made.mcc_ranges)
    asked = (made.currencies, made.gross_amount, made.net_amount, made.code)
    return replace(
        made,
        is_timed=made.dynamic_ms is not None or made.hours is not None,
        has_store=has_store,
        only_stores=_only_stores(made),
        is_conditional=has_store
        or any(each is not None for each in asked)
        or bool(made.customer or made.addresses),
        has_book=made.repeat_usage >= 0 or made.stamp > 0 or made.kind == "discount_debit",
        is_counted=counted,
        is_once=made.stamp > 0 or (not counted and made.kind in _OF_THE_CHEAPEST),
        is_simple=_is_simple(made) and not has_store,
        is_plain=_is_plain(made) and not has_store,
    )


def _only_stores(made: CompiledRule) -> frozenset[str] | None:
    """Return the accepted ids of stores where a rule asks for an id alone."""
    asked = [fact.accepted for fact in made.store if fact.path == "id"]
    if made.store_ids is not None:
        asked.append(made.store_ids)
    alone = len(asked) == 1 and not made.mcc_ranges
    return asked[0] if alone and all(fact.path == "id" for fact in made.store) else None


def _is_simple(made: CompiledRule) -> bool:
    """Tell whether nothing but other rules can bar a line that a rule names."""
    return (
        not (made.any_item or made.mixes or made.stamp)
        and not (made.item_without_discount or made.receipt_without_discount)
        and made.blacklist is None
        and made.reward_usage < 0
        and made.quantity == Ratio(1)
    )


def _is_plain(made: CompiledRule) -> bool:
    """Tell whether every line that may take a discount gets a share of the reward, once."""
    return (
        _is_simple(made)
        and made.kind in {"discount_percent", "discount_amount"}
        and made.items.everything
        and not (made.is_item or made.has_quantity or made.values)
    )


def _translated(rule: Rule) -> CompiledRule:
    """Return a rule with what it says in the engine's words."""
    requirement, reward = rule.requirement, rule.reward
    item = requirement.item or ItemRequirement()
    limitation = rule.limitation or Limitation()
    store, customer = requirement.store, requirement.customer
    any_item = is_any_item(item)
    needed = exact(item.quantity)
    expire = limitation.stamp_expire_days
    dynamic = limitation.dynamic_purchase_to_days
    percent = reward.type in {"discount_percent", "discount_item_percent"}
    return CompiledRule(
        rule=rule,
        id=rule.id,
        is_item=type_of(requirement) == "item",
        any_item=any_item,
        usable=rule.active and rule.deleted_at is None,
        created_ms=Instant.of(rule.created_at).ms,
        from_ms=milliseconds(requirement.purchase_from),
        to_ms=milliseconds(requirement.purchase_to),
        dynamic_ms=None if dynamic is None else dynamic * _DAY_MS,
        hours=hours_of(limitation.discount_hours),
        currencies=_currencies(requirement),
        gross_amount=requirement.gross_amount,
        net_amount=requirement.net_amount,
        code=requirement.discount_code,
        store_ids=_any_or_set(requirement.store_ids),
        store=() if store is None else tuple(facts(store, {"mcc_ranges"})),
        mcc_ranges=()
        if store is None
        else tuple((each.start, each.end) for each in store.mcc_ranges),
        customer=() if customer is None else tuple(facts(customer, {"addresses"})),
        addresses=()
        if customer is None
        else tuple(tuple(facts(each, set())) for each in customer.addresses),
        items=matcher_of(item.items) if item.items and not any_item else EVERYTHING,
        blacklist=matcher_of(limitation.blacklist) if limitation.blacklist else None,
        quantity=Ratio(*needed.as_integer_ratio()) if needed > 1 else Ratio(1),
        has_quantity=needed > 0,
        mixes=tuple(
            CompiledMix(matcher_of(mix.items), mix.quantity, mix.reward_eligible)
            for mix in item.mixes
        ),
        stamp=requirement.stamp or 0,
        stamp_expire_ms=None if expire < 0 else expire * _DAY_MS,
        reward_usage=limitation.discount_reward_usage,
        repeat_usage=limitation.discount_repeat_usage,
        alone=limitation.discount_combination == 0,
        item_without_discount=limitation.discount_eligible
        == "item_eligible_for_discount_no_discount",
        receipt_without_discount=limitation.discount_eligible == "receipt_no_discount",
        deactivated_by=frozenset(each.value for each in limitation.discount_activation),
        kind=reward.type,
        value=_ratio(reward.value),
        values=tuple((matcher_of(each.items), _ratio(each.value)) for each in reward.values),
        on_net=reward.base == "net",
        is_bonus=reward.effect == "bonus",
        percentage=reward.value if percent else None,
        text=rule.receipt_text or rule.name,
    )


def hours_of(hours: DiscountHours | None) -> Hours | None:
    """Return open minutes by day; no periods mean any time.

    A period whose end is not after its start runs past midnight, into the next day.
    """
    if hours is None or not hours.hours:
        return None
    spans: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for period in hours.hours:
        day = _DAYS.index(period.day)
        start, end = _minutes(period.start), _minutes(period.end)
        if end > start:
            spans[day].append((start, end))
        else:
            spans[day].append((start, DAY_MINUTES))
            spans[(day + 1) % len(_DAYS)].append((0, end))
    return Hours(ZoneInfo(hours.timezone), tuple(tuple(day) for day in spans))


def facts(requirement: msgspec.Struct, apart: set[str], prefix: str = "") -> Iterable[Fact]:
    """Yield every property that a requirement restricts, by its path; empty lists restrict none."""
    for name in requirement.__struct_fields__:
        value = getattr(requirement, name)
        if name in apart or not value:
            continue
        path = f"{prefix}{name}"
        if isinstance(value, msgspec.Struct):
            yield from facts(value, apart, f"{path}.")
        elif isinstance(value, dict):
            yield from (
                Fact(f"{path}.{key}", frozenset(each)) for key, each in value.items() if each
            )
        else:
            yield Fact(path, frozenset(value))


def _wildcard(matcher: Matcher) -> bool:
    """Tell whether a list names no real item."""
    return not (matcher.ids or matcher.groups or matcher.pairs)


def _ratio(value: object) -> Ratio:
    """Return a number of the wire as an exact fraction."""
    return Ratio(*exact(value).as_integer_ratio())


def _any_or_set(texts: tuple[str, ...]) -> frozenset[str] | None:
    """Return accepted texts, None where all are."""
    return None if not texts or ANY in texts else frozenset(texts)


def _currencies(requirement: Requirement) -> Currencies | None:
    """Return the accepted currencies, None where all are."""
    if not requirement.currencies:
        return None
    named = frozenset(each for each in requirement.currencies if isinstance(each, str))
    excluded = tuple(
        frozenset(each.anything_but)
        for each in requirement.currencies
        if isinstance(each, AnythingBut)
    )
    return Currencies(named, excluded)


def _minutes(clock: str) -> int:
    """Return minutes after midnight of a time such as 9:30."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)
