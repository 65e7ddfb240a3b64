"""Which claims there are: those of the account and those of each customer, newest first."""

from collections.abc import Iterator

from msgspec.structs import replace

from ordrebok.decision import Call, Key, Put, State
from ordrebok.discounts.record import put_index
from ordrebok.wire.discount_claim import ClaimDocument, ClaimList, ClaimNames

_CHUNK = 100
"""Claims that one document names: making a claim writes one of them anew."""
ALL = "all"


def of_customer(customer_id: str) -> str:
    """Return the name of the list of a customer's claims."""
    return f"of:{customer_id}"


def _list_key(account_id: str, name: str) -> Key:
    """Return where stands how many claims a list has."""
    return Key(account_id, "discount_register", f"claims:{name}")


def _names_key(account_id: str, name: str, place: int) -> Key:
    """Return where the claim at a place of a list is named."""
    return Key(account_id, "discount_register", f"claim-names:{place // _CHUNK}:{name}")


def look_up(state: State, account_id: str, name: str) -> ClaimList:
    """Return how many claims a list has."""
    stored = state.get(_list_key(account_id, name), ClaimList)
    return ClaimList(version=0, created_ms=state.now.ms) if stored is None else stored


def enlisted(state: State, call: Call, name: str, claim_id: str) -> tuple[int, list[Put]]:
    """Return the place of a new claim in a list, and what writes that down."""
    listed = look_up(state, call.account_id, name)
    place = listed.made
    key = _names_key(call.account_id, name, place)
    before = state.get(key, ClaimNames) or ClaimNames(version=0, created_ms=state.now.ms)
    names = replace(before, version=before.version + 1, ids=(*before.ids, claim_id))
    after = replace(listed, version=listed.version + 1, made=place + 1, live=listed.live + 1)
    return place, [
        put_index(state, call, _list_key(call.account_id, name), after),
        put_index(state, call, key, names),
    ]


def struck(state: State, call: Call, name: str, place: int) -> list[Put]:
    """Return what takes a claim out of a list; the places of the others stay."""
    listed = look_up(state, call.account_id, name)
    after = replace(listed, version=listed.version + 1, live=listed.live - 1)
    puts = [put_index(state, call, _list_key(call.account_id, name), after)]
    key = _names_key(call.account_id, name, place)
    names = state.get(key, ClaimNames)
    if names is not None:
        ids = [*names.ids]
        ids[place % _CHUNK] = ""
        left = replace(names, version=names.version + 1, ids=tuple(ids))
        puts.append(put_index(state, call, key, left))
    return puts


def newest(state: State, account_id: str, name: str, before: int | None) -> Iterator[str]:
    """Yield the ids of a list's claims that stand, newest first, from before a place on."""
    place = look_up(state, account_id, name).made if before is None else before
    while place > 0:
        start = (place - 1) // _CHUNK * _CHUNK
        names = state.get(_names_key(account_id, name, start), ClaimNames)
        ids = () if names is None else names.ids[: place - start]
        yield from (each for each in reversed(ids) if each)
        place = start


def place_in(claim: ClaimDocument, name: str) -> int:
    """Return where a claim stands in a list."""
    return claim.place if name == ALL else claim.customer_place
