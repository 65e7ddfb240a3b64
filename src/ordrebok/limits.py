"""The published limits that a schema cannot say: the size of metadata and of payout trees."""

from collections.abc import Iterator

import msgspec

from ordrebok.refusals import Fault
from ordrebok.wire.base import encode
from ordrebok.wire.payout import DestinationNode, Payout

METADATA_BYTES = 64 * 1024
METADATA_KEYS = 200
PAYOUT_LEVELS = 10
PAYOUT_NODES = 500

_SMALLEST_OFFENDER = 400
"""Bytes: neither 201 keys nor eleven levels of a payout tree can be written shorter."""

Path = tuple[str | int, ...]


def faults_of(body: object, size: int) -> list[Fault]:
    """Return what in a request body passes a published limit.

    `size` is the body's length in bytes: a small body cannot pass any of them, and is spared
    the walk.
    """
    if size < _SMALLEST_OFFENDER:
        return []
    return list(_walk(body, ()))


def _walk(value: object, path: Path) -> Iterator[Fault]:
    """Yield the faults below a value, going through structs and lists."""
    if isinstance(value, Payout):
        yield from _payout_faults(value, path)
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for attribute, name in names:
            child = getattr(value, attribute)
            if attribute == "metadata" and isinstance(child, dict):
                yield from _metadata_faults(child, (*path, name))
            elif isinstance(child, (msgspec.Struct, tuple)):
                yield from _walk(child, (*path, name))
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from _walk(child, (*path, index))


def _metadata_faults(metadata: dict[str, object], path: Path) -> Iterator[Fault]:
    """Yield the faults of one metadata object."""
    if len(metadata) > METADATA_KEYS:
        yield Fault(
            "OBJECT_PROPERTIES_MAXIMUM",
            f"metadata has {len(metadata)} keys",
            path,
            f"at most {METADATA_KEYS} keys",
        )
    size = len(encode(metadata))
    if size > METADATA_BYTES:
        yield Fault(
            "MAX_LENGTH",
            f"metadata is {size} bytes of JSON",
            path,
            f"at most {METADATA_BYTES} bytes",
        )


def _payout_faults(payout: Payout, path: Path) -> Iterator[Fault]:
    """Yield the faults of payout trees that are too deep or too large."""
    for index, rule in enumerate(payout.rules or ()):
        depth, nodes = _measure(rule.destinations)
        where = (*path, "rules", index, "destinations")
        if depth > PAYOUT_LEVELS:
            yield Fault(
                "PAYOUT_TREE_TOO_DEEP",
                f"the payout tree has {depth} levels",
                where,
                f"at most {PAYOUT_LEVELS} levels",
            )
        if nodes > PAYOUT_NODES:
            yield Fault(
                "PAYOUT_TREE_TOO_LARGE",
                f"the payout tree has {nodes} nodes",
                where,
                f"at most {PAYOUT_NODES} nodes",
            )


def _measure(level: tuple[DestinationNode, ...] | None) -> tuple[int, int]:
    """Return how many levels and nodes a payout tree has."""
    depth = nodes = 0
    while level:
        depth += 1
        nodes += len(level)
        level = tuple(child for node in level for child in node.destinations or ())
    return depth, nodes
