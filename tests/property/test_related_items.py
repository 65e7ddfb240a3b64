"""Removing a line, over any graph of relations: chains, circles, and lines that are not there."""

from hypothesis import given
from hypothesis import strategies as st

from ordrebok.items.rules import without
from ordrebok.wire.item import Item
from tests.support.builders import an_item

KINDS = ("required", "optional", "reversed")
MOST = 12


@st.composite
def related_items(draw: st.DrawFn) -> tuple[Item, ...]:
    """Draw lines in any order, each perhaps related to any number, its own included."""
    numbers = draw(st.permutations(range(1, draw(st.integers(1, MOST)) + 1)))
    relation = st.none() | st.tuples(st.sampled_from(KINDS), st.integers(1, MOST))
    return tuple(an_item(100, number, related=draw(relation)) for number in numbers)


def gone(items: tuple[Item, ...], line_id: int) -> set[int]:
    """Return the numbers that leave with a line, by asking again until nothing changes."""
    leaving = {line_id}
    while True:
        more = {
            item.line_id
            for item in items
            if item.related_item is not None
            and item.related_item.type != "optional"
            and item.related_item.line_id in leaving
        }
        if more <= leaving:
            return leaving
        leaving |= more


@given(related_items(), st.integers(1, MOST))
def test_exactly_the_lines_that_need_it_leave_with_a_line(
    items: tuple[Item, ...], line_id: int
) -> None:
    """All that can be reached by required and reversed relations, and nothing else."""
    left = without(items, line_id)
    leaving = gone(items, line_id)
    assert [item.line_id for item in left] == [
        item.line_id for item in items if item.line_id not in leaving
    ]


@given(related_items(), st.integers(1, MOST))
def test_no_relation_to_a_removed_line_is_left(items: tuple[Item, ...], line_id: int) -> None:
    """Optional ones are cleared; the rest of every line that stays is as it was."""
    before = {item.line_id: item for item in items}
    leaving = gone(items, line_id)
    for item in without(items, line_id):
        relation = before[item.line_id].related_item
        if relation is not None and relation.line_id in leaving:
            assert relation.type == "optional"
            assert item == an_item(100, item.line_id)
        else:
            assert item == before[item.line_id]


@given(related_items(), st.integers(1, MOST))
def test_removing_a_line_twice_is_removing_it_once(items: tuple[Item, ...], line_id: int) -> None:
    """A client that repeats itself does no harm."""
    once = without(items, line_id)
    assert without(once, line_id) == once
