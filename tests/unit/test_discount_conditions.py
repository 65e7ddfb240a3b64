"""When a rule is open, to whom it is given, and what it asks of a purchase."""

from collections.abc import Mapping
from typing import Any

import pytest

from ordrebok.clock import Instant
from tests.support.builders import NOW
from tests.support.discounts import a_line, a_purchase, a_rule, an_offer, got, missed, outcome

CHAIRS = {"items": [{"id": "chair"}]}


@pytest.mark.parametrize(
    ("given_to", "customer", "applies"),
    [
        ("*", "C1", True),
        ("*", None, False),
        ("/", None, True),
        ("/", "C1", False),
        ("C1", "C1", True),
        ("C1", "C2", False),
        ("C1", None, False),
    ],
)
def test_a_rule_is_for_those_it_is_given_to(
    given_to: str, customer: str | None, *, applies: bool
) -> None:
    """`*` is anybody who is known, `/` is a stranger."""
    purchase = a_purchase(a_line(), customer_id=customer)
    assert bool(got(outcome(purchase, an_offer(a_rule(), given_to)))) is applies


@pytest.mark.parametrize(
    ("moment", "applies"),
    [
        ("2025-12-31T23:59:59.999Z", False),
        ("2026-01-01T00:00:00.000Z", True),
        ("2027-01-01T00:00:00.000Z", True),
        ("2027-01-01T00:00:00.001Z", False),
    ],
)
def test_the_window_holds_both_of_its_ends(moment: str, *, applies: bool) -> None:
    """To the millisecond."""
    purchase = a_purchase(a_line(), moment_ms=Instant.of(moment).ms)
    assert bool(got(outcome(purchase, a_rule()))) is applies


def test_a_window_may_be_counted_from_when_the_customer_got_the_rule() -> None:
    """After so many days it is over, whatever purchase_to says."""
    limits = {"dynamic_purchase_to_days": 7}
    fresh = a_rule(limitation=limits, created=1_000_000 - 7 * 86_400)
    stale = a_rule(limitation=limits, created=1_000_000 - 7 * 86_400 - 1)
    assert got(outcome(a_purchase(a_line()), fresh)) == [1_000]
    assert missed(outcome(a_purchase(a_line()), stale)) == {
        "rule": "limitation.dynamic_purchase_to_days"
    }


@pytest.mark.parametrize(
    ("day", "start", "end", "moment", "applies"),
    [
        # 2026-11-20 is a Friday; Oslo is an hour before UTC in winter, two in summer.
        ("fri", "9:00", "19:00", "2026-11-20T08:00:00.000Z", True),
        ("fri", "09:00", "19:00", "2026-11-20T07:59:59.999Z", False),
        ("fri", "09:00", "19:00", "2026-11-20T17:59:59.999Z", True),
        ("fri", "09:00", "19:00", "2026-11-20T18:00:00.000Z", False),
        ("fri", "09:00", "19:00", "2026-07-17T07:00:00.000Z", True),
        ("fri", "09:00", "19:00", "2026-07-17T17:00:00.000Z", False),
        ("fri", "22:00", "02:00", "2026-11-20T22:30:00.000Z", True),
        ("fri", "22:00", "02:00", "2026-11-21T00:59:00.000Z", True),
        ("fri", "22:00", "02:00", "2026-11-21T01:00:00.000Z", False),
        ("fri", "22:00", "02:00", "2026-11-19T23:30:00.000Z", False),
        ("sun", "22:00", "02:00", "2026-11-22T23:30:00.000Z", True),
        # On 2026-10-25 the hour from 02:00 comes twice, on 2026-03-29 it does not come.
        ("sun", "02:00", "03:00", "2026-10-25T00:30:00.000Z", True),
        ("sun", "02:00", "03:00", "2026-10-25T01:30:00.000Z", True),
        ("sun", "02:00", "03:00", "2026-10-25T02:00:00.000Z", False),
        ("sun", "02:00", "03:00", "2026-03-29T00:59:00.000Z", False),
        ("sun", "02:00", "03:00", "2026-03-29T01:00:00.000Z", False),
        ("mon", "10:00", "10:00", "2026-11-24T08:59:00.000Z", True),
    ],
)
def test_hours_go_by_the_clock_on_the_wall(
    day: str, start: str, end: str, moment: str, *, applies: bool
) -> None:
    """In Oslo, through the change of its clocks and past midnight."""
    hours = {"hours": [{"day": day, "start": start, "end": end}]}
    rule = a_rule(limitation={"discount_hours": hours})
    result = outcome(a_purchase(a_line(), moment_ms=Instant.of(moment).ms), rule)
    assert bool(got(result)) is applies
    assert set(missed(result).values()) <= {"limitation.discount_hours"}


def test_no_hours_are_all_hours() -> None:
    """An empty list limits nothing."""
    rule = a_rule(limitation={"discount_hours": {"hours": []}})
    assert got(outcome(a_purchase(a_line()), rule)) == [1_000]


@pytest.mark.parametrize(
    ("requirement", "miss"),
    [
        ({"gross_amount": 10_000}, None),
        ({"gross_amount": 10_001}, "requirement.gross_amount"),
        ({"net_amount": 9_500}, None),
        ({"net_amount": 9_501}, "requirement.net_amount"),
        ({"currencies": ["SEK", "NOK"]}, None),
        ({"currencies": ["SEK"]}, "requirement.currencies"),
        ({"currencies": [{"anything-but": ["NOK"]}]}, "requirement.currencies"),
        ({"currencies": [{"anything-but": ["SEK"]}]}, None),
        ({"discount_code": "TACO"}, None),
        ({"discount_code": "chair"}, None),
        ({"discount_code": "taco"}, "requirement.discount_code"),
        ({"item": {**CHAIRS, "quantity": 2}}, "requirement.item.quantity"),
    ],
)
def test_a_purchase_must_satisfy_what_is_required(
    requirement: Mapping[str, Any], miss: str | None
) -> None:
    """The first requirement that fails is named."""
    purchase = a_purchase(a_line(10_000, id="chair", discount=500), codes=frozenset({"TACO"}))
    result = outcome(purchase, a_rule(**requirement))
    assert missed(result) == ({} if miss is None else {"rule": miss})


@pytest.mark.parametrize(
    ("about", "miss"),
    [({"active": False}, "active"), ({"deleted_at": NOW.text}, "deleted_at")],
)
def test_a_rule_that_is_off_or_deleted_gives_nothing(about: Mapping[str, Any], miss: str) -> None:
    """Whoever holds it."""
    assert missed(outcome(a_purchase(a_line()), a_rule(about=about))) == {"rule": miss}
