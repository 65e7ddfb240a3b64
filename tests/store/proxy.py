"""A way to a server that can be cut, also at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes bytes between clients and a server until told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        """Know the server."""
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = True
        self.replies_left: int | None = None
        """Cut the connection instead of passing on the reply after so many."""

    def cut(self) -> None:
        """Break every connection, and take no new one."""
        self.open = False
        self._break()

    def mend(self) -> None:
        """Take connections again."""
        self.open = True

    def _break(self) -> None:
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one client's bytes on."""
        if not self.open:
            writer.close()
            return
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(ConnectionError):
            await asyncio.gather(self._pass(reader, back, None), self._pass(there, writer, self))
        for each in (writer, back):
            each.close()
        self._writers -= {writer, back}
        self._tasks.discard(task)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counting: Proxy | None
    ) -> None:
        while data := await reader.read(1 << 20):
            if counting is not None and counting.replies_left is not None:
                if counting.replies_left == 0:
                    counting.replies_left = None
                    self._break()
                    return
                counting.replies_left -= 1
            writer.write(data)
            await writer.drain()
        writer.close()

    async def finish(self) -> None:
        """Break what is left, and wait until it is."""
        self._break()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before a PostgreSQL server, and the URL of the way through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "localhost", parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = parts.netloc.rpartition("@")[0]
    try:
        yield proxy, urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}"))
    finally:
        server.close()
        await proxy.finish()
        await server.wait_closed()
