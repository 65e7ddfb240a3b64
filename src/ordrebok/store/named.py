"""Statements by name, from queries/*.sql.

The files are plain SQL with `-- name:` lines and `:name` parameters, which get numbers in the
order in which they first appear, for both engines alike. A statement that must differ between the
engines stands twice, as `name_sqlite` and `name_postgres`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

Engine = Literal["sqlite", "postgres"]
QUERIES: Final = Path(__file__).parent / "queries"
_NAME: Final = re.compile(r"^-- name: *(\w+) *$\n?", re.MULTILINE)
_PARAMETER: Final = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|::|:(?P<name>[a-z]\w*)")
"""What a colon can belong to: a text, a quoted name, a remark, a cast; or else a parameter."""
_REMARK: Final = re.compile(r"^ *--.*\n", re.MULTILINE)


class Statement(NamedTuple):
    """One statement as its driver takes it."""

    name: str
    text: str
    order: Sequence[str]
    """Names of the parameters $1, $2, ... (on SQLite ?1, ?2, ...)."""

    def arguments(self, params: Mapping[str, object]) -> list[object]:
        """Return the parameters in the order of their numbers."""
        return [params[name] for name in self.order]


class Statements:
    """Every named statement of one engine."""

    def __init__(self, engine: Engine, folder: Path = QUERIES) -> None:
        """Read the files. Raises: ValueError for a name that stands twice."""
        self._engine = engine
        self._written: dict[str, str] = {}
        self._known: dict[str, Statement] = {}
        for file in sorted(folder.glob("*.sql")):
            _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
            for name, text in zip(parts[::2], parts[1::2], strict=True):
                if name in self._written:
                    raise ValueError(f"two statements are named {name}")
                self._written[name] = text

    def __getitem__(self, name: str) -> Statement:
        """Return a statement by its name: the engine's own, else the shared one."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name)
        return known

    def __iter__(self) -> Iterator[Statement]:
        """Go through every statement of this engine."""
        other = "_postgres" if self._engine == "sqlite" else "_sqlite"
        for full_name in sorted(self._written):
            if not full_name.endswith(other):
                yield self[full_name.removesuffix(f"_{self._engine}")]

    def _find(self, name: str) -> Statement:
        """Return a statement with numbers for its parameters. Raises: LookupError."""
        text = self._written.get(f"{name}_{self._engine}") or self._written.get(name)
        if text is None:
            raise LookupError(f"no statement is named {name}")
        numbers: dict[str, int] = {}
        sign = "?" if self._engine == "sqlite" else "$"

        def numbered(found: re.Match[str]) -> str:
            """Return a parameter as its number, and everything else as it is."""
            parameter = found["name"]
            if parameter is None:
                return found[0]
            return f"{sign}{numbers.setdefault(parameter, len(numbers) + 1)}"

        text = _PARAMETER.sub(numbered, _REMARK.sub("", text)).strip().removesuffix(";")
        return Statement(name, text, tuple(numbers))
