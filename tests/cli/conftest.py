"""The command line as its users meet it: a process with arguments, two outputs and a status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.openapi import Json
from tests.support.server import environment

SECONDS = 60


class Cli:
    """Runs `ordrebok` in an empty folder, against one database when there is one."""

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder = folder
        self.database = database

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.variables(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command that goes on, in a group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.variables(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ok(self, *arguments: str) -> str:
        """What a command that succeeds prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Json:
        """What a command prints for programs."""
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, status: int, *arguments: str, **variables: str) -> str:
        """What a command says on stderr when it ends with this status; it prints no result."""
        done = self.run(*arguments, **variables)
        assert done.returncode == status, done.stdout + done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stderr, "colours where no terminal is"
        return " ".join(done.stderr.replace("│", " ").split())

    def command(self, *arguments: str) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-m", "ordrebok.cli", *arguments]

    def variables(self, **more: str) -> dict[str, str]:
        """The environment: the database, and nothing of the tester's own settings."""
        given = {} if self.database is None else {"ORDREBOK_DATABASE": self.database}
        inherited = environment()
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # Compiling takes longer than most commands.
        return inherited | given | {"COLUMNS": "200"} | more


@pytest.fixture
def cli(tmp_path: Path, database_url: str) -> Cli:
    """The command line with an empty database, once for each engine."""
    return Cli(tmp_path, database_url)


@pytest.fixture
def plain_cli(tmp_path: Path) -> Cli:
    """The command line in an empty folder, with its own defaults."""
    return Cli(tmp_path)
