"""What a server had answered before it was killed under load is there, once."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.model.crash import crashing

KILLS = 2


@pytest.mark.slow
def test_what_was_answered_survives_a_kill(database_url: str, tmp_path: Path) -> None:
    """Twice in a row: every acknowledged write is there, none is there twice, all is proved."""
    with crashing(database_url, tmp_path) as kills:
        for done in islice(kills, KILLS):
            assert done.writes > 50
    assert done.kills == KILLS
    assert done.proved > KILLS * 9
