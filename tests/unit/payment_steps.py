"""Steps in the life of an order's money, written short: `A100 C40 X60 R10` on line 1.

A authorizes, C captures, X cancels, R refunds; `C40/2` is on line 2; `!C40` is an attempt that
failed. Operations are called A1, A2, C3 ... by their place among all steps of an order.
"""

import re

from msgspec.structs import replace

from ordrebok.items.rules import payable
from ordrebok.payments.ledger import KINDS, OperationKind
from ordrebok.payments.recording import record
from ordrebok.refusals import Refusal
from ordrebok.wire.order import Order
from ordrebok.wire.payment import OperationBody, OperationItemBody
from tests.support.builders import ACTOR, NOW, accepted

KIND: dict[str, OperationKind] = {
    "A": "authorizations",
    "C": "captures",
    "X": "cancellations",
    "R": "refunds",
}
_STEP = re.compile(r"(?P<failed>!?)(?P<kind>[ACXR])(?P<amount>\d+)(?:/(?P<line>\d+))?")


def body(items: dict[int, int], **fields: object) -> OperationBody:
    """Return an operation as a client writes it, from amounts by line."""
    asked = tuple(OperationItemBody(line_id=line, amount=items[line]) for line in items)
    return replace(OperationBody(items=asked), **fields)


def tried(order: Order, letter: str, items: dict[int, int], **fields: object) -> Order | Refusal:
    """Try an operation, one second after the one before; give what came of it."""
    place = sum(len(getattr(order, kind)) for kind in KINDS) + 1
    asked = body(items, **fields)
    return record(order, KIND[letter], asked, f"{letter}{place}", ACTOR, NOW.plus(place))


def done(order: Order, letter: str, items: dict[int, int], **fields: object) -> Order:
    """Record an operation that must be accepted."""
    return accepted(tried(order, letter, items, **fields))


def refused(order: Order, letter: str, items: dict[int, int], **fields: object) -> Refusal:
    """Try an operation that must be refused."""
    refusal = tried(order, letter, items, **fields)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def named(order: Order) -> dict[str, object]:
    """Return the newest authorization's name where the order wants one."""
    if not order.multiple_authorizations or not order.authorizations:
        return {}
    return {"authorization_id": order.authorizations[-1].id}


def after(order: Order, steps: str) -> Order:
    """Return the order after these steps, whose amounts take the sign of their line."""
    for step in steps.split():
        found = _STEP.fullmatch(step)
        assert found, step
        line_id = int(found["line"] or 1)
        item = next(item for item in order.items if item.line_id == line_id)
        amount = int(found["amount"]) * (1 if payable(item) > 0 else -1)
        fields = {} if found["kind"] == "A" else named(order)
        success = not found["failed"]
        order = done(order, found["kind"], {line_id: amount}, success=success, **fields)
    return order
