"""The free parts of a line: where they stand, and whether they pass a published limit."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ordrebok.limits import METADATA_BYTES, METADATA_KEYS, Path, faults_of
from ordrebok.payments.ledger import KINDS
from ordrebok.refusals import Fault
from ordrebok.wire.exchange import OrderLine

NESTING: Final = 64
"""How deep JSON may nest, as in requests."""
_AROUND: Final = 6
"""How deep a line nests around the deepest place where metadata may stand."""


def metadata_faults(line: OrderLine, size: int) -> list[Fault]:
    """Return the faults of metadata that is too large or nests too deep.

    `size` is the line's length in bytes. The walk through everything is spared to lines where no
    metadata can pass a limit.
    """
    deep = []
    large = size > METADATA_BYTES
    for path, metadata in _all(line):
        if not metadata:
            continue
        large = large or len(metadata) > METADATA_KEYS
        if _nests_deeper(metadata, NESTING - _AROUND):
            message = f"metadata nests deeper than {NESTING - _AROUND} levels"
            deep.append(Fault("TOO_DEEP", message, path, "metadata that nests less"))
    return [*deep, *faults_of(line, size)] if large else deep


def _all(line: OrderLine) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Yield every place of a line where metadata may stand, with its path."""
    yield ("metadata",), line.metadata
    yield ("customer", "metadata"), None if line.customer is None else line.customer.metadata
    names = ("items", *KINDS, "sessions", "events")
    for name in names:
        parts: Sequence[Any] = getattr(line, name)
        for index, part in enumerate(parts):
            yield (name, index, "metadata"), part.metadata
            if name in KINDS and part.payment_details is not None:
                card = part.payment_details.card
                path = (name, index, "payment_details", "card", "metadata")
                yield path, None if card is None else card.metadata


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
