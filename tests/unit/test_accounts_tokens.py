"""Tokens: who is taken, who is not, and for how long. The book is a real SQLite file."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from ordrebok import clock
from ordrebok.accounts import clients, grants, keys
from ordrebok.accounts.book import Account, AccountBook
from ordrebok.accounts.issuing import token_for
from ordrebok.accounts.rules import TOKEN_SECONDS
from ordrebok.accounts.tokens import MOST_TOKENS, TRUST_SECONDS, Principal, Tokens
from ordrebok.refusals import Refusal
from ordrebok.store import open_store
from ordrebok.store.accounts import AccountStore
from ordrebok.wire.token import Client, ClientBody, Grant, GrantBody, GrantPatch

T = TypeVar("T")
ACCOUNT = "T12345678"
AUDIENCE = f"https://api.dintero.com/v1/accounts/{ACCOUNT}"


class Scene(NamedTuple):
    """A book with one client and its grant, and a verifier whose clock can be moved."""

    book: AccountBook
    tokens: Tokens
    client: Client
    grant: Grant
    clock: list[float]

    async def token(self) -> str:
        """Return a token of the client, as of now by the scene's clock."""
        now = clock.instant(int(self.clock[0] * 1000))
        answer = await token_for(
            self.book, self.client, ACCOUNT, audience=AUDIENCE, issuer="http://x", now=now
        )
        assert not isinstance(answer, Refusal)
        assert answer.token_type == "Bearer"
        assert answer.expires_in == TOKEN_SECONDS
        return answer.access_token

    async def who(self, token: str) -> Principal | Refusal:
        """Return who the verifier takes the bearer for."""
        return await self.tokens.principal_of(f"Bearer {token}")

    def later(self, seconds: float) -> None:
        """Move the clock on, and let the verifier think that its keys are as old."""
        self.clock[0] += seconds
        self.tokens._loaded_at -= seconds


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Scene], Awaitable[T]]], T]:
    """Return what runs a scene to its end."""

    async def run(act: Callable[[Scene], Awaitable[T]]) -> T:
        store = await open_store(f"sqlite:///{tmp_path / 'book.db'}", migrate=True)
        try:
            book = AccountStore(store)
            now = clock.now()
            await book.add_account(Account(ACCOUNT, "Test", now.text))
            client = await clients.create(book, ACCOUNT, ClientBody(name="c"), None)
            assert not isinstance(client, Refusal)
            body = GrantBody(
                client_id=client.id, audience=AUDIENCE, scope=("admin:shopping", "read:hooks")
            )
            grant = await grants.create(book, ACCOUNT, body, None)
            assert not isinstance(grant, Refusal)
            time = [now.ms / 1000]
            tokens = Tokens(book, lambda: time[0])
            await tokens.start()
            return await act(Scene(book, tokens, client, grant, time))
        finally:
            await store.close()

    return lambda act: asyncio.run(run(act))


Play = Callable[[Callable[[Scene], Awaitable[Any]]], Any]


def test_a_fresh_token_is_taken_and_remembered(play: Play) -> None:
    """The caller is the client's resource id, on its account, with the grant's scopes."""

    async def act(scene: Scene) -> None:
        header = f"Bearer {await scene.token()}"
        assert scene.tokens.cached(header) is None
        expected = Principal(scene.client.id, ACCOUNT, frozenset({"admin:shopping", "read:hooks"}))
        assert await scene.tokens.principal_of(header) == expected
        assert scene.tokens.cached(header) == expected
        lower = header.replace("Bearer", "bearer")
        assert await scene.tokens.principal_of(lower) == expected

    play(act)


def test_claims_say_what_clients_may_rely_on(play: Play) -> None:
    """The claims are the published ones, and the header names algorithm and key."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        header, claims = (_decoded(part) for part in token.split(".")[:2])
        assert header["alg"] == "ES256"
        assert header["kid"] == (await scene.book.signing_keys())[0].kid
        issued = claims.pop("iat")
        assert claims.pop("exp") == issued + 14_400
        assert len(claims.pop("jti")) == 36
        assert claims == {
            "iss": "http://x",
            "sub": scene.client.id,
            "aud": AUDIENCE,
            "azp": scene.client.client_id,
            "gty": "client-credentials",
            "oid": ACCOUNT,
            "scope": "admin:shopping read:hooks",
        }

    play(act)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "MISSING_TOKEN"),
        ("", "MISSING_TOKEN"),
        ("Bearer", "INVALID_TOKEN"),
        ("Bearer ", "INVALID_TOKEN"),
        ("Bearer x", "INVALID_TOKEN"),
        ("Bearer a.b.c", "INVALID_TOKEN"),
        ("Bearer " + "a" * 20_000, "INVALID_TOKEN"),
        ("Bearer é.è.ê", "INVALID_TOKEN"),
        ("Bearer \udcff", "INVALID_TOKEN"),
        ("Basic abc", "INVALID_TOKEN"),
    ],
)
def test_what_is_no_token_is_refused(play: Play, header: str | None, code: str) -> None:
    """Nothing that a caller sends makes the verifier stumble."""

    async def act(scene: Scene) -> None:
        refusal = await scene.tokens.principal_of(header)
        assert isinstance(refusal, Refusal)
        assert refusal.code == code

    play(act)


def test_an_expired_token_is_refused_also_when_it_is_remembered(play: Play) -> None:
    """The memory does not outlive the token."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        scene.later(TOKEN_SECONDS - 10)
        assert isinstance(await scene.who(token), Principal)
        assert scene.tokens.cached(f"Bearer {token}") is not None
        scene.later(11)
        assert scene.tokens.cached(f"Bearer {token}") is None
        assert _code(await scene.who(token)) == "INVALID_TOKEN"

    play(act)


def test_tampered_tokens_are_refused(play: Play) -> None:
    """Changed claims, a cut signature, another algorithm, none, a foreign key: all refused."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        header, payload, signature = token.split(".")
        claims = _decoded(payload) | {"scope": "admin:accounts"}
        kid = _decoded(header)["kid"]
        none = {"typ": "JWT", "alg": "none", "kid": kid}
        foreign = ECKey.generate_key("P-256")
        public = (await scene.book.signing_keys())[0]
        secret = OctKey.import_key(json.dumps(keys.public_jwk(public)).encode())
        same = {"typ": "JWT", "alg": "ES256", "kid": kid}
        forged = [
            f"{header}.{_encoded(claims)}.{signature}",
            f"{header}.{payload}.{signature[:-4]}",
            f"{header}.{payload}.",
            f"{header}.{payload}",
            f"{_encoded(none)}.{payload}.",
            f"{_encoded({'alg': 'none'})}.{_encoded(claims)}.",
            jws.serialize_compact(same, json.dumps(claims), foreign, ["ES256"]),
            jws.serialize_compact(same | {"alg": "HS256"}, json.dumps(claims), secret, ["HS256"]),
            jws.serialize_compact({**same, "kid": "../x"}, json.dumps(claims), foreign, ["ES256"]),
        ]
        for each in forged:
            assert _code(await scene.who(each)) == "INVALID_TOKEN", each

    play(act)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://api.dintero.com/v1/accounts/T87654321"},
        {"aud": "https://api.dintero.com/v1/accounts"},
        {"oid": "T87654321"},
        {"exp": 1.5},
        {"exp": "never"},
        {"scope": None},
        {"sub": "somebody else"},
    ],
)
def test_a_genuine_signature_does_not_excuse_wrong_claims(
    play: Play, change: dict[str, object]
) -> None:
    """Audience and account agree, the client exists, and types are what they should be."""

    async def act(scene: Scene) -> None:
        claims = _decoded((await scene.token()).split(".")[1]) | change
        key = (await scene.book.signing_keys())[0]
        header = {"typ": "JWT", "alg": "ES256", "kid": key.kid}
        token = jws.serialize_compact(header, json.dumps(claims), keys.private_of(key), ["ES256"])
        assert _code(await scene.who(token)) == "INVALID_TOKEN"

    play(act)


def test_rotation_keeps_live_tokens_and_ends_with_them(play: Play) -> None:
    """New tokens have the new key; the old key is public until its last token has expired."""

    async def act(scene: Scene) -> None:
        old = await scene.token()
        assert isinstance(await scene.who(old), Principal)
        await keys.rotate(scene.book, clock.instant(int(scene.clock[0] * 1000)))
        new = await scene.token()
        assert _decoded(new.split(".")[0])["kid"] != _decoded(old.split(".")[0])["kid"]
        scene.later(TRUST_SECONDS + 1)
        assert isinstance(await scene.who(old), Principal)
        assert isinstance(await scene.who(new), Principal)
        assert len(json.loads(await scene.tokens.jwks())["keys"]) == 2
        scene.later(TOKEN_SECONDS)
        assert len(json.loads(await scene.tokens.jwks())["keys"]) == 1
        await keys.rotate(scene.book, clock.instant(int(scene.clock[0] * 1000)))
        assert len(await scene.book.signing_keys()) == 2

    play(act)


def test_a_new_key_is_known_at_once(play: Play) -> None:
    """A token whose key the verifier has not seen makes it look, without waiting a minute."""

    async def act(scene: Scene) -> None:
        await keys.rotate(scene.book, clock.instant(int(scene.clock[0] * 1000)))
        assert isinstance(await scene.who(await scene.token()), Principal)

    play(act)


def test_unknown_keys_do_not_make_the_verifier_ask_all_the_time(play: Play) -> None:
    """A flood of tokens with made-up keys costs a question a second, not one each."""

    async def act(scene: Scene) -> None:
        asked = 0
        ask = scene.book.signing_keys

        async def counted() -> object:
            nonlocal asked
            asked += 1
            return await ask()

        scene.book.signing_keys = counted  # type: ignore[method-assign, assignment]
        key = ECKey.generate_key("P-256")
        forged = [
            jws.serialize_compact(
                {"typ": "JWT", "alg": "ES256", "kid": f"k{number}"}, b"{}", key, ["ES256"]
            )
            for number in range(100)
        ]
        await asyncio.gather(*(scene.who(token) for token in forged))
        assert 1 <= asked <= 2

    play(act)


def test_revoked_keys_end_their_tokens_within_a_minute(play: Play) -> None:
    """After `rotate --revoke` nothing that the old keys signed is taken."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        assert isinstance(await scene.who(token), Principal)
        await keys.rotate(scene.book, clock.instant(int(scene.clock[0] * 1000)), revoke=True)
        scene.later(TRUST_SECONDS + 1)
        assert _code(await scene.who(token)) == "INVALID_TOKEN"

    play(act)


def test_a_removed_client_is_out_within_a_minute(play: Play) -> None:
    """The memory holds for a minute at most; then the book is asked again."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        assert isinstance(await scene.who(token), Principal)
        await scene.book.delete_client(ACCOUNT, scene.client.id, by=None, at=clock.now().text)
        scene.later(TRUST_SECONDS - 1)
        assert isinstance(await scene.who(token), Principal)
        scene.later(2)
        assert _code(await scene.who(token)) == "INVALID_TOKEN"

    play(act)


def test_a_changed_grant_changes_live_tokens_within_a_minute(play: Play) -> None:
    """Scopes that are taken away go; scopes that are added wait for the next token."""

    async def act(scene: Scene) -> None:
        token = await scene.token()
        body = GrantPatch(scope=("read:hooks", "admin:accounts"))
        await grants.change(scene.book, ACCOUNT, scene.grant.id, body, None)
        principal = await scene.who(token)
        assert isinstance(principal, Principal)
        assert principal.scopes == {"read:hooks"}
        await grants.delete(scene.book, ACCOUNT, scene.grant.id, None)
        scene.later(TRUST_SECONDS + 1)
        assert _code(await scene.who(token)) == "INVALID_TOKEN"

    play(act)


def test_the_memory_of_tokens_is_bounded(play: Play) -> None:
    """The oldest are forgotten first."""

    async def act(scene: Scene) -> None:
        principal = Principal("c", ACCOUNT, frozenset())
        exp = int(scene.clock[0]) + 1000
        for number in range(MOST_TOKENS + 5):
            scene.tokens._remember(f"Bearer {number}", principal, exp)
        assert scene.tokens.cached("Bearer 4") is None
        assert scene.tokens.cached("Bearer 5") == principal
        assert len(scene.tokens._cache) == MOST_TOKENS

    play(act)


def test_the_private_key_stays_out_of_logs_and_of_the_key_set(play: Play) -> None:
    """Neither the key's text nor the public set shows the private part."""

    async def act(scene: Scene) -> None:
        key = (await scene.book.signing_keys())[0]
        private = json.loads(key.private_jwk)["d"]
        assert private not in repr(key)
        published = await scene.tokens.jwks()
        assert private.encode() not in published
        (jwk,) = json.loads(published)["keys"]
        assert {"kid", "kty", "crv", "x", "y", "use", "alg"} == set(jwk)

    play(act)


def _code(result: Principal | Refusal) -> str:
    assert isinstance(result, Refusal), result
    return result.code


def _decoded(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
