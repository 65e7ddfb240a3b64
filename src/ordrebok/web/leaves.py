"""Single values against their types: what is wrong with a number, a text, a moment, and in words.

The types are msgspec's own view of the wire structs, so that this judges by the same limits as
the decoder of the happy path.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

import msgspec
from msgspec import inspect

from ordrebok.refusals import Fault

Path = tuple[str | int, ...]

_MOST_CHARACTERS: Final = 80
_ANYTHING: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})

_NAMES: Final[dict[type[inspect.Type], str]] = {
    inspect.NoneType: "null",
    inspect.BoolType: "boolean",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.StrType: "string",
    inspect.DateTimeType: "string",
    inspect.DateType: "string",
    inspect.StructType: "object",
    inspect.DictType: "object",
    inspect.VarTupleType: "array",
    inspect.TupleType: "array",
    inspect.ListType: "array",
}

_MOMENT: Final = (datetime, "date-time", "a moment such as 2026-11-20T18:12:13Z (RFC 3339)")
_DATE: Final = (date, "date", "a date such as 2026-11-20 (RFC 3339)")


def leaf_faults(kind: inspect.Type, value: object, path: Path) -> Iterator[Fault]:
    """Yield what is wrong with a value that holds no other values."""
    wanted = names_of(kind)
    if type_of(value) not in taken_by(kind):
        yield type_fault(wanted, value, path)
        return
    match kind:
        case inspect.IntType() | inspect.FloatType() if isinstance(value, (int, float)):
            yield from _number_faults(kind, value, path)
        case inspect.StrType() if isinstance(value, str):
            yield from _text_faults(kind, value, path)
        case inspect.LiteralType() if value not in kind.values:
            allowed = ", ".join(shorten(one) for one in kind.values)
            message = f"{shorten(value)} is not one of the allowed values"
            yield Fault("ENUM_MISMATCH", message, path, f"one of {allowed}")
        case inspect.DateTimeType() | inspect.DateType():
            python_type, name, example = _DATE if isinstance(kind, inspect.DateType) else _MOMENT
            try:
                msgspec.convert(value, python_type)
            except msgspec.ValidationError:
                yield Fault("INVALID_FORMAT", f"{shorten(value)} is no {name}", path, example)


def length_faults(
    kind: inspect.VarTupleType | inspect.ListType, size: int, path: Path
) -> Iterator[Fault]:
    """Yield what is wrong with the length of a list."""
    message = f"The list has {size} entries"
    if kind.min_length is not None and size < kind.min_length:
        yield Fault("ARRAY_LENGTH_SHORT", message, path, f"at least {kind.min_length}")
    if kind.max_length is not None and size > kind.max_length:
        yield Fault("ARRAY_LENGTH_LONG", message, path, f"at most {kind.max_length}")


def type_fault(wanted: Sequence[str], value: object, path: Path) -> Fault:
    """Return the fault of a value that is of none of the wanted types."""
    names = [name for name in wanted if name != "null" or len(wanted) == 1]
    if "number" in names and "integer" in names:
        names.remove("integer")
    either = " or ".join(names)
    found = type_of(value)
    if found in {"integer", "number", "string", "boolean"}:
        found = f"{found} {shorten(value)}"
    hint = ", without quotes, point or exponent" if names == ["integer"] else ""
    message = f"Expected {either}, found {found}"
    return Fault("INVALID_TYPE", message, path, f"a value of type {either}{hint}")


def names_of(kind: inspect.Type) -> tuple[str, ...]:
    """Return the JSON types that a type is written as."""
    match kind:
        case inspect.Metadata():
            return names_of(kind.type)
        case inspect.UnionType():
            return tuple(dict.fromkeys(name for one in kind.types for name in names_of(one)))
        case inspect.LiteralType():
            return _types_of(kind.values)
    name = _NAMES.get(type(kind))
    return tuple(sorted(_ANYTHING)) if name is None else (name,)


def taken_by(kind: inspect.Type) -> frozenset[str]:
    """Return the JSON types that a type takes: a number may also be written as an integer."""
    names = frozenset(names_of(kind))
    return names | {"integer"} if "number" in names else names


def type_of(value: object) -> str:
    """Return the JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def shorten(value: object) -> str:
    """Return a value as JSON for a message, cut where it is long."""
    if isinstance(value, float) and not math.isfinite(value):
        return "beyond all limits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def _types_of(values: Iterable[object]) -> tuple[str, ...]:
    """Return the JSON types of some values."""
    return tuple(dict.fromkeys(type_of(value) for value in values))


def _number_faults(
    kind: inspect.IntType | inspect.FloatType, value: float, path: Path
) -> Iterator[Fault]:
    """Yield which limits a number passes."""
    shown = shorten(value)
    if kind.ge is not None and value < kind.ge:
        yield Fault("MINIMUM", f"{shown} is too small", path, f"at least {kind.ge}")
    if kind.gt is not None and value <= kind.gt:
        yield Fault("MINIMUM_EXCLUSIVE", f"{shown} is too small", path, f"more than {kind.gt}")
    if kind.le is not None and value > kind.le:
        yield Fault("MAXIMUM", f"{shown} is too large", path, f"at most {kind.le}")
    elif kind.lt is not None and value >= kind.lt:
        yield Fault("MAXIMUM_EXCLUSIVE", f"{shown} is too large", path, f"less than {kind.lt}")
    elif not math.isfinite(value):
        yield Fault("MAXIMUM", "The number is too large", path, "a number of double precision")
    if kind.multiple_of is not None and value % kind.multiple_of:
        step = kind.multiple_of
        yield Fault(
            "NOT_MULTIPLE_OF", f"{shown} is no multiple of {step}", path, f"a multiple of {step}"
        )


def _text_faults(kind: inspect.StrType, value: str, path: Path) -> Iterator[Fault]:
    """Yield which limits a text passes."""
    message = f"The text has {len(value)} characters"
    if kind.min_length is not None and len(value) < kind.min_length:
        yield Fault("MIN_LENGTH", message, path, f"at least {kind.min_length}")
    if kind.max_length is not None and len(value) > kind.max_length:
        yield Fault("MAX_LENGTH", message, path, f"at most {kind.max_length}")
    if kind.pattern is not None and not re.search(kind.pattern, value):
        message = f"{shorten(value)} does not fit the pattern"
        yield Fault("PATTERN", message, path, f"a text that fits {kind.pattern}")
