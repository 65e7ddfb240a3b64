"""The command line: one file a noun, each a thin hand on the same rooms the web uses.

This room owns options, words for people and exit statuses: 0 done, 1 failed, 2 not understood.
It never decides anything. Start reading in app.py (all commands), then serving.py.
"""


def main() -> None:
    """Run the command line."""
    # Who only imports this room needs neither typer nor the time it takes.
    from ordrebok.cli.app import app  # noqa: PLC0415

    app()
