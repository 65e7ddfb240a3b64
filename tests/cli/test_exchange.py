"""`export` and `import`: whole order books, there and back, and history from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ordrebok.store.batch import FIRST_NUMBER
from tests.cli.conftest import SECONDS, Cli
from tests.cli.shop import ACCOUNT, foreign, part, read_lines, trade, write_lines
from tests.support.api import Api, line, site_of
from tests.support.openapi import Json
from tests.support.postgres import Cluster
from tests.support.server import poll, serving

OTHER = "T00000002"
MANY = 6_000
"""More lines than the first chunk holds: reading processes take part."""
FIRST_CHUNK_ORDERS = 1_500
"""More than the first chunk of a history holds."""


def import_(
    cli: Cli, path: Path | str, *options: str, status: int = 0, account: str = ACCOUNT
) -> Json:
    """Import a file; what became of its lines."""
    done = cli.run("import", str(path), "--account", account, "--json", *options)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def export(cli: Cli, path: Path, *options: str, account: str = ACCOUNT) -> list[Json]:
    """Export an account; the lines."""
    cli.ok("export", "--account", account, "--output", str(path), *options)
    return read_lines(path)


def tally(imported: int = 0, there: int = 0, changed: int = 0, refused: int = 0) -> Json:
    """What became of lines."""
    return {
        "imported": imported,
        "already_there": there,
        "changed_since": changed,
        "refused": refused,
    }


@pytest.fixture
def other_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 -- a generator's value
    """An empty database of the other engine."""
    if database_url.startswith("sqlite"):
        cluster: Cluster = request.getfixturevalue("postgres_cluster")
        with cluster.fresh_database() as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path / 'other.db'}"


# ------------------------------------------------------------------------------ there and back


@pytest.mark.postgres
def test_an_order_book_moves_to_another_engine_and_back(
    cli: Cli, other_url: str, tmp_path: Path
) -> None:
    """While its server works: the same lines come out of the other database."""
    assert cli.database is not None
    with serving(cli.database, tmp_path) as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        api = site.client_of(ACCOUNT)
        names = trade(api)
        header, *lines = export(cli, tmp_path / "orders.ndjson")
        shown = {name: api.get(f"orders/{name}") for name in names}
    assert (header["format"], header["version"]) == ("ordrebok.orders", 1)
    assert header["account_id"] == ACCOUNT
    assert [order["order_id"] for order in lines] == sorted(
        names, key=lambda name: (shown[name]["created_at"], name)
    )
    for order in lines:
        answered = shown[order["order_id"]]
        assert order | {"state": answered["state"]} == answered

    other = Cli(tmp_path, other_url)
    other.ok("account", "add", ACCOUNT)
    other.ok("account", "add", OTHER)
    assert import_(other, tmp_path / "orders.ndjson") == tally(imported=len(names))
    assert export(other, tmp_path / "again.ndjson")[1:] == lines
    assert "agree" in other.ok("verify")
    assert import_(other, tmp_path / "again.ndjson") == tally(there=len(names))
    assert import_(cli, tmp_path / "again.ndjson") == tally(there=len(names))

    moved = import_(other, tmp_path / "orders.ndjson", account=OTHER)
    assert moved == tally(imported=len(names))
    links = [
        order["_links"][0]["href"] for order in export(other, tmp_path / "o", account=OTHER)[1:]
    ]
    assert links == [f"/v1/accounts/{OTHER}/shopping/orders/{o['order_id']}" for o in lines]
    assert "agree" in other.ok("verify")


def test_an_export_has_bounds_and_goes_to_standard_output(cli: Cli, tmp_path: Path) -> None:
    """From a moment on, up to another; oldest first; the header says which."""
    cli.ok("account", "add", ACCOUNT)
    days = [foreign(f"day-{day}", created_at=f"2020-01-0{day}T12:00:00Z") for day in (3, 1, 2)]
    assert import_(cli, write_lines(tmp_path / "days", *days)) == tally(imported=3)

    def names(*options: str) -> list[str]:
        lines = cli.ok("export", "--account", ACCOUNT, *options).splitlines()
        return [json.loads(text)["order_id"] for text in lines[1:]]

    assert names() == ["day-1", "day-2", "day-3"]
    assert names("--since", "2020-01-02") == ["day-2", "day-3"]
    assert names("--until", "2020-01-02T13:00:00+01:00") == ["day-1"]
    assert names("--since", "2020-01-02", "--until", "2020-01-03T00:00:00Z") == ["day-2"]
    header = export(cli, tmp_path / "all", "--since", "2020-01-02")[0]
    assert header["since"] == "2020-01-02T00:00:00.000Z"
    assert header.keys() == {"format", "version", "account_id", "exported_at", "since"}
    assert not list(tmp_path.glob("*.part"))


def test_a_reader_that_has_seen_enough_may_go(cli: Cli, tmp_path: Path) -> None:
    """As `head` does: no complaint, and no success either."""
    cli.ok("account", "add", ACCOUNT)
    lines = [foreign(f"{number}", comment="x" * 200) for number in range(2_000)]
    import_(cli, write_lines(tmp_path / "lines", *lines))
    with subprocess.Popen(
        cli.command("export", "--account", ACCOUNT),
        cwd=cli.folder,
        env=cli.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"ordrebok.orders" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(SECONDS) == 1
        assert process.stderr.read() == b""


# ---------------------------------------------------------------------- history from elsewhere


def test_good_lines_go_in_and_bad_ones_into_the_report(cli: Cli, tmp_path: Path) -> None:
    """With their numbers and everything that is wrong; and again the same way."""
    cli.ok("account", "add", ACCOUNT)
    items = [part(1, 100)]
    path = write_lines(
        tmp_path / "history.ndjson",
        foreign("good-1", order_number="7001"),
        "no JSON",
        "",
        foreign("bad-schema", currency="kroner", comment=7),
        foreign("bad-sum", authorizations=[{"items": items}], captures=[{"items": items * 2}]),
        foreign("good-2", authorizations=[{"items": items}], captures=[{"items": items}]),
        foreign("good-1", order_number="7002"),
        foreign("good-1", order_number="7001"),
    )
    report = tmp_path / "refused.ndjson"
    for first in (True, False):
        done = import_(cli, path, "--report", str(report), status=1)
        assert done == (tally(2, 1, 0, 4) if first else tally(0, 3, 0, 4))
        entries = read_lines(report)
        assert [(each["line"], each["code"]) for each in entries] == [
            (2, "INVALID_JSON"),
            (4, "INVALID_REQUEST_PARAMETER"),
            (5, "INVALID_AMOUNTS"),
            (7, "ORDER_ID_TAKEN"),
        ]
        assert [each.get("order_id") for each in entries] == [
            *(None, "bad-schema", "bad-sum", "good-1")
        ]
        paths = [error["path"] for error in entries[1]["errors"]]
        assert [path for path in paths if path != ["currency"]] == [["comment"]]
        assert {"found", "expected"} <= entries[2]["errors"][0].keys()
    said = cli.run("import", str(path), "--account", ACCOUNT)
    assert said.returncode == 1
    assert "3 there already with the same content" in said.stdout
    assert "line 2:" in said.stderr
    assert "4 lines refused" in said.stdout
    paid = export(cli, tmp_path / "out")[2]
    assert (paid["order_id"], paid["payment_status"]) == ("good-2", "paid")
    assert "agree" in cli.ok("verify")


def test_lines_come_from_standard_input(cli: Cli, tmp_path: Path) -> None:
    """With a byte order mark and without an end of line, as files of other systems may be."""
    cli.ok("account", "add", ACCOUNT)
    text = "\ufeff" + "\r\n".join([json.dumps(foreign("A")), json.dumps(foreign("B"))])
    done = subprocess.run(
        cli.command("import", "-", "--account", ACCOUNT),
        cwd=cli.folder,
        env=cli.variables(),
        input=text.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout == b"2 orders imported, 0 lines refused.\n", done.stderr
    assert len(export(cli, tmp_path / "out")) == 3


def test_an_order_that_went_on_stays_as_it_is(cli: Cli, tmp_path: Path) -> None:
    """Importing again after the shop has worked on takes nothing back."""
    assert cli.database is not None
    path = write_lines(tmp_path / "lines", foreign("A"), foreign("B"))
    with serving(cli.database, tmp_path) as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        api = site.client_of(ACCOUNT)
        assert import_(cli, path) == tally(imported=2)
        api.post("orders/A/authorizations", {"items": [part(1, 100)]})
        later = api.get("orders/A")
        assert import_(cli, path) == tally(there=1, changed=1)
        assert api.get("orders/A") == later
        assert [found["order_id"] for found in api.get("orders", order_number="A")["orders"]] == [
            "A"
        ]
    assert "agree" in cli.ok("verify")


# ------------------------------------------------------------------------------- many of them


def history(path: Path, count: int, first_number: int = 1) -> Path:
    """Write a history of so many orders, each with an order number."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first_number, first_number + count):
            order = foreign(f"H-{number:06}", 100, 50, order_number=str(number))
            file.write(json.dumps(order) + "\n")
    return path


def test_a_server_goes_on_working_during_an_import(cli: Cli, tmp_path: Path) -> None:
    """Its writes are taken and lost by nobody, and no number is given twice."""
    assert cli.database is not None
    path = history(tmp_path / "history", MANY, FIRST_NUMBER)
    with serving(cli.database, tmp_path) as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        api = site.client_of(ACCOUNT)
        with ThreadPoolExecutor(1) as pool:
            importing = pool.submit(import_, cli, path)
            numbers = trade_until(api, importing.done)
            assert importing.result() == tally(imported=MANY)
        after = int(api.order(line())["order_number"])
    assert len(numbers) > 0
    assert after >= FIRST_NUMBER + MANY
    given = [order["order_number"] for order in export(cli, tmp_path / "out")[1:]]
    assert len(given) == MANY + len(numbers) + 1
    assert len([number for number in given if int(number) >= FIRST_NUMBER + MANY]) == len(
        {number for number in given if int(number) >= FIRST_NUMBER + MANY}
    )
    assert "agree" in cli.ok("verify")


def trade_until(api: Api, done: Any) -> list[str]:  # noqa: ANN401 -- a method
    """Make orders until something is done; their numbers."""
    numbers: list[str] = []
    while not done():
        numbers.append(api.order(line())["order_number"])
    return numbers


def test_an_import_that_was_killed_goes_on_where_it_was(cli: Cli, tmp_path: Path) -> None:
    """Nothing is there twice, nothing is missing, and no process is left behind."""
    cli.ok("account", "add", ACCOUNT)
    path = history(tmp_path / "history", 4 * MANY)
    process = cli.start("import", str(path), "--account", ACCOUNT)

    def some() -> bool:
        return bool(cli.json("verify")["orders"] > FIRST_CHUNK_ORDERS)

    poll(some, "the orders of the second chunk")
    process.kill()
    process.wait(SECONDS)
    assert process.stdout is not None
    process.stdout.close()
    poll(lambda: is_gone(process.pid), "the end of its reading processes")
    again = import_(cli, path)
    assert again["imported"] + again["already_there"] == 4 * MANY
    assert again["already_there"] > FIRST_CHUNK_ORDERS
    assert len(export(cli, tmp_path / "out")) == 4 * MANY + 1


@pytest.mark.slow
def test_an_import_that_is_stopped_says_how_to_go_on(plain_cli: Cli, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group, as at a terminal; no process is left behind."""
    plain_cli.ok("account", "add", ACCOUNT)
    path = history(tmp_path / "history", 20 * MANY)
    process = plain_cli.start("import", str(path), "--account", ACCOUNT)
    poll(lambda: has_orders(tmp_path / "var" / "ordrebok.db"), "the first orders")
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    assert "Run the same command again to go on" in said
    assert "Traceback" not in said
    poll(lambda: is_gone(process.pid), "the end of its reading processes")


def has_orders(path: Path) -> bool:
    """Tell whether a file of the default name has any order yet, without reading them all."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("select 1 from documents limit 1").fetchone() is not None
    finally:
        connection.close()


def is_gone(group: int) -> bool:
    """Tell whether no process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


# ------------------------------------------------------------------------- what is not taken


def test_what_cannot_be_done_is_named_in_a_sentence(plain_cli: Cli, tmp_path: Path) -> None:
    """And nothing is written."""
    lines = str(write_lines(tmp_path / "lines", foreign("A")))
    account = ("--account", ACCOUNT)
    assert "Add it first" in plain_cli.fails(1, "import", lines, *account)
    assert "Add it first" in plain_cli.fails(1, "export", *account)
    plain_cli.ok("account", "add", ACCOUNT)
    assert "cannot be read" in plain_cli.fails(1, "import", "nowhere", *account)
    nowhere = str(tmp_path / "no" / "where")
    assert "cannot be written" in plain_cli.fails(1, "import", lines, *account, "--report", nowhere)
    assert "cannot be written" in plain_cli.fails(1, "export", *account, "--output", nowhere)
    assert "no time" in plain_cli.fails(2, "export", *account, "--since", "yesterday")
    assert "csv" in plain_cli.fails(2, "export", *account, "--format", "csv")
    assert "--account" in plain_cli.fails(2, "import", lines)
    header: Json = {"format": "ordrebok.orders", "version": 2}
    newer = str(write_lines(tmp_path / "newer", header, foreign("A")))
    assert "newer Ordrebok" in plain_cli.fails(1, "import", newer, *account)
    other = str(write_lines(tmp_path / "other", {"format": "x.y", "version": 1}))
    assert "'x.y'" in plain_cli.fails(1, "import", other, *account)
    empty = write_lines(tmp_path / "empty")
    assert import_(plain_cli, empty) == tally()
    assert len(export(plain_cli, tmp_path / "out")) == 1
