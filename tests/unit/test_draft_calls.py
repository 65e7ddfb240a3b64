"""The rows of the API for drafts: answers, events, own ids, versions, and what is not there."""

import json

import pytest

from ordrebok.decision import Commit, Decision, Fetch, Key, Listing
from ordrebok.refusals import Refusal
from tests.support.builders import (
    ACCOUNT,
    ACTOR,
    DRAFTS_PATH,
    FakeState,
    Json,
    a_draft,
    an_order,
    an_update_of,
    carried_out,
    done,
    fault_codes,
    lines,
    plan_of,
    refused,
)

CREATE = "aid_draft_orders_post"
READ = "aid_draft_orders_id_get"
LIST = "aid_draft_orders_get"
UPDATE = "aid_draft_orders_id_put"
DELETE = "aid_draft_orders_id_delete"
ADD = "aid_draft_orders_id_items_post"
REPLACE = "aid_draft_orders_id_items_line_id_put"
REMOVE = "aid_draft_orders_id_items_line_id_delete"

ITEM = {"gross_amount": 100, "tax_lines": [{"percentage": 25}]}


def test_a_created_draft_is_answered_with_its_first_event() -> None:
    """A creation leaves an event that shows no request."""
    state = FakeState()
    answer = done(state, CREATE, {"order": {"currency": "NOK", "items": [ITEM]}})
    assert (answer["id"], answer["version"], answer["order"]["gross_amount"]) == ("id-1", 1, 100)
    (event,) = answer["events"]
    assert (event["version"], event["event_type"], "request" in event) == (1, "api-event", False)
    assert state.draft("id-1").version == 1


def test_the_same_draft_under_an_own_id_is_made_once() -> None:
    """Coming again with the same content, it is answered as it now stands."""
    state, body = FakeState(), {"id": "mine", "order": {"currency": "NOK", "items": [ITEM]}}
    first = done(state, CREATE, body)
    done(state, UPDATE, {"order": {"comment": "since then"}}, id="mine")
    again = done(state, CREATE, {"order": {"items": [ITEM], "currency": "NOK"}, "id": "mine"})
    assert (first["version"], again["version"], again["order"]["comment"]) == (1, 2, "since then")
    assert len(again["events"]) == 2


def test_another_draft_under_a_taken_id_is_refused() -> None:
    """Nothing is written over."""
    state, body = FakeState(), {"id": "mine", "order": {"currency": "NOK"}}
    done(state, CREATE, body)
    refusal = refused(state, CREATE, {"id": "mine", "order": {"currency": "SEK"}})
    assert (refusal.code, refusal.status, refusal.data) == ("ID_TAKEN", 409, {"id": "mine"})
    assert state.draft("mine").version == 1


def test_every_change_leaves_one_event_with_its_request() -> None:
    """The event says what was asked, by whom, and which version it made."""
    state = FakeState(a_draft(lines(100)))
    done(state, ADD, ITEM, id="draft-1")
    answer = done(state, REMOVE, id="draft-1", line_id="1")
    added, removed = answer["events"]
    assert (added["version"], removed["version"], added["created_by"]) == (2, 3, ACTOR)
    assert added["request"]["method"] == "POST"
    assert added["request"]["path"] == f"{DRAFTS_PATH}/draft-1/items"
    assert json.loads(added["request"]["body"]) == ITEM
    assert removed["request"]["method"] == "DELETE"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [([], 2), (["true"], 2), (["api-event"], 2), (["service-event"], 0), (["false"], None)],
)
def test_a_draft_shows_the_events_that_are_asked_for(
    choice: list[str], expected: int | None
) -> None:
    """Absent means all of them, and false leaves the property out."""
    state = FakeState(a_draft(lines(100)))
    done(state, ADD, ITEM, id="draft-1")
    shown = {"include_events": choice}
    for row_id, body in ((UPDATE, {}), (READ, None)):
        answer = done(state, row_id, body, query=shown, id="draft-1")
        count = len(answer["events"]) if "events" in answer else None
        assert count == expected


def test_a_draft_is_replaced_and_added_to_through_its_rows() -> None:
    """The rows of the table lead to the rules."""
    state = FakeState(a_draft(lines(100)))
    assert done(state, ADD, ITEM, id="draft-1")["order"]["net_amount"] == 200
    body = dict(ITEM, gross_amount=50)
    assert done(state, REPLACE, body, id="draft-1", line_id="2")["order"]["net_amount"] == 150
    assert done(state, REMOVE, id="draft-1", line_id="1")["order"]["net_amount"] == 50


def test_the_wallet_of_the_buyer_is_loaded_with_the_draft() -> None:
    """Where the request names the customer, and where the draft had one when it was written."""
    wallet = Key(ACCOUNT, "discount_wallet", "C1")
    query = {"apply_discounts": True}
    body = {"id": "bought", "order": {"currency": "NOK", "customer": {"id": "C1"}}}
    created = plan_of(CREATE, body, query=query)
    assert isinstance(created, Commit)
    assert wallet in created.ahead
    done(FakeState(), CREATE, body)
    for asked, expected in ((query, True), ({}, False)):
        added = plan_of(ADD, ITEM, query=asked, id="bought")
        assert isinstance(added, Commit)
        assert (wallet in added.ahead) is expected


def test_an_added_line_leaves_the_numbers_of_the_updated_order_alone() -> None:
    """The row looks the order up that the draft's options name."""
    order = an_order(lines(100, 100))
    state = FakeState(order, an_update_of(order, []))
    assert done(state, ADD, ITEM, id="draft-1")["order"]["items"][0]["line_id"] == 3
    assert refused(state, ADD, dict(ITEM, line_id=2), id="draft-1").code == "LINE_ID_TAKEN"


@pytest.mark.parametrize(
    ("row_id", "body", "params"),
    [
        (UPDATE, {}, {}),
        (DELETE, None, {}),
        (ADD, ITEM, {}),
        (REPLACE, ITEM, {"line_id": "1"}),
        (REMOVE, None, {"line_id": "1"}),
        (READ, None, {}),
    ],
)
def test_a_draft_that_is_not_there_is_not_found(
    row_id: str, body: Json | None, params: dict[str, str]
) -> None:
    """Whatever is asked of it."""
    refusal = refused(FakeState(), row_id, body, id="nowhere", **params)
    assert (refusal.code, refusal.status) == ("NOT FOUND", 404)


@pytest.mark.parametrize("line_id", ["x", "-1", "1.0", "", "²", "12345678901234567", "9"])
def test_a_line_number_that_no_line_could_have_is_not_found(line_id: str) -> None:
    """A path is not a body: nothing there is wrong, there is just nothing there."""
    state = FakeState(a_draft(lines(100)))
    for row_id, body in ((REPLACE, ITEM), (REMOVE, None)):
        assert refused(state, row_id, body, id="draft-1", line_id=line_id).code == "NOT FOUND"


def test_a_draft_is_deleted_once() -> None:
    """Deleting again answers the deleted draft and changes nothing."""
    state = FakeState(a_draft(lines(100)))
    first = done(state, DELETE, id="draft-1")
    again = done(state, DELETE, id="draft-1")
    assert (first["status"], first["version"]) == ("deleted", 2)
    assert again == first
    assert done(state, READ, id="draft-1")["status"] == "deleted"


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', "1", '"7", "1"', "*"])
def test_a_change_with_the_current_version_is_made(tag: str) -> None:
    """If-Match is taken in every form that clients write."""
    state = FakeState(a_draft(lines(100)))
    assert done(state, UPDATE, {}, if_match=tag, id="draft-1")["version"] == 2


@pytest.mark.parametrize("row", [(UPDATE, {}), (DELETE, None), (ADD, ITEM)])
def test_a_change_of_a_stale_version_is_refused(row: tuple[str, Json | None]) -> None:
    """The refusal tells the current version, and nothing is changed."""
    state = FakeState(a_draft(lines(100)))
    done(state, ADD, ITEM, id="draft-1")
    refusal = refused(state, *row, if_match='"1"', id="draft-1")
    assert (refusal.code, refusal.status, refusal.data) == ("STALE_VERSION", 412, {"version": 2})
    assert state.draft().version == 2


def test_a_refused_change_decides_nothing() -> None:
    """The draft stands as before, without a new event."""
    state = FakeState(a_draft(lines(100)))
    refused(state, ADD, dict(ITEM, line_id=1), id="draft-1")
    assert (state.draft().version, state.log) == (1, {})


def test_a_decision_runs_again_with_the_same_outcome() -> None:
    """The store may run a decision several times; nothing is kept between the runs."""
    state = FakeState(a_draft(lines(100)))
    plan = plan_of(ADD, ITEM, id="draft-1")
    assert isinstance(plan, Commit)
    first, again = plan.run(state), plan.run(state)
    assert isinstance(first, Decision)
    assert isinstance(again, Decision)
    assert first.puts[0].document == again.puts[0].document


def test_the_list_of_drafts_carries_its_filters() -> None:
    """Bounds become milliseconds; a list shows no events unless asked."""
    plan = plan_of(
        LIST,
        query={
            "limit": 5,
            "status": ["open", "deleted"],
            "created_at.gte": "1970-01-01T00:00:01Z",
            "created_at.lte": "1970-01-01T01:00:02+01:00",
            "total": True,
        },
    )
    assert isinstance(plan, Listing)
    assert (plan.account_id, plan.kind, plan.limit, plan.after) == (ACCOUNT, "draft", 5, None)
    assert (plan.created_gte_ms, plan.created_lte_ms) == (1_000, 2_000)
    assert (plan.statuses, plan.with_total) == (("open", "deleted"), True)
    assert plan.with_events is False


def test_a_cursor_that_no_list_gave_is_refused() -> None:
    """It must come from a page before."""
    answer = carried_out(FakeState(), plan_of(LIST, query={"starting_after": "???"}))
    assert isinstance(answer, Refusal)
    assert (answer.code, fault_codes(answer)) == ("INVALID_REQUEST_PARAMETER", ["INVALID_CURSOR"])


def test_drafts_of_another_account_are_out_of_reach() -> None:
    """The account of the path is part of every key."""
    plan = plan_of(READ, id="draft-1")
    assert isinstance(plan, Fetch)
    assert plan.key == Key(ACCOUNT, "draft", "draft-1")
