"""`serve` and `demo`: servers that start, say where they are, and stop when they are told to."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Cli
from tests.support.server import free_port, poll, serving

SECONDS = 60


@contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What a process prints up to the line with this word."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(said)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_well(
    tmp_path: Path, database_url: str, sign: signal.Signals
) -> None:
    """Status 0, for a service manager's signal and for Ctrl-C."""
    with serving(database_url, tmp_path) as server:
        server.process.send_signal(sign)
        assert server.process.wait(SECONDS) == 0


def test_several_processes_serve_one_postgresql_database(tmp_path: Path, postgres_url: str) -> None:
    """A token of one process is known to the others, and all of them stop."""
    with serving(postgres_url, tmp_path, "--workers", "2") as server:
        cli = Cli(tmp_path, postgres_url)
        cli.ok("account", "add", "T12345678")
        cli.ok("client", "add", "T12345678", "--client-id", "c")
        cli.ok("key", "rotate")
        token = cli.ok("token", "T12345678", "--client-id", "c", "--local").strip()
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{server.url}/v1/accounts/T12345678/shopping/orders"
        for _ in range(20):
            assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
        assert server.terminate() == 0


def test_a_taken_port_is_named_in_a_sentence(plain_cli: Cli) -> None:
    """Neither command tries to go on; the demo without a port takes the next free one."""
    with taken_port() as port:
        assert "is taken" in plain_cli.fails(1, "serve", "--port", str(port))
        assert "is taken" in plain_cli.fails(1, "demo", "--port", str(port))
        assert "is taken" in plain_cli.fails(1, "demo", ORDREBOK_PORT=str(port))
    assert "Cannot listen" in plain_cli.fails(1, "serve", "--host", "203.0.113.1")


@pytest.mark.parametrize(("asked", "status"), [("1", 200), ("0", 403)])
def test_sandboxes_are_asked_for_by_the_environment(
    plain_cli: Cli, asked: str, status: int
) -> None:
    """As everything that has an option."""
    plain_cli.ok("account", "add", "T12345678")
    plain_cli.ok("client", "add", "T12345678")
    token = plain_cli.ok("token", "T12345678", "--local").strip()
    port = free_port()
    process = plain_cli.start("serve", "--port", str(port), ORDREBOK_SANDBOX=asked)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            poll(lambda: _is_ready(http), "the server")
            headers = {"Authorization": f"Bearer {token}"}
            path = "/v1/accounts/T12345678/sandbox/clock"
            assert http.get(path, headers=headers).status_code == status
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def test_a_second_server_on_one_file_is_refused(tmp_path: Path) -> None:
    """Two processes that write one SQLite file are slower than one."""
    database = f"sqlite:///{tmp_path / 'one.db'}"
    with serving(database, tmp_path):
        said = Cli(tmp_path, database).fails(1, "serve", "--port", str(free_port()))
        assert "another process serves" in said
        Cli(tmp_path, database).ok("account", "add", "T12345678")


def test_a_server_without_migration_wants_the_tables_to_be_there(cli: Cli) -> None:
    """It says which command makes them."""
    port = str(free_port())
    assert "ordrebok migrate" in cli.fails(1, "serve", "--no-migrate", "--port", port)
    assert "ordrebok migrate" in cli.fails(1, "serve", "--port", port, ORDREBOK_MIGRATE="0")


def test_a_newer_database_is_refused(plain_cli: Cli) -> None:
    """An old program on a new database stops with a clear word before it does anything."""
    plain_cli.ok("migrate")
    file = plain_cli.folder / "var" / "ordrebok.db"
    connection = sqlite3.connect(file)
    connection.execute("insert into migrations values (999, 999, '2030-01-01T00:00:00.000Z')")
    connection.commit()
    connection.close()
    port = str(free_port())
    for arguments in (("serve", "--port", port), ("account", "list"), ("migrate",), ("demo",)):
        assert "newer than this program" in plain_cli.fails(1, *arguments)


def test_the_demo_makes_an_order_each_time(cli: Cli) -> None:
    """From the token to reading it back, over HTTP; again on the same database."""
    for number in (100001, 100002):
        said = cli.ok("demo", "--once")
        assert "1. Get a token" in said
        assert "2. Create a draft: 1 item, NOK 398,00" in said
        assert "3. Add an item: 2 items, NOK 2 647,10" in said
        assert f"4. Complete it: order {_order_id(said)}, number {number}" in said
        assert "5. Read the order back: open, payment pending" in said
        assert "529,42" in said, "the tax of both lines"
        assert "Serving at" not in said


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_goes_on_serving_until_it_is_stopped(plain_cli: Cli, sign: signal.Signals) -> None:
    """What it prints can be pasted; Ctrl-C reaches the whole group, as at a terminal."""
    process = plain_cli.start("demo", "--serve", "--port", str(free_port()))
    try:
        said = read_until(process, "Ctrl-C")
        token = httpx.post(
            _word(said, "Serving at") + "/v1/accounts/T12345678/auth/token",
            auth=(_word(said, "client_id"), _word(said, "client_secret")),
            json={"audience": _word(said, "Serving at") + "/v1/accounts/T12345678"},
            trust_env=False,
        )
        assert token.status_code == 200
        url, bearer = _curl(said)
        orders = httpx.get(url, headers={"Authorization": bearer}, trust_env=False).json()
        assert [order["order_id"] for order in orders["orders"]] == [_order_id(said)]
        if sign == signal.SIGINT:
            os.killpg(process.pid, sign)
        else:
            process.send_signal(sign)
        assert process.wait(SECONDS) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _order_id(said: str) -> str:
    found = re.search(r"^Order ([0-9A-Z]{9})", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def _word(said: str, label: str) -> str:
    found = re.search(rf"^{label} +(\S+)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def _curl(said: str) -> tuple[str, str]:
    found = re.search(
        r"^curl -s (\S+/orders) -H 'Authorization: (Bearer \S+)'$", said, re.MULTILINE
    )
    assert found is not None, said
    return found[1], found[2]
