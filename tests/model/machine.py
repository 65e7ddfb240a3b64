"""The machine that sends random commands to the server and to the naive books, and compares.

Every command is sent to a real store by the plan of its operation: plainly, tried without storing,
under a key, or with the version that was seen. The books say what must come of it. After each
command the document it was about is read back and held against the books, its proof must hold,
and each accepted command must have left one event.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ordrebok.decision import Outcome
from ordrebok.refusals import Refusal
from tests.model.books import LETTER, Books, Draft, Fact, Line, Order, Refused
from tests.model.door import Ask, Door
from tests.support.openapi import Json

PRICES = (100, 75, 40, 1, -30)
MOST_DRAFTS = 16

K = TypeVar("K")
V = TypeVar("V")

places = st.integers(0, 7)
ways = st.sampled_from(["plain"] * 8 + ["dry run", "key", "key", "seen", "stale"])
seldom = st.sampled_from([False] * 9 + [True])
mostly = st.sampled_from([True, True, True, True, False])
multiples = st.sampled_from([None, None, None, True, False])
names = st.sampled_from([None, None, None, None, 1, 2, 3, -1])
new_lines = st.tuples(
    st.sampled_from(PRICES), st.sampled_from([0, 0, 10]), st.sampled_from([0, 0, 25])
)
line_lists = st.lists(new_lines, max_size=2)
amounts = st.sampled_from(
    ["all"] * 8 + ["half"] * 6 + ["one more"] * 4 + ["one", "zero", "wrong sign", "no line"]
)
one = st.tuples(places, amounts).map(lambda each: [each])
asked = one | one | one | st.lists(st.tuples(places, amounts), min_size=2, max_size=2)


class Machine(RuleBasedStateMachine):
    """Random commands; the books and the store must agree after each of them."""

    met: ClassVar[Counter[str]] = Counter()
    """How often each operation was accepted, and each refusal answered, over all runs."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self.door = door
        self.account_id = door.new_account()
        self.books = Books()
        self.names = 0
        self.kept: list[tuple[Ask, bytes]] = []

    # ------------------------------------------------------------------------------- commands

    @initialize(lines=line_lists, multiple=st.sampled_from([None, None, True]))
    def first_order(self, lines: list[tuple[int, int, int]], *, multiple: bool | None) -> None:
        """Begin with an order that can be paid."""
        self.new_draft([(100, 0, 0), *lines], multiple=multiple, taken=False, way="plain")
        self.complete(0, "plain")

    @rule(lines=line_lists, multiple=multiples, taken=seldom, way=ways)
    @precondition(lambda self: len(self.books.drafts) < MOST_DRAFTS)
    def new_draft(
        self, lines: list[tuple[int, int, int]], *, multiple: bool | None, taken: bool, way: str
    ) -> None:
        """Make a draft of a new order, now and then under an order_id that is taken."""
        order_id = next(iter(self.books.orders)) if taken else self.new_name("O")
        numbered = {number: _line(*each) for number, each in enumerate(lines, 1)}
        self.make_draft(Draft(numbered, order_id, multiple=multiple), way)

    @rule(
        place=places,
        back=st.lists(st.tuples(places, st.sampled_from(["all", "half", "more"])), max_size=2),
        lines=st.lists(new_lines, max_size=1),
        replaces=seldom,
        multiple=multiples,
        way=ways,
    )
    @precondition(lambda self: len(self.books.drafts) < MOST_DRAFTS)
    def new_update(
        self,
        place: int,
        back: list[tuple[int, str]],
        lines: list[tuple[int, int, int]],
        *,
        replaces: bool,
        multiple: bool | None,
        way: str,
    ) -> None:
        """Make a draft that takes lines of an order back, adds others, or takes its place."""
        order_id, order = self.order_at(place)
        first = 1 if replaces else max(order.lines) + 1
        added = [_line(*each) for each in lines]
        if not replaces:
            added += [_taken_back(order, *_at(order.lines, where), how) for where, how in back]
        numbered = {first + n: line for n, line in enumerate(added) if line.gross}
        draft = Draft(numbered, order_id, updates=True, replaces=replaces, multiple=multiple)
        self.make_draft(draft, way)

    def make_draft(self, draft: Draft, way: str) -> None:
        """Send a new draft."""
        name = self.new_name("D")
        options = {
            "order_id": draft.order_id if draft.updates else None,
            "replace": "order" if draft.replaces else None,
            "multiple_authorizations": draft.multiple,
        }
        content = {"currency": "NOK", "items": [_item(n, li) for n, li in draft.lines.items()]}
        if not draft.updates:
            content["order_id"] = draft.order_id
        body = {"id": name, "order": content, "options": _given(options)}
        self.send("aid_draft_orders_post", {}, body, way, lambda b: b.create(name, draft))
        self.check_draft(name)

    @rule(
        place=places,
        what=st.sampled_from(["post", "post", "put", "put", "delete", "delete all"]),
        where=places,
        line=new_lines,
        taken=seldom,
        way=ways,
    )
    def edit(
        self,
        place: int,
        what: str,
        where: int,
        line: tuple[int, int, int],
        *,
        taken: bool,
        way: str,
    ) -> None:
        """Add a line to a draft, perhaps under a number that is taken; replace one; delete."""
        name, draft = self.draft_at(place)
        if what == "delete all":
            row = "aid_draft_orders_id_delete"
            self.send(row, {"id": name}, None, way, lambda books: books.delete(name))
            return self.check_draft(name)
        line_id = _at(draft.lines, where)[0] if draft.lines else 1
        if what == "post":
            line_id = max([*draft.lines, *self.books.others(draft), 1]) + (not taken)
        new = None if what == "delete" else _line(*line)
        params, row = {"id": name}, "aid_draft_orders_id_items_post"
        if what != "post":
            params["line_id"] = str(line_id)
            row = f"aid_draft_orders_id_items_line_id_{what}"
        body = None if new is None else _item(line_id, new)
        adds = what == "post"
        self.send(row, params, body, way, lambda b: b.edit(name, line_id, new, new=adds))
        return self.check_draft(name)

    @rule(place=places, way=ways)
    def complete(self, place: int, way: str) -> None:
        """Complete a draft, also one that is completed already."""
        name, draft = self.draft_at(place)
        row = "aid_draft_orders_id_complete_put"
        self.send(row, {"id": name}, {}, way, lambda books: books.complete(name))
        self.check_draft(name)
        self.check_order(draft.order_id)

    @rule(order=places, where=places, how=st.sampled_from(["all", "all", "half"]))
    def pay(self, order: int, where: int, how: str) -> None:
        """Authorize all that is left of a line, and capture it, as most payments go."""
        about: Json = {"named": None, "success": True, "again": False, "way": "plain"}
        self.operate("authorizations", order, asked=[(where, "all")], **about)
        self.operate("captures", order, asked=[(where, how)], **about)

    @rule(order=places, asked=asked, named=names, success=mostly, again=seldom, way=ways)
    def authorize(self, order: int, **about: Json) -> None:
        """Record an authorization, under a new name or one that stands already."""
        self.operate("authorizations", order, **about)

    @rule(order=places, asked=asked, named=names, success=mostly, again=seldom, way=ways)
    def capture(self, order: int, **about: Json) -> None:
        """Record a capture."""
        self.operate("captures", order, **about)

    @rule(order=places, asked=asked, named=names, success=mostly, again=seldom, way=ways)
    def take_back(self, order: int, **about: Json) -> None:
        """Record a cancellation."""
        self.operate("cancellations", order, **about)

    @rule(order=places, asked=asked, named=names, success=mostly, again=seldom, way=ways)
    def refund(self, order: int, **about: Json) -> None:
        """Record a refund."""
        self.operate("refunds", order, **about)

    def operate(
        self,
        kind: str,
        place: int,
        *,
        asked: list[tuple[int, str]],
        named: int | None,
        success: bool,
        again: bool,
        way: str,
    ) -> None:
        """Record an operation of a kind, with amounts in terms of what is left."""
        order_id, order = self.order_at(place, LETTER[kind])
        known = list(order.facts["authorizations"])
        under = None
        if kind != "authorizations" and (named or order.multiple) and known:
            under = "nobody" if named == -1 else known[-(named or 1) % len(known)]
        items = tuple(self.amount_of(order, kind, under, *each) for each in asked)
        if len({line_id for line_id, _ in items}) < len(items) and way != "seen":
            items = items[:1]
        name, fact = self.new_name("P"), Fact(items, success, under)
        if again and order.facts[kind]:
            name, standing = _at(order.facts[kind], place)
            fact = fact if named else standing
        body = {
            "id": name,
            "items": [{"line_id": line_id, "amount": amount} for line_id, amount in fact.items],
            "success": fact.success,
            "authorization_id": fact.named,
        }
        singular = kind if kind == "refunds" else kind.removesuffix("s")
        self.send(
            f"aid_orders_id_{singular}_post",
            {"order_id": order_id},
            _given(body),
            way,
            lambda books: books.orders[order_id].operate(kind, name, fact),
        )
        self.check_order(order_id)

    @staticmethod
    def amount_of(
        order: Order, kind: str, under: str | None, where: int, how: str
    ) -> tuple[int, int]:
        """Return a line and an amount in terms of what is left on it."""
        if how == "no line":
            return max(order.lines) + 1, 10
        room = {n: order.left(LETTER[kind], n, under) for n in order.lines}
        used = {line_id for line_id, _ in order.shares}
        better = {n: left for n, left in room.items() if (n in used if "more" in how else left > 0)}
        line_id, left = _at(better or room, where)
        size = {
            "all": max(left, 1),
            "half": max(left // 2, 1),
            "one more": left + 1,
            "zero": 0,
        }.get(how, 1)
        return line_id, size if (order.lines[line_id].pays >= 0) != (how == "wrong sign") else -size

    @rule(place=places, to=st.sampled_from(["open"] * 3 + ["closed", "cancelled"]), way=ways)
    def turn(self, place: int, to: str, way: str) -> None:
        """Open, close or cancel an order."""
        order_id, _ = _at(self.books.orders, place)
        verb = {"open": "open", "closed": "close", "cancelled": "cancel"}[to]
        self.send(
            f"aid_orders_id_{verb}_post",
            {"order_id": order_id},
            None,
            way,
            lambda books: books.orders[order_id].turn(to),
        )
        self.check_order(order_id)

    @rule(place=places, where=places, way=ways)
    def ask_for_money(self, place: int, where: int, way: str) -> None:
        """Open a session for all that is left on a line."""
        order_id, order = self.order_at(place)
        line_id, _ = _at(order.lines, where)
        body = {
            "items": [{"line_id": str(line_id)}],
            "profile_id": "default",
            "url": {"return_url": "https://shop.test"},
        }
        self.send(
            "aid_orders_id_session_post",
            {"order_id": order_id},
            body,
            way,
            lambda books: books.orders[order_id].ask(line_id),
        )
        self.check_order(order_id)

    @rule(place=st.integers(0, 30), other=st.sampled_from([False, False, True]))
    @precondition(lambda self: self.kept)
    def retry(self, place: int, *, other: bool) -> None:
        """Send a request again under its key: its first answer; or another one: it is refused."""
        ask, answer = self.kept[place % len(self.kept)]
        if other:
            ask = ask._replace(params={**ask.params, "another": "request"})
        outcome = self.door.write(self.account_id, ask)
        self.met["other request under a key" if other else "replay"] += 1
        if other:
            assert isinstance(outcome, Refusal), outcome
            assert outcome.code == "IDEMPOTENCY_KEY_REUSED"
        else:
            assert isinstance(outcome, Outcome), outcome
            assert outcome.replayed
            assert outcome.answer == answer
        for order_id in self.books.orders:
            self.check_order(order_id)

    # ------------------------------------------------------------------------------ comparing

    def send(
        self,
        row: str,
        params: dict[str, str],
        body: Json,
        way: str,
        command: Callable[[Books], None],
    ) -> None:
        """Send one command, and hold what came of it against the books."""
        ask = Ask(row, params, body)
        version = self.version_of(params)
        if way == "key":
            ask = ask._replace(key=self.new_name("K"))
        elif way in {"seen", "stale"} and version:
            ask = ask._replace(if_match=version if way == "seen" else version + 1)
        outcome = self.door.write(self.account_id, ask, dry_run=way == "dry run")
        after = copy.deepcopy(self.books)
        expected = "STALE_VERSION" if ask.if_match == version + 1 else _refusal_of(command, after)
        self.met[expected or row] += 1
        if expected is not None:
            assert isinstance(outcome, Refusal), (expected, outcome)
            assert outcome.code == expected, (expected, outcome)
            return
        assert isinstance(outcome, Outcome), outcome
        assert not outcome.replayed
        if way != "dry run":
            self.books = after
            if ask.key is not None:
                self.kept.append((ask, outcome.answer))

    def version_of(self, params: dict[str, str]) -> int:
        """The version that the books know of the document in a path; 0 where it names none."""
        if "order_id" in params:
            return self.books.orders[params["order_id"]].version
        return self.books.drafts[params["id"]].version if "id" in params else 0

    def check_draft(self, name: str) -> None:
        """Hold a draft, as it is stored, against the books."""
        draft = self.books.drafts.get(name)
        stored = self.door.read(self.account_id, "draft", name)
        if draft is None:
            assert stored is None
            return
        assert stored is not None
        found = msgspec.json.decode(stored.body)
        lines = {i["line_id"]: i["gross_amount"] for i in found["order"].get("items", [])}
        assert lines == {n: line.gross for n, line in draft.lines.items()}
        assert (found["status"], found["version"]) == (draft.status, draft.version)
        assert len(stored.events) == stored.version == draft.version

    def check_order(self, order_id: str) -> None:
        """Hold an order, as it is stored, against the books; and prove it."""
        order = self.books.orders.get(order_id)
        stored = self.door.read(self.account_id, "order", order_id)
        if order is None:
            assert stored is None
            return
        assert stored is not None
        found = msgspec.json.decode(stored.body)
        assert {i["line_id"] for i in found["items"]} == order.lines.keys()
        assert (found["status"], found["version"]) == (order.status, order.version)
        assert len(stored.events) == stored.version == order.version
        details = found["payment_details"]
        names = ("authorization", "capture", "cancellation", "refund")
        left = [details[f"remaining_{name}_amount"] for name in names]
        assert (*left, details["amount_due"], found["payment_status"]) == order.money()
        for kind, facts in order.facts.items():
            recorded = {
                each["id"]: Fact(
                    tuple((i["line_id"], i["amount"]) for i in each["items"]),
                    each["success"],
                    each.get("authorization_id"),
                )
                for each in found.get(kind, [])
            }
            assert recorded == facts
        proof = self.door.answer(self.account_id, "aid_orders_id_proof_get", order_id=order_id)
        assert proof["holds"], proof

    def teardown(self) -> None:
        """Hold everything against the books once more."""
        for name in self.books.drafts:
            self.check_draft(name)
        for order_id in self.books.orders:
            self.check_order(order_id)

    def draft_at(self, place: int) -> tuple[str, Draft]:
        """A draft: one that is open, most often."""
        waiting = {n: draft for n, draft in self.books.drafts.items() if draft.status == "open"}
        return _at(waiting if waiting and place else self.books.drafts, place)

    def order_at(self, place: int, letter: str | None = None) -> tuple[str, Order]:
        """An order: most often one that is open, and has room for an operation of a kind."""
        orders = self.books.orders
        for better in (
            {n: order for n, order in orders.items() if order.status == "open"},
            {n: order for n, order in orders.items() if letter and _has_room(order, letter)},
        ):
            orders = {
                n: order for n, order in orders.items() if n in better and place > 1
            } or orders
        return _at(orders, place)

    def new_name(self, prefix: str) -> str:
        """A name that was not given before."""
        self.names += 1
        return f"{prefix}-{self.names}"


def run(door: Door, *, examples: int, steps: int = 50) -> None:
    """Run the machine on a store, a number of times, with a number of steps each."""
    rules = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    # A factory serves as well as a class: the machine needs the door that it works at.
    run_state_machine_as_test(lambda: Machine(door), settings=rules)  # type: ignore[arg-type]


def _at(found: dict[K, V], place: int) -> tuple[K, V]:
    """The entry at a place, counted round and round."""
    return list(found.items())[place % len(found)]


def _has_room(order: Order, letter: str) -> bool:
    """Whether an operation of a kind would be accepted on any line."""
    return any(order.left(letter, line_id, None) > 0 for line_id in order.lines)


def _refusal_of(command: Callable[[Books], None], books: Books) -> str | None:
    """The code with which the books refuse a command, or None."""
    try:
        command(books)
    except Refused as refused:
        code: str = refused.args[0]
        return code
    return None


def _line(gross: int, discount: int, tax_on_top: int) -> Line:
    """A line; a discount never passes its price."""
    off = min(discount, gross) if gross > 0 else 0
    return Line(gross, gross - off + (tax_on_top if gross > 0 else 0))


def _taken_back(order: Order, number: int, line: Line, how: str) -> Line:
    """A line that reverses what is left of another, half of it, or more than is left."""
    back = [each for each in order.lines.values() if each.reverses == number]
    gross = line.gross + sum(each.gross for each in back)
    pays = line.pays + sum(each.pays for each in back)
    if how == "half":
        gross, pays = int(gross / 2), int(pays / 2)
    elif how == "more":
        gross, pays = gross * 2, pays * 2
    return Line(-gross, -pays, number)


def _item(line_id: int, line: Line) -> Json:
    """A line as a client writes it: what the customer pays differs by discount, or tax on top."""
    more = line.pays - line.gross
    grows = more * line.gross > 0
    tax = {"amount": more if grows else 0, "included_in_price": False}
    item = {"line_id": line_id, "gross_amount": line.gross, "tax_lines": [tax]}
    if more and not grows:
        item["discount_lines"] = [{"amount": -more}]
    if line.reverses is not None:
        item["related_item"] = {"line_id": line.reverses, "type": "reversed"}
        item["reversed_reason"] = "Returned"
    return item


def _given(fields: Json) -> Json:
    """The fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}
