"""Amounts in their own currency: what they come to, and which do not agree."""

import pytest

from ordrebok.items.conversion import (
    conversion_fault,
    conversion_refusal,
    converted,
    decimals,
)
from ordrebok.wire.item import ExchangeRate


def rate(original: int | None, ppm: int | None, currency: str | None = "SEK") -> ExchangeRate:
    """Return what a client says about a conversion."""
    return ExchangeRate(
        original_currency=currency, original_gross_amount=original, conversion_rate_ppm=ppm
    )


@pytest.mark.parametrize(
    ("currency", "expected"), [("NOK", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ZZZ", 2)]
)
def test_currencies_have_decimals(currency: str, expected: int) -> None:
    """Those of ISO 4217; two where it says nothing."""
    assert decimals(currency) == expected


@pytest.mark.parametrize(
    ("amount", "ppm", "from_", "to", "expected"),
    [
        (39_800, 1_099_000, "SEK", "NOK", 43_740),
        (209_050, 8_610_000, "EUR", "NOK", 1_799_921),
        (100, 8_165_000, "EUR", "NOK", 817),
        (156, 1_000_000, "NOK", "JPY", 2),
        (1, 150_000_000, "EUR", "JPY", 2),
        (2, 10_000, "JPY", "NOK", 2),
        (1000, 3_250_000, "KWD", "USD", 325),
        (-39_800, 1_099_000, "SEK", "NOK", -43_740),
        (1, 500_000, "SEK", "NOK", 1),
        (-1, 500_000, "SEK", "NOK", -1),
        (9_007_199_254_740_991, 1_000_000, "SEK", "NOK", 9_007_199_254_740_991),
    ],
)
def test_amounts_are_converted(amount: int, ppm: int, from_: str, to: str, expected: int) -> None:
    """Rounded once, half up, away from zero, to the decimals of the currency."""
    assert converted(amount, ppm, from_=from_, to=to) == expected


@pytest.mark.parametrize("amount", [43_739, 43_740, 43_741])
def test_amounts_may_be_one_minor_unit_apart(amount: int) -> None:
    """39,800 at 1.099 is 43,740.2."""
    assert conversion_fault(rate(39_800, 1_099_000), amount, "NOK") is None


@pytest.mark.parametrize("amount", [43_738, 43_742, -43_740, 0])
def test_amounts_further_apart_are_a_fault(amount: int) -> None:
    """It says both numbers."""
    fault = conversion_fault(rate(39_800, 1_099_000), amount, "NOK")
    assert fault is not None
    assert (fault.code, fault.path) == ("DOES_NOT_ADD_UP", ("original_gross_amount",))
    assert fault.data == {"converted": 43_740, "amount": amount}


@pytest.mark.parametrize("facts", [rate(None, 1_099_000), rate(39_800, None), rate(None, None)])
def test_facts_that_are_not_all_given_say_nothing(facts: ExchangeRate) -> None:
    """A rate alone is no arithmetic."""
    assert conversion_fault(facts, 1, "NOK") is None


def test_an_original_currency_that_is_not_given_has_the_decimals_of_the_orders() -> None:
    """100 yen or 100 øre: nothing is shifted."""
    assert conversion_fault(rate(100, 2_000_000, None), 200, "JPY") is None
    assert conversion_fault(rate(100, 2_000_000, None), 200, "NOK") is None
    assert conversion_fault(rate(100, 2_000_000, "JPY"), 200, "NOK") is not None


def test_all_faults_of_a_strict_request_are_listed() -> None:
    """With the places of their items."""
    right, wrong = (rate(39_800, 1_099_000), 43_740), (rate(39_800, 1_099_000), 1)
    assert conversion_refusal([right], "NOK", "items") is None
    refusal = conversion_refusal([wrong, right, wrong], "NOK", "order", "items")
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("INVALID_AMOUNTS", 400)
    assert [fault.path for fault in refusal.faults] == [
        ("order", "items", 0, "original_gross_amount"),
        ("order", "items", 2, "original_gross_amount"),
    ]
