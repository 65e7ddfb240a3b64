"""Whatever is sent: an answer, or a refusal that says what is wrong; never an error of ours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.tiny import ROOT, error_of, send, tiny_app

APP = tiny_app()
ORDINARY = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

numbers = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**53, 2**64, 10**400, 1e308])
texts = st.text(max_size=8) | st.sampled_from(
    ["NOK", "\0", "\ud800", "2026-01-01T00:00:00Z", "small"]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
keys = st.sampled_from(
    ["currency", "parts", "kind", "at", "metadata", "payout", "words", "step", "thing", "other", ""]
)
parts = st.lists(
    st.dictionaries(st.sampled_from(["amount", "note", "share", "x"]), values, max_size=4),
    max_size=4,
)
things = st.builds(
    lambda body, given: {**body, **given},
    st.dictionaries(keys, values, max_size=6),
    st.fixed_dictionaries({}, optional={"currency": st.just("NOK"), "parts": parts}),
)


def check(response: Any) -> None:  # noqa: ANN401 -- a response
    assert response.status_code < 500, response.text
    assert response.headers["x-request-id"]
    if response.status_code >= 400:
        error = error_of(response)
        assert error["code"]
        assert error["message"]
        if response.status_code == 400:
            assert error["errors"]
            for fault in error["errors"]:
                assert fault["code"]
                assert fault["message"]
                assert isinstance(fault["path"], list)


@ORDINARY
@given(things, st.booleans(), st.sampled_from(["POST", "PUT"]))
def test_any_body_of_known_keys(body: Any, strict: bool, method: str) -> None:  # noqa: ANN401, FBT001 -- hypothesis passes them
    """Bodies that are nearly right get past the first checks, and break nothing behind them."""
    path = f"{ROOT}/things" if method == "POST" else f"{ROOT}/things/1"
    headers = {"prefer": "handling=strict"} if strict else {}
    check(send(method, path, app=APP, content=json.dumps(body).encode(), headers=headers))


@ORDINARY
@given(st.binary(max_size=60))
def test_any_bytes(body: bytes) -> None:
    """What is not even text is refused like any other body."""
    check(send("POST", f"{ROOT}/things", app=APP, content=body))


@ORDINARY
@given(st.text(alphabet='{}[]",:\\u0129eE+-.truefalsn "currency""NOK"', max_size=60))
def test_anything_like_json(body: str) -> None:
    """Nearly good JSON misleads a reader most easily, and never becomes an error of ours."""
    check(send("POST", f"{ROOT}/things", app=APP, content=body.encode()))


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@ORDINARY
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "accept",
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "prefer",
                "x-request-id",
                "content-encoding",
            ]
        ),
        header_text,
    ),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.text(max_size=12),
)
def test_any_headers_and_query(headers: dict[str, str], method: str, query: str) -> None:
    """Headers and queries come from strangers too, and none of them is trusted to be sane."""
    path = f"{ROOT}/things/1" if method == "PUT" else f"{ROOT}/things"
    body = {"currency": "NOK"} if method != "GET" else None
    check(send(method, path, app=APP, body=body, headers=headers))
    content = json.dumps(query).encode()
    check(send("GET", f"{path}?{_quoted(query)}&limit={_quoted(query)}", app=APP))
    check(send("POST", f"{ROOT}/things?apply_discounts={_quoted(query)}", app=APP, content=content))


@ORDINARY
@given(st.text(max_size=12))
def test_any_path(text: str) -> None:
    """Every address has an answer, also where its bytes are no text."""
    check(send("GET", f"{ROOT}/things/{_quoted(text)}", app=APP))
    check(send("GET", f"/v1/accounts/{_quoted(text)}/shopping/things", app=APP))


def _quoted(text: str) -> str:
    """Percent-encode every byte, whatever it is."""
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
