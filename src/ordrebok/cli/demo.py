"""`ordrebok demo`: a server with an account and a client, and one order made over HTTP."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.table import Table

from ordrebok import clock
from ordrebok.accounts import clients
from ordrebok.accounts.book import Account, AccountBook
from ordrebok.cli.calls import Server, ServerUnreachableError
from ordrebok.cli.client import make
from ordrebok.cli.database import with_book
from ordrebok.cli.example import StepFailedError, kroner, steps
from ordrebok.cli.options import DatabaseOption, HostOption, LogLevelOption
from ordrebok.cli.output import fail, note
from ordrebok.cli.ports import free_or_fail, next_free
from ordrebok.cli.tables import console
from ordrebok.config import DEFAULT_DATABASE, DEFAULT_HOST, DEFAULT_PORT, origin
from ordrebok.refusals import Refusal
from ordrebok.wire.token import ClientWithSecret

ACCOUNT: Final = "T12345678"
CLIENT: Final = "demo"
SCOPES: Final = (
    "admin:shopping",
    "admin:discounts",
    "admin:billing",
    "admin:hooks",
    "admin:accounts",
)
START_SECONDS: Final = 60
STOP_SECONDS: Final = 40

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Credentials(NamedTuple):
    """What a client needs to get a token."""

    client_id: str
    client_secret: str


class _StopError(Exception):
    """Somebody asked this process to stop."""


@app.command()
def demo(
    *,
    host: HostOption = DEFAULT_HOST,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            envvar="ORDREBOK_PORT",
            min=1,
            max=65535,
            help=f"Port to listen on; without it the first free one from {DEFAULT_PORT} on.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    serve: Annotated[  # noqa: ARG001 -- the default, and a word that scripts may say
        bool,
        typer.Option("--serve", envvar="ORDREBOK_SERVE", help="Go on serving (the default)."),
    ] = True,
    once: Annotated[
        bool, typer.Option("--once", envvar="ORDREBOK_ONCE", help="Stop after the order.")
    ] = False,
    log_level: LogLevelOption = "warning",
) -> None:
    """See it work: an account, a client, and one order over HTTP.

    The server goes on serving until Ctrl-C. Everything is kept in the database; run it again
    and the account is the same, the client has a new secret, and there is one more order.

    Example: ordrebok demo --database sqlite:///demo.db --port 8080
    """
    port = _port(host, port)
    credentials = with_book(database, _prepare)
    if isinstance(credentials, Refusal):
        fail(f"{credentials.text}.")
    server = Server(origin(host, port))
    options = ["--host", host, "--port", str(port), "--log-level", log_level]
    with _stopping_on_sigterm(), _running(["--database", database, *options]) as process:
        _wait_until_ready(server, process)
        token = _show_order(server, credentials)
        if once:
            return
        _show_address(server, credentials, token)
        status = process.wait()
        fail(f"The server ended by itself, with status {status}.")


async def _prepare(book: AccountBook) -> Credentials | Refusal:
    """Make the account and the client, or give the client that is there a new secret."""
    await book.add_account(Account(ACCOUNT, "Demo", clock.now().text))
    stored = await book.client_named(ACCOUNT, CLIENT)
    made: ClientWithSecret | Refusal
    if stored is not None:
        made = await clients.rotate_secret(book, ACCOUNT, stored.client.id, None)
    else:
        made = await make(book, ACCOUNT, SCOPES, "Demo", CLIENT)
        if isinstance(made, Refusal) and made.code == "ID_TAKEN":  # By a client that was removed.
            made = await make(book, ACCOUNT, SCOPES, "Demo", None)
    return made if isinstance(made, Refusal) else Credentials(made.client_id, made.client_secret)


def _port(host: str, wanted: int | None) -> int:
    """Return the port to listen on: the wanted one or none, else the first that is free."""
    first = DEFAULT_PORT if wanted is None else wanted
    if free_or_fail(host, first):
        return first
    if wanted is not None:
        fail(f"Port {wanted} on {host} is taken. Choose another one with --port.")
    found = next_free(host, first)
    if found is None:
        fail(f"All ports from {DEFAULT_PORT} on are taken. Choose one with --port.")
    note(f"Port {first} is taken, so this is port {found}.")
    return found


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block, which is how a demo ends well."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _StopError

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _StopError:
        note("Stopped.")
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _running(options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ordrebok serve` as a process of its own for the length of the block."""
    command = [sys.executable, "-m", "ordrebok.cli", "serve", *options]
    process = subprocess.Popen(command)  # noqa: S603 -- our own program
    try:
        yield process
    finally:
        # A second Ctrl-C is not to leave a server behind.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server says that it is ready, or has ended."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            fail("The server could not start; see above.")
        try:
            if server.call("GET", "/readyz").status == 200:  # noqa: PLR2004 -- HTTP's OK
                return
        except ServerUnreachableError:
            pass
        time.sleep(0.02)
    fail(f"The server was not ready after {START_SECONDS} seconds.")


def _show_order(server: Server, credentials: Credentials) -> str:
    """Make the order, show each step and the order itself; return the token."""
    out = console()
    out.print(f"One order in account {ACCOUNT}, over HTTP:\n")
    answers = []
    try:
        for number, step in enumerate(steps(server, ACCOUNT, *credentials), 1):
            out.print(f"{number}. {step.sentence}: {step.outcome}", style="bold", soft_wrap=True)
            out.print(f"   {step.request}", style="dim", soft_wrap=True)
            answers.append(step.value)
    except (StepFailedError, ServerUnreachableError) as error:
        fail(str(error))
    out.print()
    out.print(_order_table(answers[-1]))
    token: str = answers[0]["access_token"]
    return token


def _order_table(order: Any) -> Table:  # noqa: ANN401 -- it is JSON
    """Return the order's lines and totals for people."""
    table = Table(
        title=f"Order {order['order_id']}, in NOK", title_justify="left", show_footer=True
    )
    tax = sum(line["amount"] for item in order["items"] for line in item["tax_lines"])
    table.add_column("Line", justify="right")
    table.add_column("Item", "Total")
    table.add_column("Quantity", justify="right")
    for title, amount in (
        ("Gross", order["gross_amount"]),
        ("Discount", order.get("total_discount", 0)),
        ("To pay", order["net_amount"]),
        ("Of which tax", tax),
    ):
        table.add_column(title, kroner(amount), justify="right")
    for item in order["items"]:
        table.add_row(
            str(item["line_id"]),
            item["description"],
            str(item.get("quantity", 1)),
            kroner(item["gross_amount"]),
            kroner(item["gross_amount"] - item["net_amount"]),
            kroner(item["net_amount"]),
            kroner(sum(line["amount"] for line in item["tax_lines"])),
        )
    return table


def _show_address(server: Server, credentials: Credentials, token: str) -> None:
    """Show where the server is and how to go on."""
    root = f"{server.url}/v1/accounts/{ACCOUNT}"
    basic = shlex.quote(f"{credentials.client_id}:{credentials.client_secret}")
    as_json = "-H 'Content-Type: application/json'"
    wish = shlex.quote(json.dumps({"audience": root}))
    lines = (
        f"\nServing at     {server.url}",
        f"Account        {ACCOUNT}",
        f"client_id      {credentials.client_id}",
        f"client_secret  {credentials.client_secret}",
        "\nThe account's orders, with the token from step 1:\n",
        f"curl -s {root}/shopping/orders -H 'Authorization: Bearer {token}'",
        "\nA new token:\n",
        f"curl -s {root}/auth/token -u {basic} {as_json} -d {wish}",
        "\nCtrl-C stops it.",
    )
    out = console()
    for line in lines:
        out.print(line, soft_wrap=True)
