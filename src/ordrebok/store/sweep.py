"""What is swept in the background: what was kept for its time, and documents past theirs."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.decision import Also, Commit, Key, Outcome
from ordrebok.ids import first_ordered_id
from ordrebok.retention.forgetting import Due, erased_ids, expire, expire_updating
from ordrebok.sandbox.clocks import Clocks
from ordrebok.store.interface import Row, Store, StoreUnavailable
from ordrebok.wire.base import encode

LOGGER = logging.getLogger(__name__)
KEPT_HOURS: Final = 72
"""How long a repeated request gets its first answer again."""
DELIVERIES_KEPT_DAYS: Final = 7
"""How long it is shown what was sent to a subscription."""
_BATCH: Final = 500
"""Rows deleted together: few enough to be no one's long wait."""
_DUE: Final = 200
"""Documents looked at together; each is emptied in a transaction of its own."""
_PAUSE_SECONDS: Final = 600
_BREATH_SECONDS: Final = 1.0
_FIRST: Final = (-(2**62), "", "")


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


async def sweep_deliveries(store: Store, clocks: Clocks) -> int:
    """Delete every delivery that was made more than seven days ago, by the clock of its account.

    What still waits to be sent stays, unless its subscription is over.
    Keeps: short transactions of one subscription each.
    Raises: StoreUnavailable.
    """
    swept = 0
    for account in await store.query("accounts_all"):
        account_id = account["account_id"]
        before_ms = clocks.now_for(account_id).ms - DELIVERIES_KEPT_DAYS * 86_400_000
        before = first_ordered_id(max(0, before_ms))
        hook_id = ""
        while True:
            (told,) = await store.query("told_next", account_id=account_id, after=hook_id)
            if told["hook_id"] is None:
                break
            hook_id = told["hook_id"]
            place = {"account_id": account_id, "hook_id": hook_id}
            gone = _BATCH
            while gone == _BATCH:
                rows = await store.execute("sweep_told", **place, before=before, limit=_BATCH)
                gone = len(rows)
                swept += gone
    return swept


async def sweep_history(store: Store) -> int:
    """Delete replaced versions of drafts in accounts whose drafts nobody follows; return how many.

    Raises: StoreUnavailable.
    """
    swept = 0
    for account in await store.query("accounts_all"):
        place = {"account_id": account["account_id"]}
        while await store.read("history_of_nobody", **place, kept=True):
            swept += len(await store.execute("history_let_go", **place, limit=_BATCH))
    return swept


async def expire_due(
    store: Store,
    account_id: str,
    now: Instant,
    *,
    dry_run: bool = False,
    erased: Callable[[str, str], None] = lambda _kind, _id: None,
) -> int:
    """Empty every order and draft of an account whose time is over; return how many.

    `now` is the moment by the account's clock, by which the store decides too. `erased` is told
    each of them. A dry run tells the same and changes nothing.
    Keeps: each is erased in a transaction of its own, with all that has to be forgotten; when
    several processes do this at once, each document is erased by one of them.
    Raises: StoreUnavailable.
    Source: decisions, orders 6.
    """
    after = _FIRST
    gone: set[tuple[str, str]] = set()

    def note(ids: Sequence[tuple[str, str]]) -> None:
        """Tell of what was erased, of each once."""
        for each in ids:
            if each not in gone:
                gone.add(each)
                erased(*each)

    while True:
        names = dict(zip(("after_ms", "after_kind", "after_id"), after, strict=True))
        rows = await store.read(
            "due_expiries", account_id=account_id, now_ms=now.ms, limit=_DUE, **names
        )
        later = list(_looked_at(account_id, rows, now))
        if later and not dry_run:
            await store.run(later)
        over = [row for row in rows if _is_over(row, now)]
        updating = await _updating(store, account_id, over)
        for row in over:
            due = Due(row["kind"], row["document_id"], row["due_ms"])
            commit = expire(account_id, due, updating.get(due.id, ()), dry_run=dry_run)
            note(await _erased_by(store, commit, account_id, due))
        late = {} if dry_run else await _updating(store, account_id, over)
        for order_id, ids in late.items():
            due = Due("order", order_id, now.ms)
            commit = expire_updating(Key(account_id, "order", order_id), ids)
            note(await _erased_by(store, commit, account_id, due))
        if len(rows) < _DUE:
            return len(gone)
        after = (rows[-1]["due_ms"], rows[-1]["kind"], rows[-1]["document_id"])


async def _erased_by(
    store: Store, commit: Commit, account_id: str, due: Due
) -> Sequence[tuple[str, str]]:
    """Return what a commit erased; one that fails is told of, and holds up no other.

    Raises: StoreUnavailable.
    """
    try:
        outcome = await store.commit(commit)
    except StoreUnavailable:
        raise
    except Exception:
        fields = {"account_id": account_id, "kind": due.kind, "id": due.id}
        LOGGER.exception("past its time, and cannot be erased", extra={"fields": fields})
        return ()
    return erased_ids(outcome.answer) if isinstance(outcome, Outcome) else ()


def _is_over(row: Row, now: Instant) -> bool:
    """Tell whether the time of a document is over, by what was just read of it."""
    return row["over_ms"] is not None and row["over_ms"] <= now.ms


def _looked_at(account_id: str, rows: Sequence[Row], now: Instant) -> Iterator[Also]:
    """Yield what notes when to look again at documents that have more time, or for ever."""
    for row in rows:
        if _is_over(row, now):
            continue
        place: dict[str, Any] = {
            "account_id": account_id,
            "kind": row["kind"],
            "id": row["document_id"],
        }
        if row["over_ms"] is not None:
            yield Also("look_again", {**place, "due_ms": row["over_ms"]})
        yield Also("drop_expiry", {**place, "due_ms": row["due_ms"]})


async def _updating(store: Store, account_id: str, over: Sequence[Row]) -> dict[str, list[str]]:
    """Return the drafts that were made to update orders and did not, by order."""
    orders = [row for row in over if row["kind"] == "order"]
    if not orders:
        return {}
    rows = await store.read(
        "drafts_updating",
        account_id=account_id,
        since_ms=min(row["created_ms"] for row in orders),
        order_ids=encode([row["document_id"] for row in orders]).decode(),
    )
    drafts: dict[str, list[str]] = {}
    for row in rows:
        drafts.setdefault(row["order_id"], []).append(row["id"])
    return drafts


async def sweep_expired(store: Store, clocks: Clocks) -> int:
    """Empty what is past its time in all accounts, each by its own clock; return how many."""
    gone = 0
    for account in await store.query("accounts_all"):
        account_id = account["account_id"]
        gone += await expire_due(store, account_id, clocks.now_for(account_id))
    return gone


async def keep_sweeping(store: Store, clocks: Clocks) -> None:
    """Sweep for as long as the server runs; processes take turns by chance.

    What was erased is also scrubbed from the files; where somebody reads them, a round later.
    """
    unscrubbed = False
    seen: Mapping[str, int] = {}
    while True:
        if seen == clocks.moved():
            await clocks.pause(_PAUSE_SECONDS * (1 + secrets.randbelow(1000) / 1000))
        seen = clocks.moved()
        try:
            swept = await sweep(store, clock.now())
            told = await sweep_deliveries(store, clocks)
            await sweep_history(store)
            expired = await sweep_expired(store, clocks)
            if expired or unscrubbed:
                unscrubbed = not await store.scrub()
        except StoreUnavailable:
            await asyncio.sleep(_BREATH_SECONDS)
            continue  # The next round finds what this one left.
        except Exception:
            LOGGER.exception("sweeping failed")
            await asyncio.sleep(_BREATH_SECONDS)
            continue
        if swept:
            LOGGER.info("idempotency records swept: %d", swept)
        if told:
            LOGGER.info("deliveries swept: %d", told)
        if expired:
            LOGGER.info("orders and drafts past their time erased: %d", expired)
