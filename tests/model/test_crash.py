"""What a server had answered before it was killed under load is there, once."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.model.crash import FEWEST_WRITES, crashing

KILLS = 2


@pytest.mark.slow
def test_what_was_answered_survives_a_kill(database_url: str, tmp_path: Path) -> None:
    """Twice in a row: every acknowledged write is there, none is there twice, all is proved."""
    with crashing(database_url, tmp_path) as kills:
        done = list(islice(kills, KILLS))[-1]
    assert done.kills == KILLS
    assert done.writes > KILLS * FEWEST_WRITES
    assert done.proved > KILLS * 9
