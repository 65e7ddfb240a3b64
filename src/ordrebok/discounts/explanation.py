"""The verdicts of the engine, in words: each rule that was considered, and what became of it."""

from collections.abc import Sequence

from ordrebok.clock import Instant, instant
from ordrebok.discounts.basket import Line
from ordrebok.discounts.engine import Result, Use, Verdict
from ordrebok.discounts.requirements import Miss, Moment
from ordrebok.wire.discount_explanation import (
    DraftDiscounts,
    ExplainedDiscount,
    ExplainedItem,
    FailedRequirement,
)

_SENTENCES: dict[str, str] = {
    "active": "The rule is not active",
    "deleted_at": "The rule is deleted",
    "refs.deleted_at": "The rule was taken back from whom it was given to",
    "customers": "The rule is not given to this customer",
    "requirement.purchase_from": "The purchase is before the rule begins",
    "requirement.purchase_to": "The purchase is after the rule has ended",
    "requirement.gross_amount": "The purchase is smaller than the rule requires",
    "requirement.net_amount": "The purchase after discounts is smaller than the rule requires",
    "requirement.currencies": "The currency is not one of the rule's",
    "requirement.discount_code": "The purchase does not hold the rule's code",
    "requirement.item.items": "No eligible line is one of the rule's items",
    "requirement.item.quantity": "Too few units of the rule's items are bought",
    "requirement.item.mixes": "The purchase does not hold a whole mix",
    "requirement.stamp": "Stamps are missing",
    "requirement.store_ids": "The store is not one of the rule's",
    "requirement.customer.addresses": "No address of the customer is one of the rule's",
    "items.eligible_for_discount": "No line may take this discount",
    "limitation.discount_hours": "The purchase is outside the rule's hours",
    "limitation.dynamic_purchase_to_days": "The days since the rule was given are over",
    "limitation.discount_repeat_usage": "The rule is used up",
    "limitation.discount_reward_usage": "The rule allows no reward",
    "limitation.discount_combination": "The rule does not combine with those that give more",
    "limitation.discount_activation": "Another rule that is active turns this one off",
    "limitation.discount_eligible": "The purchase has discounts already",
    "statistics.debit_balance": "Nothing is left of the rule's amount",
    "reward.value": "Nothing is left to take off",
}
_OF_THE_STORE = "The store is not one that the rule requires"
_OF_THE_CUSTOMER = "The customer is not one that the rule requires"


def explained(result: Result, lines: Sequence[Line], now: Instant) -> DraftDiscounts:
    """Return every rule that was considered: its amounts by line, or what stood against it.

    Units: minor units.
    """
    return DraftDiscounts(
        purchase_at=now.text,
        discounts=tuple(_one(verdict, lines) for verdict in result.verdicts),
    )


def _one(verdict: Verdict, lines: Sequence[Line]) -> ExplainedDiscount:
    """Return what became of one rule."""
    rule, use = verdict.offer.rule, verdict.use
    known = ExplainedDiscount(
        id=rule.id,
        ref_id=verdict.offer.ref.id,
        type="item" if rule.is_item else "receipt",
        applied=use is not None and use.usage > 0,
        name=rule.text,
        stamp=use.stamp or None if use is not None else None,
        failed=None if verdict.miss is None else _failed(verdict.miss),
    )
    return known if use is None or not use.usage else _with_amounts(known, use, lines)


def _with_amounts(known: ExplainedDiscount, use: Use, lines: Sequence[Line]) -> ExplainedDiscount:
    """Return an explanation with what each line gets."""
    bonus = use.offer.rule.is_bonus
    return ExplainedDiscount(
        id=known.id,
        ref_id=known.ref_id,
        type=known.type,
        applied=True,
        name=known.name,
        stamp=known.stamp,
        amount=None if bonus else use.total,
        bonus=use.total if bonus else None,
        items=tuple(
            ExplainedItem(
                line_id=lines[position].line_id,
                amount=None if bonus else amount,
                bonus=amount if bonus else None,
            )
            for position, amount in sorted(use.amounts.items())
        ),
    )


def _failed(miss: Miss) -> FailedRequirement:
    """Return a miss with its sentence."""
    path = miss.requirement
    sentence = _SENTENCES.get(path)
    if sentence is None:
        sentence = _OF_THE_STORE if path.startswith("requirement.store") else _OF_THE_CUSTOMER
    return FailedRequirement(
        requirement=path,
        message=sentence,
        required=_shown(miss.required),
        found=_shown(miss.found),
    )


def _shown(value: object) -> object:
    """Return what is compared as JSON shows it."""
    return instant(value.ms).text if isinstance(value, Moment) else value
