"""What the rules of accounts ask of storage: the book of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ordrebok.accounts.attempts import Attempts
from ordrebok.wire.base import Maybe
from ordrebok.wire.token import Client, Grant


class Account(NamedTuple):
    """A merchant (or a partner) that orders belong to."""

    account_id: str
    name: str
    created_at: str


class StoredClient(NamedTuple):
    """A client with what is kept of its secret."""

    client: Client
    secret_hash: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs tokens; once retired it only verifies those it has signed."""

    kid: str
    private_jwk: str
    created_at: str
    retired_at: str | None = None

    def __repr__(self) -> str:
        """Show everything but the key itself, which has no place in a log."""
        return f"SigningKey(kid={self.kid!r}, retired_at={self.retired_at!r})"


class AccountBook(Protocol):
    """Accounts, clients, grants and signing keys.

    Deleted clients and grants are kept, and are found by no method here. Every method may raise
    StoreUnavailable.
    """

    @property
    def attempts(self) -> Attempts:
        """The memory of failed token requests."""

    async def accounts(self) -> Sequence[Account]:
        """Return all accounts by their id."""

    async def account(self, account_id: str) -> Account | None:
        """Return one account."""

    async def add_account(self, account: Account) -> bool:
        """Add an account; False when there is one with its id."""

    async def clients(self, account_id: str) -> Sequence[Client]:
        """Return the clients of an account, oldest first."""

    async def client(self, account_id: str, id: str) -> StoredClient | None:
        """Return the client with this resource id."""

    async def client_named(self, account_id: str, client_id: str) -> StoredClient | None:
        """Return the client that presents itself with this client id."""

    async def add_client(self, account_id: str, stored: StoredClient) -> bool:
        """Add a client; False when its client id is taken, also by a deleted client."""

    async def change_client(
        self, account_id: str, id: str, *, name: str | None, description: Maybe[str], at: str
    ) -> Client | None:
        """Change what is given; return the client as it is then."""

    async def set_secret(
        self, account_id: str, id: str, *, secret_hash: str, at: str
    ) -> Client | None:
        """Replace the secret; return the client."""

    async def delete_client(
        self, account_id: str, id: str, *, by: str | None, at: str
    ) -> Client | None:
        """Delete a client, and with it the use of its grants; return it as it is then."""

    async def grants(self, account_id: str) -> Sequence[Grant]:
        """Return the grants of all clients of an account, oldest first."""

    async def grants_of(self, account_id: str, client: str) -> Sequence[Grant] | None:
        """Return the grants of the client with this resource id; None without the client."""

    async def add_grant(self, account_id: str, grant: Grant) -> bool:
        """Add a grant; False when its client is gone."""

    async def change_grant(
        self, account_id: str, id: str, *, scope: tuple[str, ...], at: str
    ) -> Grant | None:
        """Replace the scopes; return the grant as it is then."""

    async def delete_grant(
        self, account_id: str, id: str, *, by: str | None, at: str
    ) -> Grant | None:
        """Delete a grant; return it as it is then."""

    async def signing_keys(self) -> Sequence[SigningKey]:
        """Return all keys, newest first."""

    async def add_signing_key(self, key: SigningKey) -> None:
        """Add a key that signs from now on."""

    async def retire_signing_keys(self, *, but: str, at: str) -> None:
        """Let every key but one sign no more."""

    async def drop_signing_keys(self, *, retired_before: str) -> None:
        """Forget keys that were retired before a moment."""
