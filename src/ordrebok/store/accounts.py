"""The book of accounts in the database: the queries of accounts.sql, as accounts/book.py asks."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ordrebok.accounts.attempts import Attempts
from ordrebok.accounts.book import Account, SigningKey, StoredClient
from ordrebok.store.interface import Row, Store
from ordrebok.wire.base import Maybe, encode
from ordrebok.wire.token import Client, Grant


class AccountStore:
    """The book of accounts of one database."""

    def __init__(self, store: Store) -> None:
        """Take the database; failed token requests are remembered here, in this process."""
        self._store = store
        self.attempts = Attempts()

    async def accounts(self) -> Sequence[Account]:
        """Return all accounts by their id."""
        return [Account(**row) for row in await self._store.query("accounts_all")]

    async def account(self, account_id: str) -> Account | None:
        """Return one account."""
        rows = await self._store.query("account_get", account_id=account_id)
        return Account(**rows[0]) if rows else None

    async def add_account(self, account: Account) -> bool:
        """Add an account; False when there is one with its id."""
        rows = await self._store.execute(
            "account_add",
            account_id=account.account_id,
            title=account.name,
            created_at=account.created_at,
        )
        return bool(rows)

    async def clients(self, account_id: str) -> Sequence[Client]:
        """Return the clients of an account, oldest first."""
        rows = await self._store.query("clients_of_account", account_id=account_id)
        return [_client(row) for row in rows]

    async def client(self, account_id: str, id: str) -> StoredClient | None:
        """Return the client with this resource id."""
        rows = await self._store.query("client_get", account_id=account_id, id=id)
        return _stored(rows)

    async def client_named(self, account_id: str, client_id: str) -> StoredClient | None:
        """Return the client that presents itself with this client id."""
        rows = await self._store.query("client_named", account_id=account_id, client_id=client_id)
        return _stored(rows)

    async def add_client(self, account_id: str, stored: StoredClient) -> bool:
        """Add a client; False when its client id is taken or there is no such account."""
        client = stored.client
        rows = await self._store.execute(
            "client_add",
            account_id=account_id,
            id=client.id,
            client_id=client.client_id,
            title=client.name,
            description=client.description,
            callbacks=_text(client.callbacks),
            secret_hash=stored.secret_hash,
            created_at=client.created_at,
            created_by=client.created_by,
            updated_at=client.updated_at or client.created_at,
        )
        return bool(rows)

    async def change_client(
        self, account_id: str, id: str, *, name: str | None, description: Maybe[str], at: str
    ) -> Client | None:
        """Change what is given; return the client as it is then."""
        rows = await self._store.execute(
            "client_change",
            account_id=account_id,
            id=id,
            title=name,
            describe=0 if description is UNSET else 1,
            description=None if isinstance(description, UnsetType) else description,
            at=at,
        )
        return _client(rows[0]) if rows else None

    async def set_secret(
        self, account_id: str, id: str, *, secret_hash: str, at: str
    ) -> Client | None:
        """Replace the secret; return the client."""
        rows = await self._store.execute(
            "client_set_secret", account_id=account_id, id=id, secret_hash=secret_hash, at=at
        )
        return _client(rows[0]) if rows else None

    async def delete_client(
        self, account_id: str, id: str, *, by: str | None, at: str
    ) -> Client | None:
        """Delete a client, and with it the use of its grants; return it as it is then."""
        rows = await self._store.execute(
            "client_delete", account_id=account_id, id=id, by=by, at=at
        )
        return _client(rows[0]) if rows else None

    async def grants(self, account_id: str) -> Sequence[Grant]:
        """Return the grants of all clients of an account, oldest first."""
        rows = await self._store.query("grants_of_account", account_id=account_id)
        return [_grant(row) for row in rows]

    async def grants_of(self, account_id: str, client: str) -> Sequence[Grant] | None:
        """Return the grants of the client with this resource id; None without the client."""
        rows = await self._store.query("grants_of_client", account_id=account_id, id=client)
        if not rows:
            return None
        return [_grant(row) for row in rows if row["id"] is not None]

    async def add_grant(self, account_id: str, grant: Grant) -> bool:
        """Add a grant; False when its client is gone."""
        rows = await self._store.execute(
            "grant_add",
            account_id=account_id,
            id=grant.id,
            client_ref=grant.client_id,
            audience=grant.audience,
            scopes=_text(grant.scope),
            type=grant.type,
            created_at=grant.created_at,
            created_by=grant.created_by,
            updated_at=grant.updated_at or grant.created_at,
        )
        return bool(rows)

    async def change_grant(
        self, account_id: str, id: str, *, scope: tuple[str, ...], at: str
    ) -> Grant | None:
        """Replace the scopes; return the grant as it is then."""
        rows = await self._store.execute(
            "grant_change", account_id=account_id, id=id, scopes=_text(scope), at=at
        )
        return _grant(rows[0]) if rows else None

    async def delete_grant(
        self, account_id: str, id: str, *, by: str | None, at: str
    ) -> Grant | None:
        """Delete a grant; return it as it is then."""
        rows = await self._store.execute("grant_delete", account_id=account_id, id=id, by=by, at=at)
        return _grant(rows[0]) if rows else None

    async def signing_keys(self) -> Sequence[SigningKey]:
        """Return all keys, newest first."""
        return [SigningKey(**row) for row in await self._store.query("signing_keys_all")]

    async def add_signing_key(self, key: SigningKey) -> None:
        """Add a key that signs from now on."""
        await self._store.execute(
            "signing_key_add", kid=key.kid, private_jwk=key.private_jwk, created_at=key.created_at
        )

    async def retire_signing_keys(self, *, but: str, at: str) -> None:
        """Let every key but one sign no more."""
        await self._store.execute("signing_keys_retire", but=but, at=at)

    async def drop_signing_keys(self, *, retired_before: str) -> None:
        """Forget keys that were retired before a moment."""
        await self._store.execute("signing_keys_drop", before=retired_before)


def _stored(rows: Sequence[Row]) -> StoredClient | None:
    """Return the client of the one row, with its secret's hash."""
    return StoredClient(_client(rows[0]), rows[0]["secret_hash"]) if rows else None


def _client(row: Row) -> Client:
    """Return the client that a row holds."""
    return Client(
        **_audit(row),
        name=row["name"],
        description=row["description"],
        client_id=row["client_id"],
        callbacks=msgspec.json.decode(row["callbacks"], type=tuple[str, ...] | None),
    )


def _grant(row: Row) -> Grant:
    """Return the grant that a row holds."""
    return Grant(
        **_audit(row),
        client_id=row["client_ref"],
        audience=row["audience"],
        scope=msgspec.json.decode(row["scopes"], type=tuple[str, ...]),
        type=row["type"],
    )


def _audit(row: Row) -> dict[str, Any]:
    """Return who made, changed and deleted the row, and when."""
    names = ("id", "created_at", "created_by", "updated_at", "deleted_at", "deleted_by")
    return {name: row[name] for name in names}


def _text(value: object) -> str:
    """Return a list as the JSON text that its column holds."""
    return encode(value).decode()
