"""`ordrebok client`: API clients, the programs that act for an account."""

from typing import Annotated, Any

import typer
from msgspec import to_builtins

from ordrebok import clock
from ordrebok.accounts import clients, grants
from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.rules import canonical_scopes
from ordrebok.cli.database import with_book
from ordrebok.cli.options import AccountArgument, DatabaseOption, JsonOption
from ordrebok.cli.output import fail, note, print_json
from ordrebok.cli.tables import print_table
from ordrebok.config import DEFAULT_DATABASE
from ordrebok.refusals import Refusal
from ordrebok.wire.token import Client, ClientBody, ClientWithSecret, GrantBody

DEFAULT_NAME = "API client"
AUDIENCE = "https://api.dintero.com/v1/accounts/{}"
"""The audience of grants made here; clients may name any host before the account's path."""

ClientArgument = Annotated[
    str, typer.Argument(metavar="CLIENT", help="The client's id or its client_id.")
]

app = typer.Typer(
    help="API clients: the programs that act for an account.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("add")
def add(
    account_id: AccountArgument,
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            envvar="ORDREBOK_SCOPE",
            help="What it may do, such as admin:shopping; repeat it for more.",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", envvar="ORDREBOK_NAME", help="A name for people.")
    ] = DEFAULT_NAME,
    client_id: Annotated[
        str | None,
        typer.Option(
            "--client-id",
            envvar="ORDREBOK_NEW_CLIENT_ID",
            help="A client_id of your own choice; a UUID without it.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Make an API client and show its secret, this once.

    Example: ordrebok client add T12345678 --scope admin:shopping --json
    """
    scopes = scope or ["admin:shopping"]
    _, faults = canonical_scopes(scopes)
    if faults:
        message = "; ".join(f"{fault.message} ({fault.description})" for fault in faults)
        raise typer.BadParameter(message, param_hint="--scope")
    made = with_book(database, lambda book: make(book, account_id, tuple(scopes), name, client_id))
    if isinstance(made, Refusal):
        fail(made.text + "".join(f": {fault.message}" for fault in made.faults) + ".")
    _show(made, as_json=as_json)


@app.command("list")
def list_(
    account_id: AccountArgument,
    *,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """List the API clients of an account with what they may do.

    Example: ordrebok client list T12345678
    """

    async def work(book: AccountBook) -> list[dict[str, Any]] | None:
        if await book.account(account_id) is None:
            return None
        scopes: dict[str, list[str]] = {}
        for grant in await book.grants(account_id):
            scopes.setdefault(grant.client_id, []).extend(grant.scope)
        return [
            {**to_builtins(client), "scopes": scopes.get(client.id, [])}
            for client in await book.clients(account_id)
        ]

    listed = with_book(database, work)
    if listed is None:
        fail(no_account(account_id))
    if as_json:
        print_json(listed)
    else:
        print_table(
            ("CLIENT ID", "NAME", "SCOPES", "CREATED"),
            [
                (row["client_id"], row["name"], " ".join(row["scopes"]), row["created_at"])
                for row in listed
            ],
            f"No clients yet. Add one: ordrebok client add {account_id} --scope admin:shopping",
        )


@app.command("rotate-secret")
def rotate_secret(
    account_id: AccountArgument,
    client: ClientArgument,
    *,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Give a client a new secret and show it, this once. The old one is refused from now on.

    Tokens that the client already has stay good until they expire.
    """

    async def work(book: AccountBook) -> ClientWithSecret | None:
        found = await find(book, account_id, client)
        if found is None:
            return None
        rotated = await clients.rotate_secret(book, account_id, found.id, None)
        return None if isinstance(rotated, Refusal) else rotated

    rotated = with_book(database, work)
    if rotated is None:
        fail(f"Account {account_id} has no client {client}.")
    _show(rotated, as_json=as_json)


@app.command("remove")
def remove(
    account_id: AccountArgument,
    client: ClientArgument,
    *,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Remove a client. It gets no more tokens, and those it has end within a minute."""

    async def work(book: AccountBook) -> bool:
        found = await find(book, account_id, client)
        if found is None:
            return False
        return (
            await book.delete_client(account_id, found.id, by=None, at=clock.now().text) is not None
        )

    if not with_book(database, work):
        fail(f"Account {account_id} has no client {client}.")
    typer.echo(f"Removed client {client}. Its tokens end within a minute.")


async def make(
    book: AccountBook, account_id: str, scopes: tuple[str, ...], name: str, client_id: str | None
) -> ClientWithSecret | Refusal:
    """Make a client with a grant for its account.

    Refuses: NOT FOUND (the account), INVALID_REQUEST_PARAMETER, ID_TAKEN.
    """
    if await book.account(account_id) is None:
        return Refusal("NOT FOUND", no_account(account_id).rstrip("."))
    body = ClientBody(name=name, client_id=client_id)
    client = await clients.create(book, account_id, body, None)
    if isinstance(client, Refusal):
        return client
    audience = AUDIENCE.format(account_id)
    grant = await grants.create(
        book, account_id, GrantBody(client_id=client.id, audience=audience, scope=scopes), None
    )
    return grant if isinstance(grant, Refusal) else client


async def find(book: AccountBook, account_id: str, client: str) -> Client | None:
    """Return a client by its client_id, else by its id."""
    stored = await book.client_named(account_id, client) or await book.client(account_id, client)
    return stored.client if stored else None


def no_account(account_id: str) -> str:
    """Return the sentence for an account that is not there."""
    return f"There is no account {account_id}. Add it first: ordrebok account add {account_id}."


def _show(client: ClientWithSecret, *, as_json: bool) -> None:
    """Print the credentials; the secret is nowhere else."""
    if as_json:
        print_json(to_builtins(client))
        return
    typer.echo(f"client_id:     {client.client_id}")
    typer.echo(f"client_secret: {client.client_secret}")
    note("Keep the secret now: only its hash is stored, and it is never shown again.")
