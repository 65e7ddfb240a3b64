"""Stored payout rules through the door: versions, lists, deletion. The same on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.accounts.book import AccountBook
from ordrebok.decision import Call, Commit, Decision, State
from ordrebok.payouts.operations import OPERATIONS
from ordrebok.payouts.record import split
from ordrebok.refusals import Refusal
from ordrebok.store import Store
from ordrebok.web.execute import carry_out
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Options
from ordrebok.wire.item import Item
from tests.store.doors import with_store
from tests.support.builders import ACCOUNT, ACTOR, a_draft, an_item, fault_codes

Json = dict[str, Any]
ROWS = {row.id.removeprefix("aid_billing_payout_rules_"): row for row in OPERATIONS}
STORE = "order.items.store.id"


class Books:
    """The rows of payout rules, carried out at a real store."""

    def __init__(self, store: Store, account_id: str = ACCOUNT) -> None:
        self.store = store
        self.account_id = account_id

    async def answer(
        self,
        row_id: str,
        body: Json | None = None,
        query: Mapping[str, object] | None = None,
        *,
        if_match: str | None = None,
        **params: str,
    ) -> Json | Refusal:
        """Carry out a request; what it answers is what its row says."""
        row = ROWS[row_id]
        call = Call(
            account_id=self.account_id,
            actor_id=ACTOR,
            method=row.method,
            path="/v1" + row.path.format(aid=self.account_id, **params),
            params=params,
            query=None if row.query is None else msgspec.convert(query or {}, row.query),
            body=None if row.body is None else msgspec.convert(body, row.body),
            body_text=b"" if body is None else encode(body),
            if_match=if_match,
        )
        found = await carry_out(row.plan(call), call, self.store, cast("AccountBook", None))
        if isinstance(found, Refusal):
            assert found.code in {*row.refusals, "INVALID_REQUEST_PARAMETER", "STALE_VERSION"}
            return found
        msgspec.json.decode(found.body, type=row.answer)
        json: Json = msgspec.json.decode(found.body)
        return json

    async def ok(self, row_id: str, body: Json | None = None, **asked: Any) -> Json:  # noqa: ANN401 -- passed on
        """Carry out a request that must be accepted."""
        answer = await self.answer(row_id, body, **asked)
        assert not isinstance(answer, Refusal), answer
        return answer

    async def refused(self, row_id: str, body: Json | None = None, **asked: Any) -> Refusal:  # noqa: ANN401 -- passed on
        """Carry out a request that must be refused."""
        answer = await self.answer(row_id, body, **asked)
        assert isinstance(answer, Refusal), answer
        return answer

    async def listed(self, **query: object) -> list[str]:
        """Return the rule ids of all pages of a list."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = await self.ok("get", query={**query, "starting_after": after})
            found += [rule["rule_id"] for rule in page["payout_rules"]]
            after = page.get("starting_after")
            if after is None:
                return found

    async def split(self, *items: Item) -> list[str | None]:
        """Return the rule and version that lines follow, with the account's stored rules."""
        draft = a_draft(options=Options(payout=True))
        draft = replace(draft, order=replace(draft.order, items=items))

        def decide(state: State) -> Decision | Refusal:
            """Split, and write nothing."""
            found = split(state, self.account_id, draft, None)
            if isinstance(found, Refusal):
                return found
            named = [
                item.payout and f"{item.payout.rule_id} {item.payout.rule_version}"
                for item in found.order.items
            ]
            return Decision((), encode(named))

        outcome = await self.store.commit(Commit(keys=(), decide=decide))
        assert not isinstance(outcome, Refusal), outcome
        named: list[str | None] = msgspec.json.decode(outcome.answer)
        return named


def a_body(rule_id: str = "S1", *, rule_type: str = STORE, percentage: object = 10) -> Json:
    """Return a rule as a client writes it."""
    return {
        "rule_type": rule_type,
        "rule_id": rule_id,
        "destinations": [
            {"type": "percentage", "value": percentage, "destination": "platform"},
            {"type": "remaining_amount", "destination": "seller"},
        ],
    }


@pytest.fixture
def with_books(database_url: str) -> Callable[[Callable[[Books], Awaitable[None]]], None]:
    """Return what opens a store and uses it."""
    return lambda use: with_store(database_url, lambda store: use(Books(store)))


WithBooks = Callable[[Callable[[Books], Awaitable[None]]], None]


def test_a_rule_is_made_and_read(with_books: WithBooks) -> None:
    """As it was sent, with its account, version and audit fields."""

    async def use(books: Books) -> None:
        sent = {**a_body(), "metadata": {"contract": "C-1"}}
        made = await books.ok("post", sent)
        assert made.items() >= sent.items()
        assert (made["account_id"], made["rule_version"]) == (ACCOUNT, 1)
        assert made["created_by"] == ACTOR
        assert await books.ok("id_get", id=made["id"]) == made
        assert await books.listed() == ["S1"]
        missing = await books.refused("id_get", id="nothing")
        assert missing.code == "NOT FOUND"

    with_books(use)


def test_a_rule_that_is_made_again_is_its_next_version(with_books: WithBooks) -> None:
    """Under the same id; the list shows the newest, and every version can be read."""

    async def use(books: Books) -> None:
        first = await books.ok("post", a_body(percentage=10))
        second = await books.ok("post", {**a_body(percentage="12.5"), "metadata": {"a": 1}})
        third = await books.ok("post", a_body(percentage=15))
        assert first["id"] == second["id"] == third["id"]
        assert [each["rule_version"] for each in (first, second, third)] == [1, 2, 3]
        assert third["created_at"] == first["created_at"]
        assert (await books.ok("get"))["payout_rules"] == [third]
        for made in (first, second, third):
            version = {"rule_version": made["rule_version"]}
            assert await books.ok("id_get", query=version, id=made["id"]) == made
        refusal = await books.refused("id_get", query={"rule_version": 4}, id=first["id"])
        assert refusal.code == "NOT FOUND"

    with_books(use)


def test_a_deleted_rule_stays_readable_and_is_followed_no_longer(with_books: WithBooks) -> None:
    """Deleting it twice is deleting it once; making it again is its next version."""

    async def use(books: Books) -> None:
        made = await books.ok("post", a_body())
        item = an_item(store="S1")
        assert await books.split(item) == ["S1 1"]
        gone = await books.ok("id_delete", id=made["id"])
        assert gone["deleted_by"] == ACTOR
        assert await books.ok("id_delete", id=made["id"]) == gone
        assert await books.ok("id_get", id=made["id"]) == gone
        assert await books.split(item) == [None]
        assert await books.listed() == []
        assert await books.listed(include_deleted=True) == ["S1"]
        again = await books.ok("post", a_body())
        assert (again["id"], again["rule_version"]) == (made["id"], 2)
        assert "deleted_at" not in again
        assert await books.split(item) == ["S1 2"]
        assert await books.ok("id_get", query={"rule_version": 1}, id=made["id"]) == made
        assert (await books.refused("id_delete", id="nothing")).code == "NOT FOUND"

    with_books(use)


def test_a_rule_with_faults_is_refused_with_all_of_them(with_books: WithBooks) -> None:
    """And nothing is kept."""

    async def use(books: Books) -> None:
        bad = a_body(percentage=101)
        bad["destinations"].append({"type": "flat_amount", "destination": "x"})
        refusal = await books.refused("post", bad)
        assert refusal.status == 400
        assert fault_codes(refusal) == ["PAYOUT_VALUE", "PAYOUT_VALUE", "PAYOUT_LEVEL_EXCEEDED"]
        assert await books.listed(include_deleted=True) == []

    with_books(use)


def test_rules_are_listed_page_by_page(with_books: WithBooks) -> None:
    """Every rule once, for every page size; filters narrow the list."""

    async def use(books: Books) -> None:
        await asyncio.gather(*(books.ok("post", a_body(f"S{n}")) for n in range(23)))
        await books.ok("post", a_body("S1", rule_type="special"))
        everything = await books.listed(limit=1000)
        assert sorted(everything) == sorted([*(f"S{n}" for n in range(23)), "S1"])
        for limit in (1, 5, 24):
            assert await books.listed(limit=limit) == everything
        assert await books.listed(rule_id=("S1",)) == ["S1", "S1"]
        assert sorted(await books.listed(rule_id=("S1", "S2"), rule_type=(STORE,))) == ["S1", "S2"]
        assert await books.listed(rule_type=("special",)) == ["S1"]
        assert await books.listed(rule_type=("special",), rule_id=("S2",)) == []
        refusal = await books.refused("get", query={"starting_after": "no cursor"})
        assert fault_codes(refusal) == ["INVALID_CURSOR"]

    with_books(use)


def test_many_rules_are_read_together(with_books: WithBooks) -> None:
    """More than a decision may ask for one after another: in a list, and for one draft."""

    async def use(books: Books) -> None:
        names = [f"S{n}" for n in range(120)]
        await asyncio.gather(*(books.ok("post", a_body(name)) for name in names))
        assert sorted(await books.listed(limit=1000)) == sorted(names)
        items = [an_item(line_id=n, store=name) for n, name in enumerate(names)]
        assert await books.split(*items) == [f"{name} 1" for name in names]

    with_books(use)


def test_rules_made_at_once_get_versions_of_their_own(with_books: WithBooks) -> None:
    """Sixteen parallel ones of one rule are its versions 1 to 16."""

    async def use(books: Books) -> None:
        made = await asyncio.gather(*(books.ok("post", a_body(percentage=n)) for n in range(16)))
        assert sorted(each["rule_version"] for each in made) == list(range(1, 17))
        assert await books.listed() == ["S1"]
        for each in made:
            version = {"rule_version": each["rule_version"]}
            read = await books.ok("id_get", query=version, id=each["id"])
            assert read["destinations"] == each["destinations"]

    with_books(use)


def test_accounts_do_not_see_each_others_rules(with_books: WithBooks) -> None:
    """Neither in lists, nor by id, nor in splits."""

    async def use(books: Books) -> None:
        made = await books.ok("post", a_body())
        other = Books(books.store, "T00000002")
        assert await other.listed() == []
        assert (await other.refused("id_get", id=made["id"])).code == "NOT FOUND"
        assert (await other.refused("id_delete", id=made["id"])).code == "NOT FOUND"
        assert await other.split(an_item(store="S1")) == [None]
        assert (await other.ok("post", a_body()))["id"] != made["id"]

    with_books(use)


def test_a_stale_version_is_refused(with_books: WithBooks) -> None:
    """If-Match holds for the next version of a rule and for its deletion."""

    async def use(books: Books) -> None:
        made = await books.ok("post", a_body())
        await books.ok("post", a_body(), if_match='"1"')
        for row, body in (("post", a_body()), ("id_delete", None)):
            asked = {} if body else {"id": made["id"]}
            refusal = await books.refused(row, body, if_match='"1"', **asked)
            assert refusal.code == "STALE_VERSION"

    with_books(use)


def test_lines_of_many_stores_find_their_rules(with_books: WithBooks) -> None:
    """Each by its own name, in the newest version."""

    async def use(books: Books) -> None:
        await asyncio.gather(*(books.ok("post", a_body(f"S{n}")) for n in range(0, 12, 2)))
        await books.ok("post", a_body("S4"))
        items = [an_item(line_id=n + 1, store=f"S{n}") for n in range(6)]
        assert await books.split(*items) == ["S0 1", None, "S2 1", None, "S4 2", None]

    with_books(use)
