"""The SQLite file: its connections, its write-ahead log, and who may serve it."""

import os
import sqlite3
import struct
import sys
import time
from pathlib import Path
from typing import IO

from ordrebok.store.interface import AlreadyServed, StoreUnavailable

CACHE_KB = 8_192
"""Pages that a connection keeps; the system's own cache, which needs no copies, has the rest."""
PAGE_BYTES = 8192  # Suits documents of a few kilobytes that grow.
LOG_BYTES = 64 * 1024 * 1024
"""The write-ahead log may grow to this before it is copied into the database."""
_LOG_FRAMES = LOG_BYTES // (PAGE_BYTES + 24)
_BUSY_SECONDS = 10.0
_NEEDED = (3, 37)  # For strict tables.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_INTERRUPT,
}
"""Results that say something of the machine and nothing of the statement."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, durably: a commit returns when the disk has it.

    The connection may go from thread to thread; its owner uses it in one at a time.

    Raises: StoreUnavailable, when the file cannot be opened or made.
    """
    if sqlite3.sqlite_version_info < _NEEDED:
        raise StoreUnavailable(f"SQLite 3.37 or newer is needed, not {sqlite3.sqlite_version}")
    try:
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    connection.execute(f"pragma page_size = {PAGE_BYTES}")  # Holds for a new file only.
    _write_ahead(connection)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma wal_autocheckpoint = 0")  # See Log.
    connection.execute(f"pragma cache_size = -{CACHE_KB}")
    connection.execute("pragma temp_store = memory")
    # What is deleted is overwritten with zeros. Measured: costs nothing that can be measured, as
    # the page is written anyway.
    connection.execute("pragma secure_delete = on")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading; this connection cannot write."""
    connection = connect(path)
    connection.execute("pragma query_only = on")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. SQLite does not wait for others here, so this does."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            if mode != "wal":
                raise StoreUnavailable(f"SQLite cannot keep a write-ahead log here, only {mode}")
            return


def is_passing(error: sqlite3.Error) -> bool:
    """Tell whether an error is of the machine (locked, full, broken) and not of the data."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _PASSING


class Log:
    """The write-ahead log: how long it is, and when to copy it into the database.

    SQLite would copy after every thousand pages, inside the commit of whoever comes by. Here
    the log grows further, and is copied beside the writer; only what was added meanwhile is
    copied between two of its transactions. Then the log begins anew, over the old one.
    """

    def __init__(self, path: Path) -> None:
        """Look at the log of an open database."""
        # Bytes 16 to 19 of the shared index hold the number of valid frames, in the machine's
        # byte order (SQLite documents the format in "WAL-mode File Format", section 2.1).
        self._index = Path(f"{path}-shm").open("rb", buffering=0)  # noqa: SIM115 -- kept open
        self._copied = 0

    def frames(self) -> int:
        """Return how many pages the log holds."""
        self._index.seek(16)
        count: int = struct.unpack("=I", self._index.read(4))[0]
        return count

    def is_due(self) -> bool:
        """Tell whether it is time to copy the log."""
        frames = self.frames()
        if frames < self._copied:
            self._copied = 0  # It has begun anew.
        return frames >= (self._copied + _LOG_FRAMES // 4 if self._copied else _LOG_FRAMES)

    def copied(self) -> None:
        """Note that the log was copied.

        The next write begins the log anew, unless somebody still reads from it. Then the next try
        waits until the log has grown by a quarter.
        """
        self._copied = self.frames()

    def close(self) -> None:
        """Look no more."""
        self._index.close()


def checkpoint(connection: sqlite3.Connection) -> None:
    """Copy the log into the database as far as readers allow, waiting for nobody."""
    connection.execute("pragma wal_checkpoint(passive)").fetchall()


def truncate(connection: sqlite3.Connection) -> bool:
    """Copy all of the log into the database and leave none of it; False where somebody reads it."""
    busy: int = connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    return busy == 0


def claim(path: Path) -> IO[bytes]:
    """Take the right to serve a file; it is held until the returned file is closed.

    Only servers take it: a command that writes briefly shares the file by SQLite's own locks.

    Raises: AlreadyServed; StoreUnavailable, when there is no such folder.
    """
    try:
        lock = Path(f"{path}.serving").open("ab")  # noqa: SIM115 -- held as long as it is served
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 -- exists on that platform only

            lock.seek(0)
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 -- does not exist on every platform

            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise AlreadyServed(
            f"another process serves {os.fspath(path)}; one server writes a SQLite file, "
            "PostgreSQL takes several"
        ) from error
    return lock
