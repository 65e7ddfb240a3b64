"""What became of one attempt to deliver."""

from typing import Final

from msgspec import Struct

KEPT_CHARACTERS: Final = 4 * 1024
"""So much of a receiver's answer is kept."""

KEPT_HEADERS: Final = 50
KEPT_VALUE_CHARACTERS: Final = 1_000


class Outcome(Struct, frozen=True, kw_only=True):
    """The answer of a receiver, or why there is none."""

    status: int | None = None
    """HTTP status; None where nobody answered."""
    failure: str | None = None
    """Why nobody answered, in a sentence that names no address inside the house."""
    headers: dict[str, str] = {}
    body: str = ""
    """The beginning of the answer."""
    duration_ms: int
