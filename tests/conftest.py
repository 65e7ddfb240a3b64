"""Fixtures that every kind of test may ask for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.postgres import Cluster, running

# How long one example takes says more about the machine's other work than about the code.
settings.register_profile("ordrebok", deadline=None, print_blob=True)
settings.load_profile("ordrebok")

# A shell lets what it starts in the background ignore Ctrl-C, and so would every process started
# here, also those that a test stops that way.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ENGINES = (
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
)


@pytest.fixture(scope="session")
def postgres_cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """One PostgreSQL server for the whole session.

    Output is not captured while it starts: an installation takes a while, and says so.
    """
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with ExitStack() as stack:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            cluster = stack.enter_context(running())
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that only this test uses."""
    with postgres_cluster.fresh_database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ordrebok.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
