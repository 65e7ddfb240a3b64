"""What a verification found, as a table for people or as JSON for programs."""

import json
from collections.abc import Iterable
from typing import Any, Final

import typer

from ordrebok.audit.rules import Disagreement
from ordrebok.cli.output import note
from ordrebok.cli.tables import print_table

SHOWN: Final = 1_000
"""Disagreements in the table; a program gets all of them."""


class Findings:
    """Collects what does not agree; however much it is, little of it is held."""

    def __init__(self, *, as_json: bool) -> None:
        """Begin with nothing found."""
        self.orders = 0
        self.disagreements = 0
        self._as_json = as_json
        self._rows: list[tuple[object, ...]] = []
        self._wrong: set[int] = set()

    def add(self, account_id: str, order_id: str, found: Iterable[Disagreement]) -> None:
        """Take in one order that was looked at."""
        self.orders += 1
        for each in found:
            self._add(account_id, order_id, each)

    def add_stray(self, account_id: str, order_id: str, found: Disagreement) -> None:
        """Take in something that was found about an order, or about none."""
        self._add(account_id, order_id, found)

    def finish(self) -> None:
        """Print what was found, or the end of it."""
        if self._as_json:
            self._print_json_end()
            return
        if self._rows:
            columns = ("ACCOUNT", "ORDER", "CHECK", "FOUND", "EXPECTED")
            print_table(columns, self._rows, "")
        if self.disagreements > len(self._rows):
            note(f"{self.disagreements - len(self._rows)} more; --json prints all of them.")
        if self.disagreements:
            where = f"in {len(self._wrong)} orders, of {self.orders}"
            typer.echo(f"{self.disagreements} disagreements {where}.")
        else:
            typer.echo(f"All {self.orders} orders agree.")

    def _add(self, account_id: str, order_id: str, found: Disagreement) -> None:
        self.disagreements += 1
        self._wrong.add(hash((account_id, order_id)))
        if self._as_json:
            self._print_json({"account_id": account_id, "order_id": order_id, **found._asdict()})
        elif len(self._rows) < SHOWN:
            expected = f"{found.relation} {_shown(found.expected)}"
            self._rows.append((account_id, order_id, found.check, _shown(found.found), expected))

    def _print_json(self, entry: dict[str, Any]) -> None:
        """Print one more entry of the list."""
        typer.echo('{"disagreements": [' if self.disagreements == 1 else ",", nl=False)
        typer.echo("\n  " + json.dumps(entry, ensure_ascii=False), nl=False)

    def _print_json_end(self) -> None:
        """Close the list, and print the sums."""
        head = "\n]" if self.disagreements else '{"disagreements": []'
        typer.echo(f'{head}, "orders": {self.orders}, "disagreeing_orders": {len(self._wrong)}}}')


def _shown(value: int | str | None) -> str:
    """Return a value for the table."""
    return "nothing" if value is None else str(value)
