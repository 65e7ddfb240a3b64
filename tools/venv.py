"""Make the virtual environment in `.venv`, or bring it up to date.

Run by the Makefile, with the Python that shall run the project: `python3 tools/venv.py runtime`
installs what the server needs, `... test` also what the tests need. Uses `uv` where it is
installed, because it is faster, and `pip` everywhere else.

This file alone must also be understood by Python 3.7 to 3.10, to tell what is missing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
KINDS = {"runtime": ".", "test": ".[test]"}


def main() -> None:
    """Make or renew the environment, and leave a stamp file that tells make so."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "runtime"
    if kind not in KINDS:
        sys.exit("usage: python3 tools/venv.py [%s]" % "|".join(KINDS))  # noqa: UP031 (old Pythons)
    if sys.version_info < OLDEST:
        stop_for_version()
    uv = shutil.which("uv")
    print(f"Installing {kind} dependencies into .venv ({'uv' if uv else 'pip'}) ...", flush=True)
    if not is_healthy(with_pip=uv is None):
        create(with_pip=uv is None)
    install(KINDS[kind], uv)
    for each in {"runtime", kind}:
        (FOLDER / f".installed-{each}").touch()


def stop_for_version() -> None:
    """Say which Python is needed, and which of those that are installed would do."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    better = [name for name in (f"python3.{minor}" for minor in range(19, 10, -1)) if on_path(name)]
    hint = (
        f"make PYTHON={better[0]} ..." if better else "install one, then: make PYTHON=python3.x ..."
    )
    sys.exit(f"Python 3.11 or newer is needed; {sys.executable} is {found}. Try: {hint}")


def on_path(name: str) -> bool:
    """Whether a program of this name starts (a version manager may have a name without one)."""
    return shutil.which(name) is not None and succeeds([name, "--version"])


def is_healthy(*, with_pip: bool) -> bool:
    """Whether the environment is there and its Python, which may have moved, is new enough."""
    probe = f"import sys; assert sys.version_info >= {OLDEST}"
    python = FOLDER / "bin" / "python"
    return python.exists() and succeeds([str(python), "-c", probe + "; import pip" * with_pip])


def create(*, with_pip: bool) -> None:
    """Create the environment anew. Only pip needs `ensurepip`, which Debian packages apart."""
    if with_pip and importlib.util.find_spec("ensurepip") is None:
        add_ensurepip()
    options = ["--clear"] if with_pip else ["--clear", "--without-pip"]
    run([sys.executable, "-m", "venv", *options, str(FOLDER)])


def add_ensurepip() -> None:
    """Install the missing package where that is allowed, else say what to install."""
    package = f"python3.{sys.version_info.minor}-venv"
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(
            f"{sys.executable} cannot make virtual environments: it lacks ensurepip.\n"
            f"On Debian and Ubuntu: sudo apt-get install {package}\n"
            "Or install uv, which does without."
        )
    print(f"Installing {package} with apt-get ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], environment)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], environment)


def install(requirement: str, uv: str | None) -> None:
    """Install the project so that a change of its source needs no second installation."""
    python = str(FOLDER / "bin" / "python")
    if uv:
        run([uv, "pip", "install", "--quiet", "--python", python, "--editable", requirement])
    else:
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
        run([python, "-m", "pip", "install", *quiet, "--editable", requirement])


def succeeds(command: list[str]) -> bool:
    """Whether a command ends well; what it prints is of no interest."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command that must end well; its output is shown when it does not."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nFailed: {' '.join(command)}")


if __name__ == "__main__":
    main()
