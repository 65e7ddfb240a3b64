"""What is wrong with the items of an operation or session before any sum is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ordrebok.items.rules import payable
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.item import Item

L = TypeVar("L", bound=int | str)

_REFUSED_AS = {
    "ZERO_AMOUNT": "INVALID_AMOUNTS",
    "LINE_TWICE": "INVALID_AMOUNTS",
    "LINE_NOT_FOUND": "NOT FOUND",
    "AMOUNT_SIGN": "AMOUNT_SIGN",
}
"""The refusal of each fault, the gravest first."""


def shape_refusal(lines: Mapping[L, Item], asked: Sequence[tuple[L, int | None]]) -> Refusal | None:
    """Return everything that is wrong with the items of a request, or None.

    `lines` are the order's, by the line_id as the request writes it; `asked` are the line_id
    and amount of each item, None where an amount is not given.
    Refuses: INVALID_AMOUNTS (a zero, a line that stands twice), NOT FOUND (a line that is not
    there), AMOUNT_SIGN. All faults are listed, whatever the code.
    """
    faults = list(_faults(lines, asked))
    for code, refused_as in _REFUSED_AS.items():
        for fault in faults:
            if fault.code == code:
                return Refusal(refused_as, fault.message, faults=tuple(faults))
    return None


def _faults(lines: Mapping[L, Item], asked: Sequence[tuple[L, int | None]]) -> Iterator[Fault]:
    """Yield the faults of all items, in their order."""
    seen: set[L] = set()
    for index, (line_id, amount) in enumerate(asked):
        on_line, on_amount = ("items", index, "line_id"), ("items", index, "amount")
        line = lines.get(line_id)
        number = line_id if line is None else line.line_id
        data = {"line_id": number} if isinstance(number, int) else {}
        if line_id in seen:
            message = f"line {line_id} stands twice"
            yield Fault("LINE_TWICE", message, on_line, "each line once", data)
        elif line is None:
            message = f"the order has no line {line_id}"
            expected = "the line_id of a line of the order"
            yield Fault("LINE_NOT_FOUND", message, on_line, expected, data)
        if amount == 0:
            message = f"line {line_id}: an amount of zero"
            yield Fault("ZERO_AMOUNT", message, on_amount, "an amount other than zero", data)
        elif amount is not None and line is not None and payable(line) * amount < 0:
            message = f"line {line_id} is {payable(line)}, the amount {amount}"
            expected = "an amount with the sign of its line"
            asked_for = {**data, "requested": amount}
            yield Fault("AMOUNT_SIGN", message, on_amount, expected, asked_for)
        seen.add(line_id)
