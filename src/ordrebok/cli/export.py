"""`ordrebok export`: complete orders, one to a line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ordrebok import clock
from ordrebok.cli.client import no_account
from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.options import AccountOption, DatabaseOption
from ordrebok.cli.output import FAILURE, fail, note
from ordrebok.cli.progress import progress
from ordrebok.clock import Instant, instant, milliseconds
from ordrebok.config import DEFAULT_DATABASE
from ordrebok.decision import Listing
from ordrebok.events.rules import with_events
from ordrebok.store.accounts import AccountStore
from ordrebok.store.interface import BulkStore
from ordrebok.store.walk import Walk, walked
from ordrebok.wire.base import encode
from ordrebok.wire.exchange import FORMAT, FORMAT_VERSION, Header

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Format(Enum):
    """How an export is written."""

    ndjson = "ndjson"


@app.command()
def export(
    *,
    account: AccountOption,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            envvar="ORDREBOK_SINCE",
            metavar="TIME",
            help="Only orders made then or later, such as 2026-01-01 or 2026-01-01T08:00:00+01:00.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            envvar="ORDREBOK_UNTIL",
            metavar="TIME",
            help="Only orders made before then.",
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option("--format", envvar="ORDREBOK_FORMAT", help="One JSON object to a line."),
    ] = Format.ndjson,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            envvar="ORDREBOK_OUTPUT",
            metavar="FILE",
            help="Where to write; standard output without it. It appears when it is complete.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Write all orders of an account, complete with operations and events, oldest first.

    A server may go on working meanwhile.

    Example: ordrebok export --account T12345678 --output orders.ndjson

    One year: ordrebok export --account T12345678 --since 2026-01-01 --until 2027-01-01
    """
    del format_  # There is one so far.
    bounds = (_moment(since, "--since"), _moment(until, "--until"))
    count = run_or_fail(lambda: _export(database, account, bounds, output))
    if output is not None:
        note(f"{count} orders are in {output}.")


async def _export(
    database: str, account: str, bounds: tuple[Instant | None, Instant | None], output: Path | None
) -> int:
    """Write the export; return how many orders it holds."""
    since, until = bounds
    async with opened(database) as store:
        if await AccountStore(store).account(account) is None:
            fail(no_account(account))
        walk = Walk(
            account_id=account,
            since_ms=None if since is None else since.ms,
            until_ms=None if until is None else until.ms,
        )
        header = Header(
            format=FORMAT,
            version=FORMAT_VERSION,
            account_id=account,
            exported_at=clock.now().text,
            since=None if since is None else since.text,
            until=None if until is None else until.text,
        )
        count = 0
        total = await count_orders(store, walk)
        with _destination(output) as file, progress("Exporting", total) as went:
            file.write(encode(header) + b"\n")
            async for order in walked(store, walk):
                events = [event.body for event in order.events]
                file.write(with_events(order.body, events, ()) + b"\n")
                count += 1
                went(1)
        return count


async def count_orders(store: BulkStore, walk: Walk) -> int:
    """Return how many orders a walk goes through, for a progress bar."""
    listing = Listing(
        account_id=walk.account_id,
        kind="order",
        limit=1,
        after=None,
        render=lambda _: b"",
        created_gte_ms=walk.since_ms,
        created_lte_ms=None if walk.until_ms is None else walk.until_ms - 1,
        with_total=True,
    )
    return (await store.page(listing)).total or 0


@contextmanager
def _destination(output: Path | None) -> Iterator[BinaryIO]:
    """Where to write: standard output, or a file that gets its name when it is complete."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # Whoever read has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILURE) from None
        return
    part = output.with_name(output.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror or error}.")
    finally:
        part.unlink(missing_ok=True)


def _moment(text: str | None, option: str) -> Instant | None:
    """Return the moment of an option; one without a zone is taken as UTC."""
    if text is None:
        return None
    try:
        return instant(milliseconds(datetime.fromisoformat(text)))
    except (ValueError, OverflowError):
        message = f"{text!r} is no time such as 2026-01-01 or 2026-01-01T08:00:00Z."
        raise typer.BadParameter(message, param_hint=option) from None
