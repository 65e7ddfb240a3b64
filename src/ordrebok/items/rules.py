"""What a line is worth, what follows it out of the door, and what the lines sum to."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import asdict, replace

from ordrebok.money import AMOUNT_LIMIT, decimal_text, divide_half_up, exact, tax_fraction
from ordrebok.refusals import Fault
from ordrebok.wire.item import Item, ItemBody, TaxLine

QUANTITY_DECIMALS = 6
MAX_ITEMS = 2_000


class Totals(NamedTuple):
    """Sums over the lines of a draft or order, in minor units."""

    gross_amount: int
    net_amount: int
    total_discount: int
    total_manual_discount_amount: int


def priced(body: ItemBody, *, line_id: int, version: int) -> Item | list[Fault]:
    """Return the line as it is kept: net amount and taxes filled in.

    Units: minor units; `gross_amount` is the line's, quantity included.
    Refuses: every fault of the line, paths seen from the item: a quantity that is not positive
    or too fine, a discount that turns the sign of the line, an exempt line with a tax.
    Keeps: net = gross - discounts; sign(net) is sign(gross) or zero.
    Source: decisions, drafts 2 and 3.
    """
    gross = body.gross_amount
    net = gross - sum(line.amount or 0 for line in body.discount_lines)
    faults = _quantity_faults(body) + _discount_faults(gross, net) + _tax_faults(body)
    if faults:
        return faults
    taxed = tuple(_taxed(line, net) for line in body.tax_lines)
    faults = _too_large_faults(taxed)
    if faults:
        return faults
    fields = asdict(body)
    fields.update(line_id=line_id, net_amount=net, tax_lines=taxed, version=version)
    return Item(**fields)


def payable(item: Item) -> int:
    """Return what the customer pays for a line: net plus the taxes outside the price."""
    return item.net_amount + sum(
        line.amount or 0 for line in item.tax_lines if line.included_in_price is False
    )


def totals(items: Iterable[Item]) -> Totals:
    """Return the sums over all lines; what a client sends for them never counts."""
    gross = net = discount = manual = 0
    for item in items:
        gross += item.gross_amount
        net += item.net_amount
        for line in item.discount_lines:
            discount += line.amount or 0
            if line.discount_type == "manual":
                manual += line.amount or 0
    return Totals(gross, net, discount, manual)


def fits(sums: Totals) -> bool:
    """Tell whether every total can be held exactly by any JSON reader."""
    return max(map(abs, sums)) <= AMOUNT_LIMIT


def next_line_id(*lists: Sequence[Item]) -> int:
    """Return the next free line number: above every line of all the lists."""
    return max((item.line_id for items in lists for item in items), default=0) + 1


def without(items: Sequence[Item], line_id: int) -> tuple[Item, ...]:
    """Return the lines after one is removed, with all that follows it.

    Keeps: a line that requires or reverses a removed line goes too, however long the chain; an
    optional relation to a removed line is cleared.
    Source: contract, related_item.
    """
    followers: dict[int, list[int]] = {}
    for item in items:
        if item.related_item is not None and item.related_item.type != "optional":
            followers.setdefault(item.related_item.line_id, []).append(item.line_id)
    removed, leaving = {line_id}, [line_id]
    while leaving:
        for follower in followers.get(leaving.pop(), ()):
            if follower not in removed:
                removed.add(follower)
                leaving.append(follower)
    return tuple(
        replace(item, related_item=None)
        if item.related_item is not None and item.related_item.line_id in removed
        else item
        for item in items
        if item.line_id not in removed
    )


def _quantity_faults(body: ItemBody) -> list[Fault]:
    """Return the fault of a quantity that is finer than six decimals."""
    if isinstance(body.quantity, int):
        return []
    exponent = exact(body.quantity).as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= QUANTITY_DECIMALS:
        return []
    return [
        Fault(
            "NOT_MULTIPLE_OF",
            f"quantity {body.quantity} has more than {QUANTITY_DECIMALS} decimals",
            ("quantity",),
            f"a positive number with at most {QUANTITY_DECIMALS} decimals",
        )
    ]


def _discount_faults(gross: int, net: int) -> list[Fault]:
    """Return the fault of discounts that change the sign of a line or raise its price."""
    if abs(net) <= abs(gross) and net * gross >= 0:
        return []
    return [
        Fault(
            "DISCOUNT_EXCEEDS_LINE",
            f"discounts of {gross - net} do not fit a gross_amount of {gross}",
            ("discount_lines",),
            f"discount amounts that sum to between 0 and {gross}",
            {"gross_amount": gross, "requested": gross - net, "remaining": gross},
        )
    ]


def _tax_faults(body: ItemBody) -> list[Fault]:
    """Return the faults of exempt tax lines that carry a tax all the same."""
    return [
        Fault(
            "EXEMPT_WITH_TAX",
            f"the tax line is exempt and has an amount of {line.amount}",
            ("tax_lines", index, "amount"),
            "0, or no amount, on an exempt tax line",
        )
        for index, line in enumerate(body.tax_lines)
        if line.exempt and line.amount
    ]


def _too_large_faults(lines: Sequence[TaxLine]) -> list[Fault]:
    """Return the faults of taxes that pass the largest exact amount, or whose basis does."""
    return [
        Fault(
            "MAXIMUM",
            f"a tax of {line.percentage} percent, or its basis, would pass {AMOUNT_LIMIT}",
            ("tax_lines", index),
            "a tax that can be held exactly, and its basis too",
        )
        for index, line in enumerate(lines)
        if max(abs(line.amount or 0), abs(line.tax_basis or 0)) > AMOUNT_LIMIT
    ]


def _taxed(line: TaxLine, net: int) -> TaxLine:
    """Return a tax line with its amount and basis filled in.

    An amount that the client gave is kept; the arithmetic starts only where it gave none.
    """
    included = line.included_in_price is not False
    if line.amount is not None:
        basis = net - line.amount if included else net
        return line if line.tax_basis is not None else replace(line, tax_basis=basis)
    if line.exempt or line.percentage is None:
        numerator, denominator = 0, 1
    else:
        numerator, denominator = tax_fraction(net, line.percentage, included=included)
    amount = divide_half_up(numerator, denominator)
    basis_numerator = net * denominator - numerator if included else net * denominator
    basis = net - amount if included else net
    return replace(
        line,
        amount=amount,
        amount_dwh=decimal_text(numerator, denominator),
        tax_basis=basis if line.tax_basis is None else line.tax_basis,
        tax_basis_dwh=line.tax_basis_dwh or decimal_text(basis_numerator, denominator),
    )
