"""A person is erased at the store: what a process remembers of them to be fast goes too."""

from __future__ import annotations

import asyncio

import pytest

from ordrebok.decision import Commit
from ordrebok.discounts import record
from ordrebok.drafts import settling
from ordrebok.operation import Errand
from ordrebok.refusals import Refusal
from tests.store.shop import Shop, opened_shop
from tests.support.builders import ACCOUNT, plan_of
from tests.support.discounts import a_rule_body
from tests.support.openapi import Json

ITEM: Json = {
    "gross_amount": 1_000,
    "eligible_for_discount": True,
    "tax_lines": [{"percentage": 25}],
}
APPLY = {"apply_discounts": True}


async def a_buyer(shop: Shop, customer_id: str) -> str:
    """Give somebody a rule, and make a draft that it applies to; the id of the draft."""
    rule = await shop.done("aid_discounts_post", a_rule_body())
    await shop.done(
        "aid_discounts_did_customers_post", {"customers": [customer_id]}, did=rule["id"]
    )
    body = {"order": {"currency": "NOK", "customer": {"id": customer_id}, "items": [ITEM]}}
    draft = await shop.done("aid_draft_orders_post", body, query=APPLY)
    assert draft["order"]["total_discount"] == 100
    return str(draft["id"])


def remembered(customer_id: str) -> list[object]:
    """Everything in the memory of this process that is kept for a customer."""
    hints = [place for place, buyer in settling._buyers.items() if buyer == customer_id]
    return [*hints, *(name for name in record._shelves if customer_id in name)]


async def erase(shop: Shop, customer_id: str) -> None:
    """Erase somebody."""
    plan = plan_of("aid_customers_cid_erase_post", customer_id=customer_id)
    assert isinstance(plan, Errand)
    assert not isinstance(await plan.run(shop.store), Refusal)


def test_nothing_is_remembered_of_an_erased_person(database_url: str) -> None:
    """Neither of which drafts they are the buyer, nor what they are offered; of others all."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            await a_buyer(shop, "C-gone")
            await a_buyer(shop, "C-here")
            others = remembered("C-here")
            assert len(remembered("C-gone")) >= 2
            await erase(shop, "C-gone")
            assert remembered("C-gone") == []
            assert remembered("C-here") == others
            assert len(others) >= 2

    asyncio.run(use())


@pytest.mark.parametrize(
    "row_id", ["aid_draft_orders_id_complete_put", "aid_draft_orders_id_delete"]
)
def test_a_draft_that_is_done_needs_no_buyer(database_url: str, row_id: str) -> None:
    """The hint which wallet to load goes with the draft."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            draft_id = await a_buyer(shop, "C-done")
            assert (ACCOUNT, draft_id) in remembered("C-done")
            await shop.done(row_id, {} if row_id.endswith("put") else None, id=draft_id)
            assert (ACCOUNT, draft_id) not in remembered("C-done")

    asyncio.run(use())


def test_an_order_without_a_draft_leaves_no_hint(database_url: str) -> None:
    """The next draft of somebody else would be loaded with the wrong wallet."""

    async def use() -> None:
        async with opened_shop(database_url) as shop:
            body = {"currency": "NOK", "customer": {"id": "C-once"}, "items": [ITEM]}
            await shop.done("aid_orders_post", body)
            assert remembered("C-once") == []
            stranger = plan_of("aid_draft_orders_post", {"order": {"currency": "NOK"}}, query=APPLY)
            assert isinstance(stranger, Commit)
            assert [key.kind for key in stranger.ahead] == ["discount_register"]

    asyncio.run(use())
