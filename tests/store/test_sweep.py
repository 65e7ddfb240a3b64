"""Idempotency records have 72 hours, deliveries seven days; then they are swept."""

from __future__ import annotations

from ordrebok.accounts.book import Account
from ordrebok.clock import Instant, now
from ordrebok.decision import Idempotency, Key
from ordrebok.ids import ordered_id
from ordrebok.sandbox.clocks import Clocks
from ordrebok.store import Store
from ordrebok.store.accounts import AccountStore
from ordrebok.store.sweep import (
    DELIVERIES_KEPT_DAYS,
    KEPT_HOURS,
    sweep,
    sweep_deliveries,
    sweep_history,
)
from ordrebok.webhooks.deliveries import Delivery, rows_of
from tests.store.doors import accepted, with_store
from tests.store.test_hooks import call, subscribed
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


def sent(made: Instant, nth: int, due_ms: int | None = None) -> Delivery:
    """A delivery that was made at some moment."""
    id_ = ordered_id(made.ms, nth)
    return Delivery(
        id=id_, event_delivery=id_, event="ping", created_ms=made.ms, due_ms=due_ms, body=b"{}"
    )


def test_deliveries_are_kept_for_seven_days(database_url: str) -> None:
    """Then they go, however many there are; what waits goes with its subscription alone."""
    clock = MovableClock()
    late = clock().plus(3600)
    rows = [*(sent(clock(), nth) for nth in range(600)), sent(clock(), 601, 2**53), sent(late, 1)]

    async def use(store: Store) -> list[int]:
        await AccountStore(store).add_account(Account(ACCOUNT, "A", clock().text))
        clocks = Clocks(clock)
        hook = await subscribed(store)
        place = {"account_id": ACCOUNT, "hook_id": hook}
        await store.execute("deliveries_put", **place, **rows_of(rows))
        swept = [await sweep_deliveries(store, clocks)]
        clock.moment = clock().plus(DELIVERIES_KEPT_DAYS * 24 * HOUR_SECONDS + 60)
        swept.append(await sweep_deliveries(store, clocks))
        await accepted(store, call("hid_delete", hook))
        await store.execute("deliveries_put", **place, **rows_of(rows[-2:-1]))
        swept.append(await sweep_deliveries(store, clocks))
        left = await store.query("deliveries_of", **place, before="~", limit=100)
        return [*swept, len(left)]

    assert with_store(database_url, use, now=clock) == [0, 600, 2, 1]


def test_replaced_drafts_that_nobody_follows_go_in_batches(database_url: str) -> None:
    """While somebody does, they stay; orders keep their past in any case."""
    draft = Key(ACCOUNT, "draft", "D")

    async def use(store: Store) -> list[int]:
        await AccountStore(store).add_account(Account(ACCOUNT, "A", now().text))
        kept = {"account_id": ACCOUNT, "kept": True}
        await store.execute("keep_drafts", **kept)
        for key in (draft, KEY):
            await accepted(store, create(key))
            for _ in range(3):
                await accepted(store, count_up(key))
        swept = [await sweep_history(store)]
        await store.execute("keep_drafts", **{**kept, "kept": False})
        swept += [await sweep_history(store), await sweep_history(store)]
        assert await store.query("version_of", **KEY._asdict(), version=2)
        return swept

    assert with_store(database_url, use) == [0, 3, 0]
