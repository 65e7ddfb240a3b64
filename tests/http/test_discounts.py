"""Discounts from the rule to the cancelled order, over HTTP, on both engines."""

from __future__ import annotations

import pytest

from tests.http.offers import (
    APPLY,
    BUYER,
    a_draft,
    a_rule,
    below,
    book,
    completed,
    eligible,
)
from tests.support.api import Api, Site, race, store_line
from tests.support.openapi import Json

# ----------------------------------------------------------------------------- in the draft


def test_added_item_gets_its_discount_line_and_the_taxes_follow(api: Api) -> None:
    """39800 at 30 percent off, with 25 percent tax: the worked example of the contract."""
    rule_id = a_rule(api, value=30)
    path = a_draft(api)
    draft = api.post(f"{path}/items", eligible(39_800, 1), params=APPLY)
    (item,) = draft["order"]["items"]
    (discount,) = item["discount_lines"]
    assert (discount["amount"], discount["percentage"], discount["discount_id"]) == (
        11_940,
        30,
        rule_id,
    )
    assert (discount["discount_type"], discount["description"]) == ("periodic", "Save")
    assert (item["net_amount"], item["tax_lines"][0]["amount"]) == (27_860, 5_572)
    assert (draft["order"]["net_amount"], draft["order"]["total_discount"]) == (27_860, 11_940)
    (used,) = draft["order"]["discounts"]
    assert used["id"] == rule_id
    assert used["refs"][0]["items"] == [{"line_id": 1, "amount": 11_940}]


def test_applying_again_changes_nothing_but_the_version(api: Api) -> None:
    """Lines that were written before are not discounted a second time."""
    a_rule(api)
    path = a_draft(api, eligible(10_000, 1), eligible(5_000, 2))
    first = api.get(path)["order"]
    again = api.put(path, {}, params=APPLY)["order"]
    assert again["net_amount"] == 13_500
    assert [item["discount_lines"] for item in again["items"]] == [
        item["discount_lines"] for item in first["items"]
    ]
    assert (again["discounts"], again["net_amount"]) == (first["discounts"], first["net_amount"])


def test_every_draft_write_applies_discounts_where_it_is_asked(api: Api) -> None:
    """New, changed, with an item more, another or fewer, and as it is completed."""
    a_rule(api)
    path = a_draft(api, eligible(1_000, 1))
    assert api.get(path)["order"]["net_amount"] == 900
    steps: list[tuple[str, str, Json, int]] = [
        ("POST", f"{path}/items", eligible(2_000, 2), 2_700),
        ("PUT", f"{path}/items/2", eligible(3_000, 2), 3_600),
        ("PUT", path, {"order": {"items": [eligible(500, 1), eligible(500, 2)]}}, 900),
    ]
    for method, where, body, net in steps:
        assert api.ok(method, where, body, params=APPLY)["order"]["net_amount"] == net
    left = api.send("DELETE", f"{path}/items/2", params=APPLY).json()
    assert left["order"]["net_amount"] == 450
    api.post(f"{path}/items", eligible(1_000, 3))
    (order,) = api.put(f"{path}/complete", {}, params=APPLY)["orders"]
    assert order["net_amount"] == 1_350


def test_discounts_are_left_alone_where_they_are_not_asked_for(api: Api) -> None:
    """Lines stay as they are, and what a removed line had is not said to be used any more."""
    a_rule(api)
    path = a_draft(api, eligible(1_000, 1), eligible(2_000, 2))
    api.post(f"{path}/items", eligible(4_000, 3))
    left = api.delete(f"{path}/items/2")["order"]
    assert (left["gross_amount"], left["net_amount"]) == (5_000, 4_900)
    (ref,) = left["discounts"][0]["refs"]
    assert (ref["amount"], ref["items"]) == (100, [{"line_id": 1, "amount": 100}])
    assert "discounts" not in api.delete(f"{path}/items/1")["order"]


def test_discounts_depend_on_the_buyer(api: Api) -> None:
    """One for the customer alone, one for every customer, and one for strangers."""
    a_rule(api, "C1", value=10)
    a_rule(api, "*", value=20)
    a_rule(api, "/", value=50)
    nets = []
    for customer in (BUYER, {"id": "C2"}, {"last_name": "Without an id"}):
        path = a_draft(api, eligible(10_000, 1), customer=customer)
        nets.append(api.get(path)["order"]["net_amount"])
    assert nets == [7_000, 8_000, 5_000]


def test_code_in_the_metadata_opens_a_rule(api: Api) -> None:
    """Without it, or with another, the rule gives nothing."""
    a_rule(api, discount_code="TACO")
    path = a_draft(api, eligible(1_000, 1))
    assert api.get(path)["order"]["net_amount"] == 1_000
    body = {"order": {"metadata": {"discount_code": ["PIZZA", "TACO"]}}}
    assert api.put(path, body, params=APPLY)["order"]["net_amount"] == 900


def test_changed_and_deleted_rules_hold_from_the_next_write(api: Api) -> None:
    """What was made ready for an older version of the rules is not used for a newer one."""
    rule_id = a_rule(api)
    path = a_draft(api, eligible(1_000, 1))
    where = below(api, f"rules/{rule_id}")
    steps: list[tuple[str, str, Json, int]] = [
        ("PUT", where, {"active": False}, 1_000),
        ("PUT", where, {"active": True}, 900),
        ("DELETE", f"{where}/customers", {"customers": ["*"]}, 1_000),
        ("POST", f"{where}/customers", {"customers": ["C1"]}, 900),
        ("DELETE", f"{where}/customers", {"customers": ["C1"]}, 1_000),
        ("POST", f"{where}/customers", {"customers": ["*"]}, 900),
    ]
    for method, there, body, net in steps:
        api.ok(method, there, body)
        assert api.put(path, {}, params=APPLY)["order"]["net_amount"] == net, (method, there)
    api.delete(where)
    assert api.put(path, {}, params=APPLY)["order"]["net_amount"] == 1_000


def test_explanation_says_what_applies_and_what_is_missing(api: Api) -> None:
    """Amounts by line, or the first requirement that failed with what was found."""
    given = a_rule(api)
    kept = a_rule(api, gross_amount=50_000)
    path = a_draft(api, eligible(10_000, 1))
    before = api.get(path)
    told = {each["id"]: each for each in api.get(f"{path}/discounts")["discounts"]}
    assert told[given]["applied"]
    assert told[given]["items"] == [{"line_id": 1, "amount": 1_000}]
    assert not told[kept]["applied"]
    failed = told[kept]["failed"]
    assert (failed["requirement"], failed["required"], failed["found"]) == (
        "requirement.gross_amount",
        50_000,
        10_000,
    )
    assert api.get(path) == before


@pytest.mark.parametrize("scope", ["read:discounts", "public:discounts", "admin:accounts"])
def test_applying_needs_a_scope_for_discounts(site: Site, scope: str) -> None:
    """Reading ones do not do; nothing is written, and without the flag the write is taken."""
    api = site.new_account("write:shopping", "read:shopping", scope)
    path = f"draft_orders/{api.draft(eligible(1_000, 1))['id']}"
    body = eligible(500, 2)
    api.refused("MISSING_SCOPE", "POST", f"{path}/items", body, params=APPLY)
    assert api.get(path)["version"] == 1
    assert api.post(f"{path}/items", body)["version"] == 2


# ------------------------------------------------------------------------------- in the order


def test_completion_books_once_also_when_it_is_sent_again(api: Api) -> None:
    """A draft uses nothing up; its order does, however often the completion is repeated."""
    rule_id = a_rule(api)
    path = a_draft(api, eligible(10_000, 1))
    assert book(api, rule_id) == {"usage": 0, "amount": 0}
    first = completed(api, path)
    assert book(api, rule_id) == {"usage": 1, "amount": 1_000}
    assert completed(api, path) == first
    api.put(f"{path}/complete", {}, params=APPLY)
    assert book(api, rule_id) == {"usage": 1, "amount": 1_000}
    (order,) = first
    assert order["discounts"][0]["refs"][0]["usages"] == 1
    (second,) = completed(api, a_draft(api, eligible(5_000, 1)))
    (ref,) = second["discounts"][0]["refs"]
    assert ref["statistics"] == {"amount": 1_500, "stamp": 0, "usage": 2}


def test_raced_completions_of_one_draft_book_once(api: Api) -> None:
    """Eight retries at once are one use."""
    rule_id = a_rule(api, "C1")
    path = a_draft(api, eligible(10_000, 1))
    answers = race(*[lambda: api.send("PUT", f"{path}/complete", {})] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["orders"][0]["order_id"] for answer in answers}) == 1
    assert book(api, rule_id) == {"usage": 1, "amount": 1_000}


def test_dry_run_of_a_completion_books_nothing(api: Api) -> None:
    """It answers the order that would be, and leaves the use to others."""
    rule_id = a_rule(api)
    path = a_draft(api, eligible(10_000, 1))
    tried = api.put(f"{path}/complete", {}, headers={"Prefer": "dry-run"})
    assert tried["orders"][0]["net_amount"] == 9_000
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_cancelled_order_gives_back_once(api: Api) -> None:
    """Cancelling again, or a closed order, gives nothing more back."""
    rule_id = a_rule(api)
    kept, gone = (completed(api, a_draft(api, eligible(10_000, 1)))[0] for _ in range(2))
    assert book(api, rule_id) == {"usage": 2, "amount": 2_000}
    path = f"orders/{gone['order_id']}/cancel"
    for _ in range(2):
        cancelled = api.post(path, {"cancelled_reason": "customer"})
        assert cancelled["status"] == "cancelled"
        assert book(api, rule_id) == {"usage": 1, "amount": 1_000}
    race(*[lambda: api.post(path, {})] * 4)
    assert book(api, rule_id) == {"usage": 1, "amount": 1_000}
    api.post(f"orders/{kept['order_id']}/cancel", {})
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


@pytest.mark.parametrize("holder", ["*", "C1"])
def test_last_use_goes_to_one_of_sixteen(api: Api, holder: str) -> None:
    """The others are refused, and complete without it when they apply discounts again."""
    rule_id = a_rule(api, holder, limitation={"discount_repeat_usage": 1})
    paths = [a_draft(api, eligible(10_000, 1)) for _ in range(16)]
    answers = race(*[lambda path=path: api.send("PUT", f"{path}/complete", {}) for path in paths])
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    errors = [each.json()["error"] for each in answers if each.status_code == 409]
    assert {error["code"] for error in errors} == {"DISCOUNT_USED_UP"}
    assert errors[0]["errors"][0]["discount_id"] == rule_id
    winner = next(each.json() for each in answers if each.status_code == 200)
    assert winner["orders"][0]["net_amount"] == 9_000
    lost = next(path for path, each in zip(paths, answers, strict=True) if each.status_code == 409)
    (order,) = api.put(f"{lost}/complete", {}, params=APPLY)["orders"]
    assert order["net_amount"] == 10_000
    api.post(f"orders/{winner['orders'][0]['order_id']}/cancel", {})
    again = api.put(a_draft(api, eligible(10_000, 1)) + "/complete", {})
    assert again["orders"][0]["net_amount"] == 9_000


def test_sixteen_that_apply_while_they_complete_share_the_last_use(api: Api) -> None:
    """Each is priced with what is left at that moment: one with the discount, and no refusal."""
    a_rule(api, limitation={"discount_repeat_usage": 1})
    paths = [
        f"draft_orders/{api.draft(eligible(1_000, 1), customer=BUYER)['id']}" for _ in range(16)
    ]
    answers = race(
        *[lambda path=path: api.put(f"{path}/complete", {}, params=APPLY) for path in paths]
    )
    nets = sorted(answer["orders"][0]["net_amount"] for answer in answers)
    assert nets == [900] + [1_000] * 15


def test_split_draft_books_once(api: Api) -> None:
    """Each order has what its lines got; the use stands on the first, and all is given back."""
    rule_id = a_rule(api)
    items = [
        store_line("S1", 10_000, 1, eligible_for_discount=True),
        store_line("S2", 5_000, 2, eligible_for_discount=True),
    ]
    body: Json = {
        "order": {"currency": "NOK", "customer": BUYER, "items": items},
        "options": {"split_draft": True},
    }
    draft = api.post("draft_orders", body, params=APPLY)
    orders = completed(api, f"draft_orders/{draft['id']}")
    refs = [order["discounts"][0]["refs"][0] for order in orders]
    assert [(ref["amount"], ref["usages"]) for ref in refs] == [(1_000, 1), (500, 0)]
    assert book(api, rule_id) == {"usage": 1, "amount": 1_500}
    for order in orders:
        api.post(f"orders/{order['order_id']}/cancel", {})
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_draft_that_adds_to_an_order_books_what_it_adds(api: Api) -> None:
    """The order's own use stays booked; cancelling gives both back."""
    rule_id = a_rule(api)
    (order,) = completed(api, a_draft(api, eligible(10_000, 1)))
    options = {"order_id": order["order_id"]}
    body = {
        "order": {"currency": "NOK", "customer": BUYER, "items": [eligible(2_000, 2)]},
        "options": options,
    }
    draft = api.post("draft_orders", body, params=APPLY)
    (after,) = completed(api, f"draft_orders/{draft['id']}")
    (ref,) = after["discounts"][0]["refs"]
    assert (ref["amount"], ref["usages"], after["net_amount"]) == (1_200, 2, 10_800)
    assert book(api, rule_id) == {"usage": 2, "amount": 1_200}
    api.post(f"orders/{order['order_id']}/cancel", {})
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_replaced_order_gives_back_before_it_books(api: Api) -> None:
    """What is replaced is not used any more; what comes in its place is booked as of an order."""
    rule_id = a_rule(api, "C1", limitation={"discount_repeat_usage": 2})
    (order,) = completed(api, a_draft(api, eligible(10_000, 1)))
    completed(api, a_draft(api, eligible(1_000, 1)))
    body = {
        "order": {"currency": "NOK", "customer": BUYER, "items": [eligible(4_000, 1)]},
        "options": {"order_id": order["order_id"], "replace": "order"},
    }
    draft = api.post("draft_orders", body)
    (after,) = completed(api, f"draft_orders/{draft['id']}")
    assert "discounts" not in after
    assert book(api, rule_id) == {"usage": 1, "amount": 100}
    draft = api.post("draft_orders", body, params=APPLY)
    (after,) = completed(api, f"draft_orders/{draft['id']}")
    assert after["net_amount"] == 3_600
    (ref,) = after["discounts"][0]["refs"]
    assert (ref["amount"], ref["usages"]) == (400, 1)


def test_many_rules_are_applied_like_few(api: Api) -> None:
    """Seventy rules through as many refs, all of which a purchase uses."""
    for number in range(70):
        limits = {"discount_repeat_usage": 5} if number % 2 else None
        a_rule(api, kind="discount_amount", value=10, limitation=limits)
    path = a_draft(api)
    draft = api.post(f"{path}/items", eligible(10_000, 1), params=APPLY)
    assert draft["order"]["net_amount"] == 9_300
    assert len(api.get(f"{path}/discounts")["discounts"]) == 70
    (order,) = completed(api, path)
    assert len(order["discounts"]) == 70
    api.post(f"orders/{order['order_id']}/cancel", {})
    held = api.get(below(api, "customers/C1/rules"), limit=100)
    assert [each["statistics"]["usage"] for each in held] == [0] * 70


# --------------------------------------------------------------------------------- who has it


def test_customers_of_a_rule_are_listed_page_by_page(api: Api) -> None:
    """In the order in which it was given, those that it was taken back from where asked."""
    rule_id = a_rule(api, *[f"C{number}" for number in range(450)])
    where = below(api, f"rules/{rule_id}/customers")
    api.ok("DELETE", where, {"customers": ["C3", "C400"]})
    api.post(where, {"customers": ["C3"]})
    rows: list[Json] = []
    while page := api.get(where, limit=100, **({"starting_after": rows[-1]["id"]} if rows else {})):
        rows += page
    names = [f"C{number}" for number in range(450) if number not in {3, 400}]
    assert [row["customer_id"] for row in rows] == [*names, "C3"]
    gone = api.get(where, state="deleted")
    assert [row["customer_id"] for row in gone] == ["C3", "C400"]
    assert all(row["deleted_at"] for row in gone)
    assert len(api.get(where, state="all", limit=1000)) == 451
    assert api.get(where, state="inactive") == []
    api.refused(
        "INVALID_REQUEST_PARAMETER", "GET", where, params={"starting_after": "no ref of it"}
    )


def test_taking_back_from_everybody_leaves_nobody(api: Api) -> None:
    """From customers and from wildcards; other rules stay."""
    rule_id, kept = a_rule(api, "C1", "C2", "*", "/"), a_rule(api, "C1")
    where = below(api, f"rules/{rule_id}/customers")
    api.ok("DELETE", where, {"customers": ["*"]})
    assert api.get(where) == []
    assert len(api.get(where, state="deleted")) == 4
    (held,) = api.get(below(api, "customers/C1/rules"))
    assert held["id"] == kept
    assert api.get(a_draft(api, eligible(1_000, 1)))["order"]["net_amount"] == 900


def test_campaigns_are_listed_by_state(api: Api) -> None:
    """Newest first; without a state, all that are not deleted."""
    names = ("open", "closed", "gone")
    open_, closed, gone = (
        api.post(below(api, "campaigns"), {"name": name, "private": name == "closed"})[
            "campaign_id"
        ]
        for name in names
    )
    api.delete(below(api, f"campaigns/{gone}"))
    expected = {
        "all": [gone, closed, open_],
        "public": [open_],
        "private": [closed],
        "deleted": [gone],
    }
    where = below(api, "campaigns")
    for state, ids in expected.items():
        assert [each["campaign_id"] for each in api.get(where, state=state)] == ids
    assert [each["campaign_id"] for each in api.get(where, limit=1)] == [closed]
    assert [each["campaign_id"] for each in api.get(where, starting_after=closed)] == [open_]


def test_public_rule_is_read_by_its_id(site: Site) -> None:
    """One that everybody or every stranger has, and nothing that is private."""
    api = site.new_account()
    public = site.client_of(api.account_id, "public:discounts")
    shown, hidden, own = a_rule(api, "/"), a_rule(api), a_rule(api, "C1")
    api.put(below(api, f"rules/{hidden}"), {"private": True})
    assert public.get(below(api, f"public/rules/{shown}"))["id"] == shown
    for rule_id in (hidden, own, "nothing"):
        public.refused("NOT FOUND", "GET", below(api, f"public/rules/{rule_id}"))


def test_usages_of_a_rule_say_which_order_used_what(api: Api) -> None:
    """A row for each ref that was used; what was given back is not among them."""
    rule_id = a_rule(api, "C1", "C2")
    where = below(api, f"rules/{rule_id}/usages")
    assert api.get(where) == []
    kept, gone = (completed(api, a_draft(api, eligible(10_000, 1)))[0] for _ in range(2))
    (row,) = api.get(where)
    assert (row["customer_id"], row["discount_id"]) == ("C1", rule_id)
    assert [each["ref"] for each in row["usage_refs"]] == [kept["order_id"], gone["order_id"]]
    assert (row["statistics"]["usage"], row["statistics"]["amount"]) == (2, 2_000)
    api.post(f"orders/{gone['order_id']}/cancel", {})
    (row,) = api.get(where)
    (used,) = row["usage_refs"]
    assert (used["ref"], used["ref_type"], used["amount"]) == (kept["order_id"], "order", 1_000)
    assert api.get(where, starting_after=row["id"]) == []
