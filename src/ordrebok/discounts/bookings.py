"""`discounts[]` on its way from a draft to orders, and what is booked of it when and where.

A draft only says what it would use. Completing books it, once, together with the orders; a
cancelled order gives back what stands in its own `discounts[]`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.standing import Booking, Standing, shortage
from ordrebok.refusals import Fault
from ordrebok.wire.item import Item
from ordrebok.wire.order import Discount, DiscountRef, DiscountRefItem

Discounts = Sequence[Discount]


class Wanted(NamedTuple):
    """What an order books on one ref."""

    rule_id: str
    ref_id: str
    booking: Booking


def wanted(discounts: Discounts | None, at_ms: int) -> list[Wanted]:
    """Return what `discounts[]` books, ref by ref."""
    return [
        Wanted(
            discount.id,
            ref.id,
            Booking(
                at_ms,
                usage=ref.usages or 0,
                amount=ref.amount or 0,
                bonus=ref.bonus or 0,
                stamp=ref.stamp or 0,
            ),
        )
        for discount in discounts or ()
        for ref in discount.refs or ()
    ]


def faults(booked: Iterable[tuple[Wanted, CompiledRule, Standing]]) -> list[Fault]:
    """Return a fault for each ref that has not enough left, to refuse a completion by.

    Two drafts may be priced with the same last use; the one that is completed first has it.
    """
    found = []
    for want, rule, standing in booked:
        lack = shortage(standing, rule, want.booking)
        if lack is not None:
            found.append(
                Fault(
                    "DISCOUNT_USED_UP",
                    f"discount {want.rule_id} is used up ({lack})",
                    ("order", "discounts"),
                    "the draft with its discounts applied again (apply_discounts=true)",
                    {"discount_id": want.rule_id, "ref_id": want.ref_id, "limit": lack},
                )
            )
    return found


def gone(want: Wanted) -> Fault:
    """Return the fault of a ref whose customer was erased after the draft was priced with it."""
    return Fault(
        "DISCOUNT_USED_UP",
        f"discount {want.rule_id} is held by nobody any more",
        ("order", "discounts"),
        "the draft with its discounts applied again (apply_discounts=true)",
        {"discount_id": want.rule_id, "ref_id": want.ref_id, "limit": "customers"},
    )


def pruned(discounts: Discounts | None, items: Iterable[Item]) -> tuple[Discount, ...] | None:
    """Return `discounts[]` without what no discount line bears any more.

    A line may have been replaced or removed since discounts were applied; then its amount is
    neither given nor booked. A ref that gives nothing any more is not used either, but the
    stamps that it collects stay until discounts are applied again.
    """
    if discounts is None:
        return None
    borne = {
        (line.discount_id, item.line_id, line.amount)
        for item in items
        for line in item.discount_lines
    }
    return _mapped(
        discounts,
        lambda discount, ref: _limited(
            ref,
            [each for each in ref.items or () if (discount.id, each.line_id, each.amount) in borne],
            carries=True,
        ),
    )


def shared(
    discounts: Discounts | None, parts: Sequence[Collection[int]]
) -> list[tuple[Discount, ...] | None]:
    """Return the `discounts[]` of each order that a draft becomes; parts are their line numbers.

    Keeps: amounts go where their lines go; the use, the stamps and the bonus of a ref stand on
    the first order that has one of its lines, so that together they are booked once.
    """
    carriers: dict[tuple[str, str], int] = {}
    for discount in discounts or ():
        for ref in discount.refs or ():
            lines = {each.line_id for each in ref.items or ()}
            first = (number for number, part in enumerate(parts) if lines & set(part))
            carriers[discount.id, ref.id] = next(first, 0)
    found = []
    for number, part in enumerate(parts):

        def own(
            discount: Discount,
            ref: DiscountRef,
            number: int = number,
            part: Collection[int] = part,
        ) -> DiscountRef | None:
            """Return what this order has of a ref."""
            items = [each for each in ref.items or () if each.line_id in part]
            carries = carriers[discount.id, ref.id] == number
            return _limited(ref, items, carries=carries)

        found.append(_mapped(discounts or (), own))
    return found


def merged(first: Discounts | None, second: Discounts | None) -> tuple[Discount, ...] | None:
    """Return the `discounts[]` of an order that a draft adds to: its own and the draft's."""
    by_rule: dict[str, list[DiscountRef]] = {}
    for discount in (*(first or ()), *(second or ())):
        refs = by_rule.setdefault(discount.id, [])
        for ref in discount.refs or ():
            same = next((i for i, each in enumerate(refs) if each.id == ref.id), None)
            if same is None:
                refs.append(ref)
            else:
                refs[same] = _sum(refs[same], ref)
    return tuple(Discount(id=rule, refs=tuple(refs)) for rule, refs in by_rule.items()) or None


def _mapped(
    discounts: Discounts, change: Callable[[Discount, DiscountRef], DiscountRef | None]
) -> tuple[Discount, ...] | None:
    """Return discounts with each ref changed, without those that nothing is left of."""
    found = []
    for discount in discounts:
        refs = tuple(
            ref for each in discount.refs or () if (ref := change(discount, each)) is not None
        )
        if refs:
            found.append(replace(discount, refs=refs))
    return tuple(found) or None


def _limited(
    ref: DiscountRef, items: Sequence[DiscountRefItem], *, carries: bool
) -> DiscountRef | None:
    """Return a ref with some of its items, and with its use where it carries that."""
    if len(items) == len(ref.items or ()) and carries:
        return ref
    gives = bool(items) or bool(ref.bonus)
    if not items and not carries:
        return None
    usages = ref.usages if carries and gives else 0
    stamp = ref.stamp if carries else 0
    if not items and not stamp and not usages:
        return None
    return replace(
        ref,
        items=tuple(items),
        amount=sum(each.amount for each in items),
        bonus=ref.bonus if carries else None,
        usages=usages,
        stamp=stamp,
    )


def _sum(first: DiscountRef, second: DiscountRef) -> DiscountRef:
    """Return two uses of one ref as one; the later statistics hold both."""
    bonus = (first.bonus or 0) + (second.bonus or 0)
    return DiscountRef(
        id=first.id,
        amount=(first.amount or 0) + (second.amount or 0),
        bonus=bonus or None,
        statistics=second.statistics,
        stamp=(first.stamp or 0) + (second.stamp or 0),
        usages=(first.usages or 0) + (second.usages or 0),
        items=(*(first.items or ()), *(second.items or ())),
    )
