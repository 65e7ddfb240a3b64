"""Payouts at drafts: the option is checked, lines are split, an updated order is reversed."""

from msgspec.structs import replace

from ordrebok.drafts.completion import updated_order
from ordrebok.payouts.applying import needed, option_refusal, split_draft
from ordrebok.payouts.resolution import RuleName
from ordrebok.payouts.splitting import leaves
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import Options
from ordrebok.wire.item import Item
from ordrebok.wire.payout import DynamicPayout, Payout
from tests.support.builders import (
    NOW,
    a_body,
    a_draft,
    accepted,
    an_update_of,
    fault_codes,
    lines,
)
from tests.support.payouts import a_rule, a_split_order, flat, no_rule, percent, rest

STORE = "order.items.store.id"


def amounts(item: Item) -> list[int] | None:
    """Return what the leaves of a line get."""
    if item.payout is None:
        return None
    return [leaf.amount for leaf in leaves(item.payout.destinations)]


def test_an_option_without_faults_is_taken() -> None:
    """Whichever of its forms it has."""
    for option in (None, True, False, Payout(), Payout(rules=(a_rule("S1"), a_rule("S2")))):
        assert option_refusal(option) is None


def test_every_fault_of_every_rule_is_listed() -> None:
    """With its place in the request."""
    rules = (a_rule("S1", percent(101, "a")), a_rule("S2"), a_rule("S3", rest()))
    refusal = option_refusal(Payout(rules=rules))
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("INVALID_REQUEST_PARAMETER", 400)
    assert fault_codes(refusal) == ["PAYOUT_VALUE", "PAYOUT_LEVEL_EXCEEDED", "PAYOUT_NODE_END"]
    path = ("options", "payout", "rules")
    assert [fault.path for fault in refusal.faults] == [
        (*path, 0, "destinations", 0, "value"),
        (*path, 0, "destinations"),
        (*path, 2, "destinations", 0),
    ]


def test_the_lines_of_a_draft_are_split() -> None:
    """By its own rules, or those of the account; the version is not touched."""
    items = [a_body(1000, store="S1"), a_body(500)]
    rule = a_rule("S1")
    own = a_draft(items, options=Options(payout=Payout(rules=(rule,))))
    stored = a_draft(items, options=Options(payout=True))
    for draft, find in ((own, no_rule), (stored, {RuleName(STORE, "S1"): rule}.get)):
        split = accepted(split_draft(draft, find, None))
        assert [amounts(item) for item in split.order.items] == [[100, 900], None]
        assert split.version == draft.version
        assert accepted(split_draft(split, find, None)) is split
    assert (needed(own), needed(stored)) == ((), (RuleName(STORE, "S1"),))


def test_a_draft_without_the_option_stays_the_same_object() -> None:
    """Nothing is computed for those who do not use payouts."""
    draft = a_draft(lines(100, 200))
    assert split_draft(draft, no_rule, None) is draft
    assert needed(draft) == ()


def test_a_draft_that_loses_the_option_loses_its_splits() -> None:
    """They are computed anew every time."""
    options = Options(payout=Payout(rules=(a_rule("S1"),)))
    draft = accepted(split_draft(a_draft([a_body(store="S1")], options=options), no_rule, None))
    plain = accepted(split_draft(replace(draft, options=Options()), no_rule, None))
    assert [item.payout for item in plain.order.items] == [None]


def test_a_rule_that_is_not_there_is_refused() -> None:
    """409, whether the draft has rules or asks for stored ones."""
    items = [a_body(dynamic_payout=DynamicPayout(rule_id="D1"))]
    for option in (True, Payout(rules=(a_rule("S1"),))):
        refusal = split_draft(a_draft(items, options=Options(payout=option)), no_rule, None)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "PAYOUT_RULE_NOT_FOUND"


def test_an_updating_draft_takes_back_what_its_order_gave() -> None:
    """Without any option of its own; new lines are split by theirs."""
    order = a_split_order([a_body(1000, 1, store="S1")], a_rule("S1", flat(300, "a"), rest("b")))
    reversal = a_body(-500, 2, related=("reversed", 1), store="S1")
    draft = accepted(split_draft(an_update_of(order, [reversal]), no_rule, order))
    after = accepted(updated_order(draft, order, NOW))
    assert [amounts(item) for item in after.items] == [[300, 700], [-150, -350]]
    options = Options(order_id=order.order_id, payout=Payout(rules=(a_rule("S1"),)))
    both = a_draft(
        [replace(reversal, line_id=3, gross_amount=-250), a_body(100, 4, store="S1")],
        options=options,
        updated=after,
    )
    split = accepted(split_draft(both, no_rule, after))
    assert [amounts(item) for item in split.order.items] == [[-75, -175], [10, 90]]


def test_a_draft_that_replaces_an_order_reverses_nothing_of_it() -> None:
    """Its lines will be gone."""
    order = a_split_order([a_body(1000, 1, store="S1")], a_rule("S1"))
    options = Options(order_id=order.order_id, replace="order")
    draft = a_draft([a_body(-500, 2, related=("reversed", 1))], options=options, updated=order)
    split = accepted(split_draft(draft, no_rule, order))
    assert [item.payout for item in split.order.items] == [None]
