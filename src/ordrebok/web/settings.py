"""What an operator may set about the web side."""

from dataclasses import dataclass
from typing import Final, Literal

BODY_LIMIT_BYTES: Final = 5 * 1024 * 1024
"""A published limit: the largest request body, 5 MB."""

NESTING_LIMIT: Final = 64
"""A published limit: how deep the JSON of a request may nest."""

LogForm = Literal["auto", "json", "console"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Address, processes and log of the server; the defaults suit one process on one machine."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """Processes; more than one only with a database that takes several writers."""
    public_url: str = ""
    """Scheme and authority clients use, when a proxy stands in between: `https://orders.test`."""
    trusted_proxies: str = ""
    """Addresses, separated by commas, whose X-Forwarded-Proto is believed."""
    private_targets: bool = False
    """Webhooks may go to addresses that are not public, such as those beside this server."""
    graceful_seconds: int = 30
    """How long requests in flight may take when the server is told to stop."""
    keep_alive_seconds: int = 65
    """How long an idle connection is kept; longer than the usual proxy keeps its own."""
    retry_after_seconds: int = 2
    """What a client is told to wait when the database cannot take a request."""
    log_level: str = "info"
    """`warning` silences the line per request."""
    log_form: LogForm = "auto"
    """JSON lines, or a form for people; `auto` asks whether a terminal is looking."""
    sandbox: bool = False
    """Let accounts beginning with T move their clock, plan faults, fix their ids and be emptied."""
