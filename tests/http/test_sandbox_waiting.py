"""What is waited for in earnest comes in a second where a clock is moved: expiry, retries."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.support.api import line, site_of
from tests.support.receiver import Received, Receiver, receiving
from tests.support.sandbox import DAY, NEW_YEAR, Sandbox, is_soon_after
from tests.support.server import poll, serving

SCOPES = ("admin:shopping", "admin:hooks")
MINUTE = timedelta(minutes=1)


def told_to(receiver: Receiver) -> list[Received]:
    """What a receiver was told of orders; it is pinged, too."""
    return [each for each in receiver.requests() if each.json.get("event")]


def has_told(receiver: Receiver, count: int) -> bool:
    """Whether a receiver was told so often of orders."""
    return len(told_to(receiver)) >= count


def test_an_order_expires_when_its_time_is_over(sandbox: Sandbox) -> None:
    """And not before; one of another account, made at the same time, stays."""
    api = sandbox.api
    sandbox.set_clock(NEW_YEAR)
    short = api.order(line(100, 1), time_to_live=int((2 * DAY).total_seconds()))
    long = api.order(line(100, 1), time_to_live=int((9 * DAY).total_seconds()))
    sandbox.advance(DAY)
    assert "deleted_at" not in api.get(f"orders/{short['order_id']}")
    sandbox.advance(2 * DAY)
    path = f"orders/{short['order_id']}"
    gone = poll(
        lambda: next((each for each in [api.get(path)] if "deleted_at" in each), None), "the end"
    )
    assert is_soon_after(gone["deleted_at"], NEW_YEAR + 3 * DAY)
    assert "deleted_at" not in api.get(f"orders/{long['order_id']}")


def test_a_delivery_is_tried_again_when_its_time_has_come(
    tmp_path: Path, database_url: str
) -> None:
    """All attempts fail; minutes later, by the account's clock, there is another."""
    options = ("--sandbox", "--webhook-allow-private")
    with (
        receiving() as receiver,
        serving(database_url, tmp_path, *options) as server,
        site_of(server) as site,
    ):
        sandbox = Sandbox(site.new_account(*SCOPES))
        api = sandbox.api
        hooks = f"/v1/accounts/{api.account_id}/hooks/subscriptions"
        config = {"url": f"{receiver.url}/status/500"}
        api.post(hooks, {"config": config, "events": ["shopping_order_add"]})
        api.order()
        poll(lambda: sandbox.advance(MINUTE) and len(told_to(receiver)) >= 3, "a third attempt")
        assert len({each.body for each in told_to(receiver)}) == 1


def test_a_subscription_is_gone_after_a_reset(tmp_path: Path, database_url: str) -> None:
    """Its receiver hears of nothing that is written afterwards, and of a new one of all."""
    options = ("--sandbox", "--webhook-allow-private")
    with (
        receiving() as receiver,
        serving(database_url, tmp_path, *options) as server,
        site_of(server) as site,
    ):
        sandbox = Sandbox(site.new_account(*SCOPES))
        api = sandbox.api
        hooks = f"/v1/accounts/{api.account_id}/hooks/subscriptions"
        for path in ("/ok/before", "/ok/after"):
            config = {"url": receiver.url + path}
            api.post(hooks, {"config": config, "events": ["shopping_order_add"]})
            api.order()
            expected = 1 if path == "/ok/before" else 2
            poll(partial(has_told, receiver, expected), path)
            if expected == 1:
                sandbox.reset()
                assert api.get(hooks) == []
        assert [each.path for each in told_to(receiver)] == ["/ok/before", "/ok/after"]
