"""The server under load: "add an item to a draft" and "get a draft", over real connections.

The engines and pgbench take turns, round after round, because the speed of a machine changes
while one measures. A ratio is always to what pgbench did in the same round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.figures import Cell
from bench.load import Job, Measured, Step, generate
from bench.pgbench import READ, WRITE, Yardstick
from bench.server import Server, serving
from bench.workload import LINES, add_request, create_request, document, get_request, new_ids
from tests.support.postgres import Cluster

CALLERS = (1, 8, 32)
MANY = max(CALLERS)
ADD, GET = "add item", "get draft"
SEVERAL = "postgres x2"
"""PostgreSQL behind a server of two processes."""
PREPARED = {1: 0.6, 8: 1.2, 32: 1.4}
"""Drafts are prepared at 32 connections, for so many times as long as they will be used up at
that many connections. Should they not suffice, the measured time ends with the last of them."""
MOST_DRAFTS_PER_SECOND = 20_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each cell is measured, how long it is warmed up before, and for which callers."""

    seconds: float
    warm_seconds: float
    callers: Sequence[int] = CALLERS
    rounds: int = 1
    reads: bool = True
    """Measure pgbench's bare read, too."""

    @property
    def whole(self) -> float:
        """A cell with its warm-up."""
        return self.seconds + self.warm_seconds


@contextmanager
def yardstick(cluster: Cluster) -> Iterator[Yardstick]:
    """Give pgbench tables and documents like the server's, in a database of its own."""
    with cluster.fresh_database() as url:
        bench = Yardstick(cluster, url, document())
        bench.prepare(MANY)
        bench.measure(WRITE, MANY, 1)
        yield bench


Base = dict[tuple[str, int], Cell]
"""What pgbench reached with the bare transaction in one round, by work and clients."""


def measure_base(bench: Yardstick, pace: Pace, works: Sequence[str]) -> Base:
    """Measure the bare transactions."""
    found: Base = {}
    for callers in pace.callers:
        for work in works:
            seconds = max(1, round(pace.seconds))
            rate, latency = bench.measure(WRITE if work == ADD else READ, callers, seconds)
            found[work, callers] = Cell(
                engine="pgbench",
                work=work,
                callers=callers,
                per_second=rate,
                latency=latency,
            )
    return found


@contextmanager
def servers(
    engines: Sequence[str], cluster: Cluster, options: Sequence[str] = (), *, several: bool = False
) -> Iterator[dict[str, Load]]:
    """A server on each engine; with `several`, one of two processes on PostgreSQL as well."""
    wanted = {engine: (engine, tuple(options)) for engine in engines}
    if several and "postgres" in engines:
        wanted[SEVERAL] = ("postgres", (*options, "--workers", "2"))
    with ExitStack() as stack:
        yield {
            name: Load(*stack.enter_context(serving(engine, cluster, its)))
            for name, (engine, its) in wanted.items()
        }


def measure(engine: str, load: Load, pace: Pace, base: Base) -> Iterator[Cell]:
    """Measure one server, once at every number of connections.

    Refuses: WrongAnswer at the first answer that is not the right one.
    """
    for callers in pace.callers:
        drafts = load.prepare(pace.whole * PREPARED[callers])
        added = load.add(drafts, callers, pace)
        yield _cell(engine, ADD, callers, added, base)
        read = load.get(drafts[: added[0].sent], callers, pace)
        yield _cell(engine, GET, callers, read, base)


Weighed = tuple[Measured, float]
"""What the generator measured, and the server's processor time in seconds an identifier."""


class Load:
    """The kinds of work, on one server."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self.port = server.port
        self.token = token

    def prepare(self, seconds: float, customer: str | None = None) -> tuple[str, ...]:
        """Make drafts one line short for that long, and return their ids."""
        make = _step(create_request(self.token, LINES - 1, customer), LINES - 1)
        ids = new_ids(int(seconds * MOST_DRAFTS_PER_SECOND))
        made, _ = self.run([make], ids, MANY, Pace(seconds, 0))
        return ids[: made.sent]

    def add(self, drafts: Sequence[str], callers: int, pace: Pace) -> Weighed:
        """Add the last line, to each draft once."""
        return self.run([_step(add_request(self.token), LINES)], drafts, callers, pace)

    def get(self, drafts: Sequence[str], callers: int, pace: Pace) -> Weighed:
        """Read drafts that have all their lines, again and again."""
        read = _step(get_request(self.token), LINES)
        return self.run([read], drafts, callers, pace, again=True)

    def cpu_seconds(self) -> float:
        """The server's processor time so far."""
        return self._server.cpu_seconds()

    def run(
        self,
        steps: Sequence[Step],
        ids: Sequence[str],
        callers: int,
        pace: Pace,
        *,
        again: bool = False,
    ) -> Weighed:
        """Go through the steps with each identifier.

        Refuses: WrongAnswer at the first answer that is not the right one.
        """
        cpu = self._server.cpu_seconds()
        measured = generate(
            Job(
                port=self._server.port,
                connections=callers,
                seconds=pace.seconds,
                warm_seconds=pace.warm_seconds,
                steps=tuple(steps),
                ids=tuple(ids),
                again=again,
            )
        )
        return measured, (self._server.cpu_seconds() - cpu) / measured.sent


def _step(parts: tuple[str, ...], lines: int) -> Step:
    """Return a step whose right answer has so many lines."""
    return Step(parts, f'"line_id":{lines}')


def _cell(engine: str, work: str, callers: int, weighed: Weighed, base: Base) -> Cell:
    """Put a measurement beside its base."""
    measured, server_seconds = weighed
    bare = base.get((work, callers))
    return Cell(
        engine=engine,
        work=work,
        callers=callers,
        per_second=measured.per_second,
        latency=measured.latency,
        client_us=measured.cpu_us,
        server_us=server_seconds * 1e6,
        base_per_second=None if bare is None else bare.per_second,
    )
