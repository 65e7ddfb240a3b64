"""The arithmetic of measurements, apart from everything that measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed (nearest rank).

    `ordered` is sorted. It is always a value that was measured, never one between two.
    Refuses: an empty sequence, and a share outside 0 to 1.
    """
    if not ordered:
        raise ValueError("There is no percentile of nothing.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not at {share}.")
    # What floats make of 0.07 x 100 is a hair above 7, and is meant to be 7.
    rank = math.ceil(round(share * len(ordered), 9))
    return ordered[max(rank, 1) - 1]


def median(values: Sequence[float]) -> float:
    """Return the middle of values in any order; the lower of two middles."""
    return percentile(sorted(values), 0.5)


def ratio(value: float, base: float) -> float | None:
    """Return how many times the base a value is; None where there is no base."""
    return value / base if base > 0 else None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single requests took, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Sum up durations that are given in seconds, in any order."""
        ordered = sorted(seconds)
        return cls(
            p50_ms=percentile(ordered, 0.50) * 1000,
            p99_ms=percentile(ordered, 0.99) * 1000,
            max_ms=ordered[-1] * 1000,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measurement: one kind of work by a number of callers at once."""

    engine: str
    """`sqlite` or `postgres`."""
    work: str
    callers: int
    per_second: float
    latency: Latency
    client_us: float | None = None
    """Processor time of the load generator, in microseconds a piece of work."""
    server_us: float | None = None
    """Processor time of the server's processes, in microseconds a piece of work."""
    base_per_second: float | None = None
    """What pgbench reached in the same run with the bare transaction and as many callers."""
    steps: dict[str, Latency] = field(default_factory=dict)
    """Where the work is several requests: how long each of them took."""
    middle_to_base: float | None = None
    """Of a cell that stands for several rounds: the median of their ratios to the base."""

    @property
    def to_base(self) -> float | None:
        """How many times the bare transaction this is, in its own round or the median of all."""
        if self.middle_to_base is not None:
            return self.middle_to_base
        base = self.base_per_second
        return None if base is None else ratio(self.per_second, base)


def middle_rounds(cells: Iterable[Cell]) -> list[Cell]:
    """Return of each kind of cell the one of the median round, by its rate.

    Keeps: its latency is that of its own round. Its ratio is the median of the ratios of all
    rounds, each to the base of the same round: a machine that was slow for one of the two would
    else decide.
    """
    rounds: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        rounds.setdefault((cell.work, cell.engine, cell.callers), []).append(cell)
    return [_middle(same) for same in rounds.values()]


def _middle(same: Sequence[Cell]) -> Cell:
    """Return the cell that stands for the rounds of one kind of cell."""
    found = sorted(same, key=lambda cell: cell.per_second)[(len(same) - 1) // 2]
    ratios = [cell.to_base for cell in same if cell.to_base is not None]
    return replace(found, middle_to_base=median(ratios)) if ratios else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How fast a subscription was told what it had missed."""

    engine: str
    deliveries: int
    per_second: float
    server_us: float
    """Processor time of the server's processes, in microseconds a delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of the processes of one server, the largest of them and all together, in MB.

    `rss` counts pages that processes share once for each process, `pss` once in all.
    """

    processes: int
    largest_rss_mb: float
    largest_pss_mb: float
    total_pss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How soon a server answers after its process was spawned, and the memory it takes."""

    engine: str
    runs: int
    healthy_seconds: float
    """Until `GET /healthz` answered 200; the median of the runs."""
    answer_seconds: float
    """Until an authenticated `GET` answered 200; the median of the runs."""
    slowest_seconds: float
    empty_seconds: float
    """Until `GET /healthz` answered on a database without tables, migration included."""
    idle: Memory
    loaded: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An aim of the project and what was measured for it."""

    name: str
    aim: float
    measured: float
    unit: str
    at_least: bool
    """True where more is better."""

    @property
    def met(self) -> bool:
        """Tell whether the aim was reached."""
        return self.measured >= self.aim if self.at_least else self.measured <= self.aim
