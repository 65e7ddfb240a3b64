"""Deliveries: what is told, signed how, in which order, when again, and to whom no longer."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from tests.conftest import ENGINES
from tests.support.api import line
from tests.support.hooks import Mall, Shop, mall, versions
from tests.support.postgres import Cluster
from tests.support.receiver import Received

HOUR, DAY = 3_600, 86_400


@pytest.fixture(scope="session")
def mall_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mall]:
    """A server that sends, on SQLite."""
    folder = tmp_path_factory.mktemp("mall")
    with mall(f"sqlite:///{folder / 'ordrebok.db'}", folder) as found:
        yield found


@pytest.fixture(scope="session")
def mall_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_cluster: Cluster
) -> Iterator[Mall]:
    """A server that sends, on PostgreSQL."""
    with (
        postgres_cluster.fresh_database() as database,
        mall(database, tmp_path_factory.mktemp("mall")) as found,
    ):
        yield found


@pytest.fixture(params=ENGINES)
def shop(request: pytest.FixtureRequest) -> Shop:
    """A fresh account, once for each engine."""
    found: Mall = request.getfixturevalue(f"mall_{request.param}")
    return found.shop()


def names(received: list[Received]) -> list[str]:
    """The events that were told, in their order."""
    return [each.headers["event"] for each in received]


# ------------------------------------------------------------------ what is told


def test_each_change_is_told_once_as_it_was(shop: Shop) -> None:
    """One delivery for each version, in order, with the document at that version."""
    hook = shop.subscribe()
    draft = shop.draft(changes=3)
    (order,) = shop.api.complete(draft)
    id = order["order_id"]
    shop.api.put(f"orders/{id}", {"comment": "ring twice"})
    shop.api.post(f"orders/{id}/events", {"service": "kitchen", "service_status": "ready"})
    received = shop.wait_for(8)
    assert versions(received) == {draft["id"]: [1, 2, 3, 4, 5], id: [1, 2, 3]}
    of_draft = [each for each in received if "draft_order" in each.json]
    assert names(of_draft) == [
        "shopping_draft_add",
        *["shopping_draft_update"] * 3,
        "shopping_draft_complete",
    ]
    of_order = [each for each in received if "order" in each.json]
    assert names(of_order) == [
        "shopping_order_add",
        "shopping_order_update",
        "shopping_order_event_add",
    ]
    amounts = [each.json["draft_order"]["order"]["gross_amount"] for each in of_draft]
    assert amounts == [12_500, 12_501, 12_502, 12_503, 12_503]
    assert "comment" not in of_order[0].json["order"]
    assert of_order[1].json["order"]["comment"] == "ring twice"
    assert of_order[2].json["order_event"]["service"] == "kitchen"
    for each in received:
        assert each.json["account_id"] == shop.api.account_id
        assert each.json["event"] == each.headers["event"]
        assert each.json["event_delivery"] == each.headers["event-delivery"]
    shop.wait(lambda: len(shop.deliveries(hook)) == 8)
    assert {row["state"] for row in shop.deliveries(hook)} == {"delivered"}


def test_only_what_is_subscribed_to_is_told(shop: Shop) -> None:
    """Other events are left out, and so are other members of the body."""
    shop.subscribe("/ok/few", ["shopping_order_add"], fields="order(order_id,items/gross_amount)")
    shop.subscribe("/ok/less", ["shopping_order_add"], exclude_fields=["order/items"])
    (order,) = shop.api.complete(shop.draft(changes=1))
    (few,) = shop.wait_for(1, "/ok/few")
    assert few.json["order"] == {
        "order_id": order["order_id"],
        "items": [{"gross_amount": 12_500}, {"gross_amount": 1}],
    }
    (less,) = shop.wait_for(1, "/ok/less")
    assert "items" not in less.json["order"]
    assert less.json["order"]["order_id"] == order["order_id"]


def test_deliveries_are_signed_in_every_documented_way(shop: Shop) -> None:
    """By the subscriber's secret, and by the key of the subscription, over the very bytes."""
    secrets = {
        "/ok/sha1": {"type": "HMAC-SHA1", "value": "correct horse"},
        "/ok/plain": {"type": "Authorization", "value": "Bearer battery staple"},
        "/ok/aws": {
            "type": "AWS4-HMAC-SHA256",
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "region": "eu-north-1",
            "service": "execute-api",
        },
    }
    made = {
        path: shop.subscribe(path, config={"secret": secret}) for path, secret in secrets.items()
    }
    shop.draft()
    for path, hook in made.items():
        (each,) = shop.wait_for(1, path)
        Webhook(hook["signing_secret"]).verify(each.body, dict(each.headers))
        if path == "/ok/sha1":
            expected = hmac.new(b"correct horse", each.body, hashlib.sha1).hexdigest()
            assert each.headers["event-signature"] == expected
        elif path == "/ok/plain":
            assert each.headers["authorization"] == "Bearer battery staple"
        else:
            assert each.headers["authorization"].startswith(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
            )
        shop.wait_for_attempts(hook, 1)
        (row,) = shop.deliveries(hook)
        shown = shop.api.get(shop.hooks(f"/{hook['id']}/deliveries/{row['id']}"))
        assert "staple" not in str(shown)
        assert "Credential" not in str(shown)


def test_a_new_subscription_is_pinged(shop: Shop) -> None:
    """The body of a ping is the subscription itself; it can be asked for again."""
    hook = shop.subscribe("/ok/ping", config={"secret": {"type": "HMAC-SHA1", "value": "shh"}})
    shop.api.send("POST", shop.hooks(f"/{hook['id']}/ping")).raise_for_status()
    path = f"/ok/ping/{shop.api.account_id}"

    def pings() -> list[Received]:
        return [each for each in shop.receiver.requests() if each.path == path]

    shop.wait(lambda: len(pings()) == 2)
    shown = {name: value for name, value in hook.items() if name != "signing_secret"}
    assert [each.json for each in pings()] == [shown, shown]
    assert names(pings()) == ["ping", "ping"]


# ------------------------------------------------------------------ again, and no longer


def test_what_was_not_taken_is_sent_again_behind_growing_waits(shop: Shop) -> None:
    """The same delivery, the same id; what follows of its document waits behind it."""
    hook = shop.subscribe("/flaky/3")
    draft = shop.draft(changes=1)
    for count in (1, 2, 3):
        received = shop.wait_for(count, "/flaky/3")
        assert versions(received) == {draft["id"]: [1] * count}
        assert len({each.headers["event-delivery"] for each in received}) == 1
        shop.wait_for_attempts(hook, count)
        assert shop.deliveries(hook)[-1]["state"] == "waiting"
        shop.advance(8 * 5**count)
    received = shop.wait_for(5, "/flaky/3")
    assert versions(received) == {draft["id"]: [1, 1, 1, 1, 2]}


def test_a_failure_of_one_document_holds_up_no_other(shop: Shop) -> None:
    """A receiver that minds one delivery gets all others at once."""
    hook = shop.subscribe("/status/500", ["shopping_order_add"])
    good = shop.subscribe("/ok/good", ["shopping_order_add"])
    orders = [shop.api.order(line()) for _ in range(5)]
    received = shop.wait_for(5, "/status/500")
    assert len({each.headers["event-delivery"] for each in received}) == len(orders)
    assert len(shop.wait_for(5, "/ok/good")) == 5
    shop.wait(lambda: len(shop.deliveries(hook)) == 5)
    rows = shop.deliveries(hook)
    assert [(row["state"], row["status"]) for row in rows] == [("waiting", 500)] * 5
    assert all("next_attempt_at" in row for row in rows)
    shop.wait(lambda: {row["state"] for row in shop.deliveries(good)} == {"delivered"})


def test_an_answer_of_400_is_not_sent_again(shop: Shop) -> None:
    """By it a receiver says that it does not want this one."""
    hook = shop.subscribe("/status/400")
    shop.draft()
    shop.wait_for(1, "/status/400")
    shop.wait_for_attempts(hook, 1)
    assert shop.deliveries(hook)[0]["state"] == "ignored"
    assert shop.deliveries(hook)[0]["status"] == 400


def test_an_answer_of_410_ends_the_subscription(shop: Shop) -> None:
    """Nothing more is sent, and the subscription says so."""
    hook = shop.subscribe("/status/410")
    ended = shop.wait_until(hook, status="ended")
    assert not ended["active"]
    before = len(shop.receiver.requests())
    shop.draft(changes=2)
    other = shop.subscribe("/ok/after")
    shop.draft()
    shop.wait_for(1, "/ok/after")
    assert len([e for e in shop.receiver.requests()[before:] if "410" in e.path]) == 0
    shop.api.refused("HOOK_ENDED", "POST", shop.hooks(f"/{hook['id']}/resume"))
    assert other["active"]


def test_a_subscription_that_failed_for_three_days_is_paused(shop: Shop) -> None:
    """It says so, and tells what it missed once it is resumed."""
    hook = shop.subscribe("/status/503")
    shop.draft()
    shop.wait_for(1, "/status/503")
    shop.advance(3 * DAY + HOUR)
    paused = shop.wait_until(hook, status="paused")
    assert paused["paused_reason"] == "failures"
    before = len(shop.told("/status/503"))
    shop.draft()
    assert shop.api.post(shop.hooks(f"/{hook['id']}/resume"))["active"]
    shop.wait_for(before + 1, "/status/503")


def test_a_paused_subscription_is_told_later_what_it_missed(shop: Shop) -> None:
    """Or not, if it asks for that."""
    hook = shop.subscribe("/ok/rests")
    shop.draft()
    shop.wait_for(1, "/ok/rests")
    shop.api.post(shop.hooks(f"/{hook['id']}/pause"))
    draft = shop.draft(changes=1)
    shop.api.post(shop.hooks(f"/{hook['id']}/resume"))
    assert versions(shop.wait_for(3, "/ok/rests"))[draft["id"]] == [1, 2]
    shop.api.post(shop.hooks(f"/{hook['id']}/pause"))
    shop.draft(changes=1)
    shop.api.post(shop.hooks(f"/{hook['id']}/resume"), params={"missed": "skip"})
    later = shop.draft()
    received = shop.wait_for(4, "/ok/rests")
    assert len(received) == 4
    assert later["id"] in versions(received)


def test_nothing_is_sent_to_a_deleted_subscription(shop: Shop) -> None:
    """From the answer on."""
    hook = shop.subscribe("/ok/gone")
    shop.draft()
    shop.wait_for(1, "/ok/gone")
    shop.api.delete(shop.hooks(f"/{hook['id']}"))
    shop.subscribe("/ok/stays")
    shop.draft(changes=2)
    shop.wait_for(3, "/ok/stays")
    assert len(shop.told("/ok/gone")) == 1


# ------------------------------------------------------------------ the log of deliveries


def test_deliveries_can_be_looked_at_and_sent_again(shop: Shop) -> None:
    """One by one, or all of a span of time: with the same id and the same body."""
    hook = shop.subscribe("/ok/log")
    shop.draft(changes=2)
    first = shop.wait_for(3, "/ok/log")
    shop.wait(lambda: len(shop.deliveries(hook)) == 3)
    rows = shop.deliveries(hook)
    assert [row["event"] for row in rows][-1] == "shopping_draft_add"
    below = shop.hooks(f"/{hook['id']}")
    detail = shop.api.get(f"{below}/deliveries/{rows[0]['id']}")
    assert detail["details"]["delivery_success"]
    assert detail["request"]["body"] == first[-1].json
    assert detail["request"]["headers"]["event"] == "shopping_draft_update"
    assert detail["response"]["body"] == '{"taken":true}'
    again = shop.api.post(f"{below}/deliveries/{rows[0]['id']}/resend")
    assert again["state"] == "waiting"
    assert shop.wait_for(4, "/ok/log")[3].body == first[-1].body
    shop.wait(lambda: {row["state"] for row in shop.deliveries(hook)} == {"delivered"})
    span = {"from": "2020-01-01T00:00:00Z"}
    assert shop.api.post(f"{below}/resend", span) == {"deliveries": 4, "more": False}
    received = shop.wait_for(7, "/ok/log")
    assert [each.body for each in received[4:]] == [each.body for each in first]
    none = {**span, "to": "2020-01-02T00:00:00Z"}
    assert shop.api.post(f"{below}/resend", none)["deliveries"] == 0
    shop.api.refused("NOT FOUND", "GET", f"{below}/deliveries/nothing")
    shop.api.refused("NOT FOUND", "GET", shop.hooks("/nothing/deliveries"))
    shop.api.refused("NOT FOUND", "POST", f"{below}/deliveries/nothing/resend")


def test_what_was_kept_for_nobody_is_let_go(mall_sqlite: Mall) -> None:
    """Replaced versions of drafts stay while a subscription waits for them, and no longer."""
    shop = mall_sqlite.shop()
    file = mall_sqlite.site.server.database.removeprefix("sqlite:///")

    def kept() -> int:
        connection = sqlite3.connect(file)
        try:
            (count,) = connection.execute(
                "select count(*) from history where account_id = ?", (shop.api.account_id,)
            ).fetchone()
        finally:
            connection.close()
        return int(count)

    shop.draft(changes=2)
    assert kept() == 0
    hook = shop.subscribe("/ok/keeps")
    draft = shop.draft()
    for count in range(1, 4):  # The receiver keeps up: nothing is replaced before it is told.
        shop.wait_for(count, "/ok/keeps")
        shop.wait(lambda count=count: len(shop.deliveries(hook)) == count)  # type: ignore[misc]
        shop.change(draft)
    shop.wait_for(4, "/ok/keeps")
    shop.wait(lambda: kept() == 0)
    shop.api.post(shop.hooks(f"/{hook['id']}/pause"))
    shop.draft(changes=3)
    assert kept() == 3
    shop.api.delete(shop.hooks(f"/{hook['id']}"))
    assert kept() == 0
