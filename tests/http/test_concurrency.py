"""Many clients at once: no write is lost, none is applied twice, every read is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from tests.support.api import Api, Site, line, race, reversal, site_of
from tests.support.openapi import Json
from tests.support.postgres import Cluster
from tests.support.server import serving

CALLERS = 16


def each(call: Callable[[int], Json]) -> list[Json]:
    """The results of sixteen callers at once, each with a number of its own from 1."""
    return race(*[lambda number=number: call(number) for number in range(1, CALLERS + 1)])


def versions(document: Json) -> list[int]:
    """The versions that the events of a document tell of."""
    return [event["version"] for event in document["events"]]


def assert_whole(order: Json) -> None:
    """Totals are the sums over the lines, whatever happened before."""
    for name in ("gross_amount", "net_amount"):
        assert order[name] == sum(item[name] for item in order["items"])


# ------------------------------------------------------------------------------------- drafts


def test_parallel_adds_leave_every_item(api: Api) -> None:
    """A lost line: all adds answer 200 and all lines are there, each with a number of its own."""
    draft = api.draft()
    path = f"draft_orders/{draft['id']}"
    answers = each(lambda number: api.post(f"{path}/items", line(number, id=str(number))))
    after = api.get(path)
    assert sorted(item["gross_amount"] for item in after["order"]["items"]) == list(range(1, 17))
    assert sorted(item["line_id"] for item in after["order"]["items"]) == list(range(1, 17))
    assert after["order"]["gross_amount"] == sum(range(1, 17))
    assert after["version"] == 17
    assert versions(after) == list(range(1, 18))
    # Each caller saw its own item, and everything that was written before it.
    assert sorted(answer["version"] for answer in answers) == list(range(2, 18))
    for number, answer in enumerate(answers, 1):
        assert len(answer["order"]["items"]) == answer["version"] - 1
        assert str(number) in {item["id"] for item in answer["order"]["items"]}
        assert_whole(answer["order"])


def test_parallel_adds_of_one_line_number_have_one_winner(api: Api) -> None:
    """The same line_id sixteen times: one is taken, fifteen are conflicts."""
    path = f"draft_orders/{api.draft()['id']}"
    answers = each(lambda number: api.send("POST", f"{path}/items", line(number, 7)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 15}
    assert len(api.get(path)["order"]["items"]) == 1


def test_rapid_changes_of_one_line_keep_the_totals_right(api: Api) -> None:
    """A wrong total after rapid changes: it is always the sum of the lines that are there."""
    path = f"draft_orders/{api.draft(line(100, 1), line(1000, 2))['id']}"
    body = [line(number * 10, quantity=number) for number in range(CALLERS + 1)]
    answers = each(lambda number: api.put(f"{path}/items/1", body[number]))
    for answer in (*answers, api.get(path)):
        assert_whole(answer["order"])
        (first, _) = answer["order"]["items"]
        assert first["gross_amount"] == first["quantity"] * 10
    assert api.get(path)["version"] == 17


def test_mixed_edits_keep_lines_and_totals(api: Api) -> None:
    """Adds, replacements, removals and updates at once: each is applied, in some order."""
    path = f"draft_orders/{api.draft(*[line(100, n) for n in range(1, 9)])['id']}"

    def edit(number: int) -> Json:
        """One of four kinds of edits; no two are about the same line."""
        kind, target = number % 4, (number + 3) // 4
        if kind == 0:
            return api.post(f"{path}/items", line(10))
        if kind == 1:
            return api.put(f"{path}/items/{target}", line(7))
        if kind == 2:
            return api.delete(f"{path}/items/{target + 4}")
        return api.put(path, {"order": {"metadata": {"last": number}}})

    for answer in each(edit):
        assert_whole(answer["order"])
    after = api.get(path)
    amounts = Counter(item["gross_amount"] for item in after["order"]["items"])
    assert amounts == {7: 4, 10: 4}
    assert after["order"]["gross_amount"] == 68
    assert after["order"]["metadata"]["last"] in {3, 7, 11, 15}
    assert versions(after) == list(range(1, 18))


def test_readers_never_see_half_a_write(api: Api) -> None:
    """While writers work, every read shows a whole version with its own events."""
    path = f"draft_orders/{api.draft(line(1, 1))['id']}"

    def work(number: int) -> Json:
        """Half of the callers write, half of them read."""
        if number % 2:
            return [api.post(f"{path}/items", line(number)) for _ in range(5)]
        return [api.get(path) for _ in range(5)]

    for seen in chain.from_iterable(each(work)):
        assert_whole(seen["order"])
        assert versions(seen) == list(range(1, seen["version"] + 1))
        assert len(seen["order"]["items"]) == seen["version"]


# --------------------------------------------------------------------------------- completing


def test_parallel_completions_make_one_order(api: Api) -> None:
    """A double order: sixteen completions, one order, and no caller learns of a race."""
    draft = api.draft(line(100, 1), options={"generate_order_id": "ALPHANUMERIC_9"})
    answers = each(lambda _: api.put(f"draft_orders/{draft['id']}/complete", {}))
    assert all(answer == answers[0] for answer in answers)
    (order,) = api.get("orders")["orders"]
    assert order == answers[0]["orders"][0]
    assert order["order_number"] == "100001"
    assert api.get(f"draft_orders/{draft['id']}")["version"] == 2


def test_items_added_while_completing_are_in_the_order_or_refused(api: Api) -> None:
    """The draft is read inside the guard: what was accepted before is in, the rest is refused."""
    draft = api.draft(line(1, 1))
    path = f"draft_orders/{draft['id']}"

    def work(number: int) -> Json:
        """One caller completes; the others add."""
        if number == 8:
            return api.send("PUT", f"{path}/complete", {})
        return api.send("POST", f"{path}/items", line(number))

    answers = each(work)
    assert {answer.status_code for answer in answers} <= {200, 409}
    (order,) = answers[7].json()["orders"]
    accepted = sum(answer.status_code == 200 for answer in answers) - 1
    assert len(order["items"]) == accepted + 1
    assert order["items"] == [{**item, "version": 1} for item in api.get(path)["order"]["items"]]


def test_parallel_orders_have_numbers_of_their_own(api: Api) -> None:
    """A clash of order numbers: every order is made, and no number is given twice."""
    orders = each(lambda _: [api.order() for _ in range(3)])
    numbers = [int(order["order_number"]) for made in orders for order in made]
    assert len(set(numbers)) == 48
    assert min(numbers) == 100_001
    for made in orders:
        given = [int(order["order_number"]) for order in made]
        assert given == sorted(given)


def test_one_own_order_id_for_many_has_one_winner(api: Api) -> None:
    """Sixteen orders under one order_id: one is made, fifteen are conflicts."""
    body = {"currency": "NOK", "items": [line()], "order_id": "A-1"}
    answers = each(lambda _: api.send("POST", "orders", body))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 15}
    assert len(api.get("orders")["orders"]) == 1


def test_parallel_updates_of_one_order_are_all_applied(api: Api) -> None:
    """Sixteen drafts that each add a line to the same order."""
    order_id = api.order(line(100, 1))["order_id"]
    options = {"order_id": order_id}
    drafts = [api.draft(line(n, 100 + n), options=options) for n in range(1, 17)]
    each(lambda number: api.complete(drafts[number - 1]))
    order = api.get(f"orders/{order_id}")
    assert len(order["items"]) == 17
    assert_whole(order)
    assert versions(order) == list(range(1, 18))
    assert len({event.get("draft_id") for event in order["events"]} - {None}) == 16
    assert order["payment_details"]["amount_due"] == 100 + sum(range(1, 17))


def test_raced_reversals_never_exceed_their_line(api: Api) -> None:
    """Sixteen drafts that each reverse a fifth of a line: five are completed."""
    order_id = api.order(line(1000, 1))["order_id"]
    options = {"order_id": order_id}
    drafts = [
        api.draft(reversal(10 + n, of=1, gross_amount=-200), options=options) for n in range(16)
    ]

    def complete(number: int) -> Json:
        """Complete one of them."""
        return api.send("PUT", f"draft_orders/{drafts[number - 1]['id']}/complete", {})

    answers = each(complete)
    assert Counter(answer.status_code for answer in answers) == {200: 5, 409: 11}
    assert api.get(f"orders/{order_id}")["net_amount"] == 0


# ------------------------------------------------------------------------------------- orders


def test_parallel_notes_on_one_order_are_all_kept(api: Api) -> None:
    """Comments, events and updates at once: everything is there, one event for each."""
    path = f"orders/{api.order()['order_id']}"

    def note(number: int) -> Json:
        """One of three kinds of notes."""
        if number % 3 == 0:
            return api.post(f"{path}/comments", {"body": str(number)})
        if number % 3 == 1:
            report = {"service": str(number), "service_status": "x"}
            return api.post(f"{path}/events", report)
        return api.put(path, {"metadata": {"by": number}})

    each(note)
    order = api.get(path)
    assert {comment["body"] for comment in order["comments"]} == {"3", "6", "9", "12", "15"}
    services = {event["service"] for event in order["events"] if "service" in event}
    assert services == {"1", "4", "7", "10", "13", "16"}
    assert versions(order) == list(range(1, 18))


def test_close_and_cancel_raced_leave_a_possible_order(api: Api) -> None:
    """Whoever comes first wins; the loser is refused by what is then there."""
    path = f"orders/{api.order()['order_id']}"
    answers = each(lambda n: api.send("POST", f"{path}/{'close' if n % 2 else 'cancel'}"))
    order = api.get(path)
    won, lost = ("cancel", "close") if order["status"] == "cancelled" else ("close", "cancel")
    for number, answer in enumerate(answers, 1):
        kind = "close" if number % 2 else "cancel"
        assert answer.status_code == (200 if kind == won else 409), (won, lost)
    assert order["version"] == 2


def test_no_caller_learns_of_a_conflict_inside_the_database(api: Api) -> None:
    """Serialization failures that reach the client: hot and cold documents mixed, all 200."""
    drafts = [api.draft()["id"] for _ in range(4)]

    def work(number: int) -> Json:
        """Write to every draft in turn, each caller beginning elsewhere."""
        order = [drafts[(number + step) % 4] for step in range(8)]
        return [api.send("POST", f"draft_orders/{id_}/items", line(1)) for id_ in order]

    statuses = Counter(answer.status_code for answers in each(work) for answer in answers)
    assert statuses == {200: 128}
    assert [len(api.get(f"draft_orders/{i}")["order"]["items"]) for i in drafts] == [32] * 4


def test_thousand_lines_stay_usable(api: Api) -> None:
    """Large documents: added to by many, read, completed, updated and listed."""
    draft = api.draft(*[line(100, n) for n in range(1, 1001)])
    path = f"draft_orders/{draft['id']}"
    params = {"include_events": "false"}
    each(lambda number: api.post(f"{path}/items", line(number), params=params))
    assert len(api.ok("GET", path, params=params)["order"]["items"]) == 1016
    (order,) = api.complete(draft)
    assert order["gross_amount"] == 100_000 + sum(range(1, 17))
    change = {"items": [{"line_id": 1000, "status": "packed"}]}
    after = api.put(f"orders/{order['order_id']}", change, params=params)
    assert after["items"][999]["status"] == "packed"
    (listed,) = api.get("orders")["orders"]
    assert listed == after


# ------------------------------------------------------- two processes on one PostgreSQL database


@pytest.fixture(scope="module")
def twins(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> Iterator[tuple[Site, Site]]:
    """Two server processes on one database."""
    folder = tmp_path_factory.mktemp("twins")
    with (
        postgres_cluster.fresh_database() as database,
        serving(database, folder) as one,
        serving(database, folder) as other,
        site_of(one) as first,
        site_of(other) as second,
    ):
        yield first, second


@pytest.fixture
def pair(twins: tuple[Site, Site]) -> tuple[Api, Api]:
    """The same client at both processes."""
    first, second = twins
    api = first.new_account()
    return api, Api(second.http, second.contract, api.credentials)


@pytest.mark.postgres
def test_two_processes_keep_every_item(pair: tuple[Api, Api]) -> None:
    """The callers are spread over both; lines, versions and events are as with one process."""
    path = f"draft_orders/{pair[0].draft()['id']}"
    each(lambda number: pair[number % 2].post(f"{path}/items", line(number)))
    for api in pair:
        after = api.get(path)
        assert sorted(i["gross_amount"] for i in after["order"]["items"]) == list(range(1, 17))
        assert sorted(i["line_id"] for i in after["order"]["items"]) == list(range(1, 17))
        assert versions(after) == list(range(1, 18))
        assert_whole(after["order"])


@pytest.mark.postgres
def test_two_processes_complete_once(pair: tuple[Api, Api]) -> None:
    """Both complete the same draft, again and again: one order each time."""
    for _ in range(5):
        path = f"draft_orders/{pair[0].draft(line(100, 1))['id']}/complete"

        def complete(number: int, path: str = path) -> Json:
            """Complete it at one of the two."""
            return pair[number % 2].put(path, {})

        answers = each(complete)
        assert all(answer == answers[0] for answer in answers)
    assert len(pair[1].get("orders")["orders"]) == 5


@pytest.mark.postgres
def test_two_processes_give_numbers_and_ids_once(pair: tuple[Api, Api]) -> None:
    """Order numbers, own order_ids and own draft ids are unique over both."""
    orders = each(lambda number: pair[number % 2].order())
    assert len({order["order_number"] for order in orders}) == 16
    body = {"currency": "NOK", "items": [line()], "order_id": "A-1"}
    answers = each(lambda number: pair[number % 2].send("POST", "orders", body))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 15}
    own = {"id": "D-1", "order": {"currency": "NOK"}}
    drafts = each(lambda number: pair[number % 2].post("draft_orders", own))
    assert all(draft == drafts[0] for draft in drafts)


@pytest.mark.postgres
def test_two_processes_honour_one_key(pair: tuple[Api, Api]) -> None:
    """A key raced at both has one effect and sixteen equal answers."""
    path = f"draft_orders/{pair[0].draft()['id']}"
    headers = {"Idempotency-Key": "raced"}

    def add(number: int) -> Json:
        """Add the same item under the same key, at one of the two."""
        return pair[number % 2].send("POST", f"{path}/items", line(1), headers=headers)

    answers = each(add)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replayed) == 15
    assert len(pair[0].get(path)["order"]["items"]) == 1


@pytest.mark.postgres
def test_two_processes_read_each_others_writes_at_once(pair: tuple[Api, Api]) -> None:
    """What one has answered, the other shows in the very next read, single or list."""
    one, other = pair
    path = f"orders/{one.order()['order_id']}"
    for number in range(10):
        one, other = other, one
        written = one.put(path, {"comment": str(number)})
        assert other.get(path) == written
        assert other.get("orders", search=written["order_number"])["orders"][0]["comment"] == str(
            number
        )


@pytest.mark.postgres
def test_several_workers_of_one_server_behave_as_one(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> None:
    """The same again with `--workers 2`: one address, two processes."""
    folder = tmp_path_factory.mktemp("workers")
    with (
        postgres_cluster.fresh_database() as database,
        serving(database, folder, "--workers", "2") as server,
        site_of(server) as site,
    ):
        api = site.new_account()
        path = f"draft_orders/{api.draft()['id']}"
        each(lambda number: api.post(f"{path}/items", line(number)))
        assert len(api.get(path)["order"]["items"]) == 16
        answers = each(lambda _: api.put(f"{path}/complete", {}))
        assert all(answer == answers[0] for answer in answers)
