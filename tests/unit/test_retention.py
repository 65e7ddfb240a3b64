"""What an expiry and the erasure of a person take out of a document, and what they leave."""

from __future__ import annotations

import re

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.audit.rules import of_order
from ordrebok.orders.terms import terms
from ordrebok.payments.proof import proof
from ordrebok.retention.rules import (
    bare_event,
    draft_without_person,
    drafts_of,
    emptied,
    emptied_draft,
    is_over,
    notice,
    order_without_person,
    tells_of,
)
from ordrebok.wire.base import encode
from ordrebok.wire.comment import Comment
from ordrebok.wire.customer import Address, Customer
from ordrebok.wire.draft import Draft
from ordrebok.wire.event import Event, EventRequest
from ordrebok.wire.order import Order
from tests.support.builders import LATER, NOW, a_body, a_draft, an_operation, an_order
from tests.support.filled import filled, texts

PERSON = "customer.id"

STAYS = re.compile(
    r"""^(order\.)?(
    id | order_id | order_number | type | salesperson_id | salesperson_name | courier_id
    | delivery_id | (created|closed|cancelled|deleted)_by | _links\.\w+
    | external_ids\.(id|source) | stores?\.(id|name|business_name|organization_number)
    | discounts\.id | discounts\.refs\.id
    | itinerary\.(id|operator|route_id|vehicle_id|tickets\.(class|line|zone))
    | attachments\.(id|\w+_reservation\.(booking_id|insurance\.insurance_(company|type)
        | itinerary\.(class|line|operator|zone|rental_company)))
    | items\.(id|external_id|description|description_alias|status|salesperson_id|salesperson_name
        | reversed_reason|conversion_rate_source|dimension\.\w+|groups\.\w+
        | (undiscounted_)?tax_lines\.tax_\w+
        | additions\.(id|description|groups\.\w+)|dynamic_payout\.\w+|payout\.[\w.]+
        | discount_lines\.(description|discount_id|discount_subtype)
        | store\.(id|name|business_name|organization_number))
    | sessions\.(id|created_by|profile_id|url|items\.line_id|_links\.\w+)
    | (authorizations|captures|refunds|cancellations)\.(id|created_by|authorization_id
        | processed_by|_links\.\w+|items\.(conversion_rate_source|payout\.[\w.]+)
        | payment_details\.(psp|payment_id|payment_product|payment_product_type|card\.(type|brand)))
    )$ | ^options\.[\w.]+$ | ^order_ids$""",
    re.VERBOSE,
)
"""Texts that stay when a person is erased: ids of things, what was sold, where, how it was paid."""


def filled_order() -> Order:
    """An order with something in every field that is stored."""
    return replace(filled(Order), events=None, state=None)


def words(document: Order | Draft) -> set[str]:
    """Every text of a document that says where it stands."""
    found = set(texts(msgspec.json.decode(encode(document))))
    return {text for text in found if re.fullmatch(r"[a-z_.]+", text)}


def test_of_a_person_only_the_intended_fields_of_an_order_stay() -> None:
    """Whatever may say who bought is gone; a new field has to be decided on here."""
    before, after = filled_order(), order_without_person(filled_order(), PERSON, NOW)
    values = {"error", "paid", "cancelled", "customer", "optional", "flat_amount", "percentage"}
    kept = {text for text in words(before) if STAYS.match(text)} | (values & words(before))
    private = {"company", "private", "customer"}
    assert words(after) - private == kept - private
    assert not [text for text in words(after) if text.startswith(("customer.", "comment"))]


def test_of_a_person_only_the_intended_fields_of_a_draft_stay() -> None:
    """The same fields as of an order; the options are the merchant's."""
    before = replace(filled(Draft), events=None)
    after = draft_without_person(before, PERSON, NOW)
    gone = {text for text in words(before) - words(after) if "." in text}
    assert gone
    assert not [text for text in gone if STAYS.match(text)]
    assert [t for t in words(after) if "." in t and not STAYS.match(t)] == []


def test_numbers_of_phones_and_birthdays_go_with_the_customer() -> None:
    """Texts of a form of their own cannot say where they stand; the customer goes as a whole."""
    body = encode(order_without_person(filled_order(), PERSON, NOW))
    assert b"+479" not in body
    assert b"date_of_birth" not in body
    assert b'"latitude"' not in body


def test_the_books_of_an_order_hold_without_its_person() -> None:
    """Lines, amounts and operations stay: everything recomputed still agrees."""
    order = an_order([a_body(100, 1), a_body(50, 2)], customer=Customer(id="C1"))
    order = replace(order, authorizations=(an_operation(60, 20),))
    after = order_without_person(order, "C1", LATER)
    assert after.version == order.version + 1
    assert after.updated_at == LATER.text
    assert (after.items, after.authorizations) == (order.items, order.authorizations)
    assert proof(after).holds == proof(order).holds


def test_an_erased_person_is_no_longer_found() -> None:
    """The words of the customer leave with the customer; those of the order stay."""
    customer = Customer(id="C1", first_name="Kari", email="kari@example.com", phone_number="+4712")
    order = an_order(customer=customer)
    gone = terms(order) - terms(order_without_person(order, "C1", NOW))
    assert gone == {"customer:C1", "word:kari", "word:kari@example.com", "word:+4712", "word:4712"}


def test_the_customer_who_wrote_by_themselves_is_not_named_as_who_did_it() -> None:
    """A token of a user leaves the user's id; others stay."""
    order = replace(an_order(customer=Customer(id="C1")), created_by="C1", closed_by="staff")
    after = order_without_person(order, "C1", NOW)
    assert (after.created_by, after.closed_by) == (None, "staff")


def test_an_erasure_starts_the_time_to_live_anew() -> None:
    """It is a change like any other."""
    after = order_without_person(an_order(time_to_live=86_400), "C1", LATER)
    assert after.time_to_live_expires_at == LATER.plus(86_400).text


# ------------------------------------------------------------------------- when the time is over


def test_the_time_runs_from_the_last_change() -> None:
    """Over at the very moment, not before; without a time to live never."""
    order = an_order(time_to_live=86_400)
    assert not is_over(order, NOW.plus(86_399))
    assert is_over(order, NOW.plus(86_400))
    assert is_over(a_draft(time_to_live=86_400), NOW.plus(86_400))
    assert not is_over(an_order(), NOW.plus(10**9))
    assert not is_over(emptied(order, NOW), NOW.plus(10**9))


def test_of_an_order_whose_time_is_over_the_documented_fields_stay() -> None:
    """Nothing that was bought, by whom, for how much."""
    order = filled_order()
    left = msgspec.json.decode(encode(emptied(order, LATER)))
    assert left.keys() == {
        *("id", "order_id", "order_number", "external_ids", "created_at", "updated_at"),
        *("deleted_at", "version", "currency", "status", "payment_status"),
    }
    assert left["updated_at"] == order.updated_at
    assert left["deleted_at"] == LATER.text
    assert left["version"] == order.version + 1


@pytest.mark.parametrize(
    ("before", "after"), [("open", "closed"), ("closed", "closed"), ("cancelled", "cancelled")]
)
def test_an_emptied_order_is_not_open(before: str, after: str) -> None:
    """Nobody finds work to do on it."""
    assert emptied(replace(an_order(), status=before), NOW).status == after


def test_an_emptied_order_has_nothing_that_could_disagree() -> None:
    """There are no lines whose sums could be wrong."""
    order = replace(an_order(time_to_live=86_400), payment_status="paid", status="cancelled")
    assert list(of_order(emptied(order, NOW))) == []


def test_of_a_draft_whose_time_is_over_nothing_stays_but_that_it_was() -> None:
    """Its id, so that it is not given again, and its moments."""
    left = msgspec.json.decode(encode(emptied_draft(filled(Draft), LATER)))
    assert left.keys() == {
        *("id", "created_at", "updated_at", "deleted_at", "status", "version", "order"),
    }
    assert left["order"] == {"currency": "NOK", "items": []}
    assert left["status"] == "expired"


# ------------------------------------------------------------------------- events


def an_event(body: str | None = None, path: str = "/v1/orders/A") -> Event:
    """An event of a change."""
    request = EventRequest(path=path, method="PUT", body=body)
    return Event(id="E", created_at=NOW.text, version=2, event_type="api-event", request=request)


def test_an_event_keeps_what_was_done_and_loses_what_was_said() -> None:
    """Method and path stay, the body goes."""
    assert bare_event(an_event('{"comment":"x"}')).request == EventRequest(
        path="/v1/orders/A", method="PUT"
    )


def test_a_report_keeps_its_service_and_state() -> None:
    """The combined state follows from them; description and metadata go."""
    report = replace(
        filled(Event), event_type="service-event", state="pending", service="kitchen", request=None
    )
    bare = bare_event(report)
    assert (bare.service, bare.state, bare.service_status) == (
        *("kitchen", "pending", "service_status"),
    )
    assert (bare.description, bare.metadata, bare.links) == (None, None, None)


def test_a_path_that_names_the_person_goes_too() -> None:
    """However it is written."""
    path = "/v1/customers/kari%40example.com/x"
    event = replace(an_event(path=path), created_by="kari")
    assert bare_event(event, "kari@example.com").request == EventRequest(method="PUT")
    assert bare_event(event, "kari").created_by is None
    assert bare_event(event, "ola").request == EventRequest(path=path, method="PUT")


def test_the_notice_of_an_erasure_says_that_it_was_and_nothing_else() -> None:
    """No request, no draft; who asked, where somebody did."""
    made = msgspec.json.decode(encode(notice("expired", "E", 3, NOW)))
    assert made == {"id": "E", "created_at": NOW.text, "version": 3, "event_type": "expired"}
    assert notice("erased", "E", 3, NOW, "staff").created_by == "staff"


def test_the_drafts_of_an_order_are_those_that_its_events_name() -> None:
    """Each once, the one it came from and those that added to it."""
    events = [replace(an_event(), draft_id=each) for each in ("D1", None, "D2", "D1")]
    assert drafts_of(events) == ["D1", "D2"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"customer":{"id":"C1"}}', True),
        ('{"order":{"customer":{"id":"C1","email":"x"}}}', True),
        (r'{"customer":{"id":"\u0043\u0031"}}', True),
        ('{"customer":{"id":"C10"}}', False),
        ('{"comment":"C1"}', False),
        ('{"customer":null,"order":[]}', False),
        ("[1]", False),
        ("C1", False),
        ("", False),
        (None, False),
    ],
)
def test_a_request_is_about_the_customer_that_it_names(body: str | None, *, told: bool) -> None:
    """By `customer.id`, in an order or in a draft, however it is spelled."""
    assert tells_of(an_event(body), "C1") is told


def test_addresses_and_comments_go_with_their_texts() -> None:
    """The strings of a real order are not there afterwards."""
    address = Address(address_line="Storgata 1", postal_place="Oslo", country="NO")
    comment = Comment(id="K", body="Ring Kari", visibility="public", created_at=NOW.text)
    order = an_order(shipping_address=address, comment="til Kari", metadata={"navn": "Kari"})
    order = replace(order, comments=(comment,))
    body = encode(order_without_person(order, "C1", NOW))
    for text in (b"Kari", b"Storgata", b"navn"):
        assert text not in body
