"""The web in a real server: it starts, answers while it stops, and knows its processes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.http.tiny import ROOT

REPOSITORY = Path(__file__).parents[2]
HEADERS = {"authorization": "Bearer good"}
PROGRAM = """
import sys
from functools import partial
from ordrebok.web.serve import serve
from ordrebok.web.settings import WebSettings
from tests.http.tiny import build_tiny
settings = WebSettings(port=int(sys.argv[1]), workers=int(sys.argv[2]), log_form="json")
serve(settings, partial(build_tiny, settings))
"""


@contextmanager
def serving(log: Path, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", PROGRAM, str(port), str(workers)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=errors)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield url, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(log.read_text())


def test_a_request_in_flight_is_answered_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    """A new version is rolled out without a lost write, and the log tells of it in full."""
    log = tmp_path / "log"
    with serving(log) as (url, process), ThreadPoolExecutor() as pool:
        slow = pool.submit(httpx.get, f"{url}{ROOT}/slow", headers=HEADERS)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert slow.result().json() == {"secret": "late"}
        process.wait(30)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    line = next(line for line in lines if line.get("operation") == "slow_get")
    assert line["status"] == 200
    assert line["duration_ms"] >= 400
    assert line["account_id"] == "T12345678"
    assert line["route"] == "/v1/accounts/{aid}/shopping/slow"
    assert "good" not in log.read_text()


def test_no_header_names_the_server_and_connections_are_kept(tmp_path: Path) -> None:
    """Strangers learn nothing of what runs here, and clients need not connect each time."""
    with serving(tmp_path / "log") as (url, _), httpx.Client(base_url=url) as client:
        first = client.get("/healthz")
        assert "server" not in first.headers
        assert "date" in first.headers
        assert "connection" not in first.headers


def test_a_body_that_never_ends_is_refused_on_the_way(tmp_path: Path) -> None:
    """The limit holds on a real connection, and the server goes on serving after it."""

    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 1_000_000

    headers = {**HEADERS, "content-type": "application/json"}
    with serving(tmp_path / "log") as (url, _):
        try:
            status = httpx.post(
                f"{url}{ROOT}/things", content=endless(), headers=headers
            ).status_code
        except httpx.WriteError:
            status = 413  # The connection was closed before all was sent: refused as well.
        assert status == 413
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_several_processes_tell_their_figures_together(tmp_path: Path) -> None:
    """Whichever process is asked, the counts are those of all requests."""
    with serving(tmp_path / "log", workers=2) as (url, process):
        for _ in range(20):
            assert httpx.get(f"{url}{ROOT}/things", headers=HEADERS).status_code == 200
        text = httpx.get(f"{url}/metrics").text
        count = "ordrebok_http_request_duration_seconds_count"
        assert f'{count}{{operation="things_get",status="200"}} 20.0' in text
        process.send_signal(signal.SIGTERM)
        process.wait(30)
