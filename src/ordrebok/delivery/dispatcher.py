"""Which subscriptions this server sends to: several servers of one database share them.

A server holds a subscription for some seconds and holds it anew while it lives. When it dies,
another takes over from where the subscription stands in the log. A server that holds less than its
share says which ones it wants: who holds those lets them go once it has noted what it sent.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from ordrebok import clock
from ordrebok.delivery.follower import Follower, Standing, Tools
from ordrebok.delivery.outgoing import Outgoing
from ordrebok.delivery.turns import Turns
from ordrebok.ids import new_uuid
from ordrebok.sandbox.clocks import Clocks
from ordrebok.store.bell import FOLLOWING, Ear
from ordrebok.store.interface import Row, Store, StoreUnavailable

LOGGER: Final = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.5
"""How often a server looks for subscriptions, and for what other processes have written."""
_RENEW_SECONDS: Final = 3.0
_HELD_SECONDS: Final = 12.0
"""How long a subscription stays with a server that no longer renews it."""
_LONGEST_REST_SECONDS: Final = 300.0
"""How long a subscription that fails in an unexpected way rests at most."""
_WANTED_SECONDS: Final = 7.0
"""How long what a server wants is kept for it; it says so anew while it lacks something."""
_MARGIN_SECONDS: Final = 3.0
"""So long before the end, a server that could not renew stops sending."""
_ENDING_SECONDS: Final = 5.0
"""How long what is on its way may take when the server stops."""


class Figures(Protocol):
    """Takes what operators look at."""

    def answered(self) -> int:
        """Return how many requests have been answered so far."""

    def delivery(self, outcome: str) -> None:
        """Count an attempt: `delivered`, `ignored`, `failed` (tried again) or `given_up`."""

    def behind(self, changes: int) -> None:
        """Take how many changes the subscription furthest behind has not come to yet."""


class Dispatcher:
    """Holds subscriptions, and has a follower for each of them."""

    def __init__(self, store: Store, clocks: Clocks, outgoing: Outgoing, figures: Figures) -> None:
        """Take what is needed; nothing is held yet."""
        self._store = store
        self._figures = figures
        self._clocks = clocks
        self._outgoing = outgoing
        self._holder = new_uuid()
        self._tools = Tools(
            store,
            clocks,
            outgoing,
            self._holder,
            self._is_held,
            figures.delivery,
            Turns(figures.answered),
        )
        self._followers: dict[tuple[str, str], tuple[Follower, asyncio.Task[None]]] = {}
        self._leaving: set[tuple[str, str]] = set()
        """What other servers want, until nothing of it is under way here."""
        self._rests: dict[tuple[str, str], float] = {}
        """For how many seconds those rest, or have rested, that failed in an unexpected way."""
        self._held_until = 0.0
        self._renewed = 0.0

    async def run(self) -> None:
        """Send for as long as the server runs."""
        ear = Ear(self._store.bell)
        try:
            with self._store.bell.listening(FOLLOWING, ear):
                while not ear.has_left():
                    try:
                        await self._look()
                    except StoreUnavailable:
                        pass  # Followers stop by themselves when what they hold may be lost.
                    except Exception:
                        LOGGER.exception("subscriptions cannot be looked for")
                        await asyncio.sleep(_RENEW_SECONDS)
                    if await ear.rung(_LOOK_SECONDS):
                        self._renewed = 0.0  # Something was perhaps paused, resumed or ended.
        finally:
            ending = asyncio.ensure_future(self._end())
            while not ending.done():
                # The end of the server is announced more than once.
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(ending)

    def _is_held(self) -> bool:
        return time.monotonic() < self._held_until

    async def _look(self) -> None:
        """Take what is free, renew what is held, and wake whoever has something to send."""
        asked = {"holder": self._holder, "now_ms": clock.now().ms, "active": True}
        await self._let_go()
        if time.monotonic() - self._renewed >= _RENEW_SECONDS:
            await self._renew()
        free = (await self._store.query("followers_free", now_ms=asked["now_ms"], active=True))[0]
        if free["count"]:
            await self._take((free["count"] + 1) // 2)
        if not self._followers:
            return
        furthest = max(self._clocks.moved().values(), default=0)
        asked["now_ms"] = clock.now().ms + max(0, furthest)
        for row in await self._store.query("followers_behind", **asked):
            found = self._followers.get((row["account_id"], row["hook_id"]))
            if found is not None:
                found[0].wake()

    async def _renew(self) -> None:
        """Hold what is held for longer; stop what is held no longer."""
        now = time.monotonic()
        rows = await self._hold("followers_renew")
        self._renewed, self._held_until = now, now + _HELD_SECONDS - _MARGIN_SECONDS
        held = {(row["account_id"], row["hook_id"]) for row in rows}
        for place in [place for place in self._followers if place not in held]:
            follower, task = self._followers[place]
            follower.ear.leave()
            if task.done():
                del self._followers[place]
                self._rests.pop(place, None)
        for row in rows:
            if row["wanted_by"] is not None and row["wanted_until_ms"] >= clock.now().ms:
                place = row["account_id"], row["hook_id"]
                self._leaving.add(place)
                if place in self._followers:
                    self._followers[place][0].ear.leave()
        await self._want()
        lag = await self._store.query("followers_lag", holder=self._holder, active=True)
        self._figures.behind(lag[0]["changes"] or 0)

    async def _want(self) -> None:
        """Ask for what is lacking here, if all servers are to hold as many; free ones come first.

        A server that holds nothing is known to nobody: it is the one that asks.
        """
        asked: dict[str, object] = {"now_ms": clock.now().ms, "active": True}
        free = (await self._store.query("followers_free", **asked))[0]["count"]
        rows = await self._store.query("followers_held", **asked, wanted_by=self._holder)
        held = {row["holder"]: int(row["count"]) for row in rows}
        mine = held.setdefault(self._holder, 0)
        share = sum(held.values()) // len(held)
        lacking = share - mine - free - sum(int(row["wanted"]) for row in rows)
        if lacking <= 0:
            return
        wanted_until_ms = clock.now().ms + int(_WANTED_SECONDS * 1000)
        asked |= {"holder": self._holder, "wanted_until_ms": wanted_until_ms}
        await self._store.execute("followers_want", **asked, share=share, limit=lacking)

    async def _let_go(self) -> None:
        """Leave to others what they want, once nothing of it is under way here."""
        for place in tuple(self._leaving):
            if place in self._followers and not self._followers[place][1].done():
                continue
            account_id, hook_id = place
            await self._store.execute(
                "follower_let_go", account_id=account_id, hook_id=hook_id, holder=self._holder
            )
            self._leaving.discard(place)
            self._followers.pop(place, None)

    async def _take(self, count: int) -> None:
        """Hold so many that are free; others want some, too."""
        if not self._is_held():
            await self._renew()
        await self._hold("followers_take", now_ms=clock.now().ms, limit=count)

    async def _hold(self, name: str, **more: object) -> Sequence[Row]:
        """Hold subscriptions, and see to it that each has a follower that runs."""
        until_ms = clock.now().ms + int(_HELD_SECONDS * 1000)
        more |= {"holder": self._holder, "until_ms": until_ms, "active": True}
        rows = await self._store.execute(name, **more)
        for row in rows:
            place = row["account_id"], row["hook_id"]
            known = self._followers.get(place)
            if place not in self._leaving and (known is None or known[1].done()):
                standing = Standing(
                    row["position"], row["failures"], row["failing_since_ms"], row["next_ms"]
                )
                follower = Follower(*place, standing, self._tools)
                task = asyncio.create_task(self._follow(follower, place))
                self._followers[place] = follower, task
        return rows

    async def _follow(self, follower: Follower, place: tuple[str, str]) -> None:
        """Let a follower run; one that fails in an unexpected way begins anew after a while."""
        began = time.monotonic()
        try:
            await follower.run()
        except Exception:
            seconds = self._rest_seconds(place, time.monotonic() - began)
            fields = {
                "account_id": place[0],
                "subscription": place[1],
                "again_in_seconds": seconds,
            }
            LOGGER.exception("a subscription cannot be served", extra={"fields": fields})
            await _rest(follower.ear, seconds)
        else:
            self._rests.pop(place, None)
        self._renewed = 0.0  # If the subscription goes on, it is followed anew at once.

    def _rest_seconds(self, place: tuple[str, str], ran_seconds: float) -> float:
        """Return how long a subscription rests: twice as long each time that it fails again."""
        last = 0.0 if ran_seconds > _LONGEST_REST_SECONDS else self._rests.get(place, 0.0)
        rest = min(2 * last or _RENEW_SECONDS, _LONGEST_REST_SECONDS)
        self._rests[place] = rest
        return rest

    async def _end(self) -> None:
        """Let go of everything, so that others need not wait for it.

        What is on its way is waited for and noted, so that nobody sends it again.
        """
        tasks = []
        for follower, task in self._followers.values():
            follower.ear.leave()
            tasks.append(task)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_ENDING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(StoreUnavailable):
            await self._store.execute("followers_leave", holder=self._holder)
        await self._outgoing.close()


async def _rest(ear: Ear, seconds: float) -> None:
    """Wait so long, or until the one who listens leaves."""
    until = time.monotonic() + seconds
    while not ear.has_left() and (left := until - time.monotonic()) > 0:
        await ear.rung(min(left, _LOOK_SECONDS))
