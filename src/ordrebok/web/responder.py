"""The life of one request: who asks, what for, may they, what comes of it."""

import re
from functools import partial
from time import perf_counter
from typing import Any, Final

from msgspec.structs import replace

from ordrebok.accounts.tokens import Principal
from ordrebok.decision import Call, Commit, Idempotency, Watch
from ordrebok.operation import Errand, Operation, Plan
from ordrebok.refusals import Refusal, not_found
from ordrebok.store.interface import StoreUnavailable
from ordrebok.web.auth import (
    Gate,
    account_refusal,
    basic_credentials,
    discounts_refusal,
)
from ordrebok.web.body import BodyReader, read
from ordrebok.web.exchange import (
    Desk,
    Headers,
    House,
    Request,
    Response,
    common_headers,
    request_id_of,
    write_refusal,
)
from ordrebok.web.execute import Answer, carry_out
from ordrebok.web.idempotency import idempotency_of
from ordrebok.web.log import LOGGER
from ordrebok.web.problem import JSON
from ordrebok.web.query import query_reader
from ordrebok.web.watching import attended

_STRICT: Final = re.compile(
    rb"(?:^|[,;])\s*handling\s*=\s*\"?strict\"?\s*(?:[,;]|$)", re.IGNORECASE
)

_OK: Final = 200
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304

_DRY_RUN: Final = re.compile(rb"(?:^|[,;])\s*dry-run\s*(?:[,;]|$)", re.IGNORECASE)

SLASH: Final = "\ue000"
"""Stands for a `%2F` of the path while routes are matched; no client may send it itself."""


class Responder:
    """Answers the requests of one operation."""

    def __init__(
        self, operation: Operation, house: House, names: dict[str, str] | None = None
    ) -> None:
        self._operation = operation
        self._names = names
        self._house = house
        self._desk = Desk(house, operation.id, f"/v1{operation.path}")
        self._gate = Gate(operation)
        self._query = query_reader(operation.query)
        self._body = BodyReader(operation) if operation.body or operation.body_forms else None
        self._writes = operation.method != "GET"
        self._discounts = "apply_discounts" in getattr(operation.query, "__struct_fields__", ())
        self._origin = house.settings.public_url.rstrip("/")
        self._no_store = operation.auth == "basic"
        self._carry_out = carry_out

    async def respond(self, req: Request, resp: Response, **params: str) -> None:
        """Answer one request; whatever happens, with a body that a client can read."""
        started = perf_counter()
        house = self._house
        headers: dict[bytes, bytes] = dict(req.scope["headers"])
        request_id = request_id_of(headers)
        out = common_headers(request_id, headers)
        account_id = ""
        house.metrics.in_flight += 1
        try:
            call = await self._call(req, headers, params)
            if isinstance(call, Refusal):
                result: Answer | Refusal = call
            else:
                account_id = call.account_id
                plan = self._operation.plan(call)
                applied = _applied(call, plan)
                if applied:
                    out["preference-applied"] = applied
                if isinstance(plan, Watch):
                    turned = partial(self._turned, call, headers)
                    told = await attended(plan, house.store, req, resp, headers, turned)
                    if told is None:  # A stream: it goes on after this.
                        resp.set_headers(out)
                        return self._desk.close(req.method, _OK, started, request_id, account_id)
                    result = told if isinstance(told, Refusal) else Answer(told)
                else:
                    result = await self._carry_out(plan, call, house.store, house.tokens.book)
        except StoreUnavailable:
            wait_seconds = house.settings.retry_after_seconds
            result = Refusal("STORE_UNAVAILABLE", retry_after_seconds=wait_seconds)
        except Exception:  # noqa: BLE001 -- whatever it is, the caller gets an answer
            fields = {"operation": self._operation.id, "request_id": request_id}
            LOGGER.exception("unexpected error", extra={"fields": fields})
            result = Refusal("INTERNAL_ERROR")
        finally:
            house.metrics.in_flight -= 1
            house.metrics.finished += 1
        if isinstance(result, Refusal):
            status = result.status
            write_refusal(resp, result, headers.get(b"accept", b""), out)
        else:
            status = self._write(resp, result, headers, out)
        return self._desk.close(req.method, status, started, request_id, account_id)

    async def _call(self, req: Request, headers: Headers, params: dict[str, str]) -> Call | Refusal:
        """Check the request and return it as a call.

        Refuses: NOT FOUND, MISSING_TOKEN, INVALID_TOKEN, WRONG_ACCOUNT, MISSING_SCOPE,
        INVALID_REQUEST_PARAMETER (query), BODY_TOO_LARGE, NOT_JSON, INVALID_JSON,
        INVALID_REQUEST_PARAMETER (body), INVALID_HEADER.
        """
        params = self._named(params)
        if "\0" in req.path or "" in params.values():
            return not_found("Resource")  # No id is empty or holds U+0000.
        account_id = params.get("aid", params.get("oid"))
        authorization = _authorization(headers)
        principal = await self._principal(authorization, account_id, params.get("customer_id"))
        if isinstance(principal, Refusal):
            return principal
        strict = b"prefer" in headers and _STRICT.search(headers[b"prefer"]) is not None
        query = self._query.value(req.params, strict=strict)
        if isinstance(query, Refusal):
            return query
        if self._discounts and getattr(query, "apply_discounts", False) and principal:
            refusal = discounts_refusal(principal)
            if refusal is not None:
                return refusal
        body = await read(req, headers.get(b"content-length")) if self._writes else b""
        if isinstance(body, Refusal):
            return body
        value = self._struct(headers, body, strict=strict)
        if isinstance(value, Refusal):
            return value
        actor_id = "" if principal is None else principal.client_id
        idempotency = self._idempotency(req, headers, principal, body)
        if isinstance(idempotency, Refusal):
            return idempotency
        if_match = headers.get(b"if-match")
        return Call(
            account_id=account_id or ("" if principal is None else principal.account_id),
            actor_id=actor_id,
            method=req.method,
            path=req.path,
            params=params,
            query=query,
            body=value,
            body_text=body,
            strict=strict,
            dry_run=b"prefer" in headers and _DRY_RUN.search(headers[b"prefer"]) is not None,
            if_match=None if if_match is None else if_match.decode("latin-1"),
            idempotency=idempotency,
            credentials=basic_credentials(authorization) if principal is None else None,
            private_targets=self._house.settings.private_targets,
            origin=self._origin or _origin(req, headers),
        )

    def _struct(self, headers: Headers, body: bytes, *, strict: bool) -> object:
        """Return the body as its struct, or a Refusal; None where there is no body.

        Refuses: NOT_JSON, INVALID_JSON, INVALID_REQUEST_PARAMETER.
        """
        if self._body is None:
            return None
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return Refusal("NOT_JSON", "Content-Encoding is not taken: send the body as it is")
        return self._body.value(body, headers.get(b"content-type"), strict=strict)

    def _named(self, params: dict[str, str]) -> dict[str, str]:
        """Return the path's parameters by the names and with the slashes that are meant."""
        if self._names is not None:
            params = {self._names[name]: value for name, value in params.items()}
        for name, value in params.items():
            if SLASH in value:
                params[name] = value.replace(SLASH, "/")
        return params

    async def _principal(
        self, authorization: str | None, account_id: str | None, customer_id: str | None
    ) -> Principal | Refusal | None:
        """Return who calls; None where the operation itself looks at Basic credentials.

        Refuses: MISSING_TOKEN, INVALID_TOKEN, NOT FOUND, WRONG_ACCOUNT, MISSING_SCOPE,
        WRONG_CUSTOMER.
        """
        if self._operation.auth == "basic":
            return None if account_id is None else account_refusal(account_id)
        tokens = self._house.tokens
        known = None if authorization is None else tokens.cached(authorization)
        principal = known or await tokens.principal_of(authorization)
        if isinstance(principal, Refusal):
            return principal
        return self._gate.refusal(principal, account_id, customer_id) or principal

    async def _turned(self, call: Call, headers: Headers) -> Refusal | None:
        """Return how a caller who was let in would be turned away now, if it would."""
        customer_id = call.params.get("customer_id")
        found = await self._principal(_authorization(headers), call.account_id, customer_id)
        return found if isinstance(found, Refusal) else None

    def _idempotency(
        self, req: Request, headers: Headers, principal: Principal | None, body: bytes
    ) -> Idempotency | Refusal | None:
        """Return the caller's key, if any, with the fingerprint of this request."""
        key = headers.get(b"idempotency-key")
        if key is None or not self._writes or principal is None:
            return None
        keyed = idempotency_of(
            key,
            principal.client_id,
            method=req.method,
            path=req.path,
            query=req.scope["query_string"],
            body=body,
        )
        if isinstance(keyed, Refusal):
            return keyed
        return replace(keyed, account_id=principal.account_id)

    def _write(
        self,
        resp: Response,
        answer: Answer,
        headers: Headers,
        out: dict[str, str],
    ) -> int:
        """Make the response say the answer; return its status."""
        status = _OK
        if answer.version is not None:
            tag = f'"{answer.version}"'
            out["etag"] = tag
            if not self._writes and _names(headers.get(b"if-none-match"), tag):
                status = _NOT_MODIFIED
        if answer.total is not None:
            out["total-count"] = str(answer.total)
        if answer.replayed:
            out["idempotency-replayed"] = "true"
        if self._no_store:
            out["cache-control"] = "no-store"
        if not answer.body:
            status = _NO_CONTENT
        if status == _OK:
            resp.content_type = JSON
            resp.data = answer.body
        resp.status = status
        resp.set_headers(out)
        return status


def _authorization(headers: Headers) -> str | None:
    """Return the Authorization header."""
    given = headers.get(b"authorization")
    return None if given is None else given.decode("latin-1")


def _applied(call: Call, plan: Plan) -> str:
    """Return which of the caller's preferences count for this plan (RFC 7240)."""
    strict = ["handling=strict"] if call.strict else []
    dry_run = ["dry-run"] if call.dry_run and isinstance(plan, Commit | Errand) else []
    return ", ".join(strict + dry_run)


def _names(if_none_match: bytes | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names the version the caller would get."""
    if if_none_match is None:
        return False
    tags = {one.strip().removeprefix("W/") for one in if_none_match.decode("latin-1").split(",")}
    return tag in tags or "*" in tags


def _origin(req: Request, headers: Headers) -> str:
    """Return scheme and authority that the caller used."""
    scope: dict[str, Any] = req.scope
    return f"{scope['scheme']}://{headers.get(b'host', b'').decode('latin-1')}"
