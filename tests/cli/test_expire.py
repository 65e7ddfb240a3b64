"""`expire`: what is past its time is told, then erased, and the rest still adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import ACCOUNT, foreign, read_lines, write_lines

OTHER = "T00000002"
OLD = {"time_to_live": 86_400, "updated_at": "2020-01-02T10:00:00Z"}


@pytest.fixture
def book(cli: Cli, tmp_path: Path) -> Cli:
    """A database with two orders past their time, one that has time, and one without end."""
    for account in (ACCOUNT, OTHER):
        cli.ok("account", "add", account)
    lines = [
        foreign("A", 100, customer={"id": "C1", "first_name": "Kari"}, **OLD),
        foreign("B", 100, time_to_live=3_155_760_000),
        foreign("C", 100),
    ]
    cli.ok("import", str(write_lines(tmp_path / "o", *lines)), "--account", ACCOUNT)
    other = write_lines(tmp_path / "p", foreign("A", 100, **OLD))
    cli.ok("import", str(other), "--account", OTHER)
    return cli


def erased(*accounts: str) -> list[dict[str, str]]:
    """The rows of a result: order A of these accounts."""
    return [{"account_id": account, "kind": "order", "id": "A"} for account in accounts]


def test_what_would_go_is_told_before_it_goes(book: Cli) -> None:
    """A dry run changes nothing; then it goes, once."""
    told = book.json("expire", "--dry-run")
    assert told == {"dry_run": True, "erased": erased(OTHER, ACCOUNT)}
    assert book.json("expire", "--account", ACCOUNT, "--dry-run")["erased"] == erased(ACCOUNT)
    table = book.run("expire", "--dry-run")
    assert [line.split() for line in table.stdout.splitlines()] == [
        ["ACCOUNT", "KIND", "ID"],
        [OTHER, "order", "A"],
        [ACCOUNT, "order", "A"],
    ]
    assert "Nothing was erased." in table.stderr
    assert book.json("expire", "--account", ACCOUNT)["erased"] == erased(ACCOUNT)
    assert book.json("expire")["erased"] == erased(OTHER)
    assert book.run("expire").stderr.strip() == "Nothing is past its time."


def test_the_books_hold_after_it(book: Cli, tmp_path: Path) -> None:
    """Everything recomputed agrees, also in an export, and in what that is read into."""
    book.ok("expire")
    book.ok("verify")
    export = tmp_path / "export"
    book.ok("export", "--account", ACCOUNT, "--output", str(export))
    left = {line["order_id"]: line for line in read_lines(export) if "order_id" in line}
    assert "items" not in left["A"]
    assert "customer" not in left["A"]
    book.ok("verify", "--file", str(export))
    book.ok("account", "add", "T00000003")
    book.ok("import", str(export), "--account", "T00000003")
    book.ok("verify", "--account", "T00000003")


def test_the_payout_ledger_keeps_what_was_paid(book: Cli, tmp_path: Path) -> None:
    """Its entries name nobody; `verify` knows that their order is erased."""
    tree = [{"amount": 30, "destination": "platform"}, {"amount": 70, "destination": "seller"}]
    shares = {"destinations": [{"destination": "platform", "amount": 30}, *tree[1:]]}
    moment = "2020-01-01T12:00:00Z"
    given = {"items": [{"line_id": 1, "amount": 100, "payout": shares}], "created_at": moment}
    order = foreign("P", 100, authorizations=[given], captures=[given], **OLD)
    order["items"][0] |= {"line_id": 1, "payout": {"destinations": tree}}
    book.ok("import", str(write_lines(tmp_path / "paid", order)), "--account", ACCOUNT)
    book.ok("verify")
    assert {"account_id": ACCOUNT, "kind": "order", "id": "P"} in book.json("expire")["erased"]
    book.ok("verify")
    book.ok("verify", "--account", ACCOUNT, "--order", "P")


def test_an_account_that_is_not_there_is_said(book: Cli) -> None:
    """Rather than that nothing is due."""
    assert "Add it first" in book.fails(1, "expire", "--account", "T99999999")
