"""Comments on an order: written once, listed, taken back, and seen by whom they are for."""

import msgspec
import pytest

from ordrebok.decision import Listing, Page, Stored
from ordrebok.orders.lists import customer_view
from ordrebok.orders.rules import cancel, close
from ordrebok.wire.base import encode
from ordrebok.wire.comment import Comment
from ordrebok.wire.customer import Customer
from ordrebok.wire.event import Event, EventRequest
from ordrebok.wire.location import Store
from ordrebok.wire.order import Order
from tests.support.builders import (
    ACTOR,
    LATER,
    NOW,
    FakeState,
    Json,
    a_body,
    accepted,
    an_order,
    done,
    plan_of,
    refused,
)

ADD = "aid_orders_id_comments_post"
LIST = "aid_orders_id_comments_get"
REMOVE = "aid_orders_id_comments_id_delete"
READ = "aid_orders_id_get"
CUSTOMER = "aid_customers_cid_orders_id_get"
CUSTOMERS = "aid_customers_cid_orders_get"
STORE = "aid_stores_sid_orders_id_get"


def a_comment(comment_id: str, visibility: str = "private", **fields: object) -> Comment:
    """Return a comment that stands on an order."""
    comment = {"id": comment_id, "body": comment_id, "visibility": visibility}
    return msgspec.convert({**comment, "created_at": NOW.text, **fields}, Comment)


def shown(answer: Json) -> list[str]:
    """Return the ids of the comments in an answer."""
    return [comment["id"] for comment in answer.get("comments", [])]


def test_a_comment_is_private_unless_it_says_otherwise() -> None:
    """It says who wrote it and when."""
    state = FakeState(an_order(), now=LATER)
    answer = done(state, ADD, {"body": "Ring the bell"}, order_id="order-1")
    assert answer == {
        "id": "id-1",
        "body": "Ring the bell",
        "visibility": "private",
        "created_at": LATER.text,
        "created_by": ACTOR,
    }
    public = {"body": "On its way", "visibility": "public"}
    assert done(state, ADD, public, order_id="order-1")["visibility"] == "public"


def test_a_comment_is_a_change_of_its_order() -> None:
    """With one event and the next version."""
    state = FakeState(an_order(), now=LATER)
    done(state, ADD, {"body": "x"}, order_id="order-1")
    order = done(state, READ, order_id="order-1")
    assert (order["version"], order["updated_at"], len(order["events"])) == (2, LATER.text, 1)
    assert order["events"][0]["request"]["path"].endswith("/comments")
    assert shown(order) == ["id-1"]


@pytest.mark.parametrize(
    "order",
    [
        accepted(close(an_order(), ACTOR, NOW)),
        accepted(cancel(an_order(), "other", ACTOR, NOW)),
    ],
)
def test_a_comment_is_taken_in_every_status_of_the_order(order: Order) -> None:
    """There is always something to note."""
    state = FakeState(order)
    done(state, ADD, {"body": "x"}, order_id="order-1")
    done(state, REMOVE, order_id="order-1", comment_id="id-1")
    assert state.order().status == order.status


def test_the_same_comment_under_an_own_id_is_one_comment() -> None:
    """Coming again, it is answered and not written."""
    state, body = FakeState(an_order()), {"id": "c-1", "body": "x", "visibility": "public"}
    first = done(state, ADD, body, order_id="order-1")
    assert done(state, ADD, body, order_id="order-1") == first
    assert (len(state.order().comments), state.order().version) == (1, 2)


@pytest.mark.parametrize("change", [{"body": "y"}, {"visibility": "private"}])
def test_another_comment_under_a_taken_id_is_refused(change: Json) -> None:
    """Nothing is written over."""
    state, body = FakeState(an_order()), {"id": "c-1", "body": "x", "visibility": "public"}
    done(state, ADD, body, order_id="order-1")
    refusal = refused(state, ADD, {**body, **change}, order_id="order-1")
    assert (refusal.code, refusal.status, refusal.data) == ("ID_TAKEN", 409, {"id": "c-1"})


def test_a_comment_is_taken_back_once() -> None:
    """It says who took it back; doing it again changes nothing."""
    state = FakeState(an_order(comments=(a_comment("a"), a_comment("b"))), now=LATER)
    first = done(state, REMOVE, order_id="order-1", comment_id="a")
    assert (first["deleted_at"], first["deleted_by"]) == (LATER.text, ACTOR)
    assert done(state, REMOVE, order_id="order-1", comment_id="a") == first
    assert state.order().version == 2


def test_the_list_shows_the_comments_that_stand() -> None:
    """The order itself shows the others, too, with their marks."""
    comments = (a_comment("a"), a_comment("b", deleted_at=NOW.text), a_comment("c", "public"))
    state = FakeState(an_order(comments=comments))
    assert shown(done(state, LIST, order_id="order-1")) == ["a", "c"]
    assert shown(done(state, READ, order_id="order-1")) == ["a", "b", "c"]


def test_what_is_not_there_is_not_found() -> None:
    """Neither a comment nor an order."""
    state = FakeState(an_order())
    for refusal in (
        refused(state, REMOVE, order_id="order-1", comment_id="nothing"),
        refused(state, REMOVE, order_id="nowhere", comment_id="nothing"),
        refused(state, ADD, {"body": "x"}, order_id="nowhere"),
        refused(state, LIST, order_id="nowhere"),
    ):
        assert refusal.code == "NOT FOUND"


def test_a_comment_to_a_stale_version_is_refused() -> None:
    """If-Match is honoured here as on the order itself."""
    state = FakeState(an_order())
    done(state, ADD, {"body": "x"}, order_id="order-1")
    refusal = refused(state, ADD, {"body": "y"}, if_match='"1"', order_id="order-1")
    assert (refusal.code, refusal.data) == ("STALE_VERSION", {"version": 2})


# --------------------------------------------------------------------------- who sees what


def test_a_customer_sees_public_comments_only() -> None:
    """Private ones are left out, and so are those that were taken back."""
    comments = (
        a_comment("private"),
        a_comment("public", "public"),
        a_comment("gone", "public", deleted_at=NOW.text),
    )
    state = FakeState(an_order(comments=comments, customer=Customer(id="c-1")))
    of_customer = done(state, CUSTOMER, customer_id="c-1", order_id="order-1")
    assert shown(of_customer) == ["public"]
    of_store = done(
        FakeState(an_order(comments=comments, store=Store(id="s"))),
        STORE,
        store_id="s",
        order_id="order-1",
    )
    assert shown(of_store) == ["private", "public", "gone"]


def test_a_customer_does_not_see_a_private_comment_through_the_events() -> None:
    """The event of the comment repeats its text for staff alone."""
    state = FakeState(an_order(customer=Customer(id="c-1")))
    done(state, ADD, {"body": "A difficult customer"}, order_id="order-1")
    of_staff = done(state, READ, order_id="order-1")
    of_customer = done(state, CUSTOMER, customer_id="c-1", order_id="order-1")
    assert "difficult" in str(of_staff)
    assert "difficult" not in str(of_customer)
    assert (len(of_customer["events"]), of_customer["state"]) == (1, "pending")


def test_a_customers_list_hides_what_a_single_order_hides() -> None:
    """Both kinds of view are one."""
    comments = (a_comment("secret"), a_comment("open", "public"))
    order = an_order(comments=comments, customer=Customer(id="c-1"))
    plan = plan_of(CUSTOMERS, customer_id="c-1", query={"include_events": ["true"]})
    assert isinstance(plan, Listing)
    request = EventRequest(body="secret", path="/", method="POST")
    event = encode(Event(id="e", created_at=NOW.text, request=request))
    page = plan.render(Page([Stored(1, encode(order), [event])], None))
    assert b'"open"' in page
    assert b"secret" not in page


def test_an_order_without_comments_is_shown_to_its_customer_as_it_is() -> None:
    """The stored bytes are the answer."""
    order = encode(an_order(customer=Customer(id="c-1")))
    assert customer_view(Stored(1, order, ())) == Stored(1, order, [])


@pytest.mark.parametrize("customer", [None, Customer(), Customer(id="c-2")])
def test_another_customers_order_is_not_there(customer: Customer | None) -> None:
    """Not even that it exists is told."""
    state = FakeState(an_order(customer=customer))
    refusal = refused(state, CUSTOMER, customer_id="c-1", order_id="order-1")
    assert (refusal.code, refusal.status) == ("NOT FOUND", 404)


@pytest.mark.parametrize(
    ("order", "is_there"),
    [
        (an_order(store=Store(id="s-1")), True),
        (an_order([a_body(100, 1, store="s-1"), a_body(100, 2, store="s-2")]), True),
        (an_order(store=Store(id="s-2")), False),
        (an_order(), False),
    ],
)
def test_a_store_sees_the_orders_that_name_it(order: Order, *, is_there: bool) -> None:
    """The order's own store, or that of any line."""
    state = FakeState(order)
    if is_there:
        assert done(state, STORE, store_id="s-1", order_id="order-1")["order_id"] == "order-1"
    else:
        assert refused(state, STORE, store_id="s-1", order_id="order-1").code == "NOT FOUND"
