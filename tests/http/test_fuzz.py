"""Random requests: whatever comes in, the answer is a documented one, and never a 500.

A refused request must also leave draft and order as they were.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordrebok.operation import Operation
from tests.http.test_examples import completable, example
from tests.http.world import BODIES, ROWS, WRITES, World
from tests.support.api import Site
from tests.support.openapi import Json

WITH_BODY = tuple(row for row in WRITES if row.body is not None or row.body_forms)
LISTS = tuple(row for row in ROWS if row.method == "GET" and row.query is not None)
QUERIES = tuple(row for row in ROWS if row.query is not None)

few = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

texts = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "NOK", "open", "true", "2026-11-20T18:12:13Z", "9999-12-31T23:59:59Z", "0001-01-01"]
    ),
    st.sampled_from(
        ["1.50", "\0", "\n", "a/b", "+4799999999", "%", "reversed", "order", "x" * 300]
    ),
)
numbers = st.one_of(
    st.integers(),
    st.integers(-3, 3),
    st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**63, 2**64, 86_400, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def names_of(row: Operation) -> list[str]:
    """Every property name that the bodies of an operation may hold."""
    forms = [row.body] if row.body else list(row.body_forms)
    _, found = msgspec.json.schema_components(forms)
    return sorted({name for schema in found.values() for name in schema.get("properties", {})})


def documents(row: Operation) -> list[Json]:
    """Valid bodies of an operation, rich ones among them, to spoil."""
    rich: dict[str, list[Json]] = {
        "aid_draft_orders_post": [{"order": example("draft_body")["order"]}],
        "aid_draft_orders_id_put": [{"order": example("draft_body")["order"]}],
        "aid_draft_orders_id_items_post": [example("item_body")],
        "aid_draft_orders_id_items_line_id_put": [example("item_body")],
        "aid_orders_post": [completable(example("order"))],
        "aid_orders_id_put": [example("order")],
        "aid_orders_id_authorization_post": [example("operation")],
        "aid_orders_id_session_post": [example("session_body")],
    }
    return [BODIES[row.id], *rich.get(row.id, [])]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """Every place in a document."""
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from places(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from places(child, (*path, index))


def spoiled(document: Json, path: tuple[Any, ...], value: Json) -> Json:
    """A document with another value at one place."""
    if not path:
        return value
    result = copy.deepcopy(document)
    inner = result
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return result


class Sender:
    """Sends bodies; every answer is checked, and a refusal must have changed nothing."""

    def __init__(self, site: Site, *rows: Operation) -> None:
        self.world = World(site.new_account())
        for row in rows:
            self.world.ready_for(row, changing=False)
        self._versions = self.world.versions()

    def send(self, row: Operation, raw: bytes) -> None:
        """Send one."""
        response = self.world.api.send(row.method, self.world.path(row), raw=raw)
        versions = self.world.versions()
        if response.status_code != 200:
            assert versions == self._versions
        self._versions = versions


@pytest.mark.parametrize("row", WITH_BODY, ids=lambda row: row.id)
def test_bodies_of_random_json(site: Site, row: Operation) -> None:
    """Any JSON, with the property names that the operation knows."""
    sender = Sender(site, row)
    known = st.sampled_from(names_of(row) or [""])
    bodies = st.one_of(
        st.dictionaries(known, st.one_of(values, st.dictionaries(known, values, max_size=4))),
        values,
    )

    @few
    @given(bodies)
    def run(body: Json) -> None:
        """Send one."""
        sender.send(row, json.dumps(body).encode())

    run()


@pytest.mark.parametrize("row", WITH_BODY, ids=lambda row: row.id)
def test_good_bodies_with_one_spoiled_place(site: Site, row: Operation) -> None:
    """A valid document in which one value is another: taken or refused, never in between."""
    sender = Sender(site, row)
    choices = [(document, path) for document in documents(row) for path in places(document)]

    @few
    @given(st.sampled_from(choices), values)
    def run(choice: tuple[Json, tuple[Any, ...]], value: Json) -> None:
        """Send one."""
        sender.send(row, json.dumps(spoiled(*choice, value)).encode())

    run()


def test_bodies_of_random_bytes(site: Site) -> None:
    """Bytes that may be JSON or not, in UTF-8 or not."""
    sender = Sender(site, *WITH_BODY)
    good = json.dumps(BODIES["aid_draft_orders_post"]).encode()

    @few
    @given(st.binary(max_size=40), st.integers(0, len(good)), st.sampled_from(WITH_BODY))
    def run(junk: bytes, position: int, row: Operation) -> None:
        """Send them alone, and in the middle of a good body."""
        sender.send(row, junk)
        sender.send(row, good[:position] + junk + good[position:])

    run()


def test_random_names_in_paths(site: Site) -> None:
    """Any text in the place of an id, on every operation."""
    world = World(site.new_account())

    @few
    @given(st.text(min_size=1, max_size=12), st.sampled_from(ROWS))
    def run(text: str, row: Operation) -> None:
        """Put it into each place but the account's."""
        if text in {".", ".."}:
            return  # Clients resolve these before they send.
        body = (BODIES[row.id],) if row.id in BODIES else ()
        if row.path.count("{") > 1:
            world.api.send(row.method, world.path_with(row, text), *body)

    run()


def test_random_query_strings(site: Site) -> None:
    """Any text as the value of every parameter, given once or twice."""
    world = World(site.new_account())
    chosen = st.sampled_from([row for row in QUERIES if row.method == "GET"])

    @few
    @given(st.data(), chosen)
    def run(data: st.DataObject, row: Operation) -> None:
        """Send some of the operation's parameters."""
        names = [field.encode_name for field in msgspec.structs.fields(row.query or object)]
        params = data.draw(
            st.dictionaries(
                st.sampled_from([*names, "unknown"]), st.lists(texts, min_size=1, max_size=2)
            )
        )
        world.api.send(row.method, world.path(row), params=params)

    run()


def test_random_headers(site: Site) -> None:
    """Any visible text in the headers that the server reads."""
    world = World(site.new_account())
    paths = {row.id: world.path(row) for row in ROWS}  # While the order is open.
    visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
    names = ["If-Match", "If-None-Match", "Idempotency-Key", "Prefer", "Accept", "X-Request-Id"]
    names += ["Authorization", "Content-Type", "Content-Encoding"]

    @few
    @given(st.dictionaries(st.sampled_from(names), visible), st.sampled_from(ROWS))
    def run(headers: dict[str, str], row: Operation) -> None:
        """Send an operation's valid request with them."""
        body = (BODIES[row.id],) if row.id in BODIES else ()
        world.api.send(row.method, paths[row.id], *body, headers=headers)

    run()
