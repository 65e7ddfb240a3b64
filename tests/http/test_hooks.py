"""Subscriptions over HTTP: made, listed, paused, resumed and deleted, and what they never show."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.support.api import Api, Site, codes_of, paths_of, race, site_of
from tests.support.openapi import Json
from tests.support.server import serving
from tests.support.subscriptions import URL

HMAC = {"type": "HMAC-SHA1", "value": "correct horse battery staple"}
SHOWN_ONCE = "signing_secret"


@pytest.fixture
def shop(site: Site) -> Api:
    """A client that may subscribe, of a fresh account, once for each engine."""
    return site.new_account("admin:hooks")


@pytest.fixture
def sqlite_shop(sqlite_site: Site) -> Api:
    """The same on SQLite, for what no engine has a part in."""
    return sqlite_site.new_account("admin:hooks")


def hooks(api: Api, path: str = "") -> str:
    """The address of the account's subscriptions."""
    return f"/v1/accounts/{api.account_id}/hooks/subscriptions{path}"


def a_hook(secret: Json = None, **fields: Json) -> Json:
    """A subscription as a client writes it."""
    config: Json = {"url": URL} if secret is None else {"url": URL, "secret": secret}
    return {"config": config, "events": ["shopping_order_add"], **fields}


def ids(listed: Json) -> list[str]:
    """The ids of a list."""
    return [each["id"] for each in listed]


def test_a_subscription_is_made_read_and_deleted(shop: Api) -> None:
    """Its signing secret is in the first answer, and in no other."""
    made = shop.post(hooks(shop), a_hook(HMAC, fields="order(order_id,items/*)"))
    assert len(base64.b64decode(made.pop(SHOWN_ONCE).removeprefix("whsec_"))) == 24
    assert made["config"] == {
        "url": URL,
        "content_type": "application/json",
        "insecure_ssl": 0,
        "secret": {"type": "HMAC-SHA1"},
    }
    assert (made["status"], made["active"]) == ("active", True)
    assert made["created_by"] == shop.credentials.id
    assert shop.get(hooks(shop, f"/{made['id']}")) == made
    assert shop.get(hooks(shop)) == [made]
    gone = shop.delete(hooks(shop, f"/{made['id']}"))
    assert (gone["status"], gone["active"]) == ("deleted", False)
    assert gone["deleted_by"] == shop.credentials.id
    assert shop.delete(hooks(shop, f"/{made['id']}")) == gone
    assert shop.get(hooks(shop, f"/{made['id']}")) == gone
    assert shop.get(hooks(shop)) == []
    assert shop.get(hooks(shop), include_deleted=True) == [gone]


@pytest.mark.parametrize(
    "secret",
    [
        HMAC,
        {"type": "Authorization", "value": "Basic c2hvcDpzZWNyZXQ="},
        {
            "type": "AWS4-HMAC-SHA256",
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "very-secret-key",
            "region": "eu-north-1",
            "service": "execute-api",
        },
    ],
)
def test_no_secret_comes_back(shop: Api, secret: Json) -> None:
    """Not in answers, not in a repeated one, not in a list."""
    made = shop.send("POST", hooks(shop), a_hook(secret))
    one = hooks(shop, f"/{made.json()['id']}")
    answers = [made.text]
    answers += [shop.send("GET", path).text for path in (one, hooks(shop))]
    answers += [shop.send("POST", f"{one}/{name}").text for name in ("pause", "resume")]
    answers += [shop.send("DELETE", one).text]
    hidden = [value for name, value in secret.items() if name != "type"]
    assert not [value for value in hidden for answer in answers if value in answer]
    assert [made.json()[SHOWN_ONCE] in answer for answer in answers] == [True] + [False] * 5


def test_a_subscription_is_paused_and_resumed(shop: Api) -> None:
    """Each version by version; what is so already is answered, not written."""
    path = hooks(shop, f"/{shop.post(hooks(shop), a_hook())['id']}")
    paused = shop.send("POST", path + "/pause")
    assert paused.headers["etag"] == '"2"'
    body = paused.json()
    assert (body["status"], body["active"]) == ("paused", False)
    assert body["paused_reason"] == "requested"
    again = shop.send("POST", path + "/pause")
    assert (again.json(), again.headers["etag"]) == (body, '"2"')
    resumed = shop.post(path + "/resume", params={"missed": "skip"})
    assert (resumed["status"], resumed["active"]) == ("active", True)
    assert "paused_reason" not in resumed
    assert shop.post(path + "/resume") == resumed
    shop.refused("STALE_VERSION", "POST", path + "/pause", headers={"If-Match": '"1"'})


def test_a_subscription_may_begin_paused(shop: Api) -> None:
    """It is resumed when its receiver is ready."""
    made = shop.post(hooks(shop), a_hook(active=False))
    assert (made["status"], made["paused_reason"]) == ("paused", "requested")
    assert shop.post(hooks(shop, f"/{made['id']}/resume"))["active"]


def test_a_deleted_subscription_is_made_anew(shop: Api) -> None:
    """It is neither paused nor resumed."""
    path = hooks(shop, f"/{shop.post(hooks(shop), a_hook())['id']}")
    shop.delete(path)
    for name in ("pause", "resume"):
        assert shop.refused("HOOK_ENDED", "POST", f"{path}/{name}")["status"] == "deleted"


def test_subscriptions_are_listed_newest_first_page_by_page(shop: Api) -> None:
    """As a bare list, with their number in a header when asked for."""
    made = [shop.post(hooks(shop), a_hook())["id"] for _ in range(5)]
    shop.delete(hooks(shop, f"/{made[1]}"))
    newest = made[::-1]
    first = shop.send("GET", hooks(shop), params={"limit": 2, "total": True})
    assert ids(first.json()) == newest[:2]
    assert first.headers["total-count"] == "4"
    second = shop.send("GET", hooks(shop), params={"limit": 2, "starting_after": newest[1]})
    assert ids(second.json()) == [made[2], made[0]]
    assert "total-count" not in second.headers
    every = {"include_deleted": True, "total": True}
    listed = shop.send("GET", hooks(shop), params=every)
    assert (ids(listed.json()), listed.headers["total-count"]) == (newest, "5")
    assert shop.get(hooks(shop), starting_after="another") == []


def test_everything_that_is_wrong_is_told_at_once(sqlite_shop: Api) -> None:
    """By the schema first, then by what a schema cannot say."""
    error = sqlite_shop.refused(
        "INVALID_REQUEST_PARAMETER",
        "POST",
        hooks(sqlite_shop),
        {"config": {"content_type": "text/xml", "insecure_ssl": 2}, "events": ["ping"]},
    )
    assert paths_of(error) == [
        ["config"],
        ["config", "content_type"],
        ["config", "insecure_ssl"],
        ["events", 0],
    ]
    config = {"url": "http://127.0.0.1:8080/in", "secret": {"type": "Authorization"}}
    error = sqlite_shop.refused(
        "INVALID_REQUEST_PARAMETER",
        "POST",
        hooks(sqlite_shop),
        {"config": config, "fields": "order(id", "events": ["shopping_order_add"]},
    )
    assert codes_of(error) == [
        "HOST_NOT_PUBLIC",
        "OBJECT_MISSING_REQUIRED_PROPERTY",
        "MASK_SYNTAX",
    ]
    assert error["errors"][2]["position"] == 8
    for events in ([], ["order_add"], None):
        sqlite_shop.refused(
            "INVALID_REQUEST_PARAMETER", "POST", hooks(sqlite_shop), a_hook(events=events)
        )


def test_what_was_read_can_be_sent_back(sqlite_shop: Api) -> None:
    """What the server wrote is ignored, also where unknown members are refused."""
    made = sqlite_shop.post(hooks(sqlite_shop), a_hook())
    strict = {"Prefer": "handling=strict"}
    again = sqlite_shop.post(hooks(sqlite_shop), made, headers=strict)
    assert again["id"] != made["id"]
    assert again[SHOWN_ONCE] != made[SHOWN_ONCE]


def test_a_repeated_request_gets_the_first_answer(shop: Api) -> None:
    """Its secret too, which is lost otherwise; there is one subscription."""
    key = {"Idempotency-Key": "a-key"}
    made = shop.post(hooks(shop), a_hook(), headers=key)
    assert shop.post(hooks(shop), a_hook(), headers=key) == made
    assert len(shop.get(hooks(shop))) == 1


def test_the_kept_answer_of_a_deleted_subscription_shows_no_secret(shop: Api) -> None:
    """What made it is not done again; deleting it is answered again as it was."""
    made_by, deleted_by = {"Idempotency-Key": "a-key"}, {"Idempotency-Key": "another"}
    made = shop.post(hooks(shop), a_hook(), headers=made_by)
    path = hooks(shop, f"/{made['id']}")
    deleted = shop.delete(path, headers=deleted_by)
    shop.refused("NOT FOUND", "POST", hooks(shop), a_hook(), headers=made_by)
    assert shop.delete(path, headers=deleted_by) == deleted
    assert shop.get(hooks(shop)) == []


def test_trying_a_subscription_makes_none(shop: Api) -> None:
    """The answer is what it would be."""
    assert shop.post(hooks(shop), a_hook(), headers={"Prefer": "dry-run"})["active"]
    assert shop.get(hooks(shop)) == []


def test_subscriptions_made_at_once_are_all_there(shop: Api) -> None:
    """The register that lists them is written one after the other."""
    made = race(*[lambda: shop.post(hooks(shop), a_hook())["id"]] * 8)
    assert sorted(ids(shop.get(hooks(shop)))) == sorted(made)


def test_an_account_has_a_limited_number_of_subscriptions(sqlite_shop: Api) -> None:
    """Deleting one makes room."""
    made = [sqlite_shop.post(hooks(sqlite_shop), a_hook())["id"] for _ in range(100)]
    error = sqlite_shop.refused("TOO_MANY_HOOKS", "POST", hooks(sqlite_shop), a_hook())
    assert error["limit"] == 100
    sqlite_shop.delete(hooks(sqlite_shop, f"/{made[50]}"))
    assert sqlite_shop.post(hooks(sqlite_shop), a_hook())["active"]


def test_subscriptions_need_a_scope_of_their_own(sqlite_site: Site) -> None:
    """And belong to one account."""
    shop = sqlite_site.new_account("admin:hooks")
    made = shop.post(hooks(shop), a_hook())["id"]
    reader = sqlite_site.client_of(shop.account_id, "read:hooks")
    assert ids(reader.get(hooks(shop))) == [made]
    reader.refused("MISSING_SCOPE", "POST", hooks(shop), a_hook())
    writer = sqlite_site.client_of(shop.account_id, "write:hooks")
    writer.refused("MISSING_SCOPE", "GET", hooks(shop))
    assert writer.delete(hooks(shop, f"/{made}"))["status"] == "deleted"
    orders = sqlite_site.client_of(shop.account_id, "admin:shopping")
    orders.refused("MISSING_SCOPE", "GET", hooks(shop))
    other = sqlite_site.new_account("admin:hooks")
    other.refused("NOT FOUND", "GET", hooks(other, f"/{made}"))
    other.refused("NOT FOUND", "POST", hooks(other, f"/{made}/pause"))
    other.refused("WRONG_ACCOUNT", "GET", hooks(shop, f"/{made}"))


def test_an_operator_may_allow_targets_inside_the_house(tmp_path: Path) -> None:
    """By an option of the server."""
    inside = {"config": {"url": "http://127.0.0.1:8080/in"}, "events": ["shopping_order_add"]}
    database = f"sqlite:///{tmp_path / 'ordrebok.db'}"
    with (
        serving(database, tmp_path, "--webhook-allow-private") as server,
        site_of(server) as site,
    ):
        shop = site.new_account("admin:hooks")
        assert shop.post(hooks(shop), inside)["active"]
