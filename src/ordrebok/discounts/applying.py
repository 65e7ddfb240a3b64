"""The engine at a draft: lines written, taxes and totals following, `discounts[]` filled."""

from collections.abc import Callable, Sequence
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.discounts.basket import Line, Purchase, matches
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.engine import Result, Use, discounted
from ordrebok.discounts.repricing import relined
from ordrebok.discounts.requirements import EVERYBODY, NOBODY
from ordrebok.discounts.shelf import Shelf, concerning
from ordrebok.discounts.standing import Standing
from ordrebok.items.rules import fits, totals
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.discount_receipt import ReceiptItem
from ordrebok.wire.draft import Draft
from ordrebok.wire.item import DiscountLine, Item
from ordrebok.wire.order import (
    Discount,
    DiscountRef,
    DiscountRefItem,
    DiscountStatistics,
    DraftContent,
)

CODES = "discount_code"
"""The key of `order.metadata` that holds the codes of a purchase: one text, or a list."""

_OURS_NEVER = frozenset({"manual", "external"})
"""Types of discount lines that the engine never writes and never removes."""

_ids = attrgetter("id")
_WILDCARDS = frozenset({EVERYBODY, NOBODY})
_NO_CODES: frozenset[str] = frozenset()

StandingOf = Callable[[str], Standing]


def apply(
    draft: Draft, shelves: Sequence[Shelf], standing_of: StandingOf, now: Instant
) -> Draft | Refusal:
    """Return the draft with the discounts that it now qualifies for.

    `shelves` are the offers of the buyer, and of the wildcards that hold for the buyer.
    Lines that the engine wrote before are removed first, so that repeating changes nothing.
    Units: minor units.
    Refuses: AMOUNT_TOO_LARGE.
    Keeps: manual and external discount lines stay; totals are sums over the lines; nothing is
    booked, and the draft's version is the caller's affair.
    Source: decisions, discounts; neighbours 3.11 and 3.12, steps 10 to 13.
    """
    content = draft.order
    kept = _all_kept(content, shelves)
    purchase = purchase_of(content, kept, now)
    result = discounted(purchase, concerning(shelves, purchase), standing_of, explained=False)
    written = _written(result, purchase.lines)
    items = tuple(
        [
            relined(item, (*old, *new) if new else old, is_changed=bool(new), version=draft.version)
            for item, old, new in zip(content.items, kept, written, strict=True)
        ]
    )
    sums = totals(items)
    if not fits(sums):
        return refuse("AMOUNT_TOO_LARGE")
    after = replace(
        content,
        items=items,
        gross_amount=sums.gross_amount,
        net_amount=sums.net_amount,
        total_discount=sums.total_discount,
        total_manual_discount_amount=sums.total_manual_discount_amount,
        discounts=discounts_of(result, purchase.lines, standing_of) or None,
    )
    return replace(draft, order=after)


def considered(
    content: DraftContent, shelves: Sequence[Shelf], standing_of: StandingOf, now: Instant
) -> tuple[Result, Purchase]:
    """Return what the engine makes of every offer at a draft as it stands, changing nothing."""
    purchase = purchase_of(content, _all_kept(content, shelves), now)
    offers = [offer for shelf in shelves for offer in shelf.offers]
    return discounted(purchase, offers, standing_of), purchase


def seen(
    item: Item | ReceiptItem,
    line_id: int,
    kept: Sequence[DiscountLine],
    store: msgspec.Struct | None = None,
) -> Line:
    """Return an item as the engine sees it; `kept` are the discount lines that stay on it."""
    discount = last = 0
    for line in kept:
        discount += line.amount or 0
        last = max(last, line.line_id or 0)
    return Line(
        line_id,
        item.gross_amount,
        item.quantity,
        item.id,
        tuple(map(_ids, item.groups)) if item.groups else (),
        item.eligible_for_discount is True,
        discount,
        len(kept),
        last,
        store,
    )


def purchase_of(
    content: DraftContent, kept: Sequence[Sequence[DiscountLine]], now: Instant
) -> Purchase:
    """Return a draft as the engine sees it; `kept` are the discount lines that stay, by line.

    Source: neighbours 3.11, receipt view of an order.
    """
    customer = content.customer
    return Purchase(
        lines=tuple(
            [
                seen(item, item.line_id, lines, item.store)
                for item, lines in zip(content.items, kept, strict=True)
            ]
        ),
        currency=content.currency,
        moment_ms=now.ms,
        customer_id=None if customer is None else customer.id,
        customer=customer,
        store=content.store,
        codes=codes_of(content.metadata),
    )


def codes_of(metadata: dict[str, object] | None) -> frozenset[str]:
    """Return the discount codes that come with an order."""
    given = None if metadata is None else metadata.get(CODES)
    if given is None:
        return _NO_CODES
    codes = given if isinstance(given, list | tuple) else [given]
    return frozenset(code for code in codes if isinstance(code, str))


def discounts_of(
    result: Result, lines: Sequence[Line], standing_of: StandingOf
) -> tuple[Discount, ...]:
    """Return `discounts[]`: each rule with its refs.

    Statistics, with this purchase in them, stand where the book of a ref was looked at: a draft
    that rested on the others too would be decided anew whenever somebody else uses them. An
    order has the statistics of all its refs.
    """
    by_rule: dict[str, list[DiscountRef]] = {}
    for use in result.uses:
        standing = standing_of(use.offer.ref.id) if use.offer.rule.has_book else None
        by_rule.setdefault(use.offer.rule.id, []).append(_ref(use, lines, standing))
    return tuple([Discount(id=rule, refs=tuple(refs)) for rule, refs in by_rule.items()])


def _ref(use: Use, lines: Sequence[Line], standing: Standing | None) -> DiscountRef:
    """Return what a purchase used of one ref."""
    bonus = use.offer.rule.is_bonus
    amount = 0 if bonus else use.total
    items = (
        []
        if bonus
        else [
            DiscountRefItem(line_id=lines[position].line_id, amount=each)
            for position, each in sorted(use.amounts.items())
        ]
    )
    return DiscountRef(
        id=use.offer.ref.id,
        amount=amount,
        bonus=use.total if bonus else None,
        stamp=use.stamp,
        usages=use.usage,
        statistics=None
        if standing is None
        else DiscountStatistics(
            amount=standing.amount + amount,
            stamp=standing.stamp + use.stamp,
            usage=standing.usage + use.usage,
        ),
        items=tuple(items),
    )


def _all_kept(content: DraftContent, shelves: Sequence[Shelf]) -> list[tuple[DiscountLine, ...]]:
    """Return the discount lines of each line that the engine did not write, now or before."""
    named = {line.discount_id for item in content.items for line in item.discount_lines}
    ours = {discount.id for discount in content.discounts or ()} & named
    for shelf in shelves:
        ours |= shelf.rule_ids & named
    if not ours:
        return [item.discount_lines for item in content.items]
    return [
        tuple(
            [
                line
                for line in item.discount_lines
                if line.discount_id not in ours or line.discount_type in _OURS_NEVER
            ]
        )
        for item in content.items
    ]


def _written(result: Result, lines: Sequence[Line]) -> list[list[DiscountLine]]:
    """Return the new discount lines of each line, numbered above those that stay."""
    written: list[list[DiscountLine]] = [[] for _ in lines]
    for use in result.uses:
        if use.offer.rule.is_bonus:
            continue
        for position, amount in use.amounts.items():
            line, new = lines[position], written[position]
            number = line.last_discount_line + len(new) + 1
            new.append(line_of(use, line, amount, number))
    return written


def line_of(use: Use, line: Line, amount: int, number: int) -> DiscountLine:
    """Return the discount line that a use writes on a line of the purchase."""
    rule, ref = use.offer.rule, use.offer.ref
    return DiscountLine(
        amount=amount,
        percentage=_percentage(rule, line) if rule.percentage is not None else None,
        discount_type="periodic" if ref.given_to in _WILDCARDS else "customer",
        discount_id=rule.id,
        description=rule.text,
        line_id=number,
    )


def _percentage(rule: CompiledRule, line: Line) -> float | None:
    """Return the percentage that an amount came from."""
    for (matcher, _), each in zip(rule.values, rule.rule.reward.values, strict=True):
        if matches(matcher, line):
            return each.value
    return rule.percentage
