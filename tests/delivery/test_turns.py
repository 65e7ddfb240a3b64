"""Turns: everybody's comes, in the order of asking, whoever gives up or never ends.

What is held here is independent of how deliveries are paced: each test runs while the server is
quiet, and while it is busy.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from ordrebok.delivery import turns as module
from ordrebok.delivery.turns import Turns

WAITING = 100
QUIET, BUSY = False, True
both = pytest.mark.parametrize("busy", [QUIET, BUSY], ids=["quiet", "busy"])


class Requests:
    """Counts requests: none is answered, or very many are between two looks."""

    def __init__(self) -> None:
        self.crowd = False
        self._answered = 0

    def answered(self) -> int:
        self._answered += 1_000_000 if self.crowd else 0
        return self._answered


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    while not condition():  # noqa: ASYNC110 -- of what the clock does
        await asyncio.sleep(0.001)


async def made(*, busy: bool) -> tuple[Turns, Requests]:
    """Turns beside no requests or many, which has been noticed."""
    requests = Requests()
    turns = Turns(requests.answered)
    await become(turns, requests, busy=busy)
    return turns, requests


async def become(turns: Turns, requests: Requests, *, busy: bool) -> None:
    """Let it be noticed whether there are many requests; it is looked at when turns begin."""
    requests.crowd = busy
    while turns.is_busy() != busy:
        await turns.begin()
        turns.end()
        await asyncio.sleep(0.001)


async def full(turns: Turns) -> int:
    """Begin without an end until another would wait; return how many have begun."""
    begun = 0
    while True:
        task = asyncio.ensure_future(turns.begin())
        await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return begun
        begun += 1


# ------------------------------------------------------------------------------- how many


@both
def test_somebody_may_always_begin(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """At once, where nobody else has begun."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        for _ in range(10):
            task = asyncio.ensure_future(turns.begin())
            await asyncio.sleep(0)
            assert task.done()
            turns.end()

    asyncio.run(look())


def test_many_begin_together_while_it_is_quiet() -> None:
    """And fewer while it is busy, whether it was so before or has become so."""

    async def look() -> None:
        turns, requests = await made(busy=False)
        many = await full(turns)
        assert many == module._QUIET_AT_ONCE
        for _ in range(many):
            turns.end()
        await become(turns, requests, busy=True)
        few = await full(turns)
        assert 1 <= few < many
        for _ in range(few):
            turns.end()
        await become(turns, requests, busy=False)
        assert await full(turns) == many

    asyncio.run(look())


def test_those_who_wait_begin_together_when_it_becomes_quiet() -> None:
    """One end is enough: nobody need wait for another's who has not begun."""

    async def look() -> None:
        turns, requests = await made(busy=True)
        begun = await full(turns)
        waiting = [asyncio.ensure_future(turns.begin()) for _ in range(2 * begun + 2)]
        await asyncio.sleep(0)
        requests.crowd = False
        while turns.is_busy():
            turns.end()
            turns._under_way += 1  # Only so that it is looked at again; nothing has ended.
            await asyncio.sleep(0.001)
        turns.end()
        await asyncio.gather(*waiting)

    asyncio.run(look())


# ------------------------------------------------------------------------------- in which order


@both
def test_turns_come_in_the_order_of_asking(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """Nobody is overtaken, whatever others' attempts take."""
    dice = random.Random(7)

    async def look() -> None:
        turns, _ = await made(busy=busy)
        order: list[int] = []

        async def attempt(number: int) -> None:
            async with turns.turn():
                order.append(number)
                await asyncio.sleep(dice.random() / 200)

        await asyncio.gather(*(attempt(number) for number in range(2 * WAITING)))
        assert order == list(range(2 * WAITING))

    asyncio.run(look())


@both
def test_who_asks_later_does_not_overtake_who_waits(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """Also in the moment in which another's turn ends."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        await full(turns)
        first = asyncio.ensure_future(turns.begin())
        await asyncio.sleep(0)
        turns.end()
        second = asyncio.ensure_future(turns.begin())
        await first
        await asyncio.sleep(0)
        assert not second.done()
        turns.end()
        await second

    asyncio.run(look())


def test_who_asks_when_it_becomes_quiet_does_not_overtake_either() -> None:
    """There would be room for more; those who wait have it first."""

    async def look() -> None:
        turns, requests = await made(busy=True)
        await full(turns)
        waiting = [asyncio.ensure_future(turns.begin())]
        await asyncio.sleep(0)
        requests.crowd = False
        for _ in range(2 * WAITING):
            waiting.append(asyncio.ensure_future(turns.begin()))
            await asyncio.sleep(0.001)
            done = [task.done() for task in waiting]
            assert done == sorted(done, reverse=True)
        for _ in waiting:
            turns.end()
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    asyncio.run(look())


# ------------------------------------------------------------------------------- who gives up


@both
def test_who_stops_waiting_is_passed_over(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """The next one's turn comes in place of that."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        await full(turns)
        waiting = [asyncio.ensure_future(turns.begin()) for _ in range(WAITING)]
        await asyncio.sleep(0)
        for each in waiting[:-1]:
            each.cancel()
        await asyncio.gather(*waiting[:-1], return_exceptions=True)
        turns.end()
        await waiting[-1]

    asyncio.run(look())


@both
def test_who_is_stopped_in_the_moment_of_the_turn_hands_it_on(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """It was given already, and not taken yet."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        await full(turns)
        first, second = (asyncio.ensure_future(turns.begin()) for _ in range(2))
        await asyncio.sleep(0)
        turns.end()
        first.cancel()
        await second
        assert first.cancelled()

    asyncio.run(look())


# ------------------------------------------------------------------------------- who never ends


@both
def test_a_turn_ends_by_time_while_its_attempt_goes_on(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """Receivers that never answer hold up none of those behind them."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        begun = 0

        async def attempt() -> None:
            nonlocal begun
            async with turns.turn():
                begun += 1
                await asyncio.Event().wait()

        tasks = [asyncio.ensure_future(attempt()) for _ in range(2 * WAITING)]
        await until(lambda: begun == len(tasks))
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: turns._under_way == 0)

    asyncio.run(look())


@both
def test_an_attempt_that_fails_ends_its_turn(busy: bool) -> None:  # noqa: FBT001 -- of pytest
    """As one that succeeds does."""

    async def look() -> None:
        turns, _ = await made(busy=busy)
        for _ in range(WAITING):
            with pytest.raises(ZeroDivisionError):
                async with turns.turn():
                    raise ZeroDivisionError
        await until(lambda: turns._under_way == 0)

    asyncio.run(look())


@pytest.mark.parametrize("seed", range(5))
def test_no_turn_is_lost_and_none_ends_twice(seed: int) -> None:
    """However attempts last, fail and are stopped, and however busy it becomes meanwhile."""
    dice = random.Random(seed)

    async def look() -> None:
        turns, requests = await made(busy=False)

        async def attempt() -> None:
            with suppress(ZeroDivisionError, TimeoutError):
                async with asyncio.timeout(dice.choice([None, dice.random() / 10])), turns.turn():
                    await asyncio.sleep(dice.random() / 100)
                    if dice.random() < 0.2:
                        raise ZeroDivisionError

        for busy in (False, True, False):
            requests.crowd = busy  # It is noticed somewhere on the way.
            await asyncio.gather(*(attempt() for _ in range(WAITING)))
            await become(turns, requests, busy=busy)
            await asyncio.gather(*(attempt() for _ in range(WAITING)))
        await until(lambda: turns._under_way == 0)
        await become(turns, requests, busy=False)
        assert await full(turns) == module._QUIET_AT_ONCE

    asyncio.run(look())


@pytest.mark.parametrize(
    ("per_second", "attempts"),
    [(100, 500), (400, 125), (1_500, 125), (3_000, 250), (12_000, 1_000)],
)
def test_the_more_requests_the_fewer_attempts_but_always_one_for_twelve(
    per_second: int, attempts: int
) -> None:
    """A server that answers many has time for many: what is told does not fall behind for ever."""
    assert round(1 / module.longest_seconds(per_second)) == attempts


def test_few_requests_hold_nothing_up() -> None:
    """A turn ends after a while, and most end before."""
    assert module.longest_seconds(50) == module.longest_seconds(0) == 0.008
