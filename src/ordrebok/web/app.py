"""The application: routes of the table, pages beside it, and its start and end."""

import asyncio
import gc
import re
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, cast
from urllib.parse import unquote

import falcon
import falcon.asgi

from ordrebok.delivery.dispatcher import Dispatcher
from ordrebok.delivery.outgoing import Outgoing
from ordrebok.operation import Operation
from ordrebok.refusals import Refusal, refuse
from ordrebok.sandbox.boxes import Boxes
from ordrebok.store.dated import DatedStore
from ordrebok.store.interface import Store, StoreUnavailable
from ordrebok.store.sandboxes import SandboxStore
from ordrebok.store.sweep import keep_sweeping
from ordrebok.web import log
from ordrebok.web.auth import Tokens
from ordrebok.web.exchange import (
    App,
    Desk,
    House,
    Request,
    Response,
    common_headers,
    request_id_of,
    write_refusal,
)
from ordrebok.web.metrics import Metrics
from ordrebok.web.pages import add_pages
from ordrebok.web.problem import JSON
from ordrebok.web.responder import SLASH
from ordrebok.web.settings import WebSettings
from ordrebok.web.table import add_routes, check

_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]")
_ENCODED_SLASH: Final = re.compile(rb"%2f", re.IGNORECASE)

_GC_THRESHOLDS: Final = (100_000, 50, 1_000)
"""Measured: with the defaults, collections in the middle of requests make the slowest 1 %."""
_GC_SECONDS: Final = 5.0
_FULL_EVERY: Final = 60
_BAD_REQUEST: Final = 400
_NOT_ALLOWED: Final = 405


class WebApp(App):
    """Falcon's application, which also takes paths and queries that only just are URLs."""

    async def __call__(  # type: ignore[override]
        self,
        scope: dict[str, Any],
        receive: Any,  # noqa: ANN401 -- as ASGI has it
        send: Any,  # noqa: ANN401
    ) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if not scope["query_string"].isascii():
                scope["query_string"] = _BEYOND_ASCII.sub(_percent, scope["query_string"])
            raw_path = scope.get("raw_path") or b""
            if b"%2" in raw_path:
                # A slash inside an id must not end its segment: it is put back after routing.
                raw_path = _ENCODED_SLASH.sub(SLASH.encode(), raw_path.partition(b"?")[0])
                scope["path"] = unquote(raw_path)
        await super().__call__(scope, receive, send)


class Lifespan:
    """What is done at the start and at the end of the server."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._background: list[asyncio.Task[None]] = []

    async def process_startup(self, scope: dict[str, Any], _event: object) -> None:
        """Read the keys, and let work in the background begin."""
        if "state" in scope:  # Connections are told of the end of the server, and tell the bell.
            scope["state"]["bell"] = self._house.store.bell
        await self._house.tokens.start()
        gc.set_threshold(*_GC_THRESHOLDS)
        self._background = [
            asyncio.create_task(self._now_and_then()),
            asyncio.create_task(keep_sweeping(self._house.store, self._house.clocks)),
            asyncio.create_task(self._dispatcher().run()),
        ]
        if self._house.boxes is not None:
            await self._house.boxes.refresh()
            reading = self._house.boxes.keep_fresh(StoreUnavailable)
            self._background.append(asyncio.create_task(reading))

    def _dispatcher(self) -> Dispatcher:
        """Return what sends to subscriptions."""
        house = self._house
        outgoing = Outgoing(private_targets=house.settings.private_targets)
        return Dispatcher(house.store, house.clocks, outgoing, house.metrics)

    async def _now_and_then(self) -> None:
        """Collect young garbage every few seconds, and all of it every few minutes.

        What has come with the start lives for ever: it is collected once, when somebody may have
        been answered already, and never looked at again. Other processes of this server read the
        figures that are written down here.
        """
        rounds = 0
        while True:
            await asyncio.sleep(_GC_SECONDS)
            gc.collect(2 if rounds % _FULL_EVERY == 0 else 1)
            if rounds == 0:
                gc.freeze()
            rounds += 1
            self._house.metrics.write()

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        """Close the store after the last request, and write the last lines of the log."""
        for task in self._background:
            task.cancel()
        for ended in await asyncio.gather(*self._background, return_exceptions=True):
            if isinstance(ended, Exception):  # It must keep nobody from the rest.
                log.LOGGER.error("work in the background ended badly", exc_info=ended)
        gc.unfreeze()
        await self._house.store.close()
        self._house.access.flush()


def create_app(
    store: Store,
    tokens: Tokens,
    *,
    operations: Sequence[Operation],
    settings: WebSettings,
) -> App:
    """Return the ASGI application that serves the operations.

    Keeps: the store is open when this is called, and is closed by the application's lifespan.
    """
    check(operations)
    house = House(store, tokens, settings, log.current(), Metrics())
    if settings.sandbox:
        house.boxes = Boxes(SandboxStore(store), house.clocks)
        house.store = cast("Store", DatedStore(store, house.clocks))
    app = WebApp(media_type=JSON, request_type=Request, middleware=[Lifespan(house)])
    add_routes(app, operations, house)
    add_pages(app, house, operations)
    stray = Stray(house)
    app.add_sink(stray.not_found, prefix="/")
    app.add_error_handler(falcon.HTTPError, stray.refused)
    app.add_error_handler(Exception, stray.failed)
    return app


class Stray:
    """Answers requests that belong to no operation, and those whose responder failed."""

    def __init__(self, house: House) -> None:
        self._desk = Desk(house, "none", "none")

    async def not_found(self, req: Request, resp: Response | None, **_params: object) -> None:
        """Refuse a path that is none of ours."""
        if resp is not None:  # It is None for WebSockets alone, which are not served.
            self._refuse(req, resp, refuse("NOT FOUND", "There is nothing at this path"))

    async def refused(
        self,
        req: Request,
        resp: Response,
        error: falcon.HTTPError,
        _params: object,
        **_more: object,
    ) -> None:
        """Say in our words what the framework refuses: mostly a method that a path lacks."""
        if error.status_code in (_BAD_REQUEST, _NOT_ALLOWED):
            headers = dict(error.headers or {})
            allow = next((headers[name] for name in headers if name.lower() == "allow"), "")
            self._refuse(req, resp, refuse("METHOD_NOT_ALLOWED"), {"allow": allow})
        else:
            await self.failed(req, resp, error, _params)

    async def failed(
        self,
        req: Request,
        resp: Response,
        error: Exception,
        _params: object,
        **_more: object,
    ) -> None:
        """Answer an error that nobody expected, and log it."""
        log.LOGGER.error("unexpected error", exc_info=error)
        self._refuse(req, resp, Refusal("INTERNAL_ERROR"))

    def _refuse(
        self,
        req: Request,
        resp: Response,
        refusal: Refusal,
        more: dict[str, str] | None = None,
    ) -> None:
        """Write the refusal with the common headers."""
        started = perf_counter()
        headers = dict(req.scope["headers"])
        request_id = request_id_of(headers)
        out = common_headers(request_id, headers) | (more or {})
        write_refusal(resp, refusal, headers.get(b"accept", b""), out)
        self._desk.close(req.method, refusal.status, started, request_id)


def _percent(found: re.Match[bytes]) -> bytes:
    """Return a byte in the form that a query string may carry."""
    return b"%%%02X" % found[0][0]
