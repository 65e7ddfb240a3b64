"""What is done with API clients: made, changed, given a new secret, deleted."""

from collections.abc import Iterable

from msgspec import structs

from ordrebok import clock
from ordrebok.accounts.book import AccountBook, StoredClient
from ordrebok.accounts.credentials import hash_of, new_secret
from ordrebok.accounts.rules import beyond, scopes_of, usable
from ordrebok.ids import new_uuid
from ordrebok.refusals import Fault, Refusal, not_found, refuse
from ordrebok.wire.token import Client, ClientBody, ClientPatch, ClientWithSecret


async def create(
    book: AccountBook, account_id: str, body: ClientBody, actor_id: str | None
) -> ClientWithSecret | Refusal:
    """Make a client; its secret is shown in this answer and never again.

    Refuses: INVALID_REQUEST_PARAMETER, ID_TAKEN.
    """
    if body.client_id is not None and (":" in body.client_id or not body.client_id.isascii()):
        return Refusal(
            "INVALID_REQUEST_PARAMETER",
            faults=(
                Fault(
                    "INVALID_CLIENT_ID",
                    "The client id cannot be sent in a Basic header",
                    ("client_id",),
                    "ASCII characters without a colon",
                ),
            ),
        )
    now = clock.now().text
    secret = new_secret()
    client = Client(
        id=new_uuid(),
        created_at=now,
        created_by=actor_id,
        updated_at=now,
        name=body.name,
        description=body.description,
        client_id=body.client_id or new_uuid(),
        callbacks=body.callbacks,
    )
    if not await book.add_client(account_id, StoredClient(client, hash_of(secret))):
        return refuse("ID_TAKEN", f"The client_id {client.client_id} is taken")
    return with_secret(client, secret)


async def change(
    book: AccountBook, account_id: str, id: str, body: ClientPatch
) -> Client | Refusal:
    """Change a client's name or description.

    Refuses: NOT FOUND.
    """
    changed = await book.change_client(
        account_id, id, name=body.name, description=body.description, at=clock.now().text
    )
    return changed or not_found("Client")


async def rotate_secret(
    book: AccountBook, account_id: str, id: str, actor_id: str | None
) -> ClientWithSecret | Refusal:
    """Give a client a new secret; the old one is refused at once, its tokens live on.

    Refuses: NOT FOUND, MISSING_SCOPE.
    """
    powers = await _powers(book, account_id, id)
    if powers is None:
        return not_found("Client")
    # Who knows the new secret can be that client.
    refusal = await handing_out(book, account_id, actor_id, powers)
    if refusal is not None:
        return refusal
    secret = new_secret()
    client = await book.set_secret(account_id, id, secret_hash=hash_of(secret), at=clock.now().text)
    return not_found("Client") if client is None else with_secret(client, secret)


async def delete(
    book: AccountBook, account_id: str, id: str, actor_id: str | None
) -> Client | Refusal:
    """Delete a client: no more tokens, and its live ones end within a minute.

    Refuses: NOT FOUND.
    """
    deleted = await book.delete_client(account_id, id, by=actor_id, at=clock.now().text)
    return deleted or not_found("Client")


async def handing_out(
    book: AccountBook, account_id: str, actor_id: str | None, scopes: Iterable[str]
) -> Refusal | None:
    """Refuse to help anybody, the caller included, to scopes that the caller does not hold.

    Without an actor it is the operator of the server who asks, and may do anything.

    Refuses: MISSING_SCOPE.
    """
    if actor_id is None:
        return None
    held = await _powers(book, account_id, actor_id) or frozenset()
    missing = beyond(held, sorted(scopes))
    if not missing:
        return None
    return refuse(
        "MISSING_SCOPE",
        f"Only a client with admin:accounts hands out scopes it lacks: {', '.join(missing)}",
    )


async def _powers(book: AccountBook, account_id: str, id: str) -> frozenset[str] | None:
    """Return the scopes that a client holds on its account; None without the client."""
    grants = await book.grants_of(account_id, id)
    return None if grants is None else scopes_of(usable(grants, account_id))


def with_secret(client: Client, secret: str) -> ClientWithSecret:
    """Return the one answer that shows the secret."""
    return ClientWithSecret(**structs.asdict(client), client_secret=secret)
