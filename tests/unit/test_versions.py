"""What differs between two versions of an order: each thing once, named by where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordrebok.orders.versions import differences
from ordrebok.wire.version import Difference

Seen = tuple[tuple[str | int, ...], str, Any, Any]


def changes(before: object, after: object) -> list[Seen]:
    """The differences, as tuples."""
    return [(c.path, c.change, c.before, c.after) for c in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [(("a",), "changed", 1, 2)]),
        ({"a": 1}, {}, [(("a",), "removed", 1, None)]),
        ({}, {"a": {"b": 1}}, [(("a",), "added", None, {"b": 1})]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [(("a", "c"), "changed", 2, 3)]),
        (
            {"a": [1, 2]},
            {"a": [1, 3, 4]},
            [(("a", 1), "changed", 2, 3), (("a", 2), "added", None, 4)],
        ),
        ({"a": {"b": 1}}, {"a": [1]}, [(("a",), "changed", {"b": 1}, [1])]),
        ({"a": True}, {"a": 1}, [(("a",), "changed", True, 1)]),
    ],
)
def test_what_differs_is_told_as_deep_inside_as_it_can_be(
    before: object, after: object, expected: list[Seen]
) -> None:
    """Values are changed, members of objects come and go."""
    assert changes(before, after) == expected


def test_lines_are_held_against_each_other_by_their_numbers() -> None:
    """A line put in front of the others is one change, and so is one that is taken out."""
    one, two = {"line_id": 1, "gross": 10}, {"line_id": 2, "gross": 20}
    assert changes({"items": [two]}, {"items": [one, two]}) == [
        (("items", "line_id=1"), "added", None, one)
    ]
    assert changes({"items": [one, two]}, {"items": [{"line_id": 2, "gross": 25}]}) == [
        (("items", "line_id=1"), "removed", one, None),
        (("items", "line_id=2", "gross"), "changed", 20, 25),
    ]


def test_operations_are_held_against_each_other_by_their_ids() -> None:
    """An id serves where there is no line_id."""
    assert changes([{"id": "A", "x": 1}], [{"id": "B"}, {"id": "A", "x": 2}]) == [
        (("id=A", "x"), "changed", 1, 2),
        (("id=B",), "added", None, {"id": "B"}),
    ]


@pytest.mark.parametrize("name", ["id", "other"])
def test_without_names_of_their_own_members_go_by_their_positions(name: str) -> None:
    """Two members with one id are told apart by where they stand."""
    before = [{name: "A", "x": 1}, {name: "A", "x": 2}]
    after = [{name: "A", "x": 1}, {name: "A", "x": 3}]
    assert changes(before, after) == [((1, "x"), "changed", 2, 3)]


def patched(value: Any, change: Difference) -> None:  # noqa: ANN401 -- any JSON
    """Carry a change out on the value before it."""
    *way, last = change.path
    for step in way:
        value = value[_place(value, step)]
    if change.change == "removed":
        del value[_place(value, last)]
    elif isinstance(value, list) and change.change == "added":
        value.append(change.after)
    else:
        value[_place(value, last)] = change.after


def _place(value: Any, step: str | int) -> str | int:  # noqa: ANN401 -- any JSON
    if isinstance(value, dict) or isinstance(step, int):
        return step
    name, _, wanted = step.partition("=")
    return next(nth for nth, member in enumerate(value) if str(member[name]) == wanted)


def unordered(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """A value in which the order of named members does not count."""
    if isinstance(value, dict):
        return {key: unordered(each) for key, each in value.items()}
    if isinstance(value, list):
        members = [unordered(each) for each in value]
        if all(isinstance(each, dict) and "line_id" in each for each in members):
            return sorted(members, key=lambda each: int(each["line_id"]))
        return members
    return value


LINES = st.lists(
    st.fixed_dictionaries(
        {"line_id": st.integers(1, 4)}, optional={"x": st.integers(0, 2), "y": st.text(max_size=1)}
    ),
    unique_by=lambda line: line["line_id"],
    max_size=4,
)
ORDERS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2) | LINES)


@given(before=ORDERS, after=ORDERS)
def test_changes_lead_from_the_one_version_to_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Whoever carries all of them out has the other version: nothing is left out."""
    found = list(differences(before, after))
    assert (before == after) is not bool(found) or unordered(before) == unordered(after)
    for change in found:
        patched(before, change)
    assert unordered(before) == unordered(after)
