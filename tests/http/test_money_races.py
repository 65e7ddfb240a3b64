"""Money under many clients at once: the equations hold, and what each was told is true.

Everything is played on each engine with one server, and on PostgreSQL with two server processes
between which the callers alternate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import httpx
import pytest

from tests.http.till import Money, Till, accepted_sum
from tests.support.api import Api, Site, line, race, site_of
from tests.support.openapi import Json
from tests.support.postgres import Cluster
from tests.support.server import serving

CALLERS = 16


class House(NamedTuple):
    """One or two servers on one database."""

    sites: tuple[Site, ...]

    def clients(self) -> list[Api]:
        """A client of a fresh account, at each server."""
        first = self.sites[0].new_account()
        others = self.sites[1:]
        return [first, *(Api(each.http, each.contract, first.credentials) for each in others)]


@pytest.fixture(scope="module")
def two_processes(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> Iterator[House]:
    """Two server processes on one database."""
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        database = stack.enter_context(postgres_cluster.fresh_database())
        servers = [stack.enter_context(serving(database, folder)) for _ in range(2)]
        yield House(tuple(stack.enter_context(site_of(server)) for server in servers))


@pytest.fixture(
    params=[
        pytest.param("sqlite_site", id="sqlite"),
        pytest.param("postgres_site", id="postgres", marks=pytest.mark.postgres),
        pytest.param("two_processes", id="two processes", marks=pytest.mark.postgres),
    ]
)
def clients(request: pytest.FixtureRequest) -> list[Api]:
    """One client, at every server that there is."""
    found = request.getfixturevalue(request.param)
    house = found if isinstance(found, House) else House((found,))
    return house.clients()


class Crowd:
    """Sixteen callers with one order, spread over the servers."""

    def __init__(self, clients: list[Api], net: int, **options: Json) -> None:
        order = clients[0].order(line(net, 1), options=options)
        self.tills = [Till(api, order) for api in clients]
        self.till = self.tills[0]

    def each(self, call: Callable[[Till, int], httpx.Response]) -> list[httpx.Response]:
        """The answers of all callers at once; each has a number of its own from 1."""
        tills = self.tills
        return race(*[lambda n=n: call(tills[n % len(tills)], n) for n in range(1, CALLERS + 1)])

    def recorded(self, kind: str) -> int:
        """The sum of the operations of a kind, the same at every server."""
        sums: set[int] = {sum(each["amount"] for each in t.listed(kind)) for t in self.tills}
        (found,) = sums
        return found

    def check(self, kind: str, answers: list[httpx.Response]) -> int:
        """What the callers were told is what is recorded, to the last unit; return the sum."""
        told = {answer.json()["id"]: answer.json() for answer in answers if answer.is_success}
        found = {each["id"]: each for each in self.till.listed(kind)}
        assert told == found
        total = accepted_sum(answers)
        assert total == self.recorded(kind)
        return total

    def check_refusals(self, answers: list[httpx.Response], left: int) -> None:
        """Whoever was refused asked for more than was left, then and now."""
        for answer in answers:
            if answer.status_code == httpx.codes.CONFLICT:
                (fault,) = answer.json()["error"]["errors"]
                assert fault["requested"] > fault["remaining"] >= left


def test_parallel_captures_of_one_authorization(clients: list[Api]) -> None:
    """Sixteen times a tenth of it: ten are taken, six are told that nothing is left."""
    crowd = Crowd(clients, 1_000)
    crowd.till.authorize({1: 1_000})
    answers = crowd.each(lambda till, _: till.send("captures", {1: 100}))
    assert Counter(answer.status_code for answer in answers) == {200: 10, 409: 6}
    assert crowd.check("captures", answers) == 1_000
    crowd.check_refusals(answers, 0)
    assert crowd.till.money() == Money(0, 0, 0, 1_000, 0, "paid")


def test_parallel_captures_of_all_sizes(clients: list[Api]) -> None:
    """Never more than is authorized; whoever was refused would have passed it."""
    crowd = Crowd(clients, 1_000)
    crowd.till.authorize({1: 1_000})
    answers = crowd.each(lambda till, n: till.send("captures", {1: 17 * n}))
    captured = crowd.check("captures", answers)
    crowd.check_refusals(answers, 1_000 - captured)
    assert crowd.till.money().capture == 1_000 - captured >= 0


def test_parallel_refunds(clients: list[Api]) -> None:
    """Sixteen refunds of a seventh: seven are paid back, and not one unit more."""
    crowd = Crowd(clients, 700)
    crowd.till.authorize({1: 700})
    crowd.till.capture({1: 700})
    answers = crowd.each(lambda till, _: till.send("refunds", {1: 100}))
    assert Counter(answer.status_code for answer in answers) == {200: 7, 409: 9}
    assert crowd.check("refunds", answers) == 700
    crowd.check_refusals(answers, 0)
    assert crowd.till.money() == Money(0, 0, 0, 0, 0, "refunded")


def test_parallel_authorizations_of_a_line_that_takes_one(clients: list[Api]) -> None:
    """One is taken, the others are told of it."""
    crowd = Crowd(clients, 1_000)
    answers = crowd.each(lambda till, n: till.send("authorizations", {1: 10 * n}))
    codes = Counter(a.json()["error"]["code"] for a in answers if not a.is_success)
    assert codes == {"ALREADY_AUTHORIZED": 15}
    authorized = crowd.check("authorizations", answers)
    assert crowd.till.money().capture == authorized


def test_parallel_authorizations_of_a_line_that_takes_several(clients: list[Api]) -> None:
    """As many as fit into the line; then each is captured by two callers, and once."""
    crowd = Crowd(clients, 800, multiple_authorizations=True)
    answers = crowd.each(lambda till, _: till.send("authorizations", {1: 100}))
    assert crowd.check("authorizations", answers) == 800
    ids = [each["id"] for each in crowd.till.listed("authorizations")]
    captures = crowd.each(
        lambda till, n: till.send("captures", {1: 100}, authorization_id=ids[n % 8])
    )
    assert crowd.check("captures", captures) == 800
    assert Counter(each["authorization_id"] for each in crowd.till.listed("captures")) == (
        Counter(ids)
    )
    assert crowd.till.money() == Money(0, 0, 0, 800, 0, "paid")


def test_captures_against_cancellations(clients: list[Api]) -> None:
    """Both take from the same authorization, and together exactly what it holds."""
    crowd = Crowd(clients, 1_000)
    crowd.till.authorize({1: 1_000})
    kinds = ("captures", "cancellations")
    answers = crowd.each(lambda till, n: till.send(kinds[n % 2], {1: 100}))
    cancelled = crowd.check("cancellations", answers[0::2])
    captured = crowd.check("captures", answers[1::2])
    assert captured + cancelled == 1_000
    assert crowd.till.money()[:3] == (cancelled, 0, 0)


def test_a_capture_against_the_cancelling_of_the_order(clients: list[Api]) -> None:
    """Either money was captured and the order stands, or it is cancelled and holds none."""
    for _ in range(4):
        crowd = Crowd(clients, 100)
        crowd.till.authorize({1: 100})

        def work(till: Till, number: int) -> httpx.Response:
            """Half of the callers capture, the others cancel."""
            if number % 2:
                return till.send("captures", {1: 100})
            return till.api.send("POST", f"{till.path}/cancel", {})

        answers = crowd.each(work)
        captured = crowd.check("captures", answers[0::2])
        order = crowd.till.order()
        refusals = Counter(a.json()["error"]["code"] for a in answers if not a.is_success)
        if order["status"] == "cancelled":
            assert captured == 0
            assert refusals == {"ORDER_CANCELLED": 8}
            assert crowd.till.money() == Money(0, 100, 100, 0, 0, "pending")
        else:
            assert captured == 100
            assert refusals == {"ORDER_HAS_PAYMENTS": 8, "CAPTURE_EXCEEDS_AUTHORIZATION": 7}
            assert crowd.till.money() == Money(0, 0, 0, 100, 0, "paid")


def test_captures_against_closing(clients: list[Api]) -> None:
    """What was captured was captured before; after it every caller is told that it is closed."""
    crowd = Crowd(clients, 1_600)
    crowd.till.authorize({1: 1_600})

    def work(till: Till, number: int) -> httpx.Response:
        """One caller closes, in the middle of the others."""
        if number == 5:
            return till.api.send("POST", f"{till.path}/close")
        return till.send("captures", {1: 100})

    answers = crowd.each(work)
    closing = answers.pop(4)
    assert closing.status_code == httpx.codes.OK
    captured = crowd.check("captures", answers)
    for answer in answers:
        if answer.is_success:
            assert _version(answer) < _version(closing)
        else:
            assert answer.json()["error"]["code"] == "ORDER_CLOSED"
    order = crowd.till.order()
    assert order["status"] == "closed"
    assert order["version"] == _version(closing) == 2 + captured // 100 + 1
    assert closing.json()["payment_details"] == order["payment_details"]
    crowd.till.money()


def test_completing_against_item_edits_and_payments(clients: list[Api]) -> None:
    """The order is what the last accepted edit made it, and no more than that is authorized."""
    draft = clients[0].draft(line(50, 1), order_id="CART-1")
    path = f"draft_orders/{draft['id']}"

    def work(number: int) -> httpx.Response:
        """Edit the amount, complete, or try to authorize all that it may come to."""
        api = clients[number % len(clients)]
        if number % 4 == 0:
            return api.send("PUT", f"{path}/complete", {})
        if number % 4 == 1:
            return Till(api, "CART-1").send("authorizations", {1: 100 + number})
        return api.send("PUT", f"{path}/items/1", line(100 + number, 1))

    answers = race(*[lambda n=n: work(n) for n in range(CALLERS)])
    edits = [a for n, a in enumerate(answers) if n % 4 > 1 and a.is_success]
    completions = [a.json()["orders"] for n, a in enumerate(answers) if n % 4 == 0]
    assert all(len(orders) == 1 for orders in completions)
    till = Till(clients[0], "CART-1")
    order = till.order()
    newest = max((edit.json() for edit in edits), key=lambda each: each["version"], default=draft)
    assert order["net_amount"] == newest["order"]["net_amount"]
    authorized = [a for n, a in enumerate(answers) if n % 4 == 1 and a.is_success]
    assert len(authorized) <= 1
    assert sum(a.json()["amount"] for a in authorized) == till.money().capture
    assert till.money().authorize >= 0


def test_replacing_an_order_against_authorizing_it(clients: list[Api]) -> None:
    """An order that took money is not replaced, and what replaced it takes its own money only."""
    for _ in range(3):
        crowd = Crowd(clients, 100)
        options = {"order_id": crowd.till.order_id, "replace": "order"}
        draft = clients[0].draft(line(70, 1), options=options)

        def work(till: Till, number: int, path: str = f"draft_orders/{draft['id']}") -> Json:
            """One completes the draft, the others authorize the whole of the old line."""
            if number == 3:
                return till.api.send("PUT", f"{path}/complete", {})
            return till.send("authorizations", {1: 100})

        answers = crowd.each(work)
        completion = answers.pop(2)
        authorized = crowd.check("authorizations", answers)
        assert authorized == (0 if completion.is_success else 100)
        if not completion.is_success:
            assert completion.json()["error"]["code"] == "ORDER_HAS_PAYMENTS"
        assert crowd.till.money().due == (70 if completion.is_success else 100)


@pytest.mark.parametrize("how", ["own id", "key"])
def test_one_fact_told_by_many_is_recorded_once(clients: list[Api], how: str) -> None:
    """Sixteen callers with one own id, or one key: one capture, and all get the same answer."""
    crowd = Crowd(clients, 100)
    crowd.till.authorize({1: 100})
    more = {"id": "PSP-1"} if how == "own id" else {}
    headers = {"Idempotency-Key": "K-1"} if how == "key" else None
    answers = crowd.each(lambda till, _: till.send("captures", {1: 100}, headers, **more))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert crowd.recorded("captures") == 100
    assert crowd.till.order()["version"] == 3
    crowd.till.money()


def _version(answer: httpx.Response) -> int:
    """The version of the order that an answer speaks of."""
    return int(answer.headers["etag"].strip('"'))
