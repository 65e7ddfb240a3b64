"""Lines that are not taken: everything that is wrong with them, as the API would say it.

It needs the web's rooms, which take longer to load than most imports take; so it is loaded when
the first bad line comes.
"""

from collections.abc import Sequence
from functools import cache

import msgspec

from ordrebok.refusals import Fault, Refusal
from ordrebok.web import body
from ordrebok.web.faults import MOST_FAULTS, BodyFaults, decoder_fault
from ordrebok.web.problem import refusal_body
from ordrebok.wire.exchange import OrderLine
from ordrebok.wire.order import Order


def schema_faults(text: bytes, error: Exception) -> Sequence[Fault]:
    """Return everything that keeps a line, which is JSON, from being an order."""
    return _faults().of(text, strict=False) or (decoder_fault(error),)


def nul_faults(text: bytes) -> list[Fault]:
    """Return the faults of texts that databases do not keep."""
    return list(body.nul_faults(msgspec.json.decode(text)))[:MOST_FAULTS]


def report_line(line: int, order_id: str, refusal: Refusal) -> bytes:
    """Return what the report says of a line that is refused."""
    entry: dict[str, object] = {"line": line}
    if order_id:
        entry["order_id"] = order_id
    return msgspec.json.encode(entry | msgspec.json.decode(refusal_body(refusal))["error"])


@cache
def _faults() -> BodyFaults:
    """Return what finds all faults of a line."""
    return BodyFaults(OrderLine, Order)
