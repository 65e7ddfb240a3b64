"""What may change in a draft, and what a draft is after each change."""

import json
import time
from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.drafts import rules
from ordrebok.items.rules import MAX_ITEMS
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import Draft, DraftUpdate, Options
from ordrebok.wire.item import DiscountLine, ItemBody
from ordrebok.wire.location import ItemStore, Store
from ordrebok.wire.order import Order
from tests.support.builders import (
    ACTOR,
    DRAFTS_PATH,
    LATER,
    NOW,
    Json,
    a_body,
    a_draft,
    a_draft_body,
    accepted,
    an_item,
    an_order,
    an_update_of,
    fault_codes,
    lines,
)

ITEM = {"gross_amount": 100, "tax_lines": [{"percentage": 25}]}


def numbers(draft: Draft | Refusal) -> list[int]:
    """Return the line numbers of a draft, in its order."""
    return [item.line_id for item in accepted(draft).order.items]


def change(text: str) -> DraftUpdate:
    """Return the change that a JSON text says."""
    return msgspec.json.decode(text, type=DraftUpdate)


def updated(draft: Draft, text: str, order: Order | None = None) -> Draft:
    """Return a draft after a change that must be accepted."""
    return accepted(rules.update(draft, change(text), LATER, order))


# --------------------------------------------------------------------------------- creating


def test_a_new_draft_is_open_at_version_one() -> None:
    """The server's own facts are set from the call, the time and the lines."""
    draft = a_draft(lines(39_800, 20_000), metadata={"till": 7})
    assert (draft.status, draft.version, draft.id) == ("open", 1, "draft-1")
    assert (draft.created_at, draft.created_by, draft.updated_at) == (NOW.text, ACTOR, NOW.text)
    assert (draft.order.gross_amount, draft.order.net_amount) == (59_800, 59_800)
    assert (draft.order.total_discount, draft.order.metadata) == (0, {"till": 7})
    assert [(link.href, link.rel) for link in draft.links or ()] == [
        (f"{DRAFTS_PATH}/draft-1", "draft")
    ]


def test_discounts_are_summed_over_the_draft() -> None:
    """Those that staff gave by hand also on their own."""
    by_hand = DiscountLine(amount=30, discount_type="manual")
    draft = a_draft([a_body(100, discounts=(5,)), a_body(100, discount_lines=(by_hand,))])
    assert (draft.order.total_discount, draft.order.total_manual_discount_amount) == (35, 30)


def test_a_draft_may_begin_empty() -> None:
    """Lines may come later; nothing sums to nothing."""
    draft = a_draft([])
    assert (draft.order.items, draft.order.gross_amount, draft.order.stores) == ((), 0, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([None, None, None], [1, 2, 3]),
        ([None, 7, None], [8, 7, 9]),
        ([0, None], [0, 1]),
        ([5, 3], [5, 3]),
    ],
)
def test_lines_without_a_number_get_the_next_free_ones(
    given: list[int | None], expected: list[int]
) -> None:
    """Given numbers stand; new ones begin above all of them."""
    assert numbers(a_draft([a_body(100, number) for number in given])) == expected


def test_new_lines_are_numbered_above_the_lines_of_the_updated_order() -> None:
    """The order's lines keep their numbers when the draft is added to them."""
    order = an_order(lines(100, 100, 100))
    assert numbers(an_update_of(order, [a_body(), a_body()])) == [4, 5]


def test_a_replacing_draft_may_use_the_numbers_of_the_order_again() -> None:
    """The replaced lines will be gone."""
    order = an_order(lines(100, 100))
    options = Options(order_id=order.order_id, replace="order")
    assert numbers(a_draft(lines(300), options=options, updated=order)) == [1]


def not_created(
    items: Sequence[ItemBody],
    options: Options | None = None,
    updated: Order | None = None,
    **order: object,
) -> Refusal:
    """Return the refusal of a new draft."""
    body = a_draft_body(items, options=options, **order)
    refusal = rules.create(body, "draft-1", DRAFTS_PATH, ACTOR, NOW, updated)
    assert isinstance(refusal, Refusal)
    return refusal


def test_a_number_that_stands_twice_is_refused_where_it_stands() -> None:
    """The path leads to the second line, and every other fault is listed with it."""
    refusal = not_created([a_body(100, 1), a_body(100, 1), a_body(100, discounts=(101,))])
    assert (refusal.code, refusal.status) == ("INVALID_AMOUNTS", 400)
    assert [(fault.code, fault.path) for fault in refusal.faults] == [
        ("LINE_ID_TAKEN", ("order", "items", 1, "line_id")),
        ("DISCOUNT_EXCEEDS_LINE", ("order", "items", 2, "discount_lines")),
    ]


def test_a_number_of_the_updated_order_is_taken() -> None:
    """Numbers are unique over the order and all its updates."""
    order = an_order(lines(100, 100))
    refusal = not_created([a_body(1, 3), a_body(1, 2)], Options(order_id="order-1"), order)
    assert (refusal.code, refusal.status) == ("LINE_ID_TAKEN", 409)
    assert [(fault.path, fault.data) for fault in refusal.faults] == [
        (("order", "items", 1, "line_id"), {"line_id": 2})
    ]


def test_totals_beyond_exact_numbers_are_refused() -> None:
    """Each line is within its limit; their sum is not."""
    assert not_created(lines(AMOUNT_LIMIT, 1)).code == "AMOUNT_TOO_LARGE"
    assert a_draft(lines(AMOUNT_LIMIT, -1)).order.gross_amount == AMOUNT_LIMIT - 1


@pytest.mark.parametrize(
    ("options", "order_id", "expected"),
    [
        (Options(split_draft=True), "own", ["ORDER_ID_WITH_SPLIT"]),
        (Options(split_draft=True, order_id="order-1"), None, ["SPLIT_WITH_UPDATE"]),
        (Options(replace="order"), None, ["REPLACE_WITHOUT_ORDER"]),
        (
            Options(split_draft=True, replace="order"),
            "own",
            ["ORDER_ID_WITH_SPLIT", "REPLACE_WITHOUT_ORDER"],
        ),
    ],
)
def test_options_that_contradict_each_other_are_all_listed(
    options: Options, order_id: str | None, expected: list[str]
) -> None:
    """A split draft has no one order to name, and replacing needs an order."""
    refusal = not_created(lines(100), options, an_order(), order_id=order_id)
    assert (refusal.code, fault_codes(refusal)) == ("INVALID_REQUEST_PARAMETER", expected)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "NOT FOUND"),
        (an_order(status="closed"), "ORDER_NOT_OPEN"),
        (an_order(status="cancelled"), "ORDER_NOT_OPEN"),
        (an_order(currency="SEK"), "CURRENCY_MISMATCH"),
    ],
)
def test_a_draft_updates_only_an_open_order_of_its_currency(
    order: Order | None, expected: str
) -> None:
    """What cannot be completed is refused when the draft is made."""
    refusal = not_created(lines(100), Options(order_id="order-1"), order)
    assert refusal.code == expected
    if expected == "ORDER_NOT_OPEN":
        assert refusal.data == {"order_id": "order-1", "status": order and order.status}
    if expected == "CURRENCY_MISMATCH":
        assert refusal.data == {"draft_currency": "NOK", "order_currency": "SEK"}


def test_the_stores_of_a_draft_are_listed_once_in_order_of_appearance() -> None:
    """Lines without a store add none."""
    draft = a_draft(
        [
            a_body(1, 1, store="B"),
            a_body(1, 2),
            a_body(1, 3, store="A"),
            a_body(1, 4, store="B"),
        ]
    )
    assert [store.id for store in draft.order.stores or ()] == ["B", "A"]


def test_a_store_of_a_draft_tells_what_its_line_tells() -> None:
    """The one comment of a line's store becomes the first of the store's comments."""
    facts = {"id": "A", "organization_number": "1", "name": "Shop", "business_name": "Shop AS"}
    draft = a_draft([replace(a_body(), store=ItemStore(**facts, comment="Back door"))])
    assert draft.order.stores == (Store(**facts, comments=("Back door",)),)


# --------------------------------------------------------------------------------- updating


def test_a_given_property_replaces_the_stored_one() -> None:
    """The whole value is replaced, not merged."""
    draft = a_draft(metadata={"a": 1, "b": 2}, comment="old")
    after = updated(draft, '{"order": {"metadata": {"b": 3}}}')
    assert (after.order.metadata, after.order.comment) == ({"b": 3}, "old")


def test_null_clears_a_property_and_absence_leaves_it() -> None:
    """The two must not be mixed up."""
    draft = a_draft(comment="stays", salesperson_id="goes")
    after = updated(draft, '{"order": {"salesperson_id": null}}')
    assert (after.order.comment, after.order.salesperson_id) == ("stays", None)


def test_options_are_replaced_one_by_one() -> None:
    """Options follow the same rule as the order's properties."""
    draft = a_draft(options=Options(generate_order_id="ALPHANUMERIC_9", order_time_to_live=86_400))
    after = updated(draft, '{"options": {"order_time_to_live": null, "split_draft": true}}')
    assert after.options == Options(generate_order_id="ALPHANUMERIC_9", split_draft=True)


def test_an_empty_change_is_a_new_version_with_the_same_content() -> None:
    """An accepted change always counts."""
    draft = a_draft()
    after = updated(draft, "{}")
    assert (after.version, after.updated_at, after.order) == (2, LATER.text, draft.order)
    assert (after.created_at, after.options) == (NOW.text, draft.options)


def test_items_when_given_are_the_whole_new_list() -> None:
    """Lines that are not given again are gone; totals and stores follow."""
    draft = a_draft([a_body(100, 1, store="A"), a_body(200, 2)])
    item = dict(ITEM, gross_amount=300, store={"id": "B"})
    after = updated(draft, json.dumps({"order": {"items": [item]}}))
    assert (numbers(after), after.order.gross_amount) == ([1], 300)
    assert [store.id for store in after.order.stores or ()] == ["B"]
    assert after.order.items[0].version == 2


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"discount_lines": [{"amount": 101}]}], "INVALID_AMOUNTS"),
        ([{"line_id": 1}, {"line_id": 1}], "INVALID_AMOUNTS"),
        ([{"line_id": 2}], "LINE_ID_TAKEN"),
        ([{"gross_amount": AMOUNT_LIMIT}, {}], "AMOUNT_TOO_LARGE"),
    ],
)
def test_a_whole_new_list_is_held_to_the_rules_of_a_new_draft(
    items: list[Json], expected: str
) -> None:
    """Nothing of a list with a fault is taken."""
    order = an_order(lines(100, 100))
    text = json.dumps({"order": {"items": [{**ITEM, **item} for item in items]}})
    refusal = rules.update(an_update_of(order, []), change(text), LATER, order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == expected


@pytest.mark.parametrize("items", ["null", "[]"])
def test_items_can_be_cleared(items: str) -> None:
    """Null and an empty list both leave no line."""
    after = updated(a_draft(lines(100)), f'{{"order": {{"items": {items}}}}}')
    assert (after.order.items, after.order.gross_amount) == ((), 0)


def test_items_that_are_not_given_stay_as_they_are() -> None:
    """A change of a comment computes no line anew."""
    draft = a_draft([a_body(100, 1, discounts=(10,))])
    assert updated(draft, '{"order": {"comment": "x"}}').order.items == draft.order.items


def test_an_update_may_name_the_order_that_the_draft_updates() -> None:
    """The order is checked as it is at creation."""
    draft, text = a_draft(), '{"options": {"order_id": "order-1"}}'
    assert updated(draft, text, an_order()).options == Options(order_id="order-1")
    refusal = rules.update(draft, change(text), LATER, an_order(currency="SEK"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "CURRENCY_MISMATCH"


def test_the_currency_of_an_updating_draft_stays_that_of_its_order() -> None:
    """Changing it afterwards is refused as it would be at creation."""
    order = an_order(lines(100))
    draft = an_update_of(order, [a_body()])
    refusal = rules.update(draft, change('{"order": {"currency": "SEK"}}'), LATER, order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "CURRENCY_MISMATCH"


# -------------------------------------------------------------------------------------- lines


def test_an_added_line_comes_last_with_the_version_that_added_it() -> None:
    """The line's version says when it was last changed."""
    after = accepted(rules.add_item(a_draft(lines(100)), a_body(50), LATER, None))
    assert (numbers(after), after.order.gross_amount, after.version) == ([1, 2], 150, 2)
    assert [item.version for item in after.order.items] == [1, 2]


def test_a_line_with_faults_is_not_added() -> None:
    """All its faults are listed, with paths seen from the line."""
    refusal = rules.add_item(a_draft(), a_body(1, quantity=1e-7, discounts=(2,)), LATER, None)
    assert isinstance(refusal, Refusal)
    assert [fault.path for fault in refusal.faults] == [("quantity",), ("discount_lines",)]


def test_a_line_number_is_never_taken_twice() -> None:
    """Neither in the draft nor in the order that it updates."""
    order = an_order(lines(100, 100))
    draft = an_update_of(order, [a_body(1, 3)])
    for taken in (3, 2):
        refusal = rules.add_item(draft, a_body(1, taken), LATER, order)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.faults[0].data) == ("LINE_ID_TAKEN", {"line_id": taken})
    assert numbers(rules.add_item(draft, a_body(), LATER, order)) == [3, 4]


def test_no_number_beyond_exact_integers_is_given() -> None:
    """After the last number a line must bring its own; nothing unreadable is stored."""
    draft = a_draft([a_body(1, AMOUNT_LIMIT)])
    refusal = rules.add_item(draft, a_body(), LATER, None)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, fault_codes(refusal)) == ("LINE_ID_TAKEN", ["LINE_ID_TAKEN"])
    assert fault_codes(not_created([a_body(1, AMOUNT_LIMIT), a_body()])) == ["LINE_ID_TAKEN"]
    assert numbers(a_draft([a_body(1, AMOUNT_LIMIT - 1), a_body()]))[1] == AMOUNT_LIMIT
    assert numbers(rules.add_item(draft, a_body(1, 5), LATER, None)) == [AMOUNT_LIMIT, 5]
    assert numbers(rules.add_item(a_draft(), a_body(1, AMOUNT_LIMIT), LATER, None)) == [
        1,
        AMOUNT_LIMIT,
    ]


def test_a_draft_holds_two_thousand_lines_and_no_more() -> None:
    """The last one fits, the next one does not."""
    draft = a_draft(lines(*[1] * (MAX_ITEMS - 1)))
    full = accepted(rules.add_item(draft, a_body(1), LATER, None))
    assert full.order.gross_amount == MAX_ITEMS
    refusal = rules.add_item(full, a_body(1), LATER, None)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.data) == ("TOO_MANY_ITEMS", {"limit": MAX_ITEMS})


def test_a_replaced_line_keeps_its_place_and_number() -> None:
    """The other lines are not touched."""
    draft = a_draft(lines(100, 200, 300))
    after = accepted(rules.replace_item(draft, 2, a_body(50), LATER))
    assert [(i.line_id, i.gross_amount, i.version) for i in after.order.items] == [
        (1, 100, 1),
        (2, 50, 2),
        (3, 300, 1),
    ]
    assert after.order.gross_amount == 450


def test_a_replaced_line_is_wholly_what_the_body_says() -> None:
    """Nothing of the line before shines through, such as a discount or its tax."""
    draft = a_draft([a_body(39_800, 1, discounts=(11_880,), description="Chair")])
    after = accepted(rules.replace_item(draft, 1, a_body(39_800), LATER))
    assert after.order.items == (replace(an_item(39_800), version=2),)
    assert (after.order.total_discount, after.order.items[0].tax_lines[0].amount) == (0, 7_960)


def test_a_line_cannot_change_its_number() -> None:
    """Other lines, payments and reversals may point to it."""
    refusal = rules.replace_item(a_draft(lines(100)), 1, a_body(100, 2), LATER)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, fault_codes(refusal)) == (
        "INVALID_REQUEST_PARAMETER",
        ["LINE_ID_MISMATCH"],
    )
    accepted(rules.replace_item(a_draft(lines(100)), 1, a_body(100, 1), LATER))


def test_many_quick_changes_of_a_quantity_leave_the_totals_of_the_last() -> None:
    """Totals are sums over all lines as they are now, never the old total plus a difference."""
    draft = a_draft(lines(500, 100))
    for quantity in (1, 7, 2, 9, 3):
        body = a_body(199 * quantity, quantity=quantity, discounts=(quantity,))
        draft = accepted(rules.replace_item(draft, 2, body, LATER))
    assert (draft.order.gross_amount, draft.order.net_amount) == (1_097, 1_094)
    assert (draft.order.total_discount, draft.version) == (3, 6)


def test_removing_a_line_takes_its_followers_and_their_money_along() -> None:
    """Totals and stores are those of the lines that stay."""
    draft = a_draft(
        [
            a_body(100, 1, store="A"),
            a_body(10, 2, related=("required", 1), store="A"),
            a_body(1, 3, related=("optional", 2), store="B"),
        ]
    )
    after = accepted(rules.remove_item(draft, 1, LATER))
    assert (numbers(after), after.order.gross_amount) == ([3], 1)
    assert [store.id for store in after.order.stores or ()] == ["B"]
    assert after.order.items[0].related_item is None


def test_a_line_that_is_not_there_is_not_found() -> None:
    """Neither to replace nor to remove."""
    draft = a_draft(lines(100))
    for refusal in (
        rules.replace_item(draft, 9, a_body(), LATER),
        rules.remove_item(draft, 9, LATER),
    ):
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == ("NOT FOUND", 404)


def test_a_thousand_lines_are_edited_quickly() -> None:
    """An edit looks at every line a few times, not at every pair of lines."""
    draft = a_draft(lines(*[100] * 1_000))
    begin = time.process_time()
    for _ in range(10):
        draft = accepted(rules.replace_item(draft, 500, a_body(50), LATER))
        draft = accepted(rules.add_item(draft, a_body(1), LATER, None))
    assert (time.process_time() - begin) / 20 < 0.05
