"""How many guarded writes a second the store makes durable, beside PostgreSQL's own pgbench.

    python -m bench.store [--seconds 2] [--rounds 3] [--writers 1,8,32]

One write: read a 3 KB document, decode it, change it, encode it, write it guarded by its version,
with one event, durably. pgbench does the bare transaction (one row read, a guarded update, an
event), prepared, in the same server. The three take turns, round after round, and the table shows
each one's median round: figures of different machines and hours cannot be compared, ratios can.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop

from ordrebok.decision import Commit, Decision, Key, Kind, Outcome, Put, State
from ordrebok.ids import new_uuid
from ordrebok.refusals import Refusal, not_found
from ordrebok.store import Store, open_store
from tests.support.postgres import Cluster, running

ACCOUNT = "T12345678"
DOCUMENTS = 2000
WARM_SECONDS = 0.5
BARE = "pgbench, bare"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of the document that is written."""

    line_id: int
    id: str
    description: str
    quantity: int
    amount: int
    gross_amount: int
    net_amount: int
    tax_lines: tuple[dict[str, str | int | float], ...]
    metadata: dict[str, str]


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something of the size and shape of an order."""

    id: str
    version: int
    created_at: str
    updated_at: str
    currency: str
    amount: int
    count: int
    items: tuple[Line, ...]


@dataclass(frozen=True)
class Finding:
    """What one run came to."""

    per_second: float
    median_ms: float
    p99_ms: float


def line(number: int) -> Line:
    """A line of some 350 bytes."""
    return Line(
        line_id=number,
        id=new_uuid(),
        description="Merino crew neck sweater, dark green, size M",
        quantity=1,
        amount=129900,
        gross_amount=129900,
        net_amount=129900,
        tax_lines=({"percentage": 25.0, "amount": 25980, "tax_basis": 103920, "type": "VAT"},),
        metadata={"color": "dark green", "size": "M", "season": "AW26"},
    )


def create(key: Key) -> Commit:
    """Make a document of 3 KB."""

    def decide(state: State) -> Decision:
        document = Document(
            id=key.id,
            version=1,
            created_at=state.now.text,
            updated_at=state.now.text,
            currency="NOK",
            amount=1039200,
            count=0,
            items=tuple(line(number) for number in range(1, 9)),
        )
        return written(key, document, state)

    return Commit((key,), decide)


def change(key: Key) -> Commit:
    """Change a document a little."""

    def decide(state: State) -> Decision | Refusal:
        before = state.get(key, Document)
        if before is None:
            return not_found("Document")
        after = msgspec.structs.replace(
            before,
            version=before.version + 1,
            updated_at=state.now.text,
            count=before.count + 1,
            amount=sum(each.net_amount for each in before.items),
        )
        return written(key, after, state)

    return Commit((key,), decide)


def written(key: Key, document: Document, state: State) -> Decision:
    """The decision that writes a document, with an event of some 200 bytes."""
    event_id = state.new_id()
    event = {"id": event_id, "event": "UPDATE", "created_at": state.now.text, "note": "x" * 80}
    body = msgspec.json.encode(document)
    put = Put(
        key=key,
        version=document.version,
        document=document,
        body=body,
        event=msgspec.json.encode(event),
        event_id=event_id,
        status="open",
        created_ms=state.now.ms,
        updated_ms=state.now.ms,
        currency="NOK",
    )
    return Decision((put,), body, document.version)


async def measure(store: Store, keys: Sequence[Key], writers: int, seconds: float) -> Finding:
    """Write with so many writers at a time; each takes a document by chance."""
    taken: list[float] = []
    started = time.perf_counter()
    warm, end = started + WARM_SECONDS, started + WARM_SECONDS + seconds

    async def write() -> None:
        while True:
            before = time.perf_counter()
            if before > end:
                return
            outcome = await store.commit(change(random.choice(keys)))
            if not isinstance(outcome, Outcome):
                raise TypeError(outcome)
            if before > warm:
                taken.append(time.perf_counter() - before)

    await asyncio.gather(*(write() for _ in range(writers)))
    taken.sort()
    middle, late = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    return Finding(len(taken) / seconds, middle * 1000, late * 1000)


async def measure_engine(
    url: str, writers: Sequence[int], seconds: float, kind: Kind = "draft"
) -> list[Finding]:
    """Measure one engine with each number of writers.

    Of an order the store also keeps the version that a write replaces; of a draft nobody follows,
    it does not, and a write is what pgbench does.
    """
    store = await open_store(url, migrate=True)
    keys = [Key(ACCOUNT, kind, new_uuid()) for _ in range(DOCUMENTS)]
    await asyncio.gather(*(store.commit(create(key)) for key in keys))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    findings = [await measure(store, keys, count, seconds) for count in writers]
    await store.close()
    return findings


PGBENCH = """
\\set n random(0, {last})
select version, id as document, body as stored from documents
where account_id = '{account}' and kind = 'order' and id = 'bench-' || :n \\gset
begin;
update documents set version = :version::integer + 1, updated_ms = 1, body = :body
where account_id = '{account}' and kind = 'order' and id = :document and version = :version;
insert into events (account_id, kind, document_id, version, id, body)
values ('{account}', 'order', :document, :version::integer + 1, 'e', :event)
on conflict do nothing;
commit;
"""


def measure_pgbench(cluster: Cluster, url: str, writers: int, seconds: float) -> Finding:
    """Let pgbench do the bare transaction."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "write.sql"
        script.write_text(PGBENCH.format(last=DOCUMENTS - 1, account=ACCOUNT))
        command = [cluster.binary("pgbench"), "-n", "-M", "prepared", "-f", str(script)]
        command += ["-c", str(writers), "-j", "2", "-T", str(max(1, round(seconds)))]
        command += ["-D", f"body={body_text()}", "-D", f"event={event_text()}", url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+) ms", done.stdout)
    if rate is None or latency is None:
        raise ValueError(done.stdout)
    return Finding(float(rate[1]), float(latency[1]), float("nan"))


def body_text() -> str:
    """A document as text."""
    items = tuple(line(number) for number in range(1, 9))
    document = Document(
        id=new_uuid(),
        version=1,
        created_at="2026-11-20T18:12:13.123Z",
        updated_at="2026-11-20T18:12:13.123Z",
        currency="NOK",
        amount=1,
        count=0,
        items=items,
    )
    return msgspec.json.encode(document).decode()


def event_text() -> str:
    """An event as text."""
    return msgspec.json.encode({"id": new_uuid(), "event": "UPDATE", "note": "x" * 120}).decode()


async def fill_for_pgbench(url: str) -> None:
    """Make the documents that pgbench changes, in the store's own tables."""
    store = await open_store(url, migrate=True)
    keys = [Key(ACCOUNT, "order", f"bench-{number}") for number in range(DOCUMENTS)]
    await asyncio.gather(*(store.commit(create(key)) for key in keys))
    await store.close()


def middle(findings: Sequence[Finding]) -> Finding:
    """The median round."""
    return sorted(findings, key=lambda finding: finding.per_second)[len(findings) // 2]


def measure_all(
    writers: Sequence[int], rounds: int, seconds: float
) -> dict[tuple[str, int], Finding]:
    """Let the three take turns."""
    found: dict[tuple[str, int], list[Finding]] = {}
    with running() as cluster, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bare_url = stack.enter_context(cluster.fresh_database())
        uvloop.run(fill_for_pgbench(bare_url))
        urls = {
            "store on SQLite": f"sqlite:///{folder}/bench.db",
            "store on PostgreSQL": stack.enter_context(cluster.fresh_database()),
        }
        for _ in range(rounds):
            for count in writers:
                bare = measure_pgbench(cluster, bare_url, count, seconds)
                found.setdefault((BARE, count), []).append(bare)
            for name, url in urls.items():
                findings = uvloop.run(measure_engine(url, writers, seconds))
                for count, finding in zip(writers, findings, strict=True):
                    found.setdefault((name, count), []).append(finding)
    return {which: middle(findings) for which, findings in found.items()}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--writers", default="1,8,32")
    given = parser.parse_args()
    writers = [int(count) for count in given.writers.split(",")]
    found = measure_all(writers, given.rounds, given.seconds)
    print(f"document of {len(body_text())} bytes, {given.rounds} rounds of {given.seconds:g} s")
    print("                     writers   writes/s  /pgbench  median ms   p99 ms")
    for (name, count), finding in sorted(found.items()):
        ratio = finding.per_second / found[BARE, count].per_second
        times = f"{finding.median_ms:>10.2f} {finding.p99_ms:>8.2f}"
        print(f"{name:<20} {count:>7} {finding.per_second:>10,.0f} {ratio:>9.2f} {times}")


if __name__ == "__main__":
    main()
