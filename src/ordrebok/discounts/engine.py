"""The engine: from rules and a purchase to what each line gets, and why.

Pure and deterministic: the order in which rules arrive never matters. The steps are those of
neighbours 3.12, and are named by their numbers below.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ordrebok.discounts.basket import Basket, Purchase
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.mixes import assembled, units_in
from ordrebok.discounts.requirements import (
    Miss,
    Ref,
    closed,
    has_store,
    store_fits,
    unsatisfied,
    used_up,
)
from ordrebok.discounts.rewards import Amounts, Reach, amounts_of, total_of
from ordrebok.discounts.standing import NEW, Standing, balance, current_stamps

_MIXES = "requirement.item.mixes"
_OF_THE_CHEAPEST = frozenset({"discount_item_quantity", "discount_item_percent"})
"""Rewards for single units: where no quantity is required, they are given once."""


class Offer(NamedTuple):
    """A rule through one of its refs."""

    rule: CompiledRule
    ref: Ref


class Use(NamedTuple):
    """What a purchase got of one offer."""

    offer: Offer
    amounts: Amounts
    """By position of the line; money off, or a bonus where the rule gives one."""
    stamp: int
    """Stamps collected."""
    usage: int
    """1 where a reward was given, else 0."""

    @property
    def total(self) -> int:
        """Sum over the lines, in minor units."""
        return sum(self.amounts.values())


class Verdict(NamedTuple):
    """What became of one offer: its use, or the first thing that stood against it."""

    offer: Offer
    use: Use | None
    miss: Miss | None


class Result(NamedTuple):
    """What a purchase gets, in the order in which rules were applied."""

    uses: tuple[Use, ...]
    verdicts: tuple[Verdict, ...]
    """On every offer: first those that the purchase qualifies for, as they were applied."""


class Trial(NamedTuple):
    """An offer that a purchase qualifies for, with what it would give by itself."""

    offer: Offer
    standing: Standing
    reach: Reach
    amounts: Amounts | None
    """None where only their sum is known yet."""
    stamp: int
    total: int
    miss: Miss | None
    """Why there is no reward now: stamps are missing, or there is nothing to take off."""


def discounted(
    purchase: Purchase, offers: Iterable[Offer], standing_of: Callable[[str], Standing]
) -> Result:
    """Return what a purchase gets of the rules offered to it.

    `standing_of` returns the book of a ref by its id; it is asked only where the book matters.
    Units: minor units.
    Keeps: the same rules in any order give the same; the discounts of a line never exceed what
    is left of it; a ref is used at most once.
    Source: neighbours 3.12, steps 1 to 11.
    """
    basket = Basket(purchase)
    trials: list[Trial] = []
    verdicts: list[Verdict] = []
    for offer in offers:
        tried = _tried(offer, basket, standing_of)
        if isinstance(tried, Miss):
            verdicts.append(Verdict(offer, None, tried))
        else:
            trials.append(tried)
    trials, off = _activated(trials)
    verdicts += off
    verdicts.sort(key=_verdict_rank)
    trials.sort(key=_rank)
    uses, misses = _combined(basket, trials)
    applied: list[Verdict] = []
    for trial in trials:
        use = uses.get(_name(trial.offer))
        if use is None and trial.stamp:
            use = Use(trial.offer, {}, trial.stamp, 0)
        miss = None if use is not None and use.usage else misses.get(_name(trial.offer))
        applied.append(Verdict(trial.offer, use, miss))
    given = tuple(verdict.use for verdict in applied if verdict.use is not None)
    return Result(given, (*applied, *verdicts))


def _tried(offer: Offer, basket: Basket, standing_of: Callable[[str], Standing]) -> Trial | Miss:
    """Return what an offer would give alone, or why the purchase does not qualify (1 to 6)."""
    rule = offer.rule
    miss = closed(rule, offer.ref, basket) or unsatisfied(rule, basket)
    if miss is not None:
        return miss
    standing = standing_of(offer.ref.id) if has_book(rule) else NEW
    miss = used_up(rule, standing)
    if miss is not None:
        return miss
    reach = _reach(rule, basket)
    if isinstance(reach, Miss):
        return reach
    stamp = 0
    if rule.stamp:
        stamp = reach.stamps
        there = current_stamps(standing, rule, basket.purchase.moment_ms) + stamp
        if there < rule.stamp:
            short = Miss("requirement.stamp", rule.stamp, there)
            return Trial(offer, standing, reach, {}, stamp, 0, short)
    amounts = None
    total = total_of(rule, basket, reach)
    if total is None:
        amounts = amounts_of(rule, basket, reach, balance(standing, rule))
        total = sum(amounts.values())
    nothing = None if total else Miss("reward.value", 1, 0)
    return Trial(offer, standing, reach, amounts, stamp, total, nothing)


def _reach(rule: CompiledRule, basket: Basket) -> Reach | Miss:
    """Return which lines a rule is for now, and how many sets they make (4 and 5)."""
    if rule.receipt_without_discount and basket.discounted:
        return Miss("limitation.discount_eligible", 0, len(basket.discounted))
    candidates = _candidates(rule, basket)
    if not candidates:
        return Miss("requirement.item.items" if rule.is_item else "items.eligible_for_discount")
    numerator, denominator = rule.quantity
    if candidates is basket.takers:
        units = basket.taker_units
    else:
        units = sum([basket.units[line] for line in candidates])
    sets = units * denominator // numerator
    if not sets:
        return Miss("requirement.item.quantity", -(-numerator // denominator), units)
    assembly = None
    lines: Sequence[int] = candidates
    if rule.mixes:
        assembly = assembled(rule, basket, candidates)
        sets = min(sets, assembly.sets)
    if rule.reward_usage >= 0:
        sets = min(sets, rule.reward_usage)
    if not sets:
        where = "limitation.discount_reward_usage" if rule.reward_usage == 0 else _MIXES
        return Miss(where, 1, 0)
    counted = rule.has_quantity or bool(rule.mixes)
    once = rule.stamp or (not counted and rule.kind in _OF_THE_CHEAPEST)
    given = 1 if once else sets
    if assembly is not None:
        lines = sorted(units_in(rule, assembly, given))
    return Reach(lines, given, sets if counted else 1, assembly)


def _candidates(rule: CompiledRule, basket: Basket) -> Sequence[int]:
    """Return the lines that may get a rule's reward now, in their order (4)."""
    lines: Sequence[int] = basket.matching(rule.items)
    barred: set[int] = set()
    if rule.blacklist is not None:
        barred.update(basket.matching(rule.blacklist))
    if rule.item_without_discount:
        barred |= basket.discounted
    if rule.any_item:
        barred |= basket.under_item_rule
    elif rule.is_item:
        barred |= basket.under_any_item
    barred |= basket.full
    if barred:
        lines = [line for line in lines if line not in barred]
    stores = basket.line_stores
    if stores is not None and has_store(rule):
        lines = [line for line in lines if store_fits(rule, stores[line]) is None]
    return lines


def _activated(trials: list[Trial]) -> tuple[list[Trial], list[Verdict]]:
    """Return the trials that stand, and the verdicts on those that another rule turns off (7)."""
    active = {trial.offer.rule.id for trial in trials if trial.miss is None}
    standing, off = [], []
    for trial in trials:
        rule = trial.offer.rule
        others = sorted((rule.deactivated_by & active) - {rule.id})
        if others:
            miss = Miss("limitation.discount_activation", found=others[0])
            off.append(Verdict(trial.offer, None, miss))
        else:
            standing.append(trial)
    return standing, off


def _combined(
    basket: Basket, trials: Sequence[Trial]
) -> tuple[dict[tuple[str, str], Use], dict[tuple[str, str], Miss]]:
    """Return what is used when rules meet: all that combine, or one alone (9)."""
    together = [trial for trial in trials if not trial.offer.rule.alone]
    singles = [trial for trial in trials if trial.offer.rule.alone and trial.miss is None]
    uses, misses = _applied(basket, together)
    misses |= {_name(t.offer): t.miss for t in trials if t.miss is not None}
    best = max(singles, key=lambda trial: trial.total, default=None)
    combined = sum(use.total for use in uses.values())
    lost = Miss("limitation.discount_combination", best.total if best else 0, combined)
    if best is None or best.total <= combined:
        return uses, misses | {_name(trial.offer): lost for trial in singles}
    beaten = Miss("limitation.discount_combination", found=best.offer.rule.id)
    misses |= {_name(trial.offer): beaten for trial in trials if trial.miss is None}
    amounts = _amounts_now(best, Basket(basket.purchase))
    use = Use(best.offer, amounts if isinstance(amounts, dict) else {}, best.stamp, 1)
    return {_name(best.offer): use}, misses


def _applied(
    basket: Basket, trials: Sequence[Trial]
) -> tuple[dict[tuple[str, str], Use], dict[tuple[str, str], Miss]]:
    """Apply rules one after the other, each to what those before it have left."""
    uses: dict[tuple[str, str], Use] = {}
    misses: dict[tuple[str, str], Miss] = {}
    for trial in trials:
        if trial.miss is not None:
            continue
        amounts = _amounts_now(trial, basket)
        if isinstance(amounts, Miss):
            misses[_name(trial.offer)] = amounts
            continue
        rule = trial.offer.rule
        if not rule.is_bonus:
            for line, amount in amounts.items():
                basket.take(line, amount)
        if rule.is_item:
            basket.occupy(amounts, any_item=rule.any_item)
        uses[_name(trial.offer)] = Use(trial.offer, amounts, trial.stamp, 1)
    return uses, misses


def _amounts_now(trial: Trial, basket: Basket) -> Amounts | Miss:
    """Return what a rule gives now that others have been applied."""
    rule, reach, left = trial.offer.rule, trial.reach, basket.left
    barred = _may_bar(rule, basket)
    if trial.amounts is not None and not barred and basket.changed.isdisjoint(reach.lines):
        return trial.amounts
    if barred:
        again = _reach(rule, basket)
        if isinstance(again, Miss):
            return again
        reach = again
    if not any(left[line] > 0 for line in reach.lines):
        return Miss("reward.value", 1, 0)
    amounts = amounts_of(rule, basket, reach, balance(trial.standing, rule))
    return amounts or Miss("reward.value", 1, 0)


def _may_bar(rule: CompiledRule, basket: Basket) -> bool:
    """Tell whether rules that were applied may have barred lines, or all, from this one."""
    if rule.item_without_discount or rule.receipt_without_discount or basket.full:
        return True
    return rule.is_item and bool(basket.under_item_rule if rule.any_item else basket.under_any_item)


def has_book(rule: CompiledRule) -> bool:
    """Tell whether the book of a ref can change what a rule gives."""
    return rule.repeat_usage >= 0 or rule.stamp > 0 or rule.kind == "discount_debit"


def _name(offer: Offer) -> tuple[str, str]:
    """Return what tells an offer from all others."""
    return offer.rule.id, offer.ref.id


def _rank(trial: Trial) -> tuple[bool, int, int, str, int, str]:
    """Return a trial's place in the order of application (9)."""
    rule, ref = trial.offer
    return not rule.is_item, -trial.total, rule.created_ms, rule.id, ref.created_ms, ref.id


def _verdict_rank(verdict: Verdict) -> tuple[int, str, int, str]:
    """Return the place of a rule that the purchase does not qualify for."""
    rule, ref = verdict.offer
    return rule.created_ms, rule.id, ref.created_ms, ref.id
