"""A server that is killed under load: what it had answered is there, and nothing is there twice.

Eight clients write to orders of their own and to one that they share, until the process is killed
with SIGKILL. The server is started again, each client sends the one request whose answer it never
got once more, and then every order must hold exactly what was asked for.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.support.api import line
from tests.support.openapi import Json
from tests.support.server import Credentials, Server, operating

CLIENTS = 8
NET = 1_000_000_000
_TIMEOUT_SECONDS = 60
FEWEST_WRITES = 100
_MOST_WRITES = 700
_KILL_WITHIN_SECONDS = 0.02


class Write(NamedTuple):
    """A request that may be sent again: by its own id, its key, or because it is idempotent."""

    method: str
    path: str
    body: Json
    key: str | None = None


@dataclass
class Diary:
    """What one client asked for, with the answers it got, and the request it got none for."""

    answered: list[tuple[Write, Json]] = field(default_factory=list)
    unanswered: Write | None = None


class Round:
    """The writes of eight clients between a start of the server and its end."""

    def __init__(self, credentials: Credentials, number: int) -> None:
        self.credentials = credentials
        self.number = number
        self.shared = f"R{number}-shared"
        self.diaries = [Diary() for _ in range(CLIENTS)]
        self._answers = threading.Semaphore(0)

    def open_shared(self, url: str) -> None:
        """Make the order that all clients share, authorized in full."""
        with self.client(url) as client:
            for write in self._opened(self.shared):
                self.diaries[0].answered.append((write, _sent(client, write)))

    def play(self, server: Server, writes: int) -> None:
        """Let all clients write, and kill the server soon after that many writes were answered.

        Answers are counted, not seconds: a slow machine must be killed as deep in its work as a
        fast one. The moment's wait lets the kill fall anywhere between two answers.
        """
        with ThreadPoolExecutor(CLIENTS) as threads:
            ends = [threads.submit(self._write, server.url, n) for n in range(CLIENTS)]
            try:
                for _ in range(writes):
                    assert self._answers.acquire(timeout=_TIMEOUT_SECONDS), "no answer any more"
                time.sleep(random.uniform(0, _KILL_WITHIN_SECONDS))
            finally:
                server.kill()
            for end in ends:
                end.result()

    def finish(self, url: str) -> int:
        """Send again what was not answered, hold everything against the diaries; the writes."""
        with self.client(url) as client:
            for diary in self.diaries:
                if diary.unanswered is not None:
                    diary.answered.append((diary.unanswered, _sent(client, diary.unanswered)))
            answered = [each for diary in self.diaries for each in diary.answered]
            self._check_orders(client, answered)
            self._check_drafts(client, answered)
        return len(answered)

    def client(self, url: str) -> httpx.Client:
        """A connection to the server, with the client's token."""
        base = f"{url}/v1/accounts/{self.credentials.account_id}/shopping/"
        headers = {"Authorization": f"Bearer {self.credentials.token}"}
        return httpx.Client(
            base_url=base, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    def _write(self, url: str, place: int) -> None:
        """Write until the server no longer answers."""
        diary = self.diaries[place]
        with self.client(url) as client:
            for write in self._writes(place):
                try:
                    diary.answered.append((write, _sent(client, write)))
                except httpx.TransportError:
                    diary.unanswered = write
                    return
                self._answers.release()

    def _writes(self, place: int) -> Iterator[Write]:
        """The endless work of one client."""
        own = f"R{self.number}-{place}"
        yield from self._opened(own)
        for count in itertools.count():
            name = f"{place}-{count}"
            item = {"items": [{"line_id": 1, "amount": 1 + count % 7}]}
            yield Write("POST", f"orders/{self.shared}/captures", {**item, "id": f"C{name}"})
            yield Write("POST", f"orders/{own}/captures", item, f"R{self.number}-C{name}")
            if count % 4 == 0:
                draft = f"D{self.number}-{name}"
                content = {"currency": "NOK", "items": [line(100, 1)], "order_id": f"of-{draft}"}
                yield Write("POST", "draft_orders", {"id": draft, "order": content})
                yield Write("POST", f"draft_orders/{draft}/items", line(50, 2), draft)
                yield Write("PUT", f"draft_orders/{draft}/complete", {})

    def _opened(self, order_id: str) -> Iterator[Write]:
        """What makes an order and authorizes all of it."""
        content = {"currency": "NOK", "items": [line(NET, 1)], "order_id": order_id}
        yield Write("POST", "orders", content, order_id)
        items = [{"line_id": 1, "amount": NET}]
        yield Write("POST", f"orders/{order_id}/authorizations", {"id": "A", "items": items})

    def _check_orders(self, client: httpx.Client, answered: list[tuple[Write, Json]]) -> None:
        """Each order holds the captures that were answered, once, and nothing else."""
        captures: dict[str, dict[str, Json]] = defaultdict(dict)
        made = set()
        for write, answer in answered:
            if write.path == "orders":
                made.add(answer["order_id"])
            elif write.path.endswith("/captures"):
                of_order = captures[write.path.split("/")[1]]
                assert answer["id"] not in of_order, f"answered twice: {answer}"
                of_order[answer["id"]] = answer
        for order_id in made:
            order = _read(client, f"orders/{order_id}")
            found = order.get("captures", [])
            assert {each["id"]: each for each in found} == captures[order_id], order_id
            assert len(found) == len(captures[order_id]), f"{order_id}: a capture twice"
            authorized = len(order.get("authorizations", []))
            assert order["version"] == 1 + authorized + len(found) == len(order["events"])
            prove(client, order_id)

    def _check_drafts(self, client: httpx.Client, answered: list[tuple[Write, Json]]) -> None:
        """Each draft has the lines and became the order that were answered."""
        writes = {f"{write.method} {write.path}" for write, _ in answered}
        for write, answer in answered:
            if write.path != "draft_orders":
                continue
            path = f"draft_orders/{answer['id']}"
            draft = _read(client, path)
            added = f"POST {path}/items" in writes
            completed = f"PUT {path}/complete" in writes
            assert len(draft["order"]["items"]) == 1 + added, draft
            assert draft["version"] == 1 + added + completed == len(draft["events"])
            assert (draft["status"] == "completed") == completed
            order = client.get(f"orders/of-{answer['id']}")
            assert order.status_code == (200 if completed else 404), order.text
            if completed:
                assert order.json()["net_amount"] == 150
                prove(client, order.json()["order_id"])


def prove(client: httpx.Client, order_id: str) -> None:
    """The proof of an order must hold."""
    proof = _read(client, f"orders/{order_id}/proof")
    assert proof["holds"], proof


def prove_all(client: httpx.Client) -> int:
    """Prove every order of the account; how many there are."""
    proved, after = 0, None
    while True:
        params: dict[str, str | int] = {"limit": 100}
        if after is not None:
            params["starting_after"] = after
        page = client.get("orders", params=params).json()
        for order in page["orders"]:
            prove(client, order["order_id"])
        proved += len(page["orders"])
        after = page.get("starting_after")
        if after is None:
            return proved


@dataclass
class Crashes:
    """What came of a series of kills."""

    kills: int = 0
    writes: int = 0
    proved: int = 0


@contextmanager
def crashing(database: str, folder: Path) -> Iterator[Iterator[Crashes]]:
    """A server that is killed each time the iterator is advanced; at the end all is proved."""
    server = Server(database, folder)
    done = Crashes()
    try:
        with operating(database) as operator:
            credentials = operator.add_client(operator.add_account())

        def kills() -> Iterator[Crashes]:
            nonlocal server
            for number in itertools.count(1):
                one = Round(credentials, number)
                one.open_shared(server.url)
                one.play(server, random.randint(FEWEST_WRITES, _MOST_WRITES))
                server = Server(database, folder)
                done.writes += one.finish(server.url)
                done.kills += 1
                yield done

        yield kills()
        with Round(credentials, 0).client(server.url) as client:
            done.proved = prove_all(client)
    finally:
        server.stop()


def _sent(client: httpx.Client, write: Write) -> Json:
    """The answer to a write, which must be accepted."""
    headers = {} if write.key is None else {"Idempotency-Key": write.key}
    answer = client.request(write.method, write.path, json=write.body, headers=headers)
    assert answer.status_code == httpx.codes.OK, (write, answer.text)
    return answer.json()


def _read(client: httpx.Client, path: str) -> Json:
    """What stands at a path."""
    answer = client.get(path)
    assert answer.status_code == httpx.codes.OK, (path, answer.text)
    return answer.json()
