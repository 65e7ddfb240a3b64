"""Bodies: what is taken, what is refused, and that both readers agree about it."""

from __future__ import annotations

import json
from dataclasses import replace
from time import process_time
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordrebok.operation import Operation
from ordrebok.refusals import Refusal
from ordrebok.web.body import BodyReader, is_json, nests_deeper
from ordrebok.web.schemas import components
from ordrebok.wire.draft import DraftBody
from ordrebok.wire.item import ItemBody
from tests.http.tiny import OPERATIONS, ThingBody, Wrapped

JSON = b"application/json"
ROWS = {row.id: row for row in OPERATIONS}


def reader(operation: str = "things_post") -> BodyReader:
    return BodyReader(ROWS[operation])


def read(body: bytes | dict[str, Any], *, strict: bool = False, row: str = "things_post") -> object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return reader(row).value(raw, JSON, strict=strict)


def faults(body: bytes | dict[str, Any], *, strict: bool = False) -> list[tuple[str, list[Any]]]:
    refusal = read(body, strict=strict)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.code == "INVALID_REQUEST_PARAMETER"
    assert all(fault.message and fault.description for fault in refusal.faults)
    return [(fault.code, list(fault.path)) for fault in refusal.faults]


def test_good_body_becomes_the_struct() -> None:
    """The rules get typed values, and a field that is not known yet does no harm."""
    assert read({"currency": "NOK", "unknown": 1}) == ThingBody(currency="NOK")


@pytest.mark.parametrize("amount", ['"100"', "100.0", "1e2", "true", "[100]", "9007199254740992"])
def test_amounts_are_integers_and_nothing_else(amount: str) -> None:
    """Money that is almost a number is refused, never rounded or converted."""
    body = f'{{"currency":"NOK","parts":[{{"amount":{amount}}}]}}'.encode()
    code = "MAXIMUM" if amount.startswith("9") else "INVALID_TYPE"
    assert faults(body) == [(code, ["parts", 0, "amount"])]


@pytest.mark.parametrize("text", ["0.0", "-0.0", "-5.0", "1e30", "-1e300", "4503599627370496.0"])
def test_a_whole_number_with_a_point_is_no_integer_for_either_reader(text: str) -> None:
    """What the fast reader refuses, the second one finds: no refusal is without its fault."""
    found = faults(f'{{"currency":"NOK","parts":[{{"amount":{text}}}]}}'.encode())
    assert found == [("INVALID_TYPE", ["parts", 0, "amount"])]


def test_the_message_shows_the_number_as_it_was_written() -> None:
    """The sender finds 100.0 in the own body; a 100 is not there to be found."""
    refusal = read(b'{"currency":"NOK","parts":[{"amount":100.0}]}')
    assert isinstance(refusal, Refusal)
    assert refusal.faults[0].message == "Expected integer, found number 100.0"


def test_everything_wrong_is_listed_at_once() -> None:
    """One answer is enough to correct a body, however many mistakes it holds."""
    body = {
        "parts": [{"amount": 1.5, "note": "", "share": 101}, {"note": "x" * 30}, 7],
        "kind": "middle",
        "at": "yesterday",
        "payout": 3,
        "words": {"a": 1},
        "step": 3,
    }
    assert sorted(faults(body), key=str) == sorted(
        [
            ("OBJECT_MISSING_REQUIRED_PROPERTY", []),
            ("INVALID_TYPE", ["parts", 0, "amount"]),
            ("MIN_LENGTH", ["parts", 0, "note"]),
            ("MAXIMUM", ["parts", 0, "share"]),
            ("OBJECT_MISSING_REQUIRED_PROPERTY", ["parts", 1]),
            ("MAX_LENGTH", ["parts", 1, "note"]),
            ("INVALID_TYPE", ["parts", 2]),
            ("ENUM_MISMATCH", ["kind"]),
            ("INVALID_FORMAT", ["at"]),
            ("INVALID_TYPE", ["payout"]),
            ("INVALID_TYPE", ["words", "a"]),
            ("NOT_MULTIPLE_OF", ["step"]),
        ],
        key=str,
    )


def test_a_missing_key_is_named() -> None:
    """The path ends at the object, so that only the words can say what it lacks."""
    refusal = read({"parts": []})
    assert isinstance(refusal, Refusal)
    fault = refusal.faults[0]
    assert "currency" in fault.message
    assert "currency" in fault.description
    assert fault.path == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"parts": [{"amount": 1}] * 4}, ("ARRAY_LENGTH_LONG", ["parts"])),
        ({"currency": "nok"}, ("PATTERN", ["currency"])),
        ({"payout": {"id": 1}}, ("INVALID_TYPE", ["payout", "id"])),
        ({"payout": {"id": "1", "leaves": [{}]}},
         ("OBJECT_MISSING_REQUIRED_PROPERTY", ["payout", "leaves", 0])),
        ({"metadata": []}, ("INVALID_TYPE", ["metadata"])),
        ({"at": "2026-02-30T10:00:00Z"}, ("INVALID_FORMAT", ["at"])),
        ({"at": "2026-12-31T23:59:60Z"}, ("INVALID_FORMAT", ["at"])),
        ({"parts": None}, ("INVALID_TYPE", ["parts"])),
    ],
)  # fmt: skip
def test_faults_have_code_and_path(body: dict[str, Any], expected: tuple[str, list[Any]]) -> None:
    """A program finds the field and the kind of its mistake without reading a sentence."""
    assert faults({"currency": "NOK", **body}) == [expected]


def test_a_time_without_a_zone_is_taken_by_both_readers() -> None:
    """A good time is not blamed because something else in the body is wrong."""
    assert faults({"at": "2026-11-20T18:12:13"}) == [("OBJECT_MISSING_REQUIRED_PROPERTY", [])]


def test_long_values_are_cut() -> None:
    """A refusal stays short, whatever was sent to provoke it."""
    refusal = read({"currency": "x" * 5_000})
    assert isinstance(refusal, Refusal)
    assert all(len(fault.message) < 200 for fault in refusal.faults)


def test_keys_that_look_like_numbers_stay_keys() -> None:
    """A path tells the key of an object from the index of a list."""
    body = {"currency": "NOK", "words": {"7": 1, "007": "x", "08": 2, "+1": 3, "": 4, "a/~": 5}}
    assert [path for _, path in faults(body)] == [
        ["words", "7"],
        ["words", "08"],
        ["words", "+1"],
        ["words", ""],
        ["words", "a/~"],
    ]


def test_very_many_faults_end_somewhere() -> None:
    """A body made of mistakes cannot ask for an answer as large as itself."""
    body = {"currency": "NOK", "words": {str(n): n for n in range(5_000)}}
    assert len(faults(body)) == 1_000


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b'{"currency":"NOK",}', 18),
        (b'{"currency":NaN}', 12),
        (b'{"currency":"N\x00K"}', 14),
        (b"\xef\xbb\xbf{}", 0),
        (b'{"currency":"NOK"} {}', 20),
        (b'{"currency":5, nonsense', 15),
        (b"{", None),
        (b'{"unknown":"\xff","currency":"NOK"}', 12),
    ],
)
def test_broken_json_says_where(body: bytes, position: int | None) -> None:
    """A misplaced comma is found by its position, not by reading the whole body again."""
    refusal = read(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "INVALID_JSON"
    assert refusal.data.get("position") == position


@pytest.mark.parametrize(
    "body", [b'{"unknown":"\\ud800","currency":"NOK"}', b'{"currency":"\\udc00"}']
)
def test_half_a_surrogate_pair_is_no_json(body: bytes) -> None:
    """Such a text cannot be written as UTF-8, and must not fail later in the store."""
    refusal = read(body)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "INVALID_JSON"


@pytest.mark.parametrize(
    ("literal", "code"),
    [("1e400", "MAXIMUM"), ("-1e400", "MAXIMUM"), ("1" * 5_000, "MAXIMUM")],
)
def test_absurd_numbers_are_refused(literal: str, code: str) -> None:
    """No number becomes infinite or costs seconds to read, not even in free metadata."""
    body = f'{{"currency":"NOK","metadata":{{"n":{literal}}}}}'.encode()
    assert [found for found, _ in faults(body)] == [code]


def test_the_character_nul_is_refused_where_it_stands() -> None:
    """PostgreSQL stores no such character; the path leads to it, or to the object with it."""
    body = b'{"currency":"NOK","metadata":{"a":["x","\\u0000"],"b\\u0000":1},"unknown":"\\\\u0000"}'
    assert faults(body) == [
        ("INVALID_CHARACTER", ["metadata", "a", 1]),
        ("INVALID_CHARACTER", ["metadata"]),
    ]


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    """Six plain characters that only look like the escape are taken as they are."""
    assert isinstance(read(b'{"currency":"NOK","metadata":{"a":"\\\\u0000"}}'), ThingBody)


def test_strict_names_unknown_fields_but_not_those_the_server_answers() -> None:
    """A misspelt field is caught, yet what was read can be sent back unchanged."""
    body = {
        "currency": "NOK",
        "parts": [{"amount": 5, "net_amount": 3, "colour": "red"}],
        "version": 3,
        "_links": [],
        "surprise": 1,
        "metadata": {"free": 1},
        "words": {"free": "x"},
    }
    assert sorted(faults(body, strict=True)) == [
        ("OBJECT_ADDITIONAL_PROPERTIES", ["parts", 0, "colour"]),
        ("OBJECT_ADDITIONAL_PROPERTIES", ["surprise"]),
    ]
    assert isinstance(read(body), ThingBody)


def test_strict_lists_unknown_fields_together_with_the_rest() -> None:
    """Strictness adds to the list of faults and hides none of it."""
    assert sorted(faults({"surprise": 1}, strict=True)) == [
        ("OBJECT_ADDITIONAL_PROPERTIES", ["surprise"]),
        ("OBJECT_MISSING_REQUIRED_PROPERTY", []),
    ]


def test_body_of_two_forms_is_read_as_the_chosen_one() -> None:
    """Wrapped or bare, a thing is read in its own form and never half as the other."""
    assert isinstance(read({"thing": {"currency": "NOK"}}, row="things_id_put"), Wrapped)
    assert isinstance(read({"currency": "NOK"}, row="things_id_put"), ThingBody)


@pytest.mark.parametrize("strict", [False, True])
def test_a_body_may_be_any_object(*, strict: bool) -> None:
    """Free content is taken whole, strict or not, and a list is still no object."""
    one = BodyReader(replace(ROWS["things_post"], body=dict))
    assert one.value(b'{"a":[1]}', JSON, strict=strict) == {"a": [1]}
    refusal = one.value(b"[1]", JSON, strict=strict)
    assert isinstance(refusal, Refusal)
    assert [fault.code for fault in refusal.faults] == ["INVALID_TYPE"]


def test_missing_body_is_refused_unless_it_is_optional() -> None:
    """An operation gets no body only where it says that it can do without one."""
    assert read(b"", row="broken_post") is None
    refusal = read(b"")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "INVALID_JSON"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/json", True),
        (b"application/json; charset=utf-8", True),
        (b'Application/JSON ; charset="UTF-8"', True),
        (b"application/merge-patch+json", True),
        (b"application/json; charset=latin-1", False),
        (b"text/json", False),
        (b"text/plain", False),
        (b"application/x-www-form-urlencoded", False),
        (b"", False),
        (None, False),
    ],
)
def test_content_types(content_type: bytes | None, *, expected: bool) -> None:
    """Every way to write JSON in UTF-8 is taken, and no form that a browser sends unasked."""
    assert is_json(content_type) is expected


@pytest.mark.parametrize(("depth", "refused"), [(64, False), (65, True), (5_000, True)])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_nesting_ends_at_64_levels(depth: int, pair: str, *, refused: bool) -> None:
    """No depth of brackets exhausts the stack, and the refusal tells the limit."""
    inner = "[" * (depth - 1) + "]" * (depth - 1) if pair == "[]" else ""
    if pair == "{}":
        inner = '{"a":' * (depth - 1) + "1" + "}" * (depth - 1)
    result = read(f'{{"currency":"NOK","ignored":{inner}}}'.encode())
    assert isinstance(result, Refusal) is refused
    if isinstance(result, Refusal):
        assert result.code == "INVALID_JSON"
        assert "64" in result.text


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(child) for child in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(child) for child in value), default=0)
    return 0


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a[]{}"\\,:é\n'),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet='[]{}"\\'), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(documents, st.integers(0, 6))
def test_nesting_is_counted_outside_of_texts(value: object, limit: int) -> None:
    """A bracket in a customer's comment is a character and opens nothing."""
    body = json.dumps(value, ensure_ascii=False).encode()
    assert nests_deeper(body, limit) is (depth_of(value) > limit)


HOSTILE = {
    "numbers for objects": b'{"currency":"NOK","parts":[' + b",".join([b"1"] * 2_000_000) + b"]}",
    "empty objects": b'{"currency":"NOK","parts":[' + b",".join([b"{}"] * 1_000_000) + b"]}",
    "open brackets": b"[" * 5_000_000,
    "escaped quotes": b"[" * 65 + b'"' + b'\\"' * 2_400_000,
    "quotes": b"[" * 65 + b'"' * 5_000_000,
    "unknown keys": b"{" + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}",
    "nul": b'{"currency":"NOK","metadata":{"a":[' + b'"\\u0000",' * 500_000 + b"1]}}",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("strict", [False, True])
def test_no_body_keeps_the_server_busy_for_long(name: str, *, strict: bool) -> None:
    """A single hostile body must not make everyone else wait."""
    started = process_time()
    result = read(HOSTILE[name], strict=strict)
    assert isinstance(result, Refusal)
    assert len(result.faults) <= 1_000
    assert process_time() - started < 5  # A second or less; slow machines are slow.


@given(documents)
def test_any_json_is_taken_or_refused_in_words(value: object) -> None:
    """No value, however odd, becomes an error of the server."""
    result = read(json.dumps({"currency": "NOK", "metadata": {"a": value}, "kind": value}).encode())
    assert isinstance(result, (ThingBody, Refusal))


def _spoilt(body: object, path: tuple[Any, ...], value: object) -> object:
    """A copy with another value at one place."""
    if not path:
        return value
    if isinstance(body, dict):
        return {**body, path[0]: _spoilt(body[path[0]], path[1:], value)}
    entries = list(cast("list[object]", body))
    entries[path[0]] = _spoilt(entries[path[0]], path[1:], value)
    return entries


def _places(body: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children: list[tuple[Any, object]] = []
    if isinstance(body, dict):
        children = list(body.items())
    elif isinstance(body, list):
        children = list(enumerate(body))
    return [path] + [place for key, child in children for place in _places(child, (*path, key))]


EXAMPLE = {
    "gross_amount": 29900,
    "line_id": 1,
    "id": "shirt",
    "quantity": 1.5,
    "tax_lines": [{"amount": 5980, "percentage": 25}],
    "discount_lines": [{"amount": 100, "discount_type": "manual"}],
    "related_item": {"line_id": 2, "type": "required"},
    "conversion_rate_timestamp": "2026-01-01T00:00:00Z",
    "metadata": {"a": 1},
    "groups": [{"id": "g"}],
}
SPOILERS: tuple[object, ...] = (None, True, 1, 1.0, 1.5, -1, "", "x", [], {}, [None], 10**17, 2**60)


@pytest.mark.parametrize("place", _places(EXAMPLE), ids=str)
def test_both_readers_agree_on_every_spoilt_item(place: tuple[Any, ...]) -> None:
    """Where the fast reader refuses, the second one finds the fault, and at the spoilt place."""
    row = Operation(
        id="x", method="POST", path="/x", summary="", tag="", answer=ItemBody, body=ItemBody,
        plan=lambda _: Refusal("NOT FOUND"),
    )  # fmt: skip
    one = BodyReader(row)
    for value in SPOILERS:
        body = msgspec.json.encode(_spoilt(EXAMPLE, place, value))
        result = one.value(body, JSON, strict=False)
        if isinstance(result, Refusal):
            assert result.faults, (place, value)
            assert all("fits the schema" not in fault.description for fault in result.faults)
            assert any(fault.path[: len(place)] == place for fault in result.faults)


def test_the_schema_of_a_struct_knows_its_moments() -> None:
    """The second reader checks times too, since the schema says where they are."""
    schema = components([DraftBody])
    delivery = schema["OrderContent"]["properties"]["delivery_at"]
    assert {"type": "string", "format": "date-time"} in delivery["anyOf"]
