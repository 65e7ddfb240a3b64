"""Secrets of API clients: made once, shown once, kept only as a hash."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Return a new secret: 256 random bits as 43 characters that fit into any header."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what is stored of a secret.

    A plain SHA-256 is enough: secrets are random and long, never chosen by a person, so there
    is nothing to guess that a slow hash would protect.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


_NOBODY = hash_of(new_secret())
"""Compared with when there is no such client, so that the answer takes as long."""


def fits(secret: str, stored_hash: str | None) -> bool:
    """Tell whether the secret is the stored one, in a time that does not depend on it."""
    same = hmac.compare_digest(hash_of(secret), stored_hash or _NOBODY)
    return same and stored_hash is not None
