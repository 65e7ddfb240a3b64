"""Who may do what: generated from the table, so that no operation can be forgotten."""

from __future__ import annotations

import base64

import pytest

from ordrebok.operation import Operation
from ordrebok.refusals import CATALOGUE
from ordrebok.table import OPERATIONS
from tests.http.world import CUSTOMER, ROWS, World, body_of, call
from tests.support.api import Api, Site, line

BEARER = tuple(row for row in OPERATIONS if row.auth == "bearer")
NAMED = tuple(row for row in ROWS if row.path.count("{") > 1)
LISTS = frozenset(
    {
        "aid_stores_sid_orders_get",
        "aid_customers_cid_orders_get",
        "aid_discounts_customer_cid_get",
    }
)
"""Rows that list what stands under a name; under a name that nothing stands under, nothing."""


def id_of(row: Operation) -> str:
    """The name of a test."""
    return row.id


def refused_as(api: Api, code: str, row: Operation, path: str, **headers: str) -> None:
    """Send an operation's valid request and see it refused."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    api.refused(code, row.method, path, *body_of(row), headers=named)


@pytest.fixture(scope="module")
def world(sqlite_site: Site) -> World:
    """One of everything on one account; nothing here may change it."""
    return World(sqlite_site.new_account())


def test_every_operation_names_its_scopes() -> None:
    """An operation without scopes would be open to every token."""
    assert [row.id for row in BEARER if not row.scopes] == []
    assert {row.id for row in OPERATIONS if row.auth != "bearer"} == {"aid_auths_oauth_token_post"}


@pytest.mark.parametrize("row", BEARER, ids=id_of)
def test_no_token(world: World, row: Operation) -> None:
    """401, with the way to authenticate, before anything else is looked at."""
    path = world.path(row)
    refused_as(world.api, "MISSING_TOKEN", row, path, Authorization="")
    response = world.api.send(row.method, path, raw=b"{", headers={"Authorization": ""})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("row", BEARER, ids=id_of)
def test_token_that_is_none(world: World, row: Operation) -> None:
    """Another scheme, a broken token, a signature of somebody else's: all 401."""
    head, payload, signature = world.api.credentials.token.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    other = "A" * 8 + signature[8:]
    path = world.path(row)
    for given in (
        "Bearer",
        "Bearer x",
        "Basic eDp5",
        f"Bearer {head}.{payload}.{other}",
        f"Bearer {unsigned}.{payload}.",
        f"Bearer {head}.{payload}",
    ):
        refused_as(world.api, "INVALID_TOKEN", row, path, Authorization=given)


@pytest.mark.parametrize("row", BEARER, ids=id_of)
def test_token_of_another_account(sqlite_site: Site, world: World, row: Operation) -> None:
    """403, although the token has every scope there."""
    scopes = ("admin:shopping", "admin:accounts", "admin:discounts")
    other = sqlite_site.new_account(*scopes)
    refused_as(other, "WRONG_ACCOUNT", row, world.path(row))


@pytest.mark.parametrize("row", BEARER, ids=id_of)
def test_token_without_the_scope(sqlite_site: Site, world: World, row: Operation) -> None:
    """403, naming the scopes that would do; none of the others opens it."""
    others = {scope for each in BEARER for scope in each.scopes} - set(row.scopes)
    api = sqlite_site.client_of(world.api.account_id, *sorted(others), "admin:checkout")
    path = world.path(row)
    error = api.refused("MISSING_SCOPE", row.method, path, *body_of(row))
    assert error["scopes"] == list(row.scopes)


@pytest.mark.parametrize(
    ("row", "scope"), [(row, scope) for row in ROWS for scope in row.scopes], ids=str
)
def test_any_one_of_the_scopes_suffices(sqlite_site: Site, row: Operation, scope: str) -> None:
    """Each alternative alone opens the operation, on the client's own account."""
    world = World(sqlite_site.new_account())
    customer = CUSTOMER if scope.startswith("user:") else None
    client = sqlite_site.client_of(world.api.account_id, scope, customer_id=customer)
    world.ready_for(row)
    assert call(world, row, by=client).status_code == 200


@pytest.mark.parametrize("row", NAMED, ids=id_of)
def test_ids_of_another_account(site: Site, row: Operation) -> None:
    """404 on the caller's own path, as if they did not exist; and nothing happens to them."""
    world, other = World(site.new_account()), site.new_account()
    path = world.path(row, other.account_id)
    if row.id in LISTS:
        assert other.get(path) in ([], {"orders": []})
        return
    before = world.versions()
    if row.id == "aid_customers_cid_erase_post":  # Nobody is erased, and that is no mistake.
        erased = other.post(path)
        assert (erased["orders"], erased["drafts"]) == (0, 0)
        assert world.versions() == before
        return
    refused_as(other, "NOT FOUND", row, path)
    refused_as(other, "NOT FOUND", row, path, Idempotency_Key="k", If_Match="*")
    assert world.versions() == before


@pytest.mark.parametrize("row", ROWS, ids=id_of)
def test_account_that_cannot_be(world: World, row: Operation) -> None:
    """A path with something else in the account's place is not found."""
    for account_id in ("X12345678", "T1234567", "T1234567٣", "t12345678", "T123456789", "%20"):
        path = f"/v1{row.path}".replace("{aid}", account_id)
        path = path.replace("{", "").replace("}", "")
        refused_as(world.api, "NOT FOUND", row, path)


def test_lists_hold_the_own_account_only(site: Site) -> None:
    """Same store, same customer, same words: other accounts' rows are never among them."""
    one, other = World(site.new_account()), World(site.new_account())
    for path in ("orders", "stores/S1/orders", "customers/C1/orders", "orders?search=nordmann"):
        (row,) = one.api.get(path)["orders"]
        assert row["order_id"] == one.names["order_id"]
    (row,) = other.api.get("draft_orders")["draft_orders"]
    assert row["id"] == other.names["id"]


def test_draft_cannot_update_an_order_of_another_account(site: Site) -> None:
    """Named in the options, it is not found: neither when the draft is made nor when changed."""
    world, other = World(site.new_account()), site.new_account()
    options = {"order_id": world.names["order_id"]}
    body = {"order": {"currency": "NOK", "items": [line()]}, "options": options}
    other.refused("NOT FOUND", "POST", "draft_orders", body)
    draft = other.draft(line())
    other.refused("NOT FOUND", "PUT", f"draft_orders/{draft['id']}", {"options": options})


def test_cursor_of_another_account_shows_nothing_of_it(site: Site) -> None:
    """A cursor names a place in time, and never a row of somebody else."""
    one, other = World(site.new_account()), World(site.new_account())
    one.api.order()
    cursor = one.api.get("orders", limit=1)["starting_after"]
    rows = other.api.get("orders", starting_after=cursor)["orders"]
    assert {row["order_id"] for row in rows} <= {other.names["order_id"]}


def test_client_of_another_account_gets_no_token(sqlite_site: Site) -> None:
    """A client presents itself at its own account only."""
    one, other = sqlite_site.new_account(), sqlite_site.new_account()
    pair = f"{one.credentials.client_id}:{one.credentials.client_secret}"
    basic = "Basic " + base64.b64encode(pair.encode()).decode()
    body = {"audience": f"https://orders.test/v1/accounts/{other.account_id}"}
    path = f"/v1/accounts/{other.account_id}/auth/token"
    other.refused("INVALID_CLIENT", "POST", path, body, headers={"Authorization": basic})
    path = f"/v1/accounts/{one.account_id}/auth/token"
    other.refused("INVALID_REQUEST_PARAMETER", "POST", path, body, headers={"Authorization": basic})


def test_every_refusal_of_access_is_in_the_catalogue() -> None:
    """The four ways to be kept out have the documented statuses."""
    codes = ("MISSING_TOKEN", "INVALID_TOKEN", "MISSING_SCOPE", "WRONG_ACCOUNT", "NOT FOUND")
    assert [CATALOGUE[code].status for code in codes] == [401, 401, 403, 403, 404]
