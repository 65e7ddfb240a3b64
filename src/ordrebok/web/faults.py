"""The second pass over a body that was refused: everything that is wrong with it, at once.

msgspec is fast and stops at the first error. Here the same body meets the JSON Schema of the
same struct, and every finding becomes a fault. The two readers must agree: see `_seen_number`
(for JSON Schema 100.0 is an integer, for money it is not) and `_is_moment`.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

import msgspec
from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from ordrebok.refusals import Fault
from ordrebok.web.schemas import body_schema, strict_schema

Path = tuple[str | int, ...]

MOST_FAULTS: Final = 1_000
"""A body can be wrong in a million places; nobody reads further than this."""

_MOST_CHARACTERS: Final = 80
_EXACT_FRACTIONS: Final = 2**52
"""From here on a float has no digits behind the point left."""
_MOST_DIGITS: Final = 400


class Finding(NamedTuple):
    """One error of the schema reader, with its unions resolved."""

    keyword: str
    kind: ValidationErrorKind
    path: Path
    types: tuple[str, ...] = ()


class BodyFaults:
    """The schemas of one body struct, compiled when the first bad body arrives."""

    def __init__(self, struct: type, answer: type) -> None:
        self._struct = struct
        self._answer = answer
        self._validators: dict[bool, Draft202012Validator] = {}

    def of(self, body: bytes, *, strict: bool) -> list[Fault]:
        """Return all faults of a body that is JSON; empty when the schema finds none."""
        try:
            seen = json.loads(body, parse_float=_seen_float, parse_int=_seen_integer)
            written = json.loads(body, parse_float=Decimal, parse_int=Decimal)
            findings = self._findings(seen, strict=strict)
            return [_fault(finding, written) for finding in findings]
        except (ValueError, RecursionError, InvalidOperation):
            # Such as half a surrogate pair: no reader but JSON's own takes it any further.
            return []

    def unknown(self, body: bytes) -> list[Fault]:
        """Return a fault for each field of a good body that neither side knows."""
        return [
            fault
            for fault in self.of(body, strict=True)
            if fault.code == "OBJECT_ADDITIONAL_PROPERTIES"
        ]

    def _findings(self, seen: object, *, strict: bool) -> list[Finding]:
        """Return the distinct findings, in the order of the schema."""
        validator = self._validators.get(strict)
        if validator is None:
            schema = strict_schema(self._struct, self._answer) if strict else None
            validator = self._validators[strict] = Draft202012Validator(
                schema or body_schema(self._struct),
                validate_formats=True,
                formats={"date-time": _is_moment},
            )
        found: dict[tuple[str, Path, str], Finding] = {}
        for error in validator.iter_errors(seen):
            for finding in _resolved(error):
                found.setdefault((finding.keyword, finding.path, _detail(finding)), finding)
            if len(found) > MOST_FAULTS:
                break
        # Of another type, too large as well: one thing is wrong, not two.
        mistyped = {finding.path for finding in found.values() if finding.types}
        listed = [one for one in found.values() if one.types or one.path not in mistyped]
        return listed[:MOST_FAULTS]


def decoder_fault(error: Exception) -> Fault:
    """Return the one fault that msgspec names, for what the schema cannot say."""
    message, _, where = str(error).partition(" - at `")
    path = _path_of(where.rstrip("`"))
    for words, code in _DECODER_CODES:
        if words in message:
            return Fault(code, message, path, "a value that fits the schema")
    return Fault("INVALID_VALUE", message, path, "a value that fits the schema")


def shorten(value: object) -> str:
    """Return a value as JSON for a message, cut where it is long."""
    if isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


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


def _seen_float(text: str) -> object:
    """Return a float literal so that a reader of JSON Schema cannot take it for an integer.

    Towards zero, by the least step there is: limits judge it as they judge the number itself.
    """
    number = float(text)
    if not number.is_integer():
        return number if math.isfinite(number) else Decimal("9" * _MOST_DIGITS + ".5")
    if abs(number) < _EXACT_FRACTIONS:
        return math.nextafter(number, 0.0 if number else 1.0)
    return Decimal(f"{int(number)}.5")


def _seen_integer(text: str) -> int:
    """Return an integer literal; one of absurd length only keeps its sign and its size."""
    if len(text) <= _MOST_DIGITS:
        return int(text)
    return int(text[:1] + "9" * _MOST_DIGITS)


def _is_moment(text: str) -> bool:
    """Tell whether a text is a moment to the reader of the happy path too."""
    try:
        msgspec.convert(text, datetime, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _resolved(error: ValidationError) -> Iterator[Finding]:
    """Yield what an error comes to: of a union, the errors of the member that was meant."""
    kind = error.kind
    path: Path = tuple(error.instance_path)
    if not isinstance(
        kind,
        (
            ValidationErrorKind.AnyOf,
            ValidationErrorKind.OneOfNotValid,
            ValidationErrorKind.OneOfMultipleValid,
        ),
    ):
        if isinstance(kind, ValidationErrorKind.AdditionalProperties):
            yield from (Finding(kind.name, kind, (*path, name)) for name in kind.unexpected)
            return
        types = tuple(kind.types) if isinstance(kind, ValidationErrorKind.Type) else ()
        yield Finding(kind.name, kind, path, types)
        return
    depth = len(error.evaluation_path)
    meant = [member for member in kind.context if not _is_of_another_type(member, depth)]
    if meant:
        for inner in min(meant, key=len):
            yield from _resolved(inner)
        return
    types = tuple(
        name
        for member in kind.context
        for inner in member
        if isinstance(inner.kind, ValidationErrorKind.Type)
        for name in inner.kind.types
    )
    yield Finding("type", kind, path, tuple(dict.fromkeys(types)))


def _is_of_another_type(member: Sequence[ValidationError], depth: int) -> bool:
    """Tell whether a member of a union was not meant, because the value's type is another.

    `depth` is how far into the schema the union stands: the error of a part of the value lies
    deeper than the member's own type.
    """
    return any(
        isinstance(error.kind, ValidationErrorKind.Type)
        and set(error.evaluation_path[depth + 1 :]) <= {"$ref", "type"}
        for error in member
    )


def _detail(finding: Finding) -> str:
    """Return what tells two findings of one keyword at one place apart."""
    kind = finding.kind
    return kind.property if isinstance(kind, ValidationErrorKind.Required) else ""


def _fault(finding: Finding, written: object) -> Fault:
    """Return the fault in words; values are quoted as the client wrote them."""
    path, value = _at(written, finding.path)
    code, message, description = _words(finding, value)
    return Fault(code, message, path, description)


def _words(finding: Finding, value: object) -> tuple[str, str, str]:
    """Return code, message and description of a finding."""
    shown = shorten(value)
    match finding.kind:
        case ValidationErrorKind.Required(property=name):
            return (
                "OBJECT_MISSING_REQUIRED_PROPERTY",
                f"Missing required property: {shorten(name)[1:-1]}",
                f"{shorten(name)[1:-1]} is required here",
            )
        case ValidationErrorKind.AdditionalProperties():
            return (
                "OBJECT_ADDITIONAL_PROPERTIES",
                f"Unknown property: {shorten(finding.path[-1])[1:-1]}",
                "only properties of the schema, because of Prefer: handling=strict",
            )
        case ValidationErrorKind.Enum(options=options):
            allowed = ", ".join(shorten(option) for option in options)
            return "ENUM_MISMATCH", f"{shown} is not one of the allowed values", f"one of {allowed}"
        case ValidationErrorKind.Pattern(pattern=pattern):
            return "PATTERN", f"{shown} does not fit the pattern", f"a text that fits {pattern}"
        case ValidationErrorKind.Format(format=name):
            return "INVALID_FORMAT", f"{shown} is no {name}", _FORMATS.get(name, f"a {name}")
    if finding.types:
        return _type_words(finding.types, value)
    return _limit_words(finding, value)


_FORMATS: Final = {"date-time": "a moment such as 2026-11-20T18:12:13Z (RFC 3339)"}


def _type_words(types: Sequence[str], value: object) -> tuple[str, str, str]:
    """Return code, message and description for a value of the wrong type."""
    names = [name for name in types if name != "null" or len(types) == 1]
    if "number" in names:
        names = [name for name in names if name != "integer"]
    wanted = " or ".join(names)
    found = _type_of(value)
    if found in {"number", "string", "boolean", "integer"}:
        found = f"{found} {shorten(value)}"
    hint = ", without quotes, point or exponent" if names == ["integer"] else ""
    return "INVALID_TYPE", f"Expected {wanted}, found {found}", f"a value of type {wanted}{hint}"


_LIMITS: Final = {
    "minLength": ("MIN_LENGTH", "The text has {size} characters", "at least {limit}"),
    "maxLength": ("MAX_LENGTH", "The text has {size} characters", "at most {limit}"),
    "minimum": ("MINIMUM", "{shown} is too small", "at least {limit}"),
    "exclusiveMinimum": ("MINIMUM_EXCLUSIVE", "{shown} is too small", "more than {limit}"),
    "maximum": ("MAXIMUM", "{shown} is too large", "at most {limit}"),
    "exclusiveMaximum": ("MAXIMUM_EXCLUSIVE", "{shown} is too large", "less than {limit}"),
    "multipleOf": ("NOT_MULTIPLE_OF", "{shown} is no multiple of {limit}", "a multiple of {limit}"),
    "minItems": ("ARRAY_LENGTH_SHORT", "The list has {size} entries", "at least {limit}"),
    "maxItems": ("ARRAY_LENGTH_LONG", "The list has {size} entries", "at most {limit}"),
    "minProperties": (
        "OBJECT_PROPERTIES_MINIMUM",
        "The object has {size} keys",
        "at least {limit}",
    ),
    "maxProperties": ("OBJECT_PROPERTIES_MAXIMUM", "The object has {size} keys", "at most {limit}"),
}
"""By keyword of the schema: code, message and description of what passes a limit."""


def _limit_words(finding: Finding, value: object) -> tuple[str, str, str]:
    """Return code, message and description for a value beyond a limit."""
    words = {
        "limit": getattr(finding.kind, "limit", None) or getattr(finding.kind, "multiple_of", 0),
        "size": len(value) if isinstance(value, (str, list, dict)) else 0,
        "shown": shorten(value),
    }
    other = ("INVALID_VALUE", f"The value does not fit {finding.keyword}", "a value that fits it")
    code, message, description = _LIMITS.get(finding.keyword, other)
    return code, message.format(**words), description.format(**words)


def _type_of(value: object) -> str:
    """Return the JSON type of a value that was read with decimals for all numbers."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case Decimal():
            return "integer" if re.fullmatch(r"-?\d+", str(value)) else "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _at(value: object, path: Path) -> tuple[Path, object]:
    """Return what stands at a path, and the path as the value itself has it.

    The schema reader takes a key such as "7" for an index, and "007" too.
    """
    steps: list[str | int] = []
    for step in path:
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif isinstance(value, dict):
            keys = [key for key in (step, str(step)) if key in value]
            keys = keys or [key for key in value if key.isdecimal() and int(key) == step]
            if not keys:
                break
            step = keys[0]  # noqa: PLW2901 -- the same step, as the value has it
            value = value[step]
        else:
            break
        steps.append(step)
    return tuple(steps), value
