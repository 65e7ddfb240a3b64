"""The discount engine once more, as naive as it can be: one unit at a time, no index, no cache.

It shares no code with the rules. It reads plain JSON of rules, walks every unit of every line,
and rounds with Fractions. What the two agree on is what the contract says (neighbours 3.12).
"""

from fractions import Fraction
from math import floor
from typing import Any

Json = dict[str, Any]
Given = dict[str, dict[int, int]]
"""Ref id to what each line got, by line_id."""


class Till:
    """One purchase that is being discounted."""

    def __init__(self, lines: list[Json], held: dict[str, Json], now_ms: int) -> None:
        self.lines = lines
        self.held = held
        self.now_ms = now_ms
        self.taken: dict[int, list[int]] = {line["line_id"]: [] for line in lines}
        self.item_ruled: set[int] = set()
        self.any_ruled: set[int] = set()

    def left(self, line: Json) -> int:
        """What no discount has taken."""
        return int(line["gross"] - line["discount"] - sum(self.taken[line["line_id"]]))

    def has_discount(self, line: Json) -> bool:
        """Whether any discount line stands on a line."""
        return bool(line["discount_lines"] or self.taken[line["line_id"]])


def reference(  # noqa: C901, PLR0912 -- the naive form is one long walk
    rules: list[Json], lines: list[Json], held: dict[str, Json], now_ms: int, codes: set[str]
) -> tuple[Given, dict[str, int]]:
    """Return what each line gets of each ref, and the stamps each ref collects.

    Every rule has one ref, whose id is the rule's with `ref-` before it.
    """
    passed: list[tuple[Json, dict[int, int], int]] = []
    for rule in rules:
        tried = attempt(rule, Till(lines, held, now_ms), codes)
        if tried is not None:
            passed.append((rule, *tried))
    active = {rule["id"] for rule, amounts, _ in passed if amounts}
    passed = [
        entry
        for entry in passed
        if not any(
            each["value"] in active and each["value"] != entry[0]["id"]
            for each in limitation(entry[0]).get("discount_activation", [])
        )
    ]
    passed.sort(
        key=lambda e: (e[0]["type"] != "item", -sum(e[1].values()), e[0]["created_at"], e[0]["id"])
    )
    stamps = {f"ref-{rule['id']}": stamp for rule, _, stamp in passed if stamp}
    rewarded = [(rule, amounts) for rule, amounts, _ in passed if amounts]
    till = Till(lines, held, now_ms)
    given: Given = {}
    for rule, _ in rewarded:
        if limitation(rule).get("discount_combination", -1) == 0:
            continue
        again = attempt(rule, till, codes)
        amounts = {} if again is None else again[0]
        if not amounts:
            continue
        given[f"ref-{rule['id']}"] = amounts
        for line_id, amount in amounts.items():
            if rule["reward"].get("effect") != "bonus":
                till.taken[line_id].append(amount)
            if rule["type"] == "item":
                till.item_ruled.add(line_id)
                if is_any(rule):
                    till.any_ruled.add(line_id)
    together = sum(sum(amounts.values()) for amounts in given.values())
    best: tuple[int, str, dict[int, int]] | None = None
    for rule, amounts in rewarded:
        if limitation(rule).get("discount_combination", -1) == 0:
            total = sum(amounts.values())
            if best is None or total > best[0]:
                best = (total, rule["id"], amounts)
    if best is not None and best[0] > together:
        given = {f"ref-{best[1]}": best[2]}
    return given, stamps


def attempt(  # noqa: C901 -- the naive form is one long walk
    rule: Json, till: Till, codes: set[str]
) -> tuple[dict[int, int], int] | None:
    """Return amounts and stamps, or None where the rule is not met."""
    need, limits = rule["requirement"], limitation(rule)
    book = till.held.get(rule["id"], {"usage": 0, "amount": 0, "stamps": []})
    if sum(line["gross"] for line in till.lines) < need.get("gross_amount", -(10**18)):
        return None
    if sum(line["gross"] - line["discount"] for line in till.lines) < need.get(
        "net_amount", -(10**18)
    ):
        return None
    code = need.get("discount_code")
    if code is not None and code not in codes | {line["id"] for line in till.lines}:
        return None
    repeat = limits.get("discount_repeat_usage", -1)
    if repeat != -1 and book["usage"] >= repeat:
        return None
    balance = rule["reward"]["value"] - book["amount"]
    if rule["reward"]["type"] == "discount_debit" and balance <= 0:
        return None
    if limits.get("discount_eligible") == "receipt_no_discount" and any(
        till.has_discount(line) for line in till.lines
    ):
        return None
    lines = candidates(rule, till)
    if not lines:
        return None
    item = need.get("item", {})
    size = max(Fraction(1), Fraction(str(item.get("quantity", 0))))
    units = [line for line in lines for _ in range(units_of(line))]
    sets = floor(len(units) / size)
    parts: list[list[list[Json]]] = []
    if item.get("mixes"):
        parts = mixes(item["mixes"], lines, sets)
        sets = len(parts)
    cap = limits.get("discount_reward_usage", -1)
    if cap != -1:
        sets = min(sets, cap)
    if sets == 0:
        return None
    counted = bool(item.get("quantity", 0) > 0 or item.get("mixes"))
    stamp, due = 0, True
    if need.get("stamp", 0):
        stamp = sets if counted else 1
        days = limits.get("stamp_expire_days", -1)
        old = [n for at, n in book["stamps"] if days == -1 or at >= till.now_ms - days * 86_400_000]
        due = sum(old) + stamp >= need["stamp"]
        sets = 1
    if not counted and rule["reward"]["type"] in {
        "discount_item_quantity",
        "discount_item_percent",
    }:
        sets = 1
    amounts = (
        reward(rule, till, lines, sets=sets, size=size, parts=parts, balance=balance) if due else {}
    )
    return {k: v for k, v in amounts.items() if v}, stamp


def reward(  # noqa: C901, PLR0912 -- the naive form is one long walk
    rule: Json,
    till: Till,
    lines: list[Json],
    *,
    sets: int,
    size: Fraction,
    parts: list[list[list[Json]]],
    balance: int,
) -> dict[int, int]:
    """Return what each line gets."""
    kind = rule["reward"]["type"]
    chosen = item_mixes(rule)
    if chosen:
        # Only units that stand in a part with a reward, of the sets that are given.
        units = [
            u
            for each in parts[:sets]
            for mix, part in zip(chosen, each, strict=True)
            if mix["reward_eligible"]
            for u in part
        ]
        lines = [line for line in lines if any(u is line for u in units)]
        units.sort(key=lambda u: u["line_id"])
    else:
        units = [line for line in lines for _ in range(units_of(line))]
    if kind == "discount_debit":
        return share(min(balance, sum(max(0, base(rule, till, x)) for x in lines)), lines, till)
    if kind == "discount_mix_new_price":
        total = Fraction(0)
        for each in parts[:sets]:
            worth = sum(
                (
                    Fraction(base(rule, till, u), units_of(u))
                    for mix, part in zip(chosen, each, strict=True)
                    if mix["reward_eligible"]
                    for u in part
                ),
                Fraction(0),
            )
            total += max(Fraction(0), worth - rule["reward"]["value"])
        return share(half_up(total), [x for x in lines if any(u is x for u in units)], till)
    result: dict[int, int] = {}
    for value, pool in pools(rule, lines):
        own = [u for u in units if any(u is line for line in pool)]
        if kind == "discount_amount":
            times = begun(pool, lines, units, sets, size, mixed=bool(chosen))
            if rule["type"] == "receipt":
                times = 1
            result |= share(int(value) * times, pool, till)
            continue
        if kind == "discount_percent":
            cap = limitation(rule).get("discount_reward_usage", -1)
            covered = units
            if not chosen and cap != -1 and rule["type"] == "item":
                covered = units[: floor(sets * size)]
            exact = per_line(
                pool, covered, lambda x, v=value: Fraction(base(rule, till, x)) * v / 100
            )
        elif kind == "discount_item_new_price":
            covered = units if chosen else units[: floor(sets * size)]
            exact = per_line(
                pool,
                covered,
                lambda x, v=value: max(Fraction(0), x["gross"] - v * units_of(x)),
            )
        else:
            times = begun(pool, lines, units, sets, size, mixed=bool(chosen))
            count = times * int(value) if kind == "discount_item_quantity" else times
            rate = Fraction(1) if kind == "discount_item_quantity" else value / 100
            own.sort(key=lambda u: (Fraction(base(rule, till, u), units_of(u)), u["line_id"]))
            exact = per_line(
                pool, own[:count], lambda x, r=rate: Fraction(max(0, base(rule, till, x))) * r
            )
        for line in pool:
            amount = half_up(exact[line["line_id"]])
            result[line["line_id"]] = max(0, min(amount, till.left(line)))
    return result


def per_line(pool: list[Json], units: list[Json], whole: Any) -> dict[int, Fraction]:  # noqa: ANN401
    """Return for each line what its chosen units get, where `whole` is for the whole line."""
    return {
        line["line_id"]: whole(line) * sum(u is line for u in units) / units_of(line)
        for line in pool
    }


def begun(
    pool: list[Json],
    lines: list[Json],
    units: list[Json],
    sets: int,
    size: Fraction,
    *,
    mixed: bool,
) -> int:
    """Return how many sets begin in a pool, when sets are filled unit by unit."""
    if mixed:
        return sets if pool and pool[0] is lines[0] else 0
    firsts = [units[floor(number * size)] for number in range(sets)]
    return sum(any(first is line for line in pool) for first in firsts)


def candidates(rule: Json, till: Till) -> list[Json]:
    """Return the lines that may get a rule's reward."""
    limits = limitation(rule)
    wanted = rule["requirement"].get("item", {}).get("items", [])
    found = []
    for line in till.lines:
        if not line["eligible"] or line["gross"] <= 0:
            continue
        if wanted and not is_any(rule) and not any(matches(w, line) for w in wanted):
            continue
        if any(matches(w, line) for w in limits.get("blacklist", [])):
            continue
        if limits.get(
            "discount_eligible"
        ) == "item_eligible_for_discount_no_discount" and till.has_discount(line):
            continue
        if is_any(rule) and line["line_id"] in till.item_ruled:
            continue
        if rule["type"] == "item" and line["line_id"] in till.any_ruled:
            continue
        found.append(line)
    return found


def mixes(wanted: list[Json], lines: list[Json], most: int) -> list[list[list[Json]]]:
    """Return whole mixes, each as the units of each of its parts."""
    fits = [[x for x in lines if any(matches(w, x) for w in mix["items"])] for mix in wanted]
    order = sorted(range(len(wanted)), key=lambda part: (len(fits[part]), part))
    for sets in range(most, 0, -1):
        free = {line["line_id"]: units_of(line) for line in lines}
        stock: list[list[Json]] = [[] for _ in wanted]
        for part in order:
            by_rarity = sorted(
                fits[part], key=lambda x: (sum(any(x is y for y in f) for f in fits), x["line_id"])
            )
            for line in by_rarity:
                while free[line["line_id"]] and len(stock[part]) < wanted[part]["quantity"] * sets:
                    free[line["line_id"]] -= 1
                    stock[part].append(line)
        if all(len(s) == m["quantity"] * sets for s, m in zip(stock, wanted, strict=True)):
            for units in stock:
                units.sort(key=lambda u: u["line_id"])
            return [
                [
                    units[number * mix["quantity"] : (number + 1) * mix["quantity"]]
                    for units, mix in zip(stock, wanted, strict=True)
                ]
                for number in range(sets)
            ]
    return []


def share(total: int, lines: list[Json], till: Till) -> dict[int, int]:
    """Spread an amount by gross, and again what did not fit, until it is all out."""
    result = {line["line_id"]: 0 for line in lines}
    room = [line for line in lines if till.left(line) > 0]
    total = min(total, sum(till.left(line) for line in room))
    while total > 0:
        whole = sum(line["gross"] for line in room)
        parts = [half_up(Fraction(total * line["gross"], whole)) for line in room]
        position = 0
        while sum(parts) != total:
            step = 1 if sum(parts) < total else -1
            if parts[position % len(room)] + step >= 0:
                parts[position % len(room)] += step
            position += 1
        over = [(x, p) for x, p in zip(room, parts, strict=True) if p >= till.left(x)]
        if not over:
            for line, part in zip(room, parts, strict=True):
                result[line["line_id"]] = part
            break
        for line, _ in over:
            result[line["line_id"]] = till.left(line)
            total -= till.left(line)
            room = [x for x in room if x is not line]
    return result


def pools(rule: Json, lines: list[Json]) -> list[tuple[Fraction, list[Json]]]:
    """Return lines by the value that holds for them."""
    values = rule["reward"].get("values", [])
    by_value: dict[int, list[Json]] = {}
    for line in lines:
        which = len(values)
        for index in reversed(range(len(values))):
            if any(matches(w, line) for w in values[index]["items"]):
                which = index
        by_value.setdefault(which, []).append(line)
    everything = [each["value"] for each in values] + [rule["reward"]["value"]]
    return [(Fraction(str(everything[which])), by_value[which]) for which in sorted(by_value)]


def matches(wanted: Json, line: Json) -> bool:
    """Whether a line is what an entry names."""
    by_id = wanted.get("id") in {None, "*", line["id"]}
    by_group = wanted.get("group_id") in {None, "*", *line["groups"]}
    return by_id and by_group


def base(rule: Json, till: Till, line: Json) -> int:
    """What percentages and prices are taken of."""
    return till.left(line) if rule["reward"].get("base") == "net" else int(line["gross"])


def units_of(line: Json) -> int:
    """A fractional quantity is one unit."""
    quantity = Fraction(str(line["quantity"]))
    return int(quantity) if quantity.denominator == 1 else 1


def is_any(rule: Json) -> bool:
    """Whether a rule is for any item."""
    return bool(rule["requirement"].get("item", {}).get("items") == [{"id": "ANY_ITEM"}])


def item_mixes(rule: Json) -> list[Json]:
    """The parts of a rule's mix."""
    found: list[Json] = rule["requirement"].get("item", {}).get("mixes", [])
    return found


def limitation(rule: Json) -> Json:
    """A rule's limits, where it has any."""
    found: Json = rule.get("limitation") or {}
    return found


def half_up(exact: Fraction) -> int:
    """Round to the nearest, halves up; amounts here are never negative."""
    return floor(exact + Fraction(1, 2))
