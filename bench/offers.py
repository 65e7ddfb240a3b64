"""Discounts over HTTP: "add an item" with `apply_discounts=true` beside the same without.

The account has 100 active rules as shops have them, ninety for every customer and ten for the
buyer alone. Three of them give something off the basket: on a product, on several of a group, and
on everything in the store. Both kinds of work take turns on one server; the ratio is always to
the rate without in the same round.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

from bench.figures import Cell
from bench.http import PREPARED, Load, Pace, Weighed
from bench.load import Step
from bench.workload import ACCOUNT, LINES, add_request

PLAIN, WITH_RULES = "add item", "add item, 100 rules"
RULES = 100
CUSTOMER = "medlem-90210"
_RULES_PATH = f"/v1/accounts/{ACCOUNT}/discounts/rules"
_WINDOW = {"purchase_from": "2020-01-01T00:00:00Z", "purchase_to": "2100-01-01T00:00:00Z"}
_WRITTEN = '"description":"Rule '
"""Stands in every answer that holds a discount which the rules gave."""

Json = dict[str, Any]


def rule(number: int, chance: random.Random) -> Json:
    """Return a rule: half of them for a few products, the others of five kinds.

    The first for products, for several of a group and for a store reach the basket.
    """
    kind, first = number % 10, number < 10
    products = [{"id": f"product-{chance.randrange(2_000)}"} for _ in range(5)]
    percent: Json = {"type": "discount_percent", "value": 5 + number % 7}
    amount: Json = {"type": "discount_amount", "value": 1_000}
    if kind < 5:
        mine = [] if number else [{"id": f"17593{LINES}"}]
        return _rule(number, {"item": {"items": [*products, *mine]}}, percent)
    if kind == 5:
        group = "B234" if first else f"group-{chance.randrange(50)}"
        item = {"items": [{"group_id": group}], "quantity": 4}
        return _rule(number, {"item": item}, {"type": "discount_item_quantity", "value": 1})
    if kind == 6:
        price = {"type": "discount_item_new_price", "value": 500}
        return _rule(number, {"item": {"items": products}}, price)
    if kind == 7:
        return _rule(number, {"discount_code": f"CODE{number}"}, amount)
    if kind == 8:
        return _rule(number, {"store": {"id": ["SL02" if first else f"S-{number}"]}}, amount)
    return _rule(number, {"gross_amount": 1_000_000 + number}, percent)


def _rule(number: int, requirement: Json, reward: Json) -> Json:
    """Return the body of a rule."""
    return {
        "name": f"Rule {number}",
        "requirement": {**_WINDOW, **requirement},
        "reward": reward,
    }


def lay_out(port: int, token: str) -> None:
    """Write the rules, and give them to every customer, a tenth of them to one.

    Refuses: RuntimeError when the server does not take one.
    """
    chance = random.Random(1)
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(path: str, body: Json) -> Json:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"POST {path} answered {answer.status}: {said[:500]!r}")
        made: Json = json.loads(said)
        return made

    for number in range(RULES):
        made = post(_RULES_PATH, rule(number, chance))
        post(
            f"{_RULES_PATH}/{made['id']}/customers",
            {"customers": [CUSTOMER if number % 10 == 1 else "*"]},
        )
    connection.close()


def measure(engine: str, load: Load, pace: Pace) -> Iterator[Cell]:
    """Measure one server whose rules are laid out, without rules and with them.

    Refuses: WrongAnswer at the first answer that is not the right one.
    """
    plain = Step(add_request(load.token), f'"line_id":{LINES}')
    with_rules = Step(add_request(load.token, query="?apply_discounts=true"), _WRITTEN)
    for callers in pace.callers:
        rate: float | None = None
        for work, step in ((PLAIN, plain), (WITH_RULES, with_rules)):
            drafts = load.prepare(pace.whole * PREPARED[callers], CUSTOMER)
            cell = _cell(engine, work, callers, load.run([step], drafts, callers, pace), rate)
            rate = cell.per_second
            yield cell


def _cell(engine: str, work: str, callers: int, weighed: Weighed, base: float | None) -> Cell:
    """Put a measurement beside the rate without rules."""
    measured, server_seconds = weighed
    return Cell(
        engine=engine,
        work=work,
        callers=callers,
        per_second=measured.per_second,
        latency=measured.latency,
        client_us=measured.cpu_us,
        server_us=server_seconds * 1e6,
        base_per_second=base,
    )
