"""The door of the safe HTTP client, which opens with the first delivery.

The library behind it takes a seventh of a second and about 10 MB to load. A server without
subscriptions never loads it.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ordrebok.delivery.outcome import Outcome

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0


class Client(Protocol):
    """Sends one request to a receiver."""

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, *, insecure: bool
    ) -> Outcome:
        """Send a delivery; whatever happens is an outcome, never an error."""

    async def close(self) -> None:
        """Let go of all connections."""


class Outgoing:
    """Sends deliveries to addresses of the whole internet, and nowhere else.

    Keeps: no redirect is followed, no proxy of the environment is used, no cookie is kept, and
    at most so many bytes and seconds are spent on an answer.
    Source: decisions, webhooks 2.
    """

    def __init__(
        self,
        *,
        private_targets: bool = False,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        """Take note of the limits; nothing is loaded or opened yet.

        `private_targets`: the operator allows addresses inside the house. `resolver`: who says
        to which addresses a name leads, the machine itself when absent.
        """
        self._private_targets = private_targets
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._resolver = resolver
        self._client: Client | None = None
        self._opening = asyncio.Lock()

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, *, insecure: bool = False
    ) -> Outcome:
        """Send a delivery by POST; whatever happens is an outcome, never an error.

        `insecure`: the receiver's certificate is not checked, for this one delivery.
        """
        client = self._client or await self._opened()
        return await client.send(url, headers, body, insecure=insecure)

    async def close(self) -> None:
        """Let go of all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> Client:
        """Return the client, which the first of several deliveries loads."""
        async with self._opening:
            if self._client is None:
                # In a thread, so that requests are answered while the library loads.
                make = await asyncio.to_thread(_loaded)
                self._client = make(
                    private_targets=self._private_targets,
                    connect_seconds=self._connect_seconds,
                    total_seconds=self._total_seconds,
                    resolver=self._resolver,
                )
            return self._client


class _Maker(Protocol):
    """Makes the client."""

    def __call__(
        self,
        *,
        private_targets: bool,
        connect_seconds: float,
        total_seconds: float,
        resolver: "AbstractResolver | None",
    ) -> Client:
        """Return a client with these limits."""


def _loaded() -> _Maker:
    """Load the library, and what uses it."""
    from ordrebok.delivery.client import SafeClient  # noqa: PLC0415 -- see the first lines

    return SafeClient
