"""How many orders a second `ordrebok import` brings in, and export and verify go through.

    python -m bench.imports [--orders 30000] [--rounds 3] [--engines sqlite,postgres] [--plain]

Each order has three items, as bench/workload.py writes them, an authorization, a capture and the
three events of that; with `--plain` it has its items and the event of its making. The commands run
as people run them, each in a process of its own, with its start in the time. The import goes into
an empty database; after it everything is verified, exported, and imported once more on top of
itself, which finds every order there. The clock runs around the whole command; the table shows
each one's median round. "cpu us" is the processor time of the command and its reading processes
for each order, without that of PostgreSQL; "MB" is the memory of its largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from operator import eq
from pathlib import Path
from statistics import median

import msgspec

from bench.machine import Company
from bench.server import ENGINES, environment, fresh_database, program, run_command
from bench.workload import ACCOUNT, LINES, draft
from ordrebok.clock import Instant
from ordrebok.drafts import completion, rules
from ordrebok.events.rules import with_events
from ordrebok.ids import new_uuid
from ordrebok.payments.ledger import OperationKind
from ordrebok.payments.recording import record
from ordrebok.refusals import Refusal
from ordrebok.wire.base import Link, encode
from ordrebok.wire.draft import DraftBody
from ordrebok.wire.event import Event, EventRequest
from ordrebok.wire.exchange import FORMAT, FORMAT_VERSION, Header
from ordrebok.wire.order import Order
from ordrebok.wire.payment import OperationBody, OperationItemBody
from tests.support.postgres import running

PATH = f"/v1/accounts/{ACCOUNT}/shopping"
FIRST = Instant.of("2025-01-01T08:00:00.000Z")
SECONDS_BETWEEN = 20


OPERATIONS: tuple[OperationKind, ...] = ("authorizations", "captures")


def order(number: int, kinds: Sequence[OperationKind] = OPERATIONS) -> Order:
    """Return one order with all its parts, made by the rules."""
    now = FIRST.plus(number * SECONDS_BETWEEN)
    body = msgspec.convert(draft(LINES), DraftBody)
    items = [
        msgspec.structs.replace(item, external_id=f"SL02-{random.getrandbits(28)}")
        for item in body.order.items
    ]
    body = msgspec.structs.replace(
        body, order=msgspec.structs.replace(body.order, items=tuple(items))
    )
    made = rules.create(body, new_uuid(), f"{PATH}/draft_orders", "bench", now, None)
    assert not isinstance(made, Refusal)
    identity = completion.Identity(new_uuid(), new_uuid(), str(100_001 + number))
    orders = completion.new_orders(
        made, completion.parts(made), [identity], f"{PATH}/orders", "bench", now
    )
    assert not isinstance(orders, Refusal)
    done = orders[0]
    parts = tuple(
        OperationItemBody(line_id=item.line_id, amount=item.net_amount) for item in done.items
    )
    for kind in kinds:
        name = new_uuid()
        after = record(done, kind, OperationBody(items=parts), name, "bench", now)
        assert not isinstance(after, Refusal)
        link = Link(href=f"{PATH}/orders/{done.order_id}/{kind}/{name}", rel=kind)
        operation = msgspec.structs.replace(getattr(after, kind)[0], links=(link,))
        done = msgspec.structs.replace(after, **{kind: (operation,)})
    return done


def line(number: int, kinds: Sequence[OperationKind] = OPERATIONS) -> bytes:
    """Return one line of the export."""
    made = order(number, kinds)
    log = [Event(id=new_uuid(), created_at=made.created_at, version=1, event_type="api-event")]
    for version, kind in enumerate(kinds, start=2):
        operation = getattr(made, kind)[0]
        request = EventRequest(
            path=f"{PATH}/orders/{made.order_id}/{kind}",
            method="POST",
            body=encode({"items": operation.items}).decode(),
        )
        event = Event(
            id=new_uuid(),
            created_at=made.created_at,
            created_by="bench",
            version=version,
            event_type="api-event",
            request=request,
        )
        log.append(event)
    return with_events(encode(made), [encode(event) for event in log], ())


def write_export(path: Path, orders: int, kinds: Sequence[OperationKind] = OPERATIONS) -> int:
    """Write an export of so many orders; return how large it is."""
    with path.open("wb") as file:
        header = Header(format=FORMAT, version=FORMAT_VERSION, account_id=ACCOUNT)
        file.write(encode(header) + b"\n")
        for number in range(orders):
            file.write(line(number, kinds) + b"\n")
    return path.stat().st_size


class Timed:
    """How long commands take, their processor time, and the memory of their largest process."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.cpu_seconds: dict[str, list[float]] = {}
        self.largest_mb: dict[str, float] = {}

    def run(self, name: str, *arguments: str) -> str:
        """Run a command that must succeed."""
        began = time.perf_counter()
        process = subprocess.Popen(
            [*program(), *arguments], env=environment(), stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{name} ended with {process.returncode}: {said}")
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        self.cpu_seconds.setdefault(name, []).append(usage.ru_utime + usage.ru_stime)
        size = usage.ru_maxrss * 1024 / 1e6
        self.largest_mb[name] = max(size, self.largest_mb.get(name, 0))
        return said


def measure(timed: Timed, engine: str, database: str, path: Path, orders: int) -> None:
    """Import, verify, export, import again."""
    into = ("--database", database)
    run_command("account", "add", ACCOUNT, *into)
    arguments = ("import", str(path), "--account", ACCOUNT, "--json", *into)
    first = json.loads(timed.run(f"{engine}: import", *arguments))
    assert first["imported"] == orders, first
    timed.run(f"{engine}: verify", "verify", *into)
    out = path.with_suffix(".out")
    timed.run(f"{engine}: export", "export", "--account", ACCOUNT, "--output", str(out), *into)
    with path.open("rb") as given, out.open("rb") as came:
        given.readline(), came.readline()
        assert all(map(eq, given, came)), "the export is another"
        assert not came.read(1), "the export is longer"
    out.unlink()
    again = json.loads(timed.run(f"{engine}: import again", *arguments))
    assert again["already_there"] == orders, again


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--plain", action="store_true", help="orders without operations")
    return parser.parse_args(words)


def main() -> None:
    """Measure and print a table."""
    given = arguments()
    engines = given.engines.split(",")
    timed = Timed()
    with ExitStack() as stack:
        cluster = stack.enter_context(running()) if "postgres" in engines else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ordrebok-bench-")))
        path = folder / "orders.ndjson"
        size = write_export(path, given.orders, () if given.plain else OPERATIONS)
        company = Company()
        for _ in range(given.rounds):
            for engine in engines:
                with fresh_database(engine, cluster) as database:
                    measure(timed, engine, database, path, given.orders)
    print(f"{given.orders} orders of {LINES} items, {size // given.orders} bytes each")
    print(f"Others used {company.share():.0%} of the processor time during the run.")
    print(f"{'':<24} {'orders/s':>9} {'slowest':>9} {'seconds':>8} {'cpu us':>7} {'MB':>5}")
    for name, seconds in timed.seconds.items():
        rate, slowest = given.orders / median(seconds), given.orders / max(seconds)
        cpu = median(timed.cpu_seconds[name]) / given.orders * 1e6
        print(
            f"{name:<24} {rate:>9,.0f} {slowest:>9,.0f} {median(seconds):>8.2f} "
            f"{cpu:>7.0f} {timed.largest_mb[name]:>5.0f}"
        )


if __name__ == "__main__":
    main()
