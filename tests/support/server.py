"""A real server for tests: `ordrebok serve` as a process of its own, on a database of the test's.

`Server` starts and stops the process. `Operator` does what an operator does at its database: adds
accounts and clients, and signs tokens for them, by the same functions as the command line.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from ordrebok import clock
from ordrebok.accounts.book import Account
from ordrebok.accounts.issuing import token_for
from ordrebok.accounts.rules import TOKEN_SECONDS
from ordrebok.cli.client import make
from ordrebok.refusals import Refusal
from ordrebok.store import Store, open_store
from ordrebok.store.accounts import AccountStore

T = TypeVar("T")

START_SECONDS = 30
STOP_SECONDS = 30
ADMIN = ("admin:shopping", "admin:discounts")
_ATTEMPTS = 3
_TAKEN = re.compile("in use|is taken")
_numbers = itertools.count(10_000_001)


class ServerDidNotStartError(RuntimeError):
    """The process ended, or never became ready; the message holds what it said."""


def poll(condition: Callable[[], T | None], what: str, seconds: float = START_SECONDS) -> T:
    """What the condition returns once it is true; a wait that ends, and says what was missed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"waited {seconds} s for {what}")


class Operator:
    """The operator's side of a database, open while a server serves it.

    Its store lives on an event loop in a thread, so that plain tests can use it at once.
    """

    def __init__(self, database: str, *, migrate: bool = False) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._store: Store = self.run(open_store(database, migrate=migrate))
        self._book = AccountStore(self._store)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on the operator's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    def add_account(self, account_id: str | None = None) -> str:
        """Add an account, of an id that no other test has unless one is given."""
        account_id = account_id or f"T{next(_numbers):08d}"
        account = Account(account_id, f"Account of a test {account_id}", clock.now().text)
        assert self.run(self._book.add_account(account)), f"{account_id} is there already"
        return account_id

    def add_client(
        self,
        account_id: str,
        scopes: Sequence[str] = ADMIN,
        customer_id: str | None = None,
        seconds: int = TOKEN_SECONDS,
    ) -> Credentials:
        """Add an API client with a grant of these scopes, and a token, for a customer if asked.

        `seconds`: how long the token is good.
        """
        made = self.run(make(self._book, account_id, tuple(scopes), "A test's client", None))
        assert not isinstance(made, Refusal), made
        token = self.run(
            token_for(
                self._book,
                made,
                account_id,
                audience=f"https://orders.test/v1/accounts/{account_id}",
                issuer="https://orders.test",
                now=clock.instant(clock.now().ms - (TOKEN_SECONDS - seconds) * 1_000),
                customer_id=customer_id,
            )
        )
        assert not isinstance(token, Refusal), token
        return Credentials(
            account_id, made.id, made.client_id, made.client_secret, token.access_token
        )

    def close(self) -> None:
        """Let go of the database."""
        self.run(self._store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()


@dataclass(frozen=True)
class Credentials:
    """An API client of an account, with its secret and a token."""

    account_id: str
    id: str
    """Id of the client resource: what `created_by` says."""
    client_id: str
    client_secret: str
    token: str


class Server:
    """One `ordrebok serve` process, with everything it has said."""

    def __init__(self, database: str, folder: Path, *options: str) -> None:
        self.database = database
        self.log_path = folder / f"server-{secrets.token_hex(4)}.log"
        self._options = options
        self.url, self.process = self._started()

    @property
    def log(self) -> str:
        """Everything the process has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def command(self) -> Sequence[str]:
        """What is run, without its options."""
        return sys.executable, "-m", "ordrebok.cli", "serve"

    def terminate(self) -> int:
        """Ask it to stop, as a service manager does; return how it ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it without a warning, as a crash does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Stop it if it runs, one way or the other."""
        if self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()

    def _started(self) -> tuple[str, subprocess.Popen[bytes]]:
        """Start the process; again on another port when somebody else took the first one."""
        for _ in range(_ATTEMPTS):
            try:
                return self._started_on(free_port())
            except ServerDidNotStartError:
                if not _TAKEN.search(self.log):
                    raise
        return self._started_on(free_port())

    def _started_on(self, port: int) -> tuple[str, subprocess.Popen[bytes]]:
        """Start the process on a port, and wait until it answers."""
        url = f"http://127.0.0.1:{port}"
        process = self._spawn(port)
        try:
            poll(lambda: self._is_ready(process, url), f"{url}/readyz")
        except (TimeoutError, ServerDidNotStartError) as error:
            process.kill()
            process.wait(STOP_SECONDS)
            raise ServerDidNotStartError(f"{error}\n{self.log}") from error
        return url, process

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        """Start the process on a port."""
        command = [*self.command(), "--host", "127.0.0.1", "--port", str(port)]
        command += ["--database", self.database, *self._options]
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C is for the tests; the server goes after them.
            )

    def _is_ready(self, process: subprocess.Popen[bytes], url: str) -> bool:
        """Tell whether the server answers; a process that has ended never will."""
        if process.poll() is not None:
            raise ServerDidNotStartError(f"it ended with {process.returncode}")
        # A plain connection: a client of httpx takes longer to make than a server to start.
        connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def environment() -> dict[str, str]:
    """The environment of a command, without settings that the tester's own shell may hold."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ORDREBOK_")}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(database: str, folder: Path, *options: str) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(database, folder, *options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def operating(database: str) -> Iterator[Operator]:
    """An operator of a database that a server has made ready, for as long as the block lasts."""
    operator = Operator(database)
    try:
        yield operator
    finally:
        operator.close()
