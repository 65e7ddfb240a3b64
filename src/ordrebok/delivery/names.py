"""To which addresses names lead: asked of the machine itself, each name in a thread of its own.

The machine's own look-up (`getaddrinfo`) knows what the operator has set: the file of hosts, names
of containers, domains that are searched. But it holds a thread for as long as a name server is
silent, which may be minutes. The threads of the event loop are few, and the database needs them,
too: a few names of which nobody answers would hold up everything. So the threads here are made for
one look-up each, and a name that nobody answered before cannot take those of others.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

_AT_ONCE: Final = (256, 256, 16)
"""Look-ups that go on at the same time: of names that answered last time, of names that are new or
were silent once, and of names that stay silent. A thread that waits takes about 30 kB."""
_NEW: Final = 1
"""As often silent as this counts a name of which nothing is known."""
_REMEMBERED: Final = 10_000
"""Names of which it is remembered how they fared; the one asked longest ago is forgotten."""
_KEPT_SECONDS: Final = 60.0
"""How long an answer is kept that came too late for who asked: the next attempt has it."""
_ZONE_AT: Final = 3


class Address(NamedTuple):
    """An address to which a name leads."""

    family: int
    proto: int
    address: str


LookUp = Callable[[str, int], list[Address]]
"""Asks about a name, and a family of addresses; takes its time. Raises: OSError, ValueError."""
_Key = tuple[str, int]


class NoAnswerError(OSError):
    """Nobody said in time to which address a name leads."""


class Names(AbstractResolver):
    """Says to which addresses names lead.

    Keeps: of a name, one look-up goes on at most, which all who ask for it share. Names that stay
    silent share a few threads, and hold up neither those that answer nor new ones. Nobody waits
    longer than so many seconds, for a thread and an answer together.
    """

    def __init__(
        self, seconds: float, look_up: LookUp | None = None, at_once: tuple[int, ...] = _AT_ONCE
    ) -> None:
        """Take how long an answer is waited for; called where an event loop runs."""
        self._seconds = seconds
        self._look_up = look_up or _asked_of_machine
        self._loop = asyncio.get_running_loop()
        self._asked: dict[_Key, _Asked] = {}
        """What is looked up, waits to be, or was answered too late."""
        self._lanes = tuple(_Lane(number) for number in at_once)
        self._silences: dict[str, int] = {}
        """How often names were silent since they last answered in time."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises: NoAnswerError; OSError where it has none."""
        key = host.lower(), int(family)
        asked = self._asked.get(key) or self._ask(key)
        asked.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.shield(asked.answer)
        except TimeoutError:
            raise NoAnswerError from None
        finally:
            asked.waiting -= 1
            if not asked.waiting and asked.lane.waiting.get(key) is asked:
                del asked.lane.waiting[key]  # It has no thread yet, and nobody needs it any longer.
                del self._asked[key]
        if not isinstance(found, list):
            raise type(found)(*found.args)  # Not itself: several may wait for it.
        return [
            ResolveResult(
                hostname=host,
                host=each.address,
                port=port,
                family=each.family,
                proto=each.proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each in found
        ]

    async def close(self) -> None:
        """Leave look-ups that go on to themselves: they hold up no end of the process."""

    def _ask(self, key: _Key) -> "_Asked":
        """Begin to look a name up, as soon as there is a thread for it."""
        silences = self._silences.get(key[0], _NEW)
        lane = self._lanes[min(silences, len(self._lanes) - 1)]
        asked = self._asked[key] = _Asked(lane, self._loop.create_future())
        lane.waiting[key] = asked
        self._go_on(lane)
        return asked

    def _go_on(self, lane: "_Lane") -> None:
        """Begin what waits, as much as may go on at the same time."""
        while lane.waiting and lane.under_way < lane.at_once:
            key = next(iter(lane.waiting))
            asked = lane.waiting.pop(key)
            lane.under_way += 1
            asked.began = time.monotonic()
            # Nobody waits for such a thread, also not at the end of the process.
            thread = threading.Thread(target=self._work, args=(key,), daemon=True, name="names")
            try:
                thread.start()
            except RuntimeError as error:  # The machine gives no more threads.
                self._loop.call_soon(self._ended, key, NoAnswerError(*error.args))

    def _work(self, key: _Key) -> None:
        """Look a name up; in a thread of its own."""
        found: list[Address] | OSError = OSError("The look-up broke off")
        try:
            found = self._look_up(*key)
        except OSError as error:
            found = error
        except ValueError as error:  # No name at all.
            found = OSError(*error.args)
        finally:
            with suppress(RuntimeError):  # The server has ended meanwhile.
                self._loop.call_soon_threadsafe(self._ended, key, found)

    def _ended(self, key: _Key, found: list[Address] | OSError) -> None:
        """Tell all who wait; remember how the name fared."""
        asked = self._asked[key]
        in_time = time.monotonic() - asked.began < self._seconds
        self._note(key[0], answered=in_time and not isinstance(found, NoAnswerError))
        asked.answer.set_result(found)
        if in_time or not isinstance(found, list):
            del self._asked[key]
        else:
            self._loop.call_later(_KEPT_SECONDS, self._asked.pop, key)
        asked.lane.under_way -= 1
        self._go_on(asked.lane)

    def _note(self, host: str, *, answered: bool) -> None:
        """Remember how a name fared, and forget the one that was asked longest ago."""
        silences = self._silences.pop(host, _NEW)
        self._silences[host] = 0 if answered else silences + 1
        if len(self._silences) > _REMEMBERED:
            del self._silences[next(iter(self._silences))]


class _Lane:
    """Names of a kind, and how many of them are looked up at the same time."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.under_way = 0
        self.waiting: dict[_Key, _Asked] = {}


class _Asked:
    """A name that is looked up, or waits to be."""

    def __init__(self, lane: _Lane, answer: "asyncio.Future[list[Address] | OSError]") -> None:
        self.lane = lane
        self.answer = answer
        self.waiting = 0
        """How many wait for the answer."""
        self.began = 0.0


def _asked_of_machine(host: str, family: int) -> list[Address]:
    """Return what the machine itself knows of a name."""
    found = socket.getaddrinfo(
        host, 0, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG | socket.AI_NUMERICSERV
    )
    return [Address(kind, proto, _literal(place)) for kind, _, proto, _, place in found]


def _literal(place: tuple[object, ...]) -> str:
    """Return an address in letters, with the zone where it has one."""
    address, zone = str(place[0]), place[3] if len(place) > _ZONE_AT else 0
    return f"{address}%{zone}" if zone else address
