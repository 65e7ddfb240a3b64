"""From rows to routes: every operation of the table gets its place below `/v1`."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ordrebok.operation import Operation
from ordrebok.web.exchange import App, House
from ordrebok.web.pages import preflight
from ordrebok.web.responder import Responder
from ordrebok.web.sandbox import SandboxResponder

PREFIX: Final = "/v1"
_NAME: Final = re.compile(r"\{(\w+)\}")


class Route:
    """One path; the router finds its methods by their names: `on_get`, `on_post`."""

    def __init__(self) -> None:
        self.on_options = preflight


def names_in(path: str) -> tuple[str, ...]:
    """Return the names of a path's parameters, in order."""
    return tuple(_NAME.findall(path))


def add_routes(app: App, operations: Sequence[Operation], house: House) -> None:
    """Give every operation its route.

    Keeps: two operations never share method and path, and no two share an id.
    """
    routes: dict[str, Route] = {}
    for operation, path in _with_paths(operations):
        route = routes.setdefault(path, Route())
        names = dict(zip(names_in(path), names_in(operation.path), strict=True))
        alike = all(theirs == ours for theirs, ours in names.items())
        kind = Responder if house.boxes is None else SandboxResponder
        responder = kind(operation, house, None if alike else names)
        for method in ("get", "head") if operation.method == "GET" else (operation.method.lower(),):
            if hasattr(route, f"on_{method}"):
                raise ValueError(f"two operations answer {operation.method} {operation.path}")
            setattr(route, f"on_{method}", responder.respond)
    for path, route in routes.items():
        app.add_route(PREFIX + path, route)


def check(operations: Sequence[Operation]) -> None:
    """Raise ValueError where two rows share an id."""
    seen: set[str] = set()
    for operation in operations:
        if operation.id in seen:
            raise ValueError(f"two operations are called {operation.id}")
        seen.add(operation.id)


def _with_paths(operations: Sequence[Operation]) -> Iterator[tuple[Operation, str]]:
    """Yield each operation with the path that its route is found by.

    A router knows one name for one place of a path. Where rows call it differently (`{aid}`,
    `{oid}`), the first name is used for the route, and the responder gives it its own again.
    """
    chosen: dict[str, str] = {}
    for operation in operations:
        path = ""
        for segment in operation.path.strip("/").split("/"):
            if _NAME.fullmatch(segment):
                path = f"{path}/{chosen.setdefault(path, segment)}"
            else:
                path = f"{path}/{segment}"
        yield operation, path
