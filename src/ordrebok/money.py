"""Money is an integer in the smallest unit of its currency ("minor unit").

No float touches an amount. Percentages and quantities come from JSON as numbers; they are
turned into exact decimals by their shortest text, so that 0.1 means one tenth. Rounding is
half up, away from zero, and happens once, here.
"""

from decimal import Decimal
from functools import lru_cache

AMOUNT_LIMIT = 9_007_199_254_740_991
"""The largest absolute amount: what every JSON reader can hold exactly."""


def exact(number: object) -> Decimal:
    """Return a JSON number as the decimal that its shortest text says."""
    return Decimal(str(number))


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide and round half up, away from zero.

    Units: whatever the numerator counts; the denominator is positive.
    Keeps: divide_half_up(-n, d) == -divide_half_up(n, d), so a reversal mirrors its original.
    Source: decisions, tax rounding.
    """
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def decimal_text(numerator: int, denominator: int, places: int = 4) -> str:
    """Return a fraction as a decimal string with `places` digits, for the `*_dwh` fields."""
    unit = 10**places
    scaled = (2 * unit * abs(numerator) + denominator) // (2 * denominator)
    whole, part = divmod(scaled, unit)
    sign = "-" if numerator < 0 < scaled else ""
    return f"{sign}{whole}.{str(unit + part)[1:]}"


def tax_fraction(net_amount: int, percentage: object, *, included: bool) -> tuple[int, int]:
    """Return the exact, unrounded tax of a net amount as (numerator, denominator).

    Units: minor units; `percentage` in percent. Included in the price: net * p / (100 + p),
    otherwise net * p / 100.
    """
    share, scale = _ratio(percentage)
    base = 100 * scale
    return net_amount * share, base + share if included else base


@lru_cache(maxsize=1024)
def _ratio(number: object) -> tuple[int, int]:
    """Return a JSON number as the fraction that its shortest text says; rates come again."""
    return exact(number).as_integer_ratio()
