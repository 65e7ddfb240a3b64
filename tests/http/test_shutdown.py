"""The end of a server, asked for or not: what was acknowledged is there, and nothing twice."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.support.api import Api, Site, line, site_of
from tests.support.openapi import Json
from tests.support.server import STOP_SECONDS, Server, poll, serving

WRITERS = 4
BEFORE_THE_END = 60
"""Acknowledged writes after which the server is stopped or killed."""
IN_FLIGHT = re.compile(r"^ordrebok_http_requests_in_flight (\S+)$", re.MULTILINE)


class Writer(Thread):
    """A client that adds items to one draft, and makes drafts, until the server is gone.

    Every write has a key of its own, so that it may be repeated.
    """

    def __init__(self, api: Api, draft_id: str, name: str) -> None:
        super().__init__(daemon=True)
        self._api = api
        self._draft_id = draft_id
        self._name = name
        self.stop = Event()
        self.acknowledged: list[str] = []
        self.in_doubt: list[str] = []

    def run(self) -> None:
        """Write on; the write that breaks is in doubt."""
        for number in range(10_000):
            name = f"{self._name}-{number}"
            try:
                response = self.write(self._api, name)
            except httpx.TransportError:
                self.in_doubt.append(name)
                return
            assert response.status_code == 200, response.text
            self.acknowledged.append(name)
            if self.stop.is_set():
                return

    def write(self, api: Api, name: str) -> httpx.Response:
        """One write; sent again, the same one."""
        headers = {"Idempotency-Key": name}
        params = {"include_events": "false"}
        if int(name.rpartition("-")[2]) % 2:
            body: Json = {"id": name, "order": {"currency": "NOK"}}
            return api.send("POST", "draft_orders", body, headers=headers, params=params)
        path = f"draft_orders/{self._draft_id}/items"
        return api.send("POST", path, line(1, id=name), headers=headers, params=params)


def written(api: Api, draft_id: str) -> Counter[str]:
    """How often each write is there."""
    draft = api.get(f"draft_orders/{draft_id}")
    assert draft["order"]["gross_amount"] == len(draft["order"]["items"])
    assert [event["version"] for event in draft["events"]] == list(range(1, draft["version"] + 1))
    found = Counter(item["id"] for item in draft["order"]["items"])
    answer: Json = {"starting_after": ""}
    params: dict[str, str | int] = {"limit": 100}
    while "starting_after" in answer:
        answer = api.get("draft_orders", **params)
        found += Counter(row["id"] for row in answer["draft_orders"] if row["id"] != draft_id)
        params["starting_after"] = answer.get("starting_after", "")
    return found


def again(api: Api, site: Site) -> Api:
    """The same client at another server."""
    return Api(site.http, site.contract, api.credentials)


@pytest.mark.parametrize("how", ["asked", "killed"])
def test_acknowledged_writes_survive_the_server(
    database_url: str, tmp_path: Path, how: str
) -> None:
    """Under load: all that was answered is there once; the rest can be sent again, once."""
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        api = site.new_account()
        draft_id = api.draft()["id"]
        writers = [Writer(api, draft_id, f"w{number}") for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        poll(
            lambda: sum(len(each.acknowledged) for each in writers) >= BEFORE_THE_END,
            "enough writes",
        )
        if how == "asked":
            assert server.terminate() in {0, -signal.SIGTERM}
        else:
            server.kill()
        for writer in writers:
            writer.join(STOP_SECONDS)
            assert not writer.is_alive()
            assert writer.in_doubt
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        after = again(api, site)
        found = written(after, draft_id)
        acknowledged = {name for writer in writers for name in writer.acknowledged}
        in_doubt = {name for writer in writers for name in writer.in_doubt}
        assert acknowledged <= set(found) <= acknowledged | in_doubt
        assert set(found.values()) == {1}
        for writer in writers:
            for name in (*writer.in_doubt, *writer.acknowledged[-3:]):
                assert writer.write(after, name).status_code == 200
        assert written(after, draft_id) == Counter(acknowledged | in_doubt)


def test_request_in_flight_is_answered_at_the_end(database_url: str, tmp_path: Path) -> None:
    """SIGTERM arrives between the two halves of a body: the write is still done and answered."""
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        api = site.new_account()
        order_id = api.order()["order_id"]
        raw = json.dumps({"comment": "in flight"}).encode()
        head = (
            f"PUT {api.url(f'orders/{order_id}')} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {api.credentials.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        with closing(connect(server)) as connection:
            connection.sendall(head.encode() + raw[:5])
            poll(lambda: in_flight(site) >= 1, "the request to be in flight")
            server.process.send_signal(signal.SIGTERM)
            poll(lambda: refuses(server), "the server to take no more connections")
            assert server.process.poll() is None
            connection.sendall(raw[5:])
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"comment":"in flight"' in answer
        assert server.process.wait(STOP_SECONDS) in {0, -signal.SIGTERM}
        assert "unexpected error" not in server.log
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        assert again(api, site).get(f"orders/{order_id}")["comment"] == "in flight"


def connect(server: Server) -> socket.socket:
    """A plain connection to a server."""
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=STOP_SECONDS)


def in_flight(site: Site) -> float:
    """How many requests the server says it is answering."""
    found = IN_FLIGHT.search(site.http.get("/metrics").text)
    assert found is not None
    return float(found[1])


def refuses(server: Server) -> bool:
    """Tell whether a new connection is refused."""
    try:
        connect(server).close()
    except ConnectionRefusedError:
        return True
    return False


def test_everything_is_as_it_was_after_a_restart(database_url: str, tmp_path: Path) -> None:
    """A twin with a memory: documents, lists, events, keys and tokens outlive the process."""
    headers = {"Idempotency-Key": "k"}
    body = {"currency": "NOK", "items": [line(100, 1)], "customer": {"id": "C1"}}
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        api = site.new_account()
        made = api.send("POST", "orders", body, headers=headers)
        order_id = made.json()["order_id"]
        api.post(f"orders/{order_id}/comments", {"body": "kept"})
        api.complete(api.draft(line(1, 2), options={"order_id": order_id}))
        draft_id = api.draft(line(7, 7))["id"]
        paths = (f"orders/{order_id}", f"draft_orders/{draft_id}", "orders?include_events=true")
        before = [api.send("GET", path).content for path in paths]
        assert server.terminate() in {0, -signal.SIGTERM}
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        after = again(api, site)
        assert [after.send("GET", path).content for path in paths] == before
        replayed = after.send("POST", "orders", body, headers=headers)
        assert replayed.content == made.content
        assert replayed.headers["idempotency-replayed"] == "true"
        first = int(made.json()["order_number"])
        assert int(after.order()["order_number"]) > first


def test_connection_that_is_idle_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Clients that keep connections open are let go at once."""
    with (
        serving(f"sqlite:///{tmp_path / 'ordrebok.db'}", tmp_path) as server,
        closing(connect(server)) as idle,
        httpx.Client(base_url=server.url) as kept,
    ):
        assert kept.get("/healthz").status_code == 200
        assert server.terminate() in {0, -signal.SIGTERM}
        assert idle.recv(1) == b""
