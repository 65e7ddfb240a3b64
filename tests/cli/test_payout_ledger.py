"""The payout ledger in a database: imported along, and held against the orders by `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.shop import ACCOUNT, foreign, tamper, write_lines
from tests.cli.test_payouts import operation, share, split
from tests.support.api import site_of
from tests.support.server import serving


@pytest.fixture
def book(cli: Cli, tmp_path: Path) -> Cli:
    """A database with an order that was captured in two parts."""
    assert cli.database is not None
    cli.ok("account", "add", ACCOUNT)
    moment = "2026-11-01T00:00:00Z"
    captures = [operation(moment, share(600, 60)), operation(moment, share(400, 40))]
    given = {"authorizations": [operation(moment, share(1000, 100))], "captures": captures}
    line = split(foreign("A", 1000, **given), 100)
    cli.ok("import", str(write_lines(tmp_path / "o", line)), "--account", ACCOUNT)
    return cli


def checks(cli: Cli) -> list[str]:
    """What does not agree."""
    done = cli.run("verify", "--json")
    return [each["check"] for each in json.loads(done.stdout)["disagreements"]]


def test_an_import_brings_its_ledger(book: Cli, tmp_path: Path) -> None:
    """The balances of a destination are there at once, and agree with the orders."""
    assert book.database is not None
    assert checks(book) == []
    with serving(book.database, tmp_path) as server, site_of(server) as site:
        api = site.client_of(ACCOUNT, "read:billing")
        (total,) = api.get(f"/v1/accounts/{ACCOUNT}/payouts/destinations/seller")["totals"]
    assert (total["authorized"], total["captured"], total["net"]) == (900, 900, 900)


def test_entries_that_do_not_agree_are_named(book: Cli) -> None:
    """One that says something else, one that is missing, one that no order has."""
    assert book.database is not None
    tamper(
        book.database,
        "update payout_entries set amount = 541 where destination = 'seller' and amount = 540",
        "delete from payout_entries where destination = 'seller' and amount = 360",
        "insert into payout_entries select account_id, 'stranger', created_ms, order_id, type, "
        "operation_id, line_id, currency, amount, store_id, rule_type, rule_id "
        "from payout_entries where destination = 'platform' and amount = 60",
        "insert into payout_entries select account_id, destination, created_ms, 'B', type, "
        "operation_id, line_id, currency, amount, store_id, rule_type, rule_id "
        "from payout_entries where destination = 'platform' and amount = 60",
    )
    named = [check.partition(" of ")[0] + check.rpartition(":")[2] for check in checks(book)]
    assert sorted(named) == [
        *["payout entry platform", "payout entry seller", "payout entry seller"],
        *["payout entry seller", "payout entry stranger"],
    ]
