"""Signing keys: made here, kept in the book, and rotated without ending live tokens."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec
from joserfc.jwk import ECKey

from ordrebok.accounts.book import AccountBook, SigningKey
from ordrebok.accounts.rules import TOKEN_SECONDS
from ordrebok.clock import Instant

Jwk = dict[str, str | list[str]]
"""A key as JSON (RFC 7517)."""

ALGORITHM: Final = "ES256"
"""The one algorithm that is signed with and accepted."""


def new_key(now: Instant) -> SigningKey:
    """Return a new key; its id is its thumbprint (RFC 7638)."""
    key = ECKey.generate_key("P-256")
    kid = key.thumbprint()
    private = {**key.as_dict(private=True), "kid": kid, "use": "sig", "alg": ALGORITHM}
    return SigningKey(kid, msgspec.json.encode(private).decode(), now.text)


@lru_cache(maxsize=16)
def private_of(key: SigningKey) -> ECKey:
    """Return the key as the signature library takes it; reading one costs more than signing."""
    return ECKey.import_key(msgspec.json.decode(key.private_jwk, type=Jwk))


def public_jwk(key: SigningKey) -> Jwk:
    """Return the part of the key that everybody may know."""
    return private_of(key).as_dict(private=False)


def ends_ms(key: SigningKey) -> int | None:
    """Return when the last token that the key signed has expired; None while it signs."""
    if key.retired_at is None:
        return None
    return Instant.of(key.retired_at).plus(TOKEN_SECONDS).ms


def live(keys: Iterable[SigningKey], now_ms: int) -> tuple[SigningKey, ...]:
    """Return the keys that sign, or that a token which still lives may have been signed with."""
    return tuple(key for key in keys if (end := ends_ms(key)) is None or end > now_ms)


async def signing_key(book: AccountBook, now: Instant) -> SigningKey:
    """Return the key that signs now; on a book's very first use it is made.

    Two servers that start at once may each make one. Both verify, and the newer one signs.
    """
    for key in await book.signing_keys():
        if key.retired_at is None:
            return key
    key = new_key(now)
    await book.add_signing_key(key)
    return key


async def rotate(book: AccountBook, now: Instant, *, revoke: bool = False) -> SigningKey:
    """Make a new key that signs from now on, and return it.

    Keeps: tokens of earlier keys stay good until they expire; a key is forgotten once its last
    token has expired. With `revoke`, for a key that got out, earlier keys are forgotten at once,
    and all servers refuse their tokens within a minute.
    """
    key = new_key(now)
    await book.add_signing_key(key)
    await book.retire_signing_keys(but=key.kid, at=now.text)
    before = now.plus(1) if revoke else now.plus(-TOKEN_SECONDS)
    await book.drop_signing_keys(retired_before=before.text)
    return key
