"""The second pass over a body that was refused: everything that is wrong with it, at once.

msgspec is fast and stops at the first error. Here the same body meets the same struct again,
field by field, and every error becomes a fault. Whatever a struct takes as a whole is passed
over, so that the time goes where the faults are, and the list of faults has an end.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import inspect

from ordrebok.refusals import Fault
from ordrebok.web.leaves import (
    Path,
    leaf_faults,
    length_faults,
    names_of,
    shorten,
    taken_by,
    type_fault,
    type_of,
)
from ordrebok.web.schemas import answered_fields

MOST_FAULTS: Final = 1_000
"""A body can be wrong in a million places; nobody reads further than this."""

_MOST_DIGITS: Final = 400


class BodyFaults:
    """Finds the faults of one body struct; made ready when the first bad body arrives."""

    def __init__(self, struct: type, answer: type) -> None:
        self._struct = struct
        self._answer = answer
        self._type: inspect.Type | None = None
        self._known: dict[type, set[str]] = {}

    def of(self, body: bytes, *, strict: bool) -> list[Fault]:
        """Return the faults of a body that is JSON; empty when each of its values fits."""
        if self._type is None:
            self._type = inspect.type_info(self._struct)
            self._known = answered_fields(self._struct, self._answer)
        try:
            value = json.loads(body, parse_int=_integer)
        except (ValueError, RecursionError):
            return []
        walk = _Walk(self._known if strict else None)
        return list(islice(walk.faults(self._type, value, ()), MOST_FAULTS))


class _Walk:
    """One walk through a body; with `known`, fields that are not among these are faults."""

    def __init__(self, known: Mapping[type, set[str]] | None) -> None:
        self._known = known
        self._taken: dict[int, frozenset[str]] = {}

    def faults(self, kind: inspect.Type, value: object, path: Path) -> Iterator[Fault]:
        """Yield the faults of a value of this type, and of what it holds."""
        match kind:
            case inspect.Metadata():
                yield from self.faults(kind.type, value, path)
            case inspect.UnionType():
                yield from self._union(kind, value, path)
            case inspect.StructType() if isinstance(value, dict):
                yield from self._struct(kind, value, path)
            case inspect.DictType() if isinstance(value, dict):
                if not isinstance(kind.value_type, inspect.AnyType):
                    for key, child in value.items():
                        yield from self.faults(kind.value_type, child, (*path, key))
            case inspect.VarTupleType() | inspect.ListType() if isinstance(value, list):
                yield from length_faults(kind, len(value), path)
                for index, child in enumerate(value):
                    yield from self.faults(kind.item_type, child, (*path, index))
            case _:
                yield from leaf_faults(kind, value, path)

    def _struct(
        self, kind: inspect.StructType, value: dict[str, Any], path: Path
    ) -> Iterator[Fault]:
        """Yield the faults of an object."""
        if self._known is None and _fits(kind.cls, value):
            return
        for field in kind.fields:
            name = field.encode_name
            if name in value:
                yield from self.faults(field.type, value[name], (*path, name))
            elif field.required:
                message = f"Missing required property: {name}"
                code = "OBJECT_MISSING_REQUIRED_PROPERTY"
                yield Fault(code, message, path, f"{name} is required here")
        if self._known is not None:
            known = self._known[kind.cls]
            yield from (_unknown(name, path) for name in value if name not in known)

    def _union(self, kind: inspect.UnionType, value: object, path: Path) -> Iterator[Fault]:
        """Yield the faults of the member that was meant: the one that the value's type fits."""
        found = type_of(value)
        meant = [member for member in kind.types if found in self._takes(member)]
        if not meant:
            yield type_fault(names_of(kind), value, path)
        elif len(meant) == 1:
            yield from self.faults(meant[0], value, path)
        else:
            tries = [list(islice(self.faults(one, value, path), MOST_FAULTS)) for one in meant]
            yield from min(tries, key=len)

    def _takes(self, kind: inspect.Type) -> frozenset[str]:
        """Return the JSON types that a type takes."""
        taken = self._taken.get(id(kind))
        if taken is None:
            taken = self._taken[id(kind)] = taken_by(kind)
        return taken


def decoder_fault(error: Exception) -> Fault:
    """Return the one fault that msgspec names, for what no single value shows."""
    message, _, where = str(error).partition(" - at `")
    path = _path_of(where.rstrip("`"))
    code = next((code for words, code in _DECODER_CODES if words in message), "INVALID_VALUE")
    return Fault(code, message, path, "a value that fits the schema")


_DECODER_CODES: Final = (
    ("missing required field", "OBJECT_MISSING_REQUIRED_PROPERTY"),
    ("unknown field", "OBJECT_ADDITIONAL_PROPERTIES"),
    ("out of range", "MAXIMUM"),
    ("Invalid enum value", "ENUM_MISMATCH"),
    ("Invalid RFC3339", "INVALID_FORMAT"),
    ("of length <=", "MAX_LENGTH"),
    ("of length >=", "MIN_LENGTH"),
    ("matching regex", "PATTERN"),
    (" >= ", "MINIMUM"),
    (" > ", "MINIMUM"),
    (" <= ", "MAXIMUM"),
    (" < ", "MAXIMUM"),
    ("Expected", "INVALID_TYPE"),
)
"""Words of msgspec's messages, the telling ones first, and the code that they mean."""

_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def _path_of(where: str) -> Path:
    """Read msgspec's `$.items[0].name`; `[...]` stands for a key that it does not tell."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(where):
        if name:
            steps.append(name)
        elif index != "...":
            steps.append(int(index))
    return tuple(steps)


def _fits(struct: type, value: object) -> bool:
    """Tell whether the struct takes the value as it is."""
    try:
        msgspec.convert(value, struct)
    except (msgspec.ValidationError, RecursionError):
        return False
    return True


def _integer(text: str) -> int:
    """Return an integer literal; one of absurd length only keeps its sign and its size."""
    if len(text) <= _MOST_DIGITS:
        return int(text)
    return int(text[:1] + "9" * _MOST_DIGITS)


def _unknown(name: str, path: Path) -> Fault:
    """Return the fault of a field that neither side knows."""
    return Fault(
        "OBJECT_ADDITIONAL_PROPERTIES",
        f"Unknown property: {shorten(name)[1:-1]}",
        (*path, name),
        "only properties of the schema, because of Prefer: handling=strict",
    )
