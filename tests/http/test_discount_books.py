"""What rules have given, and what is given back: over HTTP, on both engines."""

from __future__ import annotations

import base64
from functools import partial

from ordrebok.wire.base import MAX_INTEGER
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
from tests.support.api import Api, Site, race
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


# ------------------------------------------------------------------------ what a debit has left


def left(api: Api, rule_id: str) -> int | None:
    """What a rule has left through all of its refs."""
    balance: int | None = statistics(api, rule_id).get("debit_balance")
    return balance


def left_of(api: Api, ref_id: str, customer_id: str = "C1") -> int:
    """What a ref has left."""
    rule = api.get(below(api, f"customers/{customer_id}/refs/{ref_id}"))
    return int(rule["statistics"]["debit_balance"])


def use(api: Api, ref_id: str, number: int, amount: int, customer_id: str = "C1") -> None:
    """Book an amount that a ref gave elsewhere."""
    usage = {"ref": str(number), "ref_type": "till", "amount": amount}
    api.post(below(api, f"customers/{customer_id}/refs/{ref_id}"), {"usage_ref": usage})


def test_rule_shows_what_its_refs_have_left_together(api: Api) -> None:
    """Customers' and wildcards': less what orders took, and again once they are cancelled."""
    rule_id = a_rule(api, "C1", "C2", kind="discount_debit", value=10_000)
    assert left(api, rule_id) == 20_000
    order = bought(api, 6_500)
    assert order["net_amount"] == 0
    assert left(api, rule_id) == 13_500
    give(api, rule_id, "*", "/")
    assert left(api, rule_id) == 33_500
    bought(api, 4_000, "C9")
    assert left(api, rule_id) == 29_500
    cancel(api, order)
    assert left(api, rule_id) == 36_000


def test_what_a_ref_gave_beyond_its_value_takes_nothing_from_others(api: Api) -> None:
    """A claim may; the rule's balance is the sum of the balances of refs, none of them below 0."""
    rule_id = a_rule(api, "C1", "C2", kind="discount_debit", value=1_000)
    first, second = held(api, rule_id), held(api, rule_id, "C2")
    path = below(api, "available_for_receipt/claims")
    claim = api.post(path, a_claim(rule_id, first, amount=2_500))
    assert (left_of(api, first), left_of(api, second, "C2"), left(api, rule_id)) == (
        0,
        1_000,
        1_000,
    )
    assert statistics(api, rule_id)["amount"] == 2_500
    use(api, first, 1, 600)
    use(api, second, 1, 300, "C2")
    assert left(api, rule_id) == 700
    api.delete(f"{path}/{claim['id']}")
    assert (left_of(api, first), left(api, rule_id)) == (400, 1_100)


def test_what_was_taken_back_is_left_to_nobody(api: Api) -> None:
    """By the rule, by the ref, or of a wildcard; what such a ref gets back is not left."""
    rule_id = a_rule(api, "C1", "C2", "C3", "C4", kind="discount_debit", value=1_000)
    order, last = bought(api, 400, "C1"), bought(api, 300, "C4")
    give(api, rule_id, "*")
    refs = {name: held_alone(api, rule_id, name) for name in ("C1", "C2")}
    assert left(api, rule_id) == 4_300
    where = below(api, f"rules/{rule_id}/customers")
    gone = api.ok("DELETE", where, {"customers": ["C1", "C3"]})
    assert gone["statistics"]["debit_balance"] == left(api, rule_id) == 2_700
    alone = api.delete(below(api, f"customers/C2/refs/{refs['C2']}"))
    assert alone["debit_balance"] == alone["statistics"]["debit_balance"] == 1_000
    assert left(api, rule_id) == 1_700
    cancel(api, order)
    assert (left_of(api, refs["C1"]), left(api, rule_id)) == (1_000, 1_700)
    given = api.post(where, {"customers": ["C1"]})
    assert given["statistics"]["debit_balance"] == left(api, rule_id) == 2_700
    none = api.ok("DELETE", where, {"customers": ["*"]})
    assert none["statistics"]["debit_balance"] == left(api, rule_id) == 0
    cancel(api, last)
    assert left(api, rule_id) == 0
    again = api.post(where, {"customers": ["*"]})
    assert again["statistics"]["debit_balance"] == left(api, rule_id) == 1_000


def held_alone(api: Api, rule_id: str, customer_id: str) -> str:
    """The ref of the customer's own; the rule is everybody's too."""
    rows = api.get(below(api, f"rules/{rule_id}/customers"), limit=100)
    (ref_id,) = [row["id"] for row in rows if row.get("customer_id") == customer_id]
    return str(ref_id)


def test_balance_stays_as_it_is_when_its_rule_is_changed_or_deleted(api: Api) -> None:
    """The value is fixed; refs of a rule that nobody can use now keep what they have."""
    rule_id = a_rule(api, "C1", kind="discount_debit", value=1_000)
    bought(api, 400)
    where = below(api, f"rules/{rule_id}")
    fault = api.refused(
        "INVALID_REQUEST_PARAMETER",
        "PUT",
        where,
        {"reward": {"type": "discount_debit", "value": 2_000}},
    )
    assert fault["errors"][0]["code"] == "REWARD_FIXED"
    later = {"purchase_to": "2101-01-01T00:00:00Z"}
    limit = {"discount_repeat_usage": 1}
    changes: list[Json] = [{"active": False}, {"requirement": later}, {"limitation": limit}]
    for change in changes:
        assert api.put(where, change)["statistics"]["debit_balance"] == 600
    assert api.delete(where)["statistics"]["debit_balance"] == 600
    assert left(api, rule_id) == 600


def test_only_a_debit_has_a_balance(api: Api) -> None:
    """Also in lists; one that was never given has nothing left."""
    percent, debit = a_rule(api, "C1"), a_rule(api, "C1", kind="discount_debit", value=70)
    body = {"requirement": WINDOW, "reward": {"type": "discount_debit", "value": 50}}
    nobodys = api.post(below(api, "rules"), body)["id"]
    listed = api.get(below(api, "rules"), include="statistics")
    shown = {each["id"]: each["statistics"].get("debit_balance") for each in listed}
    assert shown == {percent: None, debit: 70, nobodys: 0}
    (ref,) = api.get(below(api, f"rules/{percent}/customers"))
    assert "debit_balance" not in api.delete(below(api, f"customers/C1/refs/{ref['id']}"))


def test_balance_of_many_refs_used_at_once_is_exact(api: Api) -> None:
    """More refs than one document names, given, used and taken back by several at the same time."""
    names = [f"C{number}" for number in range(250)]
    rule_id = a_rule(api, *names, kind="discount_debit", value=1_000)
    assert left(api, rule_id) == 250_000
    rows = api.get(below(api, f"rules/{rule_id}/customers"), limit=1_000)
    refs = {row["customer_id"]: row["id"] for row in rows}
    where = below(api, f"rules/{rule_id}/customers")

    def worker(number: int) -> None:
        """Use three refs, one of them beyond its value, take one back, and give one anew."""
        first = number * 4
        for place, amount in enumerate((100, 900, 5_000)):
            name = names[first + place]
            use(api, refs[name], 1, amount, name)
        api.ok("DELETE", where, {"customers": [names[first + 1], names[first + 3]]})
        give(api, rule_id, names[first])

    race(*[partial(worker, number) for number in range(8)])
    rows = api.get(where, limit=1_000)
    each = [left_of(api, row["id"], row["customer_id"]) for row in rows]
    assert len(each) == 242
    assert left(api, rule_id) == sum(each) == 250_000 - 8 * (100 + 1_000 + 1_000 + 1_000 - 1_000)


def test_balance_that_cannot_be_kept_exactly_is_not_given(api: Api) -> None:
    """Nothing of the gift is kept."""
    rule_id = a_rule(api, "C1", kind="discount_debit", value=MAX_INTEGER)
    where = below(api, f"rules/{rule_id}/customers")
    many = [f"C{number}" for number in range(2, 12)]
    for holders in (["C2"], ["*"], many):
        api.refused("AMOUNT_TOO_LARGE", "POST", where, {"customers": holders})
    assert left(api, rule_id) == MAX_INTEGER
    assert len(api.get(where)) == 1


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
