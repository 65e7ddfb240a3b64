"""The safe HTTP client, against real receivers: what it sends, what it keeps, what it refuses."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ordrebok.clock import Instant
from ordrebok.delivery.outcome import KEPT_CHARACTERS, Outcome
from ordrebok.delivery.outgoing import Outgoing
from ordrebok.webhooks.signatures import Message, Request, Signer, aws_authorization
from tests.support.receiver import Receiver
from tests.support.server import free_port
from tests.support.subscriptions import AWS, a_hook
from tests.unit.test_hook_addresses import NOT_PUBLIC

T = TypeVar("T")
HEADERS = {"Content-Type": "application/json", "event": "ping"}
BODY = b'{"a":1}'
REFUSED = "The host leads to an address that is not public"


def sent(url: str, *, insecure: bool = False, **limits: Any) -> Outcome:  # noqa: ANN401 -- any limits of the client
    """Send one delivery; targets inside the house are allowed unless the limits say otherwise."""

    async def send() -> Outcome:
        outgoing = Outgoing(**{"private_targets": True, **limits})
        try:
            return await outgoing.send(url, HEADERS, BODY, insecure=insecure)
        finally:
            await outgoing.close()

    return asyncio.run(send())


class Names(AbstractResolver):
    """Says to which addresses names lead: the first answer, then the second, and so on."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        del family
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


# ------------------------------------------------------------------------------- what is sent


def test_a_delivery_arrives_as_it_was_given(receiver: Receiver) -> None:
    """The bytes, the headers, and the URL, which is not encoded anew."""
    outcome = sent(receiver.url + "/ok/a%20b?x=%2F&y=a+b")
    (received,) = receiver.requests()
    assert (received.method, received.path) == ("POST", "/ok/a%20b?x=%2F&y=a+b")
    assert received.body == BODY
    assert received.headers == {
        "content-type": "application/json",
        "event": "ping",
        "host": f"127.0.0.1:{receiver.port}",
        "accept-encoding": "identity",
        "content-length": str(len(BODY)),
    }
    assert (outcome.status, outcome.failure) == (200, None)
    assert outcome.body == '{"taken":true}'
    assert outcome.headers["Content-Length"] == "14"
    assert outcome.duration_ms >= 0


def test_what_is_signed_for_aws_is_what_arrives(receiver: Receiver) -> None:
    """The receiver computes the same signature from what it got."""
    hook = a_hook(receiver.url + "/ok/a%20b/?b=2&a=%C3%A6", AWS)
    now = Instant.of("2026-11-20T18:12:13.123Z")
    signed = Signer(hook).headers(Message("an-id", "ping", BODY), now.ms)

    async def send() -> None:
        outgoing = Outgoing(private_targets=True)
        await outgoing.send(hook.config.url, signed, BODY)
        await outgoing.close()

    asyncio.run(send())
    (received,) = receiver.requests()
    path, _, query = received.path.partition("?")
    names = ("host", "content-type", "x-amz-date", "x-amz-content-sha256")
    seen = {name: received.headers[name] for name in names}
    request = Request(received.method, path, query, seen, received.body)
    assert received.headers["authorization"] == aws_authorization(AWS, request)


def test_many_deliveries_share_connections(receiver: Receiver) -> None:
    """One after the other, a connection is enough."""

    async def send() -> None:
        outgoing = Outgoing(private_targets=True)
        for _ in range(20):
            assert (await outgoing.send(receiver.url + "/ok", HEADERS, BODY)).status == 200
        await outgoing.close()

    asyncio.run(send())
    assert len({each.connection for each in receiver.requests()}) == 1


def test_no_cookie_is_kept_and_no_proxy_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert sent(receiver.url + "/ok").status == 200


# ------------------------------------------------------------------------------- what comes back


@pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 429, 500, 503])
def test_every_status_is_an_outcome(receiver: Receiver, status: int) -> None:
    """What it means is decided elsewhere."""
    outcome = sent(f"{receiver.url}/status/{status}")
    assert (outcome.status, outcome.failure) == (status, None)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """Least of all into the house: its target is never called."""
    target = f"{receiver.url}/ok/inside"
    outcome = sent(f"{receiver.url}/redirect/{quote(target, safe='')}")
    assert outcome.status == 307
    assert outcome.headers["Location"] == target
    assert [each.path.split("/")[1] for each in receiver.requests()] == ["redirect"]


def test_the_beginning_of_an_answer_is_kept(receiver: Receiver) -> None:
    """All of a short one, 4 KB of a long one; its status counts."""
    assert sent(f"{receiver.url}/body/3000").body == "x" * 3_000
    assert sent(f"{receiver.url}/body/60000").body == "x" * KEPT_CHARACTERS
    assert sent(f"{receiver.url}/body/9000000").body == "x" * KEPT_CHARACTERS


def test_an_answer_without_an_end_is_cut_off(receiver: Receiver) -> None:
    """After 64 KB, whatever the time-out."""
    outcome = sent(f"{receiver.url}/endless", total_seconds=60)
    assert (outcome.status, outcome.body) == (200, "z" * KEPT_CHARACTERS)
    assert outcome.duration_ms < 30_000


# ------------------------------------------------------------------------------- no answer


@pytest.mark.parametrize("path", ["dead", "drip", "slow/20000"])
def test_a_receiver_that_is_too_slow_is_not_waited_for(receiver: Receiver, path: str) -> None:
    """However it spends the time: silent, or one byte at a time."""
    outcome = sent(f"{receiver.url}/{path}", total_seconds=0.4)
    assert (outcome.status, outcome.failure) == (None, "No answer within 0.4 s")


def test_a_slow_receiver_is_waited_for(receiver: Receiver) -> None:
    """Within the time it has."""
    assert sent(f"{receiver.url}/slow/200").status == 200


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("cut", "The connection was closed before there was an answer"),
        ("broken", "The answer is not HTTP"),
    ],
)
def test_a_receiver_that_does_not_answer_is_a_failure(
    receiver: Receiver, path: str, failure: str
) -> None:
    """Said in a sentence for the subscriber."""
    outcome = sent(f"{receiver.url}/{path}")
    assert (outcome.status, outcome.failure) == (None, failure)


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    """At once."""
    outcome = sent(f"http://127.0.0.1:{free_port()}/")
    assert (outcome.status, outcome.failure) == (None, "No connection could be made")


def test_a_host_that_takes_no_connections_is_not_waited_for() -> None:
    """A full queue of connections looks as a host does that does not exist."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)  # noqa: FBT003 -- of the standard library
                each.connect_ex(("127.0.0.1", port))
            outcome = sent(f"http://127.0.0.1:{port}/", connect_seconds=0.3)
        finally:
            for each in waiting:
                each.close()
    assert (outcome.status, outcome.failure) == (None, "No connection within 0.3 s")


def test_a_name_without_an_address_is_a_failure() -> None:
    """The name is one that never exists."""
    assert sent("http://receiver.invalid/").failure == "The host has no address"


@pytest.mark.parametrize("url", ["http://[::1", "http://a..b/", "http://" + "a" * 300 + ".se/"])
def test_what_is_no_url_is_a_failure_too(url: str) -> None:
    """It never gets here; if it does, nothing breaks."""
    assert sent(url).status is None


# ------------------------------------------------------------------------------- TLS


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_receiver: Receiver) -> None:
    """Before anything is sent."""
    before = tls_receiver.count
    outcome = sent(tls_receiver.url + "/ok")
    assert (outcome.status, outcome.failure) == (
        None,
        "The certificate of the receiver is not valid",
    )
    assert tls_receiver.count == before


def test_a_subscription_may_ask_for_no_check_of_the_certificate(tls_receiver: Receiver) -> None:
    """For itself alone: another one to the same receiver is checked all the same."""

    async def both() -> tuple[Outcome, Outcome]:
        outgoing = Outgoing(private_targets=True)
        url = tls_receiver.url + "/ok"
        insecure = await outgoing.send(url, HEADERS, BODY, insecure=True)
        secure = await outgoing.send(url, HEADERS, BODY)
        await outgoing.close()
        return insecure, secure

    insecure, secure = asyncio.run(both())
    assert (insecure.status, secure.status) == (200, None)


def test_plain_http_where_tls_is_spoken_is_a_failure(receiver: Receiver) -> None:
    """Whether the receiver answers in plain text or hangs up."""
    outcome = sent(receiver.url.replace("http:", "https:") + "/ok", insecure=True)
    assert outcome.failure in {"No TLS connection could be made", "No connection could be made"}


# ------------------------------------------------------------------------------- inside the house


@contextmanager
def listening_everywhere() -> Iterator[socket.socket]:
    """A socket that takes connections to every address of this machine, of both families."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.setblocking(False)  # noqa: FBT003 -- of the standard library
        yield server


def test_no_address_inside_the_house_is_called() -> None:
    """Not as a literal address, and not by a name that leads there."""
    with listening_everywhere() as server:
        port = server.getsockname()[1]
        for address in NOT_PUBLIC:
            host = f"[{address}]" if ":" in address else address
            if "%" not in address:
                assert sent(f"http://{host}:{port}/", private_targets=False).failure == REFUSED
            names = Names([address])
            outcome = sent(f"http://shop.se:{port}/", private_targets=False, resolver=names)
            assert (address, outcome.failure) == (address, REFUSED)
            assert names.asked == 1
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost", "0"])
def test_other_ways_to_write_such_an_address_lead_nowhere(receiver: Receiver, host: str) -> None:
    """Whatever the machine's own resolver makes of them."""
    outcome = sent(f"http://{host}:{receiver.port}/ok", private_targets=False)
    assert outcome.status is None
    assert receiver.count == 0


def test_a_name_is_asked_about_at_every_connection(receiver: Receiver) -> None:
    """One that led elsewhere when the subscription was made leads nowhere now."""
    names = Names(["127.0.0.1"], ["127.0.0.2", "::1"])
    for _ in range(2):
        outcome = sent(f"http://shop.se:{receiver.port}/ok", private_targets=False, resolver=names)
        assert outcome.failure == REFUSED
    assert receiver.count == 0


def test_an_operator_may_allow_what_is_inside(receiver: Receiver) -> None:
    """By a name that leads there, too."""
    names = Names(["127.0.0.1"])
    assert sent(f"http://shop.se:{receiver.port}/ok", resolver=names).status == 200
    assert receiver.requests()[0].headers["host"] == f"shop.se:{receiver.port}"


# ------------------------------------------------------------------------------- its weight


def test_the_library_is_loaded_with_the_first_delivery() -> None:
    """A server that sends nothing does not carry it."""
    program = (
        "import sys, ordrebok.cli.app, ordrebok.table, ordrebok.web.app\n"
        "import ordrebok.delivery.outgoing as door\n"
        "door.Outgoing()\n"
        "assert 'aiohttp' not in sys.modules and 'yarl' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_deliveries_may_be_the_first_ones_together(receiver: Receiver) -> None:
    """The library is loaded once for all of them."""

    async def send() -> None:
        outgoing = Outgoing(private_targets=True)
        sends: list[Coroutine[None, None, Outcome]] = [
            outgoing.send(f"{receiver.url}/ok/{number}", HEADERS, BODY) for number in range(50)
        ]
        assert {each.status for each in await asyncio.gather(*sends)} == {200}
        await outgoing.close()
        assert (await outgoing.send(f"{receiver.url}/ok", HEADERS, BODY)).status == 200
        await outgoing.close()

    asyncio.run(send())
    assert receiver.count == 51
