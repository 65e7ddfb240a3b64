"""How soon a server answers after its process was spawned, and how much memory it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.figures import Memory, Start, median
from bench.http import MANY, Load, Pace
from bench.server import Server, add_client, fresh_database, spawned
from bench.workload import PATH
from tests.support.postgres import Cluster

SETTLE_SECONDS = 1.0
SAMPLE_SECONDS = 0.2


def measure(
    engine: str, cluster: Cluster, runs: int, pace: Pace, options: Sequence[str] = ()
) -> Start:
    """Start a server again and again on a database that is in use, then load the last one.

    The clock runs from before the process is spawned. The token was given by an earlier run of
    the server, so the first authenticated answer includes reading the key from the database.
    """
    with fresh_database(engine, cluster) as database:
        with spawned(database, options) as server:
            server.wait_for("/healthz")
            empty = server.age()
        client = add_client(database)
        with spawned(database, options) as server:
            server.wait_for("/healthz")
            token = server.token(client)
        healthy, answered = [], []
        for _ in range(runs):
            with spawned(database, options) as server:
                server.wait_for("/healthz")
                healthy.append(server.age())
                server.wait_for(f"{PATH}?limit=1", token)
                answered.append(server.age())
        with spawned(database, options) as server:
            server.wait_for(f"{PATH}?limit=1", token)
            time.sleep(SETTLE_SECONDS)
            idle = server.memory()
            with watched(server) as seen:
                load = Load(server, token)
                drafts = load.prepare(pace.whole)
                added, _ = load.add(drafts, MANY, pace)
                load.get(drafts[: added.sent], MANY, pace)
    return Start(
        engine=engine,
        runs=runs,
        healthy_seconds=median(healthy),
        answer_seconds=median(answered),
        slowest_seconds=max(answered),
        empty_seconds=empty,
        idle=idle,
        loaded=max(seen, key=lambda memory: memory.total_pss_mb),
    )


@contextmanager
def watched(server: Server) -> Iterator[list[Memory]]:
    """A list that fills with the server's memory, taken again and again during the block."""
    seen: list[Memory] = [server.memory()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            seen.append(server.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()
        seen.append(server.memory())
