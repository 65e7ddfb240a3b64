"""Several chunks of an import at once: what comes first in the file still comes first."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from ordrebok.accounts.book import Account
from ordrebok.cli.database import opened
from ordrebok.cli.importing import Import, Report, Tally
from ordrebok.cli.lines import Chunk
from ordrebok.decision import Key
from ordrebok.exchange.place import Place
from ordrebok.orders.whole import WholeOrder
from ordrebok.store.accounts import AccountStore
from ordrebok.store.interface import BulkStore
from ordrebok.store.walk import Walk
from tests.cli.shop import ACCOUNT, foreign

CHUNKS = 6
LATE_SECONDS = 0.1


class Uneven:
    """A store that begins late with every chunk of several orders."""

    def __init__(self, store: BulkStore) -> None:
        self._store = store
        self.began_late = asyncio.Event()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the store has
        return getattr(self._store, name)

    async def load(
        self, account_id: str, orders: Sequence[WholeOrder], next_number: int = 0
    ) -> frozenset[str]:
        """Write the orders, those of a short chunk first if they may."""
        if len(orders) > 1:
            self.began_late.set()
            await asyncio.sleep(LATE_SECONDS)
        return await self._store.load(account_id, orders, next_number)


def chunks() -> list[Chunk]:
    """Long and short chunks; all but the first end with another story of the order `same`."""
    made, line = [], 1
    for number in range(CHUNKS):
        orders = [foreign(f"{number}-{n}", 100) for n in range(number % 2)]
        orders.append(foreign("same" if number else "first", 100 + number))
        text = b"".join(json.dumps(order).encode() + b"\n" for order in orders)
        made.append(Chunk(line, text, len(text)))
        line += len(orders)
    return made


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_the_first_line_of_an_order_is_taken_however_many_are_written_at_once(
    database_url: str, at_once: int
) -> None:
    """The others are refused, in the order of the file."""
    tally, file = Tally(), io.BytesIO()
    done: list[int] = []

    async def run() -> bytes:
        async with opened(database_url) as store:
            assert await AccountStore(store).add_account(Account(ACCOUNT, "", ""))
            uneven = cast("BulkStore", Uneven(store))
            work = Import(uneven, Place(ACCOUNT), Report(file, print), tally, at_once)
            await work.run(iter(chunks()), done.append)
            stored = await store.fetch(Key(ACCOUNT, "order", "same"), with_events=False)
            assert stored is not None
            return stored.body

    assert json.loads(asyncio.run(run()))["gross_amount"] == 101
    assert tally == Tally(imported=CHUNKS // 2 + 2, refused=CHUNKS - 2)
    said = [json.loads(line) for line in file.getvalue().splitlines()]
    lines = [each["line"] for each in said]
    assert lines == sorted(lines)
    assert {each["code"] for each in said} == {"ORDER_ID_TAKEN"}
    assert done == [chunk.size for chunk in chunks()]


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_is_being_written_when_an_import_is_stopped_is_counted(
    database_url: str, at_once: int
) -> None:
    """What the last sentence says is in the database is there, and nothing more."""
    tally = Tally()

    async def run() -> int:
        async with opened(database_url) as store:
            assert await AccountStore(store).add_account(Account(ACCOUNT, "", ""))
            uneven = Uneven(store)
            report = Report(io.BytesIO(), print)
            work = Import(cast("BulkStore", uneven), Place(ACCOUNT), report, tally, at_once)
            importing = asyncio.create_task(work.run(iter(chunks()), lambda _: None))
            await uneven.began_late.wait()
            importing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await importing
            return len(await store.walk(Walk(ACCOUNT)))

    assert asyncio.run(run()) == tally.imported > 1
