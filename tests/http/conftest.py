"""A real server for each engine, started once for all tests; a fresh account for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import ENGINES
from tests.support.api import Api, Site, site_of
from tests.support.postgres import Cluster
from tests.support.sandbox import Sandbox
from tests.support.server import Server, serving


@pytest.fixture(scope="session")
def sqlite_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running server on SQLite, also for what no engine has a part in."""
    folder = tmp_path_factory.mktemp("sqlite")
    with serving(f"sqlite:///{folder / 'ordrebok.db'}", folder) as server, site_of(server) as site:
        yield site


@pytest.fixture(scope="session")
def postgres_site(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> Iterator[Site]:
    """The running server on PostgreSQL."""
    folder = tmp_path_factory.mktemp("postgres")
    with (
        postgres_cluster.fresh_database() as database,
        serving(database, folder) as server,
        site_of(server) as site,
    ):
        yield site


@pytest.fixture(params=ENGINES)
def site(request: pytest.FixtureRequest) -> Site:
    """The running server, once for each engine."""
    site: Site = request.getfixturevalue(f"{request.param}_site")
    return site


@pytest.fixture
def api(site: Site) -> Api:
    """A client of a fresh account, once for each engine."""
    return site.new_account()


@pytest.fixture
def sqlite_api(sqlite_site: Site) -> Api:
    """A client of a fresh account, on SQLite."""
    return sqlite_site.new_account()


@pytest.fixture
def sqlite_server(sqlite_site: Site) -> Server:
    """The server process on SQLite."""
    return sqlite_site.server


@pytest.fixture(scope="session")
def playing_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with sandboxes, on SQLite."""
    folder = tmp_path_factory.mktemp("sandbox")
    database = f"sqlite:///{folder / 'ordrebok.db'}"
    with serving(database, folder, "--sandbox") as server, site_of(server) as site:
        yield site


@pytest.fixture(scope="session")
def playing_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> Iterator[Site]:
    """A server with sandboxes, on PostgreSQL."""
    folder = tmp_path_factory.mktemp("sandbox")
    with (
        postgres_cluster.fresh_database() as database,
        serving(database, folder, "--sandbox") as server,
        site_of(server) as site,
    ):
        yield site


@pytest.fixture(params=ENGINES)
def playing(request: pytest.FixtureRequest) -> Site:
    """The server with sandboxes, once for each engine."""
    site: Site = request.getfixturevalue(f"playing_{request.param}")
    return site


@pytest.fixture
def sandbox(playing: Site) -> Sandbox:
    """The sandbox of a fresh account, once for each engine."""
    return Sandbox(playing.new_account())
