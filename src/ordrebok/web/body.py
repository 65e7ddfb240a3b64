"""Request bodies: read within the limits, decoded strictly, or refused with everything wrong."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from ordrebok import limits
from ordrebok.operation import Operation
from ordrebok.refusals import Fault, Refusal
from ordrebok.web.exchange import Request
from ordrebok.web.faults import MOST_FAULTS, BodyFaults, decoder_fault
from ordrebok.web.settings import BODY_LIMIT_BYTES, NESTING_LIMIT

_COMMON_TYPES: Final = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)
_JSON_TYPE: Final = re.compile(
    r"""application/(?:json|[\w.!\#$&^+-]+\+json)\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*""",
    re.IGNORECASE,
)
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A text, also one without an end: it never fails after a long way, so it takes linear time."""
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_NOT_BRACKETS_OR_QUOTES: Final = bytes(set(range(256)) - set(b'[]{}"'))
_LONGEST_TYPE: Final = 200
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_OPEN: Final = ord("[")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_POSITION: Final = re.compile(r"\(byte (\d+)\)")


async def read(req: Request, length: bytes | None) -> bytes | Refusal:
    """Return the body's bytes.

    Refuses: BODY_TOO_LARGE, before reading where the length was announced, else while reading.
    """
    whole = req.whole_body
    if whole is not None:
        return whole if len(whole) <= BODY_LIMIT_BYTES else Refusal("BODY_TOO_LARGE")
    if length is not None and length.isdigit():
        if int(length[:20]) > BODY_LIMIT_BYTES:
            return Refusal("BODY_TOO_LARGE")
        return await req.stream.read()
    chunks: list[bytes] = []
    size = 0
    async for chunk in req.stream:
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            return Refusal("BODY_TOO_LARGE")
        chunks.append(chunk)
    return b"".join(chunks)


class BodyReader:
    """Turns the bytes of one operation's bodies into its struct."""

    def __init__(self, operation: Operation) -> None:
        forms = (operation.body,) if operation.body else operation.body_forms
        self._optional = operation.body_optional
        self._choice = operation.body_choice
        self._decoders: dict[type, msgspec.json.Decoder[Any]] = {
            form: msgspec.json.Decoder(form) for form in forms
        }
        self._faults = {form: BodyFaults(form, operation.answer) for form in self._decoders}
        self._only = operation.body

    def value(self, body: bytes, content_type: bytes | None, *, strict: bool) -> object:
        """Return the struct, None for an optional body that is not there, or a Refusal.

        Refuses: NOT_JSON, INVALID_JSON, INVALID_REQUEST_PARAMETER.
        """
        if not body:
            return None if self._optional else _invalid_json("A JSON body is needed")
        if content_type not in _COMMON_TYPES and not is_json(content_type):
            return Refusal("NOT_JSON")
        opened = body.count(b"{") + body.count(b"[")
        if opened > NESTING_LIMIT and nests_deeper(body, NESTING_LIMIT):
            return _invalid_json(f"The body nests deeper than {NESTING_LIMIT} levels")
        form = self._only
        if form is None:
            try:
                form = self._choice(body) if self._choice else None
            except (ValueError, RecursionError) as error:
                return _refused_by_decoder(error)
            if form is None:
                raise LookupError("an operation with several bodies must choose one")
        try:
            if not body.isascii():
                body.decode()  # msgspec does not look into the texts that it skips.
            value = self._decoders[form].decode(body)
        except msgspec.ValidationError as error:
            return self._refusal(form, body, error, strict=strict)
        except (ValueError, RecursionError) as error:
            return _refused_by_decoder(error)
        faults = self._later_faults(form, value, body, strict=strict)
        return Refusal("INVALID_REQUEST_PARAMETER", faults=faults) if faults else value

    def _later_faults(self, form: type, value: object, body: bytes, *, strict: bool) -> list[Fault]:
        """Return what is wrong with a body that fits its struct."""
        faults: list[Fault] = []
        escaped = b"\\u" in body
        if escaped and _NUL.search(body):
            faults += islice(nul_faults(msgspec.json.decode(body)), MOST_FAULTS)
        if strict:
            faults += self._faults[form].of(body, strict=True)
        if escaped or may_pass_a_limit(body):
            faults += limits.faults_of(value, len(body))
        return faults[:MOST_FAULTS]

    def _refusal(self, form: type, body: bytes, error: Exception, *, strict: bool) -> Refusal:
        """Return the refusal of a body that does not fit its struct, or is no JSON further on."""
        try:
            msgspec.json.decode(body, type=msgspec.Raw)
        except (ValueError, RecursionError) as broken:
            return _refused_by_decoder(broken)
        faults = self._faults[form].of(body, strict=strict)
        return Refusal("INVALID_REQUEST_PARAMETER", faults=faults or (decoder_fault(error),))


def is_json(content_type: bytes | None) -> bool:
    """Tell whether a Content-Type header names JSON in UTF-8."""
    if content_type is None or len(content_type) > _LONGEST_TYPE:
        return False
    return _JSON_TYPE.fullmatch(content_type.decode("latin-1").strip()) is not None


def nests_deeper(body: bytes, limit: int) -> bool:
    """Tell whether the brackets outside of texts nest deeper than `limit`.

    Every round takes the innermost pairs away, in C; what is left after `limit` rounds is
    deeper, or no JSON, which a slower count decides.
    """
    if b"\\" in body:
        brackets = _STRING.sub(b"", body).translate(_ALIKE, _NOT_BRACKETS)
    else:
        brackets = _STRING.sub(b"", body.translate(None, _NOT_BRACKETS_OR_QUOTES))
        brackets = brackets.translate(_ALIKE)
    left = brackets
    for _ in range(limit):
        fewer = left.replace(b"[]", b"")
        if len(fewer) == len(left):
            break
        left = fewer
    if not left:
        return False
    depth = 0
    for byte in brackets:
        depth += 1 if byte == _OPEN else -1
        if depth > limit:
            return True
    return False


def may_pass_a_limit(body: bytes) -> bool:
    """Tell whether the body could pass a limit that a schema cannot say.

    Most bodies are told apart by their bytes and spared the walk through the struct. A name
    can also be written with escapes: bodies that hold any are not told apart here.
    """
    return (
        b'destinations"' in body
        or body.count(b":") > limits.METADATA_KEYS
        or len(body) > limits.METADATA_BYTES
    )


def nul_faults(value: object, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yield a fault for each text, or key, that holds the character U+0000."""
    if isinstance(value, str):
        if "\0" in value:
            yield _nul_fault(path)
    elif isinstance(value, dict):
        for key, child in value.items():
            if "\0" in key:
                yield _nul_fault(path)
            else:
                yield from nul_faults(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from nul_faults(child, (*path, index))


def _nul_fault(path: tuple[str | int, ...]) -> Fault:
    """Return the fault of a text that databases do not keep."""
    return Fault(
        "INVALID_CHARACTER",
        "The text holds the character U+0000",
        path,
        "a text without U+0000",
    )


def _refused_by_decoder(error: Exception) -> Refusal:
    """Return the refusal of bytes that are no JSON, with the place where they stop being it."""
    if isinstance(error, RecursionError):
        return _invalid_json(f"The body nests deeper than {NESTING_LIMIT} levels")
    if isinstance(error, UnicodeDecodeError):
        return _invalid_json(f"The body is not UTF-8: byte {error.start} does not fit", error.start)
    message = str(error)
    found = _POSITION.search(message)
    return _invalid_json(message, int(found[1]) if found else None)


def _invalid_json(message: str, position: int | None = None) -> Refusal:
    """Return the refusal of a body that is no JSON."""
    data = {} if position is None else {"position": position}
    fault = Fault("INVALID_JSON", message, (), "one JSON value in UTF-8 (RFC 8259)", data)
    return Refusal("INVALID_JSON", message, (fault,), data)
