"""One of everything on an account, so that any operation of the table has something to work on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from ordrebok.operation import Operation
from ordrebok.table import OPERATIONS
from tests.support.api import Api, line
from tests.support.openapi import Json

SHOPPING = tuple(row for row in OPERATIONS if "/shopping/" in row.path)
DISCOUNTS = tuple(row for row in OPERATIONS if row.path.startswith("/accounts/{aid}/discounts/"))
ROWS = (*SHOPPING, *DISCOUNTS)
"""All but the rows about clients and tokens, which are tested on their own."""
WRITES = tuple(row for row in ROWS if row.method != "GET")
ASKING = frozenset({"aid_discounts_available_for_receipt_post"})
"""Rows that are sent like a write and store nothing."""

STORE, CUSTOMER = "S1", "C1"
RULE = {
    "name": "Ten percent off",
    "requirement": {
        "purchase_from": "2020-01-01T00:00:00Z",
        "purchase_to": "2100-01-01T00:00:00Z",
    },
    "reward": {"type": "discount_percent", "value": 10},
}
HOLDERS = {"customers": [CUSTOMER]}
EVERYBODY = {"customers": ["*"]}
RECEIPT = {
    "receipt_id": "R1",
    "store": {"id": STORE},
    "purchase_at": "2026-06-01T12:00:00Z",
    "customer_id": CUSTOMER,
    "items": [{"line_id": 1, "gross_amount": 1000, "eligible_for_discount": True}],
}
CLAIM: Json = {
    "ref": "receipt-2",
    "type": "pos",
    "purchase_at": "2026-06-01T12:00:00Z",
    "customer_id": CUSTOMER,
    "discounts": [{"id": "{did}", "refs": [{"id": "{ref_id}", "amount": 100, "usage": 1}]}],
}
"""Names in braces are those of a world."""
OPERATION = {"items": [{"line_id": 1, "amount": 10}]}
SESSION = {
    "items": [{"line_id": "1", "amount": 10}],
    "profile_id": "default",
    "url": {"return_url": "https://shop.test/back", "callback_url": "https://shop.test/call"},
}
BODIES: dict[str, Json] = {
    "aid_draft_orders_post": {"order": {"currency": "NOK", "items": [line(100, 1)]}},
    "aid_draft_orders_id_put": {"order": {"comment": "changed"}},
    "aid_draft_orders_id_complete_put": {},
    "aid_draft_orders_id_items_post": line(200),
    "aid_draft_orders_id_items_line_id_put": line(300),
    "aid_orders_post": {"currency": "NOK", "items": [line(100, 1)]},
    "aid_orders_id_put": {"comment": "changed"},
    "aid_orders_id_cancel_post": {"cancelled_reason": "customer"},
    "aid_orders_id_events_post": {"service": "kitchen", "service_status": "ready"},
    "aid_orders_id_comments_post": {"body": "hello"},
    "aid_orders_id_authorization_post": OPERATION,
    "aid_orders_id_capture_post": OPERATION,
    "aid_orders_id_refunds_post": OPERATION,
    "aid_orders_id_cancellation_post": OPERATION,
    "aid_orders_id_session_post": SESSION,
    "aid_discounts_campaigns_post": {"name": "Another campaign"},
    "aid_discounts_campaigns_campaign_id_put": {"name": "Another name"},
    "aid_discounts_post": RULE,
    "aid_discounts_did_put": {"name": "Another name"},
    "aid_discounts_did_customers_post": HOLDERS,
    "aid_discounts_did_customers_delete": HOLDERS,
    "aid_discounts_customer_cid_post_ref_id": {
        "usage_ref": {"ref": "receipt-1", "ref_type": "receipt_add", "usage": 1, "amount": 100}
    },
    "aid_discounts_available_for_receipt_post": RECEIPT,
    "aid_discounts_available_for_receipt_claims_post": CLAIM,
    "aid_billing_payout_rules_post": {
        "rule_type": "order.items.store.id",
        "rule_id": STORE,
        "destinations": [{"type": "percentage", "value": 100, "destination": "seller"}],
    },
    "aid_auths_oauth_token_post": {"audience": "https://orders.test/v1/accounts/T12345678"},
    "aid_auth_clients_post": {"name": "A client"},
    "aid_auth_clients_id_patch": {"name": "Another name"},
    "aid_auth_client_grants_post": {
        "client_id": "nobody",
        "audience": "https://orders.test/v1/accounts/T12345678",
        "scope": ["read:shopping"],
    },
    "aid_auth_client_grants_id_patch": {"scope": ["read:shopping"]},
    "aid_hooks_subscriptions_post": {
        "config": {"url": "https://hooks.orders.alt/in"},
        "events": ["shopping_order_add"],
    },
    "aid_hooks_subscriptions_hid_resend_post": {"from": "2026-01-01T00:00:00Z"},
    "aid_sandbox_clock_put": {"now": "2030-01-01T12:00:00Z"},
    "aid_sandbox_clock_advance_post": {"seconds": 60},
    "aid_sandbox_faults_put": {"faults": [{"kind": "unavailable"}]},
    "aid_sandbox_seed_put": {"seed": "one"},
}
"""A body that each operation takes; operations that are not here have none."""

BEFORE = {
    "aid_orders_id_open_post": ("close",),
    "aid_orders_id_capture_post": ("authorizations",),
    "aid_orders_id_refunds_post": ("authorizations", "captures"),
    "aid_orders_id_cancellation_post": ("authorizations",),
}
"""What must have happened to the order, so that the operation changes something."""

RECORDED = {
    "authorization_id": "authorizations",
    "capture_id": "captures",
    "refund_id": "refunds",
    "cancellation_id": "cancellations",
    "session_id": "sessions",
}
"""Names in paths of what is recorded on the order only where an operation asks for it."""


@dataclass
class World:
    """A draft, an order with a comment, and the names that they have in paths."""

    api: Api
    name: str | None = None
    """An own id for the draft, the order and the comment."""
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make one of each."""
        own = {} if self.name is None else {"id": self.name}
        items = [line(100, 1), line(50, 2)]
        draft = self.api.post("draft_orders", {**own, "order": {"currency": "NOK", "items": items}})
        customer = {"id": CUSTOMER, "last_name": "Nordmann"}
        own_order_id = {} if self.name is None else {"order_id": self.name}
        order = self.api.order(
            line(100, 1), line(90, 2), store={"id": STORE}, customer=customer, **own_order_id
        )
        self.names["order_id"] = order["order_id"]
        comment = self.api.post(self._order("/comments"), {"body": "first", **own})
        self.names |= {
            "id": draft["id"],
            "line_id": "1",
            "comment_id": comment["id"],
            "store_id": STORE,
            "customer_id": CUSTOMER,
            "destination": "seller",
            "hid": "no-subscription",
            "delivery_id": "no-delivery",
            "version": "1",
        }

    def path(self, row: Operation, account_id: str | None = None) -> str:
        """The path of an operation with these names, on this or another account."""
        self.ready_for(row, changing=False)
        for name in RECORDED:
            if f"{{{name}}}" in row.path and name not in self.names:
                self._record(name)
        if "{erasure_id}" in row.path and "erasure_id" not in self.names:
            self.names["erasure_id"] = self.api.post("customers/nobody/erase")["id"]
        names = {**self.names, "aid": account_id or self.api.account_id}
        names["oid"] = names["aid"]
        path = row.path.format_map({name: quote(value, safe="") for name, value in names.items()})
        return f"/v1{path}"

    def path_with(self, row: Operation, text: str) -> str:
        """The path of an operation with any text for every name but the account's."""
        path = row.path.replace("{aid}", self.api.account_id)
        return "/v1" + re.sub(r"\{\w+\}", lambda _: quote(text, safe=""), path)

    def ready_for(self, row: Operation, *, changing: bool = True) -> None:
        """Make what the operation needs, with the order so that the operation changes something."""
        if row in DISCOUNTS and "did" not in self.names:
            self._make_rule()
        if "{claim_id}" in row.path and "claim_id" not in self.names:
            claim = {**self.filled(CLAIM), "ref": "receipt-1"}
            path = self._discounts("available_for_receipt/claims")
            self.names["claim_id"] = self.api.post(path, claim)["id"]
        for step in BEFORE.get(row.id, ()) if changing else ():
            body = () if step == "close" else (OPERATION,)
            self.api.post(self._order(f"/{step}"), *body)

    def filled(self, body: Json) -> Json:
        """A body with the names of this world."""
        text = json.dumps(body)
        for name in ("did", "ref_id"):
            text = text.replace(f"{{{name}}}", self.names.get(name, name))
        return json.loads(text)

    def _make_rule(self) -> None:
        """Write a rule in a campaign, and give it to the customer and to everybody."""
        campaign = self.api.post(self._discounts("campaigns"), {"name": "A campaign"})
        campaign_id = campaign["campaign_id"]
        rule = self.api.post(self._discounts("rules"), {**RULE, "campaign_id": campaign_id})
        self.api.post(self._discounts(f"rules/{rule['id']}/customers"), HOLDERS)
        (held,) = self.api.get(self._discounts(f"customers/{CUSTOMER}/rules"))
        self.api.post(self._discounts(f"rules/{rule['id']}/customers"), EVERYBODY)
        names = {"campaign_id": campaign_id, "did": rule["id"], "ref_id": held["ref_id"]}
        self.names |= names

    def _record(self, name: str) -> None:
        """Record an operation or a session on the order's second line."""
        if name not in {"authorization_id", "session_id"} and "authorization_id" not in self.names:
            self._record("authorization_id")
        if name == "refund_id" and "capture_id" not in self.names:
            self._record("capture_id")
        amount = 90 if name == "authorization_id" else 30
        body: Json = {"items": [{"line_id": 2, "amount": amount}]}
        if name == "session_id":
            body = {**SESSION, "items": [{"line_id": "1"}]}
        self.names[name] = self.api.post(self._order(f"/{RECORDED[name]}"), body)["id"]

    def _draft(self) -> str:
        """The path of the draft."""
        return f"draft_orders/{quote(self.names['id'], safe='')}"

    def _order(self, below: str = "") -> str:
        """The path of the order, or of something below it."""
        return f"orders/{quote(self.names['order_id'], safe='')}{below}"

    def _discounts(self, below: str) -> str:
        """The path of something below the account's discounts."""
        return f"/v1/accounts/{self.api.account_id}/discounts/{below}"

    def version_of(self, row: Operation) -> int:
        """The version of the resource that a versioned operation works on."""
        draft, order, _, _, *discounts = self.versions()
        if row not in DISCOUNTS:
            return draft if "draft_orders" in row.path else order
        rule, campaign, *_ = discounts
        return campaign if "campaign_id" in row.path else rule

    def versions(self) -> tuple[int, ...]:
        """The versions of draft and order, and how many drafts and orders there are.

        Where there are discounts: those of rule and campaign, and how many campaigns and rules
        there are, refs that the customer can use, uses of them, and claims.
        """
        drafts = self.api.send("GET", "draft_orders", params={"total": "true", "limit": 1})
        orders = self.api.send("GET", "orders", params={"total": "true", "limit": 1})
        shopping = (
            self.api.get(self._draft(), include_events="false")["version"],
            self.api.get(self._order(), include_events="false")["version"],
            int(drafts.headers["total-count"]),
            int(orders.headers["total-count"]),
        )
        return (*shopping, *self._discount_versions()) if "did" in self.names else shopping

    def _discount_versions(self) -> tuple[int, ...]:
        """What tells one state of the discounts from another."""
        rule = self.api.get(self._discounts(f"rules/{self.names['did']}"))
        campaign = self.api.get(self._discounts(f"campaigns/{self.names['campaign_id']}"))
        campaigns = self.api.get(self._discounts("campaigns"), state="all")
        rules = self.api.get(self._discounts("rules"), state="all", limit=100)
        held = self.api.get(self._discounts(f"customers/{CUSTOMER}/rules"), limit=100)
        used = sum(each["statistics"]["usage"] for each in held)
        versions = rule["version"], campaign["version"]
        path = self._discounts("available_for_receipt/claims")
        claims = self.api.send("GET", path, params={"total": "true"}).headers["total-count"]
        return (*versions, len(campaigns), len(rules), len(held), used, int(claims))


def body_of(row: Operation) -> tuple[Json, ...]:
    """The body of an operation as arguments: none where it takes none."""
    if row.body is None and not row.body_forms:
        return ()
    return (BODIES[row.id],)


def call(
    world: World,
    row: Operation,
    *,
    by: Api | None = None,
    path: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send an operation's valid request, by the world's own client or another one."""
    api = by or world.api
    where = path or world.path(row)
    body = [world.filled(each) for each in body_of(row)]
    return api.send(row.method, where, *body, headers=headers)
