"""The load generator: keep-alive connections that each ask again as soon as they are answered.

It shares the machine with the server it measures, so it must be cheap: one process, one epoll
loop, no HTTP library. It builds a request by putting an identifier between prepared parts, and
reads of an answer only its status, its length and two markers that a right answer contains. The
first wrong answer stops it. The work may be several requests: a connection makes them one after
another about one identifier, and goes on to the next identifier after the last.

`python -m bench.load` takes a job as JSON on standard input and answers with what it measured.
`python -m bench.load echo` is a responder that does nothing, to weigh the generator itself.
"""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from typing import cast

import msgspec

from bench.figures import Latency

READ_SIZE = 65_536
SHOWN = 600
ANSWER_LIMIT_SECONDS = 10.0


class WrongAnswer(Exception):  # noqa: N818 -- what it is, in two words
    """The server answered something else than it should have."""


class Step(msgspec.Struct, frozen=True):
    """One request of the work."""

    parts: tuple[str, ...]
    """The request, cut wherever the identifier belongs."""
    marker: str = ""
    """Stands in every right answer, beside the identifier itself."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask, over how many connections, for how long."""

    port: int
    connections: int
    seconds: float
    warm_seconds: float
    steps: tuple[Step, ...]
    """The work: what is asked about each identifier, one after another."""
    ids: tuple[str, ...]
    again: bool = False
    """Begin with the first identifier again after the last; else stop there."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job; durations in seconds unless the name says otherwise."""

    sent: int
    """Identifiers used, warm-up included: the first so many of the job's."""
    answered: int
    """Identifiers whose last step was answered inside the measured time."""
    seconds: float
    cpu_seconds: float
    latency: Latency
    """From sending the first step to the answer of the last one."""
    steps: tuple[Latency, ...]

    @property
    def per_second(self) -> float:
        """Identifiers a second."""
        return self.answered / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the generator, in microseconds an identifier."""
        return self.cpu_seconds / self.answered * 1e6


class Connection:
    """One connection and the request that is under way on it."""

    __slots__ = ("began_at", "id", "partial", "receive", "send", "sent_at", "socket", "step")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_LIMIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.receive: Callable[[int], bytes] = self.socket.recv
        self.send: Callable[[bytes], int] = self.socket.send
        self.sent_at = 0.0
        self.began_at = 0.0
        self.step = -1
        self.id = b""
        self.partial = b""


def answer_size(data: bytes) -> int:
    """Return how long a whole answer is, 0 while its head is not all there."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    at = data.find(b"content-length: ", 0, head)
    if at < 0:
        at = data[:head].lower().find(b"content-length: ")
        if at < 0:
            raise WrongAnswer(f"An answer without a length: {data[:head]!r}")
    return head + 4 + int(data[at + 16 : data.find(b"\r", at)])


class Generator:
    """The connections of one job and the loop that keeps them busy."""

    def __init__(self, job: Job) -> None:
        self._parts = [[part.encode() for part in step.parts] for step in job.steps]
        self._markers = [step.marker.encode() for step in job.steps]
        self._last = len(job.steps) - 1
        ids = [id_.encode() for id_ in job.ids]
        self._ids: Iterator[bytes] = cycle(ids) if job.again else iter(ids)
        self._poll = select.epoll()
        connections = [Connection(job.port) for _ in repeat(None, job.connections)]
        self._connections = {each.socket.fileno(): each for each in connections}
        self.durations = [array("d") for _ in job.steps]
        """How long each step took, in seconds ..."""
        self.whole = array("d")
        """... and all of them together."""
        self.sent = 0
        self.waiting = 0

    def begin(self) -> None:
        """Send the first request on every connection."""
        for fd, connection in self._connections.items():
            self._poll.register(fd, select.EPOLLIN)
            connection.step = self._last
            self._ask(connection)

    def close(self) -> None:
        """Close every connection."""
        self._poll.close()
        for connection in self._connections.values():
            connection.socket.close()

    def forget(self) -> None:
        """Forget how long everything took so far."""
        for durations in (*self.durations, self.whole):
            del durations[:]

    def run(self, until: float, *, on: bool = True) -> None:
        """Take answers until that time, or until none is awaited.

        With `on`, every answer is followed by the next request.
        """
        poll, connections, clock = self._poll.poll, self._connections, time.perf_counter
        last, whole = self._last, self.whole
        took = [durations.append for durations in self.durations]
        now = clock()
        while self.waiting and now < until:
            ready = poll(ANSWER_LIMIT_SECONDS)
            if not ready:
                raise WrongAnswer(f"No answer within {ANSWER_LIMIT_SECONDS} seconds.")
            for fd, _ in ready:
                connection = connections[fd]
                data = connection.receive(READ_SIZE)
                now = clock()
                if not data:
                    raise WrongAnswer("The server closed a connection without an answer.")
                if connection.partial:
                    data = connection.partial + data
                size = answer_size(data)
                if len(data) < size or not size:
                    connection.partial = data
                    continue
                connection.partial = b""
                self._check(connection, data, size)
                step = connection.step
                took[step](now - connection.sent_at)
                if step == last:
                    whole.append(now - connection.began_at)
                self.waiting -= 1
                if on:
                    self._ask(connection)

    def _check(self, connection: Connection, data: bytes, size: int) -> None:
        """Refuse an answer that is not the right one, and nothing else."""
        marker = self._markers[connection.step]
        if data[9:12] != b"200" or connection.id not in data or marker not in data:
            raise WrongAnswer(data[:SHOWN].decode(errors="replace"))
        if len(data) > size:
            raise WrongAnswer("More came than the answer's length says.")

    def _ask(self, connection: Connection) -> None:
        """Send the next request, where there is one left."""
        if connection.step == self._last:
            id_ = next(self._ids, None)
            if id_ is None:
                return
            connection.id = id_
            connection.step = -1
            self.sent += 1
            connection.began_at = time.perf_counter()
        connection.step += 1
        request = connection.id.join(self._parts[connection.step])
        connection.sent_at = time.perf_counter()
        if connection.send(request) != len(request):
            raise WrongAnswer("A request did not fit into the socket's buffer.")
        self.waiting += 1


def drive(job: Job) -> Measured:
    """Carry out a job.

    Answers count when they arrive inside the measured time, which begins after the warm-up and
    ends when it is over or when the identifiers are used up.
    """
    generator = Generator(job)
    try:
        generator.begin()
        generator.run(time.perf_counter() + job.warm_seconds)
        generator.forget()
        began, cpu = time.perf_counter(), time.process_time()
        generator.run(began + job.seconds)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        whole, *steps = (each.tolist() for each in (generator.whole, *generator.durations))
        generator.run(time.perf_counter() + ANSWER_LIMIT_SECONDS, on=False)
    finally:
        generator.close()
    if not (whole and all(steps)):
        raise WrongAnswer("No identifier was gone through within the measured time.")
    return Measured(
        sent=generator.sent,
        answered=len(whole),
        seconds=seconds,
        cpu_seconds=cpu,
        latency=Latency.of(whole),
        steps=tuple(map(Latency.of, steps)),
    )


def generate(job: Job) -> Measured:
    """Carry out a job in a process of its own.

    Refuses: WrongAnswer, with what the server said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(job),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise WrongAnswer(done.stderr.decode(errors="replace").strip())
    return msgspec.json.decode(done.stdout, type=Measured)


# ------------------------------------------------------------- weighing the generator itself

ECHO_BYTES = 3_500


class Echo(asyncio.Protocol):
    """Answers every request with the same bytes, which name the identifier the job asks for."""

    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % ECHO_BYTES + b"e" * ECHO_BYTES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._write = cast("asyncio.Transport", transport).write

    def data_received(self, data: bytes) -> None:
        """Answer; a request of the generator always arrives whole."""
        del data
        self._write(self.answer)


async def echo() -> None:
    """Serve on a free port, which is printed, until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def own_cost(connections: int, seconds: float) -> Measured:
    """Measure the generator against a responder that does nothing."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.load", "echo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as responder:
        assert responder.stdout is not None
        port = int(responder.stdout.readline())
        body = "b" * 800
        head = f" HTTP/1.1\r\nhost: echo\r\ncontent-length: {len(body)}\r\n\r\n"
        job = Job(
            port=port,
            connections=connections,
            seconds=seconds,
            warm_seconds=0.2,
            steps=(Step(("POST /", head + body), "e"),),
            ids=("e" * 36,),
            again=True,
        )
        return generate(job)


def main() -> int:
    """Do what the command line says; a wrong answer goes to standard error."""
    if sys.argv[1:] == ["echo"]:
        import uvloop  # noqa: PLC0415 -- only the responder needs it

        uvloop.run(echo())
        return 0
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        measured = drive(job)
    except (WrongAnswer, OSError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(measured))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
