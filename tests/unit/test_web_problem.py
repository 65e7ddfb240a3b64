"""Refusals as bytes: the contract's form, and the problem document."""

from __future__ import annotations

import json

import pytest

from ordrebok.refusals import CATALOGUE, Fault, Refusal, not_found, refuse
from ordrebok.web.problem import problem_body, refusal_body, refusal_headers, wants_problem


def test_a_plain_404_is_the_documented_one() -> None:
    """The most frequent refusal is to the byte the one that existing clients know."""
    body = refusal_body(not_found("Customer"))
    assert body == b'{"error":{"code":"NOT FOUND","message":"Customer not found"}}'


def test_a_fault_has_four_members_and_its_numbers() -> None:
    """A program reads the amounts from the fault and needs not search a sentence for them."""
    fault = Fault("X", "no", ("items", 0), "yes", {"line_id": 1, "requested": 5, "remaining": 3})
    error = json.loads(refusal_body(Refusal("INVALID_AMOUNTS", faults=(fault,))))["error"]
    assert list(error) == ["code", "message", "errors"]
    assert error["errors"] == [
        {
            "code": "X",
            "message": "no",
            "path": ["items", 0],
            "description": "yes",
            "line_id": 1,
            "requested": 5,
            "remaining": 3,
        }
    ]


def test_a_refusal_carries_its_own_data_but_never_instead_of_the_code() -> None:
    """Whatever a rule adds, clients can always branch on the code."""
    refusal = Refusal("STALE_VERSION", data={"version": 7, "code": "OTHER"})
    error = json.loads(refusal_body(refusal))["error"]
    assert (error["version"], error["code"], error["errors"]) == (7, "STALE_VERSION", [])


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_both_forms(code: str) -> None:
    """No code of the catalogue fails at the moment it is first needed."""
    refusal = refuse(code)
    error = json.loads(refusal_body(refusal))["error"]
    assert (error["code"], error["message"]) == (code, CATALOGUE[code].message)
    problem = json.loads(problem_body(refusal))
    assert problem["status"] == CATALOGUE[code].status
    assert problem["code"] == code
    assert " " not in problem["type"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (b"application/problem+json", True),
        (b"text/html, Application/Problem+JSON;q=0.9", True),
        (b"application/json", False),
        (b"*/*", False),
        (b"", False),
    ],
)
def test_the_problem_document_is_asked_for(accept: bytes, *, expected: bool) -> None:
    """The contract's form is what everyone gets who does not name the other."""
    assert wants_problem(accept) is expected


def test_headers() -> None:
    """A client learns when to come back and which credentials to bring, as HTTP has it."""
    assert refusal_headers(refuse("ID_TAKEN")) == {}
    waiting = Refusal("STORE_UNAVAILABLE", retry_after_seconds=3)
    assert refusal_headers(waiting) == {"retry-after": "3"}
    assert refusal_headers(refuse("MISSING_TOKEN"))["www-authenticate"].startswith("Bearer ")
    assert refusal_headers(refuse("INVALID_CLIENT"))["www-authenticate"].startswith("Basic ")
    assert "insufficient_scope" in refusal_headers(refuse("MISSING_SCOPE"))["www-authenticate"]
