"""The lanes of a store: groups that are worked at side by side, without two in one place."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordrebok.store.interface import StoreUnavailable
from ordrebok.store.lanes import Lanes

LIMIT = 4


@dataclass(eq=False)
class Item:
    """Something that somebody waits for."""

    number: int
    places: Sequence[Hashable]
    answer: "asyncio.Future[object]" = field(default_factory=asyncio.Future)


class Works:
    """Work that goes on until it is told to end, in as many lanes as are asked for."""

    def __init__(self, lanes: int = 2) -> None:
        self.lanes = Lanes([self._work] * lanes, LIMIT, lambda item: item.places)
        self.groups: list[list[Item]] = []
        """Groups that are under way."""
        self.done: list[Item] = []
        self._ends: list[asyncio.Future[None]] = []

    async def _work(self, items: list[Item]) -> None:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.groups.append(items)
        self._ends.append(end)
        await end
        self.done += items
        for item in items:
            item.answer.set_result(None)

    async def add(self, *places: Sequence[Hashable]) -> list[Item]:
        """Add an item for each of some places, and let the lanes begin."""
        items = [Item(number, each) for number, each in enumerate(places)]
        for item in items:
            self.lanes.add(item)
        await settled()
        return items

    async def end(self, group: int = 0, error: Exception | None = None) -> None:
        """End one of the groups that are under way."""
        self.groups.pop(group)
        end = self._ends.pop(group)
        if error is None:
            end.set_result(None)
        else:
            end.set_exception(error)
        await settled()

    @property
    def under_way(self) -> list[list[Sequence[Hashable]]]:
        """Where the groups that are under way have to do."""
        return [[item.places for item in group] for group in self.groups]


async def settled() -> None:
    """Let the loop go round until everybody has had a turn."""
    for _ in range(12):
        await asyncio.sleep(0)


def test_a_lane_that_becomes_free_takes_along_whatever_waits() -> None:
    """Groups are as large as they can be, whichever lane the ones before went in."""

    async def play() -> None:
        works = Works()
        await works.add("a")
        await works.add("b")
        await works.add("c", "d", "e")
        assert works.under_way == [["a"], ["b"]]

        await works.end()

        assert works.under_way == [["b"], ["c", "d", "e"]]

    asyncio.run(play())


def test_a_group_has_a_limit() -> None:
    """What is too much for one group goes in the next."""

    async def play() -> None:
        works = Works(lanes=1)

        await works.add(*"abcdef")
        assert works.under_way == [[*"abcd"]]

        await works.end()
        assert works.under_way == [[*"ef"]]

    asyncio.run(play())


def test_one_place_is_never_in_two_lanes() -> None:
    """What concerns a place that is held waits for it, while others pass."""

    async def play() -> None:
        works = Works()
        await works.add("a")

        await works.add("a", "b")
        assert works.under_way == [["a"], ["b"]]

        await works.end(1)
        assert works.under_way == [["a"]]

        await works.end()
        assert works.under_way == [["a"]]

    asyncio.run(play())


def test_who_waits_for_a_place_is_not_overtaken_there() -> None:
    """An item of two places, one of them held, keeps later ones out of the other place too."""

    async def play() -> None:
        works = Works()
        await works.add("x", "a")
        await works.add("b", "ab", "b")
        assert works.under_way == [["x", "a"], ["b"]]

        await works.end(1)
        assert works.under_way == [["x", "a"]]

        await works.end()
        assert works.under_way == [["ab", "b"]]

    asyncio.run(play())


def test_an_error_is_the_answer_of_its_own_group() -> None:
    """The other group and those who wait go on."""

    async def play() -> None:
        works = Works()
        (bad,) = await works.add("a")
        (good,) = await works.add("b")
        (next_,) = await works.add("a")

        await works.end(error=ValueError("broken"))

        with pytest.raises(ValueError, match="broken"):
            await bad.answer
        assert not good.answer.done()
        assert works.under_way == [["b"], ["a"]]
        await works.end()
        await works.end()
        await asyncio.gather(good.answer, next_.answer)

    asyncio.run(play())


def test_finishing_waits_for_everything() -> None:
    """What was added before the store is closed is done."""

    async def play() -> None:
        works = Works()
        items = await works.add("a", "a", "b")
        finishing = asyncio.create_task(works.lanes.finish())

        while works.groups:
            assert not finishing.done()
            await works.end()

        await finishing
        assert all(item.answer.done() for item in items)

    asyncio.run(play())


def test_nobody_waits_for_ever_when_the_loop_ends() -> None:
    """A worker that is cancelled tells everybody that the server stops."""

    async def play() -> None:
        works = Works(lanes=1)
        items = await works.add("a", "a")

        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await settled()

        for item in items:
            with pytest.raises(StoreUnavailable):
                await item.answer

    asyncio.run(play())


@given(
    places=st.lists(st.frozensets(st.sampled_from("abcd"), max_size=2), max_size=30),
    ends=st.lists(st.integers(0, 2), max_size=60),
)
def test_every_item_is_done_once_and_in_the_order_of_its_places(
    places: list[frozenset[str]], ends: list[int]
) -> None:
    """Whatever comes when, and whichever group ends first."""

    async def play() -> None:
        works = Works(lanes=3)
        items = [Item(number, sorted(each)) for number, each in enumerate(places)]
        coming = iter(items)
        for end in ends:
            item = next(coming, None)
            if item is not None:
                works.lanes.add(item)
                await settled()
            held = [place for group in works.groups for item in group for place in item.places]
            groups = [{place for item in group for place in item.places} for group in works.groups]
            assert sum(map(len, groups)) == len(set(held))
            if works.groups and end < len(works.groups):
                await works.end(end)
        for item in coming:
            works.lanes.add(item)
        await settled()
        while works.groups:
            await works.end()
        assert sorted(item.number for item in works.done) == list(range(len(items)))
        for place in "abcd":
            there = [item.number for item in works.done if place in item.places]
            assert there == sorted(there)

    asyncio.run(play())
