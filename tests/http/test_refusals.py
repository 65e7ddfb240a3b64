"""What the server does not take: refused clearly, completely, and with nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.http.world import World
from tests.support.api import Api, Site, codes_of, line, paths_of
from tests.support.openapi import Json

BODY_LIMIT = 5 * 1024 * 1024
JSON_TYPE = {"Content-Type": "application/json"}
STRICT = {"Prefer": "handling=strict"}
PROBLEM = {"Accept": "application/problem+json"}


def test_everything_wrong_is_listed_at_once(api: Api) -> None:
    """Not only the first fault: each with its code, its path, and what would be right."""
    body = {
        "order": {
            "currency": "kroner",
            "comment": 7,
            "customer": {"phone_number": "no", "addresses": [{"country": "Norway"}]},
            "items": [
                {"gross_amount": "100", "tax_lines": []},
                {"tax_lines": [{"amount": 1.5}], "quantity": 0, "line_id": -1},
            ],
        },
        "options": {"generate_order_id": "SHORT", "order_time_to_live": 1},
    }
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    found = {(tuple(entry["path"]), entry["code"]) for entry in error["errors"]}
    address = ("order", "customer", "addresses", 0)
    missing = "OBJECT_MISSING_REQUIRED_PROPERTY"
    assert found >= {
        (("order", "currency"), "MAX_LENGTH"),
        (("order", "comment"), "INVALID_TYPE"),
        (("order", "customer", "phone_number"), "PATTERN"),
        ((*address, "country"), "PATTERN"),
        (address, missing),
        (("order", "items", 0, "gross_amount"), "INVALID_TYPE"),
        (("order", "items", 0, "tax_lines"), "ARRAY_LENGTH_SHORT"),
        (("order", "items", 1), missing),
        (("order", "items", 1, "tax_lines", 0, "amount"), "INVALID_TYPE"),
        (("order", "items", 1, "line_id"), "MINIMUM"),
        (("options", "generate_order_id"), "ENUM_MISMATCH"),
        (("options", "order_time_to_live"), "MINIMUM"),
    }
    assert all(entry["message"] and entry["description"] for entry in error["errors"])
    assert api.get("draft_orders")["draft_orders"] == []


@pytest.mark.parametrize(
    "wrong",
    ['"100"', "100.0", "1e2", "1E2", "-0.0", "true", "null", "[100]", "9007199254740992", "1e400"],
)
@pytest.mark.parametrize(
    "field", ["gross_amount", "amount", "line_id", "tax_basis", "original_gross_amount"]
)
def test_only_whole_numbers_are_amounts(sqlite_api: Api, field: str, wrong: str) -> None:
    """Text, fractions, exponents, booleans and what JSON cannot hold exactly: never money."""
    optional = field != "gross_amount"
    tax = f'"{field}": {wrong}' if field in {"amount", "tax_basis"} else '"percentage": 25'
    item = f'"{field}": {wrong}' if field not in {"amount", "tax_basis"} else '"id": "x"'
    amount = '"gross_amount": 100, ' if optional else ""
    raw = f'{{{amount}{item}, "tax_lines": [{{{tax}}}]}}'.encode()
    path = f"draft_orders/{sqlite_api.draft()['id']}"
    if wrong == "null" and optional:
        assert sqlite_api.send("POST", f"{path}/items", raw=raw).status_code == 200
        return
    error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", f"{path}/items", raw=raw)
    assert {entry["path"][-1] for entry in error["errors"]} == {field}
    assert sqlite_api.get(path)["version"] == 1


def test_unknown_fields_are_named_when_strict(api: Api) -> None:
    """Ignored by default; with Prefer: handling=strict every one is refused by its path."""
    body: Json = {
        "order": {"currency": "NOK", "colour": 1, "items": [line(1, unit_price=2)]},
        "x": 0,
    }
    assert api.post("draft_orders", body)["order"].keys().isdisjoint({"colour"})
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body, headers=STRICT)
    assert sorted(map(str, paths_of(error))) == sorted(
        map(str, [["x"], ["order", "colour"], ["order", "items", 0, "unit_price"]])
    )
    assert set(codes_of(error)) == {"OBJECT_ADDITIONAL_PROPERTIES"}


def test_what_was_read_is_known_also_when_strict(api: Api) -> None:
    """Read-only fields are not unknown: drafts and orders can be sent back as they were read."""
    draft = api.draft(line(100, 1))
    response = api.send("PUT", f"draft_orders/{draft['id']}", draft, headers=STRICT)
    assert response.status_code == 200
    assert response.headers["preference-applied"] == "handling=strict"
    order = api.order(line(100, 1))
    assert api.put(f"orders/{order['order_id']}", order, headers=STRICT)["version"] == 2


# --------------------------------------------------------------------------- bodies that are none


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"order": {"currency": "NOK"}} x',
        b"{'order': 1}",
        b'{"order": NaN}',
        b'{"order": Infinity}',
        b'{"order": {"currency": "NOK", "comment": "\xff"}}',
        b'{"order": {"currency": "NOK", "unknown": "\xff"}}',
        b'{"order": {"currency": "NOK", "comment": "\x01"}}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"order": {"currency": "NOK", "comment": "\\ud800"}}',
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" * 100_000,
        b'{"order": ' + b"[" * 500 + b"]" * 500 + b"}",
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_body_that_is_no_json(api: Api, raw: bytes) -> None:
    """Refused as such, whatever it is; never a server error."""
    error = api.refused("INVALID_JSON", "POST", "draft_orders", raw=raw)
    assert error["message"]
    assert api.get("draft_orders")["draft_orders"] == []


@pytest.mark.parametrize("raw", [b"null", b"1", b'"x"', b"[]", b"true", b'[{"order": {}}]'])
def test_json_that_is_no_object(sqlite_api: Api, raw: bytes) -> None:
    """Every body is an object."""
    for path in ("draft_orders", "orders"):
        error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", path, raw=raw)
        assert paths_of(error) == [[]]


def test_body_of_64_levels_is_taken(sqlite_api: Api) -> None:
    """The limit itself: 64 brackets deep, and brackets in texts are no levels."""
    inner = b'"' + b"{[" * 500 + b'"'
    metadata = b'{"a":' * 61 + inner + b"}" * 61
    raw = b'{"order": {"currency": "NOK", "metadata": ' + metadata + b"}}"
    assert sqlite_api.send("POST", "draft_orders", raw=raw).status_code == 200
    deeper = raw.replace(b'"a":', b'"a":{"a":', 1).replace(b"}}}", b"}}}}", 1)
    deeper = b'{"order": {"currency": "NOK", "metadata": ' + b'{"a":' * 63 + b"1" + b"}" * 65
    sqlite_api.refused("INVALID_JSON", "POST", "draft_orders", raw=deeper)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON;charset=UTF-8", True),
        ("application/merge-patch+json", True),
        ("", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("application/json; charset=latin1", False),
        ("application/jsonx", False),
        ("multipart/form-data; boundary=x", False),
    ],
)
def test_content_types(sqlite_api: Api, content_type: str, *, taken: bool) -> None:
    """JSON in UTF-8 under any of its names; anything else is 415."""
    headers = {"Content-Type": content_type}
    body = {"order": {"currency": "NOK"}}
    if taken:
        sqlite_api.post("draft_orders", body, headers=headers)
    else:
        sqlite_api.refused("NOT_JSON", "POST", "draft_orders", body, headers=headers)


def test_large_bodies(api: Api) -> None:
    """Five megabytes are taken; more is refused, whether its length was announced or not."""
    small = b'{"order": {"currency": "NOK"}}'
    raw = small + b" " * (BODY_LIMIT - len(small))
    assert api.send("POST", "draft_orders", raw=raw).status_code == 200
    api.refused("BODY_TOO_LARGE", "POST", "draft_orders", raw=raw + b" ")

    def chunks() -> Iterator[bytes]:
        """The same in pieces, of which the server learns one by one."""
        for start in range(0, len(raw) + 1, 65_536):
            yield (raw + b" ")[start : start + 65_536]

    token = {"Authorization": f"Bearer {api.credentials.token}", **JSON_TYPE}
    response = api.http.post(api.url("draft_orders"), content=chunks(), headers=token)
    api.contract.check(response)
    assert response.json()["error"]["code"] == "BODY_TOO_LARGE"
    assert len(api.get("draft_orders")["draft_orders"]) == 1


def test_the_character_that_databases_do_not_keep(api: Api) -> None:
    """U+0000 is refused in every text and key, with its path; written with an escape or not."""
    body = {
        "order": {
            "currency": "NOK",
            "comment": "a\0b",
            "metadata": {"k": ["ok", {"x": "\0"}], "\0": 1},
            "customer": {"id": "\0"},
        }
    }
    error = api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert {tuple(path) for path in paths_of(error)} >= {
        ("order", "comment"),
        ("order", "metadata", "k", 1, "x"),
        ("order", "metadata"),
        ("order", "customer", "id"),
    }
    taken = {"currency": "NOK", "comment": "\\u0000", "metadata": {"\\\\u0000": "\\"}}
    draft = api.post("draft_orders", {"order": taken})
    assert draft["order"]["comment"] == "\\u0000"
    assert draft["order"]["metadata"] == taken["metadata"]


@pytest.mark.parametrize(
    "path",
    [
        "draft_orders/%00",
        "orders/%00",
        "orders/%FF",
        "orders/%ED%A0%80",
        "orders/" + "x" * 5000,
        "stores/S/orders/%0A",
        "orders/..%2F..%2Fhealthz",
        "orders/%252F",
    ],
)
def test_odd_ids_are_not_found(api: Api, path: str) -> None:
    """Whatever bytes stand in a path: not there, on both engines."""
    api.refused("NOT FOUND", "GET", path)


@pytest.mark.parametrize("name", ["store_id", "search", "currency", "order_number", "external_id"])
def test_odd_filters_find_nothing_or_are_refused(api: Api, name: str) -> None:
    """A filter is text: any text is either refused or finds nothing, on both engines."""
    for value in ("\0", "a\0b", "\ud7ff", "\U0010ffff", "x" * 10_000, "'", '"', "%", "\\"):
        response = api.send("GET", "orders", params={name: [value, value]})
        assert response.status_code in {200, 400}
        if response.status_code == 200:
            assert response.json()["orders"] == []


# --------------------------------------------------------------------------- published limits


def test_metadata_has_limits(api: Api) -> None:
    """200 keys and 64 KB, wherever metadata stands; both ends are tried, and nothing is kept."""
    keys = {f"k{n}": n for n in range(200)}
    large = {"k": "x" * (64 * 1024 - 8)}
    order_id = api.order(line(1, 1))["order_id"]
    for metadata in (keys, large):
        assert api.put(f"orders/{order_id}", {"metadata": metadata})["metadata"] == metadata
    for metadata in ({**keys, "more": 1}, {"k": "x" * (64 * 1024 - 7)}):
        bodies: list[tuple[str, str, Json, list[str | int]]] = [
            ("PUT", f"orders/{order_id}", {"metadata": metadata}, ["metadata"]),
            (
                "PUT",
                f"orders/{order_id}",
                {"items": [{"line_id": 1, "metadata": metadata}]},
                ["items", 0, "metadata"],
            ),
            (
                "POST",
                "draft_orders",
                {"order": {"currency": "NOK", "customer": {"metadata": metadata}}},
                ["order", "customer", "metadata"],
            ),
            (
                "POST",
                f"orders/{order_id}/events",
                {"service": "s", "service_status": "x", "metadata": metadata},
                ["metadata"],
            ),
        ]
        for method, path, body, where in bodies:
            error = api.refused("INVALID_REQUEST_PARAMETER", method, path, body)
            assert paths_of(error) == [where]
    assert api.get(f"orders/{order_id}")["version"] == 3


def test_lines_have_at_most_100_taxes_and_discounts(sqlite_api: Api) -> None:
    """Both lists, both ends."""
    path = f"draft_orders/{sqlite_api.draft()['id']}/items"
    taxes, discounts = [{"percentage": 1}] * 100, [{"amount": 1}] * 100
    item = {"gross_amount": 1000, "tax_lines": taxes, "discount_lines": discounts}
    sqlite_api.post(path, item)
    more = {**item, "tax_lines": [{}] * 101, "discount_lines": [{"amount": 0}] * 101}
    error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", path, more)
    assert sorted(paths_of(error)) == [["discount_lines"], ["tax_lines"]]


def test_payout_trees_have_limits(sqlite_api: Api) -> None:
    """10 levels and 500 nodes a rule; all rules that pass a limit are named."""

    def tree(depth: int) -> list[Json]:
        """A tree of one node on each level."""
        leaf: Json = {"type": "remaining_amount", "destination": "a"}
        for _ in range(depth - 1):
            leaf = {"type": "remaining_amount", "destinations": [leaf]}
        return [leaf]

    def draft(*trees: list[Json]) -> Json:
        """The body of a draft with a rule for each tree."""
        rules = [
            {"rule_type": "t", "rule_id": str(n), "destinations": destinations}
            for n, destinations in enumerate(trees)
        ]
        return {"order": {"currency": "NOK"}, "options": {"payout": {"rules": rules}}}

    wide = [{"type": "flat_amount", "value": "1", "destination": "a"}] * 500
    sqlite_api.post("draft_orders", draft(tree(10), wide))
    body = draft(tree(11), tree(1), [*wide, wide[0]])
    error = sqlite_api.refused("INVALID_REQUEST_PARAMETER", "POST", "draft_orders", body)
    assert codes_of(error) == ["PAYOUT_TREE_TOO_DEEP", "PAYOUT_TREE_TOO_LARGE"]


# ------------------------------------------------------------------- paths, methods, other forms


@pytest.mark.parametrize(
    "path", ["/v1", "/v2/x", "/v1/accounts/T12345678/shopping", "/nothing", "/docs/static/x"]
)
def test_unknown_paths(sqlite_api: Api, path: str) -> None:
    """404 with a space in its code, also without a token and for every method."""
    response = sqlite_api.send("GET", path, documented=False)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "NOT FOUND"


def test_empty_names_in_a_path_are_not_found(sqlite_api: Api) -> None:
    """No account, no order, no draft: never the caller's own account, or all of something."""
    for path in ("/v1/accounts//shopping/orders", sqlite_api.url("orders//events")):
        response = sqlite_api.send("GET", path, documented=False)
        assert response.status_code == 404


def test_unknown_methods(sqlite_api: Api) -> None:
    """405, naming the methods that the path takes."""
    world = World(sqlite_api)
    draft = f"draft_orders/{world.names['id']}"
    for method, path, allowed in (
        ("PATCH", draft, {"GET", "PUT", "DELETE"}),
        ("POST", f"{draft}/complete", {"PUT"}),
        ("DELETE", f"orders/{world.names['order_id']}", {"GET", "PUT"}),
        ("GET", f"orders/{world.names['order_id']}/close", {"POST"}),
    ):
        response = sqlite_api.send(method, path, {}, documented=False)
        assert response.status_code == 405
        assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
        named = {name.strip() for name in response.headers["allow"].split(",")}
        assert allowed <= named
        assert method not in named
    assert world.versions() == (1, 2, 1, 1)


def test_plain_not_found_is_as_documented(api: Api) -> None:
    """The one refusal with a fixed text: code with a space, message, nothing else."""
    error = api.refused("NOT FOUND", "GET", "orders/nowhere")
    assert list(error) == ["code", "message"]


def test_problem_documents(api: Api) -> None:
    """With Accept: application/problem+json every refusal comes in the form of RFC 9457."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"
    bad_item = {"gross_amount": "1", "tax_lines": [{}]}
    cases: list[tuple[int, str, str, str, Json, dict[str, str]]] = [
        (400, "INVALID_REQUEST_PARAMETER", "POST", f"{path}/items", bad_item, {}),
        (401, "MISSING_TOKEN", "PUT", path, {}, {"Authorization": ""}),
        (404, "NOT FOUND", "PUT", f"{path}/items/9", line(), {}),
        (409, "LINE_ID_TAKEN", "POST", f"{path}/items", line(1, 1), {}),
        (412, "STALE_VERSION", "PUT", path, {}, {"If-Match": '"9"'}),
        (415, "NOT_JSON", "PUT", path, {}, {"Content-Type": "text/plain"}),
    ]
    for status, code, method, where, body, headers in cases:
        response = api.send(method, where, body, headers={**PROBLEM, **headers})
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == status
        assert problem["code"] == code
        assert problem["title"]
        assert problem["type"]
        plain = api.send(method, where, body, headers=headers).json()["error"]
        assert problem["errors"] == plain.get("errors", [])
        assert problem["detail"] == plain["message"]
        assert problem.get("version") == plain.get("version")


def test_refused_write_leaves_nothing_behind(site: Site) -> None:
    """Half-written: a refusal of any kind leaves documents, events and lists as they were."""
    world = World(site.new_account())
    api, draft, order = world.api, world.names["id"], world.names["order_id"]
    paths = (f"draft_orders/{draft}", f"orders/{order}", "orders", "draft_orders")
    before = [api.send("GET", path).content for path in paths]
    api.refused("INVALID_REQUEST_PARAMETER", "POST", f"draft_orders/{draft}/items", {})
    api.refused("LINE_ID_TAKEN", "POST", f"draft_orders/{draft}/items", line(1, 1))
    own: Json = {"order": {"order_id": order}}
    api.put(f"draft_orders/{draft}", own)
    before[0] = api.send("GET", paths[0]).content
    before[3] = api.send("GET", paths[3]).content
    api.refused("ORDER_ID_TAKEN", "PUT", f"draft_orders/{draft}/complete", {})
    api.refused("USE_A_DRAFT", "PUT", f"orders/{order}", {"items": [{"line_id": 1, "quantity": 2}]})
    api.refused("INVALID_REQUEST_PARAMETER", "POST", f"orders/{order}/comments", {"body": ""})
    api.refused("NOT FOUND", "DELETE", f"orders/{order}/comments/none")
    assert [api.send("GET", path).content for path in paths] == before


def test_texts_of_every_script_are_kept(api: Api) -> None:
    """What is refused is little: texts, emoji and escapes come back as they were sent."""
    texts = [
        "Ærlig øl på Åsen",
        "日本語",
        "🛒👩‍👩‍👧",
        "a\u2028b\u200bc",
        "\x1f\x7f",
        "é",
        '"\\/\b\f\n\r\t',
    ]
    metadata = {text: text for text in texts}
    draft = api.draft(metadata=metadata)
    assert draft["order"]["metadata"] == metadata
    assert api.get(f"draft_orders/{draft['id']}")["order"]["metadata"] == metadata


def test_numbers_of_metadata_are_kept(api: Api) -> None:
    """Free JSON keeps its numbers, large and small, as JSON readers know them."""
    metadata = {"a": 1, "b": 1.5, "c": -0.1, "d": 9_007_199_254_740_991, "e": 1e300, "f": 0.0}
    draft = api.draft(metadata=metadata)
    assert json.dumps(draft["order"]["metadata"]) == json.dumps(metadata)
