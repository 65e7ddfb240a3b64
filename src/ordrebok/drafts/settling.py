"""What a draft needs after each change, before it is put down: its discounts settled."""

from msgspec.structs import replace

from ordrebok.decision import Call, State
from ordrebok.discounts.applying import apply
from ordrebok.discounts.bookings import pruned
from ordrebok.discounts.record import Standings, shelves_for
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import Draft


def settled(state: State, call: Call, draft: Draft) -> Draft | Refusal:
    """Return a changed draft as it may be put down.

    With `apply_discounts=true` it has the discounts that it now qualifies for. Without, lines
    stay as they are, and `discounts[]` keeps what they still bear: so that a line that was
    removed or replaced is not booked.
    Refuses: AMOUNT_TOO_LARGE.
    Source: decisions, discounts.
    """
    if draft.status != "open":
        return draft
    if getattr(call.query, "apply_discounts", False):
        customer = draft.order.customer
        customer_id = None if customer is None else customer.id
        shelves = shelves_for(state, call.account_id, customer_id)
        books = Standings(state, call.account_id)
        after = apply(draft, shelves, books, state.now)
        books.check()
        return after
    if draft.order.discounts is None:
        return draft
    borne = pruned(draft.order.discounts, draft.order.items)
    return replace(draft, order=replace(draft.order, discounts=borne))
