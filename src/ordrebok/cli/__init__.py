"""The command line: one file a noun, each a thin hand on the same rooms the web uses.

This room owns options, words for people and exit statuses: 0 done, 1 failed, 2 not understood.
It never decides anything. Start reading in app.py (all commands), then serving.py.
"""

import gc
from typing import Final

_GC_THRESHOLD: Final = 100_000
"""What is loaded at the start stays: to look through it for garbage takes a twelfth of the time."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(_GC_THRESHOLD)
    # Who only imports this room needs neither typer nor the time it takes.
    from ordrebok.cli.app import app  # noqa: PLC0415

    app()
