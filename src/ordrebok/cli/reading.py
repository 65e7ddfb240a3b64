"""Lines of an import read into orders: what the reading processes do."""

import gc
import os
import signal
from multiprocessing import parent_process
from pathlib import Path
from shutil import rmtree
from threading import Thread
from typing import NamedTuple

import msgspec

from ordrebok.cli.lines import LONGEST_LINE_BYTES, Chunk
from ordrebok.exchange.completion import Completed, completed
from ordrebok.exchange.emptied import as_emptied
from ordrebok.exchange.exported import as_it_stands
from ordrebok.exchange.metadata import metadata_faults
from ordrebok.exchange.place import Place
from ordrebok.exchange.rules import next_number
from ordrebok.orders.whole import WholeOrder, whole
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.exchange import FORMAT, EmptiedOrder, ExportedOrder, Header, OrderLine

_decode = msgspec.json.Decoder(OrderLine).decode
_decode_exported = msgspec.json.Decoder(ExportedOrder).decode
_decode_emptied = msgspec.json.Decoder(EmptiedOrder).decode
_decode_header = msgspec.json.Decoder(Header).decode


class Taken(NamedTuple):
    """A line that is an order."""

    line: int
    order: WholeOrder


class Refused(NamedTuple):
    """A line that is not taken, and why."""

    line: int
    sentence: str
    report: bytes
    """The line of the report, as JSON."""


class ReadChunk(NamedTuple):
    """What has become of some lines."""

    taken: list[Taken]
    refused: list[Refused]
    next_number: int
    """The serial number behind all order numbers of these orders."""


def start_reader(folder: str) -> None:
    """Begin to read for another process, and end with it, however it ends.

    Where it ends without a word, the folder that the chunks pass through is removed for it.

    Ctrl-C is left to that process. Reading makes nothing that only a garbage collector could
    free, and is a fifth faster without one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    Thread(target=_end_with_parent, args=(folder,), daemon=True).start()


def _end_with_parent(folder: str) -> None:
    """Wait for the end of the process that this one reads for, and follow it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        rmtree(folder, ignore_errors=True)
        os._exit(1)


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(ReadChunk).decode


def read_into(file: Path, chunk: Chunk, source: Path | None, place: Place) -> None:
    """Read lines as `read_chunk` does, and leave them in a file for another process.

    With a `source`, the lines are fetched from there. A pipe would take lines and orders in small
    parts, each of which interrupts both processes.
    """
    if source is not None:
        with source.open("rb") as stream:
            stream.seek(chunk.start)
            chunk = chunk._replace(text=stream.read(chunk.size))
    file.write_bytes(_pack(read_chunk(chunk, place)))


def take_from(file: Path) -> ReadChunk:
    """Return what another process has read into a file, and remove the file."""
    packed = file.read_bytes()
    file.unlink()
    return _unpack(packed)


def read_chunk(chunk: Chunk, place: Place) -> ReadChunk:
    """Read lines into orders, or refuse them with everything that is wrong."""
    taken: list[Taken] = []
    refused: list[Refused] = []
    numbers: list[str | None] = []
    if chunk.too_long:
        return ReadChunk([], [refused_line(chunk.first, "", _too_long())], 1)
    for number, text in chunk.lines():
        found = read_line(text, place)
        if isinstance(found, Completed):
            taken.append(Taken(number, whole(*found)))
            numbers.append(found.order.order_number)
        elif found is not None:
            refused.append(refused_line(number, _order_id(text), found))
    return ReadChunk(taken, refused, next_number(numbers))


def read_line(text: bytes, place: Place) -> Completed | Refusal | None:
    """Return the order that a line tells of; None for a header, which tells of none.

    Refuses: INVALID_JSON, INVALID_REQUEST_PARAMETER, INVALID_AMOUNTS, AMOUNT_TOO_LARGE.
    """
    try:
        if not text.isascii():
            text.decode()  # msgspec does not look into the texts that it skips.
        if place.is_same:
            found = _exported(text)
            if found is not None:
                return found
        found = _emptied(text) if b'"deleted_at"' in text else None
        if found is not None:
            return found
        line = _decode(text)
    except msgspec.ValidationError as error:
        return _schema_refusal(text, error)
    except (ValueError, RecursionError) as error:
        return Refusal("INVALID_JSON", str(error) or "The line is no JSON")
    faults = metadata_faults(line, len(text))
    if b"\\u0000" in text:
        from ordrebok.cli.bad_lines import nul_faults  # noqa: PLC0415 -- see there

        faults += nul_faults(text)
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults[0].message, faults)
    return completed(line, place)


def _exported(text: bytes) -> Completed | None:
    """Return the order of a line that is one already; None for any other."""
    try:
        line = _decode_exported(text)
    except (ValueError, RecursionError):
        return None
    if metadata_faults(line, len(text)) or b"\\u0000" in text:
        return None
    return as_it_stands(line)


def _emptied(text: bytes) -> Completed | None:
    """Return the order of a line that was emptied; None for any other."""
    try:
        line = _decode_emptied(text)
    except (ValueError, RecursionError):
        return None
    return None if b"\\u0000" in text else as_emptied(line)


def header_of(text: bytes) -> Header | None:
    """Return the header that a line is, if it is one."""
    try:
        return _decode_header(text)
    except (ValueError, RecursionError):
        return None


def refused_line(line: int, order_id: str, refusal: Refusal) -> Refused:
    """Return a line that is refused, with what the report says of it."""
    from ordrebok.cli.bad_lines import report_line  # noqa: PLC0415 -- see there

    return Refused(line, f"line {line}: {refusal.text}", report_line(line, order_id, refusal))


def _schema_refusal(text: bytes, error: Exception) -> Refusal | None:
    """Return everything that keeps a line from being an order; None when it is a header."""
    header = header_of(text)
    if header is not None and header.format == FORMAT:
        return None
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (ValueError, RecursionError) as broken:
        return Refusal("INVALID_JSON", str(broken))
    from ordrebok.cli.bad_lines import schema_faults  # noqa: PLC0415 -- see there

    faults = schema_faults(text, error)
    return Refusal("INVALID_REQUEST_PARAMETER", faults[0].message, faults)


def _too_long() -> Refusal:
    """Return the refusal of a line that is too long."""
    fault = Fault("MAX_LENGTH", "The line is too long", (), f"at most {LONGEST_LINE_BYTES} bytes")
    return Refusal("INVALID_REQUEST_PARAMETER", fault.message, (fault,))


class _Named(msgspec.Struct):
    """What can be told of a line that is no order."""

    order_id: str = ""


def _order_id(text: bytes) -> str:
    """Return the order_id of a line that was refused, if it has one."""
    try:
        return msgspec.json.decode(text, type=_Named).order_id
    except (ValueError, RecursionError):
        return ""
