"""CPU time of the discount engine: `python -m bench.discounts`.

Prices a draft of 50 lines against 1,000 active rules, in three mixtures of rules, and prints the
best and the median of several rounds in milliseconds of CPU time. The goal is less than 20.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import msgspec

from ordrebok.clock import Instant
from ordrebok.discounts.basket import Line, Purchase
from ordrebok.discounts.compiled import CompiledRule, compiled
from ordrebok.discounts.engine import Offer, discounted
from ordrebok.discounts.requirements import Ref
from ordrebok.discounts.rules import create
from ordrebok.discounts.shelf import concerning, shelved
from ordrebok.discounts.standing import NEW
from ordrebok.wire.discount import Rule, RuleBody

RULES = 1_000
LINES = 50
ROUNDS = 15
NOW = Instant.of("2026-11-20T18:12:13.123Z")
WINDOW = {"purchase_from": "2026-01-01T00:00:00Z", "purchase_to": "2027-01-01T00:00:00Z"}
HOURS = {"hours": [{"day": "fri", "start": "08:00", "end": "23:00"}]}


def a_rule(number: int, requirement: dict[str, Any], reward: dict[str, Any]) -> CompiledRule:
    """Return one rule, made ready."""
    body = {
        "requirement": {**WINDOW, **requirement},
        "reward": reward,
        "limitation": {"discount_hours": HOURS} if number % 10 == 0 else None,
    }
    rule = create(msgspec.convert(body, RuleBody), f"rule-{number:04}", "bench", NOW)
    assert isinstance(rule, Rule)
    return compiled(rule)


def shop(number: int, chance: random.Random) -> CompiledRule:
    """Return a rule as shops have them: mostly for a few products or groups."""
    kind = number % 8
    products = [{"id": f"product-{chance.randrange(2_000)}"} for _ in range(5)]
    if kind < 3:
        percent = {"type": "discount_percent", "value": chance.randrange(5, 50)}
        return a_rule(number, {"item": {"items": products}}, percent)
    if kind == 3:
        group = {"items": [{"group_id": f"group-{chance.randrange(50)}"}], "quantity": 3}
        return a_rule(number, {"item": group}, {"type": "discount_item_quantity", "value": 1})
    if kind == 4:
        price = {"type": "discount_item_new_price", "value": 500}
        return a_rule(number, {"item": {"items": products}}, price)
    if kind == 5:
        amount = {"type": "discount_amount", "value": 5_000}
        return a_rule(number, {"discount_code": f"CODE{number}"}, amount)
    if kind == 6:
        amount = {"type": "discount_amount", "value": 1_000}
        return a_rule(number, {"store": {"id": [f"store-{number % 7}"]}}, amount)
    mixes = [
        {"items": [{"group_id": f"group-{chance.randrange(50)}"}], "quantity": 1} for _ in range(3)
    ]
    item = {"mixes": [{**mix, "reward_eligible": True} for mix in mixes]}
    return a_rule(number, {"item": item}, {"type": "discount_mix_new_price", "value": 10_000})


def receipts(number: int, _: random.Random) -> CompiledRule:
    """Return a percentage off everything: each rule reaches each line."""
    return a_rule(number, {}, {"type": "discount_percent", "value": 1 + number % 3})


def amounts(number: int, _: random.Random) -> CompiledRule:
    """Return an amount off everything: each rule is spread over each line."""
    return a_rule(number, {}, {"type": "discount_amount", "value": 100 + number})


def purchase(chance: random.Random) -> Purchase:
    """Return a basket of 50 lines."""
    lines = tuple(
        Line(
            line_id=number,
            gross_amount=chance.randrange(100, 100_000),
            quantity=chance.choice([1, 1, 2, 5]),
            id=f"product-{chance.randrange(2_000)}",
            groups=(f"group-{chance.randrange(50)}", f"group-{chance.randrange(50)}"),
        )
        for number in range(1, LINES + 1)
    )
    return Purchase(lines=lines, currency="NOK", moment_ms=NOW.ms)


def measured(offers: Sequence[Offer], basket: Purchase) -> list[float]:
    """Return the milliseconds of CPU time of each round."""
    found = []
    shelf = shelved(offers)
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        discounted(basket, concerning([shelf], basket), lambda _: NEW, explained=False)
        found.append((time.process_time_ns() - start) / 1e6)
    return found


def main() -> None:
    """Measure each mixture and print it."""
    kinds: Sequence[tuple[str, Callable[[int, random.Random], CompiledRule]]] = (
        ("a shop's rules", shop),
        ("percent off every line", receipts),
        ("an amount over every line", amounts),
    )
    for name, make in kinds:
        chance = random.Random(1)
        rules = [make(number, chance) for number in range(RULES)]
        offers = [Offer(rule, Ref(f"ref-{rule.id}", "/", rule.created_ms)) for rule in rules]
        basket = purchase(chance)
        # The server keeps what lives long out of the collector's sight; so does this.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        given = len(discounted(basket, offers, lambda _: NEW).uses)
        times = measured(offers, basket)
        print(
            f"{name:26} {RULES} rules, {LINES} lines, {given:4} applied: "
            f"best {min(times):6.2f} ms, median {median(times):6.2f} ms"
        )


if __name__ == "__main__":
    main()
