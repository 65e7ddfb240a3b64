"""Giving rules to customers and taking them back; the books of refs as they are stored."""

from collections.abc import Sequence

from msgspec.structs import replace

from ordrebok.clock import Instant, instant
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.requirements import EVERYBODY, NOBODY, Ref
from ordrebok.discounts.standing import (
    Booking,
    Stamps,
    Standing,
    balance,
    booked,
    current_stamps,
    released,
)
from ordrebok.wire.discount import Statistics
from ordrebok.wire.discount_ref import BookedUse, HeldRef, HeldStamps, RefDocument, UsageRef, Wallet

KEPT_BOOKINGS = 100
"""Bookings that a customer's ref remembers one by one; those of wildcards are only counted."""

WILDCARDS = frozenset({EVERYBODY, NOBODY})


ERASED = ""
"""The holder of refs whose customer was erased."""


def has_already(wallet: Wallet | None, rule_id: str, constraint: str | None) -> bool:
    """Tell whether giving a rule once more would give nothing new.

    A wildcard has a rule once; a customer has it once for each constraint id, and as often as it
    is given without one.
    """
    if wallet is None:
        return False
    return any(
        held.discount_id == rule_id
        and (
            wallet.id in WILDCARDS
            or (constraint is not None and held.offering_constraint_id == constraint)
        )
        for held in wallet.refs
    )


def given(wallet: Wallet | None, ref: RefDocument, now: Instant) -> Wallet:
    """Return the wallet of a holder with one more ref."""
    entry = HeldRef(
        ref_id=ref.id,
        discount_id=ref.discount_id,
        created_ms=now.ms,
        offering_constraint_id=ref.offering_constraint_id,
    )
    if wallet is None:
        return Wallet(id=ref.given_to, version=1, created_ms=now.ms, refs=(entry,))
    return replace(wallet, version=wallet.version + 1, refs=(*wallet.refs, entry))


def without(wallet: Wallet, ref_ids: Sequence[str]) -> Wallet:
    """Return a wallet without some refs."""
    rest = tuple(held for held in wallet.refs if held.ref_id not in ref_ids)
    return replace(wallet, version=wallet.version + 1, refs=rest)


def deleted(ref: RefDocument, actor: str, now: Instant) -> RefDocument:
    """Return a ref as taken back; its history stays readable."""
    return replace(
        ref,
        deleted_at=now.text,
        deleted_by=actor,
        updated_at=now.text,
        version=ref.version + 1,
    )


def without_holder(ref: RefDocument, actor: str, now: Instant) -> RefDocument:
    """Return a ref whose customer was erased: taken back, and held by nobody ever after.

    Keeps: its book, which stays in the sums of its rule, and with it what an order gives back. For
    what it was used one by one, and the client's text for why it was given, go.
    """
    return replace(
        ref,
        given_to=ERASED,
        deleted_at=ref.deleted_at or now.text,
        deleted_by=ref.deleted_by if ref.deleted_at is not None else actor,
        updated_at=now.text,
        version=ref.version + 1,
        offering_constraint_id=None,
        usage_refs=(),
    )


def engine_ref(ref: HeldRef, holder: str) -> Ref:
    """Return a ref as the engine knows it."""
    return Ref(ref.ref_id, holder, ref.created_ms)


def standing_of(ref: RefDocument | None) -> Standing:
    """Return the book of a ref."""
    if ref is None:
        return Standing()
    held = tuple(Stamps(each.at_ms, each.number) for each in ref.held)
    return Standing(ref.usage, ref.amount, ref.bonus, ref.stamp, held)


def after_booking(
    ref: RefDocument, rule: CompiledRule, booking: Booking, usage: UsageRef, now: Instant
) -> tuple[RefDocument, Booking]:
    """Return a ref with one booking more, and the booking with the stamps it used up.

    `usage` says for what it was.
    """
    standing, done = booked(standing_of(ref), rule, booking)
    return _with(ref, standing, (*ref.usage_refs, usage), now), done


def after_release(
    ref: RefDocument, booking: Booking, reference: tuple[str, str], now: Instant
) -> RefDocument:
    """Return a ref without a booking; `reference` is its (ref_type, ref) among the usages.

    Stamps that its reward used up come back with the dates they had. Usages of the same name that
    were booked at another moment are another's, and stay.
    """
    own = (*reference, instant(booking.at_ms).text)
    rest = tuple(
        each for each in ref.usage_refs if (each.ref_type, each.ref, each.created_at) != own
    )
    return _with(ref, released(standing_of(ref), booking), rest, now)


def use_of(discount_id: str, ref_id: str, booking: Booking) -> BookedUse:
    """Return a booking as it is stored."""
    return BookedUse(
        discount_id=discount_id,
        ref_id=ref_id,
        at_ms=booking.at_ms,
        usage=booking.usage,
        amount=booking.amount,
        bonus=booking.bonus,
        stamp=booking.stamp,
        spent=_wire(booking.spent),
    )


def booking_of(use: BookedUse) -> Booking:
    """Return a booking as it was made."""
    return Booking(
        at_ms=use.at_ms,
        usage=use.usage,
        amount=use.amount,
        bonus=use.bonus,
        stamp=use.stamp,
        spent=tuple(Stamps(each.at_ms, each.number) for each in use.spent),
    )


def left(ref: RefDocument | None, rule: CompiledRule | None) -> int:
    """Return what a ref adds to the balance of its rule, in minor units.

    Only a `discount_debit` has a balance; what was taken back is left to nobody.
    """
    if ref is None or rule is None or ref.deleted_at is not None or rule.kind != "discount_debit":
        return 0
    return balance(standing_of(ref), rule)


def statistics(ref: RefDocument, rule: CompiledRule, now: Instant) -> Statistics:
    """Return what a ref has given by now, as answers show it."""
    standing = standing_of(ref)
    debit = rule.kind == "discount_debit"
    return Statistics(
        stamp=ref.stamp,
        current_stamp=current_stamps(standing, rule, now.ms),
        used=ref.usage,
        usage=ref.usage,
        amount=ref.amount,
        bonus=ref.bonus or None,
        debit_balance=balance(standing, rule) if debit else None,
    )


def _with(
    ref: RefDocument, standing: Standing, bookings: Sequence[UsageRef], now: Instant
) -> RefDocument:
    """Return a ref with another book."""
    nobody = ref.given_to in WILDCARDS or ref.given_to == ERASED
    kept = () if nobody else tuple(bookings)[-KEPT_BOOKINGS:]
    return replace(
        ref,
        usage=standing.usage,
        amount=standing.amount,
        bonus=standing.bonus,
        stamp=standing.stamp,
        held=_wire(standing.held),
        usage_refs=kept,
        updated_at=now.text,
        version=ref.version + 1,
    )


def _wire(stamps: Sequence[Stamps]) -> tuple[HeldStamps, ...]:
    """Return stamps as they are stored."""
    return tuple(HeldStamps(at_ms=each.at_ms, number=each.number) for each in stamps)
