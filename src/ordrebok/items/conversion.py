"""What an amount in its own currency comes to in the order's, and whether the two agree."""

from collections.abc import Sequence
from typing import Final

from ordrebok.money import divide_half_up
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.item import ExchangeRate, ItemBody

_MILLION: Final = 1_000_000
_USUAL_DECIMALS: Final = 2
_NO_DECIMALS: Final = frozenset(
    [
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"),
        *("VND", "VUV", "XAF", "XOF", "XPF"),
    ]
)
_THREE_DECIMALS: Final = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_FOUR_DECIMALS: Final = frozenset(("CLF", "UYW"))
_MOST_APART: Final = 1
"""Minor units by which a converted amount may differ: who converted may have rounded before."""


def decimals(currency: str) -> int:
    """Return how many decimals a currency's minor unit stands for; an unknown one has two.

    Source: neighbours 9, ISO 4217.
    """
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    return 4 if currency in _FOUR_DECIMALS else _USUAL_DECIMALS


def converted(amount: int, rate_ppm: int, *, from_: str, to: str) -> int:
    """Return an amount in another currency.

    Units: minor units of each currency; the rate is units of `to` for a unit of `from_`, in
    millionths. Rounded half up, away from zero, once.
    Source: neighbours 9, currency change.
    """
    numerator = amount * rate_ppm * 10 ** decimals(to)
    return divide_half_up(numerator, _MILLION * 10 ** decimals(from_))


def conversion_fault(facts: ExchangeRate, amount: int, currency: str) -> Fault | None:
    """Return what is wrong between an amount and the original one with its rate, if anything.

    `amount` is the line's gross amount, or that of an operation's item. Facts that are not all
    given say nothing; an original currency that is not given has the decimals of the order's.
    Whoever recorded the amounts was there: the fault is for those who ask for strictness, and
    otherwise the facts are kept as sent.
    Units: minor units of `currency`.
    """
    original, rate = facts.original_gross_amount, facts.conversion_rate_ppm
    if original is None or rate is None:
        return None
    from_ = facts.original_currency or currency
    right = converted(original, rate, from_=from_, to=currency)
    if abs(right - amount) <= _MOST_APART:
        return None
    return Fault(
        "DOES_NOT_ADD_UP",
        f"{original} {from_} at {rate} ppm is {right} {currency}, the amount is {amount}",
        ("original_gross_amount",),
        f"an original amount and a rate that come to {amount}, at most {_MOST_APART} apart",
        {"converted": right, "amount": amount},
    )


def conversion_refusal(
    lines: Sequence[tuple[ExchangeRate, int]], currency: str, *path: str
) -> Refusal | None:
    """Return what is wrong with the exchange rates of a strict request, all of it, or None.

    `lines` are the items of the request at `path`, in its order, each with its amount. It is for
    the caller to ask only where `Prefer: handling=strict` was given.
    Refuses: INVALID_AMOUNTS.
    """
    faults = []
    for index, (facts, amount) in enumerate(lines):
        fault = conversion_fault(facts, amount, currency)
        if fault is not None:
            faults.append(fault.under(*path, index))
    return Refusal("INVALID_AMOUNTS", faults[0].message, faults=tuple(faults)) if faults else None


def items_refusal(items: Sequence[ItemBody], currency: str, *path: str) -> Refusal | None:
    """Return what is wrong with the exchange rates of the lines at a path, or None."""
    return conversion_refusal([(item, item.gross_amount) for item in items], currency, *path)


def item_refusal(item: ItemBody, currency: str) -> Refusal | None:
    """Return what is wrong with the exchange rate of the line that is a whole request, or None."""
    fault = conversion_fault(item, item.gross_amount, currency)
    return None if fault is None else Refusal("INVALID_AMOUNTS", fault.message, faults=(fault,))
