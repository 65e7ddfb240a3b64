"""The books of one order, written out: every equation with its terms, and whether it holds."""

from collections import Counter
from collections.abc import Iterator, Mapping

from ordrebok.items.rules import payable, totals
from ordrebok.payments.ledger import KINDS, Recorded, ledger
from ordrebok.payments.rules import payment_details, payment_status, sums
from ordrebok.payouts.proof import payout_equations
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.proof import AuthorizationProof, Equation, LineProof, Proof

_NOTHING: Mapping[str, int] = {}


def proof(order: Order) -> Proof:
    """Return every equation that the amounts of an order must satisfy.

    Units: minor units of order.currency. Sums over the order carry their sign; the inequalities
    of lines and authorizations are in absolute values.
    Source: decisions, drafts 2, from draft to order 2, and payment operations 1 to 5.
    """
    book = ledger(order)
    reversed_amounts = _reversed_amounts(order)
    strays = _wrong_signs(order)
    lines = tuple(
        LineProof(
            line_id=item.line_id,
            equations=(
                *_line(item, reversed_amounts.get(item.line_id), strays[item.line_id]),
                *_room("line", book.line(item.line_id), abs(payable(item))),
            ),
        )
        for item in order.items
    )
    within: dict[str, list[Equation]] = {operation.id: [] for operation in order.authorizations}
    for (authorization_id, line_id), recorded in book.authorizations.items():
        within.setdefault(authorization_id, []).extend(_room(f"line {line_id}", recorded, None))
    authorizations = tuple(
        AuthorizationProof(authorization_id=authorization_id, equations=tuple(equations))
        for authorization_id, equations in within.items()
    )
    whole = (
        *_totals(order),
        *_operations(order),
        *_payments(order),
        *payout_equations(order),
    )
    parts = (whole, *(p.equations for p in lines), *(p.equations for p in authorizations))
    return Proof(
        order_id=order.order_id,
        version=order.version,
        currency=order.currency,
        holds=all(equation.holds for part in parts for equation in part),
        order=whole,
        lines=lines,
        authorizations=authorizations,
    )


def _equal(
    name: str, left: int | str, right: int | str, terms: Mapping[str, int] = _NOTHING
) -> Equation:
    """Return an equation of two amounts that must be equal."""
    return Equation(
        name=name, left=left, relation="=", right=right, terms=dict(terms), holds=left == right
    )


def _at_most(name: str, left: int, right: int, terms: Mapping[str, int]) -> Equation:
    """Return an equation of an amount that must not pass another."""
    return Equation(
        name=name, left=left, relation="<=", right=right, terms=dict(terms), holds=left <= right
    )


def _reversed_amounts(order: Order) -> dict[int, int]:
    """Return how much of each line other lines reverse, in absolute minor units."""
    amounts: dict[int, int] = {}
    for item in order.items:
        relation = item.related_item
        if relation is not None and relation.type == "reversed":
            amounts[relation.line_id] = amounts.get(relation.line_id, 0) + abs(payable(item))
    return amounts


def _wrong_signs(order: Order) -> Counter[int]:
    """Return how many recorded amounts of each line are zero or lack the sign of their line."""
    signs = {item.line_id: payable(item) for item in order.items}
    return Counter(
        item.line_id
        for kind in KINDS
        for operation in getattr(order, kind)
        for item in operation.items
        if item.amount == 0 or signs.get(item.line_id, 0) * item.amount < 0
    )


def _line(item: Item, reversed_amount: int | None, wrong_signs: int) -> Iterator[Equation]:
    """Yield the equations of one line, without those of its operations."""
    discounts = sum(line.amount or 0 for line in item.discount_lines)
    terms = {"gross_amount": item.gross_amount, "discounts": discounts}
    net_amount = item.gross_amount - discounts
    yield _equal("net_amount = gross_amount - discounts", item.net_amount, net_amount, terms)
    yield _equal("recorded amounts without the sign of the line = 0", wrong_signs, 0)
    if reversed_amount is not None:
        bound = abs(payable(item))
        terms = {"reversed": reversed_amount, "payable": bound}
        yield _at_most("reversed <= payable", reversed_amount, bound, terms)


def _room(name: str, recorded: Recorded, payable_amount: int | None) -> Iterator[Equation]:
    """Yield what bounds the operations of a line, or of a line within one authorization."""
    authorized, captured = recorded.authorizations, recorded.captures
    refunded, cancelled = recorded.refunds, recorded.cancellations
    if payable_amount is not None:
        yield _at_most(
            f"{name}: authorized - cancelled <= payable",
            authorized - cancelled,
            payable_amount,
            {"authorized": authorized, "cancelled": cancelled, "payable": payable_amount},
        )
    yield _at_most(
        f"{name}: captured + cancelled <= authorized",
        captured + cancelled,
        authorized,
        {"captured": captured, "cancelled": cancelled, "authorized": authorized},
    )
    terms = {"refunded": refunded, "captured": captured}
    yield _at_most(f"{name}: refunded <= captured", refunded, captured, terms)


def _totals(order: Order) -> Iterator[Equation]:
    """Yield the equations of the order's totals: each is the sum over the lines."""
    for name, amount in totals(order.items)._asdict().items():
        yield _equal(f"{name} = sum over lines", getattr(order, name) or 0, amount)


def _operations(order: Order) -> Iterator[Equation]:
    """Yield the equations of the operations: their amounts, and that what they name is there."""
    lines = {item.line_id for item in order.items}
    authorizations = {operation.id for operation in order.authorizations}
    unknown_lines = unknown_authorizations = 0
    for kind in KINDS:
        for operation in getattr(order, kind):
            terms = {f"line {item.line_id}": item.amount for item in operation.items}
            amount = sum(item.amount for item in operation.items)
            name = f"{kind} {operation.id}: amount = sum over items"
            yield _equal(name, operation.amount, amount, terms)
            unknown_lines += sum(item.line_id not in lines for item in operation.items)
            if kind != "authorizations" and operation.authorization_id is not None:
                unknown_authorizations += operation.authorization_id not in authorizations
    yield _equal("recorded amounts of lines that are not there = 0", unknown_lines, 0)
    yield _equal("authorizations named that are not there = 0", unknown_authorizations, 0)


def _payments(order: Order) -> Iterator[Equation]:
    """Yield the equations of what is left and due, and of the status."""
    terms = sums(order)._asdict()
    details = payment_details(order)
    for name in details.__struct_fields__:
        stored = getattr(order.payment_details, name, 0)
        yield _equal(f"payment_details.{name}", stored, getattr(details, name), terms)
    yield _equal("payment_status", order.payment_status, payment_status(order), terms)
