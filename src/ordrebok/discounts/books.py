"""Bookings as they are written down: on refs, in the tallies of rules, and by what they are for.

A ref's book says what is used of it; the bookings of an order or a claim say what it has booked,
so that exactly that is given back; the tallies of a rule sum the books of its customers' refs.
"""

import zlib
from collections.abc import Iterable, Sequence
from operator import sub
from typing import Final

from msgspec.structs import replace

from ordrebok.decision import Call, Key, Put, State
from ordrebok.discounts import bookings
from ordrebok.discounts.bookings import Wanted
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.giving import (
    ERASED,
    WILDCARDS,
    after_booking,
    after_release,
    booking_of,
    left,
    standing_of,
    use_of,
)
from ordrebok.discounts.record import (
    ORDER,
    Reference,
    bookings_key,
    put,
    put_index,
    ref_key,
    register_key,
    rule_as_it_stands,
)
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.base import MAX_INTEGER
from ordrebok.wire.discount_ref import BookedUse, Bookings, RefDocument, Tally, UsageRef
from ordrebok.wire.order import Discount, DiscountStatistics

TALLIES: Final = 8
"""Tallies of a rule: uses of different refs at once seldom meet in one."""


def tally_key(account_id: str, rule_id: str, number: int) -> Key:
    """Return where one of the tallies of a rule stands."""
    return Key(account_id, "discount_register", f"tally:{number}:{rule_id}")


def tally_keys(account_id: str, rule_id: str) -> list[Key]:
    """Return where all tallies of a rule stand."""
    return [tally_key(account_id, rule_id, number) for number in range(TALLIES)]


class Books:
    """The books that one decision changes, each of them written once.

    Keeps: a tally holds the sum of the books of its refs, and of the balances of those that were
    not taken back; what a reference has booked and not given back stands in its bookings.
    """

    def __init__(self, state: State, call: Call) -> None:
        """Begin with no book changed."""
        self._state = state
        self._call = call
        self._refs: dict[str, RefDocument] = {}
        self._tallies: dict[Key, Tally] = {}
        self._bookings: dict[Reference, list[BookedUse]] = {}

    def ahead(self, used: Iterable[tuple[str, str]], references: Iterable[Reference] = ()) -> None:
        """Have loaded together what bookings on refs, each as (rule id, ref id), look at."""
        account_id = self._call.account_id
        keys = [bookings_key(account_id, each) for each in references]
        for rule_id, ref_id in used:
            keys += (ref_key(account_id, ref_id), self._tally_of(rule_id, ref_id))
        if keys:
            self._state.ahead((register_key(account_id), *keys))

    def ref(self, ref_id: str) -> RefDocument | None:
        """Return a ref as it now stands in this decision."""
        known = self._refs.get(ref_id)
        return known or self._state.get(ref_key(self._call.account_id, ref_id), RefDocument)

    def book(
        self,
        ref: RefDocument,
        rule: CompiledRule,
        want: Wanted,
        reference: Reference,
        *,
        shown: str | None = None,
    ) -> None:
        """Book on a ref, and note for what, so that it can be given back.

        `shown` is what the usages of the ref call it, where that is not the reference's own name.
        """
        ref_type, name = reference
        usage = UsageRef(
            ref=shown or name,
            ref_type=ref_type,
            usage=want.booking.usage,
            stamp=want.booking.stamp,
            amount=want.booking.amount,
            bonus=want.booking.bonus or None,
            created_at=self._state.now.text,
            created_by=self._call.actor_id,
        )
        after, done = after_booking(ref, rule, want.booking, usage, self._state.now)
        self.change(ref, after, rule)
        self._booked_by(reference).append(use_of(want.rule_id, want.ref_id, done))

    def begin(self, reference: Reference) -> None:
        """Begin what a new order or claim books.

        What stands there was booked by another of the same name that has been erased since; its
        sale was made, and stays in the books of its refs.
        """
        self._bookings[reference] = []

    def give_back(self, reference: Reference, *, shown: str | None = None) -> None:
        """Give back all that an order or a claim has booked; nothing, where it booked nothing.

        `shown` is what usages call it, as it was when it was booked.
        """
        called = (reference[0], shown or reference[1])
        uses = self._booked_by(reference)
        self.ahead((use.discount_id, use.ref_id) for use in uses)
        for use in uses:
            ref = self.ref(use.ref_id)
            if ref is not None:
                after = after_release(ref, booking_of(use), called, self._state.now)
                rule = rule_as_it_stands(self._state, self._call.account_id, ref.discount_id)
                self.change(ref, after, rule)
        uses.clear()

    def change(
        self, before: RefDocument | None, after: RefDocument, rule: CompiledRule | None
    ) -> None:
        """Take in another book of a ref, before None for a new one; the rule is the ref's.

        One that changes twice is one new version.
        """
        known = self._refs.get(after.id)
        self._refs[after.id] = after if known is None else replace(after, version=known.version)
        if after.given_to in WILDCARDS:
            return
        more = tuple(map(sub, _summed(after, rule), _summed(before, rule)))
        if not any(more):
            return
        usage, amount, bonus, stamp, debit_balance = more
        key = self._tally_of(after.discount_id, after.id)
        tally = self._tallies.get(key)
        if tally is None:
            stored = self._state.get(key, Tally)
            made = Tally(version=0, created_ms=self._state.now.ms) if stored is None else stored
            tally = replace(made, version=made.version + 1)
        self._tallies[key] = replace(
            tally,
            usage=tally.usage + usage,
            amount=tally.amount + amount,
            bonus=tally.bonus + bonus,
            stamp=tally.stamp + stamp,
            debit_balance=tally.debit_balance + debit_balance,
        )

    def refusal(self) -> Refusal | None:
        """Return the refusal of a book that would hold more than is kept exactly.

        Refuses: AMOUNT_TOO_LARGE.
        """
        books: list[RefDocument | Tally] = [*self._refs.values(), *self._tallies.values()]
        kept = [amount for each in books for amount in (each.amount, each.bonus)]
        kept += [tally.debit_balance for tally in self._tallies.values()]
        if all(abs(each) <= MAX_INTEGER for each in kept):
            return None
        return refuse("AMOUNT_TOO_LARGE", "A discount would have given more than can be kept")

    def puts(self) -> tuple[Put, ...]:
        """Return the writing down of all that has changed."""
        state, call = self._state, self._call
        written = [
            put(state, call, ref_key(call.account_id, ref.id), ref) for ref in self._refs.values()
        ]
        written += [put_index(state, call, key, tally) for key, tally in self._tallies.items()]
        for reference, uses in self._bookings.items():
            key = bookings_key(call.account_id, reference)
            before = state.get(key, Bookings)
            if before is None and not uses:
                continue
            made = Bookings(version=0, created_ms=state.now.ms) if before is None else before
            after = replace(made, version=made.version + 1, uses=tuple(uses))
            written.append(put_index(state, call, key, after))
        return tuple(written)

    def _booked_by(self, reference: Reference) -> list[BookedUse]:
        """Return what a reference has booked by now."""
        known = self._bookings.get(reference)
        if known is None:
            key = bookings_key(self._call.account_id, reference)
            stored = self._state.get(key, Bookings)
            known = self._bookings[reference] = [] if stored is None else [*stored.uses]
        return known

    def _tally_of(self, rule_id: str, ref_id: str) -> Key:
        """Return which tally of its rule a ref is counted in: always the same one."""
        return tally_key(self._call.account_id, rule_id, zlib.crc32(ref_id.encode()) % TALLIES)


def _summed(ref: RefDocument | None, rule: CompiledRule | None) -> tuple[int, int, int, int, int]:
    """Return what a tally sums of a ref, in the order of its fields; zeros where there is none."""
    if ref is None:
        return 0, 0, 0, 0, 0
    return ref.usage, ref.amount, ref.bonus, ref.stamp, left(ref, rule)


def booked(
    state: State,
    call: Call,
    orders: Iterable[tuple[str, Sequence[Discount] | None]],
    *,
    new: bool = True,
    instead_of: str | None = None,
) -> tuple[Put, ...] | Refusal:
    """Return the bookings of orders that are being made, each as (order id, its `discounts[]`).

    `new` is false for an order that is added to. `instead_of` is an order that is replaced: what
    it had booked is given back first.
    Refuses: DISCOUNT_USED_UP, naming every ref that has not enough left, or whose customer was
    erased; AMOUNT_TOO_LARGE.
    Keeps: bookings are written in the transaction that makes the orders, so they stand exactly
    once; of parallel completions, the last use goes to one.
    """
    wanted = [
        (order_id, want)
        for order_id, discounts in orders
        for want in bookings.wanted(discounts, state.now.ms)
    ]
    books = Books(state, call)
    names = {order_id for order_id, _ in wanted} | ({instead_of} if instead_of else set())
    books.ahead(
        ((want.rule_id, want.ref_id) for _, want in wanted), ((ORDER, name) for name in names)
    )
    if instead_of is not None:
        books.give_back((ORDER, instead_of))
    for name in names if new else ():
        books.begin((ORDER, name))
    lacking = []
    for order_id, want in wanted:
        ref = books.ref(want.ref_id)
        rule = rule_as_it_stands(state, call.account_id, want.rule_id)
        if ref is None or rule is None:
            continue
        if ref.given_to == ERASED:
            lacking.append(bookings.gone(want))
            continue
        lacking += bookings.faults([(want, rule, standing_of(ref))])
        books.book(ref, rule, want, (ORDER, order_id))
    if lacking:
        return Refusal("DISCOUNT_USED_UP", lacking[0].message, faults=tuple(lacking))
    return books.refusal() or books.puts()


def given_back(state: State, call: Call, reference: Reference) -> tuple[Put, ...]:
    """Return what gives back all that an order or a claim has booked here, and not given back."""
    books = Books(state, call)
    books.give_back(reference)
    return books.puts()


def told(discounts: Sequence[Discount] | None, puts: Iterable[Put]) -> tuple[Discount, ...] | None:
    """Return `discounts[]` of an order with the statistics that its bookings come to.

    `puts` are those that booked it. Keeps: the statistics hold this order, and all before it.
    """
    books = {ref.id: ref for each in puts if isinstance(ref := each.document, RefDocument)}
    if not discounts or not books:
        return None if discounts is None else tuple(discounts)
    return tuple(
        replace(
            discount,
            refs=tuple(
                replace(ref, statistics=_statistics(books[ref.id])) if ref.id in books else ref
                for ref in discount.refs or ()
            ),
        )
        for discount in discounts
    )


def _statistics(ref: RefDocument) -> DiscountStatistics:
    """Return what a ref has given, as orders show it."""
    return DiscountStatistics(amount=ref.amount, stamp=ref.stamp, usage=ref.usage)
