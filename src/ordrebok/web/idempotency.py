"""The Idempotency-Key header: the same key and the same request give the first answer again."""

import re
from hashlib import sha256
from typing import Final

from ordrebok.decision import Idempotency
from ordrebok.refusals import Fault, Refusal

_KEY: Final = re.compile(rb"[\x21-\x7e]{1,255}")


def idempotency_of(
    key: bytes, client_id: str, *, method: str, path: str, query: bytes, body: bytes
) -> Idempotency | Refusal:
    """Return the key with the fingerprint of the request it came with.

    Refuses: INVALID_HEADER, when the key is not 1 to 255 visible ASCII characters.
    Source: decisions 2.1.
    """
    if not _KEY.fullmatch(key):
        return Refusal(
            "INVALID_HEADER",
            "The Idempotency-Key header is not valid",
            (
                Fault(
                    "PATTERN",
                    f"Idempotency-Key has {len(key)} bytes or characters that are not visible",
                    ("Idempotency-Key",),
                    "1 to 255 visible ASCII characters",
                ),
            ),
        )
    return Idempotency(client_id, key.decode("ascii"), fingerprint(method, path, query, body))


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> str:
    """Return a digest that two requests share only when they ask for the same."""
    target = f"{method} {path}?".encode("utf-8", "surrogatepass")
    # The first line ends at the line feed: no path can pretend to be the beginning of a body.
    return sha256(target + query + b"\n" + body).hexdigest()
