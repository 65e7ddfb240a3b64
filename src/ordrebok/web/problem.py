"""Refusals as bytes: the contract's own error body, or a problem document of RFC 9457."""

from typing import Final

import msgspec

from ordrebok.refusals import CATALOGUE, Fault, Refusal

_encode: Final = msgspec.json.Encoder().encode

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
_PROBLEM_JSON_BYTES: Final = PROBLEM_JSON.encode()


def wants_problem(accept: bytes) -> bool:
    """Tell whether an Accept header names the problem document."""
    return _PROBLEM_JSON_BYTES in accept.lower()


def refusal_body(refusal: Refusal) -> bytes:
    """Return the error body: `{"error": {"code", "message", "errors", ...}}`, compact.

    Keeps: a plain 404 has code and message only, in this order; every other body has the list.
    Source: neighbours 2.1; decisions 1.2.
    """
    error: dict[str, object] = {"code": refusal.code, "message": refusal.text}
    if refusal.faults or refusal.status != CATALOGUE["NOT FOUND"].status:
        error["errors"] = [_entry(fault) for fault in refusal.faults]
    return _encode({"error": _with(error, refusal)})


def problem_body(refusal: Refusal) -> bytes:
    """Return the refusal as a problem document; `type` is a name, not an address to visit."""
    members: dict[str, object] = {
        "type": f"urn:ordrebok:refusal:{refusal.code.replace(' ', '_')}",
        "title": CATALOGUE[refusal.code].message,
        "status": refusal.status,
        "detail": refusal.text,
        "code": refusal.code,
        "errors": [_entry(fault) for fault in refusal.faults],
    }
    return _encode(_with(members, refusal))


def refusal_headers(refusal: Refusal) -> dict[str, str]:
    """Return the headers that belong to the refusal, beside those of every response."""
    headers: dict[str, str] = {}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    challenge = _challenge(refusal)
    if challenge:
        headers["www-authenticate"] = challenge
    return headers


def _with(members: dict[str, object], refusal: Refusal) -> dict[str, object]:
    """Return the members with the refusal's own data behind them; they never replace any."""
    return members | {name: value for name, value in refusal.data.items() if name not in members}


def _entry(fault: Fault) -> dict[str, object]:
    """Return one entry of `errors`."""
    entry: dict[str, object] = {
        "code": fault.code,
        "message": fault.message,
        "path": fault.path,
        "description": fault.description,
    }
    for name, value in fault.data.items():
        entry.setdefault(name, value)
    return entry


def _challenge(refusal: Refusal) -> str:
    """Return what WWW-Authenticate says (RFC 6750 and RFC 7617), empty where it says nothing."""
    match refusal.code:
        case "MISSING_TOKEN":
            return 'Bearer realm="ordrebok"'
        case "INVALID_TOKEN":
            return 'Bearer realm="ordrebok", error="invalid_token"'
        case "INVALID_CLIENT":
            return 'Basic realm="ordrebok", charset="UTF-8"'
        case "MISSING_SCOPE":
            return 'Bearer realm="ordrebok", error="insufficient_scope"'
    return ""
