"""The free parts of a line: where they stand, and whether they pass a published limit."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ordrebok.limits import METADATA_BYTES, METADATA_KEYS, Path, faults_of
from ordrebok.payments.ledger import KINDS
from ordrebok.refusals import Fault
from ordrebok.wire.exchange import (
    ExportedOperation,
    ExportedOrder,
    OperationLine,
    OrderLine,
)

NESTING: Final = 64
"""How deep JSON may nest, as in requests."""
_LISTS: Final = ("items", *KINDS, "sessions", "events")
_AROUND: Final = 6
"""How deep a line nests around the deepest place where metadata may stand."""


def metadata_faults(line: OrderLine | ExportedOrder, size: int) -> list[Fault]:
    """Return the faults of metadata that is too large or nests too deep.

    `size` is the line's length in bytes. The walk through everything is spared to lines where no
    metadata can pass a limit.
    """
    deep = []
    large = size > METADATA_BYTES
    for metadata, path in _all(line):
        large = large or len(metadata) > METADATA_KEYS
        if _nests_deeper(metadata, NESTING - _AROUND):
            message = f"metadata nests deeper than {NESTING - _AROUND} levels"
            deep.append(Fault("TOO_DEEP", message, path, "metadata that nests less"))
    return [*deep, *faults_of(line, size)] if large else deep


def _all(line: OrderLine | ExportedOrder) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield all metadata of a line that says anything, with its path."""
    if line.metadata:
        yield line.metadata, ("metadata",)
    if line.customer is not None and line.customer.metadata:
        yield line.customer.metadata, ("customer", "metadata")
    for name in _LISTS:
        parts: Sequence[Any] = getattr(line, name) or ()
        for index, part in enumerate(parts):
            if part.metadata:
                yield part.metadata, (name, index, "metadata")
    for name in KINDS:
        operations: Sequence[OperationLine | ExportedOperation] = getattr(line, name)
        for index, operation in enumerate(operations):
            details = operation.payment_details
            if details is not None and details.card is not None and details.card.metadata:
                path = (name, index, "payment_details", "card", "metadata")
                yield details.card.metadata, path


def _nests_deeper(value: object, levels: int) -> bool:
    """Tell whether a value nests deeper than so many levels."""
    children: list[object] = [value]
    for _ in range(levels + 1):
        children = [
            child
            for each in children
            if isinstance(each, (dict, list))
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (dict, list))
        ]
        if not children:
            return False
    return True
