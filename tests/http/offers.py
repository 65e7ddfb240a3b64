"""Rules, drafts and what was used of them: what the tests of discounts begin with."""

from __future__ import annotations

from tests.support.api import Api, line
from tests.support.openapi import Json

APPLY = {"apply_discounts": "true"}
WINDOW = {"purchase_from": "2020-01-01T00:00:00Z", "purchase_to": "2100-01-01T00:00:00Z"}
BUYER = {"id": "C1", "last_name": "Nordmann"}


def eligible(gross_amount: int, line_id: int, **fields: Json) -> Json:
    """An item that takes discounts."""
    return line(gross_amount, line_id, eligible_for_discount=True, **fields)


def below(api: Api, path: str) -> str:
    """A path below the account's discounts."""
    return f"/v1/accounts/{api.account_id}/discounts/{path}"


def a_rule(
    api: Api,
    *holders: str,
    kind: str = "discount_percent",
    value: float = 10,
    limitation: Json = None,
    **requirement: Json,
) -> str:
    """Write a rule and give it to its holders, `*` where none is named."""
    body: Json = {
        "name": "Save",
        "requirement": {**WINDOW, **requirement},
        "reward": {"type": kind, "value": value},
    }
    if limitation is not None:
        body["limitation"] = limitation
    rule_id: str = api.post(below(api, "rules"), body)["id"]
    give(api, rule_id, *(holders or ("*",)))
    return rule_id


def give(api: Api, rule_id: str, *holders: str) -> None:
    """Give a rule to holders."""
    api.post(below(api, f"rules/{rule_id}/customers"), {"customers": list(holders)})


def a_draft(api: Api, *items: Json, **order: Json) -> str:
    """The path of a draft of the buyer, with discounts applied."""
    body = {"order": {"currency": "NOK", "customer": BUYER, "items": list(items), **order}}
    return f"draft_orders/{api.post('draft_orders', body, params=APPLY)['id']}"


def completed(api: Api, path: str) -> list[Json]:
    """The orders that a draft becomes."""
    orders: list[Json] = api.put(f"{path}/complete", {})["orders"]
    return orders


def book(api: Api, rule_id: str, customer_id: str = "C1") -> Json:
    """What a rule has given through the ref that the customer holds, also through `*`."""
    held = api.get(below(api, f"customers/{customer_id}/rules"), limit=100)
    (statistics,) = [each["statistics"] for each in held if each["id"] == rule_id]
    return {name: statistics[name] for name in ("usage", "amount")}


def held(api: Api, rule_id: str, customer_id: str = "C1") -> str:
    """The ref through which a customer holds a rule, also through `*`."""
    rules = api.get(below(api, f"customers/{customer_id}/rules"), limit=100)
    (ref_id,) = [each["ref_id"] for each in rules if each["id"] == rule_id]
    return str(ref_id)


def a_claim(rule_id: str, *ref_ids: str, usage: int = 1, amount: int = 1_000, **more: Json) -> Json:
    """A claim of the buyer on refs of one rule."""
    refs = [{"id": ref_id, "usage": usage, "amount": amount} for ref_id in ref_ids]
    return {
        "type": "pos",
        "purchase_at": "2026-06-01T12:00:00Z",
        "customer_id": "C1",
        "discounts": [{"id": rule_id, "refs": refs}],
        **more,
    }
