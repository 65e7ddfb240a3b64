"""A server to measure: `ordrebok serve` as people start it, on a database of its own."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bench.figures import Memory
from bench.workload import ACCOUNT, PATH
from tests.support.postgres import Cluster

PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.002
SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONDEVMODE")
ENGINES = ("sqlite", "postgres")


@contextmanager
def fresh_database(engine: str, cluster: Cluster | None) -> Iterator[str]:
    """The URL of an empty database, gone after the block."""
    if engine == "postgres":
        if cluster is None:
            raise ValueError("A PostgreSQL database needs a cluster.")
        with cluster.fresh_database() as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="ordrebok-bench-") as folder:
        yield f"sqlite:///{folder}/ordrebok.db"


def environment() -> dict[str, str]:
    """The environment of the server: ours, without what slows every start of Python down."""
    return {name: value for name, value in os.environ.items() if name not in SLOWING}


def program() -> list[str]:
    """The command `ordrebok`: the script beside this Python, as it is installed."""
    script = Path(sys.executable).with_name("ordrebok")
    return [str(script)] if script.exists() else [sys.executable, "-m", "ordrebok.cli"]


def run_command(*arguments: str) -> str:
    """Run an `ordrebok` command that must succeed, and return what it printed."""
    done = subprocess.run(
        [*program(), *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"ordrebok {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Client:
    """An API client's credentials."""

    client_id: str
    client_secret: str


def add_client(database: str) -> Client:
    """Make the tables, the account and an API client."""
    run_command("account", "add", ACCOUNT, "--database", database)
    scopes = [
        word
        for scope in ("admin:shopping", "admin:discounts", "admin:hooks")
        for word in ("--scope", scope)
    ]
    words = ("client", "add", ACCOUNT, *scopes, "--json")
    made = json.loads(run_command(*words, "--database", database))
    return Client(made["client_id"], made["client_secret"])


class Server:
    """A running server process and its children."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, began: float
    ) -> None:
        """Take a process spawned at that time of the monotonic clock; nothing is awaited."""
        self._process = process
        self._began = began
        self.port = port
        self._log = log

    def age(self) -> float:
        """Seconds since its process was spawned."""
        return time.monotonic() - self._began

    def get(self, path: str, token: str = "") -> int | None:
        """Return the status of one GET on a new connection; None while nobody listens."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def wait_for(self, path: str, token: str = "") -> None:
        """Ask until the answer is 200.

        Refuses: RuntimeError, with the end of the log, when the server ended or took too long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := self.get(path, token)) != 200:
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"GET {path} answered {status}. The server said:\n{said}")
            time.sleep(PAUSE_SECONDS)

    def token(self, client: Client) -> str:
        """Get an access token the way clients do."""
        pair = base64.b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()
        audience = f"http://127.0.0.1:{self.port}/v1/accounts/{ACCOUNT}"
        body = json.dumps({"grant_type": "client_credentials", "audience": audience})
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"authorization": f"Basic {pair}", "content-type": "application/json"}
        connection.request("POST", f"/v1/accounts/{ACCOUNT}/auth/token", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"No token: {answer.status} {said.decode(errors='replace')}")
        token: str = json.loads(said)["access_token"]
        return token

    def processes(self) -> list[int]:
        """The ids of the processes that serve: the spawned one and all below it."""
        found = [self._process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        ticks = 0
        for pid in self.processes():
            # After the name in parentheses, which may hold blanks: fields 3 to 52.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> Memory:
        """How much memory its processes hold now."""
        sizes = [_sizes(pid) for pid in self.processes()]
        return Memory(
            processes=len(sizes),
            largest_rss_mb=max(rss for rss, _ in sizes),
            largest_pss_mb=max(pss for _, pss in sizes),
            total_pss_mb=sum(pss for _, pss in sizes),
        )


def _sizes(pid: int) -> tuple[float, float]:
    """Return the RSS and PSS of a process in MB (a million bytes)."""
    found: dict[str, Any] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0]) * 1024 / 1e6
    return found["Rss"], found["Pss"]


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def spawned(database: str, options: Sequence[str] = ()) -> Iterator[Server]:
    """A server process, not waited for; it is stopped after the block and must end cleanly."""
    with tempfile.TemporaryDirectory(prefix="ordrebok-bench-log-") as folder:
        log = Path(folder) / "log"
        port = free_port()
        with log.open("wb") as output:
            began = time.monotonic()
            process = subprocess.Popen(
                [*program(), "serve", "--database", database, "--port", str(port), *options],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Server(process, port, log, began)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                print("The server did not stop when it was told to, and was killed.")


@contextmanager
def serving(
    engine: str, cluster: Cluster | None, options: Sequence[str] = ()
) -> Iterator[tuple[Server, str]]:
    """A server that answers, on a database of its own, and a token for it."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(engine, cluster))
        client = add_client(database)
        server = stack.enter_context(spawned(database, options))
        server.wait_for("/healthz")
        token = server.token(client)
        server.wait_for(f"{PATH}?limit=1", token)
        yield server, token
