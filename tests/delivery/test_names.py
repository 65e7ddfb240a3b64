"""Looking names up: who answers is never held up by names of which nobody says anything."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

import pytest

from ordrebok.delivery.names import Address, Names, NoAnswerError
from ordrebok.delivery.outgoing import Outgoing
from tests.support.receiver import Receiver

LONG = 60.0
SHORT = 0.2
HERE = Address(socket.AF_INET, 6, "127.0.0.1")


class Machine:
    """Looks names up as a machine does: in the thread that asks, which waits.

    Of names that begin with `silent` or `late` nothing is said before the machine is let go on:
    then that the silent ones cannot be asked about. Names that begin with `no` have no address; all
    others are here.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.went_on = threading.Event()

    def look_up(self, host: str, family: int) -> list[Address]:
        del family
        self.asked[host] += 1
        if host.startswith(("silent", "late")):
            self.went_on.wait(LONG)
        if host.startswith("silent"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host.startswith("no"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [HERE]

    async def until_asked(self, *hosts: str, times: int = 1) -> None:
        """Wait until it was asked about names so often."""
        await until(lambda: min(self.asked[host] for host in hosts) >= times)

    async def was_silent(self, names: Names, *hosts: str) -> None:
        """Say nothing of names for so long that nobody waits any more, one after the other."""
        for host in hosts:
            with pytest.raises(NoAnswerError):
                await names.resolve(host)
            self.went_on.set()
            await until(lambda: not names._asked)
            self.went_on.clear()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    while not condition():  # noqa: ASYNC110 -- of what threads do
        await asyncio.sleep(0.001)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine whose threads end with the test."""
    machine = Machine()
    yield machine
    machine.went_on.set()


async def addresses(names: Names, host: str) -> list[str]:
    """To which addresses a name leads."""
    return [found["host"] for found in await names.resolve(host, 80)]


@contextmanager
def waiting(*work: Coroutine[None, None, object]) -> Iterator[None]:
    """What is waited for until the end of the block, in vain."""
    tasks = [asyncio.ensure_future(each) for each in work]
    yield
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()


# ------------------------------------------------------------------------------- what is said


def test_the_machine_itself_is_asked() -> None:
    """It knows what the operator has set, the file of hosts for one."""

    async def look() -> None:
        found = await Names(LONG).resolve("localhost", 8080)
        assert {each["host"] for each in found} <= {"127.0.0.1", "::1"}
        for each in found:
            assert (each["hostname"], each["port"]) == ("localhost", 8080)

    asyncio.run(look())


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "a" * 300])
def test_a_name_without_an_address_is_an_error(host: str) -> None:
    """So is what is no name at all."""

    async def look() -> None:
        with pytest.raises(OSError) as raised:  # noqa: PT011 -- each machine has words of its own
            await Names(LONG).resolve(host)
        assert not isinstance(raised.value, NoAnswerError)

    asyncio.run(look())


def test_nobody_waits_longer_than_is_allowed(machine: Machine, receiver: Receiver) -> None:
    """A delivery to a name of which nobody says anything fails, and says why."""

    async def send() -> None:
        names = Names(SHORT, machine.look_up)
        outgoing = Outgoing(private_targets=True, connect_seconds=SHORT, resolver=names)
        outcome = await outgoing.send(f"http://silent.se:{receiver.port}/ok", {}, b"")
        assert outcome.failure == "No answer about the host's address within 0.2 s"
        outcome = await outgoing.send(f"http://no.se:{receiver.port}/ok", {}, b"")
        assert outcome.failure == "The host has no address"
        assert (await outgoing.send(f"http://a.se:{receiver.port}/ok", {}, b"")).status == 200
        await outgoing.close()

    asyncio.run(send())


# ------------------------------------------------------------------------------- side by side


def test_one_look_up_of_a_name_goes_on_at_a_time(machine: Machine) -> None:
    """All who ask meanwhile share its answer, whichever way they write the name."""

    async def look() -> None:
        names = Names(LONG, machine.look_up)
        all_of_them = asyncio.gather(
            *(addresses(names, host) for host in ["late.se", "Late.SE", "late.se"] * 20)
        )
        await machine.until_asked("late.se")
        assert await addresses(names, "answers.se") == ["127.0.0.1"]
        machine.went_on.set()
        assert set(map(tuple, await all_of_them)) == {("127.0.0.1",)}
        assert machine.asked["late.se"] == 1
        await addresses(names, "late.se")
        assert machine.asked["late.se"] == 2

    asyncio.run(look())


def test_who_stops_waiting_leaves_the_others_their_answer(machine: Machine) -> None:
    """The look-up goes on for them."""

    async def look() -> None:
        names = Names(LONG, machine.look_up)
        first = asyncio.ensure_future(addresses(names, "late.se"))
        second = asyncio.ensure_future(addresses(names, "late.se"))
        await machine.until_asked("late.se")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        machine.went_on.set()
        assert await second == ["127.0.0.1"]

    asyncio.run(look())


def test_new_names_take_no_place_of_those_that_answer(machine: Machine) -> None:
    """However many of them nobody knows."""

    async def look() -> None:
        names = Names(LONG, machine.look_up, at_once=(1, 2, 1))
        assert await addresses(names, "answers.se") == ["127.0.0.1"]
        silent = [f"silent-{number}.se" for number in range(50)]
        with waiting(*(addresses(names, host) for host in silent)):
            await machine.until_asked(*silent[:2])
            for _ in range(10):
                assert await addresses(names, "answers.se") == ["127.0.0.1"]
            assert machine.asked.keys() == {"answers.se", *silent[:2]}

    asyncio.run(look())


def test_names_that_stay_silent_take_no_place_of_new_ones(machine: Machine) -> None:
    """They share a few threads, once they are known."""

    async def look() -> None:
        names = Names(SHORT, machine.look_up, at_once=(1, 1, 1))
        silent = [f"silent-{number}.se" for number in range(3)]
        await machine.was_silent(names, *silent)
        again = [asyncio.ensure_future(names.resolve(host)) for host in silent]
        await machine.until_asked(silent[0], times=2)
        for number in range(10):
            assert await addresses(names, f"new-{number}.se") == ["127.0.0.1"]
        ended = await asyncio.gather(*again, return_exceptions=True)
        assert {type(each) for each in ended} == {NoAnswerError}
        assert [machine.asked[host] for host in silent] == [2, 1, 1]

    asyncio.run(look())


def test_a_name_that_answers_again_is_trusted_again(machine: Machine) -> None:
    """It waits no longer behind names that stay silent, nor behind new ones."""

    async def look() -> None:
        names = Names(SHORT, machine.look_up, at_once=(1, 1, 1))
        await machine.was_silent(names, "silent.se", "silent-too.se")
        machine.went_on.set()
        with pytest.raises(socket.gaierror):  # In time, if only that nothing is known.
            await names.resolve("silent.se")
        machine.went_on.clear()
        hosts = ["silent-too.se", "silent-new.se", "silent.se"]
        tasks = [asyncio.ensure_future(names.resolve(host)) for host in hosts]
        await machine.until_asked("silent-new.se")
        await machine.until_asked("silent-too.se", times=2)
        await machine.until_asked("silent.se", times=3)
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(look())


def test_an_answer_that_comes_too_late_is_kept_for_the_next(machine: Machine) -> None:
    """A machine whose first name server is dead answers late each time."""

    async def look() -> None:
        names = Names(SHORT, machine.look_up)
        with pytest.raises(NoAnswerError):
            await names.resolve("late.se")
        machine.went_on.set()
        assert await addresses(names, "late.se") == ["127.0.0.1"]
        assert await addresses(names, "late.se") == ["127.0.0.1"]
        assert machine.asked["late.se"] == 1

    asyncio.run(look())


def test_what_nobody_waits_for_any_longer_is_not_begun(machine: Machine) -> None:
    """It waited for a thread, in vain."""

    async def look() -> None:
        names = Names(SHORT, machine.look_up, at_once=(1, 1, 1))
        for host in ("late.se", "waits.se"):
            with pytest.raises(NoAnswerError):
                await names.resolve(host)
        machine.went_on.set()
        assert await addresses(names, "late.se") == ["127.0.0.1"]
        assert await addresses(names, "other.se") == ["127.0.0.1"]
        assert machine.asked.keys() == {"late.se", "other.se"}

    asyncio.run(look())


def test_a_look_up_that_goes_on_holds_up_no_end(machine: Machine) -> None:
    """Its thread finds that nobody is there any more, and says nothing."""

    async def look() -> None:
        names = Names(SHORT, machine.look_up)
        with suppress(NoAnswerError):
            await names.resolve("silent.se")

    before = set(threading.enumerate())
    asyncio.run(look())
    (thread,) = set(threading.enumerate()) - before
    machine.went_on.set()
    thread.join(LONG)
    assert thread.daemon
    assert not thread.is_alive()


@pytest.mark.parametrize("seed", range(5))
def test_everybody_gets_an_answer_and_nothing_is_left_behind(seed: int) -> None:
    """Many ask for few names, with few threads, and some stop waiting."""
    dice = random.Random(seed)

    def look_up(host: str, family: int) -> list[Address]:
        threading.Event().wait(dice.random() / 200)
        if dice.random() < 0.3:
            raise socket.gaierror(family, host)
        return [HERE]

    async def ask(names: Names) -> None:
        for _ in range(20):
            with suppress(socket.gaierror, TimeoutError):
                async with asyncio.timeout(dice.random() / 20):
                    await names.resolve(f"{dice.randrange(6)}.se")

    async def look() -> None:
        names = Names(LONG, look_up, at_once=(2, 1, 1))
        await asyncio.gather(*(ask(names) for _ in range(40)))
        for number in range(6):
            with suppress(socket.gaierror):
                assert await addresses(names, f"{number}.se") == ["127.0.0.1"]
        assert [lane.under_way for lane in names._lanes] == [0, 0, 0]

    asyncio.run(look())
