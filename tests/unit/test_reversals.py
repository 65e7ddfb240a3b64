"""Lines that take back a line of an order: with a reason, and never more than was there."""

import time
from typing import Any

import pytest

from ordrebok.drafts import completion
from ordrebok.refusals import Fault
from ordrebok.wire.draft import Options
from ordrebok.wire.item import ItemBody
from ordrebok.wire.order import Order
from tests.support.builders import (
    a_body,
    a_draft,
    a_tax,
    an_order,
    an_update_of,
    fault_codes,
    lines,
)


def reversal(
    gross: int,
    of_line: int,
    line_id: int,
    **about: Any,  # noqa: ANN401 -- passed on
) -> ItemBody:
    """Return a line that reverses another; takes what `a_body` takes."""
    return a_body(gross, line_id, related=("reversed", of_line), **about)


def faults_of_update(order: Order, *items: ItemBody) -> list[Fault]:
    """Return what keeps a draft that adds lines to an order from being completed."""
    return completion.faults(an_update_of(order, items), order)


def test_a_line_is_reversed_by_an_update() -> None:
    """The whole of it, with a reason and the opposite sign."""
    assert faults_of_update(an_order(lines(39_800)), reversal(-39_800, 1, 2)) == []


@pytest.mark.parametrize("updated", [None, an_order(lines(100))])
def test_only_lines_of_an_order_can_be_reversed(updated: Order | None) -> None:
    """A line of the draft itself is removed, not reversed."""
    options = None if updated is None else Options(order_id="order-1")
    items = [a_body(100, 7), reversal(-100, 7, 8)]
    draft = a_draft(items, options=options, updated=updated)
    faults = completion.faults(draft, updated)
    assert [(fault.code, fault.path[2]) for fault in faults] == [("REVERSED_LINE_MISSING", 1)]


@pytest.mark.parametrize("reason", [None, ""])
def test_a_reversal_says_why(reason: str | None) -> None:
    """The order keeps the reason for good."""
    faults = faults_of_update(an_order(lines(100)), reversal(-100, 1, 2, reversed_reason=reason))
    assert [(fault.code, fault.path[2:]) for fault in faults] == [
        ("REVERSED_REASON_MISSING", (0, "reversed_reason"))
    ]


@pytest.mark.parametrize(
    ("original", "gross", "expected"),
    [
        (100, -100, []),
        (100, -1, []),
        (-100, 100, []),
        (100, 100, ["REVERSAL_SIGN"]),
        (100, 0, ["REVERSAL_SIGN"]),
        (-100, -1, ["REVERSAL_SIGN"]),
    ],
)
def test_a_reversal_has_the_opposite_sign(original: int, gross: int, expected: list[str]) -> None:
    """A reversal takes back, whichever way the line went."""
    order = an_order(lines(original))
    assert fault_codes(faults_of_update(order, reversal(gross, 1, 2))) == expected


def test_reversals_of_one_draft_together_never_exceed_the_line() -> None:
    """The refusal says what was asked and what is left."""
    order = an_order(lines(100, 50))
    faults = faults_of_update(order, reversal(-60, 1, 3), reversal(-41, 1, 4), reversal(-50, 2, 5))
    assert fault_codes(faults) == ["REVERSAL_EXCEEDS_LINE"] * 2
    assert faults[0].data == {"line_id": 1, "requested": 101, "remaining": 100}


def test_reversals_over_several_drafts_together_never_exceed_the_line() -> None:
    """What earlier drafts took back counts."""
    order = an_order([*lines(100), reversal(-60, 1, 2), reversal(-30, 1, 3)])
    assert faults_of_update(order, reversal(-10, 1, 4)) == []
    faults = faults_of_update(order, reversal(-11, 1, 4))
    assert {fault.code for fault in faults} == {"REVERSAL_EXCEEDS_LINE"}
    assert faults[0].data == {"line_id": 1, "requested": 11, "remaining": 10}


def test_what_was_paid_on_top_of_the_price_is_not_exceeded_either() -> None:
    """The gross amounts fit, but the tax outside the price would pay back more than was paid."""
    on_top = {"included_in_price": False}
    order = an_order([a_body(100, 1, taxes=[a_tax(25, **on_top)])])
    fair = reversal(-100, 1, 2, taxes=[a_tax(25, **on_top)])
    greedy = reversal(-100, 1, 2, taxes=[a_tax(26, **on_top)])
    assert faults_of_update(order, fair) == []
    (fault,) = faults_of_update(order, greedy)
    assert (fault.code, fault.data) == (
        "REVERSAL_EXCEEDS_LINE",
        {"line_id": 1, "requested": 126, "remaining": 125},
    )


def test_a_discounted_line_pays_back_no_more_than_was_paid() -> None:
    """The reversal may repeat the discount; without it, it would take back too much."""
    order = an_order([a_body(100, 1, discounts=(30,))])
    assert faults_of_update(order, reversal(-100, 1, 2, discounts=(-30,))) == []
    (fault,) = faults_of_update(order, reversal(-100, 1, 2))
    assert fault.data == {"line_id": 1, "requested": 100, "remaining": 70}


def test_a_thousand_reversals_are_checked_quickly() -> None:
    """Every line of a large order can be taken back at once."""
    order = an_order(lines(*[100] * 1_000))
    draft = an_update_of(order, [reversal(-100, n, n + 1_000) for n in range(1, 1_001)])
    begin = time.process_time()
    assert completion.faults(draft, order) == []
    assert time.process_time() - begin < 0.5
