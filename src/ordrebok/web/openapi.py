"""The OpenAPI 3.1 document, made of the same rows that make the routes."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ordrebok import __version__
from ordrebok.operation import Operation
from ordrebok.refusals import CATALOGUE
from ordrebok.web.schemas import Schema, components, structs_of
from ordrebok.web.settings import BODY_LIMIT_BYTES, NESTING_LIMIT
from ordrebok.web.table import names_in
from ordrebok.wire.problem import Problem, ProblemDetails

_SCHEMAS: Final = "#/components/schemas/{name}"
_NOT_FOUND: Final = "NOT FOUND"

_DESCRIPTION: Final = f"""\
An order book: it records drafts, orders and what was paid on them; it moves no money.

Amounts are integers in the smallest unit of the currency: `100.0`, `"100"` and `true` are refused.
Unknown and read-only fields of a request are ignored; with `Prefer: handling=strict` unknown ones
are refused. Bodies are at most {BODY_LIMIT_BYTES // 1024 // 1024} MB of JSON, nested at most
{NESTING_LIMIT} levels deep. Every write may be repeated with the same `Idempotency-Key`.
A refusal lists everything that is wrong, with `Accept: application/problem+json` as a problem
document (RFC 9457).
"""

_PATH_SCHEMAS: Final[dict[str, Schema]] = {
    "aid": {"type": "string", "pattern": r"^[PT]\d{8}$"},
    "oid": {"type": "string", "pattern": r"^[PT](\d{3}|\d{8})$"},
    "line_id": {"type": "integer", "minimum": 0},
}
_PATH_NOTES: Final = {
    "aid": "The account: P for production or T for test, and eight digits.",
    "oid": "The account or partner: P or T, and eight or three digits.",
}


def document(operations: Sequence[Operation], public_url: str = "") -> bytes:
    """Return the document as JSON.

    Keeps: the same rows give the same bytes, and stand in the order of the table.
    """
    responses: dict[str, Schema] = {}
    paths: dict[str, dict[str, Schema]] = {}
    for row in operations:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, responses)
    info = {
        "title": "Ordrebok",
        "summary": "Drafts, orders and payments on record.",
        "description": _DESCRIPTION,
        "version": __version__,
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }
    root = public_url.rstrip("/")
    result = {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": f"{root}/v1", "description": "This server."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(row.tag for row in operations)],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "responses": {name: responses[name] for name in sorted(responses)},
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }
    return msgspec.json.encode(result)


def _operation(row: Operation, responses: dict[str, Schema]) -> Schema:
    """Return one operation."""
    result: Schema = {
        "operationId": row.id,
        "summary": row.summary,
        "tags": [row.tag],
        "parameters": [*_path_parameters(row), *_query_parameters(row), *_header_parameters(row)],
        "responses": {"204" if row.empty else "200": _success(row)},
    }
    notes = [row.description] if row.description else []
    if row.scopes:
        notes.append("Needs one of the scopes " + ", ".join(f"`{s}`" for s in row.scopes) + ".")
    if notes:
        result["description"] = "\n\n".join(notes)
    forms = [row.body] if row.body else list(row.body_forms)
    if forms:
        schemas = [schema_ref(form) for form in forms]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        content = {"application/json": {"schema": schema}}
        result["requestBody"] = {"required": not row.body_optional, "content": content}
    if row.versioned and row.method == "GET":
        result["responses"]["304"] = {"description": "Not changed since the given version."}
    by_status: dict[int, list[str]] = {}
    for code in refusals_of(row):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    for status in sorted(by_status):
        name = _refused(status, by_status[status], responses)
        result["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
    if row.auth == "bearer":
        result["security"] = [{"bearer": [scope]} for scope in row.scopes] or [{"bearer": []}]
        result["x-scopes"] = list(row.scopes)
    else:
        result["security"] = [{"basic": []}]
    return result


def refusals_of(row: Operation) -> tuple[str, ...]:
    """Return every code that an operation can be refused with, in the catalogue's order."""
    codes = {"INVALID_REQUEST_PARAMETER", _NOT_FOUND, "STORE_UNAVAILABLE", "INTERNAL_ERROR"}
    codes.update(row.refusals)
    if row.auth == "bearer":
        codes |= {"MISSING_TOKEN", "INVALID_TOKEN", "WRONG_ACCOUNT", "MISSING_SCOPE"}
    if row.method != "GET":
        codes |= {"BODY_TOO_LARGE", "INVALID_HEADER"}
        if _takes_key(row):
            codes.add("IDEMPOTENCY_KEY_REUSED")
        if _takes_version(row):
            codes.add("STALE_VERSION")
    if row.body or row.body_forms:
        codes |= {"INVALID_JSON", "NOT_JSON"}
    return tuple(code for code in CATALOGUE if code in codes)


def schema_ref(kind: type) -> Schema:
    """Return the schema of a type in the document: a reference, or a list of references."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_SCHEMAS)
    return schema


def _success(row: Operation) -> Schema:
    """Return the 200 response."""
    names = ["X-Request-Id"]
    if row.versioned:
        names.append("ETag")
    if row.method != "GET" and _takes_key(row):
        names.append("Idempotency-Replayed")
    if "total" in getattr(row.query, "__struct_fields__", ()):
        names.append("total-count")
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if row.empty:
        return {"description": "Done.", "headers": headers}
    content: Schema = {"application/json": {"schema": schema_ref(row.answer)}}
    if row.streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "description": "The answer.",
        "headers": headers,
        "content": content,
    }


def _refused(status: int, codes: Sequence[str], responses: dict[str, Schema]) -> str:
    """Return the name of the response with these codes, which is added where it is new."""
    name = f"{status}-" + "-".join(code.replace(" ", "_") for code in codes)
    if name not in responses:
        code = {"enum": list(codes)}
        lines = [f"- `{one}`: {CATALOGUE[one].message}." for one in codes]
        own: Schema = {
            "properties": {"error": {"properties": {"code": code}, "required": ["code"]}}
        }
        document_form: Schema = {"properties": {"code": code}, "required": ["code"]}
        responses[name] = {
            "description": "\n".join(lines),
            "headers": {
                header: {"$ref": f"#/components/headers/{header}"} for header in _headers_of(status)
            },
            "content": {
                "application/json": {"schema": {"allOf": [schema_ref(Problem), own]}},
                "application/problem+json": {
                    "schema": {"allOf": [schema_ref(ProblemDetails), document_form]}
                },
            },
        }
    return name


def _headers_of(status: int) -> list[str]:
    """Return the names of the headers that a refusal of this status carries."""
    more = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return ["X-Request-Id", *more.get(status, [])]


def _path_parameters(row: Operation) -> list[Schema]:
    """Return the parameters that stand in the path."""
    parameters: list[Schema] = []
    for name in names_in(row.path):
        parameter: Schema = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PATH_SCHEMAS.get(name, {"type": "string"}),
        }
        if name in _PATH_NOTES:
            parameter["description"] = _PATH_NOTES[name]
        parameters.append(parameter)
    return parameters


def _query_parameters(row: Operation) -> list[Schema]:
    """Return the parameters of the query string."""
    if row.query is None:
        return []
    struct = components([row.query], _SCHEMAS)[row.query.__name__]
    parameters: list[Schema] = []
    for name, given in struct["properties"].items():
        schema = _tidy(given, nullable=False)
        parameter: Schema = {"name": name, "in": "query", "schema": schema}
        if note := schema.pop("description", None):
            parameter["description"] = note
        if name in struct.get("required", ()):
            parameter["required"] = True
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": True}
        parameters.append(parameter)
    return parameters


def _header_parameters(row: Operation) -> list[Schema]:
    """Return the parameters that are headers."""
    names = ["RequestId", "Prefer"]
    if row.method != "GET" and _takes_key(row):
        names.append("IdempotencyKey")
    if row.versioned and row.method == "GET":
        names.append("IfNoneMatch")
    if _takes_version(row):
        names.append("IfMatch")
    if row.streams:
        names.append("LastEventId")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _takes_version(row: Operation) -> bool:
    """Tell whether a change may name the version it was made for: a creation has none."""
    return row.versioned and row.method != "GET" and "{" in row.path.removeprefix("/accounts/{aid}")


def _takes_key(row: Operation) -> bool:
    """Tell whether answers are kept by key.

    Not those that show secrets, nor of a sandbox; and what is sent once more may be so twice.
    """
    keyless = "/auth/" in row.path or "/sandbox/" in row.path
    return not (keyless or row.path.endswith("/resend"))


def _schemas(rows: Iterable[Operation]) -> dict[str, Schema]:
    """Return the schemas of bodies and answers; an answer holds no null that was not sent."""
    rows = tuple(rows)
    bodies = [form for row in rows for form in (row.body, *row.body_forms) if form is not None]
    answers = [row.answer for row in rows]
    echoed = [row.answer for row in rows if row.echoes]
    written = {struct.cls.__name__ for struct in structs_of([*bodies, *echoed])}
    found = components([*bodies, *answers, Problem, ProblemDetails], _SCHEMAS)
    return {name: _tidy(schema, nullable=name in written) for name, schema in found.items()}


def _tidy(schema: Any, *, nullable: bool) -> Any:  # noqa: ANN401 -- JSON of any form is walked
    """Return a schema without empty defaults and, where nothing is null, without nulls."""
    if isinstance(schema, list):
        return [_tidy(one, nullable=nullable) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: _tidy(value, nullable=nullable)
        for key, value in schema.items()
        if not (key == "default" and value in (None, [], {}))
    }
    members = result.get("anyOf")
    if isinstance(members, list) and not nullable:
        members = [member for member in members if member != {"type": "null"}]
        result["anyOf"] = members
        if len(members) == 1:
            del result["anyOf"]
            result = {**members[0], **result}
    return result


_PARAMETERS: Final[dict[str, Schema]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": (
            "The same key with the same request gives the first answer again for 72 hours; with "
            "another request it is refused."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The version, as its ETag, that the change was made for.",
        "schema": {"type": "string"},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The version, as its ETag, that the caller has already.",
        "schema": {"type": "string"},
    },
    "LastEventId": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "For server-sent events: the id of the last one seen, instead of `after`.",
        "schema": {"type": "string"},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": (
            "`handling=strict` refuses unknown fields and parameters. `dry-run`, on writes of "
            "drafts, orders and operations, answers what the write would answer and stores "
            "nothing. What was taken into account stands in `Preference-Applied`."
        ),
        "schema": {"type": "string"},
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "A name for this request: it comes back, and stands in the log.",
        "schema": {"type": "string", "maxLength": 128, "pattern": "^[!-~]+$"},
    },
}

_HEADERS: Final[dict[str, Schema]] = {
    "ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "The answer was given before, to the same request.",
        "schema": {"enum": ["true"]},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "The name of this request.", "schema": {"type": "string"}},
    "total-count": {
        "description": "With `total=true`: how many rows there are.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
}

_SECURITY: Final[dict[str, Schema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A token of the token operation. The keys that sign tokens are at "
            "`/.well-known/jwks.json`."
        ),
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Client id and secret of an API client.",
    },
}
