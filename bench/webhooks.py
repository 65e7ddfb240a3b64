"""Webhooks over HTTP: what a subscription costs those who write, and how fast it is told.

"Add an item" is measured with a subscription that nothing is told to, with one to the changes of
drafts, and with one to all shopping events, each in turns with none at all on one server; the
ratio is always to the rate without, measured right before or right after: the speed of a machine
changes from one second to the next. Then a subscription that was paused is told what it missed.
The receiver is a process of its own, on the same machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from bench.figures import Backlog, Cell
from bench.http import MANY, PREPARED, Load, Pace, Weighed
from bench.load import Step
from bench.workload import ACCOUNT, LINES, add_request
from tests.support.receiver import Receiver
from tests.support.server import poll

OPTIONS = ("--webhook-allow-private",)
DRAFTS = ("shopping_draft_add", "shopping_draft_update", "shopping_draft_complete")
ORDERS = ("shopping_order_add", "shopping_order_update", "shopping_order_event_add")
NEVER = ("shopping_order_delete",)
PLAIN = "add item"
KINDS: tuple[tuple[str, Sequence[str]], ...] = (
    ("add item, nothing told", NEVER),
    ("add item, drafts told", DRAFTS),
    ("add item, all told", (*DRAFTS, *ORDERS, *NEVER)),
)
CHANGES = 5_000
"""Changes that a paused subscription has missed."""
PATIENCE_SECONDS = 120.0
_PATH = f"/v1/accounts/{ACCOUNT}/hooks/subscriptions"

Json = dict[str, Any]


def measure(
    engine: str, load: Load, receiver: Receiver, pace: Pace, *, without_first: bool
) -> Iterator[Cell]:
    """Measure one server with each kind of subscription, and before or after it without.

    Refuses: WrongAnswer at the first answer that is not the right one.
    """
    step = Step(add_request(load.token), f'"line_id":{LINES}')

    def run(callers: int, events: Sequence[str]) -> Weighed:
        """Measure once."""
        drafts = load.prepare(pace.whole * PREPARED[callers])
        with _subscription(load, receiver, events):
            return load.run([step], drafts, callers, pace)

    for callers in pace.callers:
        for work, events in KINDS:
            if without_first:
                without, weighed = run(callers, ()), run(callers, events)
            else:
                weighed, without = run(callers, events), run(callers, ())
            yield _cell(engine, PLAIN, callers, without, None)
            yield _cell(engine, work, callers, weighed, without[0].per_second)


def catch_up(engine: str, load: Load, receiver: Receiver, changes: int = CHANGES) -> Backlog:
    """Measure how fast a subscription is told what it missed while it was paused."""
    step = Step(add_request(load.token), f'"line_id":{LINES}')
    drafts = load.prepare(changes / 2_000)[:changes]
    with _subscription(load, receiver, DRAFTS) as hook:
        poll(lambda: receiver.count > 0, "the first ping")
        _asked(load, "POST", f"{_PATH}/{hook['id']}/pause")
        load.run([step], drafts, MANY, Pace(PATIENCE_SECONDS, 0))
        before, cpu = receiver.count, load.cpu_seconds()
        began = time.perf_counter()
        _asked(load, "POST", f"{_PATH}/{hook['id']}/resume")
        told = before + len(drafts)
        poll(lambda: receiver.count >= told, f"{len(drafts)} deliveries", PATIENCE_SECONDS)
        seconds = time.perf_counter() - began
        cpu = load.cpu_seconds() - cpu
    return Backlog(
        engine=engine,
        deliveries=len(drafts),
        per_second=len(drafts) / seconds,
        server_us=cpu / len(drafts) * 1e6,
    )


@contextmanager
def _subscription(load: Load, receiver: Receiver, events: Sequence[str]) -> Iterator[Json]:
    """A subscription for as long as the block lasts; none where there is no event."""
    if not events:
        yield {}
        return
    receiver.clear()
    body = {"config": {"url": f"{receiver.url}/ok/bench"}, "events": list(events)}
    hook = _asked(load, "POST", _PATH, body)
    try:
        yield hook
    finally:
        _asked(load, "DELETE", f"{_PATH}/{hook['id']}")


def _asked(load: Load, method: str, path: str, body: Json | None = None) -> Json:
    """Return the answer of the server.

    Refuses: RuntimeError when it is not a success.
    """
    connection = HTTPConnection("127.0.0.1", load.port, timeout=30)
    headers = {"authorization": f"Bearer {load.token}"}
    if body is not None:
        headers["content-type"] = "application/json"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path} answered {answer.status}: {said[:500]!r}")
    found: Json = json.loads(said)
    return found


def _cell(engine: str, work: str, callers: int, weighed: Weighed, base: float | None) -> Cell:
    """Put a measurement beside the rate without a subscription."""
    measured, server_seconds = weighed
    return Cell(
        engine=engine,
        work=work,
        callers=callers,
        per_second=measured.per_second,
        latency=measured.latency,
        client_us=measured.cpu_us,
        server_us=server_seconds * 1e6,
        base_per_second=base,
    )
