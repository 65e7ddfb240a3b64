"""The body of a refusal, in the contract's own form and in the form of RFC 9457."""

from ordrebok.wire.base import Amount, LineId, Text, Wire


class ErrorDetail(Wire, frozen=True, kw_only=True):
    """One thing that is wrong; about money it says what was asked for and what is left."""

    code: Text
    message: Text
    path: tuple[str | int, ...] | None = None
    description: Text | None = None
    line_id: LineId | None = None
    requested: Amount | None = None
    remaining: Amount | None = None


class ErrorBody(Wire, frozen=True, kw_only=True):
    """A refusal: a stable code, a sentence for people, and every single thing that is wrong."""

    code: Text | None = None
    message: Text
    errors: tuple[ErrorDetail, ...] | None = None
    version: int | None = None


class Problem(Wire, frozen=True, kw_only=True):
    """The envelope of a refusal."""

    error: ErrorBody


class ProblemDetails(Wire, frozen=True, kw_only=True):
    """The same refusal as a problem document, with the code and the list as members."""

    type: Text
    title: Text
    status: int
    detail: Text | None = None
    instance: Text | None = None
    code: Text | None = None
    errors: tuple[ErrorDetail, ...] | None = None
    version: int | None = None
