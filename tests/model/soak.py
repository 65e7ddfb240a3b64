"""The long run: `python -m tests.model.soak --minutes 10`.

Half of the time the machine compares the server with the naive books, on both engines in turn.
The other half a real server is killed under load, at least twenty times on each engine, and then
`ordrebok verify` goes through the database it left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.model.crash import Crashes, crashing
from tests.model.door import Door
from tests.model.machine import Machine, run
from tests.support.postgres import Cluster, running
from tests.support.server import environment

ENGINES = ("sqlite", "postgres")
LEAST_KILLS = 20
EXAMPLES_AT_A_TIME = 10
VERIFY_SECONDS = 600

console = Console()


class Databases:
    """Fresh databases on both engines, gone at the end."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder = folder
        self._cluster = cluster

    @contextmanager
    def fresh(self, engine: str) -> Iterator[tuple[str, Path]]:
        """An empty database, and a folder for what belongs to it."""
        with ExitStack() as stack:
            directory = tempfile.TemporaryDirectory(dir=self._folder)
            folder = Path(stack.enter_context(directory))
            if engine == "sqlite":
                yield f"sqlite:///{folder / 'ordrebok.db'}", folder
            else:
                yield stack.enter_context(self._cluster.fresh_database()), folder


def compare(databases: Databases, seconds: float, progress: Progress) -> dict[str, int]:
    """Run the machine on each engine in turn, until the time is over; the steps of each."""
    started = time.monotonic()
    task = progress.add_task("Model", total=seconds, found="")
    steps: Counter[str] = Counter()
    with ExitStack() as stack:
        doors = {}
        for engine in ENGINES:
            url, _ = stack.enter_context(databases.fresh(engine))
            doors[engine] = stack.enter_context(Door(url))
        while (passed := time.monotonic() - started) < seconds:
            for engine, door in doors.items():
                before = Machine.met.total()
                run(door, examples=EXAMPLES_AT_A_TIME)
                steps[engine] += Machine.met.total() - before
            _show(progress, task, passed, f"{steps.total():,} steps")
        _show(progress, task, seconds, f"{steps.total():,} steps")
    return steps


def kill(
    databases: Databases, engine: str, seconds: float, progress: Progress, least: int
) -> Crashes:
    """Kill a server on one engine, again and again, until the time is over."""
    started = time.monotonic()
    task = progress.add_task(f"Kills on {engine}", total=seconds, found="")
    with databases.fresh(engine) as (url, folder):
        with crashing(url, folder) as kills:
            for done in kills:
                passed = time.monotonic() - started
                share = min(passed, seconds * done.kills / least)
                _show(progress, task, share, f"{done.kills} kills, {done.writes:,} writes")
                if done.kills >= least and passed >= seconds:
                    break
        verify(url, engine, done.proved)
    _show(progress, task, seconds, f"{done.kills} kills, {done.writes:,} writes")
    return done


def verify(url: str, engine: str, orders: int) -> None:
    """Let `ordrebok verify` go through what is left, and print what it says.

    It must see every order that the server had, and find nothing.
    """
    command = [sys.executable, "-m", "ordrebok.cli", "verify", "--json", "--database", url]
    done = subprocess.run(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=VERIFY_SECONDS,
        check=False,
    )
    said = (done.stdout + done.stderr).strip()
    console.print(f"verify on {engine}: {said}", markup=False, highlight=False, soft_wrap=True)
    assert done.returncode == 0, f"verify on {engine} ended with {done.returncode}"
    found = json.loads(done.stdout)
    expected = {"disagreements": [], "orders": orders, "disagreeing_orders": 0}
    assert found == expected, f"the server had {orders} orders"


def main() -> None:
    """Run for the minutes that were asked for; the first thing that does not agree ends it."""
    parser = argparse.ArgumentParser(description="Compare the server with naive books; kill it.")
    parser.add_argument("--minutes", type=float, default=10, help="about how long (default 10)")
    parser.add_argument("--kills", type=int, default=LEAST_KILLS, help="at least, on each engine")
    asked = parser.parse_args()
    half = asked.minutes * 60 / 2
    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[found]}"),
    )
    with (
        running() as cluster,
        tempfile.TemporaryDirectory(prefix="ordrebok-soak-") as folder,
        Progress(*columns, console=console) as progress,
    ):
        databases = Databases(Path(folder), cluster)
        steps = compare(databases, half, progress)
        crashes = {
            engine: kill(databases, engine, half / len(ENGINES), progress, asked.kills)
            for engine in ENGINES
        }
    _report(steps, crashes)


def _show(progress: Progress, task: TaskID, completed: float, found: str) -> None:
    """Show how far a part of the run has come."""
    progress.update(task, completed=completed, found=found)


def _report(steps: dict[str, int], crashes: dict[str, Crashes]) -> None:
    """Print what was done, on each engine."""
    table = Table("engine", "model steps", "kills", "writes answered", "orders proved")
    for engine, done in crashes.items():
        counts = (steps[engine], done.kills, done.writes, done.proved)
        table.add_row(engine, *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(
        "Every answered write is there, none is there twice, every proof holds, verify finds "
        "nothing, and the server agrees with the naive books."
    )


if __name__ == "__main__":
    main()
