"""The API's rows of this room: tokens, clients and grants."""

from collections.abc import Awaitable, Callable
from typing import cast

from ordrebok.accounts import clients, grants
from ordrebok.accounts.book import AccountBook
from ordrebok.accounts.issuing import issue
from ordrebok.decision import Call
from ordrebok.operation import Ask, Operation, Plan
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.query import Query
from ordrebok.wire.token import (
    Client,
    ClientBody,
    ClientPatch,
    ClientWithSecret,
    Grant,
    GrantBody,
    GrantPatch,
    TokenAnswer,
    TokenRequest,
)

READ = ("admin:accounts", "write:accounts", "read:accounts")
WRITE = ("admin:accounts", "write:accounts")


class GrantsQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of grants."""

    audience: str | None = None
    client_id: str | None = None


def plan_token(call: Call) -> Plan:
    """Plan to give a token."""
    return _ask(lambda book: issue(book, call, cast("TokenRequest", call.body)))


def plan_clients(call: Call) -> Plan:
    """Plan to list clients."""
    return _ask(lambda book: book.clients(call.account_id))


def plan_client(call: Call) -> Plan:
    """Plan to make a client."""
    body = cast("ClientBody", call.body)
    return _ask(lambda book: clients.create(book, call.account_id, body, call.actor_id))


def plan_client_change(call: Call) -> Plan:
    """Plan to change a client."""
    body = cast("ClientPatch", call.body)
    return _ask(lambda book: clients.change(book, call.account_id, call.params["id"], body))


def plan_secret(call: Call) -> Plan:
    """Plan to give a client a new secret."""
    account_id, id_, actor_id = call.account_id, call.params["id"], call.actor_id
    return _ask(lambda book: clients.rotate_secret(book, account_id, id_, actor_id))


def plan_client_deletion(call: Call) -> Plan:
    """Plan to delete a client."""
    account_id, id_, actor_id = call.account_id, call.params["id"], call.actor_id
    return _ask(lambda book: clients.delete(book, account_id, id_, actor_id))


def plan_grants(call: Call) -> Plan:
    """Plan to list grants."""
    query = cast("GrantsQuery", call.query)
    audience, client = query.audience, query.client_id
    return _ask(lambda book: grants.listed(book, call.account_id, audience=audience, client=client))


def plan_grant(call: Call) -> Plan:
    """Plan to give a grant."""
    body = cast("GrantBody", call.body)
    return _ask(lambda book: grants.create(book, call.account_id, body, call.actor_id))


def plan_grant_change(call: Call) -> Plan:
    """Plan to replace the scopes of a grant."""
    account_id, id_, actor_id = call.account_id, call.params["id"], call.actor_id
    body = cast("GrantPatch", call.body)
    return _ask(lambda book: grants.change(book, account_id, id_, body, actor_id))


def plan_grant_deletion(call: Call) -> Plan:
    """Plan to take a grant back."""
    account_id, id_, actor_id = call.account_id, call.params["id"], call.actor_id
    return _ask(lambda book: grants.delete(book, account_id, id_, actor_id))


def _ask(question: Callable[[AccountBook], Awaitable[object]]) -> Ask:
    """Return the plan that puts a question to the book and writes the result as JSON."""

    async def run(book: object) -> bytes | Refusal:
        result = await question(cast("AccountBook", book))
        return result if isinstance(result, Refusal) else encode(result)

    return Ask(run)


TAG = "Access"
ROOT = "/accounts/{aid}/auth"
_CLIENT = f"{ROOT}/clients/{{id}}"
_GRANT = f"{ROOT}/client-grants/{{id}}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="aid_auths_oauth_token_post",
        method="POST",
        path=f"{ROOT}/token",
        summary="Get a token",
        description=(
            "Send the client id and secret by HTTP Basic authentication. The audience is a URL "
            "of any host whose path is `/v1/accounts/{aid}`. The token is a JWT signed with "
            "ES256; the keys are at `/.well-known/jwks.json`."
        ),
        tag=TAG,
        plan=plan_token,
        body=TokenRequest,
        answer=TokenAnswer,
        refusals=("UNSUPPORTED_GRANT_TYPE", "INVALID_CLIENT", "NO_GRANT", "TOO_MANY_REQUESTS"),
        auth="basic",
    ),
    Operation(
        id="aid_auth_clients_get",
        method="GET",
        path=f"{ROOT}/clients",
        summary="List API clients",
        tag=TAG,
        plan=plan_clients,
        answer=list[Client],
        scopes=READ,
    ),
    Operation(
        id="aid_auth_clients_post",
        method="POST",
        path=f"{ROOT}/clients",
        summary="Create an API client",
        description="The secret stands in this answer and is never shown again.",
        tag=TAG,
        plan=plan_client,
        body=ClientBody,
        answer=ClientWithSecret,
        scopes=WRITE,
        refusals=("ID_TAKEN",),
    ),
    Operation(
        id="aid_auth_clients_id_patch",
        method="PATCH",
        path=_CLIENT,
        summary="Change an API client",
        tag=TAG,
        plan=plan_client_change,
        body=ClientPatch,
        answer=Client,
        scopes=WRITE,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_auth_clients_id_delete",
        method="DELETE",
        path=_CLIENT,
        summary="Delete an API client",
        description="Its tokens are refused within a minute.",
        tag=TAG,
        plan=plan_client_deletion,
        answer=Client,
        scopes=WRITE,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_auth_clients_id_rotate_secret_post",
        method="POST",
        path=f"{_CLIENT}/rotate-secret",
        summary="Give an API client a new secret",
        description=(
            "The old secret is refused at once; tokens live on. A caller without "
            "`admin:accounts` cannot do this to a client with more scopes than its own."
        ),
        tag=TAG,
        plan=plan_secret,
        answer=ClientWithSecret,
        scopes=WRITE,
        refusals=("NOT FOUND", "MISSING_SCOPE"),
    ),
    Operation(
        id="aid_auth_client_grants_get",
        method="GET",
        path=f"{ROOT}/client-grants",
        summary="List grants",
        tag=TAG,
        plan=plan_grants,
        query=GrantsQuery,
        answer=list[Grant],
        scopes=READ,
    ),
    Operation(
        id="aid_auth_client_grants_post",
        method="POST",
        path=f"{ROOT}/client-grants",
        summary="Give an API client a grant",
        description=(
            "Scopes are `role:service`; the older `service:role` is taken and turned around. "
            "A caller without `admin:accounts` can only give scopes that it holds."
        ),
        tag=TAG,
        plan=plan_grant,
        body=GrantBody,
        answer=Grant,
        scopes=WRITE,
        refusals=("MISSING_SCOPE",),
    ),
    Operation(
        id="aid_auth_client_grants_id_patch",
        method="PATCH",
        path=_GRANT,
        summary="Replace the scopes of a grant",
        description="Live tokens lose within a minute the scopes that are gone.",
        tag=TAG,
        plan=plan_grant_change,
        body=GrantPatch,
        answer=Grant,
        scopes=WRITE,
        refusals=("MISSING_SCOPE", "NOT FOUND"),
    ),
    Operation(
        id="aid_auth_client_grants_id_delete",
        method="DELETE",
        path=_GRANT,
        summary="Take a grant back",
        tag=TAG,
        plan=plan_grant_deletion,
        answer=Grant,
        scopes=WRITE,
        refusals=("NOT FOUND",),
    ),
)
