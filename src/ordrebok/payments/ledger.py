"""What is recorded of an order's money: by line, and by authorization and line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ordrebok.clock import Instant
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation

OperationKind = Literal["authorizations", "captures", "refunds", "cancellations"]
KINDS: tuple[OperationKind, ...] = ("authorizations", "captures", "cancellations", "refunds")
"""In the order in which operations of the same moment are counted."""


@dataclass(slots=True)
class Recorded:
    """What successful operations sum to on one line, in absolute minor units."""

    authorizations: int = 0
    captures: int = 0
    refunds: int = 0
    cancellations: int = 0

    def add(self, kind: OperationKind, amount: int) -> None:
        """Count an amount in."""
        setattr(self, kind, getattr(self, kind) + amount)

    def left(self, kind: OperationKind, payable_amount: int = 0) -> int:
        """Return how much more an operation of a kind may record.

        Keeps, in absolute values: A - X <= N, C + X <= A, R <= C. `payable_amount` is N, which
        bounds authorizations alone.
        Source: decisions, payment operations 2.
        """
        if kind == "authorizations":
            return payable_amount - self.authorizations + self.cancellations
        if kind == "refunds":
            return self.captures - self.refunds
        return self.authorizations - self.captures - self.cancellations


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is recorded on an order: by line, and by authorization and line."""

    lines: dict[int, Recorded]
    authorizations: dict[tuple[str, int], Recorded]

    def line(self, line_id: int) -> Recorded:
        """Return what is recorded on a line."""
        return self.lines.get(line_id) or Recorded()

    def within(self, authorization_id: str, line_id: int) -> Recorded:
        """Return what is recorded on a line under one authorization."""
        return self.authorizations.get((authorization_id, line_id)) or Recorded()


def ledger(order: Order) -> Ledger:
    """Return what is recorded on an order; an operation that did not succeed counts for nothing.

    An operation that names no authorization counts under the oldest of its line that had room
    for it at the time. Whether an order takes several authorizations for a line can change, so
    this is found by going through all that was recorded, from the oldest on.
    """
    book = Ledger({}, {})
    authorized: dict[int, list[str]] = {}
    for kind, operation in _from_the_oldest(order):
        named = operation.id if kind == "authorizations" else operation.authorization_id
        for item in operation.items:
            line_id, amount = item.line_id, abs(item.amount)
            book.lines.setdefault(line_id, Recorded()).add(kind, amount)
            if kind == "authorizations":
                authorized.setdefault(line_id, []).append(operation.id)
            shares = (
                _shares(book, kind, line_id, amount, authorized.get(line_id, []))
                if named is None
                else ((named, amount),)
            )
            for owner, share in shares:
                book.authorizations.setdefault((owner, line_id), Recorded()).add(kind, share)
    return book


def _from_the_oldest(order: Order) -> list[tuple[OperationKind, Operation]]:
    """Return the operations that succeeded, in the order in which they were recorded."""
    succeeded = [
        (kind, operation)
        for kind in KINDS
        for operation in getattr(order, kind)
        if operation.success
    ]
    return sorted(succeeded, key=lambda each: Instant.of(each[1].created_at).ms)


def _shares(
    book: Ledger, kind: OperationKind, line_id: int, amount: int, authorized: list[str]
) -> Iterator[tuple[str, int]]:
    """Yield the authorizations under which an amount counts, oldest first, with their shares."""
    for authorization_id in authorized:
        share = min(book.within(authorization_id, line_id).left(kind), amount)
        if share > 0:
            amount -= share
            yield authorization_id, share
