"""The end of a time to live: what goes, with what, when, and once whoever sweeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from ordrebok.decision import Also
from ordrebok.store.interface import Row
from ordrebok.store.sweep import expire_due
from ordrebok.wire.base import encode
from tests.store.doors import opened
from tests.store.shop import DAY, Shop, everything, opened_shop, raw
from tests.support.builders import ACCOUNT
from tests.support.openapi import Json

SECRET = "Storgata-hemmelig"
PERSON = {"id": "C1", "first_name": SECRET, "last_name": "Nordmann"}
ADDRESS = {"address_line": f"{SECRET} 7", "postal_place": "Oslo", "country": "NO"}
ITEM = {"gross_amount": 100, "line_id": 1, "tax_lines": [{"percentage": 25}]}


def content(**more: Json) -> Json:
    """An order of one line that is kept for a day."""
    return {"currency": "NOK", "items": [ITEM], "time_to_live": DAY, **more}


async def bought(shop: Shop, **more: Json) -> tuple[Json, Json]:
    """A draft that was completed, with a customer, and its order."""
    body = {"order": content(customer=PERSON, shipping_address=ADDRESS, **more)}
    draft = await shop.done("aid_draft_orders_post", body, key="draft")
    done = await shop.done("aid_draft_orders_id_complete_put", {}, id=draft["id"], key="complete")
    return draft, done["orders"][0]


def test_an_order_goes_with_its_drafts_when_its_time_is_over(database_url: str) -> None:
    """Not a moment before; what is left answers as documented, and the drafts are not there."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            draft, order = await bought(shop, external_ids=[{"id": "E1", "source": "erp"}])
            named = {"order_id": order["order_id"]}
            shop.later(DAY - 1)
            assert await shop.expire() == []
            shop.later(1)
            gone = await shop.expire()
            assert gone == [("draft", draft["id"]), ("order", order["order_id"])]
            left = await shop.done("aid_orders_id_get", **named)
            events = left.pop("events")
            assert left == {
                "id": order["id"],
                "order_id": order["order_id"],
                "order_number": order["order_number"],
                "external_ids": [{"id": "E1", "source": "erp"}],
                "created_at": order["created_at"],
                "updated_at": order["updated_at"],
                "deleted_at": shop.moment.text,
                "version": order["version"] + 1,
                "currency": "NOK",
                "status": "closed",
                "payment_status": "pending",
                "state": "pending",
            }
            assert [event["event_type"] for event in events] == ["api-event", "expired"]
            assert await shop.refused("aid_draft_orders_id_get", id=draft["id"]) == "NOT FOUND"
            assert (await shop.done("aid_draft_orders_get"))["draft_orders"] == []
            assert await shop.expire() == []

    asyncio.run(use())


def test_every_change_starts_the_time_anew(database_url: str) -> None:
    """It runs from the last change; a time that is taken away never ends."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            order = await shop.done("aid_orders_post", content())
            named = {"order_id": order["order_id"]}
            for _ in range(3):
                shop.later(DAY - 1)
                await shop.done("aid_orders_id_put", {"comment": "x"}, **named)
                assert await shop.expire() == []
            await shop.done("aid_orders_id_put", {"time_to_live": None}, **named)
            shop.later(100 * DAY)
            assert await shop.expire() == []
            await shop.done("aid_orders_id_put", {"time_to_live": 5 * DAY}, **named)
            shop.later(4 * DAY)
            assert await shop.expire() == []
            await shop.done("aid_orders_id_put", {"time_to_live": DAY}, **named)
            shop.later(DAY)
            assert await shop.expire() == [("order", order["order_id"])]

    asyncio.run(use())


def test_a_draft_has_a_time_of_its_own(database_url: str) -> None:
    """One that was never completed goes too, and its id is not given again."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            body = {"id": "D1", "order": content()}
            draft = await shop.done("aid_draft_orders_post", body)
            assert draft["order"]["time_to_live_expires_at"] == shop.moment.plus(DAY).text
            await shop.done("aid_draft_orders_post", {"order": {"currency": "NOK"}})
            shop.later(DAY)
            assert await shop.expire() == [("draft", "D1")]
            for row_id, sent in (
                ("aid_draft_orders_id_put", {"order": {"comment": "x"}}),
                ("aid_draft_orders_id_complete_put", {}),
                ("aid_draft_orders_id_delete", None),
            ):
                assert await shop.refused(row_id, sent, id="D1") == "NOT FOUND"
            assert await shop.refused("aid_draft_orders_post", body) == "ID_TAKEN"

    asyncio.run(use())


def test_drafts_that_were_to_update_the_order_go_with_it(database_url: str) -> None:
    """Nobody can complete them any more."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            order = await shop.done("aid_orders_post", content())
            named = {"options": {"order_id": order["order_id"]}}
            added = {**ITEM, "line_id": 2}
            for name, option in (("D1", named), ("D2", named), ("D3", {})):
                body = {"id": name, "order": {"currency": "NOK", "items": [added]}, **option}
                await shop.done("aid_draft_orders_post", body)
            await shop.done("aid_draft_orders_id_delete", id="D2")
            shop.later(DAY)
            assert await shop.expire() == [
                ("draft", "D1"),
                ("draft", "D2"),
                ("order", order["order_id"]),
            ]
            assert (
                await shop.refused("aid_draft_orders_post", {**body, **named, "id": "D4"})
                == "ORDER_NOT_OPEN"
            )

    asyncio.run(use())


def test_a_draft_that_is_made_while_its_order_goes_goes_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made between the look for such drafts and the end of the order, by somebody else."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            order = await shop.done("aid_orders_post", content())
            shop.later(DAY)
            read = shop.store.read

            async def made_after(name: str, **params: object) -> Sequence[Row]:
                rows = await read(name, **params)
                if name == "drafts_updating" and not rows:
                    monkeypatch.setattr(shop.store, "read", read)  # Only once.
                    added = {"currency": "NOK", "items": [{**ITEM, "line_id": 2}]}
                    options = {"order_id": order["order_id"]}
                    body = {"id": "D1", "order": added, "options": options}
                    await shop.done("aid_draft_orders_post", body)
                return rows

            monkeypatch.setattr(shop.store, "read", made_after)
            assert await shop.expire() == [("draft", "D1"), ("order", order["order_id"])]
            assert await shop.refused("aid_draft_orders_id_get", id="D1") == "NOT FOUND"

    asyncio.run(use())


def test_nothing_of_it_is_left_in_the_database(database_url: str) -> None:
    """Neither in the document nor in events, earlier versions, answers, webhooks or words."""

    async def use() -> bytes:
        async with opened_shop(database_url) as shop:
            draft, order = await bought(shop)
            named = {"order_id": order["order_id"]}
            for number in range(30):
                sent = {"comment": f"{SECRET} {number} " + "x" * 200}
                await shop.done("aid_orders_id_put", sent, key=f"k{number}", **named)
            report = {"service": "s", "service_status": "x", "description": SECRET}
            await shop.done("aid_orders_id_events_post", report, **named)
            await shop.store.run(
                [delivery(order["order_id"], "order"), delivery(draft["id"], "draft")]
            )
            assert SECRET.encode() in await everything(database_url)
            shop.later(DAY)
            assert len(await shop.expire()) == 2
            late = delivery(order["order_id"], "order")  # It was on its way meanwhile.
            await shop.store.run([late])
            assert await shop.store.scrub()
            return await everything(database_url)

    left = asyncio.run(use())
    assert SECRET.encode() not in left
    assert SECRET.casefold().encode() not in left
    assert b"Nordmann" not in left


def delivery(document_id: str, kind: str) -> Also:
    """What was sent to a webhook."""
    row = [document_id, "x", 1, "shopping_order_update", kind, document_id, 1, "delivered"]
    row += [1, 1, 1, 1, None, 200, 1, "https://shop.test", "{}", "{}", SECRET, None]
    body = SECRET.encode()
    rows = encode([[*row, 1, len(body)]]).decode()
    params = {"account_id": ACCOUNT, "hook_id": "H", "rows": rows, "bodies": body}
    return Also("deliveries_put", params)


def test_an_erased_order_takes_no_change(database_url: str) -> None:
    """Whatever is asked of it, it is not there; its events and its list entry are."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            order = await shop.done("aid_orders_post", content(order_number="N1"))
            named = {"order_id": order["order_id"]}
            shop.later(DAY)
            await shop.expire()
            for row_id, sent in (
                ("aid_orders_id_put", {"metadata": {"a": 1}}),
                ("aid_orders_id_open_post", None),
                ("aid_orders_id_close_post", None),
                ("aid_orders_id_cancel_post", None),
                ("aid_orders_id_events_post", {"service": "s", "service_status": "x"}),
                ("aid_orders_id_comments_post", {"body": "x"}),
            ):
                assert await shop.refused(row_id, sent, **named) == "NOT FOUND"
            listed = await shop.done("aid_orders_get", query={"order_number": ("N1",)})
            assert [each["order_id"] for each in listed["orders"]] == [order["order_id"]]
            assert (await shop.done("aid_orders_get", query={"search": "kari"}))["orders"] == []

    asyncio.run(use())


def test_several_processes_share_what_is_due(database_url: str) -> None:
    """However many sweep at once, each order is erased once, and leaves one event.

    On SQLite it is the server and a command that may meet.
    """

    async def use() -> None:
        async with opened_shop(database_url) as shop, opened(database_url, now=shop) as other:
            orders = [await shop.done("aid_orders_post", content()) for _ in range(40)]
            shop.later(DAY)
            counts = await asyncio.gather(
                *(
                    expire_due(store, ACCOUNT, shop.moment)
                    for store in (shop.store, other, shop.store, other)
                )
            )
            assert sum(counts) == len(orders)
            for order in orders:
                left = await shop.done("aid_orders_id_get", order_id=order["order_id"])
                assert left["version"] == 2
                assert [event["version"] for event in left["events"]] == [1, 2]

    asyncio.run(use())


def test_a_document_that_cannot_be_read_holds_up_no_other(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays, and is named in the log; what is due after it goes all the same."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            for name in ("o1", "o2"):
                await shop.done("aid_orders_post", content(order_id=name))
            await raw(
                database_url,
                """update documents set body = json_set(body, '$.status', 'lost')
                where id = 'o1'""",
                """update documents set body = jsonb_set(body::jsonb, '{status}', '"lost"')::json
                where id = 'o1'""",
            )
            shop.later(DAY)
            assert await shop.expire() == [("order", "o2")]
            assert await shop.expire() == []

    asyncio.run(use())
    named = [record.__dict__["fields"] for record in caplog.records]
    assert named == [{"account_id": ACCOUNT, "kind": "order", "id": "o1"}] * 2


def test_a_dry_run_tells_what_would_go_and_changes_nothing(database_url: str) -> None:
    """The same list, twice, and then for good."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            draft, order = await bought(shop)
            shop.later(DAY)
            expected = [("draft", draft["id"]), ("order", order["order_id"])]
            assert await shop.expire(dry_run=True) == expected
            assert await shop.expire(dry_run=True) == expected
            assert (await shop.done("aid_orders_id_get", order_id=order["order_id"]))["items"]
            assert await shop.expire() == expected

    asyncio.run(use())


def test_what_is_due_is_looked_at_in_stretches(database_url: str) -> None:
    """More than are looked at together, some with more time, some without any: each is settled."""

    async def use() -> list[Mapping[str, object]]:
        async with opened_shop(database_url) as shop:
            await asyncio.gather(
                *(
                    shop.done("aid_orders_post", content(order_id=f"o{number:03d}"))
                    for number in range(450)
                )
            )
            shop.later(DAY // 2)
            for number in range(0, 450, 3):
                await shop.done("aid_orders_id_put", {"comment": "x"}, order_id=f"o{number:03d}")
            for number in range(1, 450, 90):
                await shop.done(
                    "aid_orders_id_put", {"time_to_live": None}, order_id=f"o{number:03d}"
                )
            shop.later(DAY // 2)
            assert len(await shop.expire()) == 450 - 150 - 5
            left = await raw(database_url, "select due_ms, document_id from expiries")
            assert len(left) == 150
            assert {row["due_ms"] for row in left} == {shop.moment.plus(DAY // 2).ms}
            shop.later(DAY // 2)
            assert len(await shop.expire()) == 150
            return await raw(database_url, "select * from expiries")

    assert asyncio.run(use()) == []
