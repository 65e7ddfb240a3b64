"""Subscriptions and their places in the log, which move in the same transaction."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from ordrebok.clock import instant
from ordrebok.decision import Call, Commit, Reading
from ordrebok.ids import ordered_id
from ordrebok.store import Store
from ordrebok.webhooks import sent as sending
from ordrebok.webhooks.deliveries import Delivery, of_row, rows_of
from ordrebok.webhooks.operations import OPERATIONS
from ordrebok.wire.delivery import ResendBody, Resent
from ordrebok.wire.hook import HookBody, ResumeQuery
from tests.store.doors import accepted, with_store
from tests.store.toy import ACCOUNT, create, order
from tests.support.subscriptions import a_hook_body

ROWS = {row.id.removeprefix("aid_hooks_subscriptions_"): row for row in OPERATIONS}
RESEND = sending.OPERATIONS[-1]
DRAFTS = ["shopping_draft_add"]


def call(
    name: str,
    hid: str = "",
    *,
    body: HookBody | None = None,
    missed: Any = "send",  # noqa: ANN401 -- send or skip
) -> Commit:
    """The plan of a request for a row."""
    asked = Call(
        account_id=ACCOUNT,
        actor_id="a client",
        method="POST",
        path="",
        params={"hid": hid},
        body=body,
        query=ResumeQuery(missed=missed),
    )
    plan = ROWS[name].plan(asked)
    assert isinstance(plan, Commit)
    return plan


async def subscribed(store: Store, **fields: Any) -> str:  # noqa: ANN401 -- members of a subscription
    """Make a subscription; its id."""
    outcome = await accepted(store, call("post", body=a_hook_body(**fields)))
    made: str = msgspec.json.decode(outcome.answer)["id"]
    return made


async def places(store: Store) -> dict[str, int]:
    """How far each active follower has come."""
    rows = await store.execute(
        "followers_take", holder="a test", until_ms=0, active=True, now_ms=1, limit=1_000
    )
    return {row["hook_id"]: row["position"] for row in rows}


async def keeps_drafts(store: Store) -> bool:
    """Whether replaced versions of drafts are kept."""
    (row,) = await store.query("drafts_kept", account_id=ACCOUNT)
    return bool(row["drafts_kept"])


async def orders(store: Store, *names: str) -> None:
    """Make orders: each is one change."""
    for name in names:
        await accepted(store, create(order(name)))


def test_a_subscription_begins_where_the_log_ends(database_url: str) -> None:
    """Also where there is no log yet."""

    async def use(store: Store) -> list[int]:
        first = await subscribed(store)
        await orders(store, "A", "B", "C")
        second = await subscribed(store)
        seen = await places(store)
        return [seen[first], seen[second]]

    assert with_store(database_url, use) == [0, 3]


def test_a_new_subscription_is_pinged(database_url: str) -> None:
    """The ping waits to be sent as soon as the subscription is there."""

    async def use(store: Store) -> list[tuple[str, str]]:
        hook = await subscribed(store)
        rows = await store.query(
            "deliveries_due", account_id=ACCOUNT, hook_id=hook, now_ms=2**53, limit=10
        )
        bodies = [msgspec.json.decode(row["body"]) for row in rows]
        assert [body["id"] for body in bodies] == [hook]
        return [(row["event"], row["state"]) for row in rows]

    assert with_store(database_url, use) == [("ping", "waiting")]


def test_a_paused_subscription_stands_still_and_goes_on_from_there(database_url: str) -> None:
    """Or from now, where what was missed is left out."""

    async def use(store: Store) -> list[int | None]:
        hook = await subscribed(store, active=False)
        seen = [(await places(store)).get(hook)]
        await orders(store, "A", "B")
        await accepted(store, call("hid_resume_post", hook))
        seen.append((await places(store)).get(hook))
        await accepted(store, call("hid_pause_post", hook))
        seen.append((await places(store)).get(hook))
        await accepted(store, call("hid_resume_post", hook, missed="skip"))
        seen.append((await places(store)).get(hook))
        return seen

    assert with_store(database_url, use) == [None, 0, None, 2]


def test_a_deleted_subscription_follows_no_more(database_url: str) -> None:
    """Its place is gone with it, and deleting it again changes nothing."""

    async def use(store: Store) -> dict[str, int]:
        hook = await subscribed(store)
        for _ in range(2):
            await accepted(store, call("hid_delete", hook))
        return await places(store)

    assert with_store(database_url, use) == {}


def test_drafts_are_kept_while_somebody_is_told_of_them(database_url: str) -> None:
    """A paused one too: it is told later."""

    async def use(store: Store) -> list[bool]:
        seen = []
        await subscribed(store)
        seen.append(await keeps_drafts(store))
        first = await subscribed(store, events=DRAFTS)
        second = await subscribed(store, events=DRAFTS)
        seen.append(await keeps_drafts(store))
        for name, hook in (("hid_pause_post", first), ("hid_delete", second)):
            await accepted(store, call(name, hook))
            seen.append(await keeps_drafts(store))
        await accepted(store, call("hid_delete", first))
        return [*seen, await keeps_drafts(store)]

    assert with_store(database_url, use) == [False, True, True, True, False]


def test_what_is_only_tried_follows_nothing(database_url: str) -> None:
    """A dry run leaves no place in the log."""

    async def use(store: Store) -> dict[str, int]:
        plan = call("post", body=a_hook_body())
        await accepted(store, msgspec.structs.replace(plan, dry_run=True))
        return await places(store)

    assert with_store(database_url, use) == {}


def test_each_delivery_keeps_its_own_body(database_url: str) -> None:
    """However many bytes a letter takes, and whatever stands beside it."""
    bodies = ["", "{}", '"\\u0000 \\" ø"', "å" * 9_000, "😀", '{"a": "b"}']
    sent = [
        Delivery(
            id=str(nth),
            event_delivery="",
            event="ping",
            created_ms=1,
            due_ms=1,
            body=body.encode(),
        )
        for nth, body in enumerate(bodies)
    ]

    async def use(store: Store) -> list[Delivery]:
        place = {"account_id": ACCOUNT, "hook_id": await subscribed(store)}
        for _ in range(2):
            await store.execute("deliveries_put", **place, **rows_of(sent))
        rows = await store.query("deliveries_due", **place, now_ms=1, limit=100)
        return [of_row(row) for row in rows]

    assert with_store(database_url, use) == sent


def test_what_was_sent_in_a_span_of_time_is_sent_again_part_by_part(database_url: str) -> None:
    """Each part begins where the one before ended, also when that was delivered meanwhile."""
    begin = 1_800_000_000_000
    sent = [
        Delivery(
            id=(id_ := ordered_id(begin + nth // 100, nth)),
            event_delivery=id_,
            event="ping",
            state="delivered",
            created_ms=begin,
            body=b"{}",
        )
        for nth in range(1_250)
    ]

    def part(hook: str, begin: str) -> Reading:
        body = msgspec.convert({"from": begin}, ResendBody)
        asked = Call(ACCOUNT, "a client", "POST", "", {"hid": hook}, body=body)
        plan = RESEND.plan(asked)
        assert isinstance(plan, Reading)
        return plan

    async def use(store: Store) -> list[tuple[int, bool, str | None]]:
        hook = await subscribed(store, active=False)
        place = {"account_id": ACCOUNT, "hook_id": hook}
        seen, start = [], instant(begin).text
        for _ in range(2):
            await store.execute("deliveries_put", **place, **rows_of(sent))
            plan = part(hook, start)
            body = plan.render(await store.execute(plan.name, **plan.params))
            assert isinstance(body, bytes)
            said = msgspec.json.decode(body, type=Resent)
            seen.append((said.deliveries, said.more, said.next_from))
            start = said.next_from or ""
        return seen

    tenth = instant(begin + 9).text
    assert with_store(database_url, use) == [(1_000, True, tenth), (350, False, None)]


def test_nothing_waits_of_a_subscription_that_ended_while_it_was_told(database_url: str) -> None:
    """What was on its way is put down as it went, and given up where it would be tried again."""
    waiting = Delivery(
        id="2", event_delivery="2", event="ping", attempts=1, created_ms=1, due_ms=9, body=b"{}"
    )
    rows = [replace(waiting, id="1", state="delivered", due_ms=None), waiting]

    async def use(store: Store) -> list[list[tuple[str, int | None]]]:
        seen = []
        for after in ("hid_pause_post", "hid_delete"):
            hook = await subscribed(store)
            place = {"account_id": ACCOUNT, "hook_id": hook}
            await accepted(store, call(after, hook))
            await store.execute("deliveries_put", **place, **rows_of(rows))
            found = await store.query("deliveries_of", **place, before="3", limit=9)
            told = [row for row in found if row["id"] in {"1", "2"}]
            seen.append([(row["state"], row["due_ms"]) for row in told])
        return seen

    paused, deleted = with_store(database_url, use)
    assert paused == [("waiting", 9), ("delivered", None)]
    assert deleted == [("given_up", None), ("delivered", None)]
