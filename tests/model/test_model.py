"""Random sequences of commands at the store's door, on both engines, against naive books."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.model.books import LETTER, TOO_MUCH
from tests.model.door import Door
from tests.model.machine import Machine, run

EXAMPLES = 130
STEPS = 5_000


@pytest.mark.slow
def test_the_server_and_the_naive_books_agree(database_url: str) -> None:
    """Drafts, updates with reversals, operations, statuses, retries: thousands of each."""
    Machine.met = Counter()
    with Door(database_url) as door:
        run(door, examples=EXAMPLES)
    assert Machine.met.total() >= STEPS
    # The commands were not all refused, and every refusal about money was met.
    for kind in LETTER:
        singular = kind if kind == "refunds" else kind.removesuffix("s")
        assert Machine.met[f"aid_orders_id_{singular}_post"] >= 20
    assert all(Machine.met[code] for code in TOO_MUCH.values())
    assert Machine.met["replay"] >= 20
