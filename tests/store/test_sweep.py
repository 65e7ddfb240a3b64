"""Idempotency records have 72 hours; then they are swept, and only they."""

from __future__ import annotations

from ordrebok.accounts.book import Account
from ordrebok.clock import Instant, now
from ordrebok.decision import Idempotency
from ordrebok.store import Store
from ordrebok.store.accounts import AccountStore
from ordrebok.store.sweep import KEPT_HOURS, sweep
from tests.store.doors import accepted, with_store
from tests.store.toy import ACCOUNT, count_up, create, order, toy_of

KEY = order("o1")
HOUR_SECONDS = 3600


def keyed(key: str) -> Idempotency:
    """An idempotency key of some client."""
    return Idempotency("client", key, "fingerprint")


class MovableClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> Instant:
        return self.moment


def test_a_key_is_kept_for_72_hours_and_swept_after_them(database_url: str) -> None:
    """Within its time a repeated request is replayed; after the sweep it is a new one."""
    clock = MovableClock()

    async def use(store: Store) -> tuple[int, int, list[bool]]:
        await AccountStore(store).add_account(Account(ACCOUNT, "A", clock().text))
        await accepted(store, create(KEY))
        replays = [(await accepted(store, count_up(KEY, idempotency=keyed("k")))).replayed]
        clock.moment = clock.moment.plus(KEPT_HOURS * HOUR_SECONDS - 60)
        early = await sweep(store, clock())
        replays.append((await accepted(store, count_up(KEY, idempotency=keyed("k")))).replayed)
        clock.moment = clock.moment.plus(120)
        late = await sweep(store, clock())
        again = await accepted(store, count_up(KEY, idempotency=keyed("k")))
        replays.append(again.replayed)
        assert toy_of(again.answer).count == 2
        return early, late, replays

    early, late, replays = with_store(database_url, use, now=clock)
    assert (early, late) == (0, 1)
    assert replays == [False, True, False]
