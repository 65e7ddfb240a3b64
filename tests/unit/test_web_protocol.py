"""Heads and bodies of answers, joined on their way to the socket."""

from __future__ import annotations

import asyncio

from ordrebok.web.protocol import OneWrite

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
STREAMED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that notes what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note it."""
        self.written.append(bytes(data))

    def close(self) -> None:
        """Note the end."""
        self.written.append(b"closed")

    def is_closing(self) -> bool:
        """It is not."""
        return False


def test_head_and_body_are_one_write() -> None:
    """An answer costs one call of the system."""
    wire = Wire()
    joined = OneWrite(wire)
    joined.write(HEAD)
    assert wire.written == []
    joined.write(b"{}")
    joined.write(HEAD)
    joined.write(b"[]")
    assert wire.written == [HEAD + b"{}", HEAD + b"[]"]


def test_a_head_without_a_body_is_written_at_the_end_of_its_answer() -> None:
    """As HEAD has it."""
    wire = Wire()
    joined = OneWrite(wire)
    joined.write(HEAD)
    joined.flush()
    joined.flush()
    assert wire.written == [HEAD]


def test_a_stream_begins_at_once() -> None:
    """Its body may take its time, and the client wants to know that there will be one."""
    wire = Wire()
    joined = OneWrite(wire)
    joined.write(STREAMED)
    joined.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert wire.written == [STREAMED, b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_closing_loses_nothing() -> None:
    """What is held is written first."""
    wire = Wire()
    joined = OneWrite(wire)
    joined.write(HEAD)
    joined.close()
    assert wire.written == [HEAD, b"closed"]
    assert joined.is_closing() is False


def test_nothing_is_written_after_a_connection_is_dropped() -> None:
    """Neither what is held nor what comes; the client sees the end alone."""
    wire = Wire()
    joined = OneWrite(wire)
    joined.write(HEAD)
    joined.drop()
    joined.write(b"{}")
    joined.flush()
    assert wire.written == [b"closed"]
