"""Documents with something in every field there is, each text saying where it stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from tests.support.builders import T

_DEEPEST = 2
_FORMS = ("NOK", "NO", "BUS", "+4790000001", "1.5")
_moments = itertools.count()


def filled(type_: type[T]) -> T:
    """Return a struct in which every field is filled, and texts are the paths of their fields.

    Texts of a form of their own (currencies, countries, phone numbers, moments) cannot say where
    they stand; each moment is another one.
    """
    return msgspec.convert(_value(inspect.type_info(type_), ""), type_)


def texts(value: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """Yield every text of a JSON value, but not the names of members."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def _value(kind: inspect.Type, path: str) -> Any:  # noqa: ANN401 -- any JSON
    """Return a value of a type."""
    match kind:
        case inspect.Metadata():
            return _value(kind.type, path)
        case inspect.StructType():
            return _members(kind, f"{path}." if path else "")
        case inspect.UnionType():
            return _value(next(t for t in kind.types if not isinstance(t, inspect.NoneType)), path)
        case inspect.VarTupleType():
            return [_value(kind.item_type, path)]
        case _:
            return _plain(kind, path)


def _plain(kind: inspect.Type, path: str) -> Any:  # noqa: ANN401 -- any JSON
    """Return a value of a type that has no others inside."""
    match kind:
        case inspect.DictType():
            return {"of_its_own": path}
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.StrType():
            return _text(kind, path)
        case inspect.IntType():
            return max(kind.ge or 1, 1)
        case inspect.BoolType():
            return True
        case inspect.DateTimeType():
            return _moment()
        case inspect.DateType():
            return "2001-01-01"
        case _:
            raise TypeError(kind)


def _members(kind: inspect.StructType, below: str) -> dict[str, Any]:
    """Return the members of a struct; trees end somewhere."""
    return {
        field.encode_name: _value(field.type, below + field.encode_name)
        for field in kind.fields
        if not (field.encode_name == "destinations" and below.count("destinations") >= _DEEPEST)
    }


def _moment() -> str:
    """Return a moment that no other field has."""
    return f"2001-01-01T00:00:00.{next(_moments) % 1000:03d}Z"


def _text(kind: inspect.StrType, path: str) -> str:
    """Return a text that the type takes: its path, where it takes any."""
    if path.endswith("_at"):
        return _moment()
    limits = msgspec.Meta(
        pattern=kind.pattern, min_length=kind.min_length, max_length=kind.max_length
    )
    for text in (path, *_FORMS):
        try:
            msgspec.convert(text, Annotated[str, limits])
        except msgspec.ValidationError:
            continue
        return text
    raise TypeError(path)
