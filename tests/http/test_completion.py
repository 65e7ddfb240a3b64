"""From draft to orders: names, numbers, splitting, updating, replacing, reversals."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.support.api import Api, Site, codes_of, line, paths_of, reversal, store_line
from tests.support.openapi import Json

UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NINE = re.compile("[0123456789ABCDEFGHJKMNPQRSTVWXYZ]{9}")


def test_order_id_is_the_id_unless_told_otherwise(api: Api) -> None:
    """Without an option the order_id is the order's own UUID."""
    (order,) = api.complete(api.draft(line()))
    assert UUID4.fullmatch(order["id"])
    assert order["order_id"] == order["id"]
    assert order["_links"] == [{"href": api.url(f"orders/{order['id']}"), "rel": "order"}]


def test_generated_order_ids(api: Api) -> None:
    """UUID gives a UUID, ALPHANUMERIC_9 nine characters that are easy to read out."""
    (order,) = api.complete(api.draft(line(), options={"generate_order_id": "UUID"}))
    assert UUID4.fullmatch(order["order_id"])
    drafts = [api.draft(line(), options={"generate_order_id": "ALPHANUMERIC_9"}) for _ in range(5)]
    ids = {api.complete(draft)[0]["order_id"] for draft in drafts}
    assert len(ids) == 5
    assert all(NINE.fullmatch(order_id) for order_id in ids)


def test_own_order_id_is_taken_over_generated_ones(api: Api) -> None:
    """An order_id of one's own names the order in paths, with whatever characters it has."""
    options = {"generate_order_id": "ALPHANUMERIC_9"}
    (order,) = api.complete(api.draft(line(), options=options, order_id="Ærlig ordre-1"))
    assert order["order_id"] == "Ærlig ordre-1"
    assert UUID4.fullmatch(order["id"])
    assert api.get("orders/Ærlig ordre-1")["id"] == order["id"]


def test_taken_order_id_is_a_conflict(site: Site) -> None:
    """Within the account; another account may have the same one. The draft stays open."""
    api, other = site.new_account(), site.new_account()
    api.order(order_id="A-1")
    draft = api.draft(line(), order_id="A-1")
    error = api.refused("ORDER_ID_TAKEN", "PUT", f"draft_orders/{draft['id']}/complete", {})
    assert paths_of(error) == [["order", "order_id"]]
    assert api.get(f"draft_orders/{draft['id']}")["status"] == "open"
    assert other.order(order_id="A-1")["order_id"] == "A-1"
    api.put(f"draft_orders/{draft['id']}", {"order": {"order_id": "A-2"}})
    assert api.complete(draft)[0]["order_id"] == "A-2"


def test_order_numbers_count_for_each_account(site: Site) -> None:
    """Serial numbers start at 100001, grow, and one's own number is kept as it is."""
    api, other = site.new_account(), site.new_account()
    numbers = [int(api.complete(api.draft(line()))[0]["order_number"]) for _ in range(3)]
    assert numbers[0] == 100_001
    assert numbers == sorted(set(numbers))
    own = [api.complete(api.draft(line(), order_number="X7"))[0]["order_number"] for _ in range(2)]
    assert own == ["X7", "X7"]
    assert int(api.order()["order_number"]) > numbers[-1]
    assert other.order()["order_number"] == "100001"


def test_draft_that_lacks_things_lists_them_all(api: Api) -> None:
    """No items, and lines that relate to nothing: everything is named at once."""
    draft = api.draft()
    path = f"draft_orders/{draft['id']}"
    error = api.refused("DRAFT_INCOMPLETE", "PUT", f"{path}/complete", {})
    assert (codes_of(error), paths_of(error)) == (["NO_ITEMS"], [["order", "items"]])
    items = [
        line(1, 1, related_item={"line_id": 9, "type": "required"}),
        line(2, 2, related_item={"line_id": 8, "type": "optional"}),
        reversal(3, of=1, gross_amount=-1),
    ]
    api.put(path, {"order": {"items": items}})
    error = api.refused("DRAFT_INCOMPLETE", "PUT", f"{path}/complete", {})
    assert codes_of(error) == ["RELATED_LINE_MISSING"] * 2 + ["REVERSED_LINE_MISSING"]
    where = ["related_item", "line_id"]
    assert paths_of(error) == [["order", "items", index, *where] for index in range(3)]
    assert [entry["line_id"] for entry in error["errors"]] == [1, 2, 3]
    assert api.get("orders")["orders"] == []
    assert api.get(path)["status"] == "open"


def test_completing_again_answers_the_same_order(api: Api) -> None:
    """A double checkout: the second completion finds the first one's order, as it now stands."""
    draft = api.draft(line())
    first = api.put(f"draft_orders/{draft['id']}/complete", {})
    assert api.put(f"draft_orders/{draft['id']}/complete", {}) == first
    order_id = first["orders"][0]["order_id"]
    api.put(f"orders/{order_id}", {"comment": "later"})
    again = api.put(f"draft_orders/{draft['id']}/complete", {})
    assert again["orders"][0]["comment"] == "later"
    assert again["orders"][0]["version"] == 2
    assert len(api.get("orders")["orders"]) == 1
    stored = api.get(f"draft_orders/{draft['id']}")
    assert (stored["status"], stored["version"]) == ("completed", 2)
    assert stored["order_ids"] == [order_id]


def test_completing_leaves_one_event_each(api: Api) -> None:
    """Many events for one action: the draft gets one, and the new order one that names it."""
    draft = api.draft(line())
    (order,) = api.complete(draft)
    events = api.get(f"draft_orders/{draft['id']}")["events"]
    assert [event["version"] for event in events] == [1, 2]
    (event,) = api.get(f"orders/{order['order_id']}")["events"]
    assert (event["version"], event["draft_id"]) == (1, draft["id"])
    assert "request" not in event


def test_everything_on_the_draft_goes_to_the_order(api: Api) -> None:
    """Properties, options that the order takes over, and the totals."""
    options = {"order_time_to_live": 86_400, "multiple_authorizations": True}
    draft = api.draft(
        line(100, discount_lines=[{"amount": 10}]),
        options=options,
        comment="c",
        metadata={"k": 1},
        store={"id": "S"},
        type="delivery",
    )
    (order,) = api.complete(draft)
    for name in ("comment", "metadata", "store", "type", "net_amount", "total_discount"):
        assert order[name] == draft["order"][name]
    assert order["multiple_authorizations"] is True
    assert order["time_to_live"] == 86_400
    expires = datetime.fromisoformat(order["time_to_live_expires_at"])
    assert expires - datetime.fromisoformat(order["updated_at"]) == timedelta(days=1)
    assert (order["status"], order["version"]) == ("open", 1)


@pytest.mark.parametrize("name", ["A-1", "Ærlig ordre", "50% ? #1 & more", "%2F", "a+b;c=d"])
def test_links_can_be_followed(api: Api, name: str) -> None:
    """Whatever an own id holds, the link to it is an address that leads there."""
    draft = api.post("draft_orders", {"id": name, "order": {"currency": "NOK", "order_id": name}})
    assert api.get(draft["_links"][0]["href"])["id"] == name
    api.post(f"{draft['_links'][0]['href']}/items", line())
    completed = api.put(f"{draft['_links'][0]['href']}/complete")
    (order,) = completed["orders"]
    for links in (completed["_links"][1:], order["_links"]):
        assert [link["rel"] for link in links] == ["order"]
        assert api.get(links[0]["href"])["order_id"] == name
    report = {"service": "s", "service_status": "x"}
    event = api.post(f"{order['_links'][0]['href']}/events", report)
    assert api.get(event["_links"][0]["href"])["order_id"] == name


# ------------------------------------------------------------------------------------ splitting


def split_draft(api: Api, *items: Json, **fields: Json) -> list[Json]:
    """Complete a draft that is split by store."""
    options = {"split_draft": True} | fields.pop("options", {})
    return api.complete(api.draft(*items, options=options, **fields))


def test_split_draft_makes_an_order_for_each_store(api: Api) -> None:
    """In order of first appearance; lines without a store go to the draft's own one."""
    orders = split_draft(
        api,
        store_line("B", 100, 1),
        line(200, 2),
        store_line("A", 300, 3),
        store_line("B", 400, 4),
        store={"id": "OWN"},
        comment="shared",
    )
    assert [order["store"]["id"] for order in orders] == ["B", "OWN", "A"]
    assert [[i["line_id"] for i in order["items"]] for order in orders] == [[1, 4], [2], [3]]
    assert [order["gross_amount"] for order in orders] == [500, 200, 300]
    assert {order["comment"] for order in orders} == {"shared"}
    assert len({order["order_id"] for order in orders}) == 3
    draft = api.get("draft_orders")["draft_orders"][0]
    assert draft["order_ids"] == [order["order_id"] for order in orders]
    for order in orders:
        assert api.get(f"orders/{order['order_id']}")["items"] == order["items"]


def test_parts_of_a_split_draft_sum_to_the_whole(api: Api) -> None:
    """No amount is lost or doubled between the orders of one draft."""
    items = [
        store_line("ABC"[n % 3], 100 + n, n, discount_lines=[{"amount": n}]) for n in range(1, 20)
    ]
    draft = api.draft(*items, options={"split_draft": True})
    orders = api.complete(draft)
    for name in ("gross_amount", "net_amount", "total_discount"):
        assert sum(order[name] for order in orders) == draft["order"][name]
    lines = sorted(i["line_id"] for order in orders for i in order["items"])
    assert lines == list(range(1, 20))


def test_related_lines_stay_together_in_a_split(api: Api) -> None:
    """A line goes where its related line goes, through a chain, whatever its own store says."""
    relation = {"type": "required"}
    orders = split_draft(
        api,
        store_line("A", 100, 1),
        store_line("B", 200, 2, related_item={"line_id": 1, **relation}),
        line(300, 3, related_item={"line_id": 2, **relation}),
        store_line("B", 400, 4),
    )
    assert [[i["line_id"] for i in order["items"]] for order in orders] == [[1, 2, 3], [4]]


def test_lines_that_relate_in_a_circle_are_split_all_the_same(api: Api) -> None:
    """A chain without an end comes to one: every line is in exactly one order."""
    orders = split_draft(
        api,
        store_line("A", 1, 1, related_item={"line_id": 2, "type": "optional"}),
        store_line("B", 2, 2, related_item={"line_id": 1, "type": "optional"}),
        store_line("C", 3, 3, related_item={"line_id": 3, "type": "optional"}),
    )
    assert sorted(i["line_id"] for order in orders for i in order["items"]) == [1, 2, 3]


def test_serial_suffixes_number_the_orders_of_one_draft(api: Api) -> None:
    """-1, -2 ... also when there is only one order, and on a number of one's own."""
    options = {"serial_order_number_suffix": True, "generate_order_id": "ALPHANUMERIC_9"}
    items = [store_line("A", 1, 1), store_line("B", 1, 2), store_line("C", 1, 3)]
    orders = split_draft(api, *items, options=options, order_number="X")
    assert [order["order_number"] for order in orders] == ["X-1", "X-2", "X-3"]
    assert len({order["order_id"] for order in orders}) == 3
    (order,) = api.complete(api.draft(line(), options=options))
    assert re.fullmatch(r"\d+-1", order["order_number"])


def test_split_without_a_suffix_shares_the_number(api: Api) -> None:
    """The orders of one draft carry the draft's number."""
    orders = split_draft(api, store_line("A", 1, 1), store_line("B", 1, 2), order_number="X")
    assert [order["order_number"] for order in orders] == ["X", "X"]


# ------------------------------------------------------------------------------------- updating


def test_updating_draft_adds_its_lines_and_properties(api: Api) -> None:
    """Given properties replace the order's, others stay; names and number never change."""
    order = api.order(line(100, 1), comment="old", type="delivery", order_number="N1")
    draft = api.draft(
        line(50, 2),
        options={"order_id": order["order_id"], "serial_order_number_suffix": True},
        comment="new",
        metadata={"k": 1},
        order_number="N2",
    )
    (updated,) = api.complete(draft)
    kept = ("id", "order_id", "order_number", "created_at", "created_by", "type")
    assert [updated[name] for name in kept] == [order[name] for name in kept]
    assert (updated["comment"], updated["metadata"]) == ("new", {"k": 1})
    assert [item["line_id"] for item in updated["items"]] == [1, 2]
    assert (updated["gross_amount"], updated["version"]) == (150, 2)
    assert updated["payment_details"]["amount_due"] == 150
    event = api.get(f"orders/{order['order_id']}")["events"][-1]
    assert (event["version"], event["draft_id"]) == (2, draft["id"])


def test_updating_draft_is_checked_again_when_it_completes(api: Api) -> None:
    """The order was closed, or got the same line, after the draft was made."""
    order = api.order(line(100, 1))
    options = {"order_id": order["order_id"]}
    one, other = api.draft(line(1, 2), options=options), api.draft(line(2, 2), options=options)
    api.complete(one)
    path = f"draft_orders/{other['id']}/complete"
    error = api.refused("DRAFT_INCOMPLETE", "PUT", path, {})
    assert codes_of(error) == ["LINE_ID_TAKEN"]
    api.post(f"orders/{order['order_id']}/close")
    assert api.refused("ORDER_NOT_OPEN", "PUT", path, {})["status"] == "closed"
    assert api.get(f"orders/{order['order_id']}")["gross_amount"] == 101
    assert api.get(f"draft_orders/{other['id']}")["status"] == "open"


def test_updating_draft_completes_once(api: Api) -> None:
    """Completing it again adds nothing to the order."""
    order = api.order(line(100, 1))
    draft = api.draft(line(50, 2), options={"order_id": order["order_id"]})
    first = api.put(f"draft_orders/{draft['id']}/complete", {})
    assert api.put(f"draft_orders/{draft['id']}/complete", {}) == first
    assert api.get(f"orders/{order['order_id']}")["version"] == 2


def test_replacing_draft_takes_the_orders_place(api: Api) -> None:
    """Items and properties are replaced; id, order_id, order_number and created_at stay."""
    order = api.order(line(100, 1), comment="old", type="delivery", metadata={"a": 1})
    options = {"order_id": order["order_id"], "replace": "order"}
    (replaced,) = api.complete(api.draft(line(70, 1), options=options, comment="new"))
    kept = ("id", "order_id", "order_number", "created_at")
    assert [replaced[name] for name in kept] == [order[name] for name in kept]
    assert [item["gross_amount"] for item in replaced["items"]] == [70]
    assert replaced["comment"] == "new"
    assert replaced.keys().isdisjoint({"type", "metadata"})
    assert (replaced["gross_amount"], replaced["version"]) == (70, 2)


# ------------------------------------------------------------------------------------ reversals


def test_reversals_never_exceed_their_line(api: Api) -> None:
    """Together, over several drafts, never more than the line; the refusal says what is left."""
    order = api.order(line(1000, 1))
    options = {"order_id": order["order_id"]}
    api.complete(api.draft(reversal(2, of=1, gross_amount=-600), options=options))
    draft = api.draft(
        reversal(3, of=1, gross_amount=-300),
        reversal(4, of=1, gross_amount=-200),
        options=options,
    )
    path = f"draft_orders/{draft['id']}"
    error = api.refused("DRAFT_INCOMPLETE", "PUT", f"{path}/complete", {})
    assert set(codes_of(error)) == {"REVERSAL_EXCEEDS_LINE"}
    entry = error["errors"][0]
    assert (entry["line_id"], entry["requested"], entry["remaining"]) == (1, 500, 400)
    api.put(f"{path}/items/4", reversal(4, of=1, gross_amount=-100))
    (updated,) = api.complete(draft)
    assert updated["net_amount"] == 0
    assert updated["payment_details"]["amount_due"] == 0


def test_wrong_reversals_are_all_listed(api: Api) -> None:
    """No reason, the wrong sign, a line of the draft itself, too much: all at once."""
    order = api.order(line(1000, 1), line(500, 2))
    draft = api.draft(
        reversal(3, of=1, gross_amount=-1, reversed_reason=""),
        reversal(4, of=2, gross_amount=100),
        reversal(5, of=3, gross_amount=1),
        reversal(6, of=1, gross_amount=-1000),
        options={"order_id": order["order_id"]},
    )
    error = api.refused("DRAFT_INCOMPLETE", "PUT", f"draft_orders/{draft['id']}/complete", {})
    found = {(entry["code"], entry["line_id"]) for entry in error["errors"]}
    assert found == {
        ("REVERSED_REASON_MISSING", 3),
        ("REVERSAL_SIGN", 4),
        ("REVERSED_LINE_MISSING", 5),
        ("REVERSAL_EXCEEDS_LINE", 1),
    }
    assert api.get(f"orders/{order['order_id']}")["version"] == 1


def test_line_with_a_discount_and_outside_tax_is_reversed_whole(api: Api) -> None:
    """A reversal mirrors gross, discount and tax; the order comes to exactly zero."""
    tax = [{"percentage": 25, "included_in_price": False}]
    order = api.order(line(1000, 1, tax_lines=tax, discount_lines=[{"amount": 101}]))
    assert order["payment_details"]["amount_due"] == 899 + 225
    mirror = reversal(2, of=1, gross_amount=-1000, tax_lines=tax, discount_lines=[{"amount": -101}])
    (updated,) = api.complete(api.draft(mirror, options={"order_id": order["order_id"]}))
    assert updated["items"][1]["tax_lines"][0]["amount"] == -225
    assert updated["payment_details"]["amount_due"] == 0
    names = ("gross_amount", "net_amount", "total_discount")
    assert [updated[name] for name in names] == [0, 0, 0]


# -------------------------------------------------------------------- orders without a draft


def test_order_without_a_draft(api: Api) -> None:
    """One step, in both forms of the body; it leaves no draft behind."""
    content = {"currency": "NOK", "items": [line(100, 1)], "comment": "c"}
    short = api.send("POST", "orders", content)
    assert short.headers["etag"] == '"1"'
    long = api.post(
        "orders", {"order": content, "options": {"generate_order_id": "ALPHANUMERIC_9"}}
    )
    assert NINE.fullmatch(long["order_id"])
    for order in (short.json(), long):
        assert (order["gross_amount"], order["comment"]) == (100, "c")
        (event,) = order["events"]
        assert "draft_id" not in event
        assert order["state"] == "pending"
        assert api.get(f"orders/{order['order_id']}") == order
    assert api.get("draft_orders")["draft_orders"] == []


def test_order_without_a_draft_needs_what_a_draft_needs(api: Api) -> None:
    """Items, free names; and options that only a draft can have are refused."""
    api.refused("DRAFT_INCOMPLETE", "POST", "orders", {"currency": "NOK"})
    api.order(order_id="A")
    body: Json = {"currency": "NOK", "items": [line()], "order_id": "A"}
    api.refused("ORDER_ID_TAKEN", "POST", "orders", body)
    for options in ({"split_draft": True}, {"order_id": "A"}, {"replace": "order"}):
        body = {"order": {"currency": "NOK", "items": [line()]}, "options": options}
        error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "orders", body)
        assert codes_of(error) == ["USE_A_DRAFT"]
    assert len(api.get("orders")["orders"]) == 1


@pytest.mark.parametrize("order_id", ["", " a", "a ", "a/b", "a\nb", "x" * 256, "\u0085"])
def test_unusable_order_ids_are_refused(sqlite_api: Api, order_id: str) -> None:
    """An order_id stands in a path: it has no outer spaces, slashes or control characters."""
    body = {"currency": "NOK", "items": [line()], "order_id": order_id}
    error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", "orders", body)
    assert {tuple(path) for path in paths_of(error)} == {("order_id",)}
