"""What was measured, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.figures import Backlog, Cell, Memory, Start, Target, median
from bench.machine import Machine

WIDTH = 110
QUIET = 0.05

HTTP_AIMS = {"sqlite": 4_000.0, "postgres": 5_000.0, "postgres x2": 5_000.0}
"""Items added a second at 32 connections."""
RATED = {"add item": "connections", "write": "writers, the store alone"}
STORE_AIM = 12_000.0
"""Guarded writes a second at 32 writers, without the web."""
PGBENCH_THERE = 6_700.0
"""What pgbench reached at 32 clients on the machine for which those rates were set: as multiples of
pgbench in the same round, the aims can also be held on another machine."""
START_AIM_SECONDS = 0.5
MEMORY_AIM_MB = 90.0
OFFERS_AIM = 0.5
"""How many times the rate without rules a hundred of them leave, at 32 connections."""
WEBHOOKS_AIM = 0.8
"""How many times the rate without a subscription one leaves, at 8 and 32 connections."""
BACKLOG_AIM = 500.0
"""Deliveries a second of what a subscription has missed."""
MANY = 32
ORDER = ("pgbench", "sqlite", "postgres", "postgres x2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """The load generator against a responder that does nothing."""

    callers: int
    per_second: float
    cpu_us: float


@dataclass(slots=True, kw_only=True)
class Findings:
    """Everything one run measured."""

    machine: Machine
    others: float = 0.0
    """The share of all processor time that other processes used during the run."""
    spins_ms: list[float] = field(default_factory=list)
    """How long a fixed piece of Python work took, again and again during the run."""
    generator: list[Generator] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    flow: list[Cell] = field(default_factory=list)
    offers: list[Cell] = field(default_factory=list)
    webhooks: list[Cell] = field(default_factory=list)
    backlogs: list[Backlog] = field(default_factory=list)
    store: list[Cell] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)

    def targets(self) -> list[Target]:
        """Return the aims that this run has a figure for."""
        found: list[Target] = []
        for cell in (*self.cells, *self.store):
            aim = STORE_AIM if cell.work == "write" else HTTP_AIMS.get(cell.engine)
            if aim is not None and cell.work in RATED and cell.callers == MANY:
                found += _rated(f"{cell.work}, {cell.engine}, {MANY} {RATED[cell.work]}", aim, cell)
        found += [
            Target(
                name=f"{cell.work}, to without, {cell.engine}, {MANY} connections",
                aim=OFFERS_AIM,
                measured=cell.to_base,
                unit="x",
                at_least=True,
            )
            for cell in self.offers
            if cell.callers == MANY and cell.to_base is not None
        ]
        found += [
            Target(
                name=f"{cell.work}, to without, {cell.engine}, {cell.callers} connections",
                aim=WEBHOOKS_AIM,
                measured=cell.to_base,
                unit="x",
                at_least=True,
            )
            for cell in self.webhooks
            if cell.callers > 1 and cell.to_base is not None
        ]
        found += [
            _at_least(f"deliveries of a backlog, {each.engine}", BACKLOG_AIM, each.per_second)
            for each in self.backlogs
        ]
        for start in self.starts:
            name = f"start to first answer, {start.engine}"
            found.append(_at_most(name, START_AIM_SECONDS, start.answer_seconds, "s"))
            for when, memory in (("idle", start.idle), ("under load", start.loaded)):
                name = f"memory of a worker {when}, {start.engine}"
                found.append(_at_most(name, MEMORY_AIM_MB, memory.largest_rss_mb, "MB"))
        return found


def _rated(name: str, aim: float, cell: Cell) -> list[Target]:
    """Make the targets of a cell: its rate, and how often that is the rate of pgbench."""
    found = [_at_least(name, aim, cell.per_second)]
    if cell.to_base is not None:
        share = aim / PGBENCH_THERE
        found.append(
            Target(name=name, aim=share, measured=cell.to_base, unit="x pgbench", at_least=True)
        )
    return found


def _at_least(name: str, aim: float, per_second: float) -> Target:
    """Make the target of a rate."""
    return Target(name=name, aim=aim, measured=per_second, unit="/s", at_least=True)


def _at_most(name: str, aim: float, measured: float, unit: str) -> Target:
    """Make the target of something that should be small."""
    return Target(name=name, aim=aim, measured=measured, unit=unit, at_least=False)


def show(findings: Findings, console: Console) -> None:
    """Print everything."""
    seen = findings.machine
    console.print(
        f"{seen.cores} cores, Python {seen.python}; 8 KB are durable after {seen.sync_ms:.2f} ms."
    )
    console.print(
        f"Others used {findings.others:.0%} of the processor time during the run.",
        style="" if findings.others < QUIET else "yellow",
    )
    if findings.spins_ms:
        fastest, slowest = min(findings.spins_ms), max(findings.spins_ms)
        console.print(
            f"A million rounds of a Python loop took {fastest:.0f} to {slowest:.0f} ms during "
            f"the run, {median(findings.spins_ms):.0f} in the middle."
        )
    for title, table in _tables(findings):
        console.print()
        console.print(title, style="bold")
        console.print(table)


Titled = tuple[str, Table]


def _tables(findings: Findings) -> Iterable[Titled]:
    """Make a table of each part that was measured."""
    if findings.cells:
        yield _cells("Over HTTP, drafts of three lines", "connections", findings.cells)
    if findings.flow:
        yield _cells("The whole flow over HTTP, orders", "connections", findings.flow)
        yield _steps(findings.flow)
    if findings.offers:
        yield _cells("Discounts over HTTP", "connections", findings.offers, base="x without")
    if findings.webhooks:
        yield _cells("Webhooks over HTTP", "connections", findings.webhooks, base="x without")
    if findings.backlogs:
        yield _backlogs(findings.backlogs)
    if findings.store:
        yield _cells("The store alone, guarded writes", "writers", findings.store)
    if findings.generator:
        yield _generator(findings.generator)
    if findings.starts:
        yield _starts(findings.starts)
    targets = findings.targets()
    if targets:
        yield _targets(targets)


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    """Make an empty table with columns of words, then columns of numbers."""
    table = Table(box=None, pad_edge=False)
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(title: str, callers: str, cells: Sequence[Cell], base: str = "x pgbench") -> Titled:
    """Show rates, latencies, the ratio to their base and where the processor time went."""
    table = _table(
        ("work", "engine"),
        (callers, "per second", base, "p50 ms", "p99 ms", "server us", "client us"),
    )
    for cell in sorted(cells, key=lambda cell: (cell.work, ORDER.index(cell.engine), cell.callers)):
        table.add_row(
            cell.work,
            cell.engine,
            str(cell.callers),
            f"{cell.per_second:,.0f}",
            _number(cell.to_base, ".2f"),
            f"{cell.latency.p50_ms:.2f}",
            f"{cell.latency.p99_ms:.2f}",
            _number(cell.server_us, ".0f"),
            _number(cell.client_us, ".0f"),
        )
    return title, table


def _steps(cells: Sequence[Cell]) -> Titled:
    """Show how long each step of the flow took, beside each other at every number of callers."""
    callers = sorted({cell.callers for cell in cells})
    columns = [f"{name} at {count}" for count in callers for name in ("p50", "p99")]
    table = _table(("step", "engine"), columns)
    for step in dict.fromkeys(step for cell in cells for step in cell.steps):
        for engine in ORDER:
            took = {cell.callers: cell.steps[step] for cell in cells if cell.engine == engine}
            if took:
                pairs = [(took[count].p50_ms, took[count].p99_ms) for count in callers]
                table.add_row(step, engine, *(f"{value:.2f}" for pair in pairs for value in pair))
    return "The flow's steps, in ms at so many connections", table


def _number(value: float | None, form: str) -> str:
    """Write a number that may be missing."""
    return "" if value is None else format(value, form)


def _generator(measured: Sequence[Generator]) -> Titled:
    """Show what the load generator costs."""
    table = _table((), ("connections", "per second", "client us"))
    for each in measured:
        table.add_row(str(each.callers), f"{each.per_second:,.0f}", f"{each.cpu_us:.0f}")
    return "The load generator, against a responder that does nothing", table


def _backlogs(measured: Sequence[Backlog]) -> Titled:
    """Show how fast subscriptions were told what they had missed."""
    table = _table(("engine",), ("deliveries", "per second", "server us"))
    for each in measured:
        table.add_row(
            each.engine, str(each.deliveries), f"{each.per_second:,.0f}", f"{each.server_us:.0f}"
        )
    return "What a paused subscription has missed, told once it is resumed", table


def _starts(starts: Sequence[Start]) -> Titled:
    """Show start and memory."""
    table = _table(
        ("engine",),
        ("healthz s", "first answer s", "slowest s", "empty database s", "idle", "under load"),
    )
    for start in starts:
        table.add_row(
            start.engine,
            f"{start.healthy_seconds:.2f}",
            f"{start.answer_seconds:.2f}",
            f"{start.slowest_seconds:.2f}",
            f"{start.empty_seconds:.2f}",
            _memory(start.idle),
            _memory(start.loaded),
        )
    return "From spawning the process; memory is RSS / PSS of the largest process in MB", table


def _memory(memory: Memory) -> str:
    """Write both sizes."""
    return f"{memory.largest_rss_mb:.0f} / {memory.largest_pss_mb:.0f}"


def _targets(targets: Sequence[Target]) -> Titled:
    """Show which aims were reached."""
    table = _table(("what",), ("aim", "measured", ""))
    for target in targets:
        digits = 2 if target.unit in {"s", "x", "x pgbench"} else 0
        aim = f"{target.aim:,.2f}" if target.unit == "x pgbench" else f"{target.aim:,g}"
        table.add_row(
            target.name,
            f"{'>=' if target.at_least else '<='} {aim} {target.unit}",
            f"{target.measured:,.{digits}f} {target.unit}",
            "[green]reached[/green]" if target.met else "[red]missed[/red]",
        )
    return "Aims", table


def write_json(findings: Findings, path: Path) -> None:
    """Write everything that was measured, with the aims, as JSON."""
    value = {**msgspec.to_builtins(findings), "targets": findings.targets()}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def console() -> Console:
    """Return where findings are printed: wide enough for the tables, also into a file."""
    return Console(width=WIDTH, highlight=False)
