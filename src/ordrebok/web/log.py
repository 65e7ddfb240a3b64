"""The log: JSON lines, or a form for people when a terminal is looking.

One line per request, gathered and written a few times a second, so that a request waits for no
disk; warnings and errors are written at once. A line holds ids and figures: never a body, a
token, a secret or what a person is called. Routes are logged as templates, because a path can
hold the id of a person.

The lines are made here, without a logging library: the usual one costs half of the time a start
may take, and the line per request has to be cheaper than any.
"""

import asyncio
import logging
import sys
import time
import traceback
from typing import BinaryIO, Final

import msgspec

from ordrebok.web.settings import LogForm

_FLUSH_SECONDS: Final = 0.05
_MOST_WAITING: Final = 512
_MOST_CHARACTERS: Final = 300

LOGGER: Final = logging.getLogger("ordrebok.web")


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """One line per request."""

    time: str
    level: str
    event: str
    request_id: str
    method: str
    route: str
    status: int
    duration_ms: float
    account_id: str = ""
    operation: str = ""


class AccessLog:
    """Gathers the lines of requests and writes them out together."""

    def __init__(self, stream: BinaryIO, *, enabled: bool, console: bool) -> None:
        self.enabled = enabled
        self._stream = stream
        self._console = console
        self._lines: list[Line] = []
        self._encode_lines = msgspec.json.Encoder().encode_lines
        self._second = 0
        self._second_text = ""

    def write(self, line: Line) -> None:
        """Take a line; it is written within a twentieth of a second."""
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= _MOST_WAITING:
            self.flush()

    def now(self) -> str:
        """Return the present moment as text; the seconds are formatted once a second."""
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int((moment - second) * 1000):03d}Z"

    def flush(self) -> None:
        """Write what has been gathered."""
        if self._lines:
            if self._console:
                text = b"".join(map(_for_people, self._lines))
            else:
                text = self._encode_lines(self._lines)
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()


class LineFormatter(logging.Formatter):
    """Writes whatever the libraries and this program log besides as the same kind of line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON line; of an error its place and kind, and a sentence at most."""
        line: dict[str, object] = {
            "time": _moment(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:_MOST_CHARACTERS],
            "logger": record.name,
        }
        line |= _fields(record)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = type(error).__name__
            line["message"] = _first_sentence(error)
            line["at"] = _frames(error)
        return msgspec.json.encode(line).decode()


class ConsoleFormatter(logging.Formatter):
    """The same for people: a short line, and below it the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        head = f"{_moment(record.created)} {record.levelname.lower():7} {record.getMessage()}"
        text = f"{head} {fields}".rstrip()
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return text
        below = "\n".join(f"    {frame}" for frame in _frames(error))
        return f"{text}\n{below}\n    {type(error).__name__}: {_first_sentence(error)}"


def configure(level: str, form: LogForm) -> AccessLog:
    """Send all logging of this process to standard error; return the log of requests."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ConsoleFormatter() if console else LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(number)
    for noisy in ("uvicorn.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))
    access = AccessLog(sys.stderr.buffer, enabled=number <= logging.INFO, console=console)
    _process.append(access)
    return access


def current() -> AccessLog:
    """Return the log of requests of this process; silent until the log is configured."""
    return _process[-1]


_process: Final = [AccessLog(sys.stderr.buffer, enabled=False, console=False)]


def _for_people(line: Line) -> bytes:
    """Return a request's line for a terminal."""
    return (
        f"{line.time} {line.status} {line.method:6} {line.route} {line.duration_ms} ms "
        f"{line.account_id} {line.request_id}\n"
    ).encode()


def _moment(seconds: float) -> str:
    """Return a moment as text."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1000):03d}Z"


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what was logged beside the sentence, as `extra={"fields": {...}}`."""
    fields = getattr(record, "fields", None)
    return dict(fields) if isinstance(fields, dict) else {}


def _first_sentence(error: BaseException) -> str:
    """Return the error's first line, cut: what follows may quote the rows of a database."""
    return str(error).split("\n", 1)[0][:_MOST_CHARACTERS]


def _frames(error: BaseException) -> list[str]:
    """Return where the error came from: files, lines and functions, without any values."""
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        chain = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames] + chain
        seen = seen.__cause__ or seen.__context__
    return chain
