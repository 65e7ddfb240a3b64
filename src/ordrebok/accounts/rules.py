"""What accounts, audiences, scopes and grants mean: pure, and without any state."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from ordrebok.refusals import Fault
from ordrebok.wire.token import Grant

TOKEN_SECONDS: Final = 14_400
"""How long a token lives. Known clients renew up to ten minutes early, so far more than that."""

ROLES: Final = frozenset({"admin", "write", "read", "create", "user", "public"})
CLIENT_GRANT_TYPES: Final = frozenset({"any", "client_credentials"})
"""Types of grants that a client may use with nothing but its own secret."""

MAX_SCOPE_CHARACTERS: Final = 4_000
"""All scopes of a grant together: they travel in the header of every request."""

_OWNER: Final = re.compile(r"[PT](?:\d{3}|\d{8})", re.ASCII)
_AUDIENCE_PATH: Final = re.compile(r"/v1/accounts/([PT](?:\d{3}|\d{8}))/?", re.ASCII)
_SCOPE: Final = re.compile(r"[a-z_]+(?::[a-z_-]+)*(?::/[A-Za-z0-9_./-]+)?", re.ASCII)


def is_owner_id(text: str) -> bool:
    """Tell whether this is the id of an account or of a partner (P or T and three digits)."""
    return _OWNER.fullmatch(text) is not None


def account_of_audience(audience: str) -> str | None:
    """Return the account that an audience names, None when it names none.

    The host is not looked at: clients write the address under which they know the server, or
    the one that their software has built in. A user name before the host is allowed.
    """
    try:
        url = urlsplit(audience)
    except ValueError:  # Such as a broken IPv6 address.
        return None
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        return None
    match = _AUDIENCE_PATH.fullmatch(url.path)
    return match[1] if match else None


def canonical_scope(text: str) -> str | None:
    """Return a scope in today's spelling, None when it is not a scope.

    Today's spelling is `role:service[:/sub/resource]`; the spelling before 2019,
    `service:role`, is turned around. `admin:account` is an old misprint of `admin:accounts`.
    """
    if _SCOPE.fullmatch(text) is None:
        return None
    first, _, rest = text.partition(":")
    if not rest:
        return text if text == "public" else None
    if first in ROLES:
        return "admin:accounts" if text == "admin:account" else text
    if rest in ROLES:
        return f"{rest}:{first}"
    # Such as `accounts:auth:users`: no role at either end, and still to be found in use.
    return text if ":" in rest else None


def canonical_scopes(scopes: Sequence[str]) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """Return the scopes in today's spelling, each once, and everything that is wrong with them.

    Refuses: INVALID_SCOPE and TOO_MANY_SCOPES, as faults.
    """
    canonical = [canonical_scope(scope) for scope in scopes]
    faults = [
        Fault(
            "INVALID_SCOPE",
            f"{scopes[index]!r} is not a scope",
            ("scope", index),
            "role:service, such as admin:shopping; roles are " + ", ".join(sorted(ROLES)),
        )
        for index, scope in enumerate(canonical)
        if scope is None
    ]
    distinct = tuple(dict.fromkeys(scope for scope in canonical if scope is not None))
    if len(" ".join(distinct)) > MAX_SCOPE_CHARACTERS:
        message = "The scopes are too long for a token"
        most = f"at most {MAX_SCOPE_CHARACTERS} characters together"
        faults.append(Fault("TOO_MANY_SCOPES", message, ("scope",), most))
    return distinct, tuple(faults)


def audience_fault(account_id: str, audience: str) -> Fault | None:
    """Return what is wrong with an audience that shall be this account.

    Refuses: INVALID_AUDIENCE, as a fault.
    """
    if account_of_audience(audience) == account_id:
        return None
    return Fault(
        "INVALID_AUDIENCE",
        "The audience is not this account",
        ("audience",),
        f"a URL of any host with the path /v1/accounts/{account_id}",
    )


def beyond(powers: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the wanted scopes that somebody with these powers may not hand to others.

    Keeps: nobody grants more than they hold; `admin:<service>` holds all of its service, and
    `admin:accounts` may grant anything.
    """
    held = frozenset(powers)
    if "admin:accounts" in held:
        return ()
    return tuple(scope for scope in wanted if not _holds(held, scope))


def usable(grants: Iterable[Grant], account_id: str) -> tuple[Grant, ...]:
    """Return the grants that a client can use on an account with nothing but its secret."""
    return tuple(
        grant
        for grant in grants
        if grant.type in CLIENT_GRANT_TYPES and account_of_audience(grant.audience) == account_id
    )


def scopes_of(grants: Iterable[Grant]) -> frozenset[str]:
    """Return all scopes of these grants together."""
    return frozenset(scope for grant in grants for scope in grant.scope)


def is_customers(scope: str) -> bool:
    """Tell whether a scope opens nothing but what is the customer's whom the token names."""
    return scope.startswith("user:")


def for_customer(scopes: Iterable[str]) -> frozenset[str]:
    """Return those scopes that a token may hold which is handed on to a customer.

    Keeps: such a token opens what is the customer's, what is public, and nothing else.
    """
    return frozenset(
        scope
        for scope in scopes
        if is_customers(scope) or scope == "public" or scope.startswith("public:")
    )


def _holds(held: frozenset[str], scope: str) -> bool:
    """Tell whether the scope is held, itself or as part of its service's admin scope."""
    service = scope.split(":")[1] if ":" in scope else scope
    return scope in held or f"admin:{service}" in held
