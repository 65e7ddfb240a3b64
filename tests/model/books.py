"""A naive order book: the rules in other words, without any code of the server's.

Amounts are kept as they are written, in minor units with their sign. Every method is one command;
it changes the books, or raises `Refused` with the code that the server must answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

LETTER = {"authorizations": "A", "captures": "C", "cancellations": "X", "refunds": "R"}
TOO_MUCH = {
    "A": "AUTHORIZATION_EXCEEDS_LINE",
    "C": "CAPTURE_EXCEEDS_AUTHORIZATION",
    "X": "CANCELLATION_EXCEEDS_AUTHORIZATION",
    "R": "REFUND_EXCEEDS_CAPTURE",
}


class Refused(Exception):  # noqa: N818 -- an expected end of a command
    """The command is refused with this code."""


class Line(NamedTuple):
    """What a line costs before tax on top, what the customer pays, and what it takes back."""

    gross: int
    pays: int
    reverses: int | None = None


class Fact(NamedTuple):
    """A recorded operation."""

    items: tuple[tuple[int, int], ...]
    success: bool
    named: str | None


@dataclass
class Order:
    """An order: lines, operations, and what was counted under each authorization of a line."""

    lines: dict[int, Line]
    multiple: bool = False
    status: str = "open"
    version: int = 1
    facts: dict[str, dict[str, Fact]] = field(default_factory=lambda: {k: {} for k in LETTER})
    shares: dict[tuple[int, str], Counter[str]] = field(default_factory=dict)

    def total(self, kind: str) -> int:
        """The sum of all that succeeded."""
        facts = self.facts[kind].values()
        return sum(amount for fact in facts if fact.success for _, amount in fact.items)

    def money(self) -> tuple[int, int, int, int, int, str]:
        """What is left to authorize, capture, cancel, refund; what is due; the status."""
        a, c, x, r = (self.total(kind) for kind in LETTER)
        n = sum(line.pays for line in self.lines.values())
        gone = self.status == "cancelled"
        status = "pending"
        if n > 0 and c > 0:
            status = "paid" if c >= n else "partially_paid"
        if r > 0 and c > 0:
            status = "refunded" if r >= c else "partially_refunded"
        return (0 if gone else n - a + x, a - c - x, a - c - x, c - r, 0 if gone else n - c, status)

    def left(self, letter: str, line_id: int, named: str | None) -> int:
        """How much more of a kind fits on a line, in absolute amounts."""
        counts = [n for (line, name), n in self.shares.items() if line == line_id]
        if letter == "A":
            if not self.multiple and any(n["A"] > n["C"] + n["X"] for n in counts):
                return 0
            return abs(self.lines[line_id].pays) - sum(n["A"] - n["X"] for n in counts)
        return sum(self.room(letter, key) for key in self._keys(line_id, named))

    def room(self, letter: str, key: tuple[int, str]) -> int:
        """How much more of a kind fits under one authorization."""
        n = self.shares[key]
        return n["C"] - n["R"] if letter == "R" else n["A"] - n["C"] - n["X"]

    def _keys(self, line_id: int, named: str | None) -> list[tuple[int, str]]:
        return [key for key in self.shares if key[0] == line_id and named in (None, key[1])]

    def operate(self, kind: str, name: str, fact: Fact) -> None:
        """Record an operation under a name."""
        standing = self.facts[kind].get(name)
        if standing is not None:
            if standing != fact:
                raise Refused("ID_TAKEN")
            return
        letter = LETTER[kind]
        if self.status == "closed" and letter != "R":
            raise Refused("ORDER_CLOSED")
        if self.status == "cancelled" and letter != "X":
            raise Refused("ORDER_CANCELLED")
        self._check_items(fact)
        if letter != "A":
            if fact.named is None and self.multiple:
                raise Refused("AUTHORIZATION_ID_REQUIRED")
            if fact.named is not None and fact.named not in self.facts["authorizations"]:
                raise Refused("NOT FOUND")
        if fact.success:
            self._count(letter, name, fact)
        self.facts[kind][name] = fact
        self.version += 1

    def _check_items(self, fact: Fact) -> None:
        ids = [line_id for line_id, _ in fact.items]
        if len(set(ids)) < len(ids) or any(amount == 0 for _, amount in fact.items):
            raise Refused("INVALID_AMOUNTS")
        if not set(ids) <= self.lines.keys():
            raise Refused("NOT FOUND")
        if any(amount * self.lines[line_id].pays < 0 for line_id, amount in fact.items):
            raise Refused("AMOUNT_SIGN")

    def _count(self, letter: str, name: str, fact: Fact) -> None:
        named = None if letter == "A" else fact.named
        for line_id, amount in fact.items:
            if abs(amount) > self.left(letter, line_id, named):
                counts = [n for (line, _), n in self.shares.items() if line == line_id]
                is_open = any(n["A"] > n["C"] + n["X"] for n in counts)
                second = letter == "A" and not self.multiple and is_open
                raise Refused("ALREADY_AUTHORIZED" if second else TOO_MUCH[letter])
        for line_id, amount in fact.items:
            if letter == "A":
                self.shares[line_id, name] = Counter(A=abs(amount))
                continue
            rest = abs(amount)
            for key in self._keys(line_id, named):
                part = min(rest, self.room(letter, key))
                self.shares[key][letter] += part
                rest -= part

    def ask(self, line_id: int) -> None:
        """Open a session for all that is left to authorize on a line."""
        if self.status != "open":
            raise Refused(f"ORDER_{self.status.upper()}")
        counts = [n for (line, _), n in self.shares.items() if line == line_id]
        if sum(n["A"] - n["X"] for n in counts) == abs(self.lines[line_id].pays):
            raise Refused("AUTHORIZATION_EXCEEDS_LINE")
        self.version += 1

    def turn(self, to: str) -> None:
        """Close, open or cancel."""
        if self.status == to:
            return
        if self.status == "cancelled":
            raise Refused("ORDER_CANCELLED")
        if to == "cancelled":
            if self.status == "closed":
                raise Refused("ORDER_CLOSED")
            if self.total("captures") != self.total("refunds"):
                raise Refused("ORDER_HAS_PAYMENTS")
        self.status = to
        self.version += 1


@dataclass
class Draft:
    """A draft: new lines, and perhaps the order that it updates or replaces."""

    lines: dict[int, Line]
    order_id: str
    updates: bool = False
    replaces: bool = False
    multiple: bool | None = None
    status: str = "open"
    version: int = 1


@dataclass
class Books:
    """All drafts and orders, by the names that the client gave them."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def others(self, draft: Draft) -> dict[int, Line]:
        """The lines of the order that a draft adds to."""
        adds = draft.updates and not draft.replaces
        return self.orders[draft.order_id].lines if adds else {}

    def create(self, name: str, draft: Draft) -> None:
        """Make a draft."""
        if draft.updates and self.orders[draft.order_id].status != "open":
            raise Refused("ORDER_NOT_OPEN")
        if draft.lines.keys() & self.others(draft).keys():
            raise Refused("LINE_ID_TAKEN")
        self.drafts[name] = draft

    def edit(self, name: str, line_id: int, line: Line | None, *, new: bool = False) -> None:
        """Add, replace or remove a line of a draft."""
        draft = self.drafts[name]
        if draft.status != "open":
            raise Refused(f"DRAFT_{draft.status.upper()}")
        if new and line_id in {*draft.lines, *self.others(draft)}:
            raise Refused("LINE_ID_TAKEN")
        if not new and line_id not in draft.lines:
            raise Refused("NOT FOUND")
        if line is None:
            del draft.lines[line_id]
        else:
            draft.lines[line_id] = line
        draft.version += 1

    def delete(self, name: str) -> None:
        """Delete a draft."""
        draft = self.drafts[name]
        if draft.status == "completed":
            raise Refused("DRAFT_COMPLETED")
        draft.version += draft.status == "open"
        draft.status = "deleted"

    def complete(self, name: str) -> None:
        """Turn a draft into an order, or add it to its order."""
        draft = self.drafts[name]
        if draft.status == "deleted":
            raise Refused("DRAFT_DELETED")
        if draft.status == "completed":
            return
        order = self.orders.get(draft.order_id)
        if draft.updates and order is not None:
            self._update(draft, order)
        else:
            if not draft.lines:
                raise Refused("DRAFT_INCOMPLETE")
            if order is not None:
                raise Refused("ORDER_ID_TAKEN")
            self.orders[draft.order_id] = Order(dict(draft.lines), bool(draft.multiple))
        draft.status = "completed"
        draft.version += 1

    def _update(self, draft: Draft, order: Order) -> None:
        if order.status != "open":
            raise Refused("ORDER_NOT_OPEN")
        lines = self.others(draft)
        clash = lines.keys() & draft.lines.keys()
        if not draft.lines or clash or not _reversals_fit(lines, draft.lines):
            raise Refused("DRAFT_INCOMPLETE")
        if draft.replaces and any(order.facts.values()):
            raise Refused("ORDER_HAS_PAYMENTS")
        order.lines = {**lines, **draft.lines}
        if draft.multiple is not None or draft.replaces:
            order.multiple = bool(draft.multiple)
        order.version += 1


def _reversals_fit(old: dict[int, Line], new: dict[int, Line]) -> bool:
    """Tell whether what is taken back was there, and is not taken back twice."""
    for line in new.values():
        if line.reverses is None:
            continue
        original = old.get(line.reverses)
        if original is None or line.gross * original.gross >= 0:
            return False
        back = [each for each in (*old.values(), *new.values()) if each.reverses == line.reverses]
        for name in ("gross", "pays"):
            if sum(abs(getattr(b, name)) for b in back) > abs(getattr(original, name)):
                return False
    return True
