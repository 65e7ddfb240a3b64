"""A receiver of deliveries: a real HTTP server in a process of its own, which does as it is told.

The path of a request says what the receiver does with it; more may follow behind it, so that
receivers can be told apart (`/ok/shop-7`):

    /ok               200
    /status/500       that status
    /redirect/URL     307 to a URL, percent-encoded
    /slow/300         200 after 300 ms
    /dead             takes the request and never answers
    /drip             answers one byte of a header at a time, for ever
    /endless          answers 200, and then bytes for ever
    /broken           answers what is not HTTP
    /cut              closes the connection
    /flaky/2          500 twice, then 200; counted for each path and `event-delivery`
    /body/3000        200 with so many bytes

Whatever is below `/control/` asks the receiver itself: `count`, `requests?since=N`, `clear`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httptools

from tests.support.server import environment, free_port, poll

STOP_SECONDS = 10


@dataclass(frozen=True)
class Received:
    """One request that arrived; `number` counts them from 0, in their order."""

    number: int
    connection: int
    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, read."""
        read: dict[str, Any] = json.loads(self.body)
        return read


# ------------------------------------------------------------------------------- the test's side


class Receiver:
    """The process, and what it has received."""

    def __init__(self, host: str = "127.0.0.1", certificate: Path | None = None) -> None:
        self._host = host
        self._certificate = certificate
        self.port = free_port()
        command = [sys.executable, "-m", "tests.support.receiver", host, str(self.port)]
        command += [] if certificate is None else [str(certificate)]
        root = Path(__file__).parent.parent.parent
        self._process = subprocess.Popen(
            command, env=environment(), cwd=root, start_new_session=True
        )
        poll(self._is_ready, f"the receiver on port {self.port}")

    @property
    def url(self) -> str:
        """Where deliveries are sent, without a path."""
        scheme = "http" if self._certificate is None else "https"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}"

    @property
    def count(self) -> int:
        """How many requests have arrived."""
        return int(self._asked("/control/count"))

    def requests(self, since: int = 0) -> list[Received]:
        """Return what has arrived, in its order, from a number on."""
        lines = self._asked(f"/control/requests?since={since}").splitlines()
        return [
            Received(**{**fields, "body": fields["body"].encode("latin-1")})
            for fields in map(json.loads, lines)
        ]

    def wait_for(self, count: int, seconds: float = 30) -> list[Received]:
        """Return what has arrived, as soon as it is so many requests."""
        poll(lambda: self.count >= count, f"{count} requests", seconds)
        return self.requests()

    def clear(self) -> None:
        """Forget everything, what flaky paths have counted too."""
        self._asked("/control/clear")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(STOP_SECONDS)

    def _asked(self, path: str) -> str:
        """Return the answer to a question about the receiver itself."""
        connection = self._connection()
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def _connection(self) -> HTTPConnection:
        """Return a connection; its certificate is of no interest here."""
        if self._certificate is None:
            return HTTPConnection(self._host, self.port, timeout=10)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(self._host, self.port, timeout=10, context=context)

    def _is_ready(self) -> bool:
        """Tell whether it answers."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the receiver ended with {self._process.returncode}")
        try:
            return self._asked("/control/count") == "0"
        except OSError:
            return False


@contextmanager
def receiving(host: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver(host, certificate)
    try:
        yield receiver
    finally:
        receiver.stop()


# ---------------------------------------------------------------------------- the process's side


class _Book:
    """What has arrived."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.attempts: Counter[str] = Counter()
        self.connections = 0

    def control(self, path: str) -> bytes:
        """Answer a question about the receiver itself."""
        question, _, query = path.removeprefix("/control/").partition("?")
        if question == "count":
            return str(len(self.received)).encode()
        if question == "clear":
            self.received.clear()
            self.attempts.clear()
            return b""
        since = int(query.removeprefix("since="))
        return b"\n".join(
            json.dumps({**vars(each), "body": each.body.decode("latin-1")}).encode()
            for each in self.received[since:]
        )


class _Connection(asyncio.Protocol):
    """One connection: reads requests one after the other, and answers each as its path says."""

    def __init__(self, book: _Book) -> None:
        self._book = book
        self._number = book.connections
        book.connections += 1
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._tasks: set[asyncio.Task[None]] = set()
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, headers, body = self._url.decode("latin-1"), self._headers, bytes(self._body)
        self._begin()
        if path.startswith("/control/"):
            self._answer(200, self._book.control(path))
            return
        method = self._parser.get_method().decode()
        number = len(self._book.received)
        received = Received(number, self._number, method, path, headers, body)
        self._book.received.append(received)
        self._behave(path, headers.get("event-delivery", ""))

    def _behave(self, path: str, delivery: str) -> None:
        """Answer as the path says."""
        parts = path.partition("?")[0].split("/")
        argument = parts[2] if len(parts) > 2 else ""
        match parts[1]:
            case "broken":
                self._transport.write(b"This is not HTTP at all\r\n\r\n")
            case "cut":
                self._transport.close()
            case "dead":
                pass
            case "slow":
                self._later(self._slow(int(argument) / 1000))
            case "drip":
                self._later(self._flood(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05))
            case "endless":
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                self._later(self._flood(head, b"z" * 16_384, 0))
            case name:
                self._answer_as(name, argument, f"{path} {delivery}")

    def _answer_as(self, name: str, argument: str, counted: str) -> None:
        """Answer at once."""
        match name:
            case "ok":
                self._answer(200, b'{"taken":true}')
            case "status":
                self._answer(int(argument), b"" if argument == "204" else b"as told")
            case "redirect":
                self._answer(307, b"", f"Location: {unquote(argument)}\r\n")
            case "flaky":
                self._book.attempts[counted] += 1
                healthy = self._book.attempts[counted] > int(argument)
                self._answer(200 if healthy else 500, b"")
            case "body":
                self._answer(200, b"x" * int(argument))
            case _:
                self._answer(404, b"")

    def _answer(self, status: int, body: bytes, more: str = "") -> None:
        """Write a whole answer."""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"Content-Length: {len(body)}\r\n{more}\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)

    def _later(self, work: Any) -> None:  # noqa: ANN401 -- a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _slow(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._answer(200, b"")

    async def _flood(self, head: bytes, drop: bytes, seconds: float) -> None:
        """Write something, and then drops of it for as long as the connection lasts."""
        self._transport.write(head)
        while not self._transport.is_closing():
            await asyncio.sleep(seconds)
            if self._transport.get_write_buffer_size() < len(drop):
                self._transport.write(drop)


async def _serve(host: str, port: int, certificate: str | None) -> None:
    """Receive for ever."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    book = _Book()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(book), host, port, ssl=context, backlog=1024
    )
    await server.serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Run the process: host, port, and the file with certificate and key where it speaks TLS."""
    host, port, *certificate = arguments
    asyncio.run(_serve(host, int(port), certificate[0] if certificate else None))


if __name__ == "__main__":
    main(sys.argv[1:])
