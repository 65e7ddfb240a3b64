"""Tokens over HTTP: published clients run unmodified, and everybody else is told what is wrong."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

import dintero.error  # type: ignore[import-untyped]
import httpx
import pytest
from dintero import Dintero
from joserfc import jwt
from joserfc.jwk import KeySet

from ordrebok.accounts.attempts import LIMIT
from tests.support.api import Api, Site, paths_of
from tests.support.openapi import Json
from tests.support.server import ADMIN, environment

GOOD = httpx.codes.OK


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def own(api: Api) -> dict[str, str]:
    """The header with the api's own client id and secret."""
    return basic(api.credentials.client_id, api.credentials.client_secret)


def request(api: Api, **changes: Json) -> Json:
    """A token request as most clients send it; a change to None leaves the member out."""
    body = {
        "grant_type": "client_credentials",
        "audience": f"https://api.dintero.com/v1/accounts/{api.account_id}",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def token_path(api: Api) -> str:
    """Where the account gives out tokens."""
    return f"/v1/accounts/{api.account_id}/auth/token"


def get_token(api: Api, **changes: Json) -> Json:
    """A token answer for the api's own client."""
    return api.ok("POST", token_path(api), request(api, **changes), headers=own(api))


def clients_path(api: Api, *rest: str) -> str:
    """Where the account's clients are."""
    return "/".join((f"/v1/accounts/{api.account_id}/auth/clients", *rest))


def grants_path(api: Api, *rest: str) -> str:
    """Where the account's grants are."""
    return "/".join((f"/v1/accounts/{api.account_id}/auth/client-grants", *rest))


# --------------------------------------------------------------------------- published clients


def test_the_python_package_works_unmodified(api: Api, site: Site) -> None:
    """The package `dintero` gets its token, keeps it, and the token opens the account."""
    url = site.server.url
    credentials = api.credentials
    checkout = Dintero(
        api.account_id,
        credentials.client_id,
        credentials.client_secret,
        application_name="a-shop",
        api_url=url,
        checkout_url=url,
    ).checkout()
    header = checkout._get_dintero_auth_header()
    assert header.startswith("Bearer ey")
    assert checkout._get_dintero_auth_header() == header
    orders = api.send("GET", "orders", headers={"Authorization": header})
    assert orders.json() == {"orders": []}


def test_the_python_package_tells_a_wrong_secret_from_everything_else(api: Api, site: Site) -> None:
    """It raises AuthError, as it does for the service it was written for."""
    url = site.server.url
    wrong = Dintero(
        api.account_id, api.credentials.client_id, "wrong", api_url=url, checkout_url=url
    )
    with pytest.raises(dintero.error.AuthError) as caught:
        wrong.checkout().get_session("x")
    assert caught.value.status_code == 401
    assert json.loads(caught.value.body)["error"]["code"] == "INVALID_CLIENT"


def test_the_request_of_the_node_sdk_is_answered(api: Api, site: Site) -> None:
    """What the SDK sends, byte for byte; it wants a 2xx status, a token and its lifetime."""
    parts = urlsplit(site.server.url)
    user = f"{parts.scheme}://{api.account_id}@{parts.netloc}/v1/accounts/{api.account_id}"
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request(
        "POST",
        token_path(api),
        json.dumps({"grant_type": "client_credentials", "audience": user}, separators=(",", ":")),
        {
            **own(api),
            "Content-Type": "application/json",
            "User-Agent": "Dintero.Node.SDK/0.0.0 (+https://github.com/Dintero/Dintero.Node.SDK)",
            "Accept": "*/*",
            "Accept-Language": "*",
            "Sec-Fetch-Mode": "cors",
        },
    )
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert response.status == GOOD
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 14_400
    header = f"{answer['token_type']} {answer['access_token']}"
    assert api.send("GET", "orders", headers={"Authorization": header}).status_code == GOOD


def test_the_header_of_the_wordpress_plugin_is_taken(api: Api) -> None:
    """Its content type names a charset, and its header names are in lower case."""
    headers = {"content-type": "application/json; charset=utf-8", **own(api)}
    answer = api.ok("POST", token_path(api), request(api), headers=headers)
    assert answer["token_type"] == "Bearer"


# ---------------------------------------------------------------------------------- the answer


@pytest.mark.parametrize(
    "audience",
    [
        "https://api.dintero.com/v1/accounts/{}",
        "http://localhost:8000/v1/accounts/{}",
        "https://{}@api.dintero.com/v1/accounts/{}",
    ],
)
def test_any_host_is_an_audience(api: Api, audience: str) -> None:
    """The audience names the account by its path; the token repeats it as it was given."""
    wanted = audience.replace("{}", api.account_id)
    token = get_token(api, audience=wanted)["access_token"]
    keys = KeySet.import_key_set(api.http.get("/.well-known/jwks.json").json())
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert claims["aud"] == wanted
    assert claims["oid"] == api.account_id
    assert claims["sub"] == api.credentials.id
    assert claims["azp"] == api.credentials.client_id
    assert claims["iss"] == str(api.http.base_url).rstrip("/")
    assert set(claims["scope"].split()) == set(ADMIN)


def test_a_missing_grant_type_means_client_credentials(api: Api) -> None:
    """The guides' shortest example works."""
    assert get_token(api, grant_type=None)["expires_in"] == 14_400


def test_created_by_is_the_client_resource(api: Api) -> None:
    """What a token makes bears the id of its client, not the name that the client presents."""
    token = get_token(api)["access_token"]
    body = {"order": {"currency": "NOK", "items": []}}
    draft = api.post("draft_orders", body, headers={"Authorization": f"Bearer {token}"})
    assert draft["created_by"] == api.credentials.id


# --------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("grant_type", ["password", "authorization_code", "refresh_token", ""])
def test_other_grant_types_are_named_as_such(api: Api, grant_type: str) -> None:
    """Only client credentials are taken; an empty word is none at all."""
    body = request(api) | {"grant_type": grant_type}
    if grant_type:
        api.refused("UNSUPPORTED_GRANT_TYPE", "POST", token_path(api), body, headers=own(api))
    else:
        api.ok("POST", token_path(api), body, headers=own(api))


@pytest.mark.parametrize(
    "audience",
    ["https://api.dintero.com/v1/accounts/P00000000", "https://api.dintero.com", "nonsense"],
)
def test_the_audience_must_be_the_account_of_the_path(api: Api, audience: str) -> None:
    """The refusal says which member is wrong and what would be right."""
    body = request(api, audience=audience)
    error = api.refused(
        "INVALID_REQUEST_PARAMETER", "POST", token_path(api), body, headers=own(api)
    )
    assert paths_of(error) == [["audience"]]
    assert api.account_id in error["errors"][0]["description"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"nobody:nothing").decode(),
        "Basic " + base64.b64encode(b"a\0b:nothing").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Bearer x",
    ],
)
def test_without_the_right_secret_there_is_no_token(api: Api, authorization: str) -> None:
    """Whatever is sent, the refusal is the same."""
    api.refused(
        "INVALID_CLIENT",
        "POST",
        token_path(api),
        request(api),
        headers={"Authorization": authorization},
    )


def test_a_client_of_another_account_is_unknown_here(api: Api, site: Site) -> None:
    """Credentials belong to one account; nothing is told about others."""
    other = site.new_account()
    api.refused("INVALID_CLIENT", "POST", token_path(api), request(api), headers=own(other))


def test_a_client_without_a_grant_gets_no_token(site: Site) -> None:
    """A client alone may do nothing; the grant is what opens the account."""
    admin = site.new_account("admin:accounts")
    made = admin.ok("POST", clients_path(admin), {"name": "A shop"})
    headers = basic(made["client_id"], made["client_secret"])
    admin.refused("NO_GRANT", "POST", token_path(admin), request(admin), headers=headers)


def test_wrong_secrets_are_slowed_down_and_the_right_one_is_not(api: Api) -> None:
    """Whoever tries secrets cannot lock the client out."""
    wrong = basic(api.credentials.client_id, "wrong")
    for _ in range(LIMIT):
        api.refused("INVALID_CLIENT", "POST", token_path(api), request(api), headers=wrong)
    response = api.send("POST", token_path(api), request(api), headers=wrong)
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert 1 <= int(response.headers["retry-after"]) <= 60
    get_token(api)


# ------------------------------------------------------------------------- clients and grants


def test_a_client_from_its_making_to_its_end(site: Site) -> None:
    """Made with a grant it gets tokens; a new secret replaces the old; deleted, it is gone."""
    admin = site.new_account("admin:accounts")
    made = admin.ok(
        "POST",
        clients_path(admin),
        {"name": "A shop", "client_id": "my-shop", "callbacks": ["https://shop.test/back"]},
    )
    assert made["client_id"] == "my-shop"
    assert made["created_by"] == admin.credentials.id
    assert len(made["client_secret"]) == 43
    audience = f"https://api.dintero.com/v1/accounts/{admin.account_id}"
    body = {"client_id": made["id"], "audience": audience, "scope": ["shopping:admin"]}
    grant = admin.ok("POST", grants_path(admin), body)
    assert grant["scope"] == ["admin:shopping"]
    assert grant["type"] == "any"
    old = basic("my-shop", made["client_secret"])
    token = admin.ok("POST", token_path(admin), request(admin), headers=old)["access_token"]
    admin.ok("GET", "orders", headers={"Authorization": f"Bearer {token}"})

    shown = {name: value for name, value in made.items() if name != "client_secret"}
    assert shown in admin.ok("GET", clients_path(admin))
    patched = admin.ok("PATCH", clients_path(admin, made["id"]), {"description": "Oslo"})
    assert patched == shown | {"description": "Oslo", "updated_at": patched["updated_at"]}
    renamed = admin.ok("PATCH", clients_path(admin, made["id"]), {"name": "S", "description": None})
    assert "description" not in renamed
    assert renamed["name"] == "S"

    rotated = admin.ok("POST", clients_path(admin, made["id"], "rotate-secret"))
    admin.refused("INVALID_CLIENT", "POST", token_path(admin), request(admin), headers=old)
    new = basic("my-shop", rotated["client_secret"])
    admin.ok("POST", token_path(admin), request(admin), headers=new)

    deleted = admin.ok("DELETE", clients_path(admin, made["id"]))
    assert deleted["deleted_by"] == admin.credentials.id
    assert deleted["deleted_at"]
    admin.refused("INVALID_CLIENT", "POST", token_path(admin), request(admin), headers=new)
    admin.refused("NOT FOUND", "DELETE", clients_path(admin, made["id"]))
    admin.refused("NOT FOUND", "PATCH", clients_path(admin, made["id"]), {"name": "x"})
    admin.refused("NOT FOUND", "POST", clients_path(admin, made["id"], "rotate-secret"))
    assert made["id"] not in [each["id"] for each in admin.ok("GET", clients_path(admin))]
    assert grant["id"] not in [each["id"] for each in admin.ok("GET", grants_path(admin))]
    taken = {"name": "Another", "client_id": "my-shop"}
    admin.refused("ID_TAKEN", "POST", clients_path(admin), taken)


def test_a_grant_from_its_making_to_its_end(site: Site) -> None:
    """Grants are found by client and by account, changed, and taken back."""
    admin = site.new_account("admin:accounts")
    made = admin.ok("POST", clients_path(admin), {"name": "A shop"})
    audience = f"https://api.dintero.com/v1/accounts/{admin.account_id}"
    body = {"client_id": made["id"], "audience": audience, "scope": ["read:shopping"]}
    grant = admin.ok("POST", grants_path(admin), body)
    other_host = f"http://localhost/v1/accounts/{admin.account_id}"
    for params in ({"client_id": made["id"]}, {"audience": other_host}, {}):
        assert grant in admin.ok("GET", grants_path(admin), params=params)
    assert admin.ok("GET", grants_path(admin), params={"client_id": "nobody"}) == []
    changed = admin.ok("PATCH", grants_path(admin, grant["id"]), {"scope": ["admin:shopping"]})
    assert changed == grant | {"scope": ["admin:shopping"], "updated_at": changed["updated_at"]}
    deleted = admin.ok("DELETE", grants_path(admin, grant["id"]))
    assert deleted["deleted_by"] == admin.credentials.id
    admin.refused("NOT FOUND", "DELETE", grants_path(admin, grant["id"]))
    admin.refused("NOT FOUND", "PATCH", grants_path(admin, grant["id"]), {"scope": []})


def test_everything_wrong_with_a_grant_is_told_at_once(site: Site) -> None:
    """Unknown client, foreign audience and bad scopes stand in one refusal."""
    admin = site.new_account("admin:accounts")
    body = {"client_id": "nobody", "audience": "https://x", "scope": ["admin:shopping", "bad"]}
    error = admin.refused("INVALID_REQUEST_PARAMETER", "POST", grants_path(admin), body)
    assert paths_of(error) == [["scope", 1], ["audience"], ["client_id"]]


@pytest.mark.parametrize("client_id", ["a:b", "blåbær", "x" * 41, ""])
def test_a_client_id_must_fit_into_a_basic_header(site: Site, client_id: str) -> None:
    """What could never be presented is refused when it is chosen."""
    admin = site.new_account("admin:accounts")
    body = {"name": "A shop", "client_id": client_id}
    error = admin.refused("INVALID_REQUEST_PARAMETER", "POST", clients_path(admin), body)
    assert {"client_id"} == {path for (path,) in paths_of(error)}


def test_scopes_of_accounts_are_needed_here(api: Api) -> None:
    """A client of the shop manages no clients, itself included."""
    api.refused("MISSING_SCOPE", "GET", clients_path(api))
    api.refused("MISSING_SCOPE", "POST", clients_path(api), {"name": "x"})
    api.refused("MISSING_SCOPE", "GET", grants_path(api))


def test_nobody_becomes_more_powerful_by_managing_clients(site: Site) -> None:
    """write:accounts gives neither itself nor others what it lacks, by no way."""
    admin = site.new_account("admin:accounts")
    writer = site.client_of(admin.account_id, "write:accounts", "read:shopping")
    audience = f"https://api.dintero.com/v1/accounts/{admin.account_id}"
    made = writer.ok("POST", clients_path(writer), {"name": "A shop"})
    body = {"client_id": made["id"], "audience": audience, "scope": ["read:shopping"]}
    grant = writer.ok("POST", grants_path(writer), body)
    writer.ok("POST", clients_path(writer, made["id"], "rotate-secret"))
    more = {"scope": ["admin:accounts"]}
    writer.refused("MISSING_SCOPE", "POST", grants_path(writer), body | more)
    writer.refused("MISSING_SCOPE", "PATCH", grants_path(writer, grant["id"]), more)
    writer.refused(
        "MISSING_SCOPE", "POST", clients_path(writer, admin.credentials.id, "rotate-secret")
    )
    reader = site.client_of(admin.account_id, "read:accounts")
    reader.ok("GET", clients_path(reader))
    reader.refused("MISSING_SCOPE", "POST", clients_path(reader), {"name": "x"})


def test_a_token_is_good_for_its_own_account_only(api: Api, site: Site) -> None:
    """The same token at another account's path is refused."""
    other = site.new_account()
    path = f"/v1/accounts/{other.account_id}/shopping/orders"
    api.refused("WRONG_ACCOUNT", "GET", path)


def test_the_command_line_fetches_a_token_from_the_running_server(api: Api, site: Site) -> None:
    """`ordrebok token` prints the token and nothing else."""
    credentials = api.credentials
    command = [sys.executable, "-m", "ordrebok.cli", "token", api.account_id]
    command += ["--client-id", credentials.client_id, "--client-secret", credentials.client_secret]
    command += ["--url", site.server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert done.stderr == ""
    (token,) = done.stdout.splitlines()
    api.ok("GET", "orders", headers={"Authorization": f"Bearer {token}"})
