"""What an operator may set: by option on the command line, else by environment variable."""

from dataclasses import dataclass, field
from typing import Final

from ordrebok.web.settings import WebSettings

SQLITE: Final = "sqlite:///"
DEFAULT_DATABASE: Final = f"{SQLITE}var/ordrebok.db"
_WEB: Final = WebSettings()
DEFAULT_HOST: Final = _WEB.host
DEFAULT_PORT: Final = _WEB.port
DEFAULT_URL: Final = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"


def is_sqlite(database: str) -> bool:
    """Tell whether a database URL names a SQLite file."""
    return database.startswith(SQLITE)


def origin(host: str, port: int) -> str:
    """Return the address under which a server that listens there is reached on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 -- compared with, not listened on
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The database, and how it is served."""

    database: str = DEFAULT_DATABASE
    migrate: bool = True
    """Bring the tables up to date at the start."""
    web: WebSettings = field(default_factory=WebSettings)

    def problem(self) -> str | None:
        """Return why this cannot be served, in a sentence that says what to do instead."""
        if self.web.workers < 1:
            return "--workers must be at least 1."
        if self.web.workers > 1 and is_sqlite(self.database):
            return (
                "SQLite is served by one process: its file has one lock, and processes that "
                "wait for it are slower together than one that writes in groups. Use "
                "--workers 1, or a PostgreSQL database."
            )
        return None
