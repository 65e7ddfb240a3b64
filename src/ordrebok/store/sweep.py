"""What is swept in the background: idempotency records that have had their time."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.store.interface import Store, StoreUnavailable

LOGGER = logging.getLogger(__name__)
KEPT_HOURS: Final = 72
"""How long a repeated request gets its first answer again."""
_BATCH: Final = 500
"""Records deleted together: few enough to be no one's long wait."""
_PAUSE_SECONDS: Final = 600


async def sweep(store: Store, now: Instant) -> int:
    """Delete every idempotency record that is older than 72 hours; return how many.

    Keeps: short transactions of one account each; what several processes sweep at once is
    swept once.
    Raises: StoreUnavailable.
    Source: decisions, retrying and concurrency 1.
    """
    before_ms = now.ms - KEPT_HOURS * 3_600_000
    swept = 0
    for account in await store.query("accounts_all"):
        while True:
            gone = await store.sweep_idempotency(account["account_id"], before_ms, _BATCH)
            swept += gone
            if gone < _BATCH:
                break
    return swept


async def keep_sweeping(store: Store, now: Callable[[], Instant] = clock.now) -> None:
    """Sweep for as long as the server runs; processes take turns by chance."""
    while True:
        await asyncio.sleep(_PAUSE_SECONDS * (1 + secrets.randbelow(1000) / 1000))
        try:
            swept = await sweep(store, now())
        except StoreUnavailable:
            continue  # The next round finds what this one left.
        if swept:
            LOGGER.info("idempotency records swept: %d", swept)
