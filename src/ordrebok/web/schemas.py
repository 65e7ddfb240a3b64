"""Wire structs from outside: their JSON Schemas, and which fields go into them and come back."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

Schema = dict[str, Any]
"""A JSON Schema; what stands under a keyword is known only to who reads the keyword."""

_DEFINITIONS: Final = "#/$defs/{name}"


def components(types: Iterable[type], template: str = _DEFINITIONS) -> dict[str, Schema]:
    """Return the schema of every struct that the types need, by name, in the order of names."""
    wanted = list(dict.fromkeys(types))
    _, found = msgspec.json.schema_components(wanted, ref_template=template)
    for struct in structs_of(wanted):
        if struct.cls.__name__ in found:
            _mark_moments(struct, found[struct.cls.__name__])
    return {name: found[name] for name in sorted(found)}


def structs_of(types: Iterable[type]) -> list[inspect.StructType]:
    """Return every struct that is reachable from the types, each once."""
    found: dict[type, inspect.StructType] = {}
    waiting: list[inspect.Type] = list(inspect.multi_type_info(types))
    while waiting:
        for struct in _direct_structs(waiting.pop()):
            if struct.cls not in found:
                found[struct.cls] = struct
                waiting.extend(field.type for field in struct.fields)
    return list(found.values())


def _direct_structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """Yield the structs that a type names without going through another struct."""
    match kind:
        case inspect.StructType():
            yield kind
        case inspect.Metadata():
            yield from _direct_structs(kind.type)
        case inspect.UnionType():
            for member in kind.types:
                yield from _direct_structs(member)
        case inspect.DictType():
            yield from _direct_structs(kind.value_type)
        case inspect.TupleType():
            for member in kind.item_types:
                yield from _direct_structs(member)
        case inspect.VarTupleType() | inspect.ListType():
            yield from _direct_structs(kind.item_type)
        case _:
            return


def _mark_moments(struct: inspect.StructType, schema: Schema) -> None:
    """Say `date-time` where msgspec, which also takes times without a zone, says nothing."""
    for field in struct.fields:
        if _is_moment(field.type):
            node = schema["properties"][field.encode_name]
            for branch in node.get("anyOf", [node]):
                if branch.get("type") == "string":
                    branch.setdefault("format", "date-time")


def _is_moment(kind: inspect.Type) -> bool:
    """Tell whether a field is a moment, perhaps an absent one."""
    if isinstance(kind, inspect.Metadata):
        return _is_moment(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(_is_moment(member) for member in kind.types)
    return isinstance(kind, inspect.DateTimeType)


def answered_fields(struct: type, answer: type) -> dict[type, set[str]]:
    """Return, for every struct of a body, the fields that it or the answer has in its place.

    What the server itself answers is no unknown field when it is sent back.
    Source: decisions 1.5.
    """
    bodies = structs_of([struct])
    in_answer = structs_of([answer])
    known = {body.cls: {field.encode_name for field in body.fields} for body in bodies}
    waiting: list[tuple[inspect.StructType, inspect.Type]] = [
        (body, inspect.type_info(answer))
        for body in bodies[:1]  # A free object has none.
    ]
    waiting += [
        (body, other) for body in bodies for other in in_answer if issubclass(other.cls, body.cls)
    ]
    seen: set[tuple[type, type]] = set()
    while waiting:
        body, other = waiting.pop()
        if not isinstance(other, inspect.StructType) or (body.cls, other.cls) in seen:
            continue
        seen.add((body.cls, other.cls))
        theirs = {field.encode_name: field.type for field in other.fields}
        known[body.cls].update(theirs)
        waiting += [
            (inner, counterpart)
            for field in body.fields
            if field.encode_name in theirs
            for inner in _direct_structs(field.type)
            for counterpart in _direct_structs(theirs[field.encode_name])
        ]
    return known
