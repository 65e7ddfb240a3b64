"""What the documents show runs, what they name exists, and where they point there is something."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from ordrebok.config import DEFAULT_PORT
from tests.support.api import Site, site_of
from tests.support.server import environment, serving

ROOT = Path(__file__).parents[2]
SKIPPED = frozenset({".venv", ".git", "var", "build", "dist", "node_modules", ".hypothesis"})
ACCOUNT = "T12345678"
README_ADDRESS = "http://127.0.0.1:8000"

_FENCE = re.compile(r"<!-- run: (\w+) -->\n+```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)


def documents() -> list[Path]:
    """Every document of the project."""
    found = ROOT.rglob("*.md")
    return sorted(p for p in found if not SKIPPED & set(p.relative_to(ROOT).parts))


def text_of(name: str) -> str:
    """The text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


# --------------------------------------------------------------------------------- the tour


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Site]:
    """A server with the account that `make run` makes, and one client for it."""
    database = f"sqlite:///{tmp_path / 'ordrebok.db'}"
    with serving(database, tmp_path) as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        site.operator.add_client(ACCOUNT)
        yield site


def shown_in(document: str, name: str) -> str:
    """The commands that a document shows under a name."""
    found: dict[str, str] = dict(_FENCE.findall(text_of(document)))
    assert name in found, f"{document} has no fenced block after <!-- run: {name} -->"
    return found[name]


def tour(url: str) -> str:
    """The README's tour, at another address and with the commands of this environment."""
    shown = shown_in("README.md", "tour")
    command = Path(sys.executable).parent / "ordrebok"
    assert README_ADDRESS in shown
    assert ".venv/bin/ordrebok" in shown
    script = shown.replace(README_ADDRESS, url)
    return script.replace(".venv/bin/ordrebok", shlex.quote(str(command)))


def run(script: str, database: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person pastes it, but stop at the first command that fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"ORDREBOK_DATABASE": database, "PATH": path, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", script],
        env=environment() | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_tour_of_the_readme_runs(demo: Site) -> None:
    """Pasted into a shell, every call of it succeeds, and the last one is refused as announced."""
    done = run(tour(demo.server.url), demo.server.database)
    assert done.returncode == 0, done.stderr + done.stdout
    # curl says so on standard error when a call fails: only the last call may.
    assert done.stderr.count("curl:") == 1, done.stderr
    assert "400" in done.stderr
    assert '"INVALID_REQUEST_PARAMETER"' in done.stdout.splitlines()[-1]
    assert '"ready_for_pickup"' in done.stdout
    assert '"status":"completed"' in done.stdout


def test_the_sandbox_of_the_guide_runs(tmp_path: Path) -> None:
    """A lost answer leaves one order, and a month passes at once."""
    database = f"sqlite:///{tmp_path / 'ordrebok.db'}"
    with serving(database, tmp_path, "--sandbox") as server, site_of(server) as site:
        site.operator.add_account(ACCOUNT)
        site.operator.add_client(ACCOUNT)
        shown = shown_in("docs/guide.md", "sandbox")
        assert README_ADDRESS in shown
        done = run(shown.replace(README_ADDRESS, server.url), database)
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"created_at":"2030-12-24T08:00' in done.stdout
    assert '"now":"2031-01-24T08:00' in done.stdout
    orders = next(each for each in done.stdout.splitlines() if each.startswith('{"orders"'))
    assert orders.count('"order_id"') == 1


def test_the_feed_of_the_guide_runs(demo: Site) -> None:
    """The order's change is in the first page, and in the stream."""
    shown = shown_in("docs/guide.md", "feed")
    assert README_ADDRESS in shown
    done = run(shown.replace(README_ADDRESS, demo.server.url), demo.server.database)
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"changes":[{"cursor":"1","event":"shopping_order_add"' in done.stdout
    assert '{"changes":[],"after":"1","more":false}' in done.stdout
    assert "event: shopping_order_add\n" in done.stdout


def test_the_tour_is_at_the_address_that_is_served() -> None:
    """The README, the server's default and `make run` agree on the port."""
    assert README_ADDRESS.endswith(f":{DEFAULT_PORT}")
    port = re.search(r"^PORT \?= *(\d*)$", text_of("Makefile"), re.MULTILINE)
    assert port is not None
    assert port[1] in {"", str(DEFAULT_PORT)}


# ---------------------------------------------------------------------------- names and links


def test_architecture_names_every_room() -> None:
    """Every module and package of the first level, and none that is not there."""
    package = ROOT / "src" / "ordrebok"
    rooms = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    rooms |= {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    table = [row for row in text_of("ARCHITECTURE.md").splitlines() if row.startswith("| `")]
    named = {
        name for row in table for name in re.findall(r"`([a-z_]+(?:\.py|/))`", row.split("|")[1])
    }
    assert rooms - named == set(), "ARCHITECTURE.md does not name these"
    assert named - rooms == set(), "ARCHITECTURE.md names these, and they are not there"


def test_architecture_names_every_folder_of_tests() -> None:
    """The table of tests lists what is there."""
    named = set(re.findall(r"`tests/([a-z]+)`", text_of("ARCHITECTURE.md")))
    folder = ROOT / "tests"
    files = [path.relative_to(folder).parts for path in folder.rglob("test_*.py")]
    there = {parts[0] for parts in files if len(parts) > 1}
    assert there - named == set()
    assert named - there == set()


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_internal_links_resolve(document: Path) -> None:
    """Files that are pointed to are there, and so are headings."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_relative_to(ROOT), f"{link} leaves the project"
        assert target.exists(), f"{link} points to nothing"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: there is no such heading"


def anchors(document: Path) -> set[str]:
    """The names of a document's headings, as links have them."""
    headings = _HEADING.findall(document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def test_changelog_is_kept() -> None:
    """What is not released yet stands at the top, and says something."""
    sections = re.findall(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == "Unreleased"
    unreleased = text_of("CHANGELOG.md").split("## [Unreleased]")[1].split("\n## ")[0]
    assert re.search(r"^- \S", unreleased, re.MULTILINE)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_no_machine(document: Path) -> None:
    """No path of somebody's own machine, and no host of a private registry."""
    text = document.read_text(encoding="utf-8")
    for private in ("/home/", "/root/", "/work/", "/Users/", "C:\\"):
        assert private not in text
