"""HTTP/1.1 as uvicorn speaks it, with head and body of an answer in one write to the socket."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD: Final = b"HTTP/1.1 "
_LENGTH: Final = b"\r\ncontent-length: "

DROP: Final = "ordrebok.drop"
"""The extension of a request's scope that closes its connection without an answer."""


class OneWrite:
    """A transport that holds an answer's head back until its body comes.

    uvicorn writes them one after the other, and each write is a call of the system, which costs
    more than making the answer's JSON. Only a head that announces a length is held: after any
    other, the body may take its time.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._write: Callable[[bytes], None] = transport.write
        self._head = b""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or keep a head for the write after it."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD) and data.endswith(b"\r\n\r\n") and _LENGTH in data:
            self._head = data
            return
        self._write(data)

    def flush(self) -> None:
        """Write a head that no body followed."""
        if self._head:
            data, self._head = self._head, b""
            self._write(data)

    def drop(self) -> None:
        """Close, and write nothing from now on."""
        self._head = b""
        self._write = _lose
        self._transport.close()

    def close(self) -> None:
        """Close after everything is written."""
        self.flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with a transport that joins heads and bodies."""
        self._joining = OneWrite(transport)
        super().connection_made(self._joining)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """Let nobody wait for changes on behalf of a client that has gone."""
        scope: Any = self.scope  # None until the first request.
        leave = scope and scope.get("leave")
        if leave:
            leave()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End: let nobody wait for changes any longer, answer what is asked, and close."""
        bell = self.app_state.get("bell")
        if bell is not None:
            bell.fall_silent()
        super().shutdown()

    def on_response_complete(self) -> None:
        """Go on to the next request of this connection."""
        self._joining.flush()
        super().on_response_complete()


class SandboxProtocol(Protocol):
    """One connection, which a request may close instead of answering."""

    def on_message_begin(self) -> None:
        """Begin the next request of this connection."""
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {DROP: self._joining.drop}


def _lose(_data: bytes) -> None:
    """Write nothing."""
