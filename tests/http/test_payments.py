"""Operations on an order's money: what is sent, kept, answered, listed, retried and refused."""

from __future__ import annotations

import re

import pytest

from tests.http.till import KINDS, SESSION, Money, Till, body
from tests.support.api import Api, Site, codes_of, line, paths_of, reversal
from tests.support.openapi import Json

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
READY = {
    "authorizations": (),
    "captures": ("authorizations",),
    "cancellations": ("authorizations",),
    "refunds": ("authorizations", "captures"),
}
"""What must be recorded before each kind of operation."""

SINGULAR = {kind: kind.removesuffix("s") for kind in KINDS}

FULL = {
    "items": [
        {
            "line_id": 1,
            "amount": 60,
            "original_currency": "EUR",
            "original_gross_amount": 5,
            "conversion_rate_ppm": 11_734_500,
            "conversion_rate_timestamp": "2026-06-01T09:00:00Z",
            "conversion_rate_source": "Norges Bank",
        },
        {"line_id": 2, "amount": 40},
    ],
    "processed_at": "2026-06-01T10:00:00Z",
    "processed_by": "dintero-checkout",
    "payment_details": {
        "psp": "Bambora",
        "payment_id": "PID_123",
        "payment_product": "bambora",
        "payment_product_type": "bambora.creditcard",
        "card": {
            "masked_pan": "4444 **** **** 4448",
            "type": "Credit",
            "brand": "Visa",
            "metadata": {"country": "NO"},
        },
    },
    "metadata": {"till": 7},
    "success": True,
}


def ready(api: Api, kind: str) -> Till:
    """An order of two lines on which an operation of this kind can be recorded."""
    till = Till(api, api.order(line(100, 1), line(100, 2)))
    for earlier in READY[kind]:
        till.record(earlier, {1: 100, 2: 100})
    return till


@pytest.fixture
def till(api: Api) -> Till:
    """An order of one line of 100."""
    return Till(api, api.order(line(100, 1)))


# --------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_is_kept_as_it_was_sent(api: Api, kind: str) -> None:
    """The card, the exchange rates, the metadata; with a name, a time, an author and a sum."""
    till = ready(api, kind)
    version = till.order()["version"]
    answer = api.send("POST", f"{till.path}/{kind}", FULL)
    operation = answer.json()
    assert operation.items() >= FULL.items()
    assert operation.keys() - FULL.keys() == {"id", "created_at", "created_by", "amount", "_links"}
    assert UUID.fullmatch(operation["id"])
    assert operation["created_by"] == api.credentials.id
    assert operation["amount"] == 100
    assert answer.headers["etag"] == f'"{version + 1}"'
    order = till.order()
    assert order["version"] == version + 1
    assert order["updated_at"] == operation["created_at"]
    assert order[kind] == [operation]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_is_found_again(api: Api, kind: str) -> None:
    """In its list, by its id, and where its link points; with the order's ETag."""
    till = ready(api, kind)
    first, second = (
        (till.record(kind, {1: amount}) for amount in (30, 20))
        if (kind != "authorizations")
        else (till.record(kind, {line_id: 20}) for line_id in (1, 2))
    )
    assert till.listed(kind) == [first, second]
    (link,) = second["_links"]
    assert link["rel"] == SINGULAR[kind]
    assert api.get(link["href"]) == second
    answer = api.send("GET", f"{till.path}/{kind}/{first['id']}")
    assert answer.json() == first
    assert answer.headers["etag"] == f'"{till.order()["version"]}"'
    again = api.send("GET", link["href"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("kind", [*KINDS, "sessions"])
def test_an_order_without_operations_has_empty_lists(till: Till, kind: str) -> None:
    """The whole list is answered, and nothing else is in it."""
    assert till.api.get(f"{till.path}/{kind}") == {kind: []}


@pytest.mark.parametrize("kind", [*KINDS, "sessions"])
def test_what_is_not_there_is_not_found(till: Till, kind: str) -> None:
    """Neither an operation, nor any of an order that is not there; as with other accounts'."""
    till.api.refused("NOT FOUND", "GET", f"{till.path}/{kind}/nothing")
    till.api.refused("NOT FOUND", "GET", f"orders/nothing/{kind}")
    till.api.refused("NOT FOUND", "GET", f"orders/nothing/{kind}/nothing")
    if kind != "sessions":
        Till(till.api, "nothing").refused("NOT FOUND", kind, {1: 1})


def test_an_operation_of_one_kind_is_none_of_another(till: Till) -> None:
    """Ids are looked for where they belong."""
    authorization = till.authorize({1: 100})
    till.api.refused("NOT FOUND", "GET", f"{till.path}/captures/{authorization['id']}")


def test_the_shortest_body_is_enough(till: Till) -> None:
    """Success is what is assumed."""
    operation = till.authorize({1: 100})
    assert operation["success"] is True
    assert operation["items"] == [{"line_id": 1, "amount": 100}]
    assert operation.keys() == {"items", "id", "created_at", "created_by", "amount", "success"} | {
        "_links"
    }


def test_what_was_read_can_be_sent_back(till: Till) -> None:
    """Read-only fields in a request are ignored: the server says who, when and how much."""
    read = till.authorize({1: 40}, success=False)
    sent = {**read, "id": "again", "amount": 7, "created_by": "me", "created_at": "yesterday"}
    operation = till.api.post(f"{till.path}/authorizations", sent)
    assert operation["id"] == "again"
    assert operation["amount"] == 40
    assert operation["created_by"] == till.api.credentials.id
    assert operation["created_at"] >= read["created_at"]


# ------------------------------------------------------------------------- what follows from it


STEPS = [
    ("authorizations", 100, Money(0, 100, 100, 0, 100, "pending")),
    ("captures", 30, Money(0, 70, 70, 30, 70, "partially_paid")),
    ("captures", 50, Money(0, 20, 20, 80, 20, "partially_paid")),
    ("cancellations", 20, Money(20, 0, 0, 80, 20, "partially_paid")),
    ("authorizations", 20, Money(0, 20, 20, 80, 20, "partially_paid")),
    ("captures", 20, Money(0, 0, 0, 100, 0, "paid")),
    ("refunds", 1, Money(0, 0, 0, 99, 0, "partially_refunded")),
    ("refunds", 99, Money(0, 0, 0, 0, 0, "refunded")),
]


def test_the_order_follows_every_operation(till: Till) -> None:
    """What is left, what is due and the status; each operation leaves one event of its own."""
    assert till.money() == Money(100, 0, 0, 0, 100, "pending")
    for number, (kind, amount, money) in enumerate(STEPS, 2):
        till.record(kind, {1: amount})
        assert till.money() == money
        event = till.order()["events"][-1]
        assert event["version"] == number
        assert event["request"]["method"] == "POST"
        assert event["request"]["path"].endswith(f"{till.path}/{kind}")
        assert f'"amount": {amount}' in event["request"]["body"]
    assert len(till.order()["events"]) == len(STEPS) + 1
    statuses = {order["payment_status"] for order in till.api.get("orders")["orders"]}
    assert statuses == {"refunded"}
    assert till.api.get("orders", payment_status="paid")["orders"] == []
    assert len(till.api.get("orders", payment_status="refunded")["orders"]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_attempt_that_failed_is_shown_and_not_counted(api: Api, kind: str) -> None:
    """However often and however much: nothing changes but the list, and each leaves its event."""
    till = ready(api, kind)
    before, events = till.money(), len(till.order()["events"])
    for _ in range(2):
        till.record(kind, {1: 100_000, 2: 100}, success=False)
    assert till.money() == before
    assert [each["success"] for each in till.listed(kind)][-2:] == [False, False]
    assert len(till.order()["events"]) == events + 2
    till.record(kind, {1: 100})


def test_an_updating_draft_is_followed(till: Till) -> None:
    """New lines are to be authorized, reversed ones to be brought back; the status follows."""
    till.authorize({1: 100})
    till.capture({1: 100})
    assert till.money() == Money(0, 0, 0, 100, 0, "paid")
    till.update(line(50, 2))
    assert till.money() == Money(50, 0, 0, 100, 50, "partially_paid")
    till.update(reversal(3, of=1, gross_amount=-100))
    assert till.money() == Money(-50, 0, 0, 100, -50, "paid")
    till.authorize({2: 50, 3: -100})
    till.capture({2: 50, 3: -100})
    assert till.money() == Money(0, 0, 0, 50, 0, "paid")
    till.refund({2: 50})
    assert till.money() == Money(0, 0, 0, 0, 0, "refunded")


def test_an_order_with_operations_is_not_replaced(till: Till) -> None:
    """Not even when the only one failed: it names a line. A session names nothing that was paid."""
    options = {"order_id": till.order_id, "replace": "order"}
    till.api.post(f"{till.path}/sessions", SESSION)
    draft = till.api.draft(line(70, 1), options=options)
    till.api.complete(draft)
    assert till.money() == Money(70, 0, 0, 0, 70, "pending")
    draft = till.api.draft(line(30, 1), options=options)
    till.authorize({1: 70}, success=False)
    path = f"draft_orders/{draft['id']}/complete"
    till.api.refused("ORDER_HAS_PAYMENTS", "PUT", path, {})
    assert till.money() == Money(70, 0, 0, 0, 70, "pending")


def test_the_time_to_live_runs_on_from_an_operation(api: Api) -> None:
    """A payment is a change of the order."""
    till = Till(api, api.order(line(100, 1), time_to_live=86_400))
    before = till.order()["time_to_live_expires_at"]
    till.authorize({1: 100})
    order = till.order()
    assert order["time_to_live_expires_at"] > before
    assert order["time_to_live_expires_at"][11:] == order["updated_at"][11:]


# ----------------------------------------------------------------------- close, open, cancel


def test_a_closed_order_takes_refunds_only(till: Till) -> None:
    """Until it is open again."""
    till.authorize({1: 100})
    till.capture({1: 60})
    till.api.post(f"{till.path}/close")
    for kind in ("authorizations", "captures", "cancellations"):
        till.refused("ORDER_CLOSED", kind, {1: 10})
    till.api.refused("ORDER_CLOSED", "POST", f"{till.path}/sessions", SESSION)
    till.refund({1: 20})
    assert till.money() == Money(0, 40, 40, 40, 40, "partially_refunded")
    till.api.post(f"{till.path}/open")
    till.capture({1: 40})
    assert till.money() == Money(0, 0, 0, 80, 0, "partially_refunded")


def test_an_order_that_holds_money_is_not_cancelled(till: Till) -> None:
    """The refusal says how much; refunded to the end, it can be."""
    till.authorize({1: 100})
    till.capture({1: 60})
    till.refund({1: 20})
    error = till.api.refused("ORDER_HAS_PAYMENTS", "POST", f"{till.path}/cancel", {})
    assert error.items() >= {"captured": 60, "refunded": 20, "remaining": 40}.items()
    till.refund({1: 40})
    till.api.post(f"{till.path}/cancel", {"cancelled_reason": "customer"})
    assert till.money() == Money(0, 40, 40, 0, 0, "refunded")


def test_a_cancelled_order_takes_cancellations_of_what_is_authorized(till: Till) -> None:
    """Nothing is due on it any more, and nothing else is taken."""
    till.authorize({1: 100})
    till.api.post(f"{till.path}/cancel", {})
    for kind in ("authorizations", "captures", "refunds"):
        till.refused("ORDER_CANCELLED", kind, {1: 10})
    till.api.refused("ORDER_CANCELLED", "POST", f"{till.path}/sessions", SESSION)
    till.cancel({1: 70})
    assert till.money() == Money(0, 30, 30, 0, 0, "pending")
    till.refused("CANCELLATION_EXCEEDS_AUTHORIZATION", "cancellations", {1: 31})
    till.cancel({1: 30})
    assert till.money() == Money(0, 0, 0, 0, 0, "pending")


# ------------------------------------------------------------------ several authorizations


def test_an_order_of_several_authorizations_shows_which_one(api: Api) -> None:
    """Named in the request, kept, shown; the inequalities hold under each."""
    order = api.order(line(100, 1), options={"multiple_authorizations": True})
    assert order["multiple_authorizations"] is True
    till = Till(api, order)
    first, second = (till.authorize({1: 50})["id"] for _ in range(2))
    error = till.refused("AUTHORIZATION_ID_REQUIRED", "captures", {1: 50})
    assert paths_of(error) == [["authorization_id"]]
    assert first in error["errors"][0]["description"]
    till.capture({1: 50}, authorization_id=first)
    error = till.refused("REFUND_EXCEEDS_CAPTURE", "refunds", {1: 1}, authorization_id=second)
    assert "under authorization" in error["message"]
    refund = till.refund({1: 50}, authorization_id=first)
    assert refund["authorization_id"] == first
    till.cancel({1: 50}, authorization_id=second)
    assert till.money() == Money(50, 0, 0, 0, 50, "refunded")
    till.refused("NOT FOUND", "captures", {1: 1}, authorization_id="another")


# ---------------------------------------------------------------------------------- retrying


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_makes_an_operation_once(api: Api, kind: str) -> None:
    """The same request again gets the first answer; another one under the key is refused."""
    till = ready(api, kind)
    headers = {"Idempotency-Key": "K-1"}
    answers = [till.send(kind, {1: 40}, headers) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [
        None,
        "true",
        "true",
    ]
    assert till.send(kind, {1: 41}, headers).status_code == 422
    assert len(till.listed(kind)) == 1


def test_a_refused_operation_frees_its_key(till: Till) -> None:
    """Once what was missing is there, the same request under the same key is taken."""
    headers = {"Idempotency-Key": "K-1"}
    assert till.send("captures", {1: 40}, headers).status_code == 409
    till.authorize({1: 100})
    assert till.send("captures", {1: 40}, headers).status_code == 200
    assert till.money().refund == 40


@pytest.mark.parametrize("kind", KINDS)
def test_an_own_id_makes_an_operation_once(api: Api, kind: str) -> None:
    """The same content again is the same fact, also later; other content is a conflict."""
    till = ready(api, kind)
    asked = {**FULL, "id": "PSP-1"}
    first = api.post(f"{till.path}/{kind}", asked)
    assert first["id"] == "PSP-1"
    version = till.order()["version"]
    assert api.post(f"{till.path}/{kind}", asked) == first
    api.refused("ID_TAKEN", "POST", f"{till.path}/{kind}", asked | {"processed_by": "me"})
    api.refused("ID_TAKEN", "POST", f"{till.path}/{kind}", body({1: 60}, id="PSP-1"))
    assert (till.order()["version"], len(till.listed(kind))) == (version, 1)
    assert len(till.order()["events"]) == version
    if kind == "authorizations":
        till.capture({1: 60, 2: 40}, id="PSP-1")
    api.post(f"{till.path}/close")
    assert api.post(f"{till.path}/{kind}", asked) == first


def test_an_own_id_with_signs_in_it_has_a_link_that_works(till: Till) -> None:
    """What a client may call its operation, it can find again."""
    operation = till.authorize({1: 100}, id="PSP #1?æ")
    assert operation["id"] == "PSP #1?æ"
    assert till.api.get(operation["_links"][0]["href"]) == operation


@pytest.mark.parametrize("kind", KINDS)
def test_a_stale_version_records_nothing(api: Api, kind: str) -> None:
    """Whoever says which version was seen is not surprised by another."""
    till = ready(api, kind)
    version = till.order()["version"]
    stale = till.send(kind, {1: 40}, {"If-Match": f'"{version - 1 or 99}"'})
    assert stale.status_code == 412
    assert stale.json()["error"]["version"] == version
    assert till.listed(kind) == []
    assert till.send(kind, {1: 40}, {"If-Match": f'"{version}"'}).status_code == 200


# ---------------------------------------------------------------------------------- refusals


def test_what_is_wrong_with_the_items_is_listed_at_once(api: Api) -> None:
    """Each with its place; the code is that of the gravest."""
    till = Till(api, api.order(line(100, 1), line(100, 2)))
    items = [(1, -5), (9, 10), (2, 0), (2, 7)]
    asked = {"items": [{"line_id": line_id, "amount": amount} for line_id, amount in items]}
    error = api.refused("INVALID_AMOUNTS", "POST", f"{till.path}/authorizations", asked)
    assert codes_of(error) == ["AMOUNT_SIGN", "LINE_NOT_FOUND", "ZERO_AMOUNT", "LINE_TWICE"]
    assert paths_of(error) == [
        ["items", 0, "amount"],
        ["items", 1, "line_id"],
        ["items", 2, "amount"],
        ["items", 3, "line_id"],
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"items": []},
        {"items": [{"line_id": 1}]},
        {"items": [{"amount": 1}]},
        {"items": [{"line_id": "1", "amount": 1}]},
        {"items": [{"line_id": 1, "amount": 1.0}]},
        {"items": [{"line_id": 1, "amount": "1"}]},
        {"items": [{"line_id": 1, "amount": True}]},
        {"items": [{"line_id": 1, "amount": 9_007_199_254_740_992}]},
        {"items": [{"line_id": 1, "amount": 1, "conversion_rate_ppm": 0}]},
        {"items": [{"line_id": 1, "amount": 1}] * 2001},
        body({1: 1}, success="true"),
        body({1: 1}, processed_at="yesterday"),
        body({1: 1}, id="x" * 41),
        body({1: 1}, metadata={str(key): 1 for key in range(201)}),
        body({1: 1}, payment_details={"card": {"metadata": {"a": "x" * 65_536}}}),
    ],
)
def test_a_body_that_does_not_fit_is_refused(sqlite_api: Api, asked: Json) -> None:
    """By all four kinds, and nothing is recorded."""
    till = Till(sqlite_api, sqlite_api.order(line(100, 1)))
    for kind in KINDS:
        sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", f"{till.path}/{kind}", asked)
    assert till.order()["version"] == 1


def test_a_sum_that_cannot_be_kept_is_refused_before_it_is_stored(api: Api) -> None:
    """The order stays readable, and what fits is still taken."""
    most = 9_007_199_254_740_991
    untaxed = {"tax_lines": [{"amount": 0}]}
    till = Till(api, api.order(line(most, 1, **untaxed), line(-most, 2, **untaxed)))
    till.update(line(most, 3, **untaxed))
    till.refused("AMOUNT_TOO_LARGE", "authorizations", {1: most, 3: most})
    items = [{"line_id": "1"}, {"line_id": "3"}]
    api.refused("AMOUNT_TOO_LARGE", "POST", f"{till.path}/sessions", SESSION | {"items": items})
    till.authorize({1: most, 2: -most, 3: most})
    assert till.money() == Money(0, most, most, 0, most, "pending")


def test_another_account_sees_none_of_it(site: Site) -> None:
    """Its client is told that there is no such order."""
    mine, theirs = site.new_account(), site.new_account()
    till = Till(mine, mine.order(line(100, 1)))
    operation = till.authorize({1: 100})
    other = Till(theirs, till.order_id)
    other.refused("NOT FOUND", "captures", {1: 100})
    theirs.refused("NOT FOUND", "GET", f"{till.path}/authorizations/{operation['id']}")
    theirs.refused("NOT FOUND", "GET", f"{till.path}/proof")
