"""Query strings: from `name=value` pairs to the operation's query struct."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from ordrebok.refusals import Fault, Refusal
from ordrebok.web.faults import decoder_fault
from ordrebok.wire.query import NoQuery

Params = Mapping[str, str | list[str]]

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONE_AFTER_SPACE: Final = re.compile(r"(.{19,}) (\d{2}:?\d{2})")


@cache
def query_reader(struct: type | None) -> "QueryReader":
    """Return the reader of a query struct, None for no parameters; many operations share one."""
    return QueryReader(struct or NoQuery)


class QueryReader:
    """Turns query parameters into their struct."""

    def __init__(self, struct: type) -> None:
        self._struct = struct
        info = cast("inspect.StructType", inspect.type_info(self._struct))
        self._types: dict[str, Any] = {
            field.encode_name: hint
            for field, hint in zip(info.fields, _hints(self._struct), strict=True)
        }
        self._lists = {f.encode_name for f in info.fields if _is_list(f.type)}
        self._moments = {f.encode_name: f.name for f in info.fields if _is_moment(f.type)}
        self._default: object = None if _required(info) else msgspec.convert({}, self._struct)

    def value(self, params: Params, *, strict: bool) -> object:
        """Return the struct, or a Refusal that lists every parameter that does not fit.

        Refuses: INVALID_REQUEST_PARAMETER.
        """
        if not params and self._default is not None:
            return self._default
        given = {name: self._prepared(name, params[name]) for name in params if name in self._types}
        faults = [_unknown(name) for name in params if strict and name not in self._types]
        faults += [_nul(name) for name, value in given.items() if _has_nul(value)]
        try:
            value: object = msgspec.convert(given, self._struct, strict=False)
        except msgspec.ValidationError as error:
            faults += self._faults(given) or [decoder_fault(error)]
        if faults:
            return Refusal("INVALID_REQUEST_PARAMETER", faults=faults)
        return self._in_utc(value) if self._moments else value

    def _prepared(self, name: str, value: str | list[str]) -> object:
        """Return what was sent in the form that the struct reads."""
        if name in self._lists:
            return value if isinstance(value, list) else [value]
        if isinstance(value, list):
            value = value[-1]
        return healed(value) if name in self._moments else value

    def _faults(self, given: dict[str, object]) -> list[Fault]:
        """Return a fault for each parameter whose value does not fit."""
        faults: list[Fault] = []
        for name, value in given.items():
            try:
                msgspec.convert(value, self._types[name], strict=False)
            except msgspec.ValidationError as error:
                fault = decoder_fault(error)
                wanted = _wanted(self._types[name])
                faults.append(replace(fault, path=(name,), description=wanted))
        return faults

    def _in_utc(self, value: Any) -> object:  # noqa: ANN401 -- any query struct
        """Return the struct with UTC in every moment that names no zone."""
        changes = {
            attribute: moment.replace(tzinfo=UTC)
            for attribute in self._moments.values()
            if isinstance(moment := getattr(value, attribute), datetime) and moment.tzinfo is None
        }
        result: object = msgspec.structs.replace(value, **changes) if changes else value
        return result


def healed(text: str) -> str:
    """Return a moment as it was meant.

    A date alone is its first moment in UTC. A `+` before the zone that was not written as %2B
    arrives as a space.
    """
    if _DATE.fullmatch(text):
        return f"{text}T00:00:00Z"
    zone = _ZONE_AFTER_SPACE.fullmatch(text)
    return f"{zone[1]}+{zone[2]}" if zone else text


def _hints(struct: type) -> list[Any]:
    """Return the annotations of a struct's fields, in their order."""
    return [field.type for field in msgspec.structs.fields(struct)]


def _wanted(hint: Any) -> str:  # noqa: ANN401 -- annotations are of many types
    """Return in words what a parameter takes."""
    schema = msgspec.json.schema(hint)
    while "anyOf" in schema or "items" in schema:
        schema = schema["anyOf"][0] if "anyOf" in schema else schema["items"]
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return f"an integer from {schema.get('minimum')} to {schema.get('maximum')}"
    if "maxLength" in schema:
        return f"a text of at most {schema['maxLength']} characters"
    return "a moment such as 2026-11-20T18:12:13Z, or a date"


def _required(info: inspect.StructType) -> bool:
    """Tell whether any parameter must be given."""
    return any(field.required for field in info.fields)


def _is_list(kind: inspect.Type) -> bool:
    """Tell whether a parameter may be repeated."""
    if isinstance(kind, inspect.Metadata):
        return _is_list(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(_is_list(member) for member in kind.types)
    return isinstance(kind, (inspect.VarTupleType, inspect.ListType))


def _is_moment(kind: inspect.Type) -> bool:
    """Tell whether a parameter is a moment."""
    if isinstance(kind, inspect.Metadata):
        return _is_moment(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(_is_moment(member) for member in kind.types)
    return isinstance(kind, inspect.DateTimeType)


def _has_nul(value: object) -> bool:
    """Tell whether a value, or one of several, holds the character U+0000."""
    return any("\0" in text for text in (value if isinstance(value, list) else [str(value)]))


def _nul(name: str) -> Fault:
    """Return the fault of a value that databases do not take."""
    return Fault("INVALID_CHARACTER", "The text holds U+0000", (name,), "a text without it")


def _unknown(name: str) -> Fault:
    """Return the fault of a parameter that the operation does not have."""
    return Fault(
        "OBJECT_ADDITIONAL_PROPERTIES",
        "Unknown query parameter",
        (name,),
        "only parameters of the operation, because of Prefer: handling=strict",
    )
