"""What others do while a person is erased: nothing that was theirs slips through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.decision import Idempotency, Outcome
from ordrebok.retention import person
from ordrebok.store.interface import Row
from ordrebok.webhooks.deliveries import Delivery, rows_of
from tests.store.shop import Shop, everything, opened_shop
from tests.support.builders import ACCOUNT, a_call
from tests.support.openapi import Json

SECRET = "Hemmeligsen"
PERSON: Json = {"id": "C77", "first_name": SECRET}
ITEM: Json = {"gross_amount": 100, "line_id": 1, "tax_lines": [{"percentage": 25}]}
CONTENT: Json = {"currency": "NOK", "items": [ITEM]}
Meanwhile = Callable[[], Awaitable[object]]


class Busy:
    """A store at which somebody else does something, once, right after a certain reading."""

    def __init__(self, shop: Shop, reading: str, meanwhile: Meanwhile, **params: Json) -> None:
        self.store = shop.store
        self.fetch = shop.store.fetch
        self.commit = shop.store.commit
        self.run = shop.store.run
        self.scrub = shop.store.scrub
        self.bell = shop.store.bell
        self._reading = reading
        self._params = params
        self._meanwhile: Meanwhile | None = meanwhile

    async def read(self, name: str, **params: object) -> Sequence[Row]:
        """Read, and let the other one act."""
        rows = await self.store.read(name, **params)
        meanwhile = self._meanwhile
        if meanwhile and name == self._reading and self._params.items() <= params.items():
            self._meanwhile = None
            await meanwhile()
        return rows


async def erase(
    door: Any,  # noqa: ANN401 -- a store, or a busy one
    once: Idempotency | None = None,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Erase the person; the outcome."""
    call = replace(a_call("aid_customers_cid_erase_post", customer_id="C77"), idempotency=once)
    outcome = await person.erase(door, call, "C77", dry_run=dry_run)
    assert isinstance(outcome, Outcome), outcome
    return outcome


async def nothing_is_left(shop: Shop, url: str) -> bool:
    """Whether nothing that the person wrote stands in the database."""
    await shop.store.scrub()
    return SECRET.encode() not in await everything(url)


@pytest.mark.parametrize("kind", ["draft", "order"])
def test_a_draft_that_is_completed_meanwhile_leaves_no_order(database_url: str, kind: str) -> None:
    """Though it was already found, or orders were looked through before."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            body = {"order": {**CONTENT, "customer": PERSON}}
            draft = await shop.done("aid_draft_orders_post", body)

            async def complete() -> None:
                await shop.answer("aid_draft_orders_id_complete_put", {}, id=draft["id"])

            await erase(Busy(shop, "naming", complete, kind=kind))
            assert await nothing_is_left(shop, database_url)

    asyncio.run(use())


def test_an_order_that_goes_to_somebody_else_meanwhile_forgets(database_url: str) -> None:
    """Between the look at it and its turn; its versions are the person's all the same."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            body = {"order": {**CONTENT, "customer": PERSON}}
            draft = await shop.done("aid_draft_orders_post", body)
            done = await shop.done("aid_draft_orders_id_complete_put", {}, id=draft["id"])
            named = {"order_id": done["orders"][0]["order_id"]}

            async def move() -> None:
                await shop.done("aid_orders_id_put", {"customer": {"id": "C78"}}, **named)

            await erase(Busy(shop, "naming", move, kind="order"))
            assert await nothing_is_left(shop, database_url)
            assert (await shop.done("aid_orders_id_get", **named))["customer"] == {"id": "C78"}

    asyncio.run(use())


def test_a_draft_that_is_made_for_the_order_meanwhile_goes_too(database_url: str) -> None:
    """It says not whose it is, and nobody else would find it."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            order = await shop.done("aid_orders_post", {**CONTENT, "customer": PERSON})

            async def draft() -> None:
                content = {**CONTENT, "items": [{**ITEM, "line_id": 2}], "comment": SECRET}
                body = {"order": content, "options": {"order_id": order["order_id"]}}
                await shop.done("aid_draft_orders_post", body)

            outcome = await erase(Busy(shop, "drafts_updating", draft))
            assert await nothing_is_left(shop, database_url)
            entry = msgspec.json.decode(outcome.answer)
            assert (entry["orders"], entry["drafts"]) == (1, 1)

    asyncio.run(use())


def test_two_erasures_with_one_key_both_finish(database_url: str) -> None:
    """One answer for both; neither leaves an entry that looks as if it were broken off."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            await shop.done("aid_orders_post", {**CONTENT, "customer": PERSON})
            once = Idempotency("client", "key", "fingerprint", ACCOUNT)
            others: list[Outcome] = []

            async def the_same() -> None:
                others.append(await erase(shop.store, once))

            outcome = await erase(Busy(shop, "naming", the_same), once)
            assert [other.answer for other in others] == [outcome.answer]
            assert outcome.replayed
            rows = await shop.store.query(
                "erasures", account_id=ACCOUNT, before_ms=2**62, before_id="", limit=9
            )
            entries = [msgspec.json.decode(row["body"]) for row in rows]
            assert len(entries) == 2
            assert all("finished_at" in entry for entry in entries)

    asyncio.run(use())


@pytest.mark.parametrize("whose", ["C77", "C78"])
def test_what_was_told_of_a_draft_goes_with_the_last_trace_of_whom(
    database_url: str, whose: str
) -> None:
    """A stored delivery alone may still say whose a draft once was; those of others stay."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            draft = await shop.done("aid_draft_orders_post", {"order": CONTENT})
            told = {**CONTENT, "customer": {**PERSON, "id": whose}}
            delivery = Delivery(
                id="1",
                event_delivery="1",
                event="shopping_draft_add",
                document_kind="draft",
                document_id=draft["id"],
                document_version=1,
                created_ms=1,
                body=msgspec.json.encode({"draft_order": {"order": told}}),
            )
            place = {"account_id": ACCOUNT, "hook_id": "H"}
            rows = rows_of([delivery])
            await shop.store.execute("deliveries_put", **place, **rows)
            dry = await erase(shop.store, dry_run=True)
            done = await erase(shop.store)
            await shop.store.execute("deliveries_put", **place, **rows)  # It was on its way.
            is_the_persons = whose == "C77"
            assert await nothing_is_left(shop, database_url) == is_the_persons
            counted = [msgspec.json.decode(each.answer)["drafts"] for each in (dry, done)]
            assert counted == [is_the_persons, is_the_persons]

    asyncio.run(use())
