"""Access tokens: signed JWTs, and the verifier that every request passes."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from ordrebok import clock
from ordrebok.accounts.book import AccountBook, SigningKey
from ordrebok.accounts.keys import (
    ALGORITHM,
    Jwk,
    ends_ms,
    live,
    private_of,
    public_jwk,
    signing_key,
)
from ordrebok.accounts.rules import TOKEN_SECONDS, account_of_audience, scopes_of, usable
from ordrebok.clock import Instant
from ordrebok.ids import new_uuid
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.token import Client

TRUST_SECONDS: Final = 60
"""For how long a verified token is taken without looking at the book again."""

MOST_TOKENS: Final = 10_000
MOST_CHARACTERS: Final = 16_384
RELOAD_SECONDS: Final = 1.0
"""Keys are read at most this often, however many tokens with unknown keys arrive."""


class Principal(NamedTuple):
    """Who calls: a client, on one account, with these scopes."""

    client_id: str
    """Id of the client resource, kept in `created_by`."""
    account_id: str
    scopes: frozenset[str]
    customer_id: str | None = None
    """The customer whom the token was made for, if it was made for one."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says."""

    iss: str
    sub: str
    """Id of the client resource."""
    aud: str
    azp: str
    """The client id that the client presented itself with."""
    gty: str
    oid: str
    """The account."""
    scope: str
    iat: int
    exp: int
    jti: str
    customer_id: str | None = None
    """The customer whom the token is for; `user:` scopes open what is this customer's."""


class _Entry(NamedTuple):
    principal: Principal
    good_until: float


class _Verifier(NamedTuple):
    """The public side of a signing key, and when its last token has expired."""

    key: ECKey
    jwk: Jwk
    ends_ms: int | None


def claims_of(
    client: Client,
    *,
    issuer: str,
    audience: str,
    scopes: frozenset[str],
    now: Instant,
    customer_id: str | None = None,
) -> Claims:
    """Return what a new token for this client says.

    The audience has been checked to name an account, which is repeated as `oid`.
    """
    issued = now.ms // 1000
    return Claims(
        iss=issuer,
        sub=client.id,
        aud=audience,
        azp=client.client_id,
        gty="client-credentials",
        oid=account_of_audience(audience) or "",
        scope=" ".join(sorted(scopes)),
        iat=issued,
        exp=issued + TOKEN_SECONDS,
        jti=new_uuid(),
        customer_id=customer_id,
    )


def sign(key: SigningKey, claims: Claims) -> str:
    """Return the token."""
    header = {"typ": "JWT", "alg": ALGORITHM, "kid": key.kid}
    return jws.serialize_compact(header, encode(claims), private_of(key), [ALGORITHM])


class Tokens:
    """The verifier of access tokens, with a memory of those it has just verified.

    Keeps: a token is taken only with the signature of a key of the book, before it expires, and
    at most a minute after its client or grant was last seen in the book. Its scopes are those
    that the token and the client's present grants have in common.
    """

    def __init__(self, book: AccountBook, seconds: Callable[[], float] = time.time) -> None:
        """Take the book to ask, and the clock (seconds since 1970)."""
        self.book = book
        self._seconds = seconds
        self._cache: dict[str, _Entry] = {}
        self._verifiers: dict[str, _Verifier] = {}
        self._loaded_at = -1e9
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """Read the keys; make the first one when there is none."""
        await signing_key(self.book, self._now())
        await self._load()

    def cached(self, authorization: str) -> Principal | None:
        """Return who calls when this very header was verified within the last minute."""
        entry = self._cache.get(authorization)
        if entry is None or entry.good_until <= self._seconds():
            return None
        return entry.principal

    async def principal_of(self, authorization: str | None) -> Principal | Refusal:
        """Return who calls by the Authorization header.

        Refuses: MISSING_TOKEN, INVALID_TOKEN.
        Source: decisions 9.4.
        """
        if not authorization:
            return refuse("MISSING_TOKEN")
        known = self.cached(authorization)
        if known is not None:
            return known
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MOST_CHARACTERS:
            return _invalid("send Authorization: Bearer <access token>")
        claims = await self._claims(token)
        if isinstance(claims, Refusal):
            return claims
        grants = await self.book.grants_of(claims.oid, claims.sub)
        if grants is None:
            return _invalid("its client is removed")
        granted = usable(grants, claims.oid)
        if not granted:
            return _invalid("its grant is removed")
        scopes = scopes_of(granted) & frozenset(claims.scope.split())
        principal = Principal(claims.sub, claims.oid, scopes, claims.customer_id)
        self._remember(authorization, principal, claims.exp)
        return principal

    async def jwks(self) -> bytes:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        await self._refresh()
        return encode({"keys": [verifier.jwk for verifier in self._verifiers.values()]})

    async def _claims(self, token: str) -> Claims | Refusal:
        """Return what the token says, after checking that it is ours and still good.

        Refuses: INVALID_TOKEN.
        """
        try:
            signed = jws.extract_compact(token.encode())
            header = signed.headers()
            # Our own tokens have these three members, and no other header is looked at.
            if header.keys() != {"typ", "alg", "kid"} or header["alg"] != ALGORITHM:
                return _invalid("it is not signed as this server signs")
            verifier = await self._verifier(str(header["kid"]))
            if verifier is None:
                return _invalid("its signing key is unknown")
            if not jws.validate_compact(signed, verifier.key, [ALGORITHM]):
                return _invalid("its signature does not fit")
            claims = msgspec.json.decode(signed.payload or b"", type=Claims)
        except (JoseError, ValueError):
            return _invalid("it is not a token of this server")
        if claims.exp <= self._seconds():
            return _invalid("it has expired")
        if account_of_audience(claims.aud) != claims.oid:
            return _invalid("its audience is another account")
        return claims

    async def _verifier(self, kid: str) -> _Verifier | None:
        """Return the public key with this id, after reading keys when it is not known."""
        await self._refresh()
        if kid not in self._verifiers:
            await self._reload()
        found = self._verifiers.get(kid)
        if found is None or (found.ends_ms is not None and found.ends_ms <= self._now().ms):
            return None
        return found

    async def _refresh(self) -> None:
        """Read the keys again when they were read more than a minute ago."""
        if time.monotonic() - self._loaded_at > TRUST_SECONDS:
            await self._reload()

    async def _reload(self) -> None:
        """Read the keys, once for all who ask at the same time, and at most once a second."""
        asked_at = time.monotonic()
        async with self._loading:
            if self._loaded_at >= asked_at:
                return  # Somebody has read them since.
            await asyncio.sleep(max(0.0, self._loaded_at + RELOAD_SECONDS - time.monotonic()))
            await self._load()

    async def _load(self) -> None:
        """Read the keys."""
        started = time.monotonic()
        keys = live(await self.book.signing_keys(), self._now().ms)
        self._verifiers = {}
        for key in keys:
            jwk = public_jwk(key)
            self._verifiers[key.kid] = _Verifier(ECKey.import_key(jwk), jwk, ends_ms(key))
        self._loaded_at = started

    def _remember(self, authorization: str, principal: Principal, exp: int) -> None:
        """Take this header as verified for a while; the memory holds the newest 10,000."""
        self._cache.pop(authorization, None)
        good_until = min(float(exp), self._seconds() + TRUST_SECONDS)
        self._cache[authorization] = _Entry(principal, good_until)
        if len(self._cache) > MOST_TOKENS:
            del self._cache[next(iter(self._cache))]

    def _now(self) -> Instant:
        """Return the present moment by the verifier's clock."""
        return clock.instant(int(self._seconds() * 1000))


def _invalid(why: str) -> Refusal:
    """Return the refusal of a token, saying what is wrong with it."""
    return refuse("INVALID_TOKEN", f"The bearer token is not valid: {why}")
