"""Query strings: values by name, repeated names, moments, and every fault at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordrebok.refusals import Refusal
from ordrebok.web.query import Params, QueryReader, query_reader
from ordrebok.wire.query import NoQuery, OrdersQuery
from tests.http.tiny import ThingsQuery

READER = QueryReader(OrdersQuery)


def read(params: Params, *, strict: bool = False) -> OrdersQuery:
    value = READER.value(params, strict=strict)
    assert isinstance(value, OrdersQuery), value
    return value


def faults(params: Params, *, strict: bool = False) -> list[tuple[str, list[Any]]]:
    value = READER.value(params, strict=strict)
    assert isinstance(value, Refusal), value
    assert value.code == "INVALID_REQUEST_PARAMETER"
    assert all(fault.description for fault in value.faults)
    return [(fault.code, list(fault.path)) for fault in value.faults]


def test_nothing_given_is_the_defaults() -> None:
    """A list can be asked for without parameters, and some operations take none at all."""
    assert read({}) == OrdersQuery()
    assert query_reader(None).value({"a": "b"}, strict=False) == NoQuery()


def test_values_are_read_by_type() -> None:
    """All of a query is text; the rules get the number, the truth value and the list."""
    value = read({"limit": "50", "total": "true", "status": "open", "search": "ola"})
    assert (value.limit, value.total, value.status, value.search) == (50, True, ("open",), "ola")


def test_a_repeated_name_is_a_list() -> None:
    """Orders of several statuses are asked for in one request."""
    assert read({"status": ["open", "closed"]}).status == ("open", "closed")


def test_of_a_repeated_single_value_the_last_counts() -> None:
    """A link with a parameter appended to it works, instead of being refused."""
    assert read({"limit": ["3", "4"]}).limit == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T18:12:13Z", datetime(2026, 11, 20, 18, 12, 13, tzinfo=UTC)),
        ("2026-11-20T18:12:13", datetime(2026, 11, 20, 18, 12, 13, tzinfo=UTC)),
        ("2026-11-20 18:12:13", datetime(2026, 11, 20, 18, 12, 13, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        (
            "2026-11-20T18:12:13+01:00",
            datetime(2026, 11, 20, 18, 12, 13, tzinfo=timezone(timedelta(hours=1))),
        ),
        (
            "2026-11-20T18:12:13.5 01:00",
            datetime(2026, 11, 20, 18, 12, 13, 500_000, tzinfo=timezone(timedelta(hours=1))),
        ),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    """Dates and times as clients write them get a zone, also after a + that became a space."""
    value = read({"created_at.gte": text}).created_at_gte
    assert value == expected
    assert value is not None
    assert value.tzinfo is not None


def test_every_fault_is_listed_by_its_parameter() -> None:
    """Each fault bears the name as the client wrote it, and none waits behind another."""
    found = faults(
        {"limit": "0", "status": ["open", "lost"], "created_at.gte": "soon", "total": "perhaps"}
    )
    assert found == [
        ("MINIMUM", ["limit"]),
        ("ENUM_MISMATCH", ["status"]),
        ("INVALID_FORMAT", ["created_at.gte"]),
        ("INVALID_TYPE", ["total"]),
    ]


def test_unknown_parameters_are_ignored_unless_strict() -> None:
    """A stray parameter of a proxy does no harm, and a misspelt one can be found."""
    assert read({"colour": "red"}) == OrdersQuery()
    assert faults({"colour": "red", "limit": "1"}, strict=True) == [
        ("OBJECT_ADDITIONAL_PROPERTIES", ["colour"])
    ]


def test_the_character_nul_is_refused() -> None:
    """PostgreSQL takes no such character: it must not get as far as a search."""
    assert faults({"search": "a\0b"}) == [("INVALID_CHARACTER", ["search"])]


@given(
    st.dictionaries(
        st.sampled_from(["limit", "total", "status", "created_at.gte", "starting_after", "x"]),
        st.text(max_size=30) | st.lists(st.text(max_size=5), min_size=2, max_size=3),
    ),
    st.booleans(),
)
def test_any_query_is_taken_or_refused_in_words(params: Params, strict: bool) -> None:  # noqa: FBT001 -- hypothesis passes it
    """Nothing that can stand in an address becomes an error of the server."""
    value = QueryReader(ThingsQuery).value(params, strict=strict)
    assert isinstance(value, (ThingsQuery, Refusal))
