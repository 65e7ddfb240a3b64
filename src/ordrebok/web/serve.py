"""The server: uvicorn around the application, in one process or several."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from ordrebok.web import log
from ordrebok.web.protocol import Protocol, SandboxProtocol
from ordrebok.web.settings import WebSettings

ASGIApp = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Build = Callable[[], Awaitable[ASGIApp]]


class LateApp:
    """An application that is built when its process starts.

    A database is opened inside the event loop that uses it, so that building has to wait for
    the loop. Several processes each build their own: this object is what they are handed.
    """

    def __init__(self, settings: WebSettings, build: Build) -> None:
        self._build = build
        self._settings = settings
        self._app: ASGIApp | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 -- as ASGI has it
        """Build at the start, then hand every request on."""
        if self._app is None:
            log.configure(self._settings.log_level, self._settings.log_form)
            self._app = await self._build()
        await self._app(scope, receive, send)


def serve(settings: WebSettings, build: Build) -> None:
    """Serve until told to stop; then answer what is in flight, and close.

    `build` opens the store and returns the application. With several processes each calls it,
    so that it must be picklable: a function of a module, or a partial of one.
    """
    log.configure(settings.log_level, settings.log_form)
    config = uvicorn.Config(
        LateApp(settings, build),
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=SandboxProtocol if settings.sandbox else Protocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.graceful_seconds,
    )
    if settings.workers == 1:
        uvicorn.Server(config).run()
        return
    with tempfile.TemporaryDirectory(prefix="ordrebok-figures-") as directory:
        # Where the processes write their figures, so that each can tell those of all.
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)
        Multiprocess(config, sockets=[config.bind_socket()]).run()
