"""What is served beside the table: health, figures, keys, the document and its page."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from time import perf_counter
from typing import Final

import msgspec

from ordrebok import __version__
from ordrebok.decision import Key
from ordrebok.operation import Operation
from ordrebok.refusals import Refusal, refuse
from ordrebok.store.interface import StoreUnavailable
from ordrebok.web import metrics
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
from ordrebok.web.log import LOGGER
from ordrebok.web.problem import JSON

_READY_SECONDS: Final = 2.0
_NOBODY: Final = Key("T00000000", "draft", "ready")
_DOCS: Final = "/docs"
_STATIC: Final = {
    "docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css; charset=utf-8"),
    "LICENSE": ("swagger-ui/LICENSE", "text/plain; charset=utf-8"),
    "NOTICE": ("swagger-ui/NOTICE", "text/plain; charset=utf-8"),
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
    "data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DAY: Final = "public, max-age=86400"

_PREFLIGHT: Final = {
    "access-control-allow-methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "access-control-allow-headers": (
        "Origin, Content-Type, Accept, Authorization, Idempotency-Key, If-Match, If-None-Match, "
        "Prefer, X-Request-Id, total-count, page-count"
    ),
    "access-control-max-age": "86400",
}

Write = Callable[[Request, Response, dict[str, str]], Awaitable[Refusal | None]]


class Page:
    """One page: writes the response, or returns a refusal."""

    def __init__(self, house: House, path: str, write: Write) -> None:
        self._desk = Desk(house, path, path)
        self._write = write
        self.on_options = preflight

    async def on_get(self, req: Request, resp: Response, **params: str) -> None:
        """Answer."""
        started = perf_counter()
        headers = dict(req.scope["headers"])
        request_id = request_id_of(headers)
        out = common_headers(request_id, headers) | {"x-content-type-options": "nosniff"}
        req.context.params = params
        try:
            refusal = await self._write(req, resp, out)
        except Exception:  # noqa: BLE001 -- whatever it is, the caller gets an answer
            LOGGER.exception("unexpected error", extra={"fields": {"request_id": request_id}})
            refusal = Refusal("INTERNAL_ERROR")
        if refusal is None:
            resp.set_headers(out)
        else:
            write_refusal(resp, refusal, headers.get(b"accept", b""), out)
        self._desk.close(req.method, resp.status_code, started, request_id)

    on_head = on_get


async def preflight(req: Request, resp: Response, **_params: str) -> None:
    """Answer what a browser asks before it sends a request from another origin."""
    resp.status = 204
    headers = dict(req.scope["headers"])
    resp.set_headers(common_headers(request_id_of(headers), headers) | _PREFLIGHT)


def add_pages(app: App, house: House, operations: Sequence[Operation]) -> None:
    """Give the pages their routes."""
    pages: dict[str, Write] = {
        "/": _index,
        "/healthz": _healthy,
        "/readyz": _ready(house),
        "/metrics": _figures(house),
        "/openapi.json": _document(operations, house.settings.public_url),
        "/.well-known/jwks.json": _keys(house),
        _DOCS: _docs,
        _DOCS + "/static/{name}": _static,
    }
    for path, write in pages.items():
        app.add_route(path, Page(house, path, write))


async def _index(req: Request, resp: Response, out: dict[str, str]) -> None:
    """Say what this is; a browser is led to the documentation."""
    out["vary"] = "accept"
    if b"text/html" in dict(req.scope["headers"]).get(b"accept", b""):
        resp.status = 302
        out["location"] = _DOCS
        resp.data = b""
        return
    resp.content_type = JSON
    resp.data = msgspec.json.encode(
        {
            "name": "ordrebok",
            "version": __version__,
            "documentation": _DOCS,
            "openapi": "/openapi.json",
            "health": "/healthz",
        }
    )


async def _healthy(_req: Request, resp: Response, out: dict[str, str]) -> None:
    """Say that the process is up."""
    out["cache-control"] = "no-store"
    resp.content_type = JSON
    resp.data = b'{"status":"ok"}'


def _ready(house: House) -> Write:
    """Return the page that asks the store."""

    async def write(_req: Request, resp: Response, out: dict[str, str]) -> Refusal | None:
        out["cache-control"] = "no-store"
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await house.store.fetch(_NOBODY, with_events=False)
        except (StoreUnavailable, TimeoutError):
            wait_seconds = house.settings.retry_after_seconds
            return Refusal("STORE_UNAVAILABLE", retry_after_seconds=wait_seconds)
        resp.content_type = JSON
        resp.data = b'{"status":"ready"}'
        return None

    return write


def _figures(house: House) -> Write:
    """Return the page of figures."""

    async def write(_req: Request, resp: Response, out: dict[str, str]) -> None:
        out["cache-control"] = "no-store"
        resp.content_type = metrics.CONTENT_TYPE
        resp.data = house.metrics.text()

    return write


def _document(operations: Sequence[Operation], public_url: str) -> Write:
    """Return the page of the OpenAPI document, which is made when it is first asked for."""
    made: list[bytes] = []

    def make() -> bytes:
        """Make the document."""
        from ordrebok.web.openapi import document  # noqa: PLC0415 -- a start needs none of it

        return document(operations, public_url)

    async def write(_req: Request, resp: Response, out: dict[str, str]) -> None:
        if not made:
            # It takes a quarter of a second: in a thread, other requests go on meanwhile.
            made.append(await asyncio.to_thread(make))
        out["cache-control"] = "public, max-age=300"
        resp.content_type = JSON
        resp.data = made[0]

    return write


def _keys(house: House) -> Write:
    """Return the page of the public keys that tokens are signed with."""

    async def write(_req: Request, resp: Response, out: dict[str, str]) -> Refusal | None:
        try:
            resp.data = await house.tokens.jwks()
        except StoreUnavailable:
            wait_seconds = house.settings.retry_after_seconds
            return Refusal("STORE_UNAVAILABLE", retry_after_seconds=wait_seconds)
        out["cache-control"] = "public, max-age=300"
        resp.content_type = "application/jwk-set+json"
        return None

    return write


async def _docs(_req: Request, resp: Response, out: dict[str, str]) -> None:
    """Show the documentation, which needs nothing from elsewhere."""
    out |= {"content-security-policy": _POLICY, "cache-control": "no-cache"}
    out["referrer-policy"] = "no-referrer"
    resp.content_type = "text/html; charset=utf-8"
    resp.data = _read("docs.html")


async def _static(req: Request, resp: Response, out: dict[str, str]) -> Refusal | None:
    """Serve a file of the documentation page."""
    found = _STATIC.get(req.context.params["name"])
    if found is None:
        return refuse("NOT FOUND", "File not found")
    path, content_type = found
    out |= {"cache-control": _DAY, "content-security-policy": "default-src 'none'"}
    resp.content_type = content_type
    resp.data = _read(path)
    return None


_files: dict[str, bytes] = {}


def _read(path: str) -> bytes:
    """Return a file of the package, read once."""
    if path not in _files:
        _files[path] = resources.files("ordrebok.web").joinpath("static", path).read_bytes()
    return _files[path]
