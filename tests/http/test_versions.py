"""An order as it was, over HTTP: its versions, each of them whole, and what differs."""

from __future__ import annotations

import pytest

from tests.support.api import Api, line, store_line


def without_events(order: dict[str, object]) -> dict[str, object]:
    """An order without its log."""
    return {name: value for name, value in order.items() if name not in {"events", "state"}}


def test_every_version_can_be_read_as_it_was(api: Api) -> None:
    """What an order looked like stays, whatever happened to it since."""
    order = api.order(line(100, 1), comment="first")
    path = f"orders/{order['order_id']}"
    seen = [without_events(order)]
    seen.append(without_events(api.put(path, {"comment": "second"})))
    api.post(f"{path}/authorizations", {"items": [{"line_id": 1, "amount": 60}]})
    seen.append(without_events(api.get(path)))
    seen.append(without_events(api.post(f"{path}/close")))
    for number, expected in enumerate(seen, 1):
        assert api.get(f"{path}/versions/{number}") == expected


def test_versions_are_listed_newest_first_with_what_made_them(api: Api) -> None:
    """Each says when it came to be, by whom and by which request; pages follow each other."""
    order = api.order(line(100, 1))
    path = f"orders/{order['order_id']}"
    for number in range(2, 6):
        api.put(path, {"comment": str(number)})
    page = api.get(f"{path}/versions", limit=3)
    assert [each["version"] for each in page["versions"]] == [5, 4, 3]
    assert all(each["kept"] for each in page["versions"])
    assert {(each["method"], each["path"].split("/")[-2]) for each in page["versions"]} == {
        ("PUT", "orders")
    }
    rest = api.get(f"{path}/versions", limit=3, starting_after=page["starting_after"])
    assert [each["version"] for each in rest["versions"]] == [2, 1]
    assert "starting_after" not in rest
    events = api.get(f"{path}/events")["events"]
    listed = [*rest["versions"][::-1], *page["versions"][::-1]]
    assert [each["event_id"] for each in listed] == [event["id"] for event in events]


def test_a_version_tells_what_differs_from_another(api: Api) -> None:
    """By where it stands, and what stood there; lines go by their numbers, in both directions."""
    order = api.order(line(100, 1), line(50, 2), comment="first")
    path = f"orders/{order['order_id']}"
    api.put(path, {"comment": "second", "items": [{"line_id": 2, "status": "packed"}]})
    then = api.get(f"{path}/versions/2", diff=1)
    assert then["comment"] == "second"
    found = {tuple(each["path"]): each for each in then["changes"]}
    assert found["comment",] == {
        "path": ["comment"],
        "change": "changed",
        "before": "first",
        "after": "second",
    }
    assert found["items", "line_id=2", "status"]["change"] == "added"
    assert not any(place[:2] == ("items", "line_id=1") for place in found)
    back = api.get(f"{path}/versions/1", diff=2)
    assert {tuple(each["path"]): each["change"] for each in back["changes"]}[
        "items", "line_id=2", "status"
    ] == "removed"
    assert api.get(f"{path}/versions/1", diff=1)["changes"] == []


def test_a_draft_that_adds_to_an_order_shows_in_its_versions(api: Api) -> None:
    """The version that it made names it, and has the new line."""
    order = api.order(store_line("S1", 100, 1))
    draft = api.draft(store_line("S1", 30, 2), options={"order_id": order["order_id"]})
    api.complete(draft)
    path = f"orders/{order['order_id']}"
    assert api.get(f"{path}/versions")["versions"][0]["draft_id"] == draft["id"]
    changes = api.get(f"{path}/versions/2", diff=1)["changes"]
    assert ["items", "line_id=2"] in [each["path"] for each in changes]


@pytest.mark.parametrize("version", ["0", "9", "x", "-1", "1e3", "99999999999999999999"])
def test_what_is_no_version_is_not_there(api: Api, version: str) -> None:
    """404 for a number that the order has not come to, and for what is no number."""
    order = api.order(line(100, 1))
    api.refused("NOT FOUND", "GET", f"orders/{order['order_id']}/versions/{version}")


def test_versions_of_an_order_that_is_not_there(api: Api) -> None:
    """404 for the list, for one of them, and for the other one of a difference."""
    order = api.order(line(100, 1))
    api.refused("NOT FOUND", "GET", "orders/nobody/versions")
    api.refused("NOT FOUND", "GET", "orders/nobody/versions/1")
    path = f"orders/{order['order_id']}/versions"
    error = api.refused("NOT FOUND", "GET", f"{path}/1", params={"diff": 7})
    assert error["version"] == 1
    api.refused("INVALID_REQUEST_PARAMETER", "GET", path, params={"starting_after": "newest"})
    api.refused("INVALID_REQUEST_PARAMETER", "GET", f"{path}/1", params={"diff": "0"})
