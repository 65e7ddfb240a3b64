"""The documentation page, in a real browser that has no other network than the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import rendered
from tests.support.server import Server, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on SQLite."""
    folder = tmp_path_factory.mktemp("docs-page")
    with serving(f"sqlite:///{folder / 'ordrebok.db'}", folder) as running:
        yield running


def test_docs_page_shows_every_operation_by_its_own_script(server: Server) -> None:
    """The page's script comes from the server, reads the document and shows its operations."""
    page = rendered(f"{server.url}/docs")
    for summary in (
        "Add item to draft",
        "Complete a draft order",
        "Cancel order",
        "Orders collection",
    ):
        assert summary in page
