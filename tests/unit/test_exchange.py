"""Lines of exports and imports: they come out as they went in, and what is missing is computed."""

import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.audit.rules import of_events, of_order
from ordrebok.cli.reading import header_of, read_line
from ordrebok.events.rules import with_events
from ordrebok.exchange.completion import Completed, completed
from ordrebok.exchange.log import IMPORTED, MOST_MISSING
from ordrebok.exchange.metadata import NESTING, metadata_faults
from ordrebok.exchange.moments import canonical
from ordrebok.exchange.place import Place
from ordrebok.refusals import Refusal
from ordrebok.wire.base import Link, encode
from ordrebok.wire.event import Event
from ordrebok.wire.exchange import OrderLine
from ordrebok.wire.order import Order
from tests.support.builders import ACCOUNT, ORDERS_PATH, a_body, a_tax, an_order, lines
from tests.unit.exported import an_exported_order

PLACE = Place(ACCOUNT)
Json = dict[str, Any]


def taken(line: object, place: Place = PLACE) -> Completed:
    """The order of a line that must be taken."""
    found = read_line(encode(line), place)
    assert isinstance(found, Completed), found
    assert list(of_order(found.order)) == []
    assert list(of_events(found.order, found.log)) == []
    return found


def refused(line: object, place: Place = PLACE) -> Refusal:
    """Why a line is refused, which it must be."""
    found = read_line(line if isinstance(line, bytes) else encode(line), place)
    assert isinstance(found, Refusal), found
    return found


def paths(refusal: Refusal) -> list[tuple[str | int, ...]]:
    """Where a line is wrong."""
    return [fault.path for fault in refusal.faults]


def foreign(**more: object) -> Json:
    """The least that a line of another system may say."""
    item = {"gross_amount": 125, "tax_lines": [{"percentage": 25}]}
    return {
        "order_id": "A-1",
        "currency": "NOK",
        "created_at": "2020-02-29T12:00:00+01:00",
        "items": [item, item],
        **more,
    }


def operation(*amounts: int, **more: object) -> Json:
    """An operation of another system, with amounts for lines 1, 2 ..."""
    items = [{"line_id": place, "amount": amount} for place, amount in enumerate(amounts, 1)]
    return {"items": items, **more}


# ------------------------------------------------------------------------------- there and back


def line_of(order: Order, log: tuple[Event, ...]) -> bytes:
    """The line of an export."""
    return with_events(encode(order), [encode(event) for event in log], ())


def test_an_exported_order_comes_back_as_it_was() -> None:
    """Byte for byte, document and log."""
    order, log = an_exported_order()
    found = read_line(line_of(order, log), PLACE)
    assert isinstance(found, Completed), found
    assert encode(found.order) == encode(order)
    assert found.log == log


def test_an_order_goes_to_another_account_with_its_addresses() -> None:
    """Links lead to where it is now; what was requested of the other account stays told."""
    order, log = an_exported_order()
    found = read_line(line_of(order, log), Place("T00000002", ACCOUNT))
    assert isinstance(found, Completed), found
    text = encode(found.order).decode()
    assert ACCOUNT not in text
    assert text.replace("T00000002", ACCOUNT) == encode(order).decode()


def test_a_header_is_no_order() -> None:
    """Wherever it stands: files may be put behind each other."""
    header = {"format": "ordrebok.orders", "version": 1, "account_id": ACCOUNT}
    assert read_line(encode(header), PLACE) is None
    found = header_of(encode(header))
    assert found is not None
    assert found.account_id == ACCOUNT
    assert header_of(encode(foreign())) is None
    assert header_of(b"{") is None


# ------------------------------------------------------------------------- what is computed


def test_the_least_of_a_line_becomes_a_whole_order() -> None:
    """Ids, numbers, totals, taxes, status, version, link and event follow from what is given."""
    order, log = taken(foreign())
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-\w{12}", order.id)
    assert (order.order_id, order.order_number, order.version) == ("A-1", "A-1", 1)
    assert order.created_at == order.updated_at == "2020-02-29T11:00:00.000Z"
    assert (order.status, order.payment_status) == ("open", "pending")
    assert [item.line_id for item in order.items] == [1, 2]
    assert [item.net_amount for item in order.items] == [125, 125]
    assert order.items[0].tax_lines[0].amount == 25
    assert (order.gross_amount, order.net_amount, order.total_discount) == (250, 250, 0)
    assert order.payment_details is not None
    assert order.payment_details.amount_due == 250
    assert order.links == (Link(href=f"{ORDERS_PATH}/A-1", rel="order"),)
    (event,) = log
    assert (event.version, event.event_type, event.description) == (1, "api-event", IMPORTED)
    assert event.created_at == order.created_at


def test_reading_a_line_again_gives_the_same_order() -> None:
    """Nothing is left to chance or to the clock, so an import can go on where it stopped."""
    line = foreign(authorizations=[operation(125)], comments=[{"body": "a"}], version=3)
    assert taken(line) == taken(line)


def test_other_content_makes_another_log() -> None:
    """So that it is not taken for a later state of the same order."""
    assert taken(foreign()).log != taken(foreign(comment="b")).log


def test_operations_are_completed_and_counted() -> None:
    """Their sums, moments and links; what is left and the status follow."""
    line = foreign(
        authorizations=[operation(125, 125, id="a1", created_at="2020-03-01T00:00:00Z")],
        captures=[operation(125, processed_at="2020-03-02T08:30:00.5+02:00")],
        refunds=[operation(25, success=True)],
    )
    order, _ = taken(line)
    (capture,) = order.captures
    assert (capture.amount, capture.created_at) == (125, "2020-03-02T06:30:00.500Z")
    assert capture.links == (Link(href=f"{ORDERS_PATH}/A-1/captures/{capture.id}", rel="captures"),)
    assert order.authorizations[0].id == "a1"
    assert order.refunds[0].created_at == order.created_at
    assert order.payment_status == "partially_refunded"
    assert order.payment_details is not None
    assert order.payment_details.remaining_capture_amount == 125
    assert order.updated_at == "2020-03-01T00:00:00.000Z", "the latest moment that is given"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "open"),
        ({"closed_at": "2020-03-01"}, "closed"),
        ({"cancelled_at": "2020-03-01", "closed_at": "2020-03-01"}, "cancelled"),
        ({"cancelled_at": "2020-03-01", "status": "open"}, "open"),
    ],
)
def test_the_status_follows_from_the_moments(given: Json, status: str) -> None:
    """Unless it is given."""
    order, _ = taken(foreign(**given))
    assert order.status == status
    assert order.payment_details is not None
    assert order.payment_details.amount_due == (0 if status == "cancelled" else 250)


def test_parts_without_names_get_some() -> None:
    """Comments, sessions and events; each its own."""
    line = foreign(
        comments=[{"body": "a"}, {"body": "b", "visibility": "public", "deleted_at": "2021-01-01"}],
        sessions=[{"items": [{"line_id": "1", "amount": 5}]}],
        events=[{"service": "kitchen", "service_status": "ready"}, {"draft_id": "d"}],
    )
    order, log = taken(line)
    assert len({comment.id for comment in order.comments}) == 2
    assert order.comments[0].visibility == "private"
    assert order.comments[1].deleted_at == "2021-01-01T00:00:00.000Z"
    assert order.sessions[0].amount == 5
    assert [event.event_type for event in log] == ["service-event", "api-event"]
    assert order.version == 2


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        (None, [], [None]),
        (3, [], [None, None, None]),
        (None, [{"id": "a"}, {"id": "b"}], ["a", "b"]),
        (3, [{"id": "a"}], ["a", None, None]),
        (3, [{"id": "b", "version": 2}], [None, "b", None]),
        (None, [{"id": "c", "version": 3}, {"id": "a"}], ["a", None, "c"]),
    ],
)
def test_every_version_has_an_event(
    version: int | None, events: list[Json], expected: list[str | None]
) -> None:
    """Those that are given keep their place or find one; the rest say that they were imported."""
    line = foreign(events=events) | ({} if version is None else {"version": version})
    order, log = taken(line)
    assert order.version == len(log) == len(expected)
    names = [None if event.description == IMPORTED else event.id for event in log]
    assert names == expected


def test_taxes_and_discounts_are_computed_as_in_drafts() -> None:
    """A tax outside the price is to be paid too."""
    item = {
        "gross_amount": 200,
        "discount_lines": [{"amount": 100, "discount_type": "manual"}],
        "tax_lines": [{"percentage": 25, "included_in_price": False}],
    }
    order, _ = taken(foreign(items=[item]))
    assert (order.items[0].net_amount, order.items[0].tax_lines[0].amount) == (100, 25)
    assert order.total_manual_discount_amount == 100
    assert order.payment_details is not None
    assert order.payment_details.amount_due == 125


# ---------------------------------------------------------------------------- what is refused


def test_every_fault_of_the_form_is_named() -> None:
    """Not only the first one."""
    line = foreign(currency="nok", items=[{"gross_amount": "1", "tax_lines": []}], id=7)
    refusal = refused(line)
    assert refusal.code == "INVALID_REQUEST_PARAMETER"
    assert set(paths(refusal)) == {
        ("currency",),
        ("items", 0, "gross_amount"),
        ("items", 0, "tax_lines"),
        ("id",),
    }


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"a"', b"\xff", b"nothing", b"[" * 5_000])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    """Whatever it is."""
    assert refused(text).code in {"INVALID_JSON", "INVALID_REQUEST_PARAMETER"}


@pytest.mark.parametrize(
    ("given", "path", "numbers"),
    [
        ({"gross_amount": 251}, ("gross_amount",), (251, 250)),
        ({"net_amount": 0}, ("net_amount",), (0, 250)),
        ({"total_discount": 1}, ("total_discount",), (1, 0)),
        ({"payment_status": "paid"}, ("payment_status",), ("paid", "pending")),
    ],
)
def test_what_is_given_of_the_computed_must_agree(
    given: Json, path: tuple[str, ...], numbers: tuple[object, object]
) -> None:
    """Both numbers are told."""
    refusal = refused(foreign(**given))
    assert refusal.code == "INVALID_AMOUNTS"
    (fault,) = refusal.faults
    assert (fault.path, fault.data["given"], fault.data["computed"]) == (path, *numbers)


def test_payment_details_must_agree_one_by_one() -> None:
    """Each that differs is named."""
    order, _ = taken(foreign())
    details = msgspec.to_builtins(order.payment_details)
    refusal = refused(foreign(payment_details=details | {"amount_due": 1}))
    assert paths(refusal) == [("payment_details", "amount_due")]


@pytest.mark.parametrize(
    "recorded",
    [
        {"captures": [operation(125)]},
        {"authorizations": [operation(126)]},
        {"authorizations": [operation(125)], "refunds": [operation(1)]},
        {"authorizations": [operation(100)], "captures": [operation(60), operation(60)]},
        {"authorizations": [operation(-1)]},
        {"authorizations": [operation(0)]},
        {"authorizations": [operation(1, 1, 1)]},
        {"authorizations": [operation(125, amount=124)]},
        {"authorizations": [operation(1, id="a"), operation(1, id="a")]},
        {"authorizations": [operation(125)], "captures": [operation(1, authorization_id="b")]},
    ],
)
def test_operations_must_satisfy_the_proof(recorded: Json) -> None:
    """An import is no way around the inequalities."""
    refusal = refused(foreign(**recorded))
    assert refusal.code == "INVALID_AMOUNTS"
    assert all(fault.code == "DOES_NOT_ADD_UP" for fault in refusal.faults)


def test_a_cancelled_order_holds_no_captured_money() -> None:
    """As when it is cancelled here."""
    paid = {"authorizations": [operation(125)], "captures": [operation(125)]}
    cancelled = {"cancelled_at": "2020-03-01", **paid}
    assert "captured - refunded" in refused(foreign(**cancelled)).text
    taken(foreign(**cancelled, refunds=[operation(125)]))


@pytest.mark.parametrize(
    ("items", "path"),
    [
        ([{"gross_amount": 100, "tax_lines": [{}], "net_amount": 99}], ("items", 0, "net_amount")),
        (
            [{"gross_amount": 1, "tax_lines": [{}], "discount_lines": [{"amount": 2}]}],
            ("items", 0, "discount_lines"),
        ),
        ([{"gross_amount": 1, "tax_lines": [{}], "quantity": 0.0000001}], ("items", 0, "quantity")),
    ],
)
def test_lines_must_add_up(items: list[Json], path: tuple[str | int, ...]) -> None:
    """By the rules of drafts."""
    assert paths(refused(foreign(items=items))) == [path]


def test_lines_have_numbers_of_their_own() -> None:
    """Numbers that are not given are above all that are."""
    item = {"gross_amount": 1, "tax_lines": [{}]}
    order, _ = taken(foreign(items=[item, {**item, "line_id": 7}, item]))
    assert [item.line_id for item in order.items] == [8, 7, 9]
    twice = refused(foreign(items=[{**item, "line_id": 1}, {**item, "line_id": 1}]))
    assert "line_id 1 stands once" in twice.text
    related = {**item, "related_item": {"line_id": 9, "type": "optional"}}
    assert "related line" in refused(foreign(items=[related])).text


def test_totals_can_be_held_exactly() -> None:
    """By any reader of JSON."""
    item = {"gross_amount": 2**53 - 1, "tax_lines": [{}]}
    assert refused(foreign(items=[item, item])).code == "AMOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    "text", ["yesterday", "", "1969-12-31", "2020-02-30", "9999-12-31T23:59:59-23:59", "20:00"]
)
def test_moments_are_moments(text: str) -> None:
    """Of every part of a line; all that are none are named together."""
    assert canonical(text) is None
    line = foreign(created_at=text, comments=[{"body": "a", "created_at": text}])
    assert paths(refused(line)) == [("created_at",), ("comments", 0, "created_at")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T18:12:13.123Z", "2026-11-20T18:12:13.123Z"),
        ("2026-11-20T18:12:13.123456+01:00", "2026-11-20T17:12:13.123Z"),
        ("2026-11-20T18:12:13", "2026-11-20T18:12:13.000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_moments_come_in_one_form(text: str, expected: str) -> None:
    """UTC, with milliseconds; one without a zone is UTC."""
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"events": [{"version": 1}, {"version": 1}]},
        {"version": 1, "events": [{"version": 2}]},
        {"version": 1, "events": [{}, {}]},
        {"version": MOST_MISSING + 2},
        {"events": [{"version": 2**53 - 1}]},
    ],
)
def test_versions_that_cannot_be_are_refused(given: Json) -> None:
    """Two events of one, more events than versions, or thousands of which nothing is told."""
    assert refused(foreign(**given)).code == "INVALID_REQUEST_PARAMETER"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"metadata": {str(n): n for n in range(201)}}, ("metadata",)),
        ({"customer": {"metadata": {"a": "b" * 65_536}}}, ("customer", "metadata")),
        ({"comments": [{"body": "a\0"}]}, ("comments", 0, "body")),
    ],
)
def test_published_limits_hold_for_lines_too(given: Json, path: tuple[str | int, ...]) -> None:
    """The size of metadata, and the character that databases do not keep."""
    assert path in paths(refused(foreign(**given)))


def test_metadata_nests_no_deeper_than_requests_may() -> None:
    """Wherever it stands."""
    deep: Json = {}
    for _ in range(NESTING):
        deep = {"a": [deep]}
    card = {"payment_details": {"card": {"metadata": deep}}}
    line = msgspec.convert(foreign(metadata=deep, captures=[operation(1, **card)]), type=OrderLine)
    assert [fault.path for fault in metadata_faults(line, 1)] == [
        ("metadata",),
        ("captures", 0, "payment_details", "card", "metadata"),
    ]


def test_an_order_of_the_rules_needs_no_completion() -> None:
    """Totals, taxes and details that were computed here are computed the same again."""
    order = an_order([a_body(333, 1, taxes=[a_tax(15), a_tax(None, amount=7)], discounts=[33])])
    order = replace(order, links=(Link(href=f"{ORDERS_PATH}/order-1", rel="order"),))
    line = msgspec.json.decode(encode(order), type=OrderLine)
    found = completed(line, PLACE)
    assert isinstance(found, Completed)
    assert found.order == order
    assert an_order(lines(1)) != order
