"""New identifiers: made outside the rules and passed in to them."""

import os
from hashlib import sha256

NINE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters of an ALPHANUMERIC_9 order id: no I, L, O or U, which people misread."""


def new_uuid() -> str:
    """Return a random UUID (version 4), the default identifier of every resource.

    Every write draws at least one, and the library's class takes about twice as long as this.
    """
    digits = os.urandom(16).hex()
    variant = "89ab"[ord(digits[16]) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_key() -> bytes:
    """Return 24 random bytes: a key that nobody guesses, of the length that receivers expect."""
    return os.urandom(24)


def nine_of(new_id: str) -> str:
    """Return nine characters that a person can read out over a telephone, made of a new id.

    A decision may run several times, and gets the same new ids each time: so it meets the state
    that was loaded for the characters of the run before.
    """
    number = int.from_bytes(sha256(new_id.encode()).digest()[:6])
    return "".join(NINE_ALPHABET[number >> shift & 31] for shift in range(0, 45, 5))


def ordered_id(ms: int, nth: int) -> str:
    """Return a new id that grows with time: a UUID of version 7.

    `ms`: milliseconds since 1970. `nth` orders up to 4,096 ids of the same millisecond.
    """
    random = os.urandom(8).hex()
    variant = "89ab"[ord(random[0]) & 3]
    return (
        f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{nth & 0xFFF:03x}-{variant}{random[1:4]}-{random[4:]}"
    )


def first_ordered_id(ms: int) -> str:
    """Return what no id of `ordered_id` from that millisecond on stands before."""
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7"


def moment_of(id_: str) -> int:
    """Return the milliseconds since 1970 that an id of `ordered_id` was made of."""
    return int(id_[:8] + id_[9:13], 16)
