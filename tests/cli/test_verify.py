"""`verify`: a database or an export recomputed, and what does not agree."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SECONDS, Cli
from tests.cli.shop import ACCOUNT, foreign, part, tamper, trade, write_lines
from tests.support.api import site_of
from tests.support.openapi import Json
from tests.support.server import serving

OTHER = "T00000002"
PAID = {
    "authorizations": [{"id": "a1", "items": [part(1, 100)]}],
    "captures": [{"id": "c1", "items": [part(1, 60)]}],
}


@pytest.fixture
def book(cli: Cli, tmp_path: Path) -> Cli:
    """A database with three orders of one account and one of another."""
    for account in (ACCOUNT, OTHER):
        cli.ok("account", "add", account)
    lines = [foreign("A"), foreign("B", version=3, **PAID), foreign("C", store={"id": "S1"})]
    path = write_lines(tmp_path / "orders.ndjson", *lines)
    cli.ok("import", str(path), "--account", ACCOUNT)
    cli.ok("import", str(write_lines(tmp_path / "other", foreign("A"))), "--account", OTHER)
    return cli


def found(cli: Cli, *options: str) -> list[tuple[str, str, str]]:
    """What does not agree: account, order and check; the status says the same."""
    done = cli.run("verify", "--json", *options)
    said: Json = json.loads(done.stdout)
    assert done.returncode == (1 if said["disagreements"] else 0), done.stderr
    assert said["disagreeing_orders"] == len(
        {(each["account_id"], each["order_id"]) for each in said["disagreements"]}
    )
    return [(each["account_id"], each["order_id"], each["check"]) for each in said["disagreements"]]


def test_what_a_server_wrote_agrees(cli: Cli, tmp_path: Path) -> None:
    """Orders that have been through everything, also while the server works on."""
    assert cli.database is not None
    with serving(cli.database, tmp_path) as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        names = trade(site.client_of(ACCOUNT))
        assert cli.ok("verify") == f"All {len(names)} orders agree.\n"
        assert cli.json("verify", "--account", ACCOUNT) == {
            "disagreements": [],
            "orders": len(names),
            "disagreeing_orders": 0,
        }
        exported = tmp_path / "orders.ndjson"
        cli.ok("export", "--account", ACCOUNT, "--output", str(exported))
        assert cli.ok("verify", "--file", str(exported)) == f"All {len(names)} orders agree.\n"


CHANGE = "update documents set {} where account_id = 'T12345678' and id = '{}'"
TEXT = "body = replace(cast(body as text), '{}', '{}')"
TAMPERED = (
    (CHANGE, TEXT.format('"amount":60', '"amount":61'), "payment_details.amount_due"),
    (CHANGE, TEXT.format('"status":"open"', '"status":"closed"'), "column status = document"),
    (CHANGE, "body = '[]'", "the document can be read"),
    (CHANGE, "payment_status = 'paid'", "column payment_status = document"),
    (CHANGE, "version = 4", "column version = document"),
    ("delete from events where {} and document_id = '{}'", "version = 2", "number of events"),
    (
        "update events set version = 9 where {} and document_id = '{}'",
        "version = 3",
        "column version of event",
    ),
    ("delete from order_terms where {} and order_id = '{}'", "term like 'word:%'", "search word"),
    (
        "update order_terms set order_id = '{1}' where {0} and term = 'store:S1'",
        "account_id = 'T12345678'",
        "search word",
    ),
)
"""What is done to one order each: a statement, what it says of the rows, the check it fails."""


def test_what_was_tampered_with_is_found(cli: Cli, tmp_path: Path) -> None:
    """By a check of its own; other orders go on agreeing, also when only one is looked at."""
    assert cli.database is not None
    names = [f"T-{number}" for number in range(len(TAMPERED))]
    cli.ok("account", "add", ACCOUNT)
    lines = [
        foreign("F", store={"id": "S1"}),
        *(foreign(name, version=3, **PAID) for name in names),
    ]
    path = write_lines(tmp_path / "lines", *lines)
    cli.ok("import", str(path), "--account", ACCOUNT)
    assert found(cli) == []
    for name, (statement, what, _) in zip(names, TAMPERED, strict=True):
        sql = statement.format(what, name)
        if cli.database.startswith("postgres"):  # SQLite keeps documents as text.
            sql = sql.replace("') where", "')::json where")
        else:  # And events by the place of their document.
            sql = sql.replace(
                "document_id = ", "document = (select place from documents where id = "
            )
            sql += ")" if "select place" in sql else ""
        tamper(cli.database, sql)
    all_of_them = found(cli)
    for name, (*_, check) in zip(names, TAMPERED, strict=True):
        assert any(order == name and check in each for _, order, each in all_of_them), name
    # The word that was taken from one order and given to another is missing where it was.
    assert {order for _, order, _ in all_of_them} == {*names, "F"}
    for name in (names[0], names[-1]):
        assert found(cli, "--order", name) == [each for each in all_of_them if each[1] == name]


def test_words_that_lead_nowhere_are_found(book: Cli) -> None:
    """Also those of an order that is not there at all."""
    assert book.database is not None
    tamper(book.database, "insert into order_terms values ('T12345678', 'store:S9', 1, 'nobody')")
    assert found(book) == [(ACCOUNT, "nobody", "search word")]
    assert found(book, "--account", OTHER) == []


def test_people_get_a_table(book: Cli) -> None:
    """What stands there, and what should; and how many in all."""
    assert book.database is not None
    tamper(book.database, "update documents set currency = 'SEK' where id in ('B', 'C')")
    done = book.run("verify", "--account", ACCOUNT)
    assert done.returncode == 1
    heading, *rows, last = done.stdout.splitlines()
    assert heading.split() == ["ACCOUNT", "ORDER", "CHECK", "FOUND", "EXPECTED"]
    assert [row.split()[:2] for row in rows] == [[ACCOUNT, "B"], [ACCOUNT, "C"]]
    assert all("SEK" in row and "= NOK" in row for row in rows)
    assert last == "2 disagreements in 2 orders, of 3."
    assert done.stderr == ""


def test_an_export_is_verified_without_a_database(book: Cli, tmp_path: Path) -> None:
    """By its lines alone; no database is opened, made or asked for."""
    path = tmp_path / "export.ndjson"
    book.ok("export", "--account", ACCOUNT, "--output", str(path))
    alone = Cli(tmp_path)
    assert found(alone, "--file", str(path)) == []
    assert alone.ok("verify", "--file", str(path)) == "All 3 orders agree.\n"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"amount_due":40', '"amount_due":41') + "broken\n")
    assert found(alone, "--file", str(path)) == [
        (ACCOUNT, "B", "payment_details.amount_due"),
        (ACCOUNT, "line 5", "the line can be read"),
    ]
    assert found(alone, "--file", str(path), "--order", "A") == []
    assert not (tmp_path / "var").exists()


def test_what_is_not_there_is_named_in_a_sentence(book: Cli, tmp_path: Path) -> None:
    """An order, an account, a file."""
    assert "no order X" in book.fails(1, "verify", "--order", "X")
    assert "Add it first" in book.fails(1, "verify", "--account", "T99999999")
    assert "cannot be read" in book.fails(1, "verify", "--file", "nowhere")
    path = str(tmp_path / "orders.ndjson")
    assert "no order X" in book.fails(1, "verify", "--file", path, "--order", "X")
    said = book.fails(2, "verify", "--file", path, "--account", ACCOUNT)
    assert "An export is of one account" in said


def test_a_terminal_shows_how_far_it_is(book: Cli, tmp_path: Path) -> None:
    """A bar on standard error while it goes on; the result stays alone on standard output."""
    path = str(tmp_path / "orders.ndjson")
    for title, arguments in (
        ("Verifying", ("verify",)),
        ("Exporting", ("export", "--account", ACCOUNT)),
        ("Importing", ("import", path, "--account", ACCOUNT)),
    ):
        said, result = on_a_terminal(book, *arguments)
        assert title in said
        assert title not in result
        assert result


def on_a_terminal(cli: Cli, *arguments: str) -> tuple[str, str]:
    """What a command shows on a terminal, and what it prints into a file beside."""
    ours, theirs = pty.openpty()
    output = cli.folder / "result"
    with output.open("wb") as file:
        process = subprocess.Popen(
            cli.command(*arguments),
            cwd=cli.folder,
            env=cli.variables(TERM="xterm"),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=theirs,
        )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                part_of_it = os.read(ours, 65_536)
            except OSError:  # What a terminal says when nobody is left on it.
                break
            shown += part_of_it
            if not part_of_it:
                break
    assert process.wait(SECONDS) == 0, shown
    os.close(ours)
    return shown.decode(errors="replace"), output.read_text(encoding="utf-8")
