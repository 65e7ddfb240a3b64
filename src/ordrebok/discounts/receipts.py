"""Discounts of a receipt: the receipt as it was sent, with what the engine adds put in.

Nothing is booked; a receipt that is only asked about uses nothing up.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from ordrebok.clock import milliseconds
from ordrebok.decision import Call, Commit, Decision, State
from ordrebok.discounts.applying import StandingOf, line_of, seen
from ordrebok.discounts.basket import Line, Purchase
from ordrebok.discounts.engine import Offer, Result, Use, discounted
from ordrebok.discounts.record import Standings, buyer_keys, offers_for
from ordrebok.discounts.repricing import retaxed
from ordrebok.discounts.standing import balance
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.discount_receipt import (
    BonusLine,
    DiscountedReceipt,
    Receipt,
    ReceiptItem,
    ReceiptRef,
    ReceiptRefItem,
    ReceiptRefStatistics,
)
from ordrebok.wire.item import DiscountLine

_OURS_NEVER = frozenset({"manual", "external"})
_PATH = "/accounts/{aid}/discounts/available_for_receipt"
_WRITE = ("admin:discounts", "write:discounts", "write:discounts:/available_for_receipt")

Fields = dict[str, Raw]
"""The fields of a JSON object, each as the bytes that came in."""


def with_discounts(
    receipt: Receipt, sent: bytes, offers: Sequence[Offer], standing_of: StandingOf
) -> bytes:
    """Return a receipt with the discounts that it qualifies for.

    `sent` is the receipt as JSON; every field that discounts do not concern comes back as it was.
    Units: minor units.
    Keeps: a receipt that qualifies for nothing comes back unchanged. Lines that the engine wrote
    before are taken off first, unless manual or external.
    Source: neighbours 3.10.
    """
    ours = {offer.rule.id for offer in offers}
    kept = [
        tuple(
            line
            for line in item.discount_lines
            if line.discount_id not in ours or line.discount_type in _OURS_NEVER
        )
        for item in receipt.items
    ]
    purchase = _purchase(receipt, kept)
    result = discounted(purchase, offers, standing_of)
    again = any(len(k) < len(i.discount_lines) for k, i in zip(kept, receipt.items, strict=True))
    if not result.uses and not again:
        return sent
    fields = msgspec.json.decode(sent, type=Fields)
    changes = [
        _item_changes(item, purchase.lines[position], position, kept[position], result)
        for position, item in enumerate(receipt.items)
    ]
    if "items" in fields:
        items = msgspec.json.decode(fields["items"], type=list[Fields])
        fields["items"] = Raw(encode([old | new for old, new in zip(items, changes, strict=True)]))
    rewarded = any(use.usage for use in result.uses)
    net = sum(line.gross_amount - line.discount for line in purchase.lines) - sum(
        use.total for use in result.uses if not use.offer.rule.is_bonus
    )
    fields |= _fields(
        net_amount=net,
        total_discount=sum(line.gross_amount for line in purchase.lines) - net,
        is_changed=rewarded,
        discounts=_discounts(result, purchase.lines, standing_of),
    )
    return encode(fields)


def _purchase(receipt: Receipt, kept: Sequence[Sequence[DiscountLine]]) -> Purchase:
    """Return a receipt as the engine sees it."""
    return Purchase(
        lines=tuple(
            seen(item, position if item.line_id is None else item.line_id, lines)
            for position, (item, lines) in enumerate(zip(receipt.items, kept, strict=True), 1)
        ),
        currency=receipt.currency or "",
        moment_ms=milliseconds(receipt.purchase_at),
        customer_id=receipt.customer_id,
        customer=receipt.customer,
        store=receipt.store,
        codes=frozenset(receipt.discount_code),
    )


def _item_changes(
    item: ReceiptItem, line: Line, position: int, kept: Sequence[DiscountLine], result: Result
) -> Fields:
    """Return the fields of a line that discounts change, none where it is as it was."""
    lines = list(kept)
    bonuses: list[BonusLine] = []
    for use in result.uses:
        amount = use.amounts.get(position)
        if amount is None:
            continue
        if use.offer.rule.is_bonus:
            bonuses.append(_bonus(line_of(use, line, amount, len(bonuses) + 1)))
        else:
            number = line.last_discount_line + len(lines) - len(kept) + 1
            lines.append(line_of(use, line, amount, number))
    if not bonuses and tuple(lines) == item.discount_lines:
        return {}
    before = item.gross_amount - sum(each.amount or 0 for each in item.discount_lines)
    net = item.gross_amount - sum(each.amount or 0 for each in lines)
    changes = _fields(
        net_amount=net,
        is_changed=len(lines) > len(kept) or bool(bonuses),
        discount_lines=lines,
        tax_lines=retaxed(item.tax_lines, before, net),
    )
    return changes | (_fields(bonus_lines=bonuses) if bonuses else {})


def _bonus(line: DiscountLine) -> BonusLine:
    """Return a bonus line: a discount line that takes nothing off."""
    return BonusLine(
        bonus=line.amount or 0,
        percentage=line.percentage,
        discount_type=line.discount_type,
        discount_id=line.discount_id,
        description=line.description,
        line_id=line.line_id,
    )


def _discounts(result: Result, lines: Sequence[Line], standing_of: StandingOf) -> list[Fields]:
    """Return the rules that a receipt uses, whole, each with its refs."""
    by_rule: dict[str, list[Use]] = {}
    for use in result.uses:
        by_rule.setdefault(use.offer.rule.id, []).append(use)
    found = []
    for uses in by_rule.values():
        rule = msgspec.json.decode(encode(uses[0].offer.rule.rule), type=Fields)
        found.append(rule | _fields(refs=[_ref(use, lines, standing_of) for use in uses]))
    return found


def _ref(use: Use, lines: Sequence[Line], standing_of: StandingOf) -> ReceiptRef:
    """Return what a receipt uses of one ref; the statistics hold this purchase too."""
    rule, standing = use.offer.rule, standing_of(use.offer.ref.id)
    bonus = use.total if rule.is_bonus else 0
    amount = use.total - bonus
    debit = balance(standing, rule) - use.total if rule.kind == "discount_debit" else None
    return ReceiptRef(
        id=use.offer.ref.id,
        stamp=use.stamp,
        amount=amount,
        bonus=bonus,
        usage=use.usage,
        statistics=ReceiptRefStatistics(
            amount=standing.amount + amount,
            bonus=standing.bonus + bonus,
            stamp=standing.stamp + use.stamp,
            usage=standing.usage + use.usage,
            debit_balance=debit,
        ),
        items=tuple(
            ReceiptRefItem(
                line_id=lines[position].line_id,
                amount=None if rule.is_bonus else each,
                bonus=each if rule.is_bonus else None,
            )
            for position, each in sorted(use.amounts.items())
        ),
    )


def _fields(**values: object) -> Fields:
    """Return values as fields of a JSON object."""
    return {name: Raw(encode(value)) for name, value in values.items()}


def _available(call: Call) -> Plan:
    """Say what a receipt qualifies for; nothing is written."""
    receipt = call.body_as(Receipt)

    def decide(state: State) -> Decision | Refusal:
        """Run the engine for the buyer of the receipt."""
        customer = receipt.customer
        unresolved = customer is not None and customer.token is not None
        if receipt.customer_id is None and unresolved:
            return Decision((), call.body_text)
        offers = offers_for(state, call.account_id, receipt.customer_id)
        books = Standings(state, call.account_id)
        answer = with_discounts(receipt, call.body_text, offers, books)
        books.check()
        return Decision((), answer)

    ahead = buyer_keys(call.account_id, receipt.customer_id)
    return Commit(keys=(), decide=decide, ahead=ahead, idempotency=call.idempotency)


OPERATIONS = (
    Operation(
        id="aid_discounts_available_for_receipt_post",
        method="POST",
        path=_PATH,
        summary="Discounts available for a receipt",
        tag="use-discounts",
        scopes=_WRITE,
        body=Receipt,
        answer=DiscountedReceipt,
        plan=_available,
        echoes=True,
        description=(
            "Answers the receipt with the discounts that it qualifies for. Nothing is booked. A "
            "customer token resolves to nobody here, and so to no discounts."
        ),
    ),
)
