"""Statements by name, from queries/*.sql.

The files are plain SQL with `-- name:` lines and `:name` parameters. aiosql reads them and
numbers the parameters in the order in which they first appear, for both engines alike; its
running of statements is not used, because the writers prepare and batch their own. A statement
that must differ between the engines stands twice, as `name_sqlite` and `name_postgres`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

Engine = Literal["sqlite", "postgres"]
_NUMBERED = re.compile(r"\$(\d+)")
QUERIES = Path(__file__).parent / "queries"


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
        """Read the files; SQL that aiosql cannot read fails here, at the start."""
        self._engine = engine
        self._adapter: Any = AsyncPGAdapter()  # type: ignore[no-untyped-call]
        self._queries: Any = aiosql.from_path(
            folder, lambda: self._adapter, mandatory_parameters=False, attribute=None
        )
        self._available = frozenset(self._queries.available_queries)
        self._known: dict[str, Statement] = {}

    def __getitem__(self, name: str) -> Statement:
        """Return a statement by its name: the engine's own, else the shared one."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name)
        return known

    def __iter__(self) -> Iterator[Statement]:
        """Go through every statement of this engine."""
        other = "_postgres" if self._engine == "sqlite" else "_sqlite"
        for full_name in sorted(self._available):
            if not full_name.endswith(other):
                yield self[full_name.removesuffix(f"_{self._engine}")]

    def _find(self, name: str) -> Statement:
        full_name = f"{name}_{self._engine}"
        if full_name not in self._available:
            full_name = name
        if full_name not in self._available:
            raise LookupError(f"no statement is named {name}")
        text: str = getattr(self._queries, full_name).sql.rstrip().removesuffix(";")
        if self._engine == "sqlite":
            text = _NUMBERED.sub(r"?\1", text)
        return Statement(name, text, tuple(self._adapter.var_sorted[full_name]))
