"""The end of an order as receivers of webhooks and readers of the change feed are told of it."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import line, site_of
from tests.support.receiver import receiving
from tests.support.sandbox import DAY, Sandbox
from tests.support.server import poll, serving

SCOPES = ("admin:shopping", "admin:hooks")
SECRET = "Hemmeligsen"


def test_receivers_are_told_of_the_end_and_nothing_is_kept_of_before(
    tmp_path: Path, database_url: str
) -> None:
    """`shopping_order_delete` shows what is left; the deliveries of before are not there."""
    with (
        receiving() as receiver,
        serving(database_url, tmp_path, "--sandbox", "--webhook-allow-private") as server,
        site_of(server) as site,
    ):
        sandbox = Sandbox(site.new_account(*SCOPES))
        api = sandbox.api
        hooks = f"/v1/accounts/{api.account_id}/hooks/subscriptions"
        events = ["shopping_order_add", "shopping_order_update", "shopping_order_delete"]
        hook = api.post(hooks, {"config": {"url": f"{receiver.url}/ok"}, "events": events})

        def told() -> list[tuple[str, str]]:
            """What was told so far: the event, and whether it names the customer."""
            found = [each.json for each in receiver.requests() if each.json.get("event")]
            return [(each["event"], SECRET if SECRET in str(each) else "") for each in found]

        customer = {"id": "C1", "last_name": SECRET}
        order = api.order(line(100, 1), customer=customer, time_to_live=86_400)
        path = f"orders/{order['order_id']}"
        api.put(path, {"comment": "x"})
        before = [("shopping_order_add", SECRET), ("shopping_order_update", SECRET)]
        poll(lambda: told() == before, "what happened before")
        poll(lambda: len(api.get(f"{hooks}/{hook['id']}/deliveries")) >= 2, "the deliveries of it")
        sandbox.advance(2 * DAY)
        poll(lambda: told() == [*before, ("shopping_order_delete", "")], "the end")
        last = next(each.json for each in reversed(receiver.requests()) if each.json.get("event"))
        assert last["order"]["order_id"] == order["order_id"]
        assert "items" not in last["order"]
        kept = api.send("GET", f"{hooks}/{hook['id']}/deliveries").text
        assert "shopping_order_add" not in kept
        assert SECRET not in kept
        changes = api.send("GET", "changes").text
        assert '"shopping_order_delete"' in changes
        assert SECRET not in changes
