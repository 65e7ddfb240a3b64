"""Tables for people."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from ordrebok.cli.output import note

WIDE: Final = 200
"""Columns of output that goes to a file or another program: nothing is folded there."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a result for people; the sentence `empty` where there are no rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # Ids are copied from here: never cut short.
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        note(empty)


def console() -> Console:
    """Return stdout as a console: colours and the terminal's width only on a terminal."""
    return Console(
        width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False, emoji=False
    )
