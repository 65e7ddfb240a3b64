"""Offers sorted by what they ask for, so that a purchase meets only those that could concern it."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from ordrebok.discounts.basket import Purchase
from ordrebok.discounts.compiled import CompiledRule, Matcher
from ordrebok.discounts.engine import Offer


class Shelf(Struct, frozen=True):
    """The offers of one holder. Made once for each state of its rules, and kept."""

    offers: tuple[Offer, ...]
    rule_ids: frozenset[str]
    general: tuple[int, ...]
    """Positions of offers that any purchase may concern."""
    by_code: dict[str, list[int]]
    by_id: dict[str, list[int]]
    by_group: dict[str, list[int]]
    by_store: dict[str, list[int]]
    by_gross: tuple[tuple[int, int], ...] = ()
    """Positions of offers that ask for a gross amount and for nothing else, smallest first."""


EMPTY = Shelf((), frozenset(), (), {}, {}, {}, {})


def shelved(offers: Iterable[Offer]) -> Shelf:
    """Return offers sorted by what they give nothing without: a code, a product, a store ..."""
    shelf = Shelf(tuple(offers), frozenset(), (), {}, {}, {}, {})
    general: list[int] = []
    by_gross: list[tuple[int, int]] = []
    for position, offer in enumerate(shelf.offers):
        rule = offer.rule
        matcher = _needed(rule)
        if rule.code is not None:
            shelf.by_code.setdefault(rule.code, []).append(position)
        elif matcher is None:
            stores = _stores(rule)
            if stores is not None:
                for name in stores:
                    shelf.by_store.setdefault(name, []).append(position)
            elif rule.gross_amount is not None:
                by_gross.append((rule.gross_amount, position))
            else:
                general.append(position)
        else:
            for name in matcher.ids | {item for item, _ in matcher.pairs}:
                shelf.by_id.setdefault(name, []).append(position)
            for name in matcher.groups:
                shelf.by_group.setdefault(name, []).append(position)
    ids = frozenset(offer.rule.id for offer in shelf.offers)
    ordered = tuple(sorted(by_gross))
    return replace(shelf, general=tuple(general), rule_ids=ids, by_gross=ordered)


def concerning(shelves: Sequence[Shelf], purchase: Purchase) -> list[Offer]:
    """Return the offers that a purchase could qualify for.

    Keeps: what is left out would give nothing and collect nothing, so the engine's uses are the
    same with it.
    """
    ids, groups, stores, gross = _names_in(purchase)
    codes = purchase.codes | ids
    found: list[Offer] = []
    for shelf in shelves:
        positions = set(shelf.general)
        for names, index in (
            (codes, shelf.by_code),
            (ids, shelf.by_id),
            (groups, shelf.by_group),
            (stores, shelf.by_store),
        ):
            if index:
                for name in index.keys() & names:
                    positions.update(index[name])
        if shelf.by_gross and shelf.by_gross[0][0] <= gross:
            reached = bisect_right(shelf.by_gross, gross, key=itemgetter(0))
            positions.update([position for _, position in shelf.by_gross[:reached]])
        offers = shelf.offers
        found += [offers[position] for position in positions]
    return found


def _names_in(purchase: Purchase) -> tuple[set[str], set[str], set[str], int]:
    """Return the products, groups and stores of a purchase, and what its lines cost together."""
    ids: set[str] = set()
    groups: set[str] = set()
    stores = {_id_of(purchase.store)}
    gross = 0
    for line in purchase.lines:
        gross += line.gross_amount
        if line.id is not None:
            ids.add(line.id)
        if line.groups:
            groups.update(line.groups)
        if line.store is not None:
            stores.add(_id_of(line.store))
    return ids, groups, stores, gross


def _needed(rule: CompiledRule) -> Matcher | None:
    """Return the products of which a rule needs one at least; None where any will do."""
    matchers = [rule.items, *(mix.matcher for mix in rule.mixes)]
    return next((matcher for matcher in matchers if not matcher.everything), None)


def _stores(rule: CompiledRule) -> frozenset[str] | None:
    """Return the stores of which a rule needs one; None where it names none by their ids."""
    named = (fact.accepted for fact in rule.store if fact.path == "id")
    return next(named, rule.store_ids)


def _id_of(store: object) -> str:
    """Return the id of a store, an empty text where there is none."""
    return getattr(store, "id", None) or ""
