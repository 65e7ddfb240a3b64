"""What stands behind the door of the safe HTTP client: aiohttp, with everything unsafe shut off.

Whether an address may be called is asked where the socket for just that address is made: between
the question and the call there is no other look at the name, and no way around it.
"""

import socket
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ordrebok.delivery.names import Names, NoAnswerError
from ordrebok.delivery.outcome import (
    KEPT_CHARACTERS,
    KEPT_HEADERS,
    KEPT_VALUE_CHARACTERS,
    Outcome,
)
from ordrebok.webhooks.addresses import is_public
from ordrebok.webhooks.signatures import authority

READ_BYTES: Final = 64 * 1024
"""So much of an answer is read; the connection of a longer one is closed."""

KEEP_ALIVE_SECONDS: Final = 4
"""Less than receivers usually keep a connection: one that they close meanwhile fails a delivery."""

_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
_IMPLIED: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class NotPublicError(OSError):
    """An address that no delivery may go to; the sentence does not tell it."""

    def __init__(self) -> None:
        """Say the same for all addresses, so that several of them are one error."""
        super().__init__("The host leads to an address that is not public")


class SafeClient:
    """Sends deliveries; see `Outgoing` for what it keeps."""

    def __init__(
        self,
        *,
        private_targets: bool,
        connect_seconds: float,
        total_seconds: float,
        resolver: AbstractResolver | None,
    ) -> None:
        """Open a pool of connections; called where an event loop runs."""
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver or Names(connect_seconds),
                socket_factory=_any_socket if private_targets else _public_socket,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                limit=0,  # How many are sent at once is decided by whoever sends.
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=_IMPLIED,
            timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=connect_seconds),
        )

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, *, insecure: bool
    ) -> Outcome:
        """Send a delivery; whatever happens is an outcome, never an error."""
        started = time.monotonic()
        try:
            target, host = _as_sent(url)
            request = self._session.post(
                target,
                data=body,
                headers={**headers, "Host": host, "Accept-Encoding": "identity"},
                allow_redirects=False,
                ssl=not insecure,
            )
            async with request as response:
                text = await _beginning(response)
                return Outcome(
                    status=response.status,
                    headers=_kept(response.headers),
                    body=text,
                    duration_ms=_since(started),
                )
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # uvloop raises RuntimeError where others raise OSError; TimeoutError is an OSError.
            return Outcome(failure=self._sentence(error), duration_ms=_since(started))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._session.close()

    def _sentence(self, error: Exception) -> str:
        """Return why nobody answered, for the subscriber: no address, no trace."""
        match error:
            case aiohttp.ClientConnectorCertificateError():
                return "The certificate of the receiver is not valid"
            case aiohttp.ClientConnectorDNSError():
                return self._sentence_of_name(error.os_error)
            case aiohttp.ClientSSLError():
                return "No TLS connection could be made"
            case aiohttp.ClientConnectorError() if isinstance(error.os_error, NotPublicError):
                return str(error.os_error)
            case aiohttp.ConnectionTimeoutError():
                return f"No connection within {self._connect_seconds:g} s"
            case TimeoutError():
                return f"No answer within {self._total_seconds:g} s"
            case aiohttp.ClientConnectorError():
                return "No connection could be made"
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
                return "The connection was closed before there was an answer"
            case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
                return "The answer is not HTTP"
            case _:
                return "The delivery could not be sent"

    def _sentence_of_name(self, error: OSError) -> str:
        """Return why there is no address, for the subscriber."""
        if isinstance(error, NoAnswerError):
            return f"No answer about the host's address within {self._connect_seconds:g} s"
        return "The host has no address"


def _any_socket(address: _AddrInfo) -> socket.socket:
    """Return a socket for an address."""
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)


def _public_socket(address: _AddrInfo) -> socket.socket:
    """Return a socket for an address of the whole internet.

    Raises: NotPublicError, before anything is sent there.
    """
    if not is_public(str(address[4][0])):
        raise NotPublicError
    return _any_socket(address)


@lru_cache(maxsize=1_000)
def _as_sent(url: str) -> tuple[URL, str]:
    """Return a URL as it is signed, nothing in its path and query encoded anew; and its host."""
    parts, host = urlsplit(url), authority(url)
    whole = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    return URL(whole, encoded=True), host


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """Return the beginning of an answer; what was answered counts, also when it breaks off."""
    kept, read = b"", 0
    try:
        while read < READ_BYTES and not response.content.at_eof():
            chunk = await response.content.read(READ_BYTES - read)
            read += len(chunk)
            kept += chunk[: KEPT_CHARACTERS - len(kept)]
    except (aiohttp.ClientError, OSError):
        response.close()
    if not response.content.is_eof():
        response.close()
    return _plain(kept.decode(errors="replace"))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer, as many and as much of them as is kept."""
    first = list(headers.items())[:KEPT_HEADERS]
    return {_plain(name): _plain(value)[:KEPT_VALUE_CHARACTERS] for name, value in first}


def _plain(text: str) -> str:
    """Return a text that every database takes: without U+0000 and halves of characters."""
    if text.isascii():  # As nearly all are.
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _since(started: float) -> int:
    """Return the milliseconds since a moment of the monotonic clock."""
    return int((time.monotonic() - started) * 1_000)
