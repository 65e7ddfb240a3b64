"""`ordrebok expire`: orders and drafts whose time is over, erased now, or only told."""

from typing import Annotated

import typer

from ordrebok.cli.client import no_account
from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.options import DatabaseOption, JsonOption
from ordrebok.cli.output import fail, note, print_json
from ordrebok.cli.progress import progress
from ordrebok.cli.tables import print_table
from ordrebok.clock import now
from ordrebok.config import DEFAULT_DATABASE
from ordrebok.store.accounts import AccountStore
from ordrebok.store.interface import Store
from ordrebok.store.sweep import expire_due

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def expire(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            envvar="ORDREBOK_ACCOUNT",
            metavar="ACCOUNT",
            help="Only this account's; all accounts without it.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", envvar="ORDREBOK_DRY_RUN", help="Tell what would go, erase nothing."
        ),
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Erase the orders and drafts whose time to live is over.

    A server does this by itself every few minutes, and may go on working meanwhile. What is erased
    cannot be brought back.

    Example: ordrebok expire --account T12345678 --dry-run
    """
    erased = run_or_fail(lambda: _expired(database, account, dry_run=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, "erased": erased})
        return
    rows = ([row["account_id"], row["kind"], row["id"]] for row in erased)
    print_table(["ACCOUNT", "KIND", "ID"], rows, "Nothing is past its time.")
    if erased and dry_run:
        note("Nothing was erased.")


async def _expired(database: str, account: str | None, *, dry_run: bool) -> list[dict[str, str]]:
    """Erase what is due, account by account; return what it was."""
    gone: list[dict[str, str]] = []
    async with opened(database) as store:
        book = AccountStore(store)
        if account is not None and await book.account(account) is None:
            fail(no_account(account))
        names = [each.account_id for each in await book.accounts()]
        for account_id in names if account is None else [account]:
            await _expire_account(store, account_id, gone, dry_run=dry_run)
        if gone and not dry_run and not await store.scrub():
            note("What was erased is still in the file's log, because somebody reads it.")
    return gone


async def _expire_account(
    store: Store, account_id: str, gone: list[dict[str, str]], *, dry_run: bool
) -> None:
    """Erase what is due in one account."""
    moment = now()
    due = await store.read("due_count", account_id=account_id, now_ms=moment.ms)
    with progress("Looking" if dry_run else "Erasing", due[0]["count"]) as went:

        def erased(kind: str, id_: str) -> None:
            """Take in what was erased."""
            gone.append({"account_id": account_id, "kind": kind, "id": id_})
            went(1)

        await expire_due(store, account_id, moment, dry_run=dry_run, erased=erased)
