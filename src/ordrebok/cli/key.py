"""`ordrebok key`: the keys that sign tokens."""

from typing import Annotated

import typer

from ordrebok import clock
from ordrebok.accounts import keys
from ordrebok.accounts.book import AccountBook, SigningKey
from ordrebok.cli.database import with_book
from ordrebok.cli.options import DatabaseOption, JsonOption
from ordrebok.cli.output import print_json
from ordrebok.cli.tables import print_table
from ordrebok.config import DEFAULT_DATABASE

app = typer.Typer(
    help="Signing keys: what makes tokens genuine.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_(*, database: DatabaseOption = DEFAULT_DATABASE, as_json: JsonOption = False) -> None:
    """List the signing keys; the key itself is never shown."""

    async def work(book: AccountBook) -> list[SigningKey]:
        return list(await book.signing_keys())

    rows = [_public(key) for key in with_book(database, work)]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("KEY", "CREATED", "RETIRED", "LAST TOKEN ENDS"),
            [tuple(row.values()) for row in rows],
            "No keys yet. The server makes the first one when it starts.",
        )


@app.command("rotate")
def rotate(
    *,
    revoke: Annotated[
        bool,
        typer.Option(
            "--revoke",
            envvar="ORDREBOK_REVOKE",
            help="Forget all earlier keys now: every live token ends within a minute.",
        ),
    ] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Make a new key that signs from now on.

    Live tokens stay good: earlier keys stay public until their last token has expired. When a
    key got into wrong hands, use --revoke.
    """
    key = with_book(database, lambda book: keys.rotate(book, clock.now(), revoke=revoke))
    if as_json:
        print_json(_public(key))
    else:
        typer.echo(f"Key {key.kid} signs from now on.")


def _public(key: SigningKey) -> dict[str, object]:
    """Return what may be shown of a key."""
    end_ms = keys.ends_ms(key)
    return {
        "kid": key.kid,
        "created_at": key.created_at,
        "retired_at": key.retired_at,
        "last_token_ends_at": None if end_ms is None else clock.instant(end_ms).text,
    }
