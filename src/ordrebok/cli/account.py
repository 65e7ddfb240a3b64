"""`ordrebok account`: the accounts that orders belong to."""

from typing import Annotated

import typer

from ordrebok import clock
from ordrebok.accounts.book import Account, AccountBook
from ordrebok.accounts.rules import is_owner_id
from ordrebok.cli.database import with_book
from ordrebok.cli.options import AccountArgument, DatabaseOption, JsonOption
from ordrebok.cli.output import fail, print_json
from ordrebok.cli.tables import print_table
from ordrebok.config import DEFAULT_DATABASE

app = typer.Typer(
    help="Accounts: the merchants (or partners) that orders belong to.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("add")
def add(
    account_id: AccountArgument,
    *,
    name: Annotated[
        str, typer.Option("--name", envvar="ORDREBOK_NAME", help="A name for people.")
    ] = "",
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Add an account.

    Example: ordrebok account add T12345678 --name "Stoler AS"
    """
    if not is_owner_id(account_id):
        message = (
            f"{account_id!r} is no account id: P (production) or T (test) and eight digits, "
            "such as T12345678; a partner has three digits."
        )
        raise typer.BadParameter(message, param_hint="ACCOUNT")
    account = Account(account_id, name or account_id, clock.now().text)

    async def work(book: AccountBook) -> bool:
        return await book.add_account(account)

    if not with_book(database, work):
        fail(f"Account {account_id} is there already.")
    if as_json:
        print_json(account._asdict())
    else:
        typer.echo(f"Added account {account_id}.")


@app.command("list")
def list_(*, database: DatabaseOption = DEFAULT_DATABASE, as_json: JsonOption = False) -> None:
    """List all accounts.

    Example: ordrebok account list --json
    """

    async def work(book: AccountBook) -> list[Account]:
        return list(await book.accounts())

    accounts = with_book(database, work)
    if as_json:
        print_json([account._asdict() for account in accounts])
    else:
        print_table(
            ("ACCOUNT", "NAME", "CREATED"),
            accounts,
            "No accounts yet. Add one: ordrebok account add T12345678",
        )
