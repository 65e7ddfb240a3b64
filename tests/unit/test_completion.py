"""How a draft becomes orders: what keeps it from it, the split, updates and replacement."""

import time
from typing import Any

import pytest
from msgspec.structs import replace

from ordrebok.drafts import completion
from ordrebok.drafts.completion import Identity, Part
from ordrebok.items.rules import MAX_ITEMS
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.customer import Customer
from ordrebok.wire.draft import Draft, Options
from ordrebok.wire.item import DiscountLine, ItemBody
from ordrebok.wire.location import Store
from ordrebok.wire.order import Order
from tests.support.builders import (
    ACTOR,
    LATER,
    NOW,
    ORDERS_PATH,
    a_body,
    a_draft,
    a_tax,
    accepted,
    an_item,
    an_operation,
    an_order,
    an_update_of,
    fault_codes,
    lines,
)

SPLIT = Options(split_draft=True)
REPLACE = Options(order_id="order-1", replace="order")


def reversal(
    gross: int,
    of_line: int,
    line_id: int,
    **about: Any,  # noqa: ANN401 -- passed on
) -> ItemBody:
    """Return a line that reverses another; takes what `a_body` takes."""
    return a_body(gross, line_id, related=("reversed", of_line), **about)


def faults_of_update(order: Order, *items: ItemBody) -> list[Fault]:
    """Return what keeps a draft that adds lines to an order from being completed."""
    return completion.faults(an_update_of(order, items), order)


def new_orders(draft: Draft) -> tuple[Order, ...]:
    """Return the orders that a draft becomes."""
    parts = completion.parts(draft)
    identities = [Identity(f"id-{n}", f"order-{n}", f"{n}") for n in range(1, len(parts) + 1)]
    made = completion.new_orders(draft, parts, identities, ORDERS_PATH, ACTOR, LATER)
    return accepted(made)


def numbers(part: Part | Order) -> list[int]:
    """Return the line numbers of a part."""
    return [item.line_id for item in part.items]


# ----------------------------------------------------------------- what keeps from completing


def test_a_draft_with_lines_can_be_completed() -> None:
    """Nothing else is needed."""
    assert completion.faults(a_draft(lines(100)), None) == []


def test_an_empty_draft_cannot_be_completed() -> None:
    """An order has at least one line."""
    faults = completion.faults(a_draft([]), None)
    assert [(fault.code, fault.path) for fault in faults] == [("NO_ITEMS", ("order", "items"))]


def test_everything_that_is_missing_is_listed_at_once() -> None:
    """A client repairs all of it in one go."""
    twice = (an_item(1, 1), an_item(1, 1), an_item(1, 2, related=("required", 9)))
    draft = a_draft([])
    draft = replace(draft, order=replace(draft.order, items=twice))
    assert [(fault.code, fault.path[2]) for fault in completion.faults(draft, None)] == [
        ("LINE_ID_TAKEN", 1),
        ("RELATED_LINE_MISSING", 2),
    ]


@pytest.mark.parametrize("kind", ["required", "optional"])
def test_a_related_line_must_exist_in_the_draft_or_its_order(kind: str) -> None:
    """Both places count, and a line that is in neither is named."""
    order = an_order(lines(100))
    item = a_body(10, 2, related=(kind, 1))
    assert faults_of_update(order, item) == []
    assert completion.faults(a_draft([a_body(1, 1), item]), None) == []
    (fault,) = completion.faults(a_draft([item]), None)
    assert (fault.code, fault.data) == ("RELATED_LINE_MISSING", {"line_id": 2})
    assert fault.path == ("order", "items", 0, "related_item", "line_id")


def test_line_numbers_taken_since_the_draft_was_made_are_listed() -> None:
    """Another draft may have been completed into the order meanwhile."""
    draft = an_update_of(an_order(lines(100)), [a_body(10, 2), a_body(10, 3)])
    now = an_order(lines(100, 100))
    faults = completion.faults(draft, now)
    assert [(fault.code, fault.path) for fault in faults] == [
        ("LINE_ID_TAKEN", ("order", "items", 0, "line_id"))
    ]


def test_an_order_holds_two_thousand_lines_and_no_more() -> None:
    """The draft's lines and the order's count together."""
    order = an_order(lines(*[1] * (MAX_ITEMS - 1)))
    assert faults_of_update(order, a_body(1)) == []
    assert fault_codes(faults_of_update(order, a_body(1), a_body(1))) == ["TOO_MANY_ITEMS"]


# ---------------------------------------------------------------------------------- splitting


def split(*items: ItemBody, store: Store | None = None) -> list[Part]:
    """Return the parts of a split draft."""
    return completion.parts(a_draft(items, options=SPLIT, store=store))


def test_a_draft_that_is_not_split_becomes_one_order() -> None:
    """With the draft's own store, whatever the stores of its lines."""
    store = Store(id="main")
    draft = a_draft([a_body(1, 1, store="A"), a_body(1, 2, store="B")], store=store)
    assert completion.parts(draft) == [Part(store, draft.order.items)]


def test_parts_come_in_the_order_in_which_stores_first_appear() -> None:
    """Not by name."""
    parts = split(
        a_body(1, 1, store="B"),
        a_body(1, 2, store="A"),
        a_body(1, 3, store="B"),
        a_body(1, 4, store="C"),
    )
    assert [(part.store and part.store.id, numbers(part)) for part in parts] == [
        ("B", [1, 3]),
        ("A", [2]),
        ("C", [4]),
    ]


def test_lines_without_a_store_make_one_more_order_with_the_drafts_store() -> None:
    """It stands where its first line stands."""
    main = Store(id="main")
    items = [a_body(1, 1, store="A"), a_body(1, 2), a_body(1, 3, store="A"), a_body(1, 4)]
    first, second = split(*items, store=main)
    assert (first.store and first.store.id, numbers(first)) == ("A", [1, 3])
    assert (second.store, numbers(second)) == (main, [2, 4])


def test_a_draft_without_any_store_is_one_part() -> None:
    """There is nothing to split by."""
    (part,) = split(*lines(1, 2))
    assert (part.store, numbers(part)) == (None, [1, 2])


@pytest.mark.parametrize("kind", ["required", "optional"])
def test_a_related_line_goes_where_its_line_goes(kind: str) -> None:
    """Also when it names another store, or none."""
    parts = split(
        a_body(1, 1, store="A"),
        a_body(1, 2, store="B"),
        a_body(1, 3, store="B", related=(kind, 1)),
        a_body(1, 4, related=(kind, 2)),
    )
    assert [numbers(part) for part in parts] == [[1, 3], [2, 4]]


def test_a_chain_of_relations_goes_where_its_end_goes() -> None:
    """However long, and in whatever order the lines stand."""
    parts = split(
        a_body(1, 1, store="A", related=("required", 2)),
        a_body(1, 2, store="B", related=("required", 3)),
        a_body(1, 3, store="C"),
        a_body(1, 4, store="A"),
    )
    assert [(part.store and part.store.id, numbers(part)) for part in parts] == [
        ("C", [1, 2, 3]),
        ("A", [4]),
    ]


def test_lines_that_relate_in_a_circle_stay_together() -> None:
    """Each goes where the other goes."""
    parts = split(
        a_body(1, 1, store="A", related=("required", 2)),
        a_body(1, 2, store="B", related=("required", 1)),
        a_body(1, 3, store="C", related=("optional", 2)),
    )
    assert [numbers(part) for part in parts] == [[1, 2, 3]]


def test_a_long_chain_is_split_quickly() -> None:
    """Two thousand lines, each related to the one before."""
    items = [a_body(1, 1, store="A")]
    items += [a_body(1, n, related=("required", n - 1), store="B") for n in range(2, 2_001)]
    draft = a_draft(list(reversed(items)), options=SPLIT)
    begin = time.process_time()
    (part,) = completion.parts(draft)
    assert (part.store and part.store.id, len(part.items)) == ("A", 2_000)
    assert time.process_time() - begin < 0.5


def test_each_order_of_a_split_has_its_own_totals_and_all_other_properties() -> None:
    """Nothing but lines, store and names tells the orders apart."""
    draft = a_draft(
        [
            a_body(
                100, 1, store="A", discount_lines=(DiscountLine(amount=10, discount_type="manual"),)
            ),
            a_body(50, 2, store="B"),
        ],
        options=SPLIT,
        customer=Customer(id="c-1"),
        metadata={"till": 7},
    )
    first, second = new_orders(draft)
    assert (first.gross_amount, first.net_amount, first.total_discount) == (100, 90, 10)
    manual = [order.total_manual_discount_amount for order in (first, second)]
    assert manual == [10, 0]
    assert (second.gross_amount, second.net_amount, second.total_discount) == (50, 50, 0)
    assert [(order.id, order.order_id, order.order_number) for order in (first, second)] == [
        ("id-1", "order-1", "1"),
        ("id-2", "order-2", "2"),
    ]
    for order, store in ((first, "A"), (second, "B")):
        assert (order.customer, order.metadata) == (Customer(id="c-1"), {"till": 7})
        assert order.store is not None
        assert order.store.id == store


# ------------------------------------------------------------------------------- new orders


def test_a_new_order_is_open_and_waits_for_its_money() -> None:
    """The server's own facts, and what is left to record."""
    (order,) = new_orders(a_draft(lines(39_800)))
    assert (order.status, order.payment_status, order.version) == ("open", "pending", 1)
    assert (order.created_at, order.created_by, order.updated_at) == (LATER.text, ACTOR, LATER.text)
    assert order.payment_details is not None
    assert order.payment_details.amount_due == 39_800
    assert [(link.href, link.rel) for link in order.links or ()] == [
        (f"{ORDERS_PATH}/order-1", "order")
    ]
    assert [item.version for item in order.items] == [1]


def test_options_of_the_draft_become_properties_of_the_order() -> None:
    """They win over what the order's content says."""
    options = Options(order_time_to_live=86_400, multiple_authorizations=True)
    (order,) = new_orders(a_draft(lines(1), options=options, time_to_live=99_999_999))
    assert (order.time_to_live, order.multiple_authorizations) == (86_400, True)
    assert order.time_to_live_expires_at == LATER.plus(86_400).text


def test_an_order_whose_payable_amount_passes_exact_numbers_is_refused() -> None:
    """Its net amount fits, but with the tax on top it could not be read again."""
    tax = a_tax(None, amount=AMOUNT_LIMIT, included_in_price=False)
    draft = a_draft([a_body(AMOUNT_LIMIT, 1, taxes=[tax])])
    parts = completion.parts(draft)
    identities = [Identity("id-1", "order-1", "1")]
    refusal = completion.new_orders(draft, parts, identities, ORDERS_PATH, ACTOR, NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "AMOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    ("count", "suffix", "expected"),
    [
        (1, False, ["7"]),
        (2, False, ["7", "7"]),
        (1, True, ["7-1"]),
        (3, True, ["7-1", "7-2", "7-3"]),
    ],
)
def test_the_serial_suffix_counts_the_orders_of_a_draft(
    count: int, expected: list[str], *, suffix: bool
) -> None:
    """Also one order gets -1, so that a reader knows it was numbered so."""
    assert completion.numbered("7", count, suffix=suffix) == expected


def test_a_completed_draft_points_to_its_orders() -> None:
    """Its own link stays the first."""
    draft = completion.completed(a_draft(), ["order-1", "order-2"], ORDERS_PATH, LATER)
    assert (draft.status, draft.order_ids) == ("completed", ("order-1", "order-2"))
    assert (draft.version, draft.updated_at) == (2, LATER.text)
    assert [link.rel for link in draft.links or ()] == ["draft", "order", "order"]
    assert [link.href for link in draft.links or ()][1:] == [
        f"{ORDERS_PATH}/order-1",
        f"{ORDERS_PATH}/order-2",
    ]


# -------------------------------------------------------------------- updating and replacing


def test_an_update_adds_its_lines_after_the_others() -> None:
    """Totals and what is due follow; the lines' versions tell which update brought them."""
    order = an_order(lines(39_800), captures=(an_operation(39_800),))
    draft = an_update_of(order, [reversal(-39_800, 1, 2), a_body(50_000, 3)])
    after = accepted(completion.updated_order(draft, order, LATER))
    assert [(item.line_id, item.version) for item in after.items] == [(1, 1), (2, 2), (3, 2)]
    assert (after.gross_amount, after.version, after.updated_at) == (50_000, 2, LATER.text)
    assert after.payment_details is not None
    assert (after.payment_details.amount_due, after.payment_status) == (10_200, "partially_paid")


def test_an_update_replaces_the_properties_it_gives() -> None:
    """What it does not give stays, and so do the order's names."""
    order = an_order(metadata={"a": 1}, comment="stays", created_by="someone")
    draft = a_draft(
        [a_body(1, 2)],
        options=Options(order_id="order-1", multiple_authorizations=True),
        updated=order,
        metadata={"b": 2},
        order_id="other",
        order_number="999",
    )
    after = accepted(completion.updated_order(draft, order, LATER))
    assert (after.metadata, after.comment, after.multiple_authorizations) == (
        {"b": 2},
        "stays",
        True,
    )
    assert (after.id, after.order_id, after.order_number) == (
        order.id,
        order.order_id,
        order.order_number,
    )
    assert (after.created_at, after.created_by) == (order.created_at, "someone")


def test_a_replacement_leaves_nothing_but_the_names_of_the_order() -> None:
    """Lines and properties are the draft's; what the draft does not give is gone."""
    order = an_order(lines(100, 200), metadata={"a": 1}, comment="goes", delivery_id="d-1")
    draft = a_draft(lines(300), options=REPLACE, updated=order, metadata={"b": 2})
    after = accepted(completion.updated_order(draft, order, LATER))
    assert [(item.line_id, item.gross_amount) for item in after.items] == [(1, 300)]
    assert (after.metadata, after.comment, after.version) == ({"b": 2}, None, 2)
    assert (after.id, after.order_id, after.order_number, after.created_at) == (
        order.id,
        order.order_id,
        order.order_number,
        order.created_at,
    )


@pytest.mark.parametrize("name", ["authorizations", "captures", "refunds", "cancellations"])
@pytest.mark.parametrize("success", [True, False])
def test_an_order_with_any_payment_operation_is_not_replaced(name: str, *, success: bool) -> None:
    """Also a failed one refers to lines that would be gone."""
    order = an_order(lines(100))
    draft = a_draft(lines(300), options=REPLACE, updated=order)
    paid = replace(order, **{name: (an_operation(100, success=success),)})
    refusal = completion.updated_order(draft, paid, LATER)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == ("ORDER_HAS_PAYMENTS", 409)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "closed"}, "ORDER_NOT_OPEN"),
        ({"status": "cancelled"}, "ORDER_NOT_OPEN"),
        ({"currency": "SEK"}, "CURRENCY_MISMATCH"),
    ],
)
def test_the_order_is_checked_again_when_the_draft_is_completed(
    fields: dict[str, object], expected: str
) -> None:
    """It may have changed since the draft was made."""
    order = an_order(lines(100))
    draft = an_update_of(order, [a_body(1, 2)])
    refusal = completion.updated_order(draft, replace(order, **fields), LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == expected


def test_an_update_may_give_the_order_another_time_to_live() -> None:
    """By its options; it runs from the update."""
    order = an_order(lines(100), time_to_live=99_999_999)
    options = Options(order_id="order-1", order_time_to_live=86_400)
    draft = a_draft([a_body(1, 2)], options=options, updated=order)
    after = accepted(completion.updated_order(draft, order, LATER))
    assert after.time_to_live == 86_400
    assert after.time_to_live_expires_at == LATER.plus(86_400).text


def test_an_update_beyond_exact_numbers_is_refused() -> None:
    """The order and the draft each fit; together they do not."""
    order = an_order(lines(AMOUNT_LIMIT))
    refusal = completion.updated_order(an_update_of(order, [a_body(1, 2)]), order, LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "AMOUNT_TOO_LARGE"


def test_what_was_stored_for_a_line_is_what_the_draft_held() -> None:
    """Nothing about a line is computed anew on the way into the order."""
    draft = a_draft([a_body(39_799, 1, discounts=(99,), description="Chair", quantity=2.5)])
    (order,) = new_orders(draft)
    assert order.items == draft.order.items
