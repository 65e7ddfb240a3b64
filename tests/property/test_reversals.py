"""Any sequence of updates takes back at most what a line was, and takes that back exactly."""

from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ordrebok.drafts import completion
from ordrebok.items.rules import payable, totals
from ordrebok.payments.rules import payment_details
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft
from ordrebok.wire.item import Item, ItemBody
from ordrebok.wire.order import Order
from tests.support.builders import (
    LATER,
    a_body,
    a_tax,
    accepted,
    an_order,
    an_update_of,
)


class Asked(NamedTuple):
    """A reversal: of which line, and of how many hundredths of its gross amount."""

    line: int
    hundredths: int


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Draw an order of lines that were sold, and some that were already given back."""
    items: list[ItemBody] = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        gross = draw(st.integers(-2_000, 2_000).filter(bool))
        discount = int(gross * draw(st.sampled_from([0, 0, 0.25, 1])))
        tax = a_tax(25, included_in_price=draw(st.booleans()))
        items.append(a_body(gross, number, discounts=(discount,), taxes=[tax]))
    return an_order(items)


updates = st.lists(
    st.lists(st.builds(Asked, st.integers(0, 2), st.integers(-20, 120)), min_size=1, max_size=3),
    min_size=1,
    max_size=6,
)


def reversal(original: Item, asked: Asked, line_id: int) -> ItemBody:
    """Return a line that takes a part of another back, with the same share of its discount."""
    gross = -int(original.gross_amount * asked.hundredths / 100)
    discount = -int(
        sum(line.amount or 0 for line in original.discount_lines) * asked.hundredths / 100
    )
    discount = max(min(discount, abs(gross)), -abs(gross))
    included = original.tax_lines[0].included_in_price
    return a_body(
        gross,
        line_id,
        related=("reversed", original.line_id),
        discounts=(discount if discount * gross >= 0 else 0,),
        taxes=[a_tax(25, included_in_price=included)],
    )


def reversing(order: Order, line_id: int) -> list[Item]:
    """Return the lines of an order that reverse a line."""
    return [
        item
        for item in order.items
        if item.related_item is not None and item.related_item.line_id == line_id
    ]


def hold(order: Order, originals: tuple[Item, ...]) -> None:
    """Hold that no line was reversed beyond what it was, and that the order adds up."""
    for original in originals:
        taken = reversing(order, original.line_id)
        assert abs(sum(item.gross_amount for item in taken)) <= abs(original.gross_amount)
        assert abs(sum(payable(item) for item in taken)) <= abs(payable(original))
        assert all(item.gross_amount * original.gross_amount < 0 for item in taken)
    assert (order.gross_amount, order.net_amount) == totals(order.items)[:2]
    assert order.payment_details == payment_details(order)
    assert msgspec.json.decode(encode(order), type=Order) == order


def drafted(order: Order, asked: list[Asked]) -> Draft:
    """Return an update draft with the reversals that are asked for."""
    originals = [item for item in order.items if item.related_item is None]
    items = [
        reversal(originals[one.line % len(originals)], one, 100 + len(order.items) + number)
        for number, one in enumerate(asked)
    ]
    return an_update_of(order, items)


@given(orders(), updates)
@settings(max_examples=80)
def test_no_sequence_of_updates_takes_back_too_much(
    order: Order, sequence: list[list[Asked]]
) -> None:
    """An update that would is refused as a whole; the others are applied."""
    originals = order.items
    for asked in sequence:
        draft = drafted(order, asked)
        faults = completion.faults(draft, order)
        if faults:
            assert {fault.code for fault in faults} <= {"REVERSAL_EXCEEDS_LINE", "REVERSAL_SIGN"}
            continue
        after = accepted(completion.updated_order(draft, order, LATER))
        assert (after.version, len(after.items)) == (
            order.version + 1,
            len(order.items) + len(draft.order.items),
        )
        order = after
        hold(order, originals)


@given(orders())
@settings(max_examples=40)
def test_everything_can_be_taken_back_once(order: Order) -> None:
    """Reversing every line in full leaves an order of nothing, and nothing more to reverse."""
    everything = [Asked(number, 100) for number in range(len(order.items))]
    draft = drafted(order, everything)
    assert completion.faults(draft, order) == []
    empty = accepted(completion.updated_order(draft, order, LATER))
    assert (empty.gross_amount, empty.net_amount) == (0, 0)
    assert empty.payment_details is not None
    assert empty.payment_details.amount_due == 0
    again = completion.faults(drafted(empty, everything[:1]), empty)
    assert {fault.code for fault in again} == {"REVERSAL_EXCEEDS_LINE"}
