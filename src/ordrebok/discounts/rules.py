"""The life of a discount rule: what may be written, what may change later, and its end."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import UNSET
from msgspec.structs import asdict, replace

from ordrebok.clock import Instant, milliseconds
from ordrebok.discounts.compiled import ANY_ITEM, type_of
from ordrebok.money import exact
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.discount import (
    BaseRequirement,
    ItemMatch,
    ItemRequirement,
    Limitation,
    MixMatch,
    Requirement,
    RequirementUpdate,
    Reward,
    RewardUpdate,
    Rule,
    RuleBody,
    RuleUpdate,
)

_PERCENT_TYPES = frozenset({"discount_percent", "discount_item_percent"})
_WITHOUT_VALUES = frozenset({"discount_debit", "discount_mix_new_price"})
_MAX_PERCENT = 100
_NOT_NULL = frozenset({"active", "private", "requirement", "reward"})
_DEFAULTS: dict[str, object] = {"active": True, "private": False}


def create(body: RuleBody, rule_id: str, actor: str, now: Instant) -> Rule | Refusal:
    """Return a new rule. Nobody can use it until it is given to somebody.

    Refuses: INVALID_REQUEST_PARAMETER with every fault of requirement, reward and limitation.
    Source: neighbours 3.3 to 3.6.
    """
    found = faults(body.requirement, body.reward, body.limitation)
    if found:
        return _invalid(found)
    fields = asdict(body)
    return Rule(
        **fields,
        id=rule_id,
        created_at=now.text,
        created_by=actor,
        updated_at=now.text,
        type=type_of(body.requirement),
        version=1,
    )


def update(rule: Rule, change: RuleUpdate, actor: str, now: Instant) -> Rule | Refusal:
    """Return the rule with every given property replaced, and those given as null cleared.

    A requirement that is given is the whole new one, apart from its window.
    Refuses: INVALID_REQUEST_PARAMETER: a reward that is not the stored one in anything but its
    base, another purchase_from, an earlier purchase_to, and every fault of the rule as it would
    be.
    Keeps: history was earned under the terms it was earned under: the reward stays.
    Source: neighbours 3.8.
    """
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    found = [
        Fault("INVALID_TYPE", f"{name} cannot be cleared", (name,), "a value, or nothing")
        for name in sorted(_NOT_NULL & given.keys() - _DEFAULTS.keys())
        if given[name] is None
    ]
    if isinstance(change.requirement, RequirementUpdate):
        found += _window_faults(rule.requirement, change.requirement)
        given["requirement"] = _merged(rule.requirement, change.requirement)
    if isinstance(change.reward, RewardUpdate):
        found += _reward_change_faults(rule.reward, change.reward)
        given["reward"] = replace(rule.reward, base=change.reward.base or rule.reward.base)
    if found:
        return _invalid(found)
    for name, default in _DEFAULTS.items():
        if name in given and given[name] is None:
            given[name] = default
    after = replace(rule, **given, updated_at=now.text, updated_by=actor, version=rule.version + 1)
    found = faults(after.requirement, after.reward, after.limitation)
    return _invalid(found) if found else replace(after, type=type_of(after.requirement))


def delete(rule: Rule, actor: str, now: Instant) -> Rule:
    """Return the rule as deleted: whoever holds it cannot use it any more."""
    return replace(
        rule,
        deleted_at=now.text,
        deleted_by=actor,
        updated_at=now.text,
        updated_by=actor,
        version=rule.version + 1,
    )


def faults(requirement: Requirement, reward: Reward, limitation: Limitation | None) -> list[Fault]:
    """Return everything that is wrong with a rule, paths seen from the rule."""
    found = _window_order(requirement)
    found += _item_faults(requirement.item or ItemRequirement())
    found += _reward_faults(reward, requirement.item or ItemRequirement())
    found += _store_faults(requirement)
    if limitation is not None:
        found += _match_faults(limitation.blacklist, ("limitation", "blacklist"))
        found += _zone_faults(limitation)
    return found


def _window_order(requirement: Requirement) -> list[Fault]:
    """Return the fault of a purchase window that never opens."""
    if milliseconds(requirement.purchase_from) < milliseconds(requirement.purchase_to):
        return []
    return [
        Fault(
            "MINIMUM",
            "purchase_to is not after purchase_from",
            ("requirement", "purchase_to"),
            "a moment after purchase_from",
        )
    ]


def _item_faults(item: ItemRequirement) -> list[Fault]:
    """Return the faults of the products that a rule names."""
    where = ("requirement", "item")
    found = _match_faults(item.items, (*where, "items"))
    if len(item.items) > 1 and any(match.id == ANY_ITEM for match in item.items):
        found.append(
            Fault(
                "ANY_ITEM_NOT_ALONE",
                "ANY_ITEM stands beside other items",
                (*where, "items"),
                "ANY_ITEM alone, or items without it",
            )
        )
    for index, mix in enumerate(item.mixes):
        path = (*where, "mixes", index)
        found += _match_faults(mix.items, (*path, "items"))
        if not mix.items:
            found.append(
                Fault("ARRAY_LENGTH_SHORT", "the mix has no items", (*path, "items"), "items")
            )
    if item.mixes and not any(mix.reward_eligible for mix in item.mixes):
        found.append(
            Fault(
                "NO_REWARD_ELIGIBLE_MIX",
                "no mix is eligible for the reward",
                (*where, "mixes"),
                "reward_eligible true on at least one mix",
            )
        )
    return found


def _reward_faults(reward: Reward, item: ItemRequirement) -> list[Fault]:
    """Return the faults of what a rule gives."""
    found = _value_faults(reward, reward.value, ("reward", "value"))
    for index, each in enumerate(reward.values):
        found += _value_faults(reward, each.value, ("reward", "values", index, "value"))
        found += _match_faults(each.items, ("reward", "values", index, "items"))
    if reward.values and (not item.items or reward.type in _WITHOUT_VALUES):
        found.append(
            Fault(
                "VALUES_NOT_ALLOWED",
                f"values do not go with this rule of type {reward.type}",
                ("reward", "values"),
                "no values, or requirement.item.items and a reward for single items",
            )
        )
    if reward.base == "net" and reward.type == "discount_item_new_price":
        found.append(
            Fault(
                "BASE_NOT_ALLOWED",
                "a new price has no base",
                ("reward", "base"),
                "gross, or no base",
            )
        )
    if reward.type == "discount_mix_new_price" and not item.mixes:
        found.append(
            Fault(
                "NO_MIX",
                "a new price for a mix needs the mix",
                ("requirement", "item", "mixes"),
                "at least one mix",
            )
        )
    return found


def _value_faults(reward: Reward, value: float, path: tuple[str | int, ...]) -> list[Fault]:
    """Return the faults of a value: whole minor units or units, or a percentage to 100."""
    if reward.type in _PERCENT_TYPES:
        if exact(value) <= _MAX_PERCENT:
            return []
        return [Fault("MAXIMUM", f"{value} percent", path, f"at most {_MAX_PERCENT} percent")]
    if isinstance(value, int):
        return []
    return [
        Fault("INVALID_TYPE", f"{value} is no whole number", path, "an integer, without a point")
    ]


def _match_faults(
    matches: Iterable[ItemMatch | MixMatch], where: tuple[str | int, ...]
) -> list[Fault]:
    """Return the faults of matches that name nothing."""
    return [
        Fault(
            "OBJECT_MISSING_REQUIRED_PROPERTY",
            "neither id nor group_id is given",
            (*where, index),
            "id, group_id, or both where both must hold",
        )
        for index, match in enumerate(matches)
        if match.id is None and match.group_id is None
    ]


def _store_faults(requirement: Requirement) -> list[Fault]:
    """Return the faults of category ranges that end before they begin."""
    store = requirement.store
    return [
        Fault(
            "MINIMUM",
            f"the range {each.start} to {each.end} is empty",
            ("requirement", "store", "mcc_ranges", index),
            "an end that is not before its start",
        )
        for index, each in enumerate(() if store is None else store.mcc_ranges)
        if each.end < each.start
    ]


def _zone_faults(limitation: Limitation) -> list[Fault]:
    """Return the fault of a time zone that nobody knows."""
    hours = limitation.discount_hours
    if hours is None:
        return []
    try:
        ZoneInfo(hours.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [
            Fault(
                "INVALID_TIMEZONE",
                f"the time zone {hours.timezone} is not known",
                ("limitation", "discount_hours", "timezone"),
                "a name of the tz database, such as Europe/Oslo",
            )
        ]
    return []


def _window_faults(stored: Requirement, change: RequirementUpdate) -> list[Fault]:
    """Return the faults of a window that would begin elsewhere or end earlier."""
    found = []
    if _differs(change.purchase_from, stored.purchase_from):
        found.append(
            Fault(
                "PURCHASE_FROM_FIXED",
                "purchase_from is fixed",
                ("requirement", "purchase_from"),
                "the stored purchase_from, or none",
            )
        )
    if change.purchase_to is not None and milliseconds(change.purchase_to) < milliseconds(
        stored.purchase_to
    ):
        found.append(
            Fault(
                "MINIMUM",
                "purchase_to may only become later",
                ("requirement", "purchase_to"),
                f"{stored.purchase_to.isoformat()} or later",
            )
        )
    return found


def _reward_change_faults(stored: Reward, change: RewardUpdate) -> list[Fault]:
    """Return a fault for each property of the reward that would be another."""
    return [
        Fault(
            "REWARD_FIXED",
            f"reward.{name} is fixed",
            ("reward", name),
            "the stored value, or none; a new rule gives another reward",
        )
        for name in ("type", "value", "values", "effect")
        if getattr(change, name) not in (None, getattr(stored, name))
    ]


def _merged(stored: Requirement, change: RequirementUpdate) -> Requirement:
    """Return the new requirement with the stored beginning, and its end unless it grows."""
    fields = {name: getattr(change, name) for name in BaseRequirement.__struct_fields__}
    return Requirement(
        **fields,
        purchase_from=stored.purchase_from,
        purchase_to=change.purchase_to or stored.purchase_to,
    )


def _differs(given: datetime | None, stored: datetime) -> bool:
    """Tell whether a moment is given and is another."""
    return given is not None and milliseconds(given) != milliseconds(stored)


def _invalid(found: Sequence[Fault]) -> Refusal:
    """Return the refusal that lists all faults."""
    return Refusal("INVALID_REQUEST_PARAMETER", found[0].message, faults=tuple(found))
