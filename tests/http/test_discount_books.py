"""What rules have given, and what is given back: over HTTP, on both engines."""

from __future__ import annotations

import base64

from tests.http.offers import (
    APPLY,
    BUYER,
    WINDOW,
    a_claim,
    a_draft,
    a_rule,
    below,
    book,
    completed,
    eligible,
    give,
    held,
)
from tests.support.api import Api, Site
from tests.support.openapi import Json


def statistics(api: Api, rule_id: str) -> Json:
    """What a rule has given through all of its refs."""
    return api.get(below(api, f"rules/{rule_id}"))["statistics"]


def bought(api: Api, gross_amount: int, customer_id: str = "C1") -> Json:
    """An order of a customer, with discounts."""
    (order,) = completed(api, a_draft(api, eligible(gross_amount, 1), customer={"id": customer_id}))
    return order


def cancel(api: Api, order: Json) -> None:
    """Cancel an order."""
    api.post(f"orders/{order['order_id']}/cancel", {})


def replacing(order: Json, *items: Json) -> Json:
    """A draft that replaces an order of the buyer."""
    return {
        "order": {"currency": "NOK", "customer": BUYER, "items": list(items)},
        "options": {"order_id": order["order_id"], "replace": "order"},
    }


# ------------------------------------------------------------------------- what a rule has given


def test_rule_shows_what_it_has_given_through_all_refs(api: Api) -> None:
    """Customers' and wildcards', also those that were taken back; less what was given back."""
    rule_id = a_rule(api, *[f"C{number}" for number in range(1, 13)])
    orders = [bought(api, 1_000, f"C{number}") for number in range(1, 13)]
    nothing_more = {"stamp": 0, "used": 12, "usage": 12, "amount": 1_200}
    assert statistics(api, rule_id) == nothing_more
    where = below(api, f"rules/{rule_id}/customers")
    api.ok("DELETE", where, {"customers": ["*"]})
    assert statistics(api, rule_id) == nothing_more
    give(api, rule_id, "*")
    bought(api, 5_000)
    assert (statistics(api, rule_id)["usage"], statistics(api, rule_id)["amount"]) == (13, 1_700)
    api.ok("DELETE", where, {"customers": ["*"]})
    give(api, rule_id, "*")
    bought(api, 5_000)
    for order in orders[:2]:
        cancel(api, order)
    total = statistics(api, rule_id)
    assert (total["usage"], total["used"], total["amount"]) == (12, 12, 2_000)


def test_uses_from_elsewhere_and_claims_count(api: Api) -> None:
    """What is booked without an order is in the sums too."""
    rule_id = a_rule(api, "C1")
    ref_id = held(api, rule_id)
    usage = {"ref": "R1", "ref_type": "receipt_add", "usage": 2, "stamp": 3, "amount": 500}
    for _ in range(2):
        api.post(below(api, f"customers/C1/refs/{ref_id}"), {"usage_ref": usage})
    path = below(api, "available_for_receipt/claims")
    claim = api.post(path, a_claim(rule_id, ref_id, amount=70))
    assert statistics(api, rule_id) == {"stamp": 3, "used": 3, "usage": 3, "amount": 570}
    api.delete(f"{path}/{claim['id']}")
    assert statistics(api, rule_id) == {"stamp": 3, "used": 2, "usage": 2, "amount": 500}


def test_lists_show_statistics_where_they_are_asked_for(api: Api) -> None:
    """Single rules always do, and every answer that is about one rule."""
    first, second = a_rule(api), a_rule(api, "C2")
    bought(api, 1_000)
    where = below(api, "rules")
    assert ["statistics" in each for each in api.get(where)] == [False, False]
    shown = {each["id"]: each["statistics"] for each in api.get(where, include="statistics")}
    assert shown == {each: statistics(api, each) for each in (first, second)}
    assert [shown[first]["usage"], shown[second]["usage"]] == [1, 0]
    one = f"{where}/{first}"
    assert api.put(one, {"name": "Another"})["statistics"] == shown[first]
    gone = api.delete(one)
    assert gone["statistics"] == shown[first]
    assert api.get(one) == gone


# --------------------------------------------------------------------------- what is given back


def test_cancelled_reward_brings_back_the_stamps_that_it_used_up(api: Api) -> None:
    """Also where the ref is everybody's and remembers no single booking."""
    a_rule(api, "*", value=100, stamp=2)
    assert bought(api, 1_000)["net_amount"] == 1_000
    rewarded = bought(api, 1_000)
    assert rewarded["net_amount"] == 0
    assert bought(api, 1_000)["net_amount"] == 1_000
    cancel(api, rewarded)
    again = bought(api, 1_000)
    assert again["net_amount"] == 0
    (ref,) = again["discounts"][0]["refs"]
    assert ref["statistics"] == {"amount": 1_000, "stamp": 3, "usage": 1}


def test_old_booking_is_given_back_exactly(api: Api) -> None:
    """One that a customer's ref shows no longer among its latest."""
    rule_id = a_rule(api, "C1", value=100, stamp=2)
    bought(api, 1_000)
    rewarded = bought(api, 1_000)
    ref_id = held(api, rule_id)
    where = below(api, f"customers/C1/refs/{ref_id}")
    for number in range(101):
        api.post(where, {"usage_ref": {"ref": str(number), "ref_type": "till", "amount": 1}})
    before = api.get(where)["statistics"]
    assert (before["current_stamp"], before["amount"]) == (0, 1_101)
    cancel(api, rewarded)
    after = api.get(where)["statistics"]
    assert (after["current_stamp"], after["usage"], after["amount"]) == (1, 0, 101)


def test_draft_that_replaces_an_order_may_use_what_that_used(api: Api) -> None:
    """The only use is priced, explained and booked again; another draft does not get it."""
    rule_id = a_rule(api, limitation={"discount_repeat_usage": 1})
    order = bought(api, 10_000)
    draft = api.post("draft_orders", replacing(order, eligible(4_000, 1)), params=APPLY)
    assert draft["order"]["net_amount"] == 3_600
    (told,) = api.get(f"draft_orders/{draft['id']}/discounts")["discounts"]
    assert told["applied"]
    other = api.get(a_draft(api, eligible(4_000, 1)))
    assert other["order"]["net_amount"] == 4_000
    (after,) = completed(api, f"draft_orders/{draft['id']}")
    assert after["net_amount"] == 3_600
    assert statistics(api, rule_id) == {"stamp": 0, "used": 1, "usage": 1, "amount": 400}
    cancel(api, after)
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_replaced_balance_is_paid_out_anew(api: Api) -> None:
    """What the order took of it is there for the draft in its place."""
    a_rule(api, "C1", kind="discount_debit", value=1_000)
    order = bought(api, 700)
    assert order["net_amount"] == 0
    draft = api.post("draft_orders", replacing(order, eligible(2_000, 1)), params=APPLY)
    assert draft["order"]["net_amount"] == 1_000


# ------------------------------------------------------------------------------ the customer's own


def token_for(api: Api, customer_id: str) -> str:
    """A token that a client asks for on behalf of a customer."""
    pair = f"{api.credentials.client_id}:{api.credentials.client_secret}"
    basic = "Basic " + base64.b64encode(pair.encode()).decode()
    body = {
        "audience": f"https://orders.test/v1/accounts/{api.account_id}",
        "customer_id": customer_id,
    }
    path = f"/v1/accounts/{api.account_id}/auth/token"
    return str(api.post(path, body, headers={"Authorization": basic})["access_token"])


def test_token_of_a_customer_opens_that_customers_rules(site: Site) -> None:
    """No other's, and nothing that its client may do besides."""
    api = site.new_account("admin:discounts", "user:discounts", "public:discounts")
    rule_id = a_rule(api, "C1", "C2")
    headers = {"Authorization": f"Bearer {token_for(api, 'C1')}"}
    where = below(api, "customers/{}/rules")
    (rule,) = api.ok("GET", where.format("C1"), headers=headers)
    assert rule["id"] == rule_id
    api.refused("WRONG_CUSTOMER", "GET", where.format("C2"), headers=headers)
    api.ok("GET", below(api, "public/rules"), headers=headers)
    for path in ("rules", "campaigns", f"customers/C1/refs/{rule['ref_id']}"):
        api.refused("MISSING_SCOPE", "GET", below(api, path), headers=headers)
    body = {"requirement": WINDOW, "reward": {"type": "discount_percent", "value": 1}}
    api.refused("MISSING_SCOPE", "POST", below(api, "rules"), body, headers=headers)


def test_customers_scope_without_a_customer_opens_nobodys_rules(site: Site) -> None:
    """The token of the client itself names no customer."""
    shop = site.client_of(site.new_account().account_id, "user:discounts")
    shop.refused("WRONG_CUSTOMER", "GET", below(shop, "customers/C1/rules"))


def test_client_without_customers_scopes_gets_no_token_for_a_customer(site: Site) -> None:
    """Administrators' scopes are not handed on."""
    api = site.new_account("admin:discounts", "admin:shopping")
    pair = f"{api.credentials.client_id}:{api.credentials.client_secret}"
    basic = "Basic " + base64.b64encode(pair.encode()).decode()
    audience = f"https://orders.test/v1/accounts/{api.account_id}"
    path = f"/v1/accounts/{api.account_id}/auth/token"
    body = {"audience": audience, "customer_id": "C1"}
    api.refused("NO_GRANT", "POST", path, body, headers={"Authorization": basic})


def test_a_tax_without_a_percentage_is_back_with_its_price(api: Api) -> None:
    """After a discount that took all; what was read may be sent back, also strictly."""
    rule_id = a_rule(api, value=100)
    path = a_draft(api, eligible(10_000, 1, tax_lines=[{"amount": 1_234}]))
    (free,) = api.get(path)["order"]["items"]
    assert (free["net_amount"], free["tax_lines"][0]["amount"]) == (0, 0)
    assert free["undiscounted_tax_lines"][0]["amount"] == 1_234
    api.put(path, {"order": {"comment": "gave"}}, params=APPLY)
    strict = {"Prefer": "handling=strict"}
    copy = a_draft(api, eligible(10_000, 1, tax_lines=[{"amount": 1_234}]))
    (sent,) = api.put(copy, {"order": {"items": [free]}}, headers=strict)["order"]["items"]
    assert "undiscounted_tax_lines" not in sent
    api.delete(below(api, f"rules/{rule_id}"))
    (item,) = api.put(path, {}, params=APPLY)["order"]["items"]
    assert (item["net_amount"], item["tax_lines"][0]["amount"]) == (10_000, 1_234)
    assert "undiscounted_tax_lines" not in item


def test_an_order_of_nothing_to_pay_says_which_taxes_it_would_have_had(api: Api) -> None:
    """As its draft did; the books hold, and the line can be changed as any other."""
    a_rule(api, value=100)
    path = a_draft(api, eligible(10_000, 1, tax_lines=[{"amount": 1_234}]))
    (order,) = completed(api, path)
    assert order["items"][0]["undiscounted_tax_lines"][0]["amount"] == 1_234
    one = f"orders/{order['order_id']}"
    assert api.get(f"{one}/proof")["holds"]
    changed = api.put(one, {"items": [{**order["items"][0], "comment": "gave"}]})
    assert (
        changed["items"][0]["undiscounted_tax_lines"]
        == (order["items"][0]["undiscounted_tax_lines"])
    )
