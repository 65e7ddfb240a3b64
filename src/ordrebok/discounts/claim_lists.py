"""Which claims there are: those of the account and those of each customer, newest first."""

from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

from msgspec.structs import replace

from ordrebok.decision import Call, Key, Put, State
from ordrebok.discounts.record import put_index
from ordrebok.wire.discount_claim import ClaimDocument, ClaimList, ClaimNames

_CHUNK = 100
"""Claims that one document names: making a claim writes one of them anew."""
ALL = "all"
Run: TypeAlias = tuple[int, int]
"""Numbers that follow each other: the first and the last of them."""


def of_customer(customer_id: str) -> str:
    """Return the name of the list of a customer's claims."""
    return f"of:{customer_id}"


def _list_key(account_id: str, name: str) -> Key:
    """Return where stands how many claims a list has."""
    return Key(account_id, "discount_register", f"claims:{name}")


def _names_key(account_id: str, name: str, chunk: int) -> Key:
    """Return where some claims of a list are named."""
    return Key(account_id, "discount_register", f"claim-names:{chunk}:{name}")


def look_up(state: State, account_id: str, name: str) -> ClaimList:
    """Return how many claims a list has."""
    stored = state.get(_list_key(account_id, name), ClaimList)
    return ClaimList(version=0, created_ms=state.now.ms) if stored is None else stored


def enlisted(state: State, call: Call, name: str, claim_id: str) -> tuple[int, list[Put]]:
    """Return the place of a new claim in a list, and what writes that down."""
    listed = look_up(state, call.account_id, name)
    place = listed.made
    key = _names_key(call.account_id, name, place // _CHUNK)
    before = state.get(key, ClaimNames) or ClaimNames(version=0, created_ms=state.now.ms)
    names = replace(before, version=before.version + 1, ids=(*before.ids, claim_id))
    after = replace(listed, version=listed.version + 1, made=place + 1, live=listed.live + 1)
    return place, [
        put_index(state, call, _list_key(call.account_id, name), after),
        put_index(state, call, key, names),
    ]


def emptied(state: State, call: Call, name: str) -> list[Put]:
    """Return what empties all documents of a list in which no claim stands, so that they can go.

    Nothing, where one stands. Who makes one at the same time begins the list anew on what is
    written here.
    """
    listed = state.get(_list_key(call.account_id, name), ClaimList)
    if listed is None or listed.live:
        return []
    numbers = range(-(-listed.made // _CHUNK))
    keys = [_names_key(call.account_id, name, number) for number in numbers]
    state.ahead(keys)
    after = ClaimList(version=listed.version + 1, created_ms=listed.created_ms)
    puts = [put_index(state, call, _list_key(call.account_id, name), after)]
    for key in keys:
        names = state.get(key, ClaimNames)
        if names is not None:
            none = replace(names, version=names.version + 1, ids=())
            puts.append(put_index(state, call, key, none))
    return puts


def struck(state: State, call: Call, name: str, claim_id: str, place: int) -> list[Put]:
    """Return what takes a claim out of a list; the places of the others stay.

    Nothing, where it does not stand there: the list of an erased customer went as a whole.
    """
    listed = look_up(state, call.account_id, name)
    key = _names_key(call.account_id, name, place // _CHUNK)
    names = state.get(key, ClaimNames)
    if names is None or names.ids[place % _CHUNK : place % _CHUNK + 1] != (claim_id,):
        return []
    ids = [*names.ids]
    ids[place % _CHUNK] = ""
    done = len(ids) == _CHUNK and not any(ids)
    after = replace(
        listed,
        version=listed.version + 1,
        live=listed.live - 1,
        empty=_with(listed.empty, place // _CHUNK) if done else listed.empty,
    )
    left = replace(names, version=names.version + 1, ids=tuple(ids))
    return [
        put_index(state, call, _list_key(call.account_id, name), after),
        put_index(state, call, key, left),
    ]


def _with(runs: tuple[Run, ...], number: int) -> tuple[Run, ...]:
    """Return runs of numbers with one number more; runs that meet become one."""
    joined: list[Run] = []
    for first, last in sorted((*runs, (number, number))):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return tuple(joined)


def newest(state: State, account_id: str, name: str, before: int | None) -> Iterator[str]:
    """Yield the ids of a list's claims that stand, newest first, from before a place on.

    Documents in which nothing is left are passed over, and the others are loaded more at a time as
    it goes on: a list of many deleted claims costs little more than one of few.
    """
    listed = look_up(state, account_id, name)
    end = listed.made if before is None else before
    chunks = _chunks(listed, end)
    step = 1
    while numbers := list(islice(chunks, step)):
        keys = [_names_key(account_id, name, number) for number in numbers]
        state.ahead(keys)
        for number, key in zip(numbers, keys, strict=True):
            names = state.get(key, ClaimNames)
            ids = () if names is None else names.ids[: end - number * _CHUNK]
            yield from (each for each in reversed(ids) if each)
        step *= 2


def _chunks(listed: ClaimList, end: int) -> Iterator[int]:
    """Yield the numbers of the documents that name claims before a place, from the last on."""
    number = (end - 1) // _CHUNK
    for first, last in reversed(listed.empty):
        yield from range(number, last, -1)
        number = min(number, first - 1)
    yield from range(number, -1, -1)


def place_in(claim: ClaimDocument, name: str) -> int:
    """Return where a claim stands in a list."""
    return claim.place if name == ALL else claim.customer_place
