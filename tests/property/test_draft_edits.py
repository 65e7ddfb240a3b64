"""Whatever is done to a draft, and in whatever order, it stays a draft that adds up."""

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ordrebok.drafts import rules
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft, DraftUpdate, OptionChanges, OrderChanges
from ordrebok.wire.item import ItemBody
from ordrebok.wire.order import Order
from tests.support.builders import LATER, a_body, a_draft, a_tax, an_order, an_update_of, lines

Edit = Callable[[Draft], Draft | Refusal]

ORDER = an_order(lines(100, 200))


@st.composite
def bodies(draw: st.DrawFn) -> ItemBody:
    """Draw a line; some of them contradict themselves and will be refused."""
    gross = draw(st.integers(-10_000, 10_000) | st.just(0))
    tax = a_tax(
        draw(st.sampled_from([None, 0, 12, 15, 25, 12.5])),
        included_in_price=draw(st.sampled_from([None, True, False])),
        amount=draw(st.none() | st.integers(-100, 100)),
        exempt=draw(st.sampled_from([None, False, True])),
    )
    return a_body(
        gross,
        draw(st.none() | st.integers(0, 8)),
        discounts=draw(st.lists(st.integers(-5, 5) | st.just(gross // 3), max_size=2)),
        taxes=[tax],
        related=draw(
            st.none()
            | st.tuples(st.sampled_from(["required", "optional", "reversed"]), st.integers(0, 8))
        ),
        store=draw(st.sampled_from([None, "A", "B"])),
        quantity=draw(st.sampled_from([1, 2.5, 0.000001, 0.1234567])),
    )


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Draw one of the things that can be done to a draft."""
    updated = draw(st.sampled_from([None, ORDER]))
    line_id, body = draw(st.integers(0, 10)), draw(bodies())
    kind = draw(st.sampled_from(["add", "add", "add", "replace", "remove", "items", "note"]))
    if kind == "add":
        return lambda draft: rules.add_item(draft, body, LATER, updated)
    if kind == "replace":
        return lambda draft: rules.replace_item(draft, line_id, body, LATER)
    if kind == "remove":
        return lambda draft: rules.remove_item(draft, line_id, LATER)
    if kind == "items":
        items = tuple(draw(st.lists(bodies(), max_size=4)))
        change = DraftUpdate(order=OrderChanges(items=items))
    else:
        options = OptionChanges(split_draft=draw(st.sampled_from([None, True, False])))
        note = OrderChanges(comment=draw(st.none() | st.text(max_size=5)))
        change = DraftUpdate(order=note, options=options)
    return lambda draft: rules.update(draft, change, LATER, ORDER)


def hold(draft: Draft) -> None:
    """Hold what is true of every draft."""
    items = draft.order.items
    numbers = [item.line_id for item in items]
    assert len(numbers) == len(set(numbers))
    assert draft.order.gross_amount == sum(item.gross_amount for item in items)
    assert draft.order.net_amount == sum(item.net_amount for item in items)
    discounts = [line.amount or 0 for item in items for line in item.discount_lines]
    assert draft.order.total_discount == sum(discounts)
    assert draft.order.gross_amount - draft.order.net_amount == sum(discounts)
    for item in items:
        assert item.net_amount * item.gross_amount >= 0
        assert abs(item.net_amount) <= abs(item.gross_amount)
        assert item.version is not None
        assert item.version <= draft.version
    stores = list(
        dict.fromkeys(
            item.store.id for item in items if item.store is not None and item.store.id is not None
        )
    )
    assert [store.id for store in draft.order.stores or ()] == stores
    assert msgspec.json.decode(encode(draft), type=Draft) == draft


def follow(draft: Draft, sequence: list[Edit]) -> None:
    """Apply edits one after the other, holding every draft on the way."""
    hold(draft)
    for edit in sequence:
        after = edit(draft)
        if isinstance(after, Refusal):
            continue
        assert (after.version, after.id) == (draft.version + 1, draft.id)
        assert (after.created_at, after.updated_at) == (draft.created_at, LATER.text)
        hold(after)
        draft = after


@given(st.lists(edits(), max_size=12))
@settings(max_examples=80)
def test_a_draft_stays_whole_through_any_edits(sequence: list[Edit]) -> None:
    """Numbers are unique, versions count up, totals are sums, and it can be read again."""
    follow(a_draft([]), sequence)


@given(st.lists(edits(), max_size=8))
@settings(max_examples=40)
def test_a_draft_of_an_order_stays_whole_through_any_edits(sequence: list[Edit]) -> None:
    """The same holds for one that adds lines to an order."""
    follow(an_update_of(ORDER, []), sequence)


@given(st.lists(bodies(), max_size=5), st.lists(edits(), max_size=5))
@settings(max_examples=40)
def test_totals_do_not_depend_on_the_way(bodies_: list[ItemBody], sequence: list[Edit]) -> None:
    """Giving the whole list of lines leads to the same draft, whatever was there before."""
    change = DraftUpdate(order=OrderChanges(items=tuple(bodies_)))
    direct: Draft | Refusal = rules.update(a_draft([]), change, LATER, None)
    draft = a_draft([])
    for edit in sequence:
        after = edit(draft)
        draft = draft if isinstance(after, Refusal) else after
    roundabout = rules.update(draft, change, LATER, None)
    if isinstance(direct, Refusal) or isinstance(roundabout, Refusal):
        assert isinstance(direct, Refusal)
        assert isinstance(roundabout, Refusal)
        assert direct.code == roundabout.code
        return
    assert _sums(roundabout) == _sums(direct)


def _sums(document: Draft | Order) -> list[object]:
    """Return what is computed of the lines."""
    content = document.order if isinstance(document, Draft) else document
    return [
        [(item.line_id, item.net_amount, item.tax_lines) for item in content.items],
        content.gross_amount,
        content.net_amount,
        content.total_discount,
    ]
