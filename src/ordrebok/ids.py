"""New identifiers: made outside the rules and passed in to them."""

import os
import secrets

NINE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Letters of an ALPHANUMERIC_9 order id: no I, L, O or U, which people misread."""


def new_uuid() -> str:
    """Return a random UUID (version 4), the default identifier of every resource.

    Every write draws at least one, and the library's class takes about twice as long as this.
    """
    digits = os.urandom(16).hex()
    variant = "89ab"[ord(digits[16]) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_nine() -> str:
    """Return nine characters that a person can read out over a telephone."""
    return "".join(secrets.choice(NINE_ALPHABET) for _ in range(9))


class Candidates:
    """Order ids that a decision may ask for again: the same position, the same answer.

    A decision may run several times; with fresh ids each time it would never meet the state
    that was loaded for the ids of the run before.
    """

    def __init__(self) -> None:
        """Begin with no candidate drawn."""
        self._drawn: list[str] = []

    def at(self, position: int) -> str:
        """Return the candidate at a position, drawing as many as are needed."""
        while len(self._drawn) <= position:
            self._drawn.append(new_nine())
        return self._drawn[position]
