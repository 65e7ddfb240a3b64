"""The OpenAPI document as a judge: no answer passes that the document does not describe."""

from __future__ import annotations

import copy
import re
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import httpx
from jsonschema_rs import Draft202012Validator

Json: TypeAlias = Any
"""JSON of any form; a test looks into it as it knows it."""

OPEN_SCHEMAS = frozenset({"ErrorBody", "ErrorDetail", "ProblemDetails"})
"""Refusals may carry further members: the numbers of the case. All else is described in full."""

ECHO = "/accounts/{aid}/discounts/available_for_receipt"
"""A path that answers what was sent, fields that it does not know included."""


class UndocumentedError(AssertionError):
    """The server answered something that its document does not say."""


class Route(NamedTuple):
    """One path of the document."""

    template: str
    pattern: re.Pattern[str]
    operations: Json


class Contract:
    """Checks answers against one document, by method, path, status and content type."""

    def __init__(self, document: Json) -> None:
        self.document = document
        prefix = urlsplit(document.get("servers", [{"url": ""}])[0]["url"]).path.rstrip("/")
        routes = [
            Route(template, _pattern(prefix + template), operations)
            for template, operations in document["paths"].items()
        ]
        # A literal path wins over one with parameters.
        self._routes = sorted(routes, key=lambda route: route.template.count("{"))
        self._components = _closed(document.get("components", {}))
        self._open = document.get("components", {})
        self._validators: dict[tuple[str, ...], Draft202012Validator] = {}

    def operation(self, method: str, path: str) -> tuple[str, Json] | None:
        """The template of the path and its operation for the method, where there is one."""
        for route in self._routes:
            if route.pattern.fullmatch(path):
                found = route.operations.get(method.lower())
                if found is not None:
                    return route.template, found
        return None

    def check(self, response: httpx.Response) -> None:
        """Refuse an answer that the document does not describe; a 500 is never described."""
        method, path = response.request.method, response.request.url.raw_path.decode()
        path = path.partition("?")[0]
        where = f"{method} {path} -> {response.status_code}"
        if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            raise UndocumentedError(f"{where}: {response.text}")
        if not response.headers.get("x-request-id"):
            raise UndocumentedError(f"{where}: no X-Request-Id")
        found = self.operation(method, path)
        if found is None:
            raise UndocumentedError(f"{where}: the document has no such operation")
        template, operation = found
        described = self._resolved(operation["responses"].get(str(response.status_code)))
        if described is None:
            raise UndocumentedError(f"{where}: the status is not documented: {response.text}")
        self._check_headers(described, response, where)
        key = (method, template, str(response.status_code))
        self._check_content(key, described.get("content"), response, where)

    def check_unrouted(self, response: httpx.Response) -> None:
        """Check a refusal of something the document does not offer: it has the usual form."""
        problem = {"$ref": "#/components/schemas/Problem"}
        error = self._validator(("problem",), problem)
        assert response.headers.get("x-request-id"), "no X-Request-Id"
        _raise_first(error, response.json(), f"{response.request.method} {response.request.url}")

    def _check_headers(self, described: Json, response: httpx.Response, where: str) -> None:
        """Refuse an answer without a header that the document promises."""
        for name, header in described.get("headers", {}).items():
            header = self._resolved(header)  # noqa: PLW2901 -- the same header, looked up
            if header.get("required") and name.lower() not in response.headers:
                raise UndocumentedError(f"{where}: the header {name} is missing")

    def _check_content(
        self, key: tuple[str, ...], content: Json, response: httpx.Response, where: str
    ) -> None:
        """Refuse a body of another type or form than the document says."""
        if not content:
            if response.content:
                raise UndocumentedError(f"{where}: a body where none is documented")
            return
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        described = content.get(kind)
        if described is None:
            raise UndocumentedError(f"{where}: the type {kind!r} is not documented")
        if "json" in kind:
            validator = self._validator((*key, kind), described["schema"])
            _raise_first(validator, response.json(), where)

    def _validator(self, key: tuple[str, ...], schema: Json) -> Draft202012Validator:
        """The compiled schema of one answer."""
        found = self._validators.get(key)
        if found is None:
            components = self._open if ECHO in key else self._components
            whole = {**schema, "components": components}
            found = self._validators[key] = Draft202012Validator(whole, validate_formats=True)
        return found

    def _resolved(self, node: Json) -> Json:
        """What a reference inside the document stands for."""
        while node is not None and "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node


def _pattern(template: str) -> re.Pattern[str]:
    """A template as a pattern: a parameter is one segment of the path."""
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join("[^/]+" if p.startswith("{") else re.escape(p) for p in parts))


def _closed(components: Json) -> Json:
    """The components, with objects that hold what is documented and nothing else."""
    closed = copy.deepcopy(components)
    for name, schema in closed.get("schemas", {}).items():
        if name not in OPEN_SCHEMAS and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed


def _raise_first(validator: Draft202012Validator, value: Json, where: str) -> None:
    """Refuse a value that does not fit, with its first fault."""
    for error in validator.iter_errors(value):
        raise UndocumentedError(f"{where}: {error.instance_path}: {error.message[:500]}")
