"""Payment sessions, and the proof of what was paid."""

from __future__ import annotations

import pytest

from tests.http.till import SESSION, Till
from tests.support.api import Api, line
from tests.support.openapi import Json


@pytest.fixture
def till(api: Api) -> Till:
    """An order of one line of 100."""
    return Till(api, api.order(line(100, 1)))


def session(till: Till, **more: Json) -> Json:
    """Open a session on line 1."""
    return till.api.post(f"{till.path}/sessions", SESSION | more)


def test_a_session_asks_for_what_is_left_to_authorize(till: Till) -> None:
    """Recorded, found again, one event; the order waits for money as before."""
    before = till.money()
    answer = till.api.send("POST", f"{till.path}/sessions", SESSION | {"metadata": {"a": 1}})
    made = answer.json()
    assert answer.headers["etag"] == '"2"'
    assert made["items"] == [{"line_id": "1", "amount": 100}]
    assert (made["amount"], made["metadata"]) == (100, {"a": 1})
    assert made["url"] == made["_links"][0]["href"]
    assert made["url"].endswith(f"/{till.path}/sessions/{made['id']}")
    assert till.api.get(f"{till.path}/sessions") == {"sessions": [made]}
    assert till.api.get(f"{till.path}/sessions/{made['id']}") == made
    assert till.order()["sessions"] == [made]
    assert till.money() == before
    till.authorize({1: 100})
    till.cancel({1: 30})
    assert session(till)["amount"] == 30
    assert len(till.order()["events"]) == till.order()["version"] == 5


def test_a_session_is_made_once_under_an_own_id(till: Till) -> None:
    """The same again is the same session; another amount is a conflict."""
    made = session(till, id="S-1")
    assert session(till, id="S-1") == made
    other = SESSION | {"id": "S-1", "items": [{"line_id": "1", "amount": 5}]}
    till.api.refused("ID_TAKEN", "POST", f"{till.path}/sessions", other)
    assert till.order()["version"] == 2


def test_what_a_session_may_not_ask_for(till: Till) -> None:
    """More than is left, a line that is not there, a number where text is documented."""
    path = f"{till.path}/sessions"
    for code, items in (
        ("AUTHORIZATION_EXCEEDS_LINE", [{"line_id": "1", "amount": 101}]),
        ("NOT FOUND", [{"line_id": "2"}]),
        ("INVALID_AMOUNTS", [{"line_id": "1", "amount": 0}]),
        ("AMOUNT_SIGN", [{"line_id": "1", "amount": -1}]),
        ("INVALID_REQUEST_PARAMETER", [{"line_id": 1}]),
        ("INVALID_REQUEST_PARAMETER", []),
    ):
        till.api.refused(code, "POST", path, SESSION | {"items": items})
    for missing in ("profile_id", "url", "items"):
        asked = {name: value for name, value in SESSION.items() if name != missing}
        till.api.refused("INVALID_REQUEST_PARAMETER", "POST", path, asked)
    assert till.order()["version"] == 1


# ------------------------------------------------------------------------------------- proof


def test_the_proof_of_an_order(api: Api) -> None:
    """Its lines, its authorizations and the whole, at the order's version."""
    till = Till(api, api.order(line(100, 1), line(50, 2)))
    authorization = till.authorize({1: 100, 2: 50})
    till.capture({1: 60})
    answer = api.send("GET", f"{till.path}/proof")
    proof = answer.json()
    assert answer.headers["etag"] == '"3"'
    assert (proof["order_id"], proof["version"], proof["currency"]) == (till.order_id, 3, "NOK")
    assert [each["line_id"] for each in proof["lines"]] == [1, 2]
    assert [each["authorization_id"] for each in proof["authorizations"]] == [authorization["id"]]
    found = {each["name"]: each for each in proof["lines"][0]["equations"]}
    assert found["line: captured + cancelled <= authorized"] == {
        "name": "line: captured + cancelled <= authorized",
        "left": 60,
        "relation": "<=",
        "right": 100,
        "terms": {"captured": 60, "cancelled": 0, "authorized": 100},
        "holds": True,
    }
    api.refused("NOT FOUND", "GET", "orders/nothing/proof")
