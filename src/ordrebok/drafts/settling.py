"""What a draft needs after each change, before it is put down: discounts, then payouts."""

from msgspec.structs import replace

from ordrebok.decision import Call, Key, State
from ordrebok.discounts.applying import apply
from ordrebok.discounts.bookings import pruned
from ordrebok.discounts.record import (
    Standings,
    buyer_keys,
    head_key,
    replaced_order,
    shelves_for,
    wallet_key,
)
from ordrebok.payouts.record import split
from ordrebok.refusals import Refusal
from ordrebok.wire.discount_ref import RegisterHead
from ordrebok.wire.draft import Draft, Options
from ordrebok.wire.order import Order

_KEPT_BUYERS = 20_000
_buyers: dict[tuple[str, str], str] = {}
"""The customers of open drafts that were written last, by account and draft.

A hint what to load, and nothing else. It is the id itself, because the wallet is found by it; so it
goes when this process completes or deletes the draft, or erases the customer. What other processes
do is not heard of here: then it stays until newer ones push it out.
"""


def updated_order(state: State, call: Call, options: Options | None) -> Order | None:
    """Return the order that a draft with these options updates."""
    if options is None or options.order_id is None:
        return None
    return state.get(Key(call.account_id, "order", options.order_id), Order)


def ahead_of(call: Call) -> tuple[Key, ...]:
    """Return what a write will look at besides its draft, as far as it is known before."""
    return buyer_keys(call.account_id, _buyer_of(call)) if _applies(call) else ()


def _buyer_of(call: Call) -> str | None:
    """Return who buys: the customer that the request names, or whom the draft had when last seen.

    What only turns out with the draft at hand is loaded after it, which takes the store another
    turn.
    """
    order = getattr(call.body, "order", None)
    named: str | None = getattr(getattr(order, "customer", None), "id", None)
    return named or _buyers.get((call.account_id, call.params.get("id", "")))


def _remember(call: Call, draft: Draft) -> None:
    """Remember the buyer of a draft for the next write to it; an order without one has none."""
    customer = draft.order.customer
    place = (call.account_id, draft.id)
    if customer is None or customer.id is None:
        _buyers.pop(place, None)
        return
    if not draft.id:
        return
    if len(_buyers) >= _KEPT_BUYERS and place not in _buyers:
        del _buyers[next(iter(_buyers))]
    _buyers[place] = customer.id


def forget_draft(call: Call) -> None:
    """Forget the buyer of the draft in the path, which takes no discounts any more."""
    _buyers.pop((call.account_id, call.params.get("id", "")), None)


def forget_buyer(account_id: str, customer_id: str) -> None:
    """Forget of which drafts of an account somebody is the buyer."""
    for place in [place for place, buyer in _buyers.items() if buyer == customer_id]:
        if place[0] == account_id:
            del _buyers[place]


def foresee(state: State, call: Call, draft: Draft) -> None:
    """Ask for the wallet of the draft's buyer before the draft is changed.

    Where it has to be loaded first, nothing was computed in vain.
    """
    customer = draft.order.customer
    if customer is None or customer.id is None or not _applies(call):
        return
    if _buyers.get((call.account_id, draft.id)) == customer.id:
        return  # It was foreseen before there was a draft to look at.
    if state.get(head_key(call.account_id), RegisterHead) is not None:
        state.ahead((wallet_key(call.account_id, customer.id),))


def _applies(call: Call) -> bool:
    """Tell whether a call asks for discounts."""
    return bool(getattr(call.query, "apply_discounts", False))


def settled(state: State, call: Call, draft: Draft) -> Draft | Refusal:
    """Return a changed draft as it may be put down.

    What its lines cost is settled first, then who gets it.
    Refuses: AMOUNT_TOO_LARGE, PAYOUT_RULE_NOT_FOUND.
    Source: decisions, discounts; payout 1 and 2.
    """
    if draft.status != "open":
        return draft
    _remember(call, draft)
    after = _discounted(state, call, draft)
    if isinstance(after, Refusal):
        return after
    return split(state, call.account_id, after, updated_order(state, call, after.options))


def _discounted(state: State, call: Call, draft: Draft) -> Draft | Refusal:
    """Return the draft with its discounts settled.

    With `apply_discounts=true` it has the discounts that it now qualifies for. Without, lines
    stay as they are, and `discounts[]` keeps what they still bear: so that a line that was
    removed or replaced is not booked.
    """
    if _applies(call):
        customer = draft.order.customer
        customer_id = None if customer is None else customer.id
        shelves = shelves_for(state, call.account_id, customer_id)
        if not shelves and draft.order.discounts is None:
            return draft
        books = Standings(state, call.account_id, instead_of=replaced_order(draft.options))
        after = apply(draft, shelves, books, state.now)
        books.check()
        return after
    if draft.order.discounts is None:
        return draft
    borne = pruned(draft.order.discounts, draft.order.items)
    return replace(draft, order=replace(draft.order, discounts=borne))
