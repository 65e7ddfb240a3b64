"""Whether a rule is open, and whether a purchase satisfies it, before its lines are looked at.

Each test returns None when it holds, else the `Miss` that says what was not satisfied. They run
in the order of neighbours 3.12, steps 1 to 3, cheapest first within a step.
"""

from typing import NamedTuple

from msgspec import Struct

from ordrebok.discounts.basket import Basket, FactsOf
from ordrebok.discounts.compiled import CompiledRule, Fact, Hours
from ordrebok.discounts.standing import Standing, balance

EVERYBODY = "*"
"""Given to every purchase with a customer id."""
NOBODY = "/"
"""Given to purchases without a customer id."""


class Ref(Struct, frozen=True, gc=False):
    """One instance of a rule, given to a customer, to everybody or to nobody."""

    id: str
    given_to: str
    created_ms: int
    deleted: bool = False


class Moment(NamedTuple):
    """A moment inside a miss; it is written out only where somebody reads it."""

    ms: int


class Miss(Struct, frozen=True, gc=False):
    """The first requirement that failed."""

    requirement: str
    """Path into the rule, such as `requirement.gross_amount`."""
    required: object = None
    found: object = None


def closed(rule: CompiledRule, ref: Ref, basket: Basket) -> Miss | None:
    """Return why a rule or ref cannot be used by this buyer at this time, or None.

    Source: neighbours 3.12, step 1.
    """
    moment = basket.purchase.moment_ms
    if not rule.usable:
        return Miss("deleted_at" if rule.rule.deleted_at else "active", required=True, found=False)
    if ref.deleted:
        return Miss("refs.deleted_at")
    if ref.given_to not in holders_of(basket.purchase.customer_id):
        return Miss("customers", ref.given_to, basket.purchase.customer_id)
    if moment < rule.from_ms:
        return Miss("requirement.purchase_from", Moment(rule.from_ms), Moment(moment))
    if moment > rule.to_ms:
        return Miss("requirement.purchase_to", Moment(rule.to_ms), Moment(moment))
    if rule.dynamic_ms is not None and moment > ref.created_ms + rule.dynamic_ms:
        last = ref.created_ms + rule.dynamic_ms
        return Miss("limitation.dynamic_purchase_to_days", Moment(last), Moment(moment))
    if rule.hours is not None and not open_now(rule.hours, basket):
        return Miss("limitation.discount_hours", rule.hours.zone.key, Moment(moment))
    return None


def unsatisfied(rule: CompiledRule, basket: Basket) -> Miss | None:
    """Return what a purchase as a whole does not satisfy, or None.

    Source: neighbours 3.12, step 2.
    """
    purchase = basket.purchase
    miss = _store_miss(rule, basket)
    if miss is not None:
        return miss
    if rule.currencies is not None:
        named, excluded = rule.currencies
        if purchase.currency not in named and all(purchase.currency in each for each in excluded):
            return Miss("requirement.currencies", sorted(named), purchase.currency)
    if rule.gross_amount is not None and basket.gross_amount < rule.gross_amount:
        return Miss("requirement.gross_amount", rule.gross_amount, basket.gross_amount)
    if rule.net_amount is not None and basket.net_amount < rule.net_amount:
        return Miss("requirement.net_amount", rule.net_amount, basket.net_amount)
    if (
        rule.code is not None
        and rule.code not in purchase.codes
        and rule.code not in basket.item_ids
    ):
        # The code itself stays a secret: an explanation may be shown to somebody who lacks it.
        return Miss("requirement.discount_code", found=sorted(purchase.codes))
    return _customer_miss(rule, basket)


def used_up(rule: CompiledRule, standing: Standing) -> Miss | None:
    """Return which limit of use a ref has reached, or None.

    Source: neighbours 3.12, step 3.
    """
    if 0 <= rule.repeat_usage <= standing.usage:
        return Miss("limitation.discount_repeat_usage", rule.repeat_usage, standing.usage)
    if rule.kind == "discount_debit" and not balance(standing, rule):
        return Miss("statistics.debit_balance", 1, 0)
    return None


def open_now(hours: Hours, basket: Basket) -> bool:
    """Tell whether a purchase lies in the hours, by the clock on the wall of their time zone."""
    day, minute = basket.wall_clock(hours.zone)
    return any(start <= minute < end for start, end in hours.spans[day])


def store_fits(rule: CompiledRule, facts: FactsOf) -> Miss | None:
    """Return what a store does not satisfy, or None."""
    if rule.store_ids is not None and rule.store_ids.isdisjoint(facts.get("id", ())):
        return Miss("requirement.store_ids", sorted(rule.store_ids), _shown(facts, "id"))
    for fact in rule.store:
        if fact.accepted.isdisjoint(facts.get(fact.path, ())):
            return _fact_miss("requirement.store", fact, facts)
    if rule.mcc_ranges:
        codes = facts.get("mcc", frozenset())
        if not any(start <= code <= end for code in codes for start, end in rule.mcc_ranges):
            ranges = [f"{start}-{end}" for start, end in rule.mcc_ranges]
            return Miss("requirement.store.mcc_ranges", ranges, _shown(facts, "mcc"))
    return None


def holders_of(customer_id: str | None) -> tuple[str, ...]:
    """Return whose rules hold for purchases of this customer, None for a stranger."""
    if customer_id is None:
        return (NOBODY,)
    return (EVERYBODY,) if customer_id == NOBODY else (EVERYBODY, customer_id)


def _store_miss(rule: CompiledRule, basket: Basket) -> Miss | None:
    """Return what no store of the purchase satisfies; lines may have stores of their own."""
    if not rule.has_store:
        return None
    if rule.only_stores is not None and not rule.only_stores.isdisjoint(basket.store_ids):
        return None
    if basket.line_stores is None:
        return store_fits(rule, basket.store_facts)
    misses = [store_fits(rule, facts) for facts in basket.line_stores]
    return None if None in misses else misses[0]


def _customer_miss(rule: CompiledRule, basket: Basket) -> Miss | None:
    """Return what the customer does not satisfy, or None."""
    if rule.customer:
        facts = basket.customer_facts
        for fact in rule.customer:
            if fact.accepted.isdisjoint(facts.get(fact.path, ())):
                return _fact_miss("requirement.customer", fact, facts)
    if rule.addresses and not any(
        all(not fact.accepted.isdisjoint(address.get(fact.path, ())) for fact in wanted)
        for wanted in rule.addresses
        for address in basket.customer_addresses
    ):
        return Miss("requirement.customer.addresses", found=len(basket.customer_addresses))
    return None


def _fact_miss(prefix: str, fact: Fact, facts: FactsOf) -> Miss:
    """Return the miss of one property."""
    return Miss(f"{prefix}.{fact.path}", sorted(fact.accepted), _shown(facts, fact.path))


def _shown(facts: FactsOf, path: str) -> object:
    """Return what was found of a property."""
    return sorted(facts.get(path, ())) or None
