"""Splitting a draft by store loses nothing, doubles nothing, and keeps together what belongs."""

from hypothesis import given
from hypothesis import strategies as st

from ordrebok.drafts import completion
from ordrebok.drafts.completion import Identity
from ordrebok.items.rules import totals
from ordrebok.wire.draft import Draft, Options
from ordrebok.wire.item import ItemBody
from ordrebok.wire.location import Store
from tests.support.builders import ACTOR, NOW, ORDERS_PATH, a_body, a_draft, accepted

MAIN = Store(id="main")
MOST = 10


@st.composite
def split_drafts(draw: st.DrawFn) -> Draft:
    """Draw a draft whose lines name stores, and other lines of it, in any way."""
    count = draw(st.integers(1, MOST))
    relation = st.none() | st.tuples(
        st.sampled_from(["required", "optional"]), st.integers(1, count)
    )
    items: list[ItemBody] = []
    for number in range(1, count + 1):
        gross = draw(st.integers(-10_000, 10_000))
        discount = int(gross * draw(st.sampled_from([0, 0.1, 0.5, 1])))
        items.append(
            a_body(
                gross,
                number,
                discounts=(discount,),
                store=draw(st.sampled_from([None, "A", "B", "C"])),
                related=draw(relation),
            )
        )
    return a_draft(items, options=Options(split_draft=True), store=MAIN)


@given(split_drafts())
def test_every_line_stands_in_exactly_one_part(draft: Draft) -> None:
    """In the order in which the draft has them."""
    parts = completion.parts(draft)
    numbers = [item.line_id for part in parts for item in part.items]
    assert sorted(numbers) == [item.line_id for item in draft.order.items]
    assert all(list(part.items) == sorted(part.items, key=lambda i: i.line_id) for part in parts)
    firsts = [part.items[0].line_id for part in parts]
    assert firsts == sorted(firsts)


@given(split_drafts())
def test_related_lines_stay_together(draft: Draft) -> None:
    """Whatever stores they name; a line on its own goes to the store that it names."""
    parts = completion.parts(draft)
    part_of = {item.line_id: n for n, part in enumerate(parts) for item in part.items}
    for item in draft.order.items:
        if item.related_item is not None:
            assert part_of[item.line_id] == part_of[item.related_item.line_id]
        else:
            own = MAIN.id if item.store is None else item.store.id
            store = parts[part_of[item.line_id]].store
            assert store is not None
            assert store.id == own


@given(split_drafts())
def test_no_two_parts_have_the_same_store(draft: Draft) -> None:
    """One order for each store."""
    stores = [part.store.id for part in completion.parts(draft) if part.store is not None]
    assert len(stores) == len(set(stores)) == len(completion.parts(draft))


@given(split_drafts())
def test_the_orders_of_a_draft_sum_to_the_draft(draft: Draft) -> None:
    """Every total of the parts together is the draft's."""
    parts = completion.parts(draft)
    names = [Identity(f"id-{n}", f"order-{n}", f"{n}") for n in range(len(parts))]
    orders = accepted(completion.new_orders(draft, parts, names, ORDERS_PATH, ACTOR, NOW))
    for name in totals(())._fields:
        whole = getattr(draft.order, name)
        assert sum(getattr(order, name) for order in orders) == whole
    for order in orders:
        assert totals(order.items)._asdict() == {
            name: getattr(order, name) for name in totals(())._fields
        }
