"""A line after its discounts change: net amount and taxes follow, nothing else does."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from ordrebok.money import AMOUNT_LIMIT, decimal_text, divide_half_up, tax_fraction
from ordrebok.wire.item import DiscountLine, Item, TaxLine


def relined(item: Item, lines: Sequence[DiscountLine], *, is_changed: bool, version: int) -> Item:
    """Return a line with these discounts; the very same line where they are what it has.

    Units: minor units.
    Keeps: net = gross - discounts; taxes with a percentage are computed from the net, others
    keep their share of it. A net that stays leaves the taxes as they are. Of a net of 0 there is no
    share; the line then keeps the taxes of its gross amount beside it, and gets its own back.
    Source: decisions, drafts 3; neighbours 3.11.
    """
    changed = is_changed or None
    if item.is_changed == changed and item.discount_lines == tuple(lines):
        return item
    net = item.gross_amount
    for line in lines:
        net -= line.amount or 0
    taxes, before = item.tax_lines, item.net_amount
    if before == 0 and item.undiscounted_tax_lines is not None:
        taxes, before = item.undiscounted_tax_lines, item.gross_amount
    return replace(
        item,
        discount_lines=tuple(lines),
        net_amount=net,
        tax_lines=retaxed(taxes, before, net),
        is_changed=changed,
        undiscounted_tax_lines=None if net else _kept(taxes, before, item.gross_amount),
        version=version,
    )


def _kept(lines: tuple[TaxLine, ...], before: int, gross: int) -> tuple[TaxLine, ...] | None:
    """Return taxes on the gross amount, where a net of 0 leaves nothing to compute them from.

    None, too, where that would pass what can be held exactly: a tax far larger than its price.
    """
    if before == 0 or not any(_is_shared(line, before) for line in lines):
        return None
    kept = retaxed(lines, before, gross)
    amounts = [abs(each or 0) for line in kept for each in (line.amount, line.tax_basis)]
    return kept if max(amounts) <= AMOUNT_LIMIT else None


def _is_shared(line: TaxLine, net: int) -> bool:
    """Tell whether a tax, or its basis, is known only as a share of the net amount."""
    return (line.percentage is None and bool(line.amount)) or not _is_plain(line, net)


def retaxed(lines: tuple[TaxLine, ...], before: int, after: int) -> tuple[TaxLine, ...]:
    """Return the taxes of a line whose net amount changes, as they are where it stays."""
    return lines if before == after else tuple([_retaxed(line, before, after) for line in lines])


def _retaxed(line: TaxLine, before: int, after: int) -> TaxLine:
    """Return a tax line for another net amount of its line."""
    included = line.included_in_price is not False
    if line.exempt:
        tax = _tax_of(after, 0, included=included)
    elif line.percentage is not None:
        tax = _tax_of(after, line.percentage, included=included)
    else:
        tax = _written_out(after, *_scaled(line, before, after), included=included)
    return replace(
        line,
        amount=tax.amount,
        amount_dwh=tax.amount_text,
        tax_basis=_basis(line, before, after, tax.amount),
        tax_basis_dwh=tax.basis_text,
    )


class _Tax(NamedTuple):
    """A tax in minor units, and unrounded beside what it is on."""

    amount: int
    amount_text: str
    basis_text: str


@lru_cache(maxsize=4096)
def _tax_of(net: int, percentage: object, *, included: bool) -> _Tax:
    """Return the tax of a net amount; the same products come again at the same prices."""
    numerator, denominator = tax_fraction(net, percentage, included=included)
    return _written_out(net, numerator, denominator, included=included)


def _written_out(net: int, numerator: int, denominator: int, *, included: bool) -> _Tax:
    """Return a tax that is an exact fraction of a minor unit."""
    unrounded = net * denominator - numerator if included else net * denominator
    return _Tax(
        divide_half_up(numerator, denominator),
        decimal_text(numerator, denominator),
        decimal_text(unrounded, denominator),
    )


def _scaled(line: TaxLine, before: int, after: int) -> tuple[int, int]:
    """Return a tax without percentage, scaled by the net amount, as an exact fraction.

    The unrounded value is scaled where it is known, so that there and back again is no loss.
    """
    amount = line.amount or 0
    numerator, denominator = amount, 1
    if line.amount_dwh is not None:
        top, bottom = Decimal(line.amount_dwh).as_integer_ratio()
        if divide_half_up(top, bottom) == amount:
            numerator, denominator = top, bottom
    if before == 0:
        return numerator, denominator
    sign = 1 if before > 0 else -1
    return numerator * after * sign, denominator * before * sign


def _basis(line: TaxLine, before: int, after: int, amount: int) -> int:
    """Return the value without tax; one that the client gave otherwise keeps its share of net."""
    if _is_plain(line, before) or before == 0:
        return after - amount if line.included_in_price is not False else after
    sign = 1 if before > 0 else -1
    return divide_half_up((line.tax_basis or 0) * after * sign, before * sign)


def _is_plain(line: TaxLine, net: int) -> bool:
    """Tell whether the value without tax is what the net amount says."""
    computed = net - (line.amount or 0) if line.included_in_price is not False else net
    return line.tax_basis in (None, computed)
