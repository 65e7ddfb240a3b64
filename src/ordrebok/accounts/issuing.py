"""Giving out tokens: to a client that shows its secret, or to the operator for a client."""

from ordrebok import clock
from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.credentials import fits
from ordrebok.accounts.keys import signing_key
from ordrebok.accounts.rules import (
    TOKEN_SECONDS,
    audience_fault,
    for_customer,
    scopes_of,
    usable,
)
from ordrebok.accounts.tokens import claims_of, sign
from ordrebok.clock import Instant
from ordrebok.decision import Call
from ordrebok.refusals import Refusal, refuse
from ordrebok.wire.token import Client, TokenAnswer, TokenRequest

CLIENT_CREDENTIALS = "client_credentials"
BEARER = "Bearer"
"""Clients put this word before the token as it is, so it is written as they expect it."""


async def issue(book: AccountBook, call: Call, body: TokenRequest) -> TokenAnswer | Refusal:
    """Give a client an access token for one account.

    Refuses: UNSUPPORTED_GRANT_TYPE, INVALID_REQUEST_PARAMETER, INVALID_CLIENT,
    TOO_MANY_REQUESTS, NO_GRANT.
    Keeps: only the secret of a live client, with a live grant for this account, gets a token.
    Source: decisions 9.4.
    """
    if (body.grant_type or CLIENT_CREDENTIALS) != CLIENT_CREDENTIALS:
        return refuse("UNSUPPORTED_GRANT_TYPE")
    fault = audience_fault(call.account_id, body.audience)
    if fault is not None:
        return Refusal("INVALID_REQUEST_PARAMETER", faults=(fault,))
    if call.credentials is None:
        return refuse("INVALID_CLIENT", "Send client id and secret by HTTP Basic authentication")
    name, secret = call.credentials
    now = clock.now()
    # No client id holds the character U+0000, and PostgreSQL does not take it in a question.
    stored = None if "\0" in name else await book.client_named(call.account_id, name)
    if not fits(secret, stored.secret_hash if stored else None) or stored is None:
        wait_seconds = book.attempts.failed(call.account_id, name, now.ms)
        if wait_seconds is not None:
            return Refusal("TOO_MANY_REQUESTS", retry_after_seconds=wait_seconds)
        return refuse("INVALID_CLIENT")
    return await token_for(
        book,
        stored.client,
        call.account_id,
        audience=body.audience,
        issuer=call.origin,
        now=now,
        customer_id=body.customer_id,
    )


async def token_for(  # noqa: PLR0913 -- each is something that the token says
    book: AccountBook,
    client: Client,
    account_id: str,
    *,
    audience: str,
    issuer: str,
    now: Instant,
    customer_id: str | None = None,
) -> TokenAnswer | Refusal:
    """Return a token with all the scopes that the client's grants give it on the account.

    One for a customer has only those that may be handed on to a customer.

    Refuses: NO_GRANT.
    """
    granted = usable(await book.grants_of(account_id, client.id) or (), account_id)
    if not granted:
        return refuse("NO_GRANT")
    scopes = scopes_of(granted)
    if customer_id is not None:
        scopes = for_customer(scopes)
        if not scopes:
            return refuse("NO_GRANT", "The client has no scope that a customer may have")
    claims = claims_of(
        client,
        issuer=issuer,
        audience=audience,
        scopes=scopes,
        now=now,
        customer_id=customer_id,
    )
    token = sign(await signing_key(book, now), claims)
    return TokenAnswer(access_token=token, token_type=BEARER, expires_in=TOKEN_SECONDS)
