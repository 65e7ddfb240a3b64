"""What operators look at: health, figures, request ids, and a log without anything personal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ordrebok.table import OPERATIONS
from tests.http.world import World, body_of
from tests.support.api import Api, Site, line, site_of
from tests.support.openapi import Json
from tests.support.postgres import Cluster, execute
from tests.support.server import poll, serving


def lines_of(site: Site, request_id: str) -> list[Json]:
    """The lines of the server's log about one request, once they are written."""

    def found() -> list[Json]:
        """They come with a small delay, gathered."""
        lines = [line for line in site.server.log.splitlines() if request_id in line]
        return [json.loads(line) for line in lines]

    return poll(found, f"a log line of {request_id}")


@pytest.mark.parametrize(("path", "status"), [("/healthz", "ok"), ("/readyz", "ready")])
def test_health(site: Site, path: str, status: str) -> None:
    """Without a token, never cached, with a request id like everything else."""
    response = site.http.get(path)
    assert (response.status_code, response.json()) == (200, {"status": status})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"]


def test_request_id_is_taken_and_answered(api: Api) -> None:
    """The caller's own id comes back and stands in the log; without one, each request gets one."""
    named = api.send("GET", "orders", headers={"X-Request-Id": "mine-42"})
    assert named.headers["x-request-id"] == "mine-42"
    refused = api.send("GET", "orders/none", headers={"X-Request-Id": "mine-43"})
    assert refused.headers["x-request-id"] == "mine-43"
    stray = api.send("GET", "/none", headers={"X-Request-Id": "mine-44"}, documented=False)
    assert stray.headers["x-request-id"] == "mine-44"
    ids = {api.send("GET", "orders").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    for unusable in ("x" * 129, "a b"):
        answered = api.send("GET", "orders", headers={"X-Request-Id": unusable})
        assert answered.headers["x-request-id"] != unusable


def test_log_has_one_line_for_each_request(site: Site) -> None:
    """Structured: the id, method, route as a template, status, duration, account, operation."""
    api = site.new_account()
    request_id = f"log-{api.account_id}"
    api.send("GET", "orders/none", headers={"X-Request-Id": request_id})
    (entry,) = lines_of(site, request_id)
    assert entry["request_id"] == request_id
    assert (entry["method"], entry["status"]) == ("GET", 404)
    assert entry["route"] == "/v1/accounts/{aid}/shopping/orders/{order_id}"
    assert entry["operation"] == "aid_orders_id_get"
    assert entry["account_id"] == api.account_id
    assert entry["duration_ms"] >= 0


def test_log_holds_nothing_personal(site: Site) -> None:
    """Names, addresses, comments, ids of persons, tokens, secrets and keys never reach it."""
    api = site.new_account("admin:shopping", "admin:accounts")
    mark = f"Marker{api.account_id}"
    customer: Json = {
        "id": f"{mark}-id",
        "first_name": f"{mark}-first",
        "email": f"{mark}@example.com",
        "addresses": [{"address_line": mark, "postal_place": mark, "country": "NO"}],
    }
    order_id = f"{mark}-order"
    headers = {"Idempotency-Key": f"{mark}-key"}
    body = {"currency": "NOK", "items": [line(1, 1)], "customer": customer, "order_id": order_id}
    api.post("orders", body, headers=headers)
    api.post(f"orders/{order_id}/comments", {"body": f"{mark}-comment"})
    api.get("orders", search=f"{mark}-first", customer_id=customer["id"])
    api.send("GET", f"customers/{mark}-id/orders/{order_id}")
    api.refused("ORDER_ID_TAKEN", "POST", "orders", body)
    api.refused("INVALID_REQUEST_PARAMETER", "POST", "orders", {**body, "currency": mark})
    api.refused("INVALID_JSON", "POST", "orders", raw=f'{{"{mark}"'.encode())
    api.refused("INVALID_TOKEN", "GET", "orders", headers={"Authorization": f"Bearer {mark}"})
    api.send("GET", f"/{mark}", documented=False)
    api.send("GET", f"/v1/accounts/{mark}/shopping/orders", documented=False)
    secret = api.post(f"/v1/accounts/{api.account_id}/auth/clients", {"name": mark})
    last = f"last-{api.account_id}"
    api.send("GET", "orders", headers={"X-Request-Id": last})
    lines_of(site, last)
    log = site.server.log
    assert mark not in log
    for hidden in (api.credentials.token, api.credentials.client_secret, secret["client_secret"]):
        assert hidden not in log
        assert hidden.rpartition(".")[2] not in log


def test_log_of_the_whole_session_has_no_unexpected_error(site: Site) -> None:
    """An error that reached nobody's answer would stand here."""
    World(site.new_account())
    assert "unexpected error" not in site.server.log
    assert "Traceback" not in site.server.log


def test_figures(api: Api) -> None:
    """For Prometheus: requests by operation and status, with their durations."""
    for _ in range(3):
        api.get("orders")
    api.refused("NOT FOUND", "GET", "orders/none")
    response = api.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    count = r'^ordrebok_http_request_duration_seconds_count\{operation="%s",status="%s"\} (\S+)$'
    listed = re.search(count % ("aid_orders_get", "200"), response.text, re.MULTILINE)
    missed = re.search(count % ("aid_orders_id_get", "404"), response.text, re.MULTILINE)
    assert listed is not None
    assert missed is not None
    assert float(listed[1]) >= 3
    assert float(missed[1]) >= 1
    assert api.account_id not in response.text
    assert "process_resident_memory_bytes" in response.text


def test_public_keys(site: Site) -> None:
    """Whoever gets a token can check it: public halves only."""
    response = site.http.get("/.well-known/jwks.json")
    (key, *_) = response.json()["keys"]
    assert {"kty", "kid", "crv", "x", "y"} <= key.keys()
    assert "d" not in key


@pytest.mark.postgres
def test_server_outlives_its_database(tmp_path: Path, postgres_cluster: Cluster) -> None:
    """While the database is away: 503 with Retry-After, healthy but not ready; then all is well."""
    with (
        postgres_cluster.fresh_database() as database,
        serving(database, tmp_path) as server,
        site_of(server) as site,
    ):
        api = site.new_account()
        draft = api.draft(line(1, 1))
        path = f"draft_orders/{draft['id']}"
        name = database.rpartition("/")[2]
        admin = postgres_cluster.url("postgres")
        execute(admin, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        execute(
            admin,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608 -- a name of our own making
        )
        for method, body in (("GET", ()), ("PUT", ({"order": {"comment": "x"}},))):
            response = api.send(method, path, *body)
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert response.json()["error"]["code"] == "STORE_UNAVAILABLE"
        assert site.http.get("/healthz").status_code == 200
        ready = site.http.get("/readyz")
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "STORE_UNAVAILABLE")

        execute(admin, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        poll(lambda: site.http.get("/readyz").status_code == 200, "the database to be back")
        assert api.get(path) == draft
        assert api.put(path, {"order": {"comment": "x"}})["version"] == 2


def test_browsers_of_other_origins_may_call(sqlite_api: Api) -> None:
    """A preflight is answered for every path of the table, without a token."""
    world = World(sqlite_api)
    for row in OPERATIONS:
        if row.auth != "bearer" or "/shopping/" not in row.path:
            continue
        response = sqlite_api.http.options(
            world.path(row),
            headers={"Origin": "https://shop.test", "Access-Control-Request-Method": row.method},
        )
        assert response.status_code == 204
        assert row.method in response.headers["access-control-allow-methods"]
        assert "Idempotency-Key" in response.headers["access-control-allow-headers"]
        assert body_of(row) is not None
