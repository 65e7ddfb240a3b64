"""What becomes of a line of an import: whether it is there already, and which numbers it uses."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from ordrebok.decision import Stored
from ordrebok.orders.record import decode
from ordrebok.orders.whole import WholeOrder
from ordrebok.refusals import Fault, Refusal

_SERIAL: Final = re.compile(r"([1-9][0-9]{0,14})(?:-[0-9]+)?")
"""A serial number, perhaps with the suffix of a split; longer ones are never counted up to."""

Standing = Literal["same", "later"]


def standing(order: WholeOrder, stored: Stored) -> Standing | Refusal:
    """Tell how an order of an import relates to the stored one of the same order_id.

    "same": it is there just so. "later": the stored one is what became of it, because its log
    begins with this one's. Nothing is ever written over.
    Refuses: ORDER_ID_TAKEN, with both versions.
    """
    log = [event.body for event in order.events]
    if log == list(stored.events) and _is_same(order.body, stored.body):
        return "same"
    if stored.version > order.version and log == list(stored.events[: order.version]):
        return "later"
    message = (
        f"The order {order.order_id} is there with other content: version {stored.version} "
        f"there, version {order.version} in this line"
    )
    fault = Fault(
        "ORDER_ID_TAKEN",
        message,
        ("order_id",),
        "an order_id that is free, or the order as it is there",
        {"stored_version": stored.version, "version": order.version},
    )
    return Refusal("ORDER_ID_TAKEN", message, (fault,))


def next_number(order_numbers: Iterable[str | None]) -> int:
    """Return the serial number behind all of these; 1 where none of them is one.

    Source: decisions, from draft to order 5.
    """
    serials = (_SERIAL.fullmatch(number) for number in order_numbers if number is not None)
    return max((int(serial[1]) for serial in serials if serial is not None), default=0) + 1


def derived_id(*names: str) -> str:
    """Return the UUID (version 8) that belongs to some names: the same ones, the same UUID.

    Reading a line again must give the same order again, so nothing in it is left to chance.
    """
    digits = hashlib.sha256("\x1f".join(names).encode(errors="surrogatepass")).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def _is_same(body: bytes, stored: bytes) -> bool:
    """Tell whether two documents say the same, whatever the order of their members."""
    if body == stored:
        return True
    try:
        return decode(body) == decode(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
