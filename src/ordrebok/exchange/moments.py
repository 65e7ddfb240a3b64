"""Moments of other systems, in the one form that this server writes."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from ordrebok.clock import instant, milliseconds
from ordrebok.refusals import Fault

_OUR_FORM: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_FIRST_YEAR: Final = 1970
_EXAMPLE: Final = "a moment since 1970, such as 2026-11-20T18:12:13.123Z (RFC 3339)"


@lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """Return a moment in UTC with milliseconds; None for a text that says none since 1970.

    One without a zone is taken as UTC, as in filters.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.year < _FIRST_YEAR:
            return None
        if _OUR_FORM.fullmatch(text):
            return text
        ms = milliseconds(moment)
        return instant(ms).text if ms >= 0 else None
    except (ValueError, OverflowError):
        return None


class Moments:
    """Reads the moments of one line, and collects those that say nothing."""

    def __init__(self) -> None:
        """Begin with no fault and no moment read."""
        self.faults: list[Fault] = []
        self.latest = ""
        """The latest moment that was read; as text they sort by time."""

    def read(self, text: str, *path: str | int) -> str:
        """Return a moment in this server's form; as it is, with a fault, where it is none."""
        moment = canonical(text)
        if moment is None:
            message = f"{text[:80]!r} is no moment"
            self.faults.append(Fault("INVALID_FORMAT", message, path, _EXAMPLE))
            return text
        self.latest = max(self.latest, moment)
        return moment

    def read_any(self, text: str | None, *path: str | int) -> str | None:
        """Return a moment in this server's form, or None where none is given."""
        return None if text is None else self.read(text, *path)
