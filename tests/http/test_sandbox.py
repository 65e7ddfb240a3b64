"""The sandbox of test accounts: a clock that moves, fixed ids, a reset, and who has none."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from ordrebok.operation import Operation
from ordrebok.store.sandboxes import EMPTIED
from ordrebok.table import OPERATIONS
from tests.http.world import World, body_of
from tests.support.api import Api, Site, line, paths_of, race, site_of
from tests.support.sandbox import DAY, HOUR, NEW_YEAR, ORDER, Sandbox, is_soon_after, moment_of
from tests.support.server import poll, serving

ROWS = tuple(row for row in OPERATIONS if "/sandbox/" in row.path)


# --------------------------------------------------------------------------------- the clock


def test_a_clock_is_right_until_it_is_moved(sandbox: Sandbox) -> None:
    """It is set, goes on from there, and goes back to the real time."""
    api, path = sandbox.api, sandbox.path("clock")
    real = api.get(path)
    assert (real["offset_seconds"], real["moved"]) == (0, False)
    clock = sandbox.set_clock(NEW_YEAR)
    assert clock["moved"] is True
    assert is_soon_after(clock["now"], NEW_YEAR)
    assert is_soon_after(sandbox.advance(30 * DAY)["now"], NEW_YEAR + 30 * DAY)
    assert is_soon_after(api.get(path)["now"], NEW_YEAR + 30 * DAY)
    assert is_soon_after(sandbox.advance(0 * DAY)["now"], NEW_YEAR + 30 * DAY)
    right = api.delete(path)
    assert (right["offset_seconds"], right["moved"]) == (0, False)
    assert is_soon_after(right["now"], moment_of(real["now"]))


def test_what_is_written_has_the_time_of_the_account(playing: Site, sandbox: Sandbox) -> None:
    """Of drafts, orders, events and operations; and of no other account."""
    other = playing.new_account()
    sandbox.set_clock(NEW_YEAR)
    api = sandbox.api
    draft = api.draft(line(100, 1))
    order = api.order()
    path = f"orders/{order['order_id']}"
    made = api.post(f"{path}/authorizations", {"items": [{"line_id": 1, "amount": 10}]})
    sandbox.advance(DAY)
    closed = api.post(f"{path}/close")
    for text in (draft["created_at"], order["created_at"], made["created_at"]):
        assert is_soon_after(text, NEW_YEAR)
    assert is_soon_after(closed["updated_at"], NEW_YEAR + DAY)
    assert is_soon_after(closed["events"][-1]["created_at"], NEW_YEAR + DAY)
    assert moment_of(other.draft(line(100, 1))["created_at"]) < NEW_YEAR


def test_a_discount_begins_when_its_time_has_come(sandbox: Sandbox) -> None:
    """A window that begins tomorrow is tried out at once."""
    api = sandbox.api
    sandbox.set_clock(NEW_YEAR)
    window = {
        "purchase_from": (NEW_YEAR + DAY).isoformat(),
        "purchase_to": (NEW_YEAR + 3 * DAY).isoformat(),
    }
    rules = f"/v1/accounts/{api.account_id}/discounts/rules"
    reward = {"type": "discount_percent", "value": 10}
    rule = api.post(rules, {"name": "Ten", "requirement": window, "reward": reward})
    api.post(f"{rules}/{rule['id']}/customers", {"customers": ["*"]})
    item = line(1_000, 1, eligible_for_discount=True)
    body = {"order": {"currency": "NOK", "customer": {"id": "C1"}, "items": [item]}}

    def net() -> int:
        """What the purchase costs now."""
        draft = api.post("draft_orders", body, params={"apply_discounts": "true"})
        amount: int = draft["order"]["items"][0]["net_amount"]
        return amount

    assert net() == 1_000
    sandbox.advance(2 * DAY)
    assert net() == 900
    sandbox.advance(2 * DAY)
    assert net() == 1_000


def test_tokens_stay_on_the_real_time(sandbox: Sandbox) -> None:
    """A client goes on with its token, however far its account's clock goes."""
    sandbox.advance(365 * DAY)
    assert sandbox.api.draft(line(100, 1))["version"] == 1


def test_a_clock_that_is_set_back_keeps_the_order_of_changes(sandbox: Sandbox) -> None:
    """Versions go on; lists go by the time that each was made at."""
    api = sandbox.api
    sandbox.set_clock(NEW_YEAR)
    first = api.draft(line(100, 1))
    sandbox.set_clock(NEW_YEAR - 10 * DAY)
    second = api.draft(line(100, 1))
    changed = api.put(f"draft_orders/{first['id']}", {"order": {"comment": "x"}})
    assert changed["version"] == 2
    assert [event["version"] for event in changed["events"]] == [1, 2]
    assert is_soon_after(changed["updated_at"], NEW_YEAR - 10 * DAY)
    rows = api.get("draft_orders")["draft_orders"]
    assert [row["id"] for row in rows] == [first["id"], second["id"]]
    page = api.get("draft_orders", limit=1)
    (last,) = api.get("draft_orders", starting_after=page["starting_after"])["draft_orders"]
    assert last["id"] == second["id"]


@pytest.mark.parametrize("text", ["1999-12-31T23:59:59Z", "9000-01-01T00:00:00Z"])
def test_a_clock_stays_within_its_range(sandbox: Sandbox, text: str) -> None:
    """Between the years 2000 and 8999, where every order's end is a date that exists."""
    api, path = sandbox.api, sandbox.path("clock")
    error = api.refused("INVALID_REQUEST_PARAMETER", "PUT", path, {"now": text})
    assert paths_of(error) == [["now"]]
    for seconds in (-1, 2**53 - 1, 7_000 * 366 * 86_400):
        body = {"seconds": seconds}
        error = api.refused("INVALID_REQUEST_PARAMETER", "POST", f"{path}/advance", body)
        assert paths_of(error) == [["seconds"]]
    assert api.get(path)["moved"] is False


def test_no_step_of_a_clock_is_lost(sandbox: Sandbox) -> None:
    """Eight clients let an hour pass each."""
    sandbox.set_clock(NEW_YEAR)
    race(*[lambda: sandbox.advance(HOUR)] * 8)
    clock = sandbox.api.get(sandbox.path("clock"))
    assert is_soon_after(clock["now"], NEW_YEAR + 8 * HOUR)


# --------------------------------------------------------------------------------- the reset


def rows_of(database: str, account_id: str) -> dict[str, int]:
    """How many rows an account has in every table that has accounts."""
    if database.startswith("sqlite"):
        connection = sqlite3.connect(database.removeprefix("sqlite:///"))
        try:
            tables = connection.execute(
                "select t.name from sqlite_master as t join pragma_table_info(t.name) as c "
                "where t.type = 'table' and c.name = 'account_id'"
            ).fetchall()
            text = "select count(*) from {} where account_id = ?"
            return {
                table: connection.execute(text.format(table), (account_id,)).fetchone()[0]
                for (table,) in tables
            }
        finally:
            connection.close()

    async def count() -> dict[str, int]:
        client = await asyncpg.connect(database)
        tables = await client.fetch(
            "select table_name from information_schema.columns "
            "where table_schema = 'public' and column_name = 'account_id'"
        )
        text = "select count(*) from {} where account_id = $1"
        found = {row[0]: await client.fetchval(text.format(row[0]), account_id) for row in tables}
        await client.close()
        return found

    return asyncio.run(count())


KEPT = {"accounts", "clients", "grants", "sandboxes"}


def test_a_reset_empties_the_account_and_no_other(playing: Site) -> None:
    """Every table, also those that come later, is either emptied or known to be kept."""
    one, other = World(playing.new_account()), World(playing.new_account())
    sandbox, database = Sandbox(one.api), playing.server.database
    for world in (one, other):
        body = body_of(next(row for row in OPERATIONS if row.id == "aid_orders_post"))
        world.api.post("orders", *body, headers={"Idempotency-Key": "k"})
        for row in OPERATIONS:
            if row.path.startswith("/accounts/{aid}/discounts/"):
                world.ready_for(row)
    sandbox.set_clock(NEW_YEAR)
    before, beside = (rows_of(database, each.api.account_id) for each in (one, other))
    assert before.keys() == KEPT | set(EMPTIED)
    emptied = sandbox.reset()
    assert emptied == {"documents": before["documents"]}
    after = rows_of(database, one.api.account_id)
    assert {table: count for table, count in after.items() if table not in KEPT and count} == {}
    assert {table: after[table] for table in KEPT} == {table: before[table] for table in KEPT}
    assert rows_of(database, other.api.account_id) == beside
    assert sandbox.reset() == {"documents": 0}


def test_an_account_begins_anew_after_a_reset(sandbox: Sandbox) -> None:
    """The first number is given again, keys are free, and rules that were there give nothing."""
    api = sandbox.api
    rules = f"/v1/accounts/{api.account_id}/discounts/rules"
    item = line(1_000, 1, eligible_for_discount=True)
    body = {"order": {"currency": "NOK", "customer": {"id": "C1"}, "items": [item]}}
    window = {"purchase_from": "2020-01-01T00:00:00Z", "purchase_to": "2100-01-01T00:00:00Z"}
    for expected in (900, 1_000):
        if expected == 900:
            reward = {"type": "discount_percent", "value": 10}
            rule = api.post(rules, {"name": "Ten", "requirement": window, "reward": reward})
            api.post(f"{rules}/{rule['id']}/customers", {"customers": ["*"]})
        draft = api.post("draft_orders", body, params={"apply_discounts": "true"})
        assert draft["order"]["items"][0]["net_amount"] == expected
        order = api.send("POST", "orders", ORDER, headers={"Idempotency-Key": "k"})
        assert "idempotency-replayed" not in order.headers
        assert order.json()["order_number"] == "100001"
        sandbox.reset()
        assert api.get("orders") == {"orders": []}
        assert api.get("draft_orders") == {"draft_orders": []}
        api.refused("NOT FOUND", "GET", f"orders/{order.json()['order_id']}")


def test_a_reset_of_many_rows_while_others_write(sandbox: Sandbox) -> None:
    """What is left was written whole: each draft has its events, and can be changed."""
    api = sandbox.api
    items = [line(100, number) for number in range(1, 30)]
    order = api.order(*items)
    for _ in range(25):
        race(*[lambda: api.put(f"orders/{order['order_id']}", {"comment": "x"})] * 4)

    def write() -> list[str]:
        return [api.draft(line(100, 1))["id"] for _ in range(10)]

    race(lambda: [str(sandbox.reset())], write, write)
    for draft in api.get("draft_orders", limit=100, include_events="true")["draft_orders"]:
        assert len(draft["events"]) == draft["version"] == 1
        assert api.put(f"draft_orders/{draft['id']}", {"order": {"comment": "x"}})["version"] == 2


# ---------------------------------------------------------------------------------- the seed


def shop(api: Api) -> list[str]:
    """Buy something; every id that was given on the way."""
    draft = api.draft(line(100, 1), options={"generate_order_id": "ALPHANUMERIC_9"})
    (order,) = api.complete(draft)
    path = f"orders/{order['order_id']}"
    api.refused("NOT FOUND", "PUT", "orders/nothing", {})
    made = api.post(f"{path}/authorizations", {"items": [{"line_id": 1, "amount": 10}]})
    comment = api.post(f"{path}/comments", {"body": "x"})
    events = api.get(f"{path}/events")["events"]
    named = (draft["id"], order["id"], order["order_id"], order["order_number"], made["id"])
    return [*named, comment["id"], *(event["id"] for event in events)]


def test_the_same_requests_get_the_same_ids_after_a_reset(sandbox: Sandbox) -> None:
    """With another seed others, and without one never the same."""
    api = sandbox.api
    sandbox.sow("one")
    first = shop(api)
    assert len(set(first)) == len(first)
    assert set(first).isdisjoint(set(shop(api)) - {"100001"})
    sandbox.reset()
    assert shop(api) == first
    sandbox.reset()
    sandbox.sow("two")
    assert set(shop(api)) & set(first) == {"100001"}
    assert api.delete(sandbox.path("seed")) == {"seed": "two"}
    sandbox.reset()
    assert set(shop(api)) & set(first) == {"100001"}
    assert api.delete(sandbox.path("seed")) == {}


def test_a_dry_run_shows_the_ids_of_the_next_write(sandbox: Sandbox) -> None:
    """And uses none of them up."""
    sandbox.sow("one")
    body = {"order": ORDER}
    tried = sandbox.api.post("draft_orders", body, headers={"Prefer": "dry-run"})
    assert sandbox.api.post("draft_orders", body)["id"] == tried["id"]


@pytest.mark.postgres
def test_both_engines_give_the_same_ids(playing_sqlite: Site, playing_postgres: Site) -> None:
    """What was tried on a laptop is found again on a server."""
    given = []
    for site in (playing_sqlite, playing_postgres):
        sandbox = Sandbox(site.new_account())
        sandbox.sow("one")
        given.append(shop(sandbox.api))
    assert given[0] == given[1]


def test_parallel_writes_draw_different_ids(sandbox: Sandbox) -> None:
    """Nobody meets the id of somebody else."""
    sandbox.sow("one")
    drafts = race(*[lambda: sandbox.api.draft(line(100, 1))["id"]] * 8)
    assert len(set(drafts)) == 8


# ---------------------------------------------------------------------- who has no sandbox


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_production_accounts_have_no_sandbox(playing: Site, row: Operation) -> None:
    """Accounts beginning with P refuse all of it."""
    account_id = f"P{playing.operator.add_account()[1:]}"
    api = playing.client_of(playing.operator.add_account(account_id))
    refuse_all(api, row)
    assert moment_of(api.draft(line(100, 1))["created_at"]) < NEW_YEAR


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_server_without_sandboxes_serves_none(site: Site, row: Operation) -> None:
    """Also not to test accounts."""
    refuse_all(site.new_account(), row)


def refuse_all(api: Api, row: Operation) -> None:
    """Send an operation's valid request and see that there is no sandbox."""
    path = "/v1" + row.path.replace("{aid}", api.account_id)
    api.refused("NO_SANDBOX", row.method, path, *body_of(row))


# ------------------------------------------------------------------------ several processes


def test_a_sandbox_survives_a_restart(tmp_path: Path, database_url: str) -> None:
    """The clock, the seed with its count, and the faults."""
    with serving(database_url, tmp_path, "--sandbox") as server, site_of(server) as site:
        sandbox = Sandbox(site.new_account())
        sandbox.set_clock(NEW_YEAR)
        sandbox.sow("one")
        first = sandbox.api.draft(line(100, 1))["id"]
        sandbox.plan({"kind": "unavailable"})
        credentials = sandbox.api.credentials
    with serving(database_url, tmp_path, "--sandbox") as server, site_of(server) as site:
        again = Sandbox(Api(site.http, site.contract, credentials))
        assert again.api.send("GET", "draft_orders").status_code == 503
        draft = again.api.draft(line(100, 1))
        assert draft["id"] != first
        assert is_soon_after(draft["created_at"], NEW_YEAR)
        again.reset()
        assert again.api.draft(line(100, 1))["id"] == first
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        plain = Api(site.http, site.contract, credentials)
        assert moment_of(plain.draft(line(100, 1))["created_at"]) < NEW_YEAR


@pytest.mark.postgres
def test_other_processes_see_a_sandbox_soon(tmp_path: Path, postgres_url: str) -> None:
    """Its clock, and its faults, each of which one request meets."""
    with (
        serving(postgres_url, tmp_path, "--sandbox") as one,
        serving(postgres_url, tmp_path, "--sandbox") as two,
        site_of(one) as here,
        site_of(two) as there,
    ):
        sandbox = Sandbox(here.new_account())
        other = Sandbox(Api(there.http, there.contract, sandbox.api.credentials))
        sandbox.set_clock(NEW_YEAR)
        path = sandbox.path("clock")
        poll(lambda: other.api.get(path)["moved"], "the clock")
        assert is_soon_after(other.api.draft(line(100, 1))["created_at"], NEW_YEAR)
        sandbox.plan({"kind": "unavailable"})
        poll(other.left, "the faults")
        calls = [sandbox.api.send, other.api.send] * 2
        answers = race(*[lambda send=send: send("GET", "orders").status_code for send in calls])
        assert sorted(answers) == [200, 200, 200, 503]
