"""Faults on demand: what a client meets when a server is away, slow, or loses an answer."""

from __future__ import annotations

import time

import httpx

from tests.support.api import Site, codes_of, line, paths_of, race
from tests.support.openapi import Json
from tests.support.sandbox import ORDER, Sandbox, dropped


def test_a_server_that_is_not_there_for_a_while(sandbox: Sandbox) -> None:
    """503 with Retry-After for as many requests as planned, and nothing of them is done."""
    api = sandbox.api
    sandbox.plan({"kind": "unavailable", "times": 2})
    for _ in range(2):
        response = api.send("POST", "orders", ORDER)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
    assert api.get("orders") == {"orders": []}
    assert sandbox.left() == []


def test_an_answer_that_is_lost_after_its_effect(sandbox: Sandbox) -> None:
    """A client that repeats it with its key gets the answer, and the effect is there once."""
    api = sandbox.api
    sandbox.plan({"kind": "drop", "times": 2})
    for _ in range(2):
        dropped(api, "POST", "orders", ORDER, Idempotency_Key="k")
    response = api.send("POST", "orders", ORDER, headers={"Idempotency-Key": "k"})
    assert response.headers["idempotency-replayed"] == "true"
    (order,) = api.get("orders")["orders"]
    assert order["order_id"] == response.json()["order_id"]


def test_an_answer_that_takes_its_time(sandbox: Sandbox) -> None:
    """It comes, and not before the delay is over."""
    sandbox.plan({"kind": "delay", "milliseconds": 150})
    begun = time.monotonic()
    assert sandbox.api.order()["version"] == 1
    assert time.monotonic() - begun >= 0.15


def test_faults_are_met_by_those_they_are_meant_for(sandbox: Sandbox) -> None:
    """By method and path, the first that fits first; the others wait for theirs."""
    api = sandbox.api
    draft = api.draft(line(100, 1))
    first: Json = {"kind": "unavailable", "method": "POST", "path_contains": "/orders"}
    second: Json = {"kind": "unavailable", "method": "GET"}
    assert sandbox.plan(first, second) == [first, second]
    api.put(f"draft_orders/{draft['id']}", {"order": {"comment": "x"}})
    assert api.send("GET", "draft_orders").status_code == 503
    assert sandbox.left() == [first]
    assert api.send("POST", "orders", ORDER).status_code == 503
    assert api.send("POST", "orders", ORDER).status_code == 200
    sandbox.plan(first, first)
    assert api.delete(sandbox.path("faults")) == {"faults": [first, first]}
    assert sandbox.left() == []


def test_faults_are_met_by_nobody_else(playing: Site, sandbox: Sandbox) -> None:
    """Not by other accounts, by requests that are refused at the door, for tokens or sandboxes."""
    sandbox.plan({"kind": "unavailable"})
    api, path = sandbox.api, f"/v1/accounts/{sandbox.api.account_id}/auth/token"
    assert playing.new_account().order()["version"] == 1
    api.refused("MISSING_TOKEN", "GET", "orders", headers={"Authorization": ""})
    api.refused("INVALID_REQUEST_PARAMETER", "GET", "orders?starting_after=nothing")
    basic = httpx.BasicAuth(api.credentials.client_id, api.credentials.client_secret)
    audience = f"https://orders.test/v1/accounts/{api.account_id}"
    assert api.http.post(path, json={"audience": audience}, auth=basic).status_code == 200
    assert api.get(sandbox.path("clock"))["moved"] is False
    assert len(sandbox.left()) == 1


def test_a_fault_is_met_once_by_many(sandbox: Sandbox) -> None:
    """Of requests at the same moment, as many fail as were planned to."""
    sandbox.plan({"kind": "unavailable", "times": 3})
    answers = race(*[lambda: sandbox.api.send("POST", "orders", ORDER).status_code] * 8)
    assert sorted(answers) == [200] * 5 + [503] * 3


def test_faults_that_cannot_be(sandbox: Sandbox) -> None:
    """Everything that is wrong is listed; what was planned before stays planned."""
    api, path = sandbox.api, sandbox.path("faults")
    sandbox.plan({"kind": "drop"})
    faults = [{"kind": "delay"}, {"kind": "drop"}, {"kind": "delay"}]
    error = api.refused("INVALID_REQUEST_PARAMETER", "PUT", path, {"faults": faults})
    assert paths_of(error) == [["faults", 0, "milliseconds"], ["faults", 2, "milliseconds"]]
    assert codes_of(error) == ["OBJECT_MISSING_REQUIRED_PROPERTY"] * 2
    unknown: Json = [{"kind": "explode"}, {"kind": "drop", "times": 0}]
    error = api.refused("INVALID_REQUEST_PARAMETER", "PUT", path, {"faults": unknown})
    assert paths_of(error) == [["faults", 0, "kind"], ["faults", 1, "times"]]
    assert sandbox.left() == [{"kind": "drop"}]
