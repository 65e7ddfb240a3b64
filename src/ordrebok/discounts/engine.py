"""The engine: from rules and a purchase to what each line gets, and why.

Pure and deterministic: the order in which rules arrive never matters. The steps are those of
neighbours 3.12, and are named by their numbers below.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from ordrebok.discounts.basket import Basket, Purchase
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.mixes import assembled, units_in
from ordrebok.discounts.requirements import (
    Miss,
    Ref,
    closed,
    holders_of,
    store_fits,
    unsatisfied,
    used_up,
)
from ordrebok.discounts.rewards import Amounts, Reach, amounts_of, worth_of
from ordrebok.discounts.standing import NEW, Standing, current_stamps

_MIXES = "requirement.item.mixes"


class Offer(Struct, frozen=True, gc=False):
    """A rule through one of its refs."""

    rule: CompiledRule
    ref: Ref


class Use(Struct, frozen=True, gc=False):
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


class Verdict(Struct, frozen=True, gc=False):
    """What became of one offer: its use, or the first thing that stood against it."""

    offer: Offer
    use: Use | None
    miss: Miss | None


class Result(Struct, frozen=True, gc=False):
    """What a purchase gets, in the order in which rules were applied."""

    uses: tuple[Use, ...]
    verdicts: tuple[Verdict, ...]
    """On every offer: first those that the purchase qualifies for, as they were applied."""


class Trial(Struct, frozen=True, gc=False):
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


class Counter(Struct, frozen=True):
    """One purchase while offers are tried on it, with what is the same for all of them."""

    basket: Basket
    holders: tuple[str, ...]
    """Whose rules hold for the buyer."""
    whole: Reach | None
    """How far plain rules reach; None where each must find out for itself."""
    standing_of: Callable[[str], Standing]


_NOTHING = Miss("reward.value", 1, 0)


def discounted(
    purchase: Purchase,
    offers: Iterable[Offer],
    standing_of: Callable[[str], Standing],
    *,
    explained: bool = True,
) -> Result:
    """Return what a purchase gets of the rules offered to it.

    `standing_of` returns the book of a ref by its id; it is asked only where the book matters.
    Without `explained` there are no verdicts, and what can give nothing any more is not tried.
    Units: minor units.
    Keeps: the same rules in any order give the same; the discounts of a line never exceed what
    is left of it; a ref is used at most once.
    Source: neighbours 3.12, steps 1 to 11.
    """
    basket = Basket(purchase)
    whole = None
    if basket.taker_units > 0 and not basket.full:
        whole = Reach(basket.takers, basket.taker_units, 1)
    counter = Counter(basket, holders_of(purchase.customer_id), whole, standing_of)
    trials: list[Trial] = []
    verdicts: list[Verdict] = []
    turning_off = False
    for offer in offers:
        tried = _tried(offer, counter)
        if isinstance(tried, Trial):
            trials.append(tried)
            turning_off = turning_off or bool(offer.rule.deactivated_by)
        elif explained:
            verdicts.append(Verdict(offer, None, tried))
    if turning_off:
        trials, off = _activated(trials)
        verdicts += off
    trials.sort(key=_rank)
    uses, misses = _combined(basket, trials, explained=explained)
    given = _given(trials, uses)
    if not explained:
        return Result(tuple([use for use in given if use is not None]), ())
    applied = [
        Verdict(trial.offer, use, None if use is not None and use.usage else misses.get(place))
        for place, (trial, use) in enumerate(zip(trials, given, strict=True))
    ]
    verdicts.sort(key=_verdict_rank)
    return Result(tuple([use for use in given if use is not None]), (*applied, *verdicts))


def _given(trials: Sequence[Trial], uses: Mapping[int, Use]) -> list[Use | None]:
    """Return the use of each trial; where there is no reward, stamps may be collected."""
    given = []
    for place, trial in enumerate(trials):
        use = uses.get(place)
        if use is None and trial.stamp:
            use = Use(trial.offer, {}, trial.stamp, 0)
        given.append(use)
    return given


def _tried(offer: Offer, counter: Counter) -> Trial | Miss:
    """Return what an offer would give alone, or why the purchase does not qualify (1 to 6)."""
    rule, ref = offer.rule, offer.ref
    basket, whole = counter.basket, counter.whole
    is_open = rule.from_ms <= basket.purchase.moment_ms <= rule.to_ms and not rule.is_timed
    if not (is_open and rule.usable and ref.given_to in counter.holders and not ref.deleted):
        miss = closed(rule, ref, basket)
        if miss is not None:
            return miss
    standing = NEW
    if rule.is_conditional or rule.has_book:
        miss = unsatisfied(rule, basket)
        if miss is None and rule.has_book:
            standing = counter.standing_of(ref.id)
            miss = used_up(rule, standing)
        if miss is not None:
            return miss
    reach = whole if whole is not None and rule.is_plain else _reach(rule, basket)
    if isinstance(reach, Miss):
        return reach
    stamp = 0
    if rule.stamp:
        stamp = reach.stamps
        there = current_stamps(standing, rule, basket.purchase.moment_ms) + stamp
        if there < rule.stamp:
            short = Miss("requirement.stamp", rule.stamp, there)
            return Trial(offer, standing, reach, {}, stamp, 0, short)
    amounts, total = worth_of(rule, basket, reach, standing)
    return Trial(offer, standing, reach, amounts, stamp, total, None if total else _NOTHING)


def _reach(rule: CompiledRule, basket: Basket) -> Reach | Miss:
    """Return which lines a rule is for now, and how many sets they make (4 and 5)."""
    if rule.is_simple and not (basket.full or basket.under_any_item):
        named = basket.matching(rule.items)
        there = basket.units_of(named)
        if there:
            return Reach(named, 1 if rule.is_once else there, there if rule.is_counted else 1)
    if rule.receipt_without_discount and basket.discounted:
        return Miss("limitation.discount_eligible", 0, len(basket.discounted))
    candidates = _candidates(rule, basket)
    if not candidates:
        return Miss("requirement.item.items" if rule.is_item else "items.eligible_for_discount")
    numerator, denominator = rule.quantity.numerator, rule.quantity.denominator
    units = basket.units_of(candidates)
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
    given = 1 if rule.is_once else sets
    if assembly is not None:
        lines = sorted(units_in(rule, assembly, given))
    return Reach(lines, given, sets if rule.is_counted else 1, assembly)


def _candidates(rule: CompiledRule, basket: Basket) -> Sequence[int]:
    """Return the lines that may get a rule's reward now, in their order (4)."""
    lines: Sequence[int] = basket.matching(rule.items)
    if rule.blacklist is not None:
        lines = _without(lines, basket.matching(rule.blacklist))
    if rule.item_without_discount:
        lines = _without(lines, basket.discounted)
    if rule.any_item:
        lines = _without(lines, basket.under_item_rule)
    elif rule.is_item:
        lines = _without(lines, basket.under_any_item)
    if basket.full:
        lines = _without(lines, basket.full)
    if rule.has_store and basket.has_line_stores:
        if rule.only_stores is not None:
            named, own = rule.only_stores, basket.store_ids
            return [line for line in lines if own[line] in named]
        facts = basket.line_stores or ()
        lines = [line for line in lines if store_fits(rule, facts[line]) is None]
    return lines


def _without(lines: Sequence[int], barred: Collection[int]) -> Sequence[int]:
    """Return lines without those that are barred; the very same where none are."""
    return [line for line in lines if line not in barred] if barred else lines


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
    basket: Basket, trials: Sequence[Trial], *, explained: bool
) -> tuple[dict[int, Use], dict[int, Miss]]:
    """Return what is used when rules meet: all that combine, or one alone (9).

    Uses and misses are named by the place of their trial.
    """
    uses, misses, singles = _applied(basket, trials, explained=explained)
    if not singles:
        return uses, misses
    best = max(singles, key=lambda place: trials[place].total)
    combined = sum(use.total for use in uses.values())
    if trials[best].total <= combined:
        lost = Miss("limitation.discount_combination", trials[best].total, combined)
        return uses, misses | dict.fromkeys(singles, lost)
    trial = trials[best]
    beaten = Miss("limitation.discount_combination", found=trial.offer.rule.id)
    misses |= {place: beaten for place, each in enumerate(trials) if each.miss is None}
    amounts = _amounts_now(trial, Basket(basket.purchase))
    use = Use(trial.offer, amounts if isinstance(amounts, dict) else {}, trial.stamp, 1)
    return {best: use}, misses


def _applied(
    basket: Basket, trials: Sequence[Trial], *, explained: bool
) -> tuple[dict[int, Use], dict[int, Miss], list[int]]:
    """Apply rules that combine one after the other, each to what those before it have left.

    The others are returned as they are. Once no line has anything left, all that follow give
    nothing, whatever they are.
    """
    uses: dict[int, Use] = {}
    misses: dict[int, Miss] = {}
    singles: list[int] = []
    for place, trial in enumerate(trials):
        rule = trial.offer.rule
        if trial.miss is not None:
            misses[place] = trial.miss
        elif rule.alone:
            singles.append(place)
        elif basket.open or explained:
            amounts = _amounts_now(trial, basket)
            if isinstance(amounts, Miss):
                misses[place] = amounts
                continue
            if not rule.is_bonus:
                basket.take(amounts)
            if rule.is_item:
                basket.occupy(amounts, any_item=rule.any_item)
            uses[place] = Use(trial.offer, amounts, trial.stamp, 1)
    return uses, misses, singles


def _amounts_now(trial: Trial, basket: Basket) -> Amounts | Miss:
    """Return what a rule gives now that others have been applied."""
    rule, reach = trial.offer.rule, trial.reach
    if _may_bar(rule, basket):
        again = _reach(rule, basket)
        if isinstance(again, Miss):
            return again
        reach = again
    elif trial.amounts is not None and basket.changed.isdisjoint(reach.lines):
        return trial.amounts
    if basket.open.isdisjoint(reach.lines):
        return _NOTHING
    return amounts_of(rule, basket, reach, trial.standing) or _NOTHING


def _may_bar(rule: CompiledRule, basket: Basket) -> bool:
    """Tell whether rules that were applied may have barred lines, or all, from this one."""
    if basket.full or rule.item_without_discount or rule.receipt_without_discount:
        return True
    return rule.is_item and bool(basket.under_item_rule if rule.any_item else basket.under_any_item)


def _rank(trial: Trial) -> tuple[bool, int, int, str, int, str]:
    """Return a trial's place in the order of application (9)."""
    rule, ref = trial.offer.rule, trial.offer.ref
    return not rule.is_item, -trial.total, rule.created_ms, rule.id, ref.created_ms, ref.id


def _verdict_rank(verdict: Verdict) -> tuple[int, str, int, str]:
    """Return the place of a rule that the purchase does not qualify for."""
    rule, ref = verdict.offer.rule, verdict.offer.ref
    return rule.created_ms, rule.id, ref.created_ms, ref.id
