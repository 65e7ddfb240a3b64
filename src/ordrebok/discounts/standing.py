"""The book of one instance of a rule: what was used, collected and is left."""

from collections.abc import Iterable
from typing import NamedTuple

from ordrebok.discounts.compiled import CompiledRule


class Stamps(NamedTuple):
    """Stamps that were collected at one moment and are not used up."""

    at_ms: int
    number: int


class Standing(NamedTuple):
    """The counters of one ref. Amounts and bonus in minor units."""

    usage: int = 0
    amount: int = 0
    bonus: int = 0
    stamp: int = 0
    """All stamps ever collected."""
    held: tuple[Stamps, ...] = ()
    """Stamps that still count towards a reward, oldest first; expired ones may be among them."""


class Booking(NamedTuple):
    """What one purchase takes from a ref and adds to it."""

    at_ms: int
    usage: int = 0
    amount: int = 0
    bonus: int = 0
    stamp: int = 0
    spent: tuple[Stamps, ...] = ()
    """The stamps that a reward used up: they come back when the purchase is undone."""


NEW = Standing()


def current_stamps(standing: Standing, rule: CompiledRule, now_ms: int) -> int:
    """Return how many stamps count now: neither used up nor expired."""
    since = _since(rule, now_ms)
    return sum(stamps.number for stamps in standing.held if stamps.at_ms >= since)


def balance(standing: Standing, rule: CompiledRule) -> int:
    """Return what a `discount_debit` has left, in minor units."""
    return max(0, rule.value.numerator - standing.amount - standing.bonus)


def shortage(standing: Standing, rule: CompiledRule, booking: Booking) -> str | None:
    """Return what a ref lacks for a booking: the name of the limit, or None.

    Keeps: a ref is never used more often, for more money or for more stamps than it has.
    Source: neighbours 3.12, steps 3 and 6.
    """
    if not booking.usage:
        return None
    if 0 <= rule.repeat_usage < standing.usage + booking.usage:
        return "limitation.discount_repeat_usage"
    if rule.kind == "discount_debit" and booking.amount + booking.bonus > balance(standing, rule):
        return "statistics.debit_balance"
    if rule.stamp and current_stamps(standing, rule, booking.at_ms) + booking.stamp < rule.stamp:
        return "requirement.stamp"
    return None


def booked(standing: Standing, rule: CompiledRule, booking: Booking) -> tuple[Standing, Booking]:
    """Return the book after a purchase, and the booking with the stamps it used up.

    A reward uses up the oldest stamps that count; expired ones are struck off at that time.
    """
    held = standing.held
    if booking.stamp:
        held = (*held, Stamps(booking.at_ms, booking.stamp))
    spent: list[Stamps] = []
    if booking.usage and rule.stamp:
        since = _since(rule, booking.at_ms)
        needed, rest = rule.stamp, []
        for stamps in held:
            if stamps.at_ms < since:
                continue
            used = min(needed, stamps.number)
            needed -= used
            if used:
                spent.append(Stamps(stamps.at_ms, used))
            if stamps.number > used:
                rest.append(Stamps(stamps.at_ms, stamps.number - used))
        held = tuple(rest)
    after = Standing(
        usage=standing.usage + booking.usage,
        amount=standing.amount + booking.amount,
        bonus=standing.bonus + booking.bonus,
        stamp=standing.stamp + booking.stamp,
        held=held,
    )
    return after, booking._replace(spent=tuple(spent))


def released(standing: Standing, booking: Booking) -> Standing:
    """Return the book after a purchase is undone.

    Keeps: released(booked(s)) is s, where nothing was booked in between. Stamps that a later
    purchase has used up already are not taken back.
    """
    held: list[Stamps] = sorted((*standing.held, *booking.spent))
    surplus = booking.stamp
    rest: list[Stamps] = []
    for stamps in reversed(held):
        own = min(surplus, stamps.number) if stamps.at_ms == booking.at_ms else 0
        surplus -= own
        if stamps.number > own:
            rest.append(Stamps(stamps.at_ms, stamps.number - own))
    return Standing(
        usage=standing.usage - booking.usage,
        amount=standing.amount - booking.amount,
        bonus=standing.bonus - booking.bonus,
        stamp=standing.stamp - booking.stamp,
        held=tuple(_merged(reversed(rest))),
    )


def _merged(stamps: Iterable[Stamps]) -> list[Stamps]:
    """Return stamps with those of one moment in one entry."""
    merged: list[Stamps] = []
    for each in stamps:
        if merged and merged[-1].at_ms == each.at_ms:
            merged[-1] = Stamps(each.at_ms, merged[-1].number + each.number)
        else:
            merged.append(each)
    return merged


def _since(rule: CompiledRule, now_ms: int) -> int:
    """Return the first moment whose stamps still count."""
    return -1 if rule.stamp_expire_ms is None else now_ms - rule.stamp_expire_ms
