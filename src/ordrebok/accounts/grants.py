"""What is done with grants: given, listed, changed, taken back."""

from collections.abc import Sequence

from ordrebok import clock
from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.clients import handing_out
from ordrebok.accounts.rules import account_of_audience, audience_fault, canonical_scopes
from ordrebok.ids import new_uuid
from ordrebok.refusals import Fault, Refusal, not_found
from ordrebok.wire.token import Grant, GrantBody, GrantPatch


async def create(
    book: AccountBook, account_id: str, body: GrantBody, actor_id: str | None
) -> Grant | Refusal:
    """Allow a client some scopes on an audience.

    Refuses: INVALID_REQUEST_PARAMETER, MISSING_SCOPE.
    """
    scope, wrong = canonical_scopes(body.scope)
    faults = list(wrong)
    audience = audience_fault(account_id, body.audience)
    if audience is not None:
        faults.append(audience)
    now = clock.now().text
    grant = Grant(
        id=new_uuid(),
        created_at=now,
        created_by=actor_id,
        updated_at=now,
        client_id=body.client_id,
        audience=body.audience,
        scope=scope,
        type=body.type,
    )
    if await book.client(account_id, body.client_id) is None:
        faults.append(_unknown_client())
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults=faults)
    refusal = await handing_out(book, account_id, actor_id, scope)
    if refusal is not None:
        return refusal
    if not await book.add_grant(account_id, grant):  # The client went since it was looked for.
        return Refusal("INVALID_REQUEST_PARAMETER", faults=[_unknown_client()])
    return grant


async def listed(
    book: AccountBook, account_id: str, *, audience: str | None, client: str | None
) -> Sequence[Grant]:
    """Return the grants of an account, of one client or one audience where that is asked."""
    grants = await book.grants(account_id)
    return [
        grant
        for grant in grants
        if (client is None or grant.client_id == client)
        and (audience is None or _same(grant.audience, audience))
    ]


async def change(
    book: AccountBook, account_id: str, id: str, body: GrantPatch, actor_id: str | None
) -> Grant | Refusal:
    """Replace the scopes of a grant; live tokens lose within a minute what is gone.

    Refuses: INVALID_REQUEST_PARAMETER, MISSING_SCOPE, NOT FOUND.
    """
    scope, faults = canonical_scopes(body.scope)
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults=faults)
    refusal = await handing_out(book, account_id, actor_id, scope)
    if refusal is not None:
        return refusal
    changed = await book.change_grant(account_id, id, scope=scope, at=clock.now().text)
    return changed or not_found("Grant")


async def delete(
    book: AccountBook, account_id: str, id: str, actor_id: str | None
) -> Grant | Refusal:
    """Take a grant back; live tokens of it end within a minute.

    Refuses: NOT FOUND.
    """
    deleted = await book.delete_grant(account_id, id, by=actor_id, at=clock.now().text)
    return deleted or not_found("Grant")


def _unknown_client() -> Fault:
    """Return the fault of a grant for nobody."""
    return Fault(
        "UNKNOWN_CLIENT",
        "The account has no such client",
        ("client_id",),
        "the id of a client resource, not the client_id that it presents",
    )


def _same(one: str, other: str) -> bool:
    """Tell whether two audiences are the same text or name the same account."""
    account = account_of_audience(one)
    return one == other or (account is not None and account == account_of_audience(other))
