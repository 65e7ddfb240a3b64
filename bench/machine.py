"""The machine under the measurements: what it is, how fast it is just now, who else uses it."""

from __future__ import annotations

import os
import platform
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import median

BLOCK_BYTES = 8_192
SYNCS = 100
SPINS = 1_000_000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures depend on, in general terms."""

    cores: int
    python: str
    sync_ms: float
    """How long the disk takes to make 8 KB durable, where the SQLite file stands; the median."""


def look() -> Machine:
    """Look at the machine, before anything is measured."""
    return Machine(
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        sync_ms=_sync_seconds() * 1000,
    )


def _sync_seconds() -> float:
    """Return how long a small write takes to become durable in the folder for temporary files."""
    durations = []
    with tempfile.TemporaryFile(prefix="ordrebok-bench-") as file:
        for _ in range(SYNCS):
            file.write(b"x" * BLOCK_BYTES)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            durations.append(time.perf_counter() - began)
    return median(durations)


def spin_ms() -> float:
    """Return how long a fixed piece of Python work takes: the speed of a processor just now."""
    began, total = time.perf_counter(), 0
    for number in range(SPINS):
        total += number
    return (time.perf_counter() - began) * 1000


class Company:
    """Who else used the processors since this was made.

    A measurement shares the machine with everything else on it; where that was much, the figures
    say little.
    """

    def __init__(self) -> None:
        """Begin to count."""
        self._all, self._busy = _processors()
        self._ours = _own_seconds()

    def share(self) -> float:
        """Return the share of all processor time that others used, from 0 to 1."""
        every, busy = _processors()
        others = (busy - self._busy) - (_own_seconds() - self._ours)
        return max(0.0, others / (every - self._all)) if every > self._all else 0.0


def _processors() -> tuple[float, float]:
    """Return the seconds that all processors have counted, and of those the busy ones."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    times = [int(field) / _TICKS for field in fields]
    return sum(times), sum(times) - times[3] - times[4]  # idle, and waiting for a disk


def _own_seconds() -> float:
    """Return the processor time of this process and of everything that it started."""
    total = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in parentheses, which may hold blanks: fields 3 to 52.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        seconds[pid] = sum(map(int, fields[11:15])) / _TICKS
    return total + sum(used for pid, used in seconds.items() if _is_below(pid, parents))


def _is_below(pid: int, parents: dict[int, int]) -> bool:
    """Tell whether a process was started by this one, or by one that was."""
    pid = parents.get(pid, 0)
    while pid not in (0, os.getpid()):
        pid = parents.get(pid, 0)
    return pid != 0
