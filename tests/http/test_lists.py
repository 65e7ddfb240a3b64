"""Lists over HTTP: order, pages, cursors, every filter, search, and the views of others."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from itertools import chain

import pytest

from tests.support.api import Api, Site, codes_of, line, paths_of, race, store_line
from tests.support.openapi import Json

LISTS = ("draft_orders", "orders", "stores/S1/orders", "customers/C1/orders")


def name_of(path: str) -> str:
    """The property that holds the rows of a list."""
    return path.rpartition("/")[2]


def make(api: Api, path: str, **fields: Json) -> str:
    """Make a row of a list; its id there."""
    if path == "draft_orders":
        return str(api.draft(line(), **fields)["id"])
    customer = {"id": "C1", "first_name": "Kari"}
    return str(api.order(store_line("S1", 100, 1), customer=customer, **fields)["order_id"])


def ids_of(rows: Json) -> list[str]:
    """The ids of rows, in their order."""
    return [row.get("order_id", row["id"]) for row in rows]


def listed(api: Api, path: str, **params: str | int) -> list[str]:
    """The ids on all pages of a list together."""
    return list(chain.from_iterable(walk(api, path, **params)))


def walk(api: Api, path: str, **params: str | int) -> list[list[str]]:
    """The ids on every page of a list, until there is no more."""
    pages: list[list[str]] = []
    answer: Json = {"starting_after": None}
    while "starting_after" in answer:
        cursor = answer["starting_after"]
        answer = api.get(path, **params, **({} if cursor is None else {"starting_after": cursor}))
        pages.append(ids_of(answer[name_of(path)]))
    return pages


@pytest.mark.parametrize("path", LISTS)
def test_pages_are_newest_first_and_complete(api: Api, path: str) -> None:
    """Ten rows unless asked otherwise; each on exactly one page; a cursor while there is more."""
    made = [make(api, path) for _ in range(12)]
    assert [len(page) for page in walk(api, path)] == [10, 2]
    assert [len(page) for page in walk(api, path, limit=4)] == [4, 4, 4]
    found = listed(api, path, limit=5)
    assert sorted(found) == sorted(made)
    rows = api.get(path, limit=100)[name_of(path)]
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert ids_of(rows) == found


@pytest.mark.parametrize("path", LISTS)
def test_no_row_is_lost_or_doubled_while_rows_are_added(api: Api, path: str) -> None:
    """Pages that shift: new rows come between the pages, and old ones change."""
    made = [make(api, path) for _ in range(9)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(path, limit=2, **cursor)
        seen += ids_of(answer[name_of(path)])
        if "starting_after" not in answer:
            break
        cursor = {"starting_after": answer["starting_after"]}
        make(api, path)
        kind = "draft_orders" if path == "draft_orders" else "orders"
        body: Json = {"order": {"comment": "x"}} if kind == "draft_orders" else {"comment": "x"}
        api.put(f"{kind}/{made[len(seen) % 9]}", body)
    assert sorted(seen) == sorted(made)


def test_rows_of_one_moment_are_paged_too(site: Site) -> None:
    """Rows made in the same millisecond still stand on exactly one page."""
    api = site.new_account()
    rounds = [race(*[lambda: make(api, "orders")] * 8) for _ in range(3)]
    assert sorted(listed(api, "orders", limit=3)) == sorted(chain.from_iterable(rounds))


def test_total_is_counted_when_asked(api: Api) -> None:
    """The header counts what the filters hold, not the page."""
    for number in range(3):
        api.order(customer={"id": f"C{number % 2}"})
        api.draft()
    for path, params, total in (
        ("orders", {}, 3),
        ("orders", {"customer_id": "C0"}, 2),
        ("customers/C1/orders", {}, 1),
        ("draft_orders", {"status": "deleted"}, 0),
        ("draft_orders", {}, 3),
    ):
        response = api.send("GET", path, params={"total": "true", "limit": 1, **params})
        assert response.headers["total-count"] == str(total)
        assert "total-count" not in api.send("GET", path, params=params).headers


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "9" * 30])
def test_wrong_limits_are_refused(sqlite_api: Api, limit: str) -> None:
    """1 to 100."""
    for path in LISTS:
        params = {"limit": limit}
        error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "GET", path, params=params)
        assert paths_of(error) == [["limit"]]


def _text(text: str) -> str:
    """A text in the form that cursors have."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "", "%%%", "0", "null", "æøå", "a" * 512, "a" * 513, "T0=", "\x00"),
        *map(_text, ("", ":", "1", "x:y", "1e3:y", "-:y", "9" * 400 + ":y", "1:\x00", "٣:y")),
    ],
)
def test_broken_cursors_are_refused(site: Site, cursor: str) -> None:
    """A cursor is opaque: what no list has answered is refused, and never a server error."""
    api = site.new_account()
    for path in LISTS:
        params = {"starting_after": cursor}
        error = api.refused("INVALID_REQUEST_PARAMETER", "GET", path, params=params)
        assert paths_of(error) == [["starting_after"]]


# ------------------------------------------------------------------------------------- filters


def test_filters_of_drafts(api: Api) -> None:
    """By status, repeated or not, and by the time they were made."""
    drafts = [api.draft(line()) for _ in range(3)]
    api.complete(drafts[1])
    api.delete(f"draft_orders/{drafts[2]['id']}")
    opened, completed, deleted = (draft["id"] for draft in drafts)

    def found(**params: str | list[str]) -> set[str]:
        return set(ids_of(api.get("draft_orders", **params)["draft_orders"]))

    assert found(status="open") == {opened}
    assert found(status="completed") == {completed}
    assert found(status=["deleted", "completed"]) == {deleted, completed}
    moment = drafts[1]["created_at"]
    older = {d["id"] for d in drafts if d["created_at"] <= moment}
    newer = {d["id"] for d in drafts if d["created_at"] >= moment}
    assert found(**{"created_at.lte": moment}) == older
    assert found(**{"created_at.gte": moment}) == newer
    assert found(**{"created_at.gte": moment, "created_at.lte": moment}) == older & newer
    api.refused("INVALID_REQUEST_PARAMETER", "GET", "draft_orders", params={"status": "closed"})


@pytest.fixture
def shop(api: Api) -> dict[str, str]:
    """Four orders that differ in everything that lists filter by: a name for each order_id."""
    leg = {
        "travel_mode": "BUS",
        "departure_address": {"id": "D1", "name": "Oslo S", "address_line": "Jernbanetorget 1"},
        "arrival_address": {"name": "Bergen stasjon", "postal_place": "Bergen"},
    }
    kari = {
        "id": "C1",
        "first_name": "Kari Anne",
        "last_name": "Nordmann",
        "email": "kari@example.com",
        "phone_number": "+4799999999",
    }
    bodies: dict[str, Json] = {
        "plain": {"items": [line(100)]},
        "kari": {
            "items": [line(100, discount_lines=[{"amount": 1, "discount_type": "loyalty"}])],
            "customer": kari,
            "order_number": "N-77",
            "external_ids": [{"id": "ERP 1", "source": "erp"}],
            "store": {"id": "S1"},
        },
        "euro": {
            "currency": "EUR",
            "items": [store_line("S1", 100, 1, external_id="SKU-9"), store_line("S2", 1, 2)],
            "customer": {"id": "C2", "last_name": "Æresvold"},
        },
        "travel": {
            "items": [line(100, discount_lines=[{"amount": 1, "discount_type": "manual"}])],
            "itinerary": [leg, {"travel_mode": "FERRY"}],
            "order_id": "reise-1",
        },
    }
    return {
        name: api.post("orders", {"currency": "NOK", **body})["order_id"]
        for name, body in bodies.items()
    }


FILTERS: list[tuple[dict[str, str | list[str]], set[str]]] = [
    ({"customer_id": "C1"}, {"kari"}),
    ({"customer_id": ["C1", "C2"]}, {"kari", "euro"}),
    ({"customer_id": "c1"}, set()),
    ({"store_id": "S1"}, {"kari", "euro"}),
    ({"store_id": ["S2", "S9"]}, {"euro"}),
    ({"store_id": "S1", "customer_id": "C2"}, {"euro"}),
    ({"order_number": "N-77"}, {"kari"}),
    ({"order_number": ["N-77", "100001"]}, {"kari", "plain"}),
    ({"external_id": "ERP 1"}, {"kari"}),
    ({"external_id": ["SKU-9", "ERP 1"]}, {"euro", "kari"}),
    ({"currency": "EUR"}, {"euro"}),
    ({"currency": ["EUR", "NOK"]}, {"plain", "kari", "euro", "travel"}),
    ({"itinerary_travel_mode": "FERRY"}, {"travel"}),
    ({"itinerary_travel_mode": ["TRAM", "BUS"]}, {"travel"}),
    ({"itinerary_departure_address": "oslo s"}, {"travel"}),
    ({"itinerary_departure_address": "D1"}, {"travel"}),
    ({"itinerary_arrival_address": "BERGEN"}, {"travel"}),
    ({"itinerary_arrival_address": "Berg"}, set()),
    ({"items_discount_lines_discount_type": "loyalty"}, {"kari"}),
    ({"items_discount_lines_discount_type": ["loyalty", "manual"]}, {"kari", "travel"}),
    ({"status": "open"}, {"plain", "kari", "euro", "travel"}),
    ({"status": ["closed", "cancelled"]}, set()),
    ({"payment_status": "pending", "customer_id": "C1"}, {"kari"}),
    ({"payment_status": ["paid", "partially_paid", "refunded", "partially_refunded"]}, set()),
    ({"search": "nord"}, {"kari"}),
    ({"search": "NORDMANN kari"}, {"kari"}),
    ({"search": "anne"}, {"kari"}),
    ({"search": "nord plain"}, set()),
    ({"search": "kari@example.com"}, {"kari"}),
    ({"search": "+4799"}, {"kari"}),
    ({"search": "4799"}, {"kari"}),
    ({"search": "n-77"}, {"kari"}),
    ({"search": "ærES"}, {"euro"}),
    ({"search": "sku-9"}, {"euro"}),
    ({"search": "reise"}, {"travel"}),
    ({"search": "eise"}, set()),
    ({"search": "%"}, set()),
    ({"search": "_ari"}, set()),
    ({"search": "\\"}, set()),
    ({"search": "'; drop table documents; --"}, set()),
    ({"search": "nord", "currency": "EUR"}, set()),
]


@pytest.mark.parametrize(("params", "expected"), FILTERS, ids=str)
def test_filter_of_orders(
    api: Api, shop: dict[str, str], params: dict[str, str | list[str]], expected: set[str]
) -> None:
    """Different filters must all hold; a repeated one holds with any of its values."""
    found = ids_of(api.get("orders", **params)["orders"])
    names = {order_id: name for name, order_id in shop.items()}
    assert {names[order_id] for order_id in found} == expected
    assert len(found) == len(expected)
    response = api.send("GET", "orders", params={**params, "total": "true", "limit": 1})
    assert response.headers["total-count"] == str(len(expected))


def test_status_filters_follow_the_order(api: Api, shop: dict[str, str]) -> None:
    """An order is found where it now stands, and only there."""
    api.post(f"orders/{shop['kari']}/close")
    api.post(f"orders/{shop['euro']}/cancel")

    def found(*statuses: str) -> set[str]:
        return set(ids_of(api.get("orders", status=list(statuses))["orders"]))

    assert found("closed") == {shop["kari"]}
    assert found("cancelled", "closed") == {shop["kari"], shop["euro"]}
    assert found("open") == {shop["plain"], shop["travel"]}


def test_words_follow_the_order(api: Api) -> None:
    """A changed customer is found by the new name, and no longer by the old one."""
    order = api.order(customer={"id": "C1", "last_name": "Nordmann"}, external_ids=[{"id": "E1"}])
    change = {"customer": {"id": "C9", "last_name": "Hansen"}, "external_ids": None}
    api.put(f"orders/{order['order_id']}", change)

    def found(**params: str) -> int:
        return len(api.get("orders", **params)["orders"])

    assert (found(search="nordmann"), found(customer_id="C1"), found(external_id="E1")) == (0, 0, 0)
    assert (found(search="hansen"), found(customer_id="C9")) == (1, 1)
    api.complete(api.draft(line(1, 2, external_id="E2"), options={"order_id": order["order_id"]}))
    assert found(external_id="E2") == 1
    assert api.get("customers/C1/orders")["orders"] == []


def test_times_of_orders(api: Api) -> None:
    """created_at and updated_at from and to, with and without a zone, both ends included."""
    first, second = api.order(), api.order()
    updated = api.put(f"orders/{first['order_id']}", {"comment": "x"})
    assert updated["updated_at"] >= second["created_at"]

    def found(**params: str) -> set[str]:
        return set(ids_of(api.get("orders", **params)["orders"]))

    both = {first["order_id"], second["order_id"]}
    assert found(**{"updated_at.gte": updated["updated_at"]}) >= {first["order_id"]}
    assert found(**{"updated_at.gte": first["created_at"]}) == both
    assert found(**{"created_at.lte": second["created_at"]}) == both
    moment = datetime.fromisoformat(first["created_at"])
    early = (moment - timedelta(milliseconds=1)).isoformat()
    assert found(**{"created_at.lte": early}) == set()
    assert found(**{"updated_at.lte": early}) == set()
    no_zone = first["created_at"].removesuffix("Z")
    assert found(**{"created_at.gte": no_zone}) == both
    elsewhere = (moment.astimezone() + timedelta(0)).isoformat()
    assert found(**{"created_at.gte": elsewhere}) == both
    assert found(**{"created_at.gte": first["created_at"][:10]}) == both
    params = {"created_at.gte": "yesterday", "updated_at.lte": "2026-13-01"}
    error = api.refused("INVALID_REQUEST_PARAMETER", "GET", "orders", params=params)
    assert sorted(paths_of(error)) == [["created_at.gte"], ["updated_at.lte"]]


def test_filters_hold_on_every_page(api: Api) -> None:
    """A filter and a cursor together: no row of another kind slips in on a later page."""
    made = [api.order(currency="EUR" if n % 3 else "NOK")["order_id"] for n in range(12)]
    expected = [order_id for n, order_id in enumerate(made) if n % 3]
    assert sorted(listed(api, "orders", currency="EUR", limit=3)) == sorted(expected)


def test_long_values_are_filtered_exactly_enough(api: Api) -> None:
    """A word longer than the index keeps is still found by itself."""
    long = "x" * 255
    order = api.order(customer={"id": long}, order_number=long)
    for params in ({"customer_id": long}, {"order_number": long}):
        assert ids_of(api.get("orders", **params)["orders"]) == [order["order_id"]]


def test_unknown_parameters_are_ignored_unless_strict(api: Api) -> None:
    """As unknown fields are; a filter that does not exist never narrows the list in silence."""
    api.order()
    assert len(api.get("orders", colour="red")["orders"]) == 1
    error = api.refused(
        "INVALID_REQUEST_PARAMETER",
        "GET",
        "orders",
        params={"colour": "red"},
        headers={"Prefer": "handling=strict"},
    )
    assert (codes_of(error), paths_of(error)) == (["OBJECT_ADDITIONAL_PROPERTIES"], [["colour"]])


# ------------------------------------------------------------------- events, and others' views


def test_lists_show_events_when_asked(api: Api) -> None:
    """Absent means none in lists; asked for, they are those of the single order, with state."""
    order = api.order()
    api.post(f"orders/{order['order_id']}/events", {"service": "s", "service_status": "x"})
    draft = api.draft(line())
    (row,) = api.get("orders")["orders"]
    assert row.keys().isdisjoint({"events", "state"})
    (row,) = api.get("orders", include_events="true")["orders"]
    assert row == api.get(f"orders/{order['order_id']}")
    (row,) = api.get("orders", include_events="service-event")["orders"]
    assert [event["event_type"] for event in row["events"]] == ["service-event"]
    (row,) = api.get("draft_orders")["draft_orders"]
    assert "events" not in row
    (row,) = api.get("draft_orders", include_events="true")["draft_orders"]
    assert row == api.get(f"draft_orders/{draft['id']}")


def test_store_sees_the_orders_it_has_a_part_in(api: Api) -> None:
    """By the order's own store or one of its items'; another store's order is not there."""
    own = api.order(line(1), store={"id": "S1"})["order_id"]
    part = api.order(store_line("S1", 1, 1), store_line("S2", 1, 2))["order_id"]
    none = api.order(line(1))["order_id"]
    assert set(ids_of(api.get("stores/S1/orders")["orders"])) == {own, part}
    assert ids_of(api.get("stores/S2/orders")["orders"]) == [part]
    assert api.get("stores/S3/orders")["orders"] == []
    assert api.get(f"stores/S1/orders/{own}") == api.get(f"orders/{own}")
    api.refused("NOT FOUND", "GET", f"stores/S2/orders/{own}")
    api.refused("NOT FOUND", "GET", f"stores/S1/orders/{none}")
    api.refused("NOT FOUND", "GET", "stores/S1/orders/nowhere")
    assert api.get("stores/S1/orders", status="closed")["orders"] == []


def test_customer_sees_no_private_notes(api: Api) -> None:
    """Private and deleted comments are left out, and so is what staff asked of the server."""
    order_id = api.order(customer={"id": "Ola/1"})["order_id"]
    path = f"orders/{order_id}"
    api.post(f"{path}/comments", {"body": "secret-word"})
    public = api.post(f"{path}/comments", {"body": "hello", "visibility": "public"})
    gone = api.post(f"{path}/comments", {"body": "oops", "visibility": "public"})
    api.delete(f"{path}/comments/{gone['id']}")
    view = api.send("GET", f"customers/Ola%2F1/orders/{order_id}")
    assert view.json()["comments"] == [public]
    listed = api.send("GET", "customers/Ola%2F1/orders", params={"include_events": "true"})
    assert listed.json()["orders"] == [view.json()]
    for response in (view, listed):
        assert "secret-word" not in response.text
        assert "oops" not in response.text
    assert view.headers["etag"] == api.send("GET", path).headers["etag"]
    assert all("request" not in event for event in view.json()["events"])
    api.refused("NOT FOUND", "GET", f"customers/Ola/orders/{order_id}")


def test_lists_stay_flat_while_they_grow(api: Api) -> None:
    """A list that dies of its length, on a small scale: the last page costs no more pages."""
    made = [order for _ in range(15) for order in race(*[lambda: make(api, "orders")] * 8)]
    pages = walk(api, "orders", limit=50, customer_id="C1")
    assert [len(page) for page in pages] == [50, 50, 20]
    assert sorted(chain.from_iterable(pages)) == sorted(made)
