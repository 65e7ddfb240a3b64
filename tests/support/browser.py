"""A real browser for the pages: found on this machine, or installed.

`ORDREBOK_TEST_BROWSER` may name the program. Nothing is skipped in silence: where no browser can
be had, the error says what was tried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

VARIABLE = "ORDREBOK_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
BELOW_HOME = (
    ".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "Library/Caches/ms-playwright/chromium-*/chrome-mac*/*/Contents/MacOS/*",
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class BrowserUnavailableError(RuntimeError):
    """There is no browser to test with, and none could be installed."""


def rendered(url: str) -> str:
    """Return the document of a page after its scripts have run."""
    return _run("--virtual-time-budget=20000", "--dump-dom", url)


def screenshot(url: str, path: str) -> None:
    """Save a picture of a page."""
    _run("--virtual-time-budget=20000", "--window-size=1200,1600", f"--screenshot={path}", url)


def _run(*arguments: str) -> str:
    """Run the browser once, with a profile of its own, and return what it prints."""
    with tempfile.TemporaryDirectory(prefix="ordrebok-browser-") as profile:
        done = subprocess.run(
            [binary(), *QUIET, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            check=True,
            timeout=120,
        )
    return done.stdout.decode()


@cache
def binary() -> str:
    """Return the path of a browser, after installing one if need be."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    tried = []
    for command in ((), *_installs()):
        if command:
            sys.stderr.write(f"no browser found, trying: {' '.join(command)}\n")
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            tried.append(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
        found = _found()
        if found:
            return found
    raise BrowserUnavailableError(
        f"No Chromium or Chrome found; set {VARIABLE} to its path. Tried:\n" + "\n".join(tried)
    )


def _found() -> str | None:
    """Return the path of a browser that is on this machine."""
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if on_path:
        return on_path
    places = [Path(path) for path in APPLICATIONS]
    places += [path for pattern in BELOW_HOME for path in sorted(Path.home().glob(pattern))]
    return next((str(path) for path in places if path.exists()), None)


def _installs() -> list[tuple[str, ...]]:
    """Return the commands that may bring a browser to this machine."""
    commands: list[tuple[str, ...]] = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        commands.append(("apt-get", "update", "-qq"))
        commands.append(("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"))
    commands.append((sys.executable, "-m", "pip", "install", "-q", "playwright"))
    commands.append((sys.executable, "-m", "playwright", "install", "chromium"))
    return commands
