"""What orders take over of a draft's discounts, and what of it is booked."""

from ordrebok.discounts.bookings import faults, merged, pruned, shared, wanted
from ordrebok.discounts.compiled import compiled
from ordrebok.discounts.standing import Booking, Standing
from ordrebok.wire.item import DiscountLine
from ordrebok.wire.order import Discount, DiscountRef, DiscountRefItem
from tests.support.builders import an_item
from tests.support.discounts import a_rule


def a_discount(*amounts: tuple[int, int], stamp: int = 0, ref: str = "r") -> Discount:
    """Return the use of one ref; amounts are (line_id, amount)."""
    return Discount(
        id="rule",
        refs=(
            DiscountRef(
                id=ref,
                amount=sum(amount for _, amount in amounts),
                stamp=stamp,
                usages=1 if amounts else 0,
                items=tuple(DiscountRefItem(line_id=n, amount=amount) for n, amount in amounts),
            ),
        ),
    )


def booked(discounts: tuple[Discount, ...] | None) -> list[tuple[int, int, int]]:
    """Return (usage, amount, stamp) of each booking."""
    return [
        (want.booking.usage, want.booking.amount, want.booking.stamp)
        for want in wanted(discounts, 0)
    ]


def test_a_ref_is_booked_with_what_it_gave() -> None:
    """Use, money and stamps, at the time of the completion."""
    (want,) = wanted((a_discount((1, 30), (5, 70), stamp=2),), 99)
    assert (want.rule_id, want.ref_id) == ("rule", "r")
    assert want.booking == Booking(99, usage=1, amount=100, stamp=2)


def test_a_use_that_is_gone_is_named() -> None:
    """With the rule, the ref and the limit."""
    rule = compiled(a_rule(limitation={"discount_repeat_usage": 1}))
    want = wanted((a_discount((1, 30)),), 0)[0]
    assert faults([(want, rule, Standing())]) == []
    (fault,) = faults([(want, rule, Standing(usage=1))])
    assert fault.data == {
        "discount_id": "rule",
        "ref_id": "r",
        "limit": "limitation.discount_repeat_usage",
    }


def test_orders_of_one_draft_share_amounts_by_line_and_book_the_use_once() -> None:
    """Their sum is the draft's."""
    discounts = (a_discount((1, 30), (2, 20), (5, 50), stamp=3),)
    parts = shared(discounts, [{3, 4}, {2, 5}, {1}])
    assert parts[0] is None
    assert booked(parts[1]) == [(1, 70, 3)]
    assert booked(parts[2]) == [(0, 30, 0)]


def test_stamps_without_a_reward_go_with_the_first_order() -> None:
    """They belong to no line."""
    parts = shared((a_discount(stamp=1),), [{1}, {2}])
    assert booked(parts[0]) == [(0, 0, 1)]
    assert parts[1] is None


def test_what_no_line_bears_any_more_is_not_booked() -> None:
    """A line was replaced, another removed; stamps stay."""
    bearing = an_item(
        100, 1, discount_lines=(DiscountLine(amount=30, discount_id="rule", line_id=1),)
    )
    changed = an_item(100, 2, discount_lines=(DiscountLine(amount=19, discount_id="rule"),))
    discounts = (a_discount((1, 30), (2, 20), (3, 50)),)
    assert booked(pruned(discounts, [bearing, changed])) == [(1, 30, 0)]
    assert pruned(discounts, [changed]) is None
    assert booked(pruned((a_discount((3, 50), stamp=2),), [])) == [(0, 0, 2)]
    assert pruned(None, [bearing]) is None
    whole = (a_discount((1, 30), stamp=1),)
    assert pruned(whole, [bearing]) == whole


def test_an_order_keeps_its_own_discounts_when_a_draft_adds_to_it() -> None:
    """The same ref used twice is one entry."""
    other = a_discount((3, 5), ref="q")
    both = merged((a_discount((1, 30)),), (a_discount((2, 20), stamp=1), other))
    assert booked(both) == [(2, 50, 1), (1, 5, 0)]
    assert merged(None, None) is None
