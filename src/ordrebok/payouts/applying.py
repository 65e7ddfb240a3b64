"""Payouts at drafts and orders: the steps that writing a draft and completing it go through."""

from collections.abc import Sequence

from msgspec.structs import replace

from ordrebok.payouts.resolution import Find, Option, RuleName, stored_names, with_payouts
from ordrebok.payouts.trees import rules_faults
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import Draft, Options
from ordrebok.wire.item import Item
from ordrebok.wire.order import Order
from ordrebok.wire.payout import Payout


def option_refusal(option: Option) -> Refusal | None:
    """Return what is wrong with a draft's options.payout, every fault of every rule, or None.

    Refuses: INVALID_REQUEST_PARAMETER.
    Source: neighbours 4.1 and 4.3; decisions, limits.
    """
    if not isinstance(option, Payout) or not option.rules:
        return None
    faults = [fault.under("options", "payout", "rules") for fault in rules_faults(option.rules)]
    if not faults:
        return None
    return Refusal("INVALID_REQUEST_PARAMETER", faults[0].message, faults=tuple(faults))


def split_draft(draft: Draft, find: Find, updated: Order | None) -> Draft | Refusal:
    """Return the draft with its lines split by the rules in force; its version stays.

    It comes after everything that changes amounts, discounts among it. `updated` is the order
    that the draft adds lines to. A draft in which nothing changes comes back as the same object.
    Refuses: PAYOUT_RULE_NOT_FOUND, AMOUNT_TOO_LARGE.
    Keeps: an order holds the splits that its draft had when it was completed, by the rules of
    that moment; nothing changes them afterwards.
    Source: decisions, payout 1 and 2.
    """
    items = draft.order.items
    option = _option(draft.options)
    if not option and not any(_is_touched(item) for item in items):
        return draft
    found = with_payouts(items, option, find, _originals(draft.options, updated))
    if isinstance(found, Refusal):
        return found
    if all(after is before for after, before in zip(found, items, strict=True)):
        return draft
    return replace(draft, order=replace(draft.order, items=found))


def needed(draft: Draft) -> tuple[RuleName, ...]:
    """Return the names of the stored rules that a draft's lines may follow."""
    return stored_names(draft.order.items, _option(draft.options))


def _option(options: Options | None) -> Option:
    """Return the payout option of a draft."""
    return None if options is None else options.payout


def _originals(options: Options | None, updated: Order | None) -> Sequence[Item]:
    """Return the lines that lines of a draft may reverse: those of the order it adds to."""
    if updated is None or options is None or options.replace == "order":
        return ()
    return updated.items


def _is_touched(item: Item) -> bool:
    """Tell whether a line is split without a draft's asking, or was split before."""
    relation = item.related_item
    return item.payout is not None or (relation is not None and relation.type == "reversed")
