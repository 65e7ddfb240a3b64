"""The words an order is found by, what a list asks for, and the cursor between its pages."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.decision import Listing, Page, Stored
from ordrebok.orders.lists import cursor_of, position_of, rendered
from ordrebok.orders.record import put
from ordrebok.orders.terms import folded, search_words, term, terms
from ordrebok.refusals import Refusal
from ordrebok.wire.customer import Customer
from ordrebok.wire.event import Event
from ordrebok.wire.item import DiscountLine
from ordrebok.wire.location import Store
from ordrebok.wire.order import Order
from ordrebok.wire.travel import ExternalId, Itinerary, ItineraryAddress
from tests.support.builders import (
    ACCOUNT,
    NOW,
    FakeState,
    a_body,
    an_order,
    carried_out,
    fault_codes,
    key_of,
    plan_of,
)

LIST = "aid_orders_get"
STORE = "aid_stores_sid_orders_get"
CUSTOMER = "aid_customers_cid_orders_get"


def a_listing(query: Mapping[str, object] | None = None, row_id: str = LIST) -> Listing:
    """Return what a list asks the store for."""
    params = {"store_id": "SL02"} if row_id == STORE else {}
    params |= {"customer_id": "c-1"} if row_id == CUSTOMER else {}
    plan = plan_of(row_id, query=query, **params)
    assert isinstance(plan, Listing)
    return plan


def found(order: Order, listing: Listing) -> bool:
    """Tell whether a list shows an order, as the store decides it by the order's words."""
    words = terms(order)
    return all(not words.isdisjoint(group) for group in listing.term_groups) and all(
        any(word.startswith(prefix) for word in words) for prefix in listing.prefixes
    )


# -------------------------------------------------------------------------------------- words


def test_a_plain_order_is_found_by_its_names() -> None:
    """Its number and order id, and nothing that it does not have."""
    assert terms(an_order(order_id="Order-1", order_number="A77")) == {
        "number:A77",
        "word:a77",
        "word:order-1",
    }


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"order_number": "A77"}, {"order_number": ["A77"]}),
        ({"customer": Customer(id="c-1")}, {"customer_id": ["c-1"]}),
        ({"store": Store(id="SL02")}, {"store_id": ["SL02"]}),
        ({"items": [a_body(store="SL02")]}, {"store_id": ["SL02"]}),
        ({"external_ids": (ExternalId(id="E1"),)}, {"external_id": ["E1"]}),
        ({"items": [a_body(external_id="E1")]}, {"external_id": ["E1"]}),
        (
            {"items": [a_body(discount_lines=(DiscountLine(discount_type="manual"),))]},
            {"items_discount_lines_discount_type": ["manual"]},
        ),
        (
            {"itinerary": (Itinerary(travel_mode="BUS"),)},
            {"itinerary_travel_mode": ["BUS"]},
        ),
        (
            {"itinerary": (Itinerary(arrival_address=ItineraryAddress(postal_place="Bergen")),)},
            {"itinerary_arrival_address": ["bergen"]},
        ),
        (
            {"itinerary": (Itinerary(departure_address=ItineraryAddress(id="S-7")),)},
            {"itinerary_departure_address": ["s-7"]},
        ),
    ],
)
def test_an_order_is_found_by_each_filter(
    fields: dict[str, object], query: dict[str, object]
) -> None:
    """And not by another value of the same filter, nor without the property."""
    order = an_order(fields.pop("items", None), **fields)  # type: ignore[arg-type]
    assert found(order, a_listing(query))
    assert not found(order, a_listing({name: ["something else"] for name in query}))
    assert not found(an_order(), a_listing(query))


def test_names_of_other_systems_are_matched_exactly() -> None:
    """Ids keep their case, places do not."""
    order = an_order(store=Store(id="SL02"))
    assert not found(order, a_listing({"store_id": ["sl02"]}))
    assert not found(order, a_listing({"store_id": ["SL0"]}))


@pytest.mark.parametrize(
    "search",
    [
        "a77",
        "A7",
        "order",
        "kari",
        "NORD",
        "kari nord",
        "nord  KARI",
        "kari@example.com",
        "+4799999999",
        "4799",
        "c-1",
        "e-9",
        "sl02-9",
        "STRASSE",
        "straße",
    ],
)
def test_an_order_is_found_by_the_beginning_of_its_words(search: str) -> None:
    """Every word of a search must begin some word, whatever the case of its letters."""
    order = an_order(
        [a_body(external_id="SL02-94821948")],
        order_id="Order-1",
        order_number="A77",
        external_ids=(ExternalId(id="E-9"), ExternalId(id="straße 7"), ExternalId(id="C-1")),
        customer=Customer(
            first_name="Kari",
            last_name="Nordmann",
            email="Kari@example.com",
            phone_number="+4799999999",
        ),
    )
    assert found(order, a_listing({"search": search}))


@pytest.mark.parametrize("search", ["77", "ari", "kari nobody", "example"])
def test_a_search_does_not_look_inside_words(search: str) -> None:
    """And it needs all of its words."""
    customer = Customer(first_name="Kari", email="kari@example.com")
    order = an_order(order_number="A77", order_id="x", customer=customer)
    assert not found(order, a_listing({"search": search}))


def test_a_search_of_nothing_finds_everything() -> None:
    """Spaces are no words."""
    assert a_listing({"search": "  "}).prefixes == ()
    assert search_words("") == ()


def test_long_words_still_meet() -> None:
    """A word is kept short; the same value asked for is made short in the same way."""
    long = "x" * 1_000
    order = an_order(store=Store(id=long), order_id="y" * 255)
    assert found(order, a_listing({"store_id": [long]}))
    assert found(order, a_listing({"search": "y" * 200}))
    assert all(len(word) <= 200 for word in terms(order))


@pytest.mark.parametrize("kind", ["store_id", "customer_id", "external_id"])
def test_long_names_that_begin_alike_are_told_apart(kind: str) -> None:
    """One customer never sees another's orders, however long their ids are."""
    mine, other = "x" * 250 + "1", "x" * 250 + "2"
    orders = {
        "store_id": an_order(store=Store(id=other)),
        "customer_id": an_order(customer=Customer(id=other)),
        "external_id": an_order([a_body(external_id=other)]),
    }
    assert found(orders[kind], a_listing({kind: [other]}))
    assert not found(orders[kind], a_listing({kind: [mine]}))


def test_a_change_of_an_order_changes_only_the_words_that_changed() -> None:
    """The store adds and removes what differs, and nothing else."""
    before = an_order(store=Store(id="A"), customer=Customer(id="c-1"))
    after = replace(before, store=Store(id="B"), version=2)
    event = Event(id="e", created_at=NOW.text)
    written = put(key_of(after), before, after, event)
    assert written.terms_added == frozenset({"store:B"})
    assert written.terms_removed == frozenset({"store:A"})
    created = put(key_of(before), None, before, event)
    assert (created.terms_added, created.terms_removed) == (terms(before), frozenset())


def test_kinds_of_words_do_not_mix() -> None:
    """A store called like a customer is still a store."""
    assert term("store", "A") != term("customer", "A")
    assert folded("word", "Å") == "word:å"


# -------------------------------------------------------------------------------------- lists


def test_different_filters_must_all_hold_and_repeated_ones_any() -> None:
    """As in every list of this API."""
    both = a_listing({"store_id": ["A", "B"], "customer_id": ["c-1"]})
    assert found(an_order(store=Store(id="B"), customer=Customer(id="c-1")), both)
    assert not found(an_order(store=Store(id="B")), both)
    assert not found(an_order(customer=Customer(id="c-1")), both)


def test_a_list_without_filters_asks_for_the_newest_ten() -> None:
    """And for no events and no total."""
    plan = a_listing()
    assert (plan.account_id, plan.kind, plan.limit, plan.after) == (ACCOUNT, "order", 10, None)
    assert (plan.term_groups, plan.prefixes) == ((), ())
    assert (plan.with_events, plan.with_total) == (False, False)


def test_a_list_carries_its_filters() -> None:
    """Bounds become milliseconds."""
    plan = a_listing(
        {
            "limit": 100,
            "status": ["open", "closed"],
            "payment_status": ["paid"],
            "currency": ["NOK", "SEK"],
            "created_at.gte": "1970-01-01T00:00:01Z",
            "created_at.lte": "1970-01-01T00:00:02",
            "updated_at.gte": "1970-01-01T01:00:03+01:00",
            "updated_at.lte": "1970-01-01T00:00:04.005Z",
            "total": True,
            "include_events": ["service-event"],
        }
    )
    assert (plan.limit, plan.statuses, plan.payment_statuses) == (
        100,
        ("open", "closed"),
        ("paid",),
    )
    assert (plan.created_gte_ms, plan.created_lte_ms) == (1_000, 2_000)
    assert (plan.updated_gte_ms, plan.updated_lte_ms) == (3_000, 4_005)
    assert (plan.currencies, plan.with_total, plan.with_events) == (("NOK", "SEK"), True, True)


def test_the_views_of_a_store_and_a_customer_are_narrowed_by_their_path() -> None:
    """A filter can narrow further, but not widen."""
    of_store = a_listing({"store_id": ["OTHER"]}, STORE)
    assert of_store.term_groups == (("store:SL02",), ("store:OTHER",))
    of_customer = a_listing(row_id=CUSTOMER)
    assert of_customer.term_groups == (("customer:c-1",),)


def test_a_page_shows_its_rows_and_the_cursor_while_there_is_more() -> None:
    """The stored bytes are the answer."""
    rows = [Stored(1, b'{"id":"a"}', ()), Stored(1, b'{"id":"b"}', ())]
    last = rendered("orders", Page(rows, None), lambda row: row.body)
    assert last == b'{"orders":[{"id":"a"},{"id":"b"}]}'
    more = rendered("orders", Page(rows[:1], (5, "a")), lambda row: row.body)
    assert msgspec.json.decode(more) == {
        "orders": [{"id": "a"}],
        "starting_after": cursor_of((5, "a")),
    }
    assert rendered("orders", Page([], None), lambda row: row.body) == b'{"orders":[]}'


def test_a_list_shows_events_only_when_asked() -> None:
    """With them comes the state they combine to."""
    row = Stored(1, b'{"id":"a"}', [b'{"id":"e","event_type":"api-event"}'])
    page = Page([row], None)
    assert a_listing().render(page) == b'{"orders":[{"id":"a"}]}'
    shown = msgspec.json.decode(a_listing({"include_events": ["true"]}).render(page))
    assert shown["orders"][0]["state"] == "pending"
    assert [event["id"] for event in shown["orders"][0]["events"]] == ["e"]


@pytest.mark.parametrize("position", [(0, "a"), (1_795_198_333_123, "my order/é"), (-5, "x:y:z")])
def test_a_cursor_names_its_place(position: tuple[int, str]) -> None:
    """Going out and in changes nothing, and it needs no escaping in a URL."""
    cursor = cursor_of(position)
    assert position_of(cursor) == position
    assert a_listing({"starting_after": cursor}).after == position
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "é",
        "abc",
        "MTI",
        "MTp4=",
        cursor_of((1, "a")) + "A",
        cursor_of((2**53, "a")),
        cursor_of((1, "a")).lower(),
        "AAAA",
        "_____w",
    ],
)
def test_a_cursor_that_no_list_gave_is_refused(cursor: str) -> None:
    """Rather than answered with a page from somewhere."""
    refusal = position_of(cursor)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, fault_codes(refusal)) == ("INVALID_REQUEST_PARAMETER", ["INVALID_CURSOR"])
    assert carried_out(FakeState(), plan_of(LIST, query={"starting_after": cursor})) == refusal


def test_no_cursor_is_the_beginning() -> None:
    """The first page needs none."""
    assert position_of(None) is None
