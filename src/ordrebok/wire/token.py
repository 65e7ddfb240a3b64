"""Tokens, and the API clients and grants that may ask for them."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta

from ordrebok.wire.base import Maybe, OwnId, Text, Timestamp, Wire

GrantType: TypeAlias = Literal["any", "client_credentials", "password", "authorization_code"]
Scopes: TypeAlias = tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...]
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class TokenRequest(Wire, frozen=True, kw_only=True):
    """A request for an access token; the credentials are in the Authorization header."""

    grant_type: Annotated[
        Text | None, Meta(description="client_credentials, also when absent.")
    ] = None
    audience: Text
    customer_id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=255,
                description="Makes a token to hand on to this customer: `user:`, `public:` only.",
            ),
        ]
        | None
    ) = None


class TokenAnswer(Wire, frozen=True, kw_only=True):
    """An access token, and for how many seconds it is good."""

    access_token: Text
    token_type: Text
    expires_in: int


class Audit(Wire, frozen=True, kw_only=True):
    """Who made, changed and deleted something, and when."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp | None = None
    deleted_by: Text | None = None
    deleted_at: Timestamp | None = None


class ClientBody(Wire, frozen=True, kw_only=True):
    """A new API client."""

    name: Name
    description: Text | None = None
    client_id: OwnId | None = None
    callbacks: tuple[Text, ...] | None = None


class Client(Audit, frozen=True, kw_only=True):
    """An API client as it is shown; its secret is not part of it."""

    name: Text
    description: Text | None = None
    client_id: Text
    callbacks: tuple[Text, ...] | None = None


class ClientWithSecret(Client, frozen=True, kw_only=True):
    """The one answer that shows a secret: after a client is made, or its secret rotated."""

    client_secret: Text


class ClientPatch(Wire, frozen=True, kw_only=True):
    """A change of an API client."""

    name: Name | None = None
    description: Maybe[Text] = UNSET


class GrantBody(Wire, frozen=True, kw_only=True):
    """What a client may do with one audience."""

    client_id: Annotated[Text, Meta(description="The id of the client resource.")]
    audience: Text
    scope: Scopes
    type: GrantType = "any"


class Grant(Audit, frozen=True, kw_only=True):
    """A grant as it is stored and shown."""

    client_id: Text
    audience: Text
    scope: Scopes
    type: GrantType


class GrantPatch(Wire, frozen=True, kw_only=True):
    """A change of a grant: the whole new list of scopes."""

    scope: Scopes
