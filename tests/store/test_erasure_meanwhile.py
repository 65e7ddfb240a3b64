"""What others do while a person is erased: nothing that was theirs slips through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from ordrebok.decision import Idempotency, Outcome
from ordrebok.operation import Errand
from ordrebok.store.interface import Row
from tests.store.shop import Shop, everything, opened_shop
from tests.support.builders import plan_of
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


async def erase(door: Any, once: Idempotency | None = None) -> Outcome:  # noqa: ANN401 -- a store, or a busy one
    """Erase the person; the outcome."""
    plan = plan_of("aid_customers_cid_erase_post", customer_id="C77", idempotency=once)
    assert isinstance(plan, Errand)
    outcome = await plan.run(door)
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
