"""`ordrebok import`: orders of an export, or of another system's history."""

import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from ordrebok.cli.client import no_account
from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.importing import Import, Report, Tally
from ordrebok.cli.lines import Chunk, chunks
from ordrebok.cli.options import AccountOption, DatabaseOption, JsonOption
from ordrebok.cli.output import FAILURE, fail, note, print_json
from ordrebok.cli.progress import progress
from ordrebok.cli.reading import header_of
from ordrebok.config import DEFAULT_DATABASE, is_sqlite
from ordrebok.exchange.place import Place
from ordrebok.store.accounts import AccountStore
from ordrebok.wire.exchange import FORMAT, FORMAT_VERSION

STOPPED: Final = 130
STANDARD_INPUT: Final = "-"
_AT_ONCE: Final = 2
"""Chunks that PostgreSQL takes at the same time; SQLite's file has one writer."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("import")
def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The lines to import; - for standard input.")
    ],
    *,
    account: AccountOption,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            envvar="ORDREBOK_REPORT",
            metavar="FILE",
            help="Where refused lines go: one JSON object each, with everything that is wrong.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Bring orders into an account; what is there already is never written over.

    Run it again after it was stopped: orders that are there with the same content are passed
    over. Lines that do not fit are refused into the report, while the others go in; the status
    is 1 then. A server may go on working meanwhile.

    Example: ordrebok import orders.ndjson --account T12345678 --report refused.ndjson
    """
    tally = Tally()
    try:
        run_or_fail(lambda: _import(database, account, file, report, tally))
    except BrokenProcessPool:
        fail(f"A reading process ended without a word. {_sentence(tally)} Run it again to go on.")
    except KeyboardInterrupt:
        note(f"Stopped. {_sentence(tally)} Run the same command again to go on.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        print_json(asdict(tally))
    else:
        where = f" See {report}." if report is not None and tally.refused else ""
        typer.echo(_sentence(tally) + where)
    if tally.refused:
        raise typer.Exit(FAILURE)


async def _import(
    database: str, account: str, file: str, report: Path | None, tally: Tally
) -> None:
    """Import a file."""
    with ExitStack() as stack:
        stream, size = stack.enter_context(_source(file))
        place, source = _from_header(chunks(stream), account)
        async with opened(database) as store:
            if await AccountStore(store).account(account) is None:
                fail(no_account(account))
            refused = None if report is None else stack.enter_context(_written(report))
            went = stack.enter_context(progress("Importing", size, of_bytes=True))
            path = Path(file) if stream.seekable() and file != STANDARD_INPUT else None
            at_once = 1 if is_sqlite(database) else _AT_ONCE
            work = Import(store, place, Report(refused, note), tally, at_once)
            await work.run(source, went, path)


@contextmanager
def _source(file: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The lines, and how many bytes they are where that is known."""
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    try:
        stream = path.open("rb")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
    with stream:
        yield stream, path.stat().st_size


def _written(report: Path) -> BinaryIO:
    """Open the report; what an earlier run wrote there is gone."""
    try:
        return report.open("wb")
    except OSError as error:
        fail(f"{report} cannot be written: {error.strerror}.")


def _from_header(source: Iterator[Chunk], account: str) -> tuple[Place, Iterator[Chunk]]:
    """Return where the orders go and come from, as the first line says, and all the lines."""
    first = next(source, None)
    if first is None:
        return Place(account), source
    _, line = next(first.lines(), (0, b""))
    header = header_of(line)
    if header is not None and header.format != FORMAT:
        fail(f"The file is of the format {header.format!r}, not {FORMAT!r}.")
    if header is not None and header.version > FORMAT_VERSION:
        fail(
            f"The file is of version {header.version} of its format; this program knows "
            f"version {FORMAT_VERSION}. Install a newer Ordrebok."
        )
    place = Place(account, "" if header is None else header.account_id or "")
    return place, chain([first], source)


def _sentence(tally: Tally) -> str:
    """Return what has become of the lines, for people."""
    words = [f"{tally.imported} orders imported"]
    if tally.already_there:
        words.append(f"{tally.already_there} there already with the same content")
    if tally.changed_since:
        words.append(f"{tally.changed_since} there already and changed since")
    words.append(f"{tally.refused} lines refused")
    return ", ".join(words) + "."
