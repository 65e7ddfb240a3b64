"""Drafts over HTTP: made, changed line by line, deleted, and what they refuse."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from tests.support.api import Api, Site, codes_of, line, paths_of, store_line

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_new_draft_says_who_made_it_and_when(api: Api) -> None:
    """A draft may be empty; it starts as version 1, with one event that repeats no request."""
    response = api.send("POST", "draft_orders", {"order": {"currency": "NOK"}})
    draft = response.json()
    assert response.headers["etag"] == '"1"'
    assert UUID4.fullmatch(draft["id"])
    assert MOMENT.fullmatch(draft["created_at"])
    assert draft["created_at"] == draft["updated_at"]
    assert draft["created_by"] == api.credentials.id
    assert (draft["status"], draft["version"]) == ("open", 1)
    assert draft["_links"] == [{"href": api.url(f"draft_orders/{draft['id']}"), "rel": "draft"}]
    assert draft["order"]["items"] == []
    assert draft["order"]["gross_amount"] == draft["order"]["net_amount"] == 0
    (event,) = draft["events"]
    assert (event["version"], event["event_type"]) == (1, "api-event")
    assert "request" not in event


def test_draft_is_read_as_it_was_answered(api: Api) -> None:
    """The answer of a write and the next read are the same document and the same version."""
    made = api.send("POST", "draft_orders", {"order": {"currency": "NOK", "items": [line()]}})
    read = api.send("GET", f"draft_orders/{made.json()['id']}")
    assert read.content == made.content
    assert read.headers["etag"] == made.headers["etag"]


def test_unchanged_draft_is_not_sent_again(api: Api) -> None:
    """GET takes If-None-Match: 304 without a body while the version is the same."""
    draft = api.draft()
    path = f"draft_orders/{draft['id']}"
    same = api.send("GET", path, headers={"If-None-Match": '"1"'})
    assert (same.status_code, same.content) == (304, b"")
    api.put(path, {"order": {"comment": "x"}})
    assert api.send("GET", path, headers={"If-None-Match": '"1"'}).status_code == 200


def test_lines_without_a_number_get_the_next_one(api: Api) -> None:
    """The next number is above every line there is, whatever gaps there are."""
    draft = api.draft(line(), line(1, 7), line())
    assert [item["line_id"] for item in draft["order"]["items"]] == [8, 7, 9]
    after = api.post(f"draft_orders/{draft['id']}/items", line())
    assert after["order"]["items"][-1]["line_id"] == 10


def test_lines_of_an_updating_draft_count_on_from_the_order(api: Api) -> None:
    """A draft that updates an order gives numbers above those of the order."""
    order = api.order(line(100, 4))
    draft = api.draft(line(), options={"order_id": order["order_id"]})
    assert draft["order"]["items"][0]["line_id"] == 5
    path = f"draft_orders/{draft['id']}/items"
    assert api.post(path, line())["order"]["items"][-1]["line_id"] == 6
    api.refused("LINE_ID_TAKEN", "POST", path, line(1, 4))


def test_taken_line_number_is_refused(api: Api) -> None:
    """Against the stored draft it is a conflict; within one list the request contradicts itself."""
    draft = api.draft(line(1, 3))
    path = f"draft_orders/{draft['id']}"
    error = api.refused("LINE_ID_TAKEN", "POST", f"{path}/items", line(1, 3))
    assert error["errors"][0]["path"] == ["line_id"]
    assert error["errors"][0]["line_id"] == 3
    body = {"order": {"items": [line(1, 1), line(1, 1), line(1, 1)]}}
    error = api.refused("INVALID_AMOUNTS", "PUT", path, body)
    assert paths_of(error) == [["order", "items", 1, "line_id"], ["order", "items", 2, "line_id"]]
    assert api.get(path)["version"] == 1


def test_item_is_replaced_in_its_place(api: Api) -> None:
    """PUT of an item is the whole new item: what it leaves out is gone."""
    draft = api.draft(line(100, 1, comment="a"), line(200, 2, comment="b"), line(300, 3))
    path = f"draft_orders/{draft['id']}/items/2"
    after = api.put(path, line(250, id="B"))
    assert [item["gross_amount"] for item in after["order"]["items"]] == [100, 250, 300]
    assert after["order"]["items"][1]["line_id"] == 2
    assert "comment" not in after["order"]["items"][1]
    assert [item["version"] for item in after["order"]["items"]] == [1, 2, 1]
    assert after["order"]["gross_amount"] == 650
    error = api.refused("INVALID_REQUEST_PARAMETER", "PUT", path, line(1, 3))
    assert codes_of(error) == ["LINE_ID_MISMATCH"]


def test_item_that_is_not_there_is_not_found(api: Api) -> None:
    """Whatever stands in the path: another number, or no number at all."""
    path = f"draft_orders/{api.draft(line(1, 1))['id']}/items"
    for line_id in ("2", "-1", "1.0", "x", "9" * 30, "%20", "1%2F"):
        api.refused("NOT FOUND", "PUT", f"{path}/{line_id}", line())
        api.refused("NOT FOUND", "DELETE", f"{path}/{line_id}")


def test_removed_item_takes_along_what_required_it(api: Api) -> None:
    """Required lines follow however long the chain; an optional relation is cleared."""
    relation = {"type": "required"}
    draft = api.draft(
        line(100, 1),
        line(200, 2, related_item={"line_id": 1, **relation}),
        line(300, 3, related_item={"line_id": 2, **relation}),
        line(400, 4, related_item={"line_id": 3, "type": "optional"}),
        line(500, 5),
    )
    after = api.delete(f"draft_orders/{draft['id']}/items/1")
    assert [item["line_id"] for item in after["order"]["items"]] == [4, 5]
    assert "related_item" not in after["order"]["items"][0]
    assert after["order"]["gross_amount"] == 900


def test_totals_are_sums_whatever_the_client_sends(api: Api) -> None:
    """What a request says about totals is ignored."""
    draft = api.draft(
        line(1000, discount_lines=[{"amount": 100, "discount_type": "manual"}]),
        line(500, discount_lines=[{"amount": 50}], net_amount=1),
        gross_amount=1,
        net_amount=2,
        total_discount=3,
    )
    names = ("gross_amount", "net_amount", "total_discount", "total_manual_discount_amount")
    assert [draft["order"][name] for name in names] == [1500, 1350, 150, 100]


@pytest.mark.parametrize(
    ("gross", "tax", "amount", "basis"),
    [
        (39_800, {"percentage": 25}, 7960, 31_840),
        (39_800, {"percentage": 25, "included_in_price": False}, 9950, 39_800),
        (39_800, {"percentage": 25, "exempt": True}, 0, 39_800),
        (-39_800, {"percentage": 25}, -7960, -31_840),
        (10, {"percentage": 5, "included_in_price": False}, 1, 10),
        (-10, {"percentage": 5, "included_in_price": False}, -1, -10),
        (1_000_000, {"percentage": 0.1, "included_in_price": False}, 1000, 1_000_000),
        (100, {"percentage": 25, "amount": 7}, 7, 93),
        (100, {}, 0, 100),
    ],
)
def test_tax_is_computed_where_it_is_not_given(
    sqlite_api: Api, gross: int, tax: dict[str, object], amount: int, basis: int
) -> None:
    """Included in the price unless told otherwise; half up, away from zero, once."""
    draft = sqlite_api.draft({"gross_amount": gross, "tax_lines": [tax]})
    (computed,) = draft["order"]["items"][0]["tax_lines"]
    assert (computed["amount"], computed["tax_basis"]) == (amount, basis)


def test_tax_is_fresh_after_a_discount_is_removed(api: Api) -> None:
    """A stale tax: it comes from the inputs of the request, never from what was there before."""
    discounted = line(1250, 1, discount_lines=[{"amount": 250}])
    draft = api.draft(discounted)
    assert draft["order"]["items"][0]["tax_lines"][0]["amount"] == 200
    path = f"draft_orders/{draft['id']}/items/1"
    for _ in range(2):
        after = api.put(path, line(1250))
        assert after["order"]["items"][0]["tax_lines"][0]["amount"] == 250
        assert after["order"]["total_discount"] == 0
        after = api.put(path, discounted)
        assert after["order"]["items"][0]["tax_lines"][0]["amount"] == 200


def test_five_thousand_units_are_one_line(api: Api) -> None:
    """Slow for many units: a quantity is a number, and money is never multiplied by it."""
    draft = api.draft(line(5000, quantity=5000), line(3, quantity=0.333333), line(1, quantity=1.5))
    items = draft["order"]["items"]
    assert [item["quantity"] for item in items] == [5000, 0.333333, 1.5]
    assert draft["order"]["gross_amount"] == 5004


def test_wrong_quantities_and_discounts_are_all_listed(api: Api) -> None:
    """Arithmetic faults of several lines come together, each with its place and its numbers."""
    items = [
        line(100, quantity=0.1234567),
        line(100, discount_lines=[{"amount": 101}]),
        {"gross_amount": 1, "tax_lines": [{"exempt": True, "amount": 1}]},
    ]
    body = {"order": {"currency": "NOK", "items": items}}
    error = api.refused("INVALID_AMOUNTS", "POST", "draft_orders", body)
    prefix = ["order", "items"]
    assert paths_of(error) == [
        [*prefix, 0, "quantity"],
        [*prefix, 1, "discount_lines"],
        [*prefix, 2, "tax_lines", 0, "amount"],
    ]
    assert error["errors"][1]["requested"] == 101
    assert error["errors"][1]["remaining"] == 100
    assert api.get("draft_orders")["draft_orders"] == []


def test_update_replaces_what_it_gives(api: Api) -> None:
    """A given property replaces, null clears, an absent one stays; items are the whole list."""
    draft = api.draft(line(100, 1), comment="old", type="delivery", metadata={"a": 1, "b": 2})
    path = f"draft_orders/{draft['id']}"
    change = {
        "order": {"comment": None, "metadata": {"c": 3}, "items": [line(200, 1), line(300)]},
        "options": {"generate_order_id": "ALPHANUMERIC_9"},
    }
    after = api.put(path, change)
    assert "comment" not in after["order"]
    assert after["order"]["type"] == "delivery"
    assert after["order"]["metadata"] == {"c": 3}
    assert [item["gross_amount"] for item in after["order"]["items"]] == [200, 300]
    assert after["options"] == {"generate_order_id": "ALPHANUMERIC_9"}
    after = api.put(path, {"order": {"items": None}, "options": {"generate_order_id": None}})
    assert after["order"]["items"] == []
    assert after.get("options", {}) == {}
    assert after["order"]["metadata"] == {"c": 3}
    api.refused("INVALID_REQUEST_PARAMETER", "PUT", path, {"order": {"currency": None}})


def test_contradicting_options_are_all_listed(api: Api) -> None:
    """Options that cannot hold together are refused when the draft is made, not at the end."""
    options = {"split_draft": True, "replace": "order"}
    body = {"order": {"currency": "NOK", "order_id": "own"}, "options": options}
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert codes_of(error) == ["ORDER_ID_WITH_SPLIT", "REPLACE_WITHOUT_ORDER"]
    body["options"] = {"split_draft": True, "order_id": "other"}
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert codes_of(error) == ["ORDER_ID_WITH_SPLIT", "SPLIT_WITH_UPDATE"]


def test_updating_draft_needs_an_open_order_of_its_currency(api: Api) -> None:
    """An order that is not there, closed, or in another currency is refused at once."""
    order = api.order()
    options = {"order_id": order["order_id"]}
    body = {"order": {"currency": "EUR"}, "options": options}
    error = api.refused("CURRENCY_MISMATCH", "POST", "draft_orders", body)
    assert (error["draft_currency"], error["order_currency"]) == ("EUR", "NOK")
    api.post(f"orders/{order['order_id']}/close")
    body = {"order": {"currency": "NOK"}, "options": options}
    api.refused("ORDER_NOT_OPEN", "POST", "draft_orders", body)
    body["options"] = {"order_id": "nowhere"}
    api.refused("NOT FOUND", "POST", "draft_orders", body)


def test_stores_of_a_draft_are_those_of_its_items(api: Api) -> None:
    """Each store once, in order of first appearance."""
    draft = api.draft(
        store_line("B", 1, 1), line(1, 2), store_line("A", 1, 3), store_line("B", 1, 4)
    )
    assert [store["id"] for store in draft["order"]["stores"]] == ["B", "A"]
    after = api.delete(f"draft_orders/{draft['id']}/items/3")
    assert [store["id"] for store in after["order"]["stores"]] == ["B"]


def test_deleted_draft_stays_readable_and_fixed(api: Api) -> None:
    """Deleting is soft and may be repeated; afterwards nothing changes any more."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    deleted = api.delete(path)
    assert (deleted["status"], deleted["version"]) == ("deleted", 2)
    assert deleted["deleted_by"] == api.credentials.id
    assert MOMENT.fullmatch(deleted["deleted_at"])
    assert api.get(path) == deleted
    assert api.delete(path) == deleted
    api.refused("DRAFT_DELETED", "PUT", path, {"order": {"comment": "x"}})
    api.refused("DRAFT_DELETED", "POST", f"{path}/items", line())
    api.refused("DRAFT_DELETED", "PUT", f"{path}/items/1", line())
    api.refused("DRAFT_DELETED", "DELETE", f"{path}/items/1")
    api.refused("DRAFT_DELETED", "PUT", f"{path}/complete", {})
    assert api.get(path) == deleted


def test_completed_draft_takes_notes_only(api: Api) -> None:
    """After completion metadata and comment may change; everything else is named and refused."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    (order,) = api.complete(draft)
    after = api.put(path, {"order": {"comment": "note", "metadata": {"k": "v"}}})
    assert (after["order"]["comment"], after["order"]["metadata"]) == ("note", {"k": "v"})
    assert after["order_ids"] == [order["order_id"]]
    body = {"order": {"comment": "x", "type": "t", "items": []}, "options": {"split_draft": True}}
    error = api.refused("DRAFT_COMPLETED", "PUT", path, body)
    assert paths_of(error) == [["order", "items"], ["order", "type"], ["options", "split_draft"]]
    api.refused("DRAFT_COMPLETED", "POST", f"{path}/items", line())
    api.refused("DRAFT_COMPLETED", "PUT", f"{path}/items/1", line())
    api.refused("DRAFT_COMPLETED", "DELETE", f"{path}/items/1")
    api.refused("DRAFT_COMPLETED", "DELETE", path)
    assert api.get(path)["version"] == after["version"]


def test_every_change_leaves_one_event_with_its_request(api: Api) -> None:
    """Missing or doubled events: one for each accepted change, none for a refused one."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    api.put(path, {"order": {"comment": "x"}})
    api.post(f"{path}/items", line(2, 2))
    api.refused("LINE_ID_TAKEN", "POST", f"{path}/items", line(2, 2))
    api.put(f"{path}/items/2", line(3))
    api.delete(f"{path}/items/2")
    api.put(f"{path}/complete", {})
    events = api.get(path)["events"]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6]
    asked = [(e["request"]["method"], e["request"]["path"]) for e in events[1:]]
    base = api.url(path)
    assert asked == [
        ("PUT", base),
        ("POST", f"{base}/items"),
        ("PUT", f"{base}/items/2"),
        ("DELETE", f"{base}/items/2"),
        ("PUT", f"{base}/complete"),
    ]
    assert events[1]["request"]["body"] == '{"order": {"comment": "x"}}'
    assert len({event["id"] for event in events}) == 6


@pytest.mark.parametrize(
    ("choice", "shown"),
    [((), 2), ("true", 2), ("api-event", 2), ("service-event", 0), ("false", None)],
)
def test_events_of_a_draft_are_shown_as_asked(
    sqlite_api: Api, choice: str, shown: int | None
) -> None:
    """include_events works on reads and on the answers of writes alike."""
    draft = sqlite_api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    params = {"include_events": choice} if choice else {}
    written = sqlite_api.put(path, {"order": {"comment": "x"}}, params=params)
    read = sqlite_api.ok("GET", path, params=params)
    assert read == written
    assert (len(read["events"]) if "events" in read else None) == shown


def test_reading_never_writes(api: Api) -> None:
    """A read that writes, and locks: whatever is read, version and time stay as they were."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    before = api.send("GET", path).content
    for _ in range(3):
        api.get("draft_orders", total=True)
        api.get(path, include_events="false")
        assert api.send("GET", path).content == before


def test_own_id_makes_the_same_draft_once(api: Api) -> None:
    """The same content again is the same draft, as it now stands; other content is a conflict."""
    body = {"id": "D-1", "order": {"currency": "NOK", "items": [line(100, 1)]}}
    first = api.post("draft_orders", body)
    assert first["id"] == "D-1"
    assert api.post("draft_orders", body) == first
    spaced = api.send(
        "POST",
        "draft_orders",
        raw=b'{"order": {"items": [' + _ITEM + b'], "currency":"NOK"},   "id":"D-1"}',
    ).json()
    assert spaced == first
    changed = api.post("draft_orders/D-1/items", line(1, 2))
    assert api.post("draft_orders", body) == changed
    body["order"] = {"currency": "NOK", "items": [line(101, 1)]}
    error = api.refused("ID_TAKEN", "POST", "draft_orders", body)
    assert error["id"] == "D-1"


_ITEM = b'{"line_id":1,"tax_lines":[{"percentage":25}],"gross_amount":100}'


def test_own_ids_of_two_accounts_do_not_meet(site: Site) -> None:
    """An id is taken within one account only."""
    body = {"id": "D-1", "order": {"currency": "NOK"}}
    one, other = site.new_account(), site.new_account()
    one.post("draft_orders", body)
    body["order"] = {"currency": "EUR"}
    assert other.post("draft_orders", body)["order"]["currency"] == "EUR"


def test_discount_rules_need_a_scope_of_their_own(site: Site) -> None:
    """apply_discounts=true asks for one more scope on each draft write."""
    api = site.new_account("admin:shopping")
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    params = {"apply_discounts": "true"}
    body = {"order": {"currency": "NOK"}}
    api.refused("MISSING_SCOPE", "POST", "draft_orders", body, params=params)
    api.refused("MISSING_SCOPE", "PUT", f"{path}/complete", {}, params=params)
    granted = site.client_of(
        api.account_id, "write:shopping", "write:discounts:/available_for_receipt"
    )
    granted.post(f"{path}/items", line(), params=params)
    granted.put(f"{path}/complete", {}, params=params)


def test_draft_keeps_at_most_2000_lines(sqlite_api: Api) -> None:
    """The published limit: in one list by schema, one by one by the stored state."""
    draft = sqlite_api.draft(*[line(1) for _ in range(2000)])
    path = f"draft_orders/{draft['id']}/items"
    assert sqlite_api.refused("TOO_MANY_ITEMS", "POST", path, line())["limit"] == 2000
    body = {"order": {"currency": "NOK", "items": [line(1) for _ in range(2001)]}}
    error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert (codes_of(error), paths_of(error)) == (["ARRAY_LENGTH_LONG"], [["order", "items"]])


def test_totals_beyond_what_json_keeps_exactly_are_refused(api: Api) -> None:
    """Each amount fits, their sum does not: refused, and the draft is as it was."""
    largest = 9_007_199_254_740_991
    draft = api.draft(line(largest, 1))
    path = f"draft_orders/{draft['id']}"
    api.refused("AMOUNT_TOO_LARGE", "POST", f"{path}/items", line(1))
    assert api.get(path)["order"]["gross_amount"] == largest


def test_times_are_kept_as_moments(api: Api) -> None:
    """A client's time keeps its offset; it is the same moment on the way out."""
    sent = "2026-11-20T18:12:13+01:00"
    draft = api.draft(delivery_at=sent, pickup_at="2026-11-20T17:12:13Z")
    assert datetime.fromisoformat(draft["order"]["delivery_at"]) == datetime.fromisoformat(sent)
    same = datetime.fromisoformat(draft["order"]["pickup_at"])
    assert same == datetime.fromisoformat(sent)
