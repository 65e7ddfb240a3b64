"""Offers sorted by what they ask for, so that a purchase meets only those that could concern it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ordrebok.discounts.basket import Purchase
from ordrebok.discounts.compiled import CompiledRule, Matcher
from ordrebok.discounts.engine import Offer


class Shelf(NamedTuple):
    """The offers of one holder. Made once for each state of its rules, and kept."""

    offers: tuple[Offer, ...]
    rule_ids: frozenset[str]
    general: tuple[int, ...]
    """Positions of offers that any purchase may concern."""
    by_code: dict[str, list[int]]
    by_id: dict[str, list[int]]
    by_group: dict[str, list[int]]


EMPTY = Shelf((), frozenset(), (), {}, {}, {})


def shelved(offers: Iterable[Offer]) -> Shelf:
    """Return offers sorted by the code, product or group without which they give nothing."""
    shelf = Shelf(tuple(offers), frozenset(), (), {}, {}, {})
    general = []
    for position, offer in enumerate(shelf.offers):
        rule = offer.rule
        matcher = _needed(rule)
        if rule.code is not None:
            shelf.by_code.setdefault(rule.code, []).append(position)
        elif matcher is None:
            general.append(position)
        else:
            for name in matcher.ids | {item for item, _ in matcher.pairs}:
                shelf.by_id.setdefault(name, []).append(position)
            for name in matcher.groups:
                shelf.by_group.setdefault(name, []).append(position)
    ids = frozenset(offer.rule.id for offer in shelf.offers)
    return shelf._replace(general=tuple(general), rule_ids=ids)


def concerning(shelves: Sequence[Shelf], purchase: Purchase) -> list[Offer]:
    """Return the offers that a purchase could qualify for.

    Keeps: what is left out would give nothing and collect nothing, so the engine's uses are the
    same with it.
    """
    ids = {line.id for line in purchase.lines if line.id is not None}
    groups = {group for line in purchase.lines for group in line.groups}
    found: list[Offer] = []
    for shelf in shelves:
        positions = set(shelf.general)
        for code in purchase.codes | ids if shelf.by_code else ():
            positions.update(shelf.by_code.get(code, ()))
        for name in ids if shelf.by_id else ():
            positions.update(shelf.by_id.get(name, ()))
        for name in groups if shelf.by_group else ():
            positions.update(shelf.by_group.get(name, ()))
        found += [shelf.offers[position] for position in positions]
    return found


def _needed(rule: CompiledRule) -> Matcher | None:
    """Return the products of which a rule needs one at least; None where any will do."""
    matchers = [rule.items, *(mix.matcher for mix in rule.mixes)]
    return next((matcher for matcher in matchers if not matcher.everything), None)
