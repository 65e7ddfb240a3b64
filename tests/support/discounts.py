"""Builders for discounts: a rule, a line, a purchase, and what the engine makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from ordrebok.discounts.basket import Line, Purchase
from ordrebok.discounts.compiled import compiled
from ordrebok.discounts.engine import Offer, Result, discounted
from ordrebok.discounts.requirements import Ref
from ordrebok.discounts.rules import create
from ordrebok.discounts.standing import NEW, Standing
from ordrebok.wire.discount import Rule, RuleBody
from tests.support.builders import ACTOR, NOW, accepted

FROM, TO = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def a_rule_body(
    kind: str = "discount_percent",
    value: float = 10,
    *,
    reward: Mapping[str, Any] | None = None,
    limitation: Mapping[str, Any] | None = None,
    **requirement: Any,  # noqa: ANN401 -- JSON of any shape
) -> RuleBody:
    """Return a rule as a client writes it; keywords are its requirement."""
    window = {"purchase_from": FROM, "purchase_to": TO}
    body = {
        "requirement": {**window, **requirement},
        "reward": {"type": kind, "value": value, **(reward or {})},
        "limitation": limitation,
        "name": "Save",
    }
    return msgspec.convert(body, RuleBody)


def a_rule(
    kind: str = "discount_percent",
    value: float = 10,
    *,
    id: str = "rule",
    created: int = 0,
    about: Mapping[str, Any] | None = None,
    **rest: Any,  # noqa: ANN401 -- passed on
) -> Rule:
    """Return a rule as it is kept; `about` replaces its own fields, `created` is in seconds."""
    body = a_rule_body(kind, value, **rest)
    rule = accepted(create(body, id, ACTOR, NOW.plus(created - 1_000_000)))
    return replace(rule, **(about or {}))


def a_line(
    gross: int = 10_000,
    line_id: int = 1,
    *,
    quantity: float = 1,
    id: str | None = None,
    groups: Sequence[str] = (),
    discount: int = 0,
    eligible: bool = True,
    store: msgspec.Struct | None = None,
) -> Line:
    """Return a line of a purchase; `discount` is one that stands on it already."""
    return Line(
        line_id=line_id,
        gross_amount=gross,
        quantity=quantity,
        id=id,
        groups=tuple(groups),
        eligible=eligible,
        discount=discount,
        discount_lines=1 if discount else 0,
        last_discount_line=1 if discount else 0,
        store=store,
    )


def a_purchase(*lines: Line, **fields: Any) -> Purchase:  # noqa: ANN401 -- fields of the struct
    """Return a purchase of a stranger, in Norwegian kroner, now."""
    known: dict[str, Any] = {"currency": "NOK", "moment_ms": NOW.ms}
    return Purchase(lines=lines, **(known | fields))


def an_offer(rule: Rule, given_to: str = "/", ref: str | None = None) -> Offer:
    """Return a rule through a ref that is as old as the rule."""
    made = compiled(rule)
    return Offer(made, Ref(ref or f"ref-{rule.id}", given_to, made.created_ms))


def outcome(
    purchase: Purchase,
    *rules: Rule | Offer,
    books: Mapping[str, Standing] | None = None,
) -> Result:
    """Return what the engine makes of a purchase; rules are given to strangers."""
    offers = [rule if isinstance(rule, Offer) else an_offer(rule) for rule in rules]
    return discounted(purchase, offers, lambda ref: (books or {}).get(ref, NEW))


def amounts(result: Result) -> dict[str, dict[int, int]]:
    """Return what each line got of each ref, by line_id... of position plus one."""
    return {
        use.offer.ref.id: {position + 1: amount for position, amount in sorted(use.amounts.items())}
        for use in result.uses
        if use.usage
    }


def got(result: Result) -> list[int]:
    """Return all amounts that were given, in the order of rules and lines."""
    return [amount for lines in amounts(result).values() for amount in lines.values()]


def missed(result: Result) -> dict[str, str]:
    """Return the first requirement that failed, by rule."""
    return {
        verdict.offer.rule.id: verdict.miss.requirement
        for verdict in result.verdicts
        if verdict.miss is not None
    }
