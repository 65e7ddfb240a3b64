"""A shop with subscriptions, and the receiver they send to."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.support.api import Api, Site, line, race, site_of
from tests.support.openapi import Json
from tests.support.receiver import Received, Receiver, receiving
from tests.support.server import Server, poll, serving

ALL = (
    "shopping_draft_add",
    "shopping_draft_update",
    "shopping_draft_complete",
    "shopping_order_add",
    "shopping_order_update",
    "shopping_order_event_add",
    "shopping_order_delete",
)
SERVE = ("--webhook-allow-private", "--sandbox")


@dataclass(frozen=True)
class Shop:
    """A client of an account, and the receiver of what its subscriptions are told."""

    api: Api
    receiver: Receiver

    def hooks(self, path: str = "") -> str:
        """The address of the account's subscriptions."""
        return f"/v1/accounts/{self.api.account_id}/hooks/subscriptions{path}"

    def subscribe(self, path: str = "/ok", events: Iterable[str] = ALL, **more: Json) -> Json:
        """Make a subscription to a path of the receiver; paths are told apart by account."""
        config = {"url": self.target(path), **more.pop("config", {})}
        return self.api.post(self.hooks(), {"config": config, "events": list(events), **more})

    def target(self, path: str) -> str:
        """The address of a path of the receiver, for this account."""
        return f"{self.receiver.url}{path}/{self.api.account_id}"

    def told(self, path: str = "/ok", since: int = 0) -> list[Received]:
        """What has arrived at a path, without pings, from a number on."""
        target = f"{path}/{self.api.account_id}"
        return [
            each
            for each in self.receiver.requests(since)
            if each.path == target and each.headers["event"] != "ping"
        ]

    def wait_for(self, count: int, path: str = "/ok", seconds: float = 60) -> list[Received]:
        """What has arrived at a path, as soon as it is so much."""
        poll(lambda: len(self.told(path)) >= count, f"{count} deliveries", seconds)
        return self.told(path)

    def deliveries(self, hook: Json) -> list[Json]:
        """The deliveries of a subscription, newest first, without pings."""
        rows: list[Json] = []
        params: dict[str, str | int] = {"limit": 100}
        while True:
            page = self.api.get(self.hooks(f"/{hook['id']}/deliveries"), **params)
            rows += page
            if len(page) < 100:
                return [row for row in rows if row["event"] != "ping"]
            params["starting_after"] = page[-1]["id"]

    def wait_until(self, hook: Json, **facts: Json) -> Json:
        """A subscription, as soon as it says this."""

        def found() -> bool:
            now = self.api.get(self.hooks(f"/{hook['id']}"))
            return all(now.get(name) == value for name, value in facts.items())

        poll(found, f"a subscription with {facts}", 60)
        return self.api.get(self.hooks(f"/{hook['id']}"))

    def wait(self, found: Callable[[], bool]) -> None:
        """Wait until something holds."""
        poll(found, "what should come", 60)

    def wait_for_attempts(self, hook: Json, count: int) -> None:
        """Wait until the first delivery of a subscription was tried so often."""

        def tried() -> bool:
            rows = self.deliveries(hook)
            return bool(rows) and rows[-1]["attempts"] == count

        self.wait(tried)

    def draft(self, changes: int = 0) -> Json:
        """A draft that was changed so many times."""
        draft = self.api.draft(line())
        for _ in range(changes):
            self.change(draft)
        return draft

    def change(self, draft: Json) -> None:
        """Change a draft once."""
        path = f"draft_orders/{draft['id']}/items"
        self.api.post(path, line(1), params={"include_events": "false"})

    def advance(self, seconds: int) -> None:
        """Let time pass for the account."""
        path = f"/v1/accounts/{self.api.account_id}/sandbox/clock/advance"
        self.api.post(path, {"seconds": seconds})


@dataclass(frozen=True)
class Mall:
    """A server that sends to a receiver on the same machine."""

    site: Site
    receiver: Receiver

    def shop(self) -> Shop:
        """A fresh account."""
        return Shop(self.site.new_account("admin:shopping", "admin:hooks"), self.receiver)

    @contextmanager
    def at(self, server: Server, shop: Shop) -> Iterator[Shop]:
        """The same account at another server of the database."""
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
            yield Shop(Api(client, self.site.contract, shop.api.credentials), self.receiver)


@contextmanager
def mall(database: str, folder: Path, *options: str) -> Iterator[Mall]:
    """A server and a receiver of its own."""
    with (
        receiving() as receiver,
        serving(database, folder, *SERVE, *options) as server,
        site_of(server) as site,
    ):
        yield Mall(site, receiver)


class Crowd:
    """Clients that change drafts at the same time, each its own; knows what was acknowledged."""

    def __init__(self, shop: Shop, drafts: int, clients: int = 8) -> None:
        """Make the drafts, at version 1."""
        self._clients = clients
        self._going = threading.Event()
        made = race(*[partial(shop.draft) for _ in range(drafts)])
        self._drafts: list[Json] = made
        self.acknowledged: dict[str, int] = {draft["id"]: draft["version"] for draft in made}
        """The version that each draft has at least."""

    def change(self, shop: Shop, times: int) -> None:
        """Change every draft so many times."""
        self._going.set()
        race(*[partial(self._work, shop, mine, times) for mine in self._shares()])

    @contextmanager
    def changing(self, shop: Shop) -> Iterator[None]:
        """Change drafts until the end of the block, or until the server is gone."""
        self._going.set()
        with ThreadPoolExecutor(self._clients) as threads:
            for mine in self._shares():
                threads.submit(self._work, shop, mine, sys.maxsize)
            try:
                yield
            finally:
                self._going.clear()

    def _shares(self) -> list[list[Json]]:
        return [self._drafts[first :: self._clients] for first in range(self._clients)]

    def _work(self, shop: Shop, mine: Sequence[Json], times: int) -> None:
        """Change some drafts in turns; what is not answered was perhaps not done."""
        for _ in range(times):
            for draft in mine:
                if not self._going.is_set():
                    return
                try:
                    shop.change(draft)
                except httpx.TransportError:
                    self._going.clear()
                    return
                self.acknowledged[draft["id"]] += 1


def versions(received: Iterable[Received]) -> dict[str, list[int]]:
    """The versions that were told of each document, in their order."""
    found: dict[str, list[int]] = {}
    for each in received:
        body = each.json
        document = body.get("draft_order") or body["order"]
        name = document.get("order_id") if "order" in body else document["id"]
        version = document["version"]
        found.setdefault(name, []).append(version)
    return found
