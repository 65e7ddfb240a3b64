"""What every exchange shares: the request's id, the common headers, the log and the figures."""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, Final

import falcon.asgi
from falcon.request import RequestOptions

from ordrebok.refusals import Refusal
from ordrebok.sandbox.boxes import Boxes
from ordrebok.sandbox.clocks import Clocks
from ordrebok.store.interface import Store
from ordrebok.web.auth import Tokens
from ordrebok.web.log import AccessLog, Line
from ordrebok.web.metrics import Metrics, Observe
from ordrebok.web.problem import (
    JSON,
    PROBLEM_JSON,
    problem_body,
    refusal_body,
    refusal_headers,
    wants_problem,
)
from ordrebok.web.settings import WebSettings


class Request(falcon.asgi.Request):
    """A request that has its body at hand where it came whole with the head, as most do."""

    __slots__ = ("whole_body",)

    def __init__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        first_event: dict[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> None:
        super().__init__(scope, receive, first_event, options)
        self.whole_body: bytes | None = None
        if first_event is not None and not first_event.get("more_body", False):
            self.whole_body = first_event.get("body", b"")


Response = falcon.asgi.Response
App = falcon.asgi.App[Request, Response]
Headers = Mapping[bytes, bytes]

_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_PREFIX: Final = secrets.token_hex(8)
_numbers: Final = itertools.count(1)

_EXPOSED: Final = (
    "etag, idempotency-replayed, preference-applied, retry-after, total-count, x-request-id"
)


class House:
    """Everything a request may need: the store, the tokens, the settings, the log, the figures."""

    __slots__ = ("access", "boxes", "clocks", "metrics", "settings", "store", "tokens")

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        settings: WebSettings,
        access: AccessLog,
        metrics: Metrics,
    ) -> None:
        self.store = store
        self.tokens = tokens
        self.settings = settings
        self.access = access
        self.metrics = metrics
        self.clocks = Clocks()
        """The time of each account, for whoever looks whether something is due."""
        self.boxes: Boxes | None = None
        """The sandboxes, where they are served."""


class Desk:
    """The end of every exchange of one route: figures and one line of the log."""

    __slots__ = ("_observers", "house", "operation", "route")

    def __init__(self, house: House, operation: str, route: str) -> None:
        self.house = house
        self.operation = operation
        self.route = route
        self._observers: dict[int, Observe] = {}

    def close(
        self, method: str, status: int, started: float, request_id: str, account_id: str = ""
    ) -> None:
        """Count the exchange and log it."""
        seconds = perf_counter() - started
        observe = self._observers.get(status)
        if observe is None:
            observe = self.house.metrics.observer(self.operation, status)
            self._observers[status] = observe
        observe(seconds)
        access = self.house.access
        if access.enabled:
            access.write(
                Line(
                    access.now(),
                    "info",
                    "request",
                    request_id,
                    method,
                    self.route,
                    status,
                    round(seconds * 1000, 3),
                    account_id,
                    self.operation,
                )
            )


def request_id_of(headers: Headers) -> str:
    """Return the caller's X-Request-Id where it can be used, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{_PREFIX}-{next(_numbers):x}"


def common_headers(request_id: str, headers: Headers) -> dict[str, str]:
    """Return the headers of every response; browsers, which name an origin, get two more."""
    common = {"x-request-id": request_id}
    if b"origin" in headers:
        common["access-control-allow-origin"] = "*"
        common["access-control-expose-headers"] = _EXPOSED
    return common


def write_refusal(resp: Response, refusal: Refusal, accept: bytes, headers: dict[str, str]) -> None:
    """Make the response say the refusal, in the form that the caller takes."""
    resp.status = refusal.status
    if accept and wants_problem(accept):
        resp.content_type = PROBLEM_JSON
        resp.data = problem_body(refusal)
    else:
        resp.content_type = JSON
        resp.data = refusal_body(refusal)
    headers.update(refusal_headers(refusal))
    resp.set_headers(headers)
