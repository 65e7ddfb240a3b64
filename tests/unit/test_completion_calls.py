"""Completing by the rows of the API: exactly once, under which names, with which events."""

import json
from uuid import RFC_4122, UUID

import pytest
from msgspec.structs import replace

from ordrebok.decision import Commit, Decision, Key
from ordrebok.ids import NINE_ALPHABET, new_uuid, nine_of
from ordrebok.wire.draft import Draft, Options
from tests.support.builders import (
    ACCOUNT,
    ACTOR,
    NOW,
    FakeState,
    Json,
    a_body,
    a_deleted_draft,
    a_draft,
    an_order,
    an_update_of,
    done,
    fault_codes,
    lines,
    plan_of,
    refused,
)

COMPLETE = "aid_draft_orders_id_complete_put"
UPDATE = "aid_draft_orders_id_put"
POST = "aid_orders_post"

ITEM = {"gross_amount": 100, "tax_lines": [{"percentage": 25}]}
ORDER = {"currency": "NOK", "items": [ITEM]}


def completed(draft: Draft, *others: Draft) -> tuple[FakeState, Json]:
    """Return the state and the answer after completing a draft."""
    state = FakeState(draft, *others)
    return state, done(state, COMPLETE, {}, id=draft.id)


def a_split_draft(order_number: str | None = None) -> Draft:
    """Return a draft that becomes two orders."""
    items = [a_body(1, 1, store="A"), a_body(2, 2, store="B")]
    return a_draft(items, options=Options(split_draft=True), order_number=order_number)


def test_completing_answers_the_drafts_envelope_with_its_orders() -> None:
    """The orders stand in it without events; the draft's own content does not."""
    state, answer = completed(a_draft(lines(39_800)))
    assert (answer["id"], answer["status"], len(answer["orders"])) == ("draft-1", "completed", 1)
    assert {"order", "version", "events", "options"}.isdisjoint(answer)
    assert (answer["created_at"], answer["created_by"]) == (NOW.text, ACTOR)
    assert [link["rel"] for link in answer["_links"]] == ["draft", "order"]
    order = answer["orders"][0]
    assert (order["gross_amount"], order["version"]) == (39_800, 1)
    assert {"events", "state"}.isdisjoint(order)
    assert (state.draft().status, state.draft().order_ids) == ("completed", (order["order_id"],))


@pytest.mark.parametrize("body", [None, {}, {"anything": 1}])
def test_completing_needs_no_body(body: Json | None) -> None:
    """Known clients send none."""
    state = FakeState(a_draft(lines(1)))
    assert done(state, COMPLETE, body, id="draft-1")["status"] == "completed"


def test_a_draft_is_completed_once() -> None:
    """Again, it answers with the same order, as that now stands, and changes nothing."""
    state, first = completed(a_draft(lines(1)))
    order_id = first["orders"][0]["order_id"]
    key = Key(ACCOUNT, "order", order_id)
    state.documents[key] = replace(state.order(order_id), comment="since then", version=2)
    again = done(state, COMPLETE, {}, id="draft-1")
    assert [order["order_id"] for order in again["orders"]] == [order_id]
    assert again["orders"][0]["comment"] == "since then"
    assert (state.draft().version, state.numbers_given, len(state.log[key])) == (2, 1, 1)


def test_the_decision_that_loses_a_race_gives_the_winners_answer() -> None:
    """Both were asked before either was made; one order comes of it."""
    state = FakeState(a_draft(lines(1)))
    first, second = (plan_of(COMPLETE, {}, id="draft-1") for _ in range(2))
    assert isinstance(first, Commit)
    assert isinstance(second, Commit)
    won = first.run(state)
    assert isinstance(won, Decision)
    state.apply(won)
    lost = second.run(state)
    assert isinstance(lost, Decision)
    assert (lost.puts, lost.answer) == ((), won.answer)


def test_a_deleted_draft_is_not_completed() -> None:
    """What was thrown away does not come back as an order."""
    refusal = refused(FakeState(a_deleted_draft()), COMPLETE, {}, id="draft-1")
    assert (refusal.code, refusal.status) == ("DRAFT_DELETED", 409)
    assert refused(FakeState(), COMPLETE, {}, id="draft-1").code == "NOT FOUND"


def test_an_incomplete_draft_says_what_is_missing() -> None:
    """It stays open and can be completed once that is repaired."""
    state = FakeState(a_draft([a_body(1, 1, related=("required", 7))]))
    refusal = refused(state, COMPLETE, {}, id="draft-1")
    assert (refusal.code, refusal.status) == ("DRAFT_INCOMPLETE", 409)
    assert fault_codes(refusal) == ["RELATED_LINE_MISSING"]
    done(state, UPDATE, {"order": {"items": [ITEM]}}, id="draft-1")
    assert done(state, COMPLETE, {}, id="draft-1")["status"] == "completed"


def test_the_draft_and_its_order_each_leave_one_event() -> None:
    """The order's event names the draft and, as a creation, shows no request."""
    state, answer = completed(a_draft(lines(1)))
    (of_draft,) = state.log[Key(ACCOUNT, "draft", "draft-1")]
    (of_order,) = state.log[Key(ACCOUNT, "order", answer["orders"][0]["order_id"])]
    assert json.loads(of_draft)["request"]["method"] == "PUT"
    event = json.loads(of_order)
    assert (event["draft_id"], event["version"]) == ("draft-1", 1)
    assert "request" not in event


# -------------------------------------------------------------------------------------- names


def test_an_order_without_a_name_is_called_by_its_id() -> None:
    """Unless the draft asks for something else."""
    for options in (None, Options(generate_order_id="UUID")):
        _, answer = completed(a_draft(lines(1), options=options))
        (order,) = answer["orders"]
        assert order["order_id"] == order["id"]


def test_an_own_order_id_names_the_order() -> None:
    """It wins over a generated one; the id is still a new one."""
    options = Options(generate_order_id="ALPHANUMERIC_9")
    _, answer = completed(a_draft(lines(1), options=options, order_id="my order"))
    (order,) = answer["orders"]
    assert order["order_id"] == "my order"
    assert order["id"] != "my order"


def test_an_own_order_id_that_is_taken_is_refused() -> None:
    """Nothing is written, neither draft nor order."""
    draft = a_draft(lines(1), order_id="order-1")
    state = FakeState(draft, an_order())
    refusal = refused(state, COMPLETE, {}, id="draft-1")
    assert (refusal.code, refusal.status) == ("ORDER_ID_TAKEN", 409)
    assert [fault.path for fault in refusal.faults] == [("order", "order_id")]
    assert (state.draft(), state.log) == (draft, {})


def test_an_order_id_of_nine_characters_can_be_read_out() -> None:
    """None of the letters is one that people misread."""
    options = Options(generate_order_id="ALPHANUMERIC_9")
    _, answer = completed(a_draft(lines(1), options=options))
    order_id = answer["orders"][0]["order_id"]
    assert len(order_id) == 9
    assert set(order_id) <= set(NINE_ALPHABET)


def test_a_generated_order_id_that_is_taken_is_drawn_again() -> None:
    """Also when several orders need one; and not again when the decision runs a second time."""
    items = [a_body(1, 1, store="A"), a_body(1, 2, store="B")]
    options = Options(split_draft=True, generate_order_id="ALPHANUMERIC_9")
    # Every order draws an id of its own first: id-1 and id-4 are those of the two orders.
    taken = [an_order(order_id=nine_of("id-2")), an_order(order_id=nine_of("id-5"))]
    state = FakeState(a_draft(items, options=options), *taken)
    plan = plan_of(COMPLETE, {}, id="draft-1")
    assert isinstance(plan, Commit)
    for _ in range(2):
        state.ids_given = 0
        decision = plan.run(state)
        assert isinstance(decision, Decision)
        given = [put.key.id for put in decision.puts]
        assert given == ["draft-1", nine_of("id-3"), nine_of("id-6")]


def test_new_ids_do_not_repeat() -> None:
    """They are random, of version 4, and fit the ids of the contract."""
    ids = {new_uuid() for _ in range(100)}
    assert len(ids) == 100
    assert all(str(UUID(each)) == each for each in ids)
    assert {(UUID(each).version, UUID(each).variant) for each in ids} == {(4, RFC_4122)}
    assert len({nine_of(each) for each in ids}) == 100


def test_an_order_without_a_number_gets_a_serial_one() -> None:
    """Each draft the next."""
    state = FakeState(a_draft(lines(1)), a_draft(lines(1), draft_id="draft-2"))
    seen = [
        done(state, COMPLETE, {}, id=draft_id)["orders"][0]["order_number"]
        for draft_id in ("draft-1", "draft-2")
    ]
    assert seen == ["100001", "100002"]


@pytest.mark.parametrize(
    ("number", "suffix", "expected"),
    [
        (None, None, ["100001", "100002"]),
        (None, True, ["100001-1", "100001-2"]),
        ("77", None, ["77", "77"]),
        ("77", True, ["77-1", "77-2"]),
    ],
)
def test_the_orders_of_a_split_draft_are_numbered(
    number: str | None, expected: list[str], *, suffix: bool | None
) -> None:
    """A serial number is never given twice; an own number is the client's to repeat."""
    draft = a_split_draft(number)
    options = replace(draft.options or Options(), serial_order_number_suffix=suffix)
    _, answer = completed(replace(draft, options=options))
    assert [order["order_number"] for order in answer["orders"]] == expected


def test_an_own_number_draws_no_serial_number() -> None:
    """The account's series has no needless gaps."""
    state, _ = completed(a_draft(lines(1), order_number="77"))
    assert state.numbers_given == 0


def test_a_split_draft_becomes_several_orders_at_once() -> None:
    """Every one is written with the draft, and each leaves its own event."""
    state, answer = completed(a_split_draft())
    order_ids = [order["order_id"] for order in answer["orders"]]
    assert [order["store"]["id"] for order in answer["orders"]] == ["A", "B"]
    assert state.draft().order_ids == tuple(order_ids)
    assert all(len(state.log[Key(ACCOUNT, "order", each)]) == 1 for each in order_ids)


# ------------------------------------------------------------------------ updates of an order


def test_completing_an_update_changes_its_order() -> None:
    """The order's event names the draft and shows the request, as of any update."""
    order = an_order(lines(100))
    state = FakeState(order, an_update_of(order, [a_body(50, 2)]))
    answer = done(state, COMPLETE, {}, id="draft-1")
    assert [(each["order_id"], each["version"]) for each in answer["orders"]] == [("order-1", 2)]
    assert state.order().gross_amount == 150
    (event,) = state.log[Key(ACCOUNT, "order", "order-1")]
    assert json.loads(event)["draft_id"] == "draft-1"
    assert json.loads(event)["request"]["path"].endswith("/draft-1/complete")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"status": "closed"}, "ORDER_NOT_OPEN"), ({"currency": "SEK"}, "CURRENCY_MISMATCH")],
)
def test_an_order_that_changed_since_is_not_updated(fields: Json, expected: str) -> None:
    """The draft stays open."""
    order = an_order(lines(100))
    draft = an_update_of(order, [a_body(50, 2)])
    state = FakeState(replace(order, **fields), draft)
    assert refused(state, COMPLETE, {}, id="draft-1").code == expected
    assert state.draft().status == "open"


def test_an_order_that_is_gone_is_not_updated() -> None:
    """It was there when the draft was made."""
    state = FakeState(an_update_of(an_order(lines(100)), [a_body(50, 2)]))
    assert refused(state, COMPLETE, {}, id="draft-1").code == "NOT FOUND"


def test_two_drafts_cannot_bring_the_same_line_number() -> None:
    """The second one is told, and can be repaired."""
    order = an_order(lines(100))
    drafts = [replace(an_update_of(order, [a_body(1, 2)]), id=f"draft-{n}") for n in (1, 2)]
    state = FakeState(order, *drafts)
    done(state, COMPLETE, {}, id="draft-1")
    refusal = refused(state, COMPLETE, {}, id="draft-2")
    assert (refusal.code, fault_codes(refusal)) == ("DRAFT_INCOMPLETE", ["LINE_ID_TAKEN"])
    done(state, UPDATE, {"order": {"items": [ITEM]}}, id="draft-2")
    done(state, COMPLETE, {}, id="draft-2")
    assert [item.line_id for item in state.order().items] == [1, 2, 3]


# ---------------------------------------------------------------------- orders without a draft


@pytest.mark.parametrize("body", [ORDER, {"order": ORDER}, {"order": ORDER, "options": {}}])
def test_an_order_is_made_without_a_draft(body: Json) -> None:
    """Both forms of the body are taken, and no draft is kept."""
    state = FakeState()
    answer = done(state, POST, body)
    assert (answer["gross_amount"], answer["order_number"], answer["version"]) == (100, "100001", 1)
    assert (answer["state"], len(answer["events"])) == ("pending", 1)
    assert "draft_id" not in answer["events"][0]
    assert [key.kind for key in state.documents] == ["order"]


def test_an_order_without_a_draft_takes_the_options_that_need_none() -> None:
    """Such as the time to live, the suffix, and how it is named."""
    options = {
        "order_time_to_live": 86_400,
        "serial_order_number_suffix": True,
        "generate_order_id": "ALPHANUMERIC_9",
    }
    answer = done(FakeState(), POST, {"order": ORDER, "options": options})
    assert (answer["time_to_live"], answer["order_number"]) == (86_400, "100001-1")
    assert len(answer["order_id"]) == 9


@pytest.mark.parametrize(
    "options", [{"split_draft": True}, {"order_id": "order-1"}, {"replace": "order"}]
)
def test_options_that_need_a_draft_are_refused(options: Json) -> None:
    """One order is answered, so one order is made."""
    refusal = refused(FakeState(an_order()), POST, {"order": ORDER, "options": options})
    assert (refusal.code, fault_codes(refusal)) == ("INVALID_REQUEST_PARAMETER", ["USE_A_DRAFT"])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"currency": "NOK"}, "DRAFT_INCOMPLETE"),
        (dict(ORDER, order_id="order-1"), "ORDER_ID_TAKEN"),
        (dict(ORDER, items=[dict(ITEM, discount_lines=[{"amount": 101}])]), "INVALID_AMOUNTS"),
    ],
)
def test_an_order_without_a_draft_is_held_to_the_same_rules(order: Json, expected: str) -> None:
    """What keeps a draft from being completed keeps an order from being made."""
    state = FakeState(an_order())
    assert refused(state, POST, order).code == expected
    assert list(state.documents) == [Key(ACCOUNT, "order", "order-1")]


def test_a_new_order_shows_its_events_only_if_wanted() -> None:
    """As every single order does."""
    answer = done(FakeState(), POST, ORDER, query={"include_events": ["false"]})
    assert {"events", "state"}.isdisjoint(answer)
