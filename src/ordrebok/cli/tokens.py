"""`ordrebok token`: an access token on stdout, and nothing else."""

from typing import Annotated

import typer

from ordrebok import clock
from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.issuing import token_for
from ordrebok.cli.calls import Server, ServerUnreachableError
from ordrebok.cli.client import find
from ordrebok.cli.database import with_book
from ordrebok.cli.options import AccountArgument, DatabaseOption
from ordrebok.cli.output import fail
from ordrebok.config import DEFAULT_DATABASE, DEFAULT_URL
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.token import Client, TokenAnswer

OK = 200

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def token(
    account_id: AccountArgument,
    *,
    client_id: Annotated[
        str,
        typer.Option(
            "--client-id",
            envvar="ORDREBOK_CLIENT_ID",
            help="Which client; with --local it may be left out where the account has just one.",
        ),
    ] = "",
    client_secret: Annotated[
        str,
        typer.Option(
            "--client-secret",
            envvar="ORDREBOK_CLIENT_SECRET",
            help="Its secret; other users of the machine can read it on the command line, "
            "but not in the environment.",
        ),
    ] = "",
    url: Annotated[
        str, typer.Option("--url", envvar="ORDREBOK_URL", help="Address of the running server.")
    ] = DEFAULT_URL,
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            envvar="ORDREBOK_LOCAL",
            help="Sign it here, with the key in the database; needs no server and no secret.",
        ),
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Print an access token, good for four hours.

    Example: TOKEN=$(ordrebok token T12345678 --client-id ... --client-secret ...)

    On the server's own machine: TOKEN=$(ordrebok token T12345678 --local)
    """
    if local:
        typer.echo(_signed_here(account_id, client_id, url, database))
        return
    if not client_id or not client_secret:
        raise typer.BadParameter(
            "Give id and secret, or use --local on the server's own machine.",
            param_hint="--client-secret" if client_id else "--client-id",
        )
    try:
        answer = Server(url).token(account_id, client_id, client_secret)
    except ValueError:
        raise typer.BadParameter(
            f"{url!r} is no address such as {DEFAULT_URL}.", param_hint="--url"
        ) from None
    except ServerUnreachableError as error:
        fail(f"{error}. Is it running? Start it with: ordrebok serve")
    if answer.status != OK:
        fail(f"The server refused ({answer.status}). {answer.complaint()}")
    typer.echo(answer.value["access_token"])


def _signed_here(account_id: str, client_id: str, url: str, database: str) -> str:
    """Return a token signed with the database's key."""

    async def work(book: AccountBook) -> TokenAnswer | Refusal:
        client = await _client(book, account_id, client_id)
        if isinstance(client, Refusal):
            return client
        origin = url.rstrip("/")
        audience = f"{origin}/v1/accounts/{account_id}"
        return await token_for(
            book, client, account_id, audience=audience, issuer=origin, now=clock.now()
        )

    answer = with_book(database, work)
    if isinstance(answer, Refusal):
        fail(f"{answer.text}.")
    return answer.access_token


async def _client(book: AccountBook, account_id: str, client_id: str) -> Client | Refusal:
    """Return the client that is named, or the account's only one.

    Refuses: NOT FOUND.
    """
    if client_id:
        found = await find(book, account_id, client_id)
        return found or refuse("NOT FOUND", f"Account {account_id} has no client {client_id}")
    clients = await book.clients(account_id)
    if len(clients) == 1:
        return clients[0]
    names = ", ".join(client.client_id for client in clients)
    which = f"say which with --client-id: {names}" if names else "add one: ordrebok client add"
    return refuse("NOT FOUND", f"Account {account_id} has {len(clients)} clients; {which}")
