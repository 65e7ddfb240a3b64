"""How commands speak: results on stdout, everything else on stderr, colours on a terminal only."""

import json
from typing import Final, NoReturn

import typer

FAILURE: Final = 1


def fail(sentence: str) -> NoReturn:
    """Say what went wrong, and what to do, on stderr; end with status 1."""
    typer.secho("Error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(sentence, err=True)
    raise typer.Exit(FAILURE)


def note(sentence: str) -> None:
    """Say something that is not the result, on stderr."""
    typer.echo(sentence, err=True)


def print_json(value: object) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
