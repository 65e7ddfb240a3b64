"""A small client of the API, bound to one account; it checks every answer it gets.

A path without a leading slash stands below `/v1/accounts/{aid}/shopping/`; with one, below the
server's origin. `get`, `post`, `put` and `delete` expect success and return the JSON; `refused`
expects a refusal and returns its `error`; `send` returns the response whatever it says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx

from ordrebok.refusals import CATALOGUE
from tests.support.openapi import Contract, Json
from tests.support.server import ADMIN, Credentials, Operator, Server, operating

T = TypeVar("T")
Params = Mapping[str, str | int | bool | Sequence[str]]

_NOTHING = object()
_contracts: list[Contract] = []


class Api:
    """One client of one account."""

    def __init__(self, http: httpx.Client, contract: Contract, credentials: Credentials) -> None:
        self.http = http
        self.contract = contract
        self.credentials = credentials
        self.account_id = credentials.account_id

    def url(self, path: str) -> str:
        """The address of a path; a whole address is one already."""
        if path.startswith(("/", "http://")):
            return path
        return f"/v1/accounts/{self.account_id}/shopping/{path}"

    def send(
        self,
        method: str,
        path: str,
        body: Json = _NOTHING,
        *,
        raw: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        documented: bool = True,
    ) -> httpx.Response:
        """Send one request; the answer, whatever it is, must be a documented one.

        `raw` is sent as it is, as the JSON body. `documented=False` is for requests that the
        document does not offer: their refusal must still have the usual form.
        """
        content = raw
        if body is not _NOTHING:
            content = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Authorization": f"Bearer {self.credentials.token}"}
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        response = self.http.request(
            method,
            self.url(path),
            content=content,
            params=dict(params) if params else None,
            headers={name: value for name, value in sent.items() if value},
        )
        if documented:
            self.contract.check(response)
        else:
            self.contract.check_unrouted(response)
        return response

    def ok(
        self,
        method: str,
        path: str,
        body: Json = _NOTHING,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """The JSON of a success."""
        response = self.send(method, path, body, params=params, headers=headers)
        assert response.status_code == httpx.codes.OK, response.text
        return response.json()

    def get(self, path: str, **params: str | int | bool | Sequence[str]) -> Json:
        """Read something."""
        return self.ok("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Json = _NOTHING,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Make something."""
        return self.ok("POST", path, body, params=params, headers=headers)

    def put(
        self,
        path: str,
        body: Json = _NOTHING,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Change something."""
        return self.ok("PUT", path, body, params=params, headers=headers)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> Json:
        """Delete something; the answer is what was deleted."""
        return self.ok("DELETE", path, headers=headers)

    def refused(
        self,
        code: str,
        method: str,
        path: str,
        body: Json = _NOTHING,
        *,
        raw: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """The `error` of a refusal with this code, and with the status that belongs to it."""
        response = self.send(method, path, body, raw=raw, params=params, headers=headers)
        assert response.status_code == CATALOGUE[code].status, response.text
        error = response.json()["error"]
        assert error["code"] == code, error
        return error

    # ------------------------------------------------------------------- what most tests need

    def draft(self, *items: Json, options: Json = None, **order: Json) -> Json:
        """Make a draft of these items."""
        body: Json = {"order": {"currency": "NOK", "items": list(items), **order}}
        if options is not None:
            body["options"] = options
        return self.post("draft_orders", body)

    def complete(self, draft: Json) -> list[Json]:
        """Complete a draft; the orders it became."""
        orders: list[Json] = self.put(f"draft_orders/{draft['id']}/complete", {})["orders"]
        return orders

    def order(self, *items: Json, options: Json = None, **order: Json) -> Json:
        """Make an order without a draft."""
        content = {"currency": "NOK", "items": list(items or (line(),)), **order}
        body = content if options is None else {"order": content, "options": options}
        return self.post("orders", body)


@dataclass(frozen=True)
class Site:
    """A running server with its operator's side; it makes clients for any account."""

    server: Server
    operator: Operator
    http: httpx.Client
    contract: Contract

    def new_account(self, *scopes: str) -> Api:
        """A client, with these scopes or all for shopping, of an account of its own."""
        return self.client_of(self.operator.add_account(), *scopes)

    def client_of(self, account_id: str, *scopes: str, customer_id: str | None = None) -> Api:
        """One more client of an account; with a customer, its token is for that customer."""
        credentials = self.operator.add_client(account_id, scopes or ADMIN, customer_id)
        return Api(self.http, self.contract, credentials)


@contextmanager
def site_of(server: Server) -> Iterator[Site]:
    """What tests need of a running server, for as long as the block lasts."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=40)
    with (
        httpx.Client(base_url=server.url, timeout=60, limits=limits, trust_env=False) as http,
        operating(server.database) as operator,
    ):
        yield Site(server, operator, http, _contract(http))


def _contract(http: httpx.Client) -> Contract:
    """The judge of all answers: one for the session, because all servers have one document."""
    if not _contracts:
        _contracts.append(Contract(http.get("/openapi.json").json()))
    return _contracts[0]


def line(gross_amount: int = 12_500, line_id: int | None = None, **fields: Json) -> Json:
    """An item with a tax of 25 percent, computed by the server unless tax lines are given."""
    item: Json = {"gross_amount": gross_amount, "tax_lines": [{"percentage": 25}], **fields}
    if line_id is not None:
        item["line_id"] = line_id
    return item


def store_line(store_id: str, gross_amount: int, line_id: int, **fields: Json) -> Json:
    """An item that a store sells."""
    return line(
        gross_amount, line_id, store={"id": store_id, "name": f"Store {store_id}"}, **fields
    )


def reversal(line_id: int, of: int, gross_amount: int, **fields: Json) -> Json:
    """An item that reverses a line of an order."""
    relation = {"line_id": of, "type": "reversed"}
    reason = {"reversed_reason": "returned", "related_item": relation}
    return line(gross_amount, line_id, **reason | fields)


def paths_of(error: Json) -> list[list[str | int]]:
    """Where everything is wrong, in the order in which the refusal lists it."""
    return [entry["path"] for entry in error["errors"]]


def codes_of(error: Json) -> list[str]:
    """What is wrong, in the order in which the refusal lists it."""
    return [entry["code"] for entry in error["errors"]]


def race(*calls: Callable[[], T]) -> list[T]:
    """Make calls at the same moment, each in a thread of its own; their results in order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(run, call) for call in calls]]
