"""What is left to authorize, capture, cancel and refund, computed from lines and operations."""

from collections.abc import Sequence
from typing import NamedTuple

from ordrebok.items.rules import payable
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Operation, PaymentDetails


class Sums(NamedTuple):
    """Amounts over all lines and all successful operations, in minor units, with their sign."""

    net: int
    authorized: int
    captured: int
    refunded: int
    cancelled: int


def sums(order: Order) -> Sums:
    """Return the sums of an order; an operation that did not succeed counts for nothing."""
    return Sums(
        net=sum(payable(item) for item in order.items),
        authorized=_successful(order.authorizations),
        captured=_successful(order.captures),
        refunded=_successful(order.refunds),
        cancelled=_successful(order.cancellations),
    )


def payments(order: Order) -> tuple[PaymentDetails, str]:
    """Return the payment details and the payment status, from sums that are taken once."""
    total = sums(order)
    return _details(total, live=order.status != "cancelled"), _status(total)


def payment_details(order: Order) -> PaymentDetails:
    """Return what is left to record on an order.

    Units: minor units of the order's currency. A cancelled order waits for no more money.
    Source: decisions, payment operations 4.
    """
    return payments(order)[0]


def payment_status(order: Order) -> str:
    """Return the payment status, from integers alone.

    Source: decisions, payment operations 5.
    """
    return _status(sums(order))


def has_operations(order: Order) -> bool:
    """Tell whether any payment operation, successful or not, is recorded on an order."""
    return bool(order.authorizations or order.captures or order.refunds or order.cancellations)


def _details(total: Sums, *, live: bool) -> PaymentDetails:
    """Return what these sums leave; only a live order waits for more money."""
    open_amount = total.authorized - total.captured - total.cancelled
    return PaymentDetails(
        remaining_authorization_amount=(
            total.net - total.authorized + total.cancelled if live else 0
        ),
        remaining_capture_amount=open_amount,
        remaining_cancellation_amount=open_amount,
        remaining_refund_amount=total.captured - total.refunded,
        amount_due=total.net - total.captured if live else 0,
    )


def _status(total: Sums) -> str:
    """Return the payment status of these sums."""
    if total.refunded >= total.captured > 0:
        return "refunded"
    if 0 < total.refunded < total.captured:
        return "partially_refunded"
    if total.captured >= total.net > 0:
        return "paid"
    if 0 < total.captured < total.net:
        return "partially_paid"
    return "pending"


def _successful(operations: Sequence[Operation] | None) -> int:
    """Return the total of the operations that succeeded."""
    total = 0
    for operation in operations or ():
        if operation.success is not False:
            total += operation.amount or 0
    return total
