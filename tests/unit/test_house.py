"""The house keeps its shape: imports go one way, rules are pure, and nothing grows too large."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from ordrebok.refusals import CATALOGUE
from ordrebok.table import OPERATIONS

ROOT: Final = Path(__file__).parent.parent.parent
SOURCE: Final = ROOT / "src" / "ordrebok"

FUNCTION_LINES: Final = 60
FILE_LINES: Final = 500

RINGS: Final = (
    {"money", "clock", "ids", "refusals", "decision"},
    {"wire"},
    {
        "limits",
        "operation",
        "events",
        "items",
        "payments",
        "comments",
        "drafts",
        "orders",
        "payouts",
        "discounts",
        "accounts",
        "audit",
        "exchange",
        "feed",
        "retention",
        "sandbox",
        "webhooks",
    },
    {"store"},
    {"web", "delivery", "cli", "backoffice", "table", "config", "demo"},
)
"""Rooms from the innermost to the outermost; a room imports its own ring and those before it."""

RING_OF: Final = {room: number for number, ring in enumerate(RINGS) for room in ring}

OUTSIDE: Final = frozenset(
    {
        "asyncio",
        "asyncpg",
        "falcon",
        "httptools",
        "http",
        "io",
        "joserfc",
        "logging",
        "os",
        "pathlib",
        "prometheus_client",
        "queue",
        "random",
        "secrets",
        "socket",
        "sqlite3",
        "ssl",
        "structlog",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "typer",
        "uuid",
        "uvicorn",
        "uvloop",
    }
)
"""What reaches out of a decision: the machine, the network, storage, the clock, chance."""

CLOCKS: Final = frozenset(
    {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "clock.now"}
)

REFUSING: Final = frozenset({"refuse", "Refusal"})
FAULTS: Final = frozenset({"Fault", "ErrorDetail"})
"""Their codes say what is wrong inside a request, and are not those of refusals."""

PURE_FILES: Final = frozenset(
    {"rules.py", "completion.py", "transition.py", "record.py", "terms.py", "money.py"}
)
PURE_ROOMS: Final = frozenset(
    {"wire", "items", "events", "payments", "comments", "drafts", "orders", "payouts", "webhooks"}
)


def sources() -> list[Path]:
    """Return every module of the package."""
    return sorted(SOURCE.rglob("*.py"))


def python_files() -> list[Path]:
    """Return every Python file of the project that people write."""
    return sorted(
        path
        for folder in ("src", "tests", "bench", "tools")
        for path in (ROOT / folder).rglob("*.py")
    )


def name_of(path: Path) -> str:
    """Return how a failure names a file."""
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    """Return the room of a module: its package, or itself when it stands on its own."""
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, *, at_load: bool = False) -> Iterator[str]:
    """Yield what a file imports: wherever in it, or only what is needed to load it."""
    for node in tree_of(path).body if at_load else ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports by a relative name"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    """Return the rooms that a module imports."""
    return {
        parts[1]
        for parts in (name.split(".") for name in imported(path))
        if parts[0] == "ordrebok" and len(parts) > 1 and parts[1] in RING_OF
    }


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines the docstring of a function takes."""
    first = node.body[0]
    if ast.get_docstring(node) is None:
        return 0
    return (first.end_lineno or 0) - first.lineno + 1


def only_found(findings: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the findings of those files that have any."""
    return {name: found for name, found in findings.items() if found}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods and inner ones too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# ------------------------------------------------------------------------------------- one way


def test_every_room_has_its_ring() -> None:
    """A new room is put into the order above before it is built."""
    rooms = {room_of(path) for path in sources()} - {"__init__", "__main__"}
    assert rooms - RING_OF.keys() == set()


def test_imports_go_one_way() -> None:
    """From the outer rings to the inner ones; never the other way, not even inside a function."""
    outward = {
        name_of(path): {
            room for room in rooms_imported(path) if RING_OF[room] > RING_OF[room_of(path)]
        }
        for path in sources()
        if room_of(path) in RING_OF
    }
    assert only_found(outward) == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Each module can be read, tested and loaded on its own."""
    names = {
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in sources()
    }
    edges = {
        name: {each for each in imported(path, at_load=True) if each in names and each != name}
        for name, path in names.items()
    }
    while leaves := {name for name, others in edges.items() if not others & edges.keys()}:
        for leaf in leaves:
            del edges[leaf]
    assert edges == {}


# ------------------------------------------------------------------------------------- purity


def pure_files() -> list[Path]:
    """Return the modules that decide, and those that decisions are made of."""
    return [
        path
        for path in sources()
        if path.name in PURE_FILES or room_of(path) in PURE_ROOMS or room_of(path) == "decision"
    ]


def test_a_decision_reaches_for_nothing_outside() -> None:
    """No storage, no network, no machine, no chance: everything is passed in."""
    reached = {
        name_of(path): {name.split(".")[0] for name in imported(path)} & OUTSIDE
        for path in pure_files()
    }
    assert only_found(reached) == {}


def test_a_decision_never_reads_the_clock() -> None:
    """The time of a decision is read once, by the store."""
    read = {
        name_of(path): ({*imported(path)} & {"ordrebok.clock.now"})
        | {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and f"{node.value.id}.{node.attr}" in CLOCKS
        }
        for path in pure_files()
    }
    assert only_found(read) == {}


def test_rules_make_no_ids_and_know_no_calls() -> None:
    """A rule takes what it needs as plain arguments, so that it can be tested with nothing."""
    forbidden = {"ordrebok.ids", "ordrebok.operation", "ordrebok.limits"}
    known = {
        name_of(path): forbidden & {*imported(path)}
        for path in sources()
        if path.name == "rules.py"
    }
    assert only_found(known) == {}


def test_no_float_touches_money() -> None:
    """Nothing is divided or turned into a float where money is made."""
    found = {
        name_of(path): {
            f"line {node.lineno}"
            for node in ast.walk(tree_of(path))
            if (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
            or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"float", "round"})
        }
        | ({"math", "cmath", "statistics"} & {*imported(path)})
        for path in sources()
        if room_of(path) in {*PURE_ROOMS, "money"}
    }
    assert only_found(found) == {}


# -------------------------------------------------------------------------------------- sizes


def test_a_file_fits_in_a_readers_head() -> None:
    """One that has reached its limit is split by noun."""
    lines = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()
    }
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}


def test_a_function_fits_on_a_page() -> None:
    """From its name to its end, without its docstring."""
    lines = {
        f"{name_of(path)}: {node.name}": (node.end_lineno or 0)
        - node.lineno
        + 1
        - docstring_lines(node)
        for path in sources()
        for node in functions(path)
    }
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}


# ------------------------------------------------------------------------------------ sentences


def test_every_room_says_what_it_is_for() -> None:
    """Its first lines are what a newcomer reads."""
    rooms = [path for path in sources() if path.name == "__init__.py"]
    assert [name_of(path) for path in rooms if not ast.get_docstring(tree_of(path))] == []


def test_every_test_says_what_it_holds() -> None:
    """A failing test is read before the code is."""
    silent = {
        name_of(path): {
            node.name
            for node in functions(path)
            if node.name.startswith("test_") and not ast.get_docstring(node)
        }
        for path in python_files()
        if path.name.startswith("test_")
    }
    assert only_found(silent) == {}


# ------------------------------------------------------------------------------------ refusals


def texts(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the texts below a node."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child


def listings(path: Path) -> Iterator[ast.AST]:
    """Yield what only lists codes: the catalogue, the rows of the API, and their shared lists."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg == "refusals":
            yield node.value
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if any(name.endswith(("REFUSALS", "CATALOGUE")) for name in names):
                yield node
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in FAULTS:
            yield from node.args[:1]


def test_every_code_that_is_refused_stands_in_the_catalogue() -> None:
    """The catalogue is the one place that gives a code its status."""
    unknown = {
        name_of(path): {
            argument.value
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSING
            for argument in node.args[:1]
            if isinstance(argument, ast.Constant)
            and isinstance(argument.value, str)
            and argument.value not in CATALOGUE
        }
        for path in sources()
    }
    assert only_found(unknown) == {}


def test_every_code_of_the_catalogue_is_used() -> None:
    """A code that nothing answers would be documented for nothing."""
    used: set[object] = set()
    for path in sources():
        listed = {id(text) for node in listings(path) for text in texts(node)}
        used |= {text.value for text in texts(tree_of(path)) if id(text) not in listed}
    assert CATALOGUE.keys() - used == set()


def test_every_row_lists_codes_of_the_catalogue_once() -> None:
    """What the documentation of an operation promises exists."""
    unknown = {row.id: set(row.refusals) - CATALOGUE.keys() for row in OPERATIONS}
    assert only_found(unknown) == {}
    assert [row.id for row in OPERATIONS if len({*row.refusals}) < len(row.refusals)] == []


def test_every_row_has_a_name_and_a_place_of_its_own() -> None:
    """No two operations answer the same call."""
    assert len({row.id for row in OPERATIONS}) == len(OPERATIONS)
    assert len({(row.method, row.path) for row in OPERATIONS}) == len(OPERATIONS)
