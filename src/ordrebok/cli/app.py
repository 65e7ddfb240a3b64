"""All commands, by noun; the file of a command is read only when the command is used."""

from importlib import import_module
from typing import Annotated, Final

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

COMMANDS: Final = {
    "demo": "demo",
    "serve": "serving",
    "migrate": "migration",
    "account": "account",
    "client": "client",
    "token": "tokens",
    "key": "key",
    "export": "export",
    "import": "import_",
    "verify": "verify",
    "payouts": "payouts",
    "expire": "expire",
}
"""Commands, in the order `--help` shows them, with the file of each."""

HELP: Final = """
A self-hosted order book: drafts, orders and what was paid on them, over HTTP.

It keeps everything in one SQLite file, or in PostgreSQL. Every option can also be given as the
environment variable that stands beside it.

\b
First steps:
  ordrebok demo                     see it work; an account and a client are made for you
  ordrebok account add T12345678    an account of your own,
  ordrebok client add T12345678 --scope admin:shopping    an API client for it,
  ordrebok serve                    and the server
"""


class Commands(TyperGroup):
    """The commands, found by name.

    Reading them all takes several times as long as a server needs to start.
    """

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 -- typer passes it
        """Return the names."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: object,  # noqa: ARG002 -- typer passes it
        cmd_name: str,
    ) -> TyperCommand | TyperGroup | None:
        """Return the command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"ordrebok.cli.{COMMANDS[cmd_name]}")
        command = typer.main.get_command(module.app)
        if not isinstance(command, TyperCommand | TyperGroup):
            raise TypeError(cmd_name)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="ordrebok",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Its tables cut long words, such as the names of variables.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 -- typer passes the option's value
    if wanted:
        typer.echo(f"ordrebok {import_module('importlib.metadata').version('ordrebok')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
