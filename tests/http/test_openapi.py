"""The OpenAPI document: valid, complete to the last row, and readable without internet."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ordrebok.operation import Operation
from ordrebok.refusals import CATALOGUE
from ordrebok.table import OPERATIONS
from tests.http.world import WRITES, World, call
from tests.support.api import Site
from tests.support.openapi import Contract, Json, UndocumentedError

OPERATION_IDS = {
    "aid_draft_orders_get": "GET /draft_orders",
    "aid_draft_orders_post": "POST /draft_orders",
    "aid_draft_orders_id_get": "GET /draft_orders/{id}",
    "aid_draft_orders_id_put": "PUT /draft_orders/{id}",
    "aid_draft_orders_id_complete_put": "PUT /draft_orders/{id}/complete",
    "aid_draft_orders_id_delete": "DELETE /draft_orders/{id}",
    "aid_draft_orders_id_items_post": "POST /draft_orders/{id}/items",
    "aid_draft_orders_id_items_line_id_put": "PUT /draft_orders/{id}/items/{line_id}",
    "aid_draft_orders_id_items_line_id_delete": "DELETE /draft_orders/{id}/items/{line_id}",
    "aid_orders_get": "GET /orders",
    "aid_orders_post": "POST /orders",
    "aid_orders_id_get": "GET /orders/{order_id}",
    "aid_orders_id_put": "PUT /orders/{order_id}",
    "aid_orders_id_open_post": "POST /orders/{order_id}/open",
    "aid_orders_id_close_post": "POST /orders/{order_id}/close",
    "aid_orders_id_cancel_post": "POST /orders/{order_id}/cancel",
    "aid_orders_id_events_get": "GET /orders/{order_id}/events",
    "aid_orders_id_events_post": "POST /orders/{order_id}/events",
    "aid_orders_id_sessions_get": "GET /orders/{order_id}/sessions",
    "aid_orders_id_session_post": "POST /orders/{order_id}/sessions",
    "aid_orders_id_sessions_id_get": "GET /orders/{order_id}/sessions/{session_id}",
    "aid_orders_id_authorizations_get": "GET /orders/{order_id}/authorizations",
    "aid_orders_id_authorization_post": "POST /orders/{order_id}/authorizations",
    "aid_orders_id_authorizations_id_get": (
        "GET /orders/{order_id}/authorizations/{authorization_id}"
    ),
    "aid_orders_id_captures_get": "GET /orders/{order_id}/captures",
    "aid_orders_id_capture_post": "POST /orders/{order_id}/captures",
    "aid_orders_id_captures_id_get": "GET /orders/{order_id}/captures/{capture_id}",
    "aid_orders_id_refunds_get": "GET /orders/{order_id}/refunds",
    "aid_orders_id_refunds_post": "POST /orders/{order_id}/refunds",
    "aid_orders_id_refunds_id_get": "GET /orders/{order_id}/refunds/{refund_id}",
    "aid_orders_id_cancellations_get": "GET /orders/{order_id}/cancellations",
    "aid_orders_id_cancellation_post": "POST /orders/{order_id}/cancellations",
    "aid_orders_id_cancellations_id_get": "GET /orders/{order_id}/cancellations/{cancellation_id}",
    "aid_orders_id_comments_post": "POST /orders/{order_id}/comments",
    "aid_orders_id_comments_id_delete": "DELETE /orders/{order_id}/comments/{comment_id}",
    "aid_stores_sid_orders_get": "GET /stores/{store_id}/orders",
    "aid_stores_sid_orders_id_get": "GET /stores/{store_id}/orders/{order_id}",
    "aid_customers_cid_orders_get": "GET /customers/{customer_id}/orders",
    "aid_customers_cid_orders_id_get": "GET /customers/{customer_id}/orders/{order_id}",
}
"""The shopping operations as the contract has them."""
PAYMENTS = re.compile("/(sessions|authorizations|captures|refunds|cancellations)")
KEYLESS = re.compile("/(auth|sandbox)/|/resend$")
"""Writes that take no Idempotency-Key."""
ADDITIONS = frozenset(
    {
        "aid_orders_id_comments_get",
        "aid_orders_id_proof_get",
        "aid_draft_orders_id_discounts_get",
        "aid_orders_id_versions_get",
        "aid_orders_id_versions_version_get",
        "aid_customers_cid_erase_post",
        "aid_erasures_get",
        "aid_erasures_id_get",
        "aid_shopping_changes_get",
    }
)
"""Operations of this server that the contract does not have."""


@pytest.fixture(scope="module")
def document(sqlite_site: Site) -> Json:
    """The document of a running server."""
    return sqlite_site.http.get("/openapi.json").json()


def described(document: Json, row: Operation) -> Json:
    """What the document says about a row."""
    return document["paths"][row.path][row.method.lower()]


def resolved(document: Json, node: Json) -> Json:
    """What a reference stands for."""
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def test_document_is_valid(document: Json) -> None:
    """By the validator of the OpenAPI initiative's own schema, as version 3.1."""
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_document_is_the_same_on_both_engines(site: Site, document: Json) -> None:
    """What is promised does not depend on the database."""
    assert site.http.get("/openapi.json").json() == document


def test_operations_of_the_contract_are_served() -> None:
    """Paths, methods and operation ids as documented: none missing, none under another name."""
    prefix = "/accounts/{aid}/shopping"
    served = {
        row.id: f"{row.method} {row.path.removeprefix(prefix)}"
        for row in OPERATIONS
        if row.path.startswith(prefix)
    }
    own = {name: where for name, where in served.items() if name not in ADDITIONS}
    assert own.items() <= OPERATION_IDS.items()
    missing = OPERATION_IDS.items() - own.items()
    assert [name for name, where in missing if not PAYMENTS.search(where)] == []


def test_document_has_every_row_and_nothing_else(document: Json) -> None:
    """The table and the document list the same operations."""
    listed = {
        (method.upper(), path, operation["operationId"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert listed == {(row.method, row.path, row.id) for row in OPERATIONS}


def changes_a_version(row: Operation) -> bool:
    """Tell whether a call changes something that has a version; a creation has none to name."""
    return row.versioned and row.method != "GET" and row.path.count("{") > 1


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.id)
def test_row_is_described_in_full(document: Json, row: Operation) -> None:
    """Summary, scopes, parameters, body, answer and every refusal with its status."""
    operation = described(document, row)
    assert operation["summary"]
    assert operation["tags"] == [row.tag]
    schemes = [scheme for requirement in operation["security"] for scheme in requirement]
    assert set(schemes) == {row.auth}
    scopes = {s for requirement in operation["security"] for s in requirement.get("bearer", [])}
    assert scopes == set(row.scopes)

    parameters = [resolved(document, each) for each in operation["parameters"]]
    names = {(each["in"], each["name"]) for each in parameters}
    assert {name for place, name in names if place == "path"} == set(
        re.findall(r"\{(\w+)\}", row.path)
    )
    query = {f.encode_name for f in msgspec.structs.fields(row.query)} if row.query else set()
    assert {name for place, name in names if place == "query"} == query
    assert all("schema" in each for each in parameters)
    headers = {name for place, name in names if place == "header"}
    keyed = not KEYLESS.search(row.path)
    assert ("Idempotency-Key" in headers) == (row.method != "GET" and keyed)
    assert ("If-Match" in headers) == changes_a_version(row)
    assert ("If-None-Match" in headers) == (row.versioned and row.method == "GET")

    forms = [row.body] if row.body else list(row.body_forms)
    assert ("requestBody" in operation) == bool(forms)
    if forms:
        assert operation["requestBody"]["required"] is not row.body_optional
        text = str(operation["requestBody"])
        assert all(form.__name__ in text for form in forms if form is not dict)

    for code in row.refusals:
        response = resolved(document, operation["responses"][str(CATALOGUE[code].status)])
        assert code in str(response["content"]["application/json"])
        assert code in str(response["content"]["application/problem+json"])
    success = operation["responses"]["204" if row.empty else "200"]
    assert row.empty or "schema" in success["content"]["application/json"]
    assert ("text/event-stream" in success.get("content", {})) == row.streams
    assert ("ETag" in success["headers"]) == row.versioned


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.id)
def test_shared_refusals_are_described(document: Json, row: Operation) -> None:
    """What any operation can be refused with stands at every operation."""
    responses = described(document, row)["responses"]
    expected = {"400", "401", "404", "500", "503"}
    if row.auth == "bearer":
        expected |= {"403"}
    if row.method != "GET":
        expected |= {"413"}
        expected |= set() if KEYLESS.search(row.path) else {"422"}
        expected |= {"412"} if changes_a_version(row) else set()
    if row.body or row.body_forms:
        expected |= {"415"}
    assert expected <= set(responses)


def test_amounts_are_documented_with_their_limits(document: Json) -> None:
    """An integer, between the largest numbers that JSON readers keep exactly."""
    schemas = document["components"]["schemas"]
    amount = schemas["ItemBody"]["properties"]["gross_amount"]
    assert amount["type"] == "integer"
    assert (amount["minimum"], amount["maximum"]) == (-(2**53) + 1, 2**53 - 1)
    moment = schemas["OrderContent"]["properties"]["delivery_at"]
    assert "date-time" in str(moment)


@pytest.mark.parametrize("row", WRITES, ids=lambda row: row.id)
def test_links_can_be_followed(site: Site, row: Operation) -> None:
    """Whatever own ids hold, a link in any answer is an address that leads there."""
    world = World(site.new_account(), "50% ? #1 & æ;%2F")
    world.ready_for(row)
    made = call(world, row).json()
    for link in [*made.get("_links", ()), *made.get("order", {}).get("_links", ())]:
        if "shopping" in link["href"]:
            assert world.api.get(link["href"])


# ------------------------------------------------------------------------------- the page


class Sources(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a script, a style sheet or an image."""
        names = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
        address = dict(attrs).get(names.get(tag, ""))
        if address is not None and not address.startswith("data:"):
            self.found.append(address)


def test_docs_page_needs_no_internet(sqlite_site: Site) -> None:
    """Everything the page loads comes from the server itself, and nothing else may be loaded."""
    page = sqlite_site.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    sources = Sources()
    sources.feed(page.text)
    assert len(sources.found) >= 2
    for address in sources.found:
        assert address.startswith("/"), address
        assert not address.startswith("//"), address
        loaded = sqlite_site.http.get(address)
        assert loaded.status_code == 200
        assert len(loaded.content) > 100
        kind = "css" if address.endswith(".css") else "javascript"
        assert kind in loaded.headers["content-type"]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy.replace("https://", "http")


def test_root_leads_to_the_documentation(sqlite_site: Site) -> None:
    """A person with a browser finds the page; a program finds the document."""
    page = sqlite_site.http.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (302, "/docs")
    assert sqlite_site.http.get("/").json()["openapi"] == "/openapi.json"


# ------------------------------------------------------- the judge of all other tests, judged


def answer(status: int, body: Json, method: str = "GET", path: str = "orders") -> httpx.Response:
    """A made-up answer."""
    url = f"http://x/v1/accounts/T12345678/shopping/{path}"
    headers = {"X-Request-Id": "r"}
    return httpx.Response(status, json=body, headers=headers, request=httpx.Request(method, url))


@pytest.mark.parametrize(
    "response",
    [
        answer(200, {"orders": [], "surprise": 1}),
        answer(200, {"orders": None}),
        answer(200, {}),
        answer(200, {"orders": [{"order_id": "x"}]}),
        answer(201, {"orders": []}),
        answer(418, {"error": {"code": "X", "message": "x"}}),
        answer(500, {"error": {"code": "INTERNAL_ERROR", "message": "x"}}),
        answer(404, {"error": {"code": "NOT_FOUND", "message": "x"}}),
        answer(404, {"message": "x"}),
        answer(200, {"orders": []}, path="nothing"),
        answer(200, {"orders": []}, method="PATCH"),
        answer(200, {"events": [], "state": 7}, path="orders/x/events"),
    ],
    ids=lambda r: f"{r.status_code} {r.text[:40]}",
)
def test_undocumented_answer_would_fail_any_test(document: Json, response: httpx.Response) -> None:
    """The check behind every request of these tests sees what it must see."""
    with pytest.raises(UndocumentedError):
        Contract(document).check(response)


def test_documented_answer_passes(document: Json) -> None:
    """And nothing else."""
    Contract(document).check(answer(200, {"orders": []}))
    error = {"code": "NOT FOUND", "message": "Order not found"}
    Contract(document).check(answer(404, {"error": error}, path="orders/x"))
