"""What all rows of the API share: versions, keys for retrying, and what they have loaded."""

import pytest
from msgspec.structs import fields, replace

from ordrebok.decision import Commit, Decision, Fetch, Idempotency
from ordrebok.operation import READ, WRITE
from tests.support.builders import (
    ACCOUNT,
    ROWS,
    FakeState,
    Json,
    a_call,
    a_draft,
    an_order,
)

ITEM = {"gross_amount": 100, "tax_lines": [{"percentage": 25}]}
ORDER = {"currency": "NOK", "items": [ITEM]}
BODIES: dict[str, Json] = {
    "aid_draft_orders_post": {"order": ORDER},
    "aid_draft_orders_id_put": {},
    "aid_draft_orders_id_complete_put": {},
    "aid_draft_orders_id_items_post": ITEM,
    "aid_draft_orders_id_items_line_id_put": ITEM,
    "aid_orders_post": ORDER,
    "aid_orders_id_put": {},
    "aid_orders_id_events_post": {"service": "kitchen", "service_status": "ready"},
    "aid_orders_id_comments_post": {"body": "x"},
}
PARAMS = {
    "id": "draft-1",
    "line_id": "1",
    "order_id": "order-1",
    "comment_id": "c-1",
    "store_id": "s-1",
    "customer_id": "c-1",
}
CREATING = {"aid_draft_orders_post", "aid_orders_post"}
WRITES = sorted(row.id for row in ROWS.values() if row.method != "GET")
KEY = Idempotency("client", "key", "fingerprint")


def plan_of(row_id: str, events: str = "true") -> Commit | Fetch:
    """Return the plan of a plain request for a row, with a key and an If-Match header."""
    row = ROWS[row_id]
    params = {name: value for name, value in PARAMS.items() if f"{{{name}}}" in row.path}
    names = () if row.query is None else fields(row.query)
    shows = any(field.name == "include_events" for field in names)
    query = {"include_events": [events]} if shows else {}
    call = a_call(row_id, BODIES.get(row_id), query, if_match='"7"', **params)
    plan = row.plan(replace(call, idempotency=KEY))
    assert isinstance(plan, Commit | Fetch)
    return plan


@pytest.mark.parametrize("row_id", WRITES)
def test_every_write_takes_a_key_for_retrying(row_id: str) -> None:
    """The store keeps the key in the transaction of the effect."""
    plan = plan_of(row_id)
    assert isinstance(plan, Commit)
    assert plan.idempotency == KEY


@pytest.mark.parametrize("row_id", WRITES)
def test_every_change_honours_if_match(row_id: str) -> None:
    """A creation changes nothing that could have another version."""
    plan = plan_of(row_id)
    assert isinstance(plan, Commit)
    assert plan.if_match == (None if row_id in CREATING else '"7"')
    assert bool(plan.keys) == (row_id not in CREATING)


@pytest.mark.parametrize("row_id", sorted(ROWS))
def test_a_row_that_answers_versions_says_so(row_id: str) -> None:
    """The documentation shows ETag and If-Match where the answer has a version."""
    row = ROWS[row_id]
    is_list = row.path.endswith("orders") and row.method == "GET"
    assert row.versioned == (not is_list)


@pytest.mark.parametrize("row_id", sorted(ROWS))
def test_reading_needs_a_reading_scope_and_writing_a_writing_one(row_id: str) -> None:
    """Rows about events may have one more of their own."""
    row = ROWS[row_id]
    assert set(row.scopes) >= set(READ if row.method == "GET" else WRITE)
    assert all("events" in scope for scope in set(row.scopes) - {*READ, *WRITE})


@pytest.mark.parametrize("row_id", sorted(ROWS))
def test_a_row_reads_the_account_of_its_path_only(row_id: str) -> None:
    """No key names another account."""
    if row_id in CREATING or ROWS[row_id].path.endswith("orders"):
        return
    plan = plan_of(row_id)
    keys = plan.keys if isinstance(plan, Commit) else (plan.key,)
    assert {key.account_id for key in keys} == {ACCOUNT}


@pytest.mark.parametrize("row_id", sorted(set(BODIES) - CREATING))
@pytest.mark.parametrize("events", ["true", "false"])
def test_events_are_loaded_where_they_are_shown(row_id: str, events: str) -> None:
    """What an answer shows is loaded before the decision runs, and nothing else."""
    plan = plan_of(row_id, events)
    assert isinstance(plan, Commit)
    state = FakeState(a_draft(), an_order())
    assert isinstance(plan.decide(state), Decision)
    assert plan.with_events == bool(state.events_asked)
