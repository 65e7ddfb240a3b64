"""Who calls, and whether they may: token, then account, then scope."""

import base64
import binascii
import re
from typing import Final, Protocol

from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.rules import is_customers
from ordrebok.accounts.tokens import Principal
from ordrebok.operation import Operation
from ordrebok.refusals import Refusal, not_found, refuse

_ACCOUNT: Final = re.compile(r"[PT](?:\d{3}|\d{8})", re.ASCII)
_OLD_FORM: Final = re.compile(r"([a-z]+):([a-z]+)", re.ASCII)

DISCOUNT_SCOPES: Final = (
    "admin:discounts",
    "write:discounts",
    "write:discounts:/available_for_receipt",
)
"""Any one of these is needed besides, where `apply_discounts=true` runs the discount rules."""


class Tokens(Protocol):
    """The verifier of tokens; see accounts/tokens.py."""

    @property
    def book(self) -> AccountBook:
        """The book of accounts that questions are put to."""

    async def start(self) -> None:
        """Read what is needed before the first request."""

    def cached(self, authorization: str) -> Principal | None:
        """Return who calls, where this very header was verified a moment ago."""

    async def principal_of(self, authorization: str | None) -> Principal | Refusal:
        """Return who calls by the Authorization header."""

    async def jwks(self) -> bytes:
        """Return the public keys."""


class Gate:
    """The scopes of one operation, in every spelling that opens it."""

    def __init__(self, operation: Operation) -> None:
        self._named = operation.scopes
        self._scopes = spellings(operation.scopes)
        self._own = spellings(tuple(filter(is_customers, operation.scopes)))

    def refusal(
        self, principal: Principal, account_id: str | None, customer_id: str | None = None
    ) -> Refusal | None:
        """Return why the caller may not, or None; `customer_id` is the customer of the path.

        Refuses: NOT FOUND, WRONG_ACCOUNT, MISSING_SCOPE, WRONG_CUSTOMER.
        Keeps: with nothing but a customer's scope, a token opens what is that customer's.
        Source: neighbours 1.4.
        """
        if account_id is not None and account_id != principal.account_id:
            return account_refusal(account_id) or refuse("WRONG_ACCOUNT")
        if self._scopes and self._scopes.isdisjoint(principal.scopes):
            return _missing(self._named)
        if self._own and (self._scopes & principal.scopes) <= self._own:
            own = principal.customer_id is not None and principal.customer_id == customer_id
            return None if own else refuse("WRONG_CUSTOMER")
        return None


def discounts_refusal(principal: Principal) -> Refusal | None:
    """Return why the caller may not have discount rules applied, or None.

    Refuses: MISSING_SCOPE.
    Source: neighbours 1.4.
    """
    if _DISCOUNT_SPELLINGS.isdisjoint(principal.scopes):
        return _missing(DISCOUNT_SCOPES)
    return None


def account_refusal(account_id: str) -> Refusal | None:
    """Return the refusal of an account id that no account can have."""
    return None if _ACCOUNT.fullmatch(account_id) else not_found("Account")


def spellings(scopes: tuple[str, ...]) -> frozenset[str]:
    """Return the scopes with their form from before 2019: `shopping:admin`."""
    old = (found for scope in scopes if (found := _OLD_FORM.fullmatch(scope)))
    return frozenset(scopes) | {f"{match[2]}:{match[1]}" for match in old}


_DISCOUNT_SPELLINGS: Final = spellings(DISCOUNT_SCOPES)


def basic_credentials(authorization: str | None) -> tuple[str, str] | None:
    """Return client id and secret of HTTP Basic authentication (RFC 7617), or None."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, colon, secret = text.partition(":")
    return (name, secret) if colon else None


def _missing(scopes: tuple[str, ...]) -> Refusal:
    """Return the refusal that names the scopes that would do."""
    message = f"The token lacks the scope for this call: one of {', '.join(scopes)}"
    return Refusal("MISSING_SCOPE", message, data={"scopes": list(scopes)})
