"""`ordrebok payouts`: what every destination was given, computed from the orders."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated, Final

import typer
from msgspec.structs import asdict

from ordrebok.cli.client import no_account
from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.export import count_orders
from ordrebok.cli.options import AccountOption, DatabaseOption
from ordrebok.cli.output import fail
from ordrebok.cli.progress import progress
from ordrebok.cli.tables import print_table
from ordrebok.clock import Instant
from ordrebok.config import DEFAULT_DATABASE
from ordrebok.orders.record import decode
from ordrebok.orders.whole import WholeOrder
from ordrebok.payouts.ledger import bounds, entries, summed
from ordrebok.store.accounts import AccountStore
from ordrebok.store.walk import Walk, walked
from ordrebok.wire.base import encode
from ordrebok.wire.payout_ledger import EntryType, PayoutBalance, PayoutEntry

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_COLUMNS: Final = (
    "destination",
    "currency",
    "authorized",
    "cancelled",
    "captured",
    "refunded",
    "net",
)
_Sums = dict[tuple[str, str, EntryType], int]


class Format(Enum):
    """How payouts are printed."""

    table = "table"
    csv = "csv"
    ndjson = "ndjson"


@app.command()
def payouts(
    *,
    account: AccountOption,
    period: Annotated[
        str | None,
        typer.Option(
            "--period",
            envvar="ORDREBOK_PERIOD",
            metavar="PERIOD",
            help="A year, month or day in UTC: 2026, 2026-11 or 2026-11-20. All time without it.",
        ),
    ] = None,
    destination: Annotated[
        str | None,
        typer.Option(
            "--destination",
            envvar="ORDREBOK_DESTINATION",
            metavar="DESTINATION",
            help="Only this one.",
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            envvar="ORDREBOK_FORMAT",
            help="A table for people, CSV, or one JSON object to a line.",
        ),
    ] = Format.table,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Sum what every destination was given, by currency, in minor units.

    Computed from the orders and what was recorded on them. A server may go on working meanwhile.

    Example: ordrebok payouts --account T12345678 --period 2026-11

    For a spreadsheet: ordrebok payouts --account T12345678 --format csv
    """
    limits = None
    if period is not None:
        limits = bounds(period)
        if limits is None:
            message = f"{period!r} is no period such as 2026, 2026-11 or 2026-11-20."
            raise typer.BadParameter(message, param_hint="--period")
    sums = run_or_fail(lambda: _summed(database, account, limits))
    rows = list(_balances(sums, destination))
    if format_ is Format.table:
        cells = ([row[column] for column in _COLUMNS] for row in rows)
        print_table([column.upper() for column in _COLUMNS], cells, "Nothing was paid out.")
    elif format_ is Format.csv:
        sys.stdout.write(_csv(rows))
    else:
        for row in rows:
            typer.echo(encode(row).decode())


async def _summed(database: str, account: str, limits: tuple[Instant, Instant] | None) -> _Sums:
    """Sum the entries of all orders by destination, currency and type."""
    sums: _Sums = {}
    async with opened(database) as store:
        if await AccountStore(store).account(account) is None:
            fail(no_account(account))
        walk = Walk(account_id=account, until_ms=None if limits is None else limits[1].ms)
        with progress("Summing", await count_orders(store, walk)) as went:
            async for order in walked(store, walk):
                for entry in _entries_of(order, limits):
                    name = (entry.destination, entry.currency, entry.type)
                    sums[name] = sums.get(name, 0) + entry.amount
                went(1)
    return sums


def _entries_of(order: WholeOrder, limits: tuple[Instant, Instant] | None) -> Iterator[PayoutEntry]:
    """Yield the entries of an order that lie within a period."""
    # An order that last changed before the period has nothing in it, and most have no payouts.
    if (limits is not None and order.updated_ms < limits[0].ms) or b'"payout"' not in order.body:
        return
    for entry in entries(decode(order.body)):
        if limits is None or limits[0].ms <= Instant.of(entry.created_at).ms < limits[1].ms:
            yield entry


def _balances(sums: _Sums, only: str | None) -> Iterator[dict[str, str | int]]:
    """Yield a row for each destination and currency, in the order of their names."""
    of: dict[str, list[tuple[str, str, EntryType, int]]] = {}
    for (destination, currency, type_), amount in sums.items():
        if only in {None, destination}:
            of.setdefault(destination, []).append(("", currency, type_, amount))
    for destination, amounts in sorted(of.items()):
        for balance in summed(amounts):
            yield {"destination": destination, **_shown(balance)}


def _shown(balance: PayoutBalance) -> dict[str, str | int]:
    """Return the columns of a balance."""
    return {name: value for name, value in asdict(balance).items() if name != "period"}


def _csv(rows: Iterable[dict[str, str | int]]) -> str:
    """Return rows as CSV with a head."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
