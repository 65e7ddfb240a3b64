"""The audit: what was recorded agrees, and whatever is altered is named."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.audit.plain import plainly_agrees, plainly_fits
from ordrebok.audit.rules import audit, audit_line, of_events, of_order, words_of
from ordrebok.events.rules import with_events
from ordrebok.orders.rules import cancel
from ordrebok.orders.whole import WholeOrder, WrittenEvent, whole
from ordrebok.payments.ledger import KINDS
from ordrebok.payments.proof import proof
from ordrebok.wire.base import encode
from ordrebok.wire.comment import Comment
from ordrebok.wire.event import Event
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation, OperationItem
from tests.support.builders import ACTOR, LATER, NOW, a_body, accepted, an_order, lines
from tests.unit.payment_steps import after

PAID = "A100 C60 R20 X10 A50/2 C50/2"


def events_of(order: Order) -> tuple[Event, ...]:
    """The log that leads to an order's version."""
    return tuple(
        Event(id=f"event-{number}", created_at=NOW.text, version=number, event_type="api-event")
        for number in range(1, order.version + 1)
    )


def paid(steps: str = PAID, *grosses: int) -> Order:
    """An order with operations."""
    return after(an_order(lines(*(grosses or (100, 50)))), steps)


def checks(order: Order) -> list[str]:
    """The names of what does not agree in a document."""
    return [found.check for found in of_order(order)]


def with_first(order: Order, kind: str, **changes: object) -> Order:
    """The order with its first operation of a kind altered."""
    first, *rest = getattr(order, kind)
    return replace(order, **{kind: (replace(first, **changes), *rest)})


def with_details(order: Order, **changes: int) -> Order:
    """The order with some of its payment_details altered."""
    assert order.payment_details is not None
    return replace(order, payment_details=replace(order.payment_details, **changes))


# ------------------------------------------------------------------------------ the document


@pytest.mark.parametrize(
    "order",
    [
        an_order(),
        paid(),
        paid("A100 !C40 C30"),
        paid("A100 X100 A100 C100"),
        an_order(lines(10), time_to_live=86_400),
        an_order([a_body(100, 1), a_body(-60, 2, related=("reversed", 1))]),
        accepted(cancel(paid("A100"), "other", ACTOR, LATER)),
    ],
)
def test_what_the_rules_make_agrees(order: Order) -> None:
    """Nothing is found in an order that nobody altered."""
    assert checks(order) == []
    assert audit(whole(order, events_of(order))) == []


ALTERED: dict[str, tuple[Callable[[Order], Order], str]] = {
    "a total": (lambda order: replace(order, net_amount=151), "net_amount = sum over lines"),
    "a missing total": (lambda order: replace(order, gross_amount=None), "gross_amount = sum"),
    "a net amount": (
        lambda order: replace(
            order, items=(replace(order.items[0], net_amount=99), *order.items[1:])
        ),
        "line 1: net_amount = gross_amount - discounts",
    ),
    "an operation's sum": (
        lambda order: with_first(order, "captures", amount=61),
        "amount = sum over items",
    ),
    "a capture that failed after all": (
        lambda order: with_first(order, "captures", success=False),
        "line 1: refunded <= captured",
    ),
    "an unknown authorization": (
        lambda order: with_first(order, "captures", authorization_id="nobody"),
        "authorizations named that are not there",
    ),
    "payment details": (
        lambda order: with_details(order, amount_due=1),
        "payment_details.amount_due",
    ),
    "the payment status": (lambda order: replace(order, payment_status="paid"), "payment_status"),
    "a line number": (
        lambda order: replace(order, items=tuple(replace(item, line_id=1) for item in order.items)),
        "line_id 1 stands once",
    ),
    "an operation's id": (
        lambda order: replace(
            order, captures=tuple(replace(each, id="same") for each in order.captures)
        ),
        "id in captures same stands once",
    ),
    "a line twice in an operation": (
        lambda order: with_first(order, "captures", items=order.captures[0].items * 2, amount=120),
        "captures C2: line_id 1 stands once",
    ),
    "a comment's id": (
        lambda order: replace(
            order,
            comments=(
                Comment(id="c", body="a", visibility="public", created_at=NOW.text),
                Comment(id="c", body="b", visibility="public", created_at=NOW.text),
            ),
        ),
        "id in comments c stands once",
    ),
    "the end of its time to live": (
        lambda order: replace(order, time_to_live_expires_at=NOW.text),
        "time_to_live_expires_at = updated_at + time_to_live",
    ),
    "a cancellation": (lambda order: replace(order, status="cancelled"), "captured - refunded"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_whatever_is_altered_is_named(what: str) -> None:
    """With the check that failed."""
    alter, check = ALTERED[what]
    found = checks(alter(paid()))
    assert any(check in each for each in found), found


def test_a_related_line_that_is_not_there_is_named() -> None:
    """Whatever the kind of the relation."""
    order = an_order([a_body(100, 1, related=("optional", 7))])
    assert [tuple(found) for found in of_order(order)] == [("line 1: related line", None, "=", 7)]


def test_the_numbers_of_both_sides_are_told() -> None:
    """What stands there, and what should."""
    (found,) = of_order(replace(an_order(lines(100, 50)), gross_amount=149))
    assert (found.found, found.relation, found.expected) == (149, "=", 150)


# ------------------------------------------------------------------------- the quick look


def some_operations(kind: str) -> st.SearchStrategy[tuple[Operation, ...]]:
    """Operations of a kind, sensible or not."""
    amounts = st.sampled_from([-50, -1, 0, 1, 20, 50, 100])
    items = st.lists(st.tuples(st.integers(1, 3), amounts), min_size=1, max_size=2)

    def operation(
        number: int, parts: Sequence[tuple[int, int]], about: dict[str, Any]
    ) -> Operation:
        made = an_operation(*parts, **about)
        return replace(made, id=f"{kind}{number}")

    about = st.fixed_dictionaries(
        {
            "success": st.booleans(),
            "authorization_id": st.sampled_from([None, None, "authorizations0", "x"]),
            "created_at": st.sampled_from([NOW.text, LATER.text]),
            "off": st.sampled_from([0, 0, 0, 1]),
        }
    )
    return st.lists(st.tuples(items, about), max_size=2).map(
        lambda all_of_them: tuple(
            operation(number, *each) for number, each in enumerate(all_of_them)
        )
    )


def an_operation(*parts: tuple[int, int], off: int, **about: object) -> Operation:
    """An operation of amounts by line; its sum is wrong by `off`."""
    items = tuple(OperationItem(line_id=line_id, amount=amount) for line_id, amount in parts)
    total = sum(amount for _, amount in parts) + off
    made = Operation(items=items, id="", created_at=NOW.text, amount=total, success=True)
    return replace(made, **about)


@given(
    st.fixed_dictionaries({kind: some_operations(kind) for kind in KINDS}),
    st.sampled_from([(100, 50), (100, -50), (100, 0)]),
)
def test_the_quick_look_never_says_yes_to_what_the_proof_refuses(
    recorded: dict[str, tuple[Operation, ...]], grosses: tuple[int, ...]
) -> None:
    """It may say no to an order that agrees, and then the proof is written out."""
    order = an_order(lines(*grosses), **recorded)
    if plainly_fits(order):
        assert proof(order).holds
        assert plainly_agrees(order)
        assert checks(order) == []


@pytest.mark.parametrize("order", [an_order(), paid("A100 C60 R20 X10"), paid("A100 !C40 C30")])
def test_the_quick_look_suffices_for_usual_orders(order: Order) -> None:
    """Most orders are spared the proof."""
    assert plainly_agrees(order)


# ------------------------------------------------------------------- events, row and words


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((1, 2), ["number of events = version"]),
        ((1, 2, 3, 4), ["number of events = version"]),
        ((1, 3, 2), ["version of event 2"]),
        ((1, 2, 2), ["version of event 3"]),
        ((), ["number of events = version"]),
    ],
)
def test_a_log_has_one_event_for_each_version(
    versions: tuple[int, ...], expected: list[str]
) -> None:
    """Without gaps, in their order."""
    order = replace(an_order(), version=3)
    log = [
        Event(id=f"e{place}", created_at=NOW.text, version=version)
        for place, version in enumerate(versions)
    ]
    assert [found.check for found in of_events(order, log)] == expected


def test_an_events_id_stands_once() -> None:
    """Also in a log whose versions agree."""
    order = replace(an_order(), version=2)
    log = [replace(event, id="e") for event in events_of(order)]
    assert [found.check for found in of_events(order, log)] == ["id in events e stands once"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_id", "other"),
        ("version", 9),
        ("status", "closed"),
        ("payment_status", "paid"),
        ("currency", "SEK"),
        ("created_ms", 1),
        ("updated_ms", 1),
    ],
)
def test_a_column_says_what_the_document_says(name: str, value: Any) -> None:  # noqa: ANN401 -- of any column
    """Lists go by the columns."""
    order = an_order()
    row = whole(order, events_of(order))._replace(**{name: value})
    (found,) = audit(row)
    assert found.check == f"column {name} = document"
    assert found.found == value


def test_an_order_is_found_by_all_of_its_words() -> None:
    """A word that is not there is named."""
    order = an_order()
    row = whole(order, events_of(order))
    assert words_of(row.body) == row.words
    (found,) = audit(row._replace(words=row.words - {"number:100001"}))
    assert (found.check, found.expected) == ("search word", "number:100001")


def unreadable_event(row: WholeOrder) -> WholeOrder:
    """The order with an event that is no JSON."""
    return row._replace(events=(WrittenEvent(1, "e", b"{"), *row.events[1:]))


def renamed_event(row: WholeOrder) -> WholeOrder:
    """The order with an event under another id and version than it says."""
    return row._replace(events=(row.events[0]._replace(id="other", version=7), *row.events[1:]))


def test_what_cannot_be_read_is_named() -> None:
    """A document or an event that is no such thing; what else was found is not lost."""
    order = an_order()
    row = whole(order, events_of(order))
    assert [found.check for found in audit(row._replace(body=b"[]"))] == [
        "the document can be read"
    ]
    never = encode(replace(order, updated_at="never", time_to_live=86_400))
    assert "the document can be read" in [each.check for each in audit(row._replace(body=never))]
    assert audit_line(never)[0] == "order-1"
    assert [found.check for found in audit(unreadable_event(row))] == ["event 1 can be read"]
    assert [found.check for found in audit(renamed_event(row))] == [
        "column id of event 7",
        "column version of event event-1",
    ]
    assert words_of(b"[]") == frozenset()


def test_a_line_of_an_export_is_audited_as_it_is() -> None:
    """With its events; without them the log is too short."""
    order = paid()
    events = [encode(event) for event in events_of(order)]
    assert audit_line(with_events(encode(order), events, (), state=True)) == ("order-1", [])
    order_id, found = audit_line(encode(order))
    assert (order_id, [each.check for each in found]) == ("order-1", ["number of events = version"])
    assert audit_line(b"{")[1][0].check == "the line can be read"
