"""`payouts`: what every destination was given, from the orders of an account."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import ACCOUNT, foreign, write_lines
from tests.support.openapi import Json

OTHER = "T00000002"


def share(line_amount: int, platform: int) -> Json:
    """What an operation gave of line 1: a part to the platform, the rest to the seller."""
    shares = [
        {"destination": "platform", "amount": platform},
        {"destination": "seller", "amount": line_amount - platform},
    ]
    return {"line_id": 1, "amount": line_amount, "payout": {"destinations": shares}}


def operation(moment: str, item: Json) -> Json:
    """An operation of a moment."""
    return {"items": [item], "created_at": moment}


def split(order: Json, platform: int) -> Json:
    """An order whose first line is split."""
    gross = order["items"][0]["gross_amount"]
    tree = [
        {"amount": platform, "destination": "platform"},
        {"amount": gross - platform, "destination": "seller"},
    ]
    order["items"][0] |= {"line_id": 1, "payout": {"destinations": tree}}
    return order


@pytest.fixture
def book(cli: Cli, tmp_path: Path) -> Cli:
    """A database with two orders with payouts, one without, and one of another account."""
    for account in (ACCOUNT, OTHER):
        cli.ok("account", "add", account)
    october, november = "2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00Z"
    first = foreign(
        "A",
        1000,
        authorizations=[operation(october, share(1000, 100))],
        captures=[operation(october, share(600, 60)), operation(november, share(400, 40))],
        refunds=[operation(november, share(100, 10))],
    )
    second = foreign(
        "B",
        500,
        currency="EUR",
        authorizations=[operation(november, share(500, 50))],
        cancellations=[operation(november, share(500, 50))],
    )
    lines = [split(first, 100), split(second, 50), foreign("C")]
    cli.ok("import", str(write_lines(tmp_path / "o", *lines)), "--account", ACCOUNT)
    other = write_lines(tmp_path / "p", split(foreign("A", 1000), 100))
    cli.ok("import", str(other), "--account", OTHER)
    return cli


def rows(cli: Cli, *options: str) -> list[tuple[str | int, ...]]:
    """The rows of a result for programs."""
    out = cli.ok("payouts", "--account", ACCOUNT, "--format", "ndjson", *options)
    return [tuple(json.loads(line).values()) for line in out.splitlines()]


def test_destinations_are_summed_by_currency(book: Cli) -> None:
    """Authorized, cancelled, captured, refunded, and what is left of what was captured."""
    assert rows(book) == [
        ("platform", "EUR", 50, 50, 0, 0, 0),
        ("platform", "NOK", 100, 0, 100, 10, 90),
        ("seller", "EUR", 450, 450, 0, 0, 0),
        ("seller", "NOK", 900, 0, 900, 90, 810),
    ]
    assert rows(book, "--destination", "seller")[1] == ("seller", "NOK", 900, 0, 900, 90, 810)
    assert rows(book, "--destination", "nobody") == []


def test_a_period_has_the_operations_that_were_recorded_in_it(book: Cli) -> None:
    """To the last millisecond of October and from the first of November."""
    for period, expected in (
        ("2026-10", ("seller", "NOK", 900, 0, 540, 0, 540)),
        ("2026-10-31", ("seller", "NOK", 900, 0, 540, 0, 540)),
        ("2026-11", ("seller", "NOK", 0, 0, 360, 90, 270)),
        ("2026", ("seller", "NOK", 900, 0, 900, 90, 810)),
    ):
        assert rows(book, "--period", period)[-1] == expected


def test_people_get_a_table_and_spreadsheets_csv(book: Cli) -> None:
    """The same numbers in every form."""
    table = book.ok("payouts", "--account", ACCOUNT)
    assert table.split("\n")[0].split() == [
        *("DESTINATION", "CURRENCY", "AUTHORIZED", "CANCELLED", "CAPTURED", "REFUNDED", "NET")
    ]
    text = book.ok("payouts", "--account", ACCOUNT, "--format", "csv")
    read = [tuple(row.values()) for row in csv.DictReader(io.StringIO(text))]
    assert read == [tuple(map(str, row)) for row in rows(book)]
    assert [tuple(line.split()) for line in table.splitlines()[1:]] == read


def test_what_cannot_be_summed_is_said(book: Cli) -> None:
    """An account that is not there, a period that is none, nothing paid out."""
    assert "Add it first" in book.fails(1, "payouts", "--account", "T99999999")
    said = book.fails(2, "payouts", "--account", ACCOUNT, "--period", "2026-13")
    assert "is no period" in said
    done = book.run("payouts", "--account", ACCOUNT, "--period", "2020")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Nothing was paid out." in done.stderr
