"""`python -m bench`: measure the server and the store, and print what came of it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from bench import flow, http, offers, start, store, webhooks
from bench.figures import Cell, Latency, middle_rounds
from bench.load import WrongAnswer, own_cost
from bench.machine import Company, look, spin_ms
from bench.report import Findings, Generator, console, show, write_json
from bench.server import ENGINES, fresh_database
from ordrebok.decision import Kind
from tests.support.postgres import Cluster, running
from tests.support.receiver import receiving

FULL = http.Pace(seconds=1.5, warm_seconds=0.3, rounds=3)
QUICK = http.Pace(seconds=0.5, warm_seconds=0.1, callers=(1, http.MANY), reads=False)
STARTS, QUICK_STARTS = 7, 2
PARTS = ("http", "flow", "offers", "webhooks", "store", "start")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the server under load, the store alone, start and memory.",
    )
    parser.add_argument("--quick", action="store_true", help="short cells: rough figures")
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    parser.add_argument(
        "--rounds",
        type=int,
        metavar="N",
        help="let all take turns so often: the more, the steadier the ratios (default: 3)",
    )
    parser.add_argument(
        "--engines",
        default=",".join(ENGINES),
        metavar="LIST",
        help="sqlite, postgres, or both with a comma between (the default)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument(
        "--serve",
        default="",
        metavar="OPTIONS",
        help="more options for `ordrebok serve`, such as --serve='--log-level warning'",
    )
    given = parser.parse_args(words)
    given.engines = tuple(given.engines.split(","))
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds takes a number from 1")
    unknown = set(given.engines) - set(ENGINES)
    if unknown:
        parser.error(f"no such engine: {', '.join(sorted(unknown))}")
    return given


def measure(given: argparse.Namespace, cluster: Cluster, out: Console) -> Findings:
    """Measure the parts that were asked for."""
    pace = QUICK if given.quick else FULL
    if given.rounds is not None:
        pace = replace(pace, rounds=given.rounds)
    found = Findings(machine=look())
    company = Company()
    if given.only in (None, "http", "flow", "offers", "webhooks"):
        for callers in pace.callers:
            own = own_cost(callers, pace.seconds / 2)
            found.generator.append(
                Generator(callers=callers, per_second=own.per_second, cpu_us=own.cpu_us)
            )
    if given.only in (None, "http", "store"):
        cells = list(in_rounds(given, cluster, pace, found, out))
        found.cells = middle_rounds(cell for cell in cells if cell.work not in STORE)
        found.store = middle_rounds(cell for cell in cells if cell.work in STORE)
    if given.only in (None, "flow"):
        found.flow = middle_rounds(flow_in_rounds(given, cluster, pace, found, out))
    if given.only in (None, "offers"):
        found.offers = middle_rounds(offers_in_rounds(given, cluster, pace, found, out))
    if given.only in (None, "webhooks"):
        found.webhooks = middle_rounds(webhooks_in_rounds(given, cluster, pace, found, out))
    if given.only in (None, "start"):
        for engine in given.engines:
            out.print(f"Start and memory, {engine} ...")
            runs = QUICK_STARTS if given.quick else STARTS
            found.starts.append(start.measure(engine, cluster, runs, pace, given.serve.split()))
            found.spins_ms.append(spin_ms())
    found.others = company.share()
    return found


def in_rounds(
    given: argparse.Namespace,
    cluster: Cluster,
    pace: http.Pace,
    found: Findings,
    out: Console,
) -> Iterator[Cell]:
    """Let pgbench, the servers and the bare store take turns, and yield what each did."""
    over_http, alone = given.only != "store", given.only != "http"
    works = (http.ADD, http.GET) if over_http and pace.reads else (http.ADD,)
    with ExitStack() as stack:
        bench = stack.enter_context(http.yardstick(cluster))
        loads = {}
        if over_http:
            wanted = http.servers(given.engines, cluster, given.serve.split(), several=True)
            loads = stack.enter_context(wanted)
        for number in range(1, pace.rounds + 1):
            out.print(f"Round {number} of {pace.rounds}: pgbench with the bare transaction ...")
            base = http.measure_base(bench, pace, works)
            yield from base.values()
            for engine, load in loads.items():
                found.spins_ms.append(spin_ms())
                out.print(f"Round {number} of {pace.rounds}: the server on {engine} ...")
                yield from http.measure(engine, load, pace, base)
            for engine in given.engines if alone else ():
                found.spins_ms.append(spin_ms())
                out.print(f"Round {number} of {pace.rounds}: the store alone, {engine} ...")
                yield from bare_store(engine, cluster, pace, base)


STORE: Mapping[str, Kind] = {"write": "draft", "write an order": "order"}
"""The kinds of work without the web, and of which kind the documents are."""


def bare_store(engine: str, cluster: Cluster, pace: http.Pace, base: http.Base) -> Iterator[Cell]:
    """Measure the store without the web."""
    for work, kind in STORE.items():
        with fresh_database(engine, cluster) as url:
            findings = uvloop.run(store.measure_engine(url, pace.callers, pace.seconds, kind))
        for callers, finding in zip(pace.callers, findings, strict=True):
            yield Cell(
                engine=engine,
                work=work,
                callers=callers,
                per_second=finding.per_second,
                latency=Latency(p50_ms=finding.median_ms, p99_ms=finding.p99_ms),
                base_per_second=base[http.ADD, callers].per_second,
            )


def flow_in_rounds(
    given: argparse.Namespace,
    cluster: Cluster,
    pace: http.Pace,
    found: Findings,
    out: Console,
) -> Iterator[Cell]:
    """Let servers on fresh databases take turns with the whole flow, and yield what each did."""
    with http.servers(given.engines, cluster, given.serve.split()) as loads:
        for number in range(1, pace.rounds + 1):
            for engine, load in loads.items():
                found.spins_ms.append(spin_ms())
                out.print(f"Round {number} of {pace.rounds}: the whole flow on {engine} ...")
                yield from flow.measure(engine, load, pace)


def offers_in_rounds(
    given: argparse.Namespace,
    cluster: Cluster,
    pace: http.Pace,
    found: Findings,
    out: Console,
) -> Iterator[Cell]:
    """Let servers with a hundred rules take turns, and yield what each did with and without."""
    with http.servers(given.engines, cluster, given.serve.split()) as loads:
        for load in loads.values():
            offers.lay_out(load.port, load.token)
        for number in range(1, pace.rounds + 1):
            for engine, load in loads.items():
                found.spins_ms.append(spin_ms())
                out.print(f"Round {number} of {pace.rounds}: discounts on {engine} ...")
                yield from offers.measure(engine, load, pace)


def webhooks_in_rounds(
    given: argparse.Namespace,
    cluster: Cluster,
    pace: http.Pace,
    found: Findings,
    out: Console,
) -> Iterator[Cell]:
    """Let servers take turns, and yield what each did with and without a subscription."""
    options = (*given.serve.split(), *webhooks.OPTIONS)
    with receiving() as receiver, http.servers(given.engines, cluster, options) as loads:
        for number in range(1, pace.rounds + 1):
            for engine, load in loads.items():
                found.spins_ms.append(spin_ms())
                out.print(f"Round {number} of {pace.rounds}: webhooks on {engine} ...")
                first = number % 2 == 1
                yield from webhooks.measure(engine, load, receiver, pace, without_first=first)
                if number == pace.rounds:
                    found.backlogs.append(webhooks.catch_up(engine, load, receiver))


def main() -> int:
    """Measure, print, and say with the status whether every answer was right."""
    given = arguments()
    progress = Console(stderr=True, highlight=False)
    try:
        with running() as cluster:
            findings = measure(given, cluster, progress)
    except WrongAnswer as wrong:
        progress.print("A wrong answer:", style="red")
        progress.print(str(wrong), markup=False)
        return 1
    show(findings, console())
    if given.json is not None:
        write_json(findings, given.json)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
