"""The document of a tiny table: valid, complete, the same every time, and true of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import validate

from ordrebok.refusals import CATALOGUE
from ordrebok.web.openapi import document, refusals_of
from tests.http.tiny import OPERATIONS, ROOT, TinyStore, send

DOCUMENT: dict[str, Any] = json.loads(document(OPERATIONS))
SCHEMAS = DOCUMENT["components"]["schemas"]


def operation(operation_id: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        row
        for path in DOCUMENT["paths"].values()
        for row in path.values()
        if row["operationId"] == operation_id
    ]
    return found[0]


def names(operation_id: str, place: str) -> list[str]:
    parameters = []
    for parameter in operation(operation_id)["parameters"]:
        if "$ref" in parameter:
            name = parameter["$ref"].rsplit("/", 1)[1]
            parameters.append(DOCUMENT["components"]["parameters"][name])
        else:
            parameters.append(parameter)
    return [parameter["name"] for parameter in parameters if parameter["in"] == place]


def test_the_document_is_valid_openapi() -> None:
    """Generators of clients and tests read it without complaint."""
    validate(DOCUMENT)


def test_the_same_rows_give_the_same_bytes() -> None:
    """A difference between two versions of the document is a change of the API."""
    assert document(OPERATIONS) == document(OPERATIONS)


def test_every_operation_is_there_with_its_parameters() -> None:
    """What a request may carry is told of each operation, and no header that it ignores."""
    assert sum(len(path) for path in DOCUMENT["paths"].values()) == len(OPERATIONS)
    assert names("things_get", "query") == [
        "limit",
        "starting_after",
        "total",
        "status",
        "created_at.gte",
    ]
    assert names("things_id_put", "path") == ["aid", "id"]
    assert names("things_id_put", "header") == [
        "X-Request-Id",
        "Prefer",
        "Idempotency-Key",
        "If-Match",
    ]
    assert names("things_id_get", "header") == ["X-Request-Id", "Prefer", "If-None-Match"]
    assert names("secret_post", "header") == ["X-Request-Id", "Prefer"]


def test_query_parameters_say_what_they_take() -> None:
    """A client knows limits, defaults and formats before the first refusal."""
    by_name = {p.get("name"): p for p in operation("things_get")["parameters"]}
    assert by_name["limit"]["schema"]["maximum"] == 100
    assert by_name["limit"]["schema"]["default"] == 10
    assert by_name["status"]["schema"]["type"] == "array"
    assert by_name["created_at.gte"]["schema"]["format"] == "date-time"


def test_any_one_scope_suffices() -> None:
    """Alternatives stand beside each other, for scopes in one entry would all be needed."""
    row = operation("things_post")
    assert row["security"] == [{"bearer": ["admin:shopping"]}, {"bearer": ["write:shopping"]}]
    assert row["x-scopes"] == ["admin:shopping", "write:shopping"]
    assert operation("secret_post")["security"] == [{"basic": []}]


def test_answers_hold_read_only_fields_and_bodies_do_not() -> None:
    """No one is invited to send what the server computes itself."""
    assert "net_amount" in SCHEMAS["Part"]["properties"]
    assert "net_amount" not in SCHEMAS["PartBody"]["properties"]


def test_an_answer_is_never_null_and_a_body_may_be() -> None:
    """Generated clients check no answer for null, and can still clear a field with it."""
    assert {"type": "null"} in SCHEMAS["ThingBody"]["properties"]["kind"]["anyOf"]
    assert '"null"' not in json.dumps(SCHEMAS["Thing"])
    assert '"null"' not in json.dumps(SCHEMAS["Problem"])


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.id)
def test_every_refusal_is_listed_by_status(row: Any) -> None:  # noqa: ANN401 -- one row
    """Whoever writes a client can handle each code, since none comes as a surprise."""
    responses = operation(row.id)["responses"]
    for code in refusals_of(row):
        reference = responses[str(CATALOGUE[code].status)]["$ref"]
        response = DOCUMENT["components"]["responses"][reference.rsplit("/", 1)[1]]
        assert f"`{code}`" in response["description"]
        schema = response["content"]["application/json"]["schema"]
        assert code in json.dumps(schema["allOf"][1])


def validator(operation_id: str, status: int, kind: str) -> Draft202012Validator:
    response = operation(operation_id)["responses"][str(status)]
    if "$ref" in response:
        name = response["$ref"].rsplit("/", 1)[1]
        response = DOCUMENT["components"]["responses"][name]
    schema = {**response["content"][kind]["schema"], "components": DOCUMENT["components"]}
    return Draft202012Validator(schema, validate_formats=True)


@pytest.mark.parametrize(
    ("method", "path", "body", "operation_id"),
    [
        ("POST", "/things", {"currency": "NOK", "parts": [{"amount": 1}]}, "things_post"),
        ("POST", "/things", {"currency": 1}, "things_post"),
        ("GET", "/things?limit=0", None, "things_get"),
        ("GET", "/things", None, "things_get"),
        ("GET", "/things/9", None, "things_id_get"),
        ("PUT", "/things/9", {"thing": {}}, "things_id_put"),
    ],
)
@pytest.mark.parametrize("token", ["good", "reader", "wrong"])
@pytest.mark.parametrize("accept", ["application/json", "application/problem+json"])
def test_what_is_answered_is_what_is_documented(
    method: str, path: str, body: object, operation_id: str, token: str, accept: str
) -> None:
    """Answers and refusals of each form fit the schema that is published for them."""
    response = send(method, ROOT + path, body=body, token=token, headers={"accept": accept})
    kind = response.headers["content-type"]
    validator(operation_id, response.status_code, kind).validate(response.json())


def test_the_document_is_served() -> None:
    """It is read without a token, and is the very document that is tested here."""
    response = send("GET", "/openapi.json", token=None, store=TinyStore())
    assert response.content == document(OPERATIONS)
