"""Lists of claims: places that stay, and documents that are passed over once they are empty."""

import random
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar, cast

import pytest

from ordrebok.decision import Call, Key, Put, State
from ordrebok.discounts.claim_lists import ALL, emptied, enlisted, look_up, newest, struck
from tests.support.builders import ACCOUNT, ACTOR, NOW

T = TypeVar("T")
CALL = Call(ACCOUNT, ACTOR, "POST", "/claims", {})


class Shelf:
    """Documents in a dict, and how many of them were read."""

    def __init__(self) -> None:
        self.now = NOW
        self.documents: dict[Key, Any] = {}
        self.read = 0

    def get(self, key: Key, type_: type[T]) -> T | None:
        """Return a document."""
        self.read += 1
        found = self.documents.get(key)
        assert found is None or isinstance(found, type_)
        return found

    def ahead(self, keys: Iterable[Key]) -> None:
        """Have everything at hand already."""

    def new_id(self) -> str:
        """Return an id; nobody looks at it."""
        return "event"

    def write(self, puts: Iterable[Put]) -> None:
        """Write down the next versions."""
        for put in puts:
            standing = self.documents.get(put.key)
            assert put.version == (0 if standing is None else standing.version) + 1
            self.documents[put.key] = put.document

    def add(self, claim_id: str) -> int:
        """Put a claim in the list; return its place."""
        place, puts = enlisted(cast("State", self), CALL, ALL, claim_id)
        self.write(puts)
        return place

    def strike(self, place: int, name: str = "") -> None:
        """Take a claim out of the list, which is named after its place if not otherwise."""
        self.write(struck(cast("State", self), CALL, ALL, name or str(place), place))

    def rows(self, limit: int = 10_000, before: int | None = None) -> list[str]:
        """Return the first ids of the list."""
        found = newest(cast("State", self), ACCOUNT, ALL, before)
        return list(islice(found, limit))


@pytest.mark.parametrize("kept", [0, 1, 40, 950])
def test_what_stands_is_listed_from_every_place(kept: int) -> None:
    """Whichever claims were deleted, in whichever order."""
    shelf = Shelf()
    places = [shelf.add(str(number)) for number in range(950)]
    assert places == list(range(950))
    order = random.Random(kept).sample(places, len(places))
    for place in order[kept:]:
        shelf.strike(place)
    stand = sorted(order[:kept], reverse=True)
    assert shelf.rows() == [str(place) for place in stand]
    for before in (0, 1, 100, 101, 499, 950):
        assert shelf.rows(before=before) == [str(place) for place in stand if place < before]
    assert look_up(cast("State", shelf), ACCOUNT, ALL).live == kept
    assert shelf.add("new") == 950
    assert shelf.rows(1) == ["new"]


def test_deleted_claims_cost_the_list_nothing() -> None:
    """As where a till deletes every claim once the sale is booked."""
    shelf = Shelf()
    first = shelf.add("first")
    for number in range(5_000):
        shelf.strike(shelf.add(str(number)), str(number))
    shelf.read = 0
    assert shelf.rows(10) == ["first"]
    assert shelf.read <= 5
    shelf.strike(first, "first")
    assert shelf.rows() == []
    listed = look_up(cast("State", shelf), ACCOUNT, ALL)
    assert (listed.live, listed.made, listed.empty) == (0, 5_001, ((0, 49),))


@pytest.mark.parametrize("made", [1, 100, 101, 250])
def test_a_list_that_is_emptied_begins_anew(made: int) -> None:
    """Once nothing stands in it; a claim of before is then struck from nothing."""
    shelf = Shelf()
    for number in range(made):
        shelf.add(str(number))
    assert emptied(cast("State", shelf), CALL, ALL) == []
    for number in range(made):
        shelf.strike(number)
    shelf.write(emptied(cast("State", shelf), CALL, ALL))
    assert shelf.rows() == []
    assert not [key for key, each in shelf.documents.items() if getattr(each, "ids", ())]
    assert shelf.add("new") == 0
    for number in range(made):
        shelf.strike(number)
    assert shelf.rows() == ["new"]
    assert look_up(cast("State", shelf), ACCOUNT, ALL).live == 1


def test_a_list_that_is_not_there_needs_no_emptying() -> None:
    """Nothing is written for somebody without claims."""
    assert emptied(cast("State", Shelf()), CALL, ALL) == []
