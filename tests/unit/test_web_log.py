"""The log: JSON lines without what is private."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys

from ordrebok.web.log import AccessLog, ConsoleFormatter, Line, LineFormatter


def a_line(access: AccessLog) -> Line:
    return Line(
        access.now(), "info", "request", "id-1", "POST", "/v1/x/{id}", 200, 1.5, "T12345678", "op"
    )


def test_lines_are_written_together_and_in_order() -> None:
    """No request waits for the disk, yet every line arrives, with its route and its time."""
    stream = io.BytesIO()
    access = AccessLog(stream, enabled=True, console=False)

    async def write() -> None:
        access.write(a_line(access))
        access.write(a_line(access))
        assert stream.getvalue() == b""
        await asyncio.sleep(0.1)

    asyncio.run(write())
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 2
    assert lines[0]["route"] == "/v1/x/{id}"
    assert lines[0]["time"].endswith("Z")


def test_many_lines_are_not_kept_waiting() -> None:
    """Under load the memory for lines stays bounded, and the last ones are not lost."""
    stream = io.BytesIO()
    access = AccessLog(stream, enabled=True, console=False)

    async def write() -> None:
        for _ in range(600):
            access.write(a_line(access))

    asyncio.run(write())
    assert stream.getvalue().count(b"\n") == 512
    access.flush()
    assert stream.getvalue().count(b"\n") == 600


def test_people_get_a_line_to_read() -> None:
    """In a terminal, the method and the status stand there without JSON around them."""
    stream = io.BytesIO()
    access = AccessLog(stream, enabled=True, console=True)

    async def write() -> None:
        access.write(a_line(access))

    asyncio.run(write())
    access.flush()
    assert b" 200 POST " in stream.getvalue()


def record_of_an_error() -> logging.LogRecord:
    try:
        try:
            dict[str, int]()["Kari"]
        except KeyError as cause:
            raise ValueError("duplicate key\nDETAIL: Key (name)=(Kari)") from cause
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    record.fields = {"operation": "op"}
    return record


def test_an_error_tells_where_it_came_from_and_not_what_it_quotes() -> None:
    """A fault can be found from the log, though a database quotes names in its errors."""
    line = json.loads(LineFormatter().format(record_of_an_error()))
    assert (line["error"], line["message"]) == ("ValueError", "duplicate key")
    assert line["operation"] == "op"
    assert len(line["at"]) == 2
    assert "Kari" not in json.dumps(line)
    text = ConsoleFormatter().format(record_of_an_error())
    assert "Kari" not in text
    assert "operation=op" in text
