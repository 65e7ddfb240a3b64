"""An order as it was: the rows of the API for its versions, and what differs between two."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ordrebok.decision import Call, Reading
from ordrebok.operation import READ, Operation, Plan
from ordrebok.orders.lists import wrong_cursor
from ordrebok.orders.operations import ONE
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.event import Event
from ordrebok.wire.version import (
    Difference,
    OrderThen,
    OrderVersion,
    OrderVersions,
    VersionQuery,
    VersionsQuery,
)

_PATH: Final = ONE + "/versions"
_NAMES: Final = ("line_id", "id")
"""What tells the members of a list apart, where all of them have it and no two the same."""
_LAST: Final = 2**31 - 1
"""The highest version that a database counts to."""
_read_event = msgspec.json.Decoder(Event).decode

Path = tuple[str | int, ...]


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:  # noqa: ANN401
    """Yield what differs between two JSON values, each thing once, as deep inside as it can be.

    Members of lists are held against each other by their `line_id` or `id`, so that a line that
    was put in front of others is one change; where they have none, by their positions.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        name = _name_of(before, after)
        yield from _members(_by(before, name), _by(after, name), path)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Difference(path=path, change="changed", before=before, after=after)


def _members(
    before: Mapping[Any, Any], after: Mapping[Any, Any], path: Path
) -> Iterator[Difference]:
    """Yield what differs between the members of two objects, or of two lists."""
    for key in before:
        if key in after:
            yield from differences(before[key], after[key], (*path, key))
        else:
            yield Difference(path=(*path, key), change="removed", before=before[key])
    for key in after:
        if key not in before:
            yield Difference(path=(*path, key), change="added", after=after[key])


def _name_of(*lists: Sequence[Any]) -> str | None:
    """Return what tells the members of lists apart; None where nothing does."""
    for name in _NAMES:
        if all(_has_names(members, name) for members in lists):
            return name
    return None


def _has_names(members: Sequence[Any], name: str) -> bool:
    """Tell whether every member has a name, and no two the same."""
    found = [member.get(name) if isinstance(member, dict) else None for member in members]
    named = [each for each in found if isinstance(each, str | int)]
    return len(named) == len(members) == len(set(map(str, named)))


def _by(members: Sequence[Any], name: str | None) -> dict[str | int, Any]:
    """Return the members of a list by what they are called, or by their positions."""
    if name is None:
        return dict(enumerate(members))
    return {f"{name}={member[name]}": member for member in members}


# ------------------------------------------------------------------------------------- the rows


def _number(text: str | None) -> int | None:
    """Return the version that a path or a cursor names, None where it is no number."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= len(str(_LAST))):
        return None
    number = int(text)
    return number if number <= _LAST else None


def _versions(call: Call) -> Plan:
    """List the versions of an order, newest first."""
    query = call.query_as(VersionsQuery)
    before = _LAST
    if query.starting_after is not None:
        number = _number(query.starting_after)
        if number is None:
            return wrong_cursor()
        before = number

    def render(rows: Sequence[Mapping[str, Any]]) -> bytes | Refusal:
        """Make the page; every order has a first version."""
        if not rows and query.starting_after is None:
            return not_found("Order")
        shown = rows[: query.limit]
        more = str(shown[-1]["version"]) if len(rows) > query.limit else None
        page = OrderVersions(versions=tuple(map(_row, shown)), starting_after=more)
        return encode(page)

    place = {"account_id": call.account_id, "kind": "order", "id": call.params["order_id"]}
    return Reading("versions_of", {**place, "before": before, "limit": query.limit + 1}, render)


def _row(row: Mapping[str, Any]) -> OrderVersion:
    """Return a version as the list shows it."""
    event = _read_event(row["event"])
    request = event.request
    return OrderVersion(
        version=row["version"],
        created_at=event.created_at,
        created_by=event.created_by,
        event_id=event.id,
        event_type=event.event_type,
        method=None if request is None else request.method,
        path=None if request is None else request.path,
        draft_id=event.draft_id,
        kept=bool(row["kept"]),
    )


def _version(call: Call) -> Plan:
    """Read an order as it was, and what had changed since another version."""
    query, version = call.query_as(VersionQuery), _number(call.params["version"])
    if version is None:
        return not_found("Version")
    other = version if query.diff is None else query.diff

    def render(rows: Sequence[Mapping[str, Any]]) -> bytes | Refusal:
        """Make the answer, if the order is there and both versions were kept."""
        if not rows:
            return not_found("Order")
        found = {row["version"]: row["body"] for row in rows}
        for wanted in (version, other):
            if found.get(wanted) is None:
                return _missing(wanted, rows[0]["newest"])
        body: bytes = found[version]
        if query.diff is None:
            return body
        changes = differences(msgspec.json.decode(found[other]), msgspec.json.decode(body))
        return body[:-1] + b',"changes":' + encode(tuple(changes)) + b"}"

    params = {
        "account_id": call.account_id,
        "id": call.params["order_id"],
        "version": version,
        "other": other,
    }
    return Reading("order_at", params, render)


def _missing(version: int, newest: int) -> Refusal:
    """Return the refusal of a version that is not there, or is no longer."""
    if version > newest:
        return refuse("NOT FOUND", f"The order has come to version {newest}", version=newest)
    return refuse(
        "NOT FOUND",
        f"Version {version} was not kept: it is older than what this server keeps, or erased",
        version=newest,
    )


OPERATIONS = (
    Operation(
        id="aid_orders_id_versions_get",
        method="GET",
        path=_PATH,
        summary="Versions of an order",
        tag="orderlist",
        scopes=READ,
        query=VersionsQuery,
        answer=OrderVersions,
        plan=_versions,
        refusals=("NOT FOUND",),
        description=(
            "An addition of ours: what the order went through, newest first. What is not `kept` "
            "was changed before this server kept versions, or was erased."
        ),
    ),
    Operation(
        id="aid_orders_id_versions_version_get",
        method="GET",
        path=_PATH + "/{version}",
        summary="Get order as it was at a version",
        tag="orderlist",
        scopes=READ,
        query=VersionQuery,
        answer=OrderThen,
        plan=_version,
        refusals=("NOT FOUND",),
        description=(
            "An addition of ours: the order as it was. With `diff`, the number of another version, "
            "`changes` says what differs: `before` there and `after` here."
        ),
    ),
)
