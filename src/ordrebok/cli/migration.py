"""`ordrebok migrate`: the tables, brought up to date."""

import typer

from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.options import DatabaseOption
from ordrebok.config import DEFAULT_DATABASE

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def migrate(*, database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Bring the tables of a database up to date, or make them.

    `ordrebok serve` does this by itself, except with --no-migrate. It can be run while servers
    of the version before are at work.

    Example: ordrebok migrate --database postgresql://ordrebok@db/ordrebok
    """

    async def work() -> None:
        async with opened(database):
            pass

    run_or_fail(work)
    typer.echo("The tables are up to date.")
