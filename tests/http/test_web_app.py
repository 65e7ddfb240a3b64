"""The web by itself, over a tiny table: checks, headers, refusals, and the pages beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ordrebok.web.app import create_app
from ordrebok.web.settings import BODY_LIMIT_BYTES, WebSettings
from tests.http.tiny import (
    ACCOUNT,
    OPERATIONS,
    ROOT,
    TinyStore,
    TinyTokens,
    error_of,
    send,
    tiny_app,
)

THINGS = f"{ROOT}/things"
GOOD = {"currency": "NOK", "parts": [{"amount": 5}]}


def test_a_write_answers_the_resource_with_its_version() -> None:
    """The writer needs no second request to know what is stored and what to match next."""
    response = send("POST", THINGS, body=GOOD)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["etag"] == '"1"'
    assert response.json()["parts"] == [{"amount": 5, "net_amount": 5}]


def test_a_read_answers_404_with_the_noun() -> None:
    """The bytes are those of the documented API, for clients compare them."""
    response = send("GET", f"{THINGS}/2")
    assert response.status_code == 404
    assert response.content == b'{"error":{"code":"NOT FOUND","message":"Thing not found"}}'


@pytest.mark.parametrize(
    ("token", "path", "status", "code"),
    [
        (None, THINGS, 401, "MISSING_TOKEN"),
        ("wrong", THINGS, 401, "INVALID_TOKEN"),
        (None, THINGS.replace(ACCOUNT, "nonsense"), 401, "MISSING_TOKEN"),
        ("good", THINGS.replace(ACCOUNT, "T00000001"), 403, "WRONG_ACCOUNT"),
        ("good", THINGS.replace(ACCOUNT, "P12345678"), 403, "WRONG_ACCOUNT"),
        ("good", THINGS.replace(ACCOUNT, "T1234567"), 404, "NOT FOUND"),
        ("good", THINGS.replace(ACCOUNT, "T1234567٣"), 404, "NOT FOUND"),
        ("good", THINGS.replace(ACCOUNT, ""), 404, "NOT FOUND"),
        ("reader", THINGS.replace(ACCOUNT, "T00000001"), 403, "WRONG_ACCOUNT"),
        ("reader", THINGS, 403, "MISSING_SCOPE"),
    ],
)
def test_token_then_account_then_scope(
    token: str | None, path: str, status: int, code: str
) -> None:
    """All of it comes before the body is even looked at."""
    response = send("POST", path, token=token, content=b"nonsense")
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert ("www-authenticate" in response.headers) is (status == 401 or code == "MISSING_SCOPE")


def test_a_missing_scope_is_named() -> None:
    """The owner of a token learns from the refusal which scope to ask for."""
    error = error_of(send("POST", THINGS, token="reader", body=GOOD))
    assert error["scopes"] == ["admin:shopping", "write:shopping"]
    assert "write:shopping" in error["message"]


def test_the_old_spelling_of_a_scope_opens_too() -> None:
    """A token that was issued under the earlier names still works."""
    assert send("POST", THINGS, token="old", body=GOOD).status_code == 200


def test_applying_discounts_needs_a_scope_of_its_own() -> None:
    """Who may write may not for that reason give away money."""
    path = f"{THINGS}?apply_discounts=true"
    assert error_of(send("POST", path, body=GOOD))["code"] == "MISSING_SCOPE"
    assert send("POST", path, token="deals", body=GOOD).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("text/plain", 415),
        ("application/json; charset=iso-8859-1", 415),
        ("", 415),
    ],
)
def test_bodies_are_json(content_type: str, status: int) -> None:
    """A body of another type or charset is refused before anyone guesses what it means."""
    headers = {"content-type": content_type}
    response = send("POST", THINGS, content=json.dumps(GOOD).encode(), headers=headers)
    assert response.status_code == status


def test_bodies_are_not_compressed() -> None:
    """A small body that unpacks into a huge one never gets past the limit."""
    response = send("POST", THINGS, body=GOOD, headers={"content-encoding": "gzip"})
    assert (response.status_code, error_of(response)["code"]) == (415, "NOT_JSON")


def test_an_empty_body_is_of_no_type() -> None:
    """Where nothing was sent, the refusal is about the missing body and not about its type."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert error_of(send("POST", THINGS, content=b"", headers=headers))["code"] == "INVALID_JSON"


def body_of(size: int) -> bytes:
    start = b'{"currency":"NOK","unknown":"'
    return start + b"x" * (size - len(start) - 2) + b'"}'


def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    """The limit is the documented number, exactly."""
    assert send("POST", THINGS, content=body_of(BODY_LIMIT_BYTES)).status_code == 200
    response = send("POST", THINGS, content=body_of(BODY_LIMIT_BYTES + 1))
    assert (response.status_code, error_of(response)["code"]) == (413, "BODY_TOO_LARGE")


def test_a_body_without_a_length_is_measured_while_it_arrives() -> None:
    """Nobody fills the memory by leaving out the length of a body that never ends."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000_000

    headers = {"content-type": "application/json"}
    response = send("POST", THINGS, content=endless(), headers=headers)
    assert response.status_code == 413


def test_a_body_in_pieces_is_put_together() -> None:
    """How the network cuts a body changes nothing about what it says."""

    async def pieces() -> AsyncIterator[bytes]:
        for byte in json.dumps(GOOD).encode():
            yield bytes([byte])

    headers = {"content-type": "application/json"}
    assert send("POST", THINGS, content=pieces(), headers=headers).status_code == 200


def test_a_refused_body_comes_as_a_problem_document_where_that_is_asked_for() -> None:
    """A client of the standard form gets its type, its status and the same faults."""
    headers = {"accept": "application/problem+json"}
    response = send("POST", THINGS, body={"currency": 1}, headers=headers)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:ordrebok:refusal:INVALID_REQUEST_PARAMETER"
    assert (problem["status"], problem["errors"][0]["path"]) == (400, ["currency"])


def test_strict_handling_is_acknowledged() -> None:
    """A client that asks for strictness sees that it got it, and others stay unaffected."""
    headers = {"prefer": "respond-async, handling=strict"}
    response = send("POST", THINGS, body=GOOD, headers=headers)
    assert response.headers["preference-applied"] == "handling=strict"
    assert send("POST", f"{THINGS}?x=1", body=GOOD, headers=headers).status_code == 400
    assert send("POST", THINGS, body={**GOOD, "x": 1}, headers=headers).status_code == 400
    lenient = send("POST", THINGS, body={**GOOD, "x": 1}, headers={"prefer": "handling=lenient"})
    assert lenient.status_code == 200


def test_the_same_key_and_request_give_the_first_answer() -> None:
    """A retry writes nothing twice, and a key on another request is a mistake that is told."""
    store = TinyStore()
    app = tiny_app(store)
    headers = {"idempotency-key": "once"}
    first = send("POST", THINGS, app=app, body=GOOD, headers=headers)
    again = send("POST", THINGS, app=app, body=GOOD, headers=headers)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    other = send("POST", THINGS, app=app, body={"currency": "SEK"}, headers=headers)
    assert (other.status_code, error_of(other)["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = send("POST", f"{THINGS}?apply_discounts=false", app=app, body=GOOD, headers=headers)
    assert elsewhere.status_code == 422


def test_a_key_that_is_no_key_is_refused() -> None:
    """A client never believes itself safe behind a key that the server ignores."""
    response = send("POST", THINGS, body=GOOD, headers={"idempotency-key": "x" * 256})
    assert (response.status_code, error_of(response)["code"]) == (400, "INVALID_HEADER")


def test_a_stale_version_is_refused_with_the_present_one() -> None:
    """No one overwrites a change unseen, and the refusal says which version to read."""
    store = TinyStore()
    send("POST", THINGS, store=store, body=GOOD)
    send("POST", THINGS, store=store, body=GOOD, headers={"if-match": '"1"'})
    response = send("POST", THINGS, store=store, body=GOOD, headers={"if-match": '"1"'})
    assert (response.status_code, error_of(response)["version"]) == (412, 2)


@pytest.mark.parametrize(
    ("tag", "status"), [('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200)]
)
def test_a_known_version_is_not_sent_again(tag: str, status: int) -> None:
    """A client that polls pays for a body only when something changed."""
    store = TinyStore()
    send("POST", THINGS, store=store, body=GOOD)
    response = send("GET", f"{THINGS}/1", store=store, headers={"if-none-match": tag})
    assert response.status_code == status
    assert response.headers["etag"] == '"1"'
    assert bool(response.content) is (status == 200)


def test_the_total_is_a_header() -> None:
    """Counting costs a query, so that only those who ask for the total get it."""
    assert send("GET", f"{THINGS}?total=true").headers["total-count"] == "7"
    assert "total-count" not in send("GET", THINGS).headers


def test_a_bad_query_lists_what_is_bad() -> None:
    """A client corrects all its parameters after one refusal, not one refusal for each."""
    error = error_of(send("GET", f"{THINGS}?limit=0&status=lost&created_at.gte=x"))
    assert [fault["path"] for fault in error["errors"]] == [
        ["limit"],
        ["status"],
        ["created_at.gte"],
    ]


def test_head_is_get_without_the_body() -> None:
    """The headers, the length among them, are those that the GET would give."""
    store = TinyStore()
    send("POST", THINGS, store=store, body=GOOD)
    response = send("HEAD", f"{THINGS}/1", store=store)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


def test_an_id_may_hold_a_slash() -> None:
    """Ids are the client's own, and an encoded one comes back exactly as it was meant."""
    store = TinyStore()
    path = f"{THINGS}/a%2Fb%20c%252F"
    assert send("PUT", path, store=store, body=GOOD).json()["id"] == "a/b c%2F"
    assert send("GET", path.replace("%2F", "%2f"), store=store).json()["id"] == "a/b c%2F"


@pytest.mark.parametrize("id", ["%00", "a%00b"])
def test_no_id_holds_nul(id: str) -> None:
    """PostgreSQL stores no such character: it must not get as far as a query."""
    assert send("GET", f"{THINGS}/{id}").status_code == 404


def test_no_id_is_empty() -> None:
    """A path without its id reaches neither the list nor a thing without a name."""
    assert send("PUT", f"{THINGS}/", body=GOOD).status_code == 404


def test_a_query_beyond_ascii_is_read() -> None:
    """Norwegian words can be searched for, and stray bytes break nothing."""
    assert send("GET", f"{THINGS}?search=bl%C3%A5b%C3%A6r&x=%ff").status_code == 200


def test_an_unknown_path_is_404() -> None:
    """Even a path without an operation answers in the form of all refusals, with an id."""
    response = send("GET", "/v1/nowhere", token=None)
    assert (response.status_code, error_of(response)["code"]) == (404, "NOT FOUND")
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "TRACE", "BREW"])
def test_a_method_that_a_path_lacks_is_405(method: str) -> None:
    """The client sees that the place is right, and which methods it does have."""
    response = send(method, THINGS)
    assert (response.status_code, error_of(response)["code"]) == (405, "METHOD_NOT_ALLOWED")
    if method in {"DELETE", "PATCH", "PUT"}:
        assert set(response.headers["allow"].split(", ")) >= {"GET", "POST"}


def test_a_store_that_is_away_is_503() -> None:
    """Clients are told to come back, and the process does not call itself dead for it."""
    store = TinyStore()
    store.down = True
    for response in (
        send("POST", THINGS, store=store, body=GOOD),
        send("GET", f"{THINGS}/1", store=store),
        send("GET", "/readyz", store=store),
    ):
        assert (response.status_code, error_of(response)["code"]) == (503, "STORE_UNAVAILABLE")
        assert int(response.headers["retry-after"]) > 0
    assert send("GET", "/healthz", store=store).status_code == 200


def test_an_unexpected_error_is_500_and_logged_without_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The fault is found by the request's id, and nothing private leaks on the way."""
    response = send("POST", f"{ROOT}/broken", headers={"x-request-id": "find-me"})
    assert (response.status_code, error_of(response)["code"]) == (500, "INTERNAL_ERROR")
    assert "body" not in response.text
    assert any(getattr(r, "fields", {}).get("request_id") == "find-me" for r in caplog.records)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("abc-1", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("", False)],
)
def test_request_ids(sent: str, *, taken: bool) -> None:
    """A client's id follows its request everywhere, unless it could spoil a line of the log."""
    headers = {"x-request-id": sent}
    for path in (THINGS, "/nowhere", "/healthz"):
        back = send("GET", path, headers=headers).headers["x-request-id"]
        assert (back == sent) is taken
        assert 0 < len(back) <= 128


def test_browsers_of_other_origins_may_ask() -> None:
    """A page of a shop may call the API, send its headers and read those of the answer."""
    response = send("OPTIONS", THINGS, token=None, headers={"origin": "https://shop.test"})
    assert response.status_code == 204
    assert "Idempotency-Key" in response.headers["access-control-allow-headers"]
    answer = send("GET", THINGS, headers={"origin": "https://shop.test"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "etag" in answer.headers["access-control-expose-headers"]


def test_basic_credentials_reach_the_operation() -> None:
    """A secret may hold a colon, and every malformed credential gets the same refusal."""
    path = f"/v1/accounts/{ACCOUNT}/auth/secret"
    credentials = base64.b64encode(b"me:s:ecret").decode()
    headers = {"authorization": f"Basic {credentials}"}
    response = send("POST", path, body={"audience": "x"}, headers=headers)
    assert response.json() == {"secret": "http://orders.test"}
    assert response.headers["cache-control"] == "no-store"
    for wrong in ("Basic !!!", "Basic " + base64.b64encode(b"me").decode(), "Bearer good", ""):
        refused = send("POST", path, body={"audience": "x"}, headers={"authorization": wrong})
        assert error_of(refused)["code"] == "INVALID_CLIENT"
        assert refused.headers["www-authenticate"].startswith("Basic ")
    nowhere = send("POST", path.replace(ACCOUNT, "x"), body={"audience": "x"}, headers=headers)
    assert nowhere.status_code == 404


def test_the_public_url_is_the_origin_of_links() -> None:
    """Behind a proxy, links lead to the address that clients can reach."""
    app = tiny_app(settings=WebSettings(public_url="https://orders.example/"))
    headers = {"authorization": "Basic " + base64.b64encode(b"me:s:ecret").decode()}
    path = f"/v1/accounts/{ACCOUNT}/auth/secret"
    response = send("POST", path, app=app, body={"audience": "x"}, headers=headers)
    assert response.json() == {"secret": "https://orders.example"}
    assert send("GET", "/openapi.json", app=app).json()["servers"][0]["url"] == (
        "https://orders.example/v1"
    )


def test_the_index_leads_to_the_documentation() -> None:
    """Whoever opens the bare address, with a browser or a program, finds the next step."""
    assert send("GET", "/").json()["openapi"] == "/openapi.json"
    response = send("GET", "/", headers={"accept": "text/html,*/*"})
    assert (response.status_code, response.headers["location"]) == (302, "/docs")


def test_the_documentation_needs_nothing_from_elsewhere() -> None:
    """The pages work without the internet, run no foreign script and serve no other file."""
    page = send("GET", "/docs", token=None)
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in page.text.replace("https://orders.test", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "LICENSE", "NOTICE"):
        file = send("GET", f"/docs/static/{name}", token=None)
        assert file.status_code == 200
        assert "max-age" in file.headers["cache-control"]
    for name in ("docs.html", "..%2Fapp.py", "%2e%2e"):
        assert send("GET", f"/docs/static/{name}").status_code == 404


def test_the_figures_count_by_operation_and_status() -> None:
    """An alarm can tell failures from successes, and finished requests are not in flight."""
    app = tiny_app()
    send("POST", THINGS, app=app, body=GOOD)
    send("POST", THINGS, app=app, body={})
    text = send("GET", "/metrics", app=app, token=None).text
    count = "ordrebok_http_request_duration_seconds_count"
    assert f'{count}{{operation="things_post",status="200"}} 1.0' in text
    assert f'{count}{{operation="things_post",status="400"}} 1.0' in text
    assert "ordrebok_http_requests_in_flight 0.0" in text


def test_the_keys_are_public() -> None:
    """Whoever verifies a token has none yet, so that its keys are read without one."""
    assert send("GET", "/.well-known/jwks.json", token=None).json() == {"keys": []}


def test_two_operations_cannot_share_an_id_or_a_place() -> None:
    """A row that would hide another stops the start instead of being served by chance."""
    settings = WebSettings()
    twice = (OPERATIONS[0], OPERATIONS[0])
    with pytest.raises(ValueError, match="things_get"):
        create_app(TinyStore(), TinyTokens(), operations=twice, settings=settings)
    twin = replace(OPERATIONS[0], id="other")
    with pytest.raises(ValueError, match="two operations answer GET"):
        create_app(TinyStore(), TinyTokens(), operations=(OPERATIONS[0], twin), settings=settings)
