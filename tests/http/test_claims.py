"""Uses of discounts that are reserved before the receipt exists, over HTTP, on both engines."""

from __future__ import annotations

import pytest

from tests.http.offers import (
    APPLY,
    a_claim,
    a_draft,
    a_rule,
    below,
    book,
    completed,
    eligible,
    held,
)
from tests.support.api import Api, paths_of, race
from tests.support.openapi import Json

ONCE = {"discount_repeat_usage": 1}
CLAIMS = "available_for_receipt/claims"


def claims(api: Api, claim_id: str = "") -> str:
    """Where the claims of the account are, or one of them."""
    return below(api, f"{CLAIMS}/{claim_id}".rstrip("/"))


def offered(api: Api, **fields: Json) -> int:
    """What a receipt of the buyer over 10,000 is offered."""
    receipt: Json = {
        "receipt_id": "R1",
        "store": {"id": "S1"},
        "purchase_at": "2026-06-01T12:00:00Z",
        "customer_id": "C1",
        "items": [{"line_id": 1, "gross_amount": 10_000, "eligible_for_discount": True}],
        **fields,
    }
    answer = api.post(below(api, "available_for_receipt"), receipt)
    return int(answer.get("total_discount", 0))


def test_claimed_use_is_used_until_the_claim_is_deleted(api: Api) -> None:
    """By receipts and drafts alike; deleting gives it back once, however often it is sent."""
    rule_id = a_rule(api, "C1", limitation=ONCE)
    claim = api.post(claims(api), a_claim(rule_id, held(api, rule_id), ref="till-1"))
    assert (claim["ref"], claim["type"], claim["customer_id"]) == ("till-1", "pos", "C1")
    assert "deleted_at" not in claim
    assert api.get(claims(api, claim["id"])) == claim
    assert offered(api) == 0
    assert api.get(a_draft(api, eligible(10_000, 1)))["order"]["net_amount"] == 10_000
    race(*[lambda: api.delete(claims(api, claim["id"]))] * 4)
    gone = api.get(claims(api, claim["id"]))
    assert gone["deleted_at"]
    assert api.delete(claims(api, claim["id"])) == gone
    assert book(api, rule_id) == {"usage": 0, "amount": 0}
    assert offered(api) == 1_000


def test_usages_name_the_claim_while_it_stands(api: Api) -> None:
    """By the client's own name for it."""
    rule_id = a_rule(api, "C1")
    claim = api.post(claims(api), a_claim(rule_id, held(api, rule_id), ref="till-1"))
    where = below(api, f"rules/{rule_id}/usages")
    (row,) = api.get(where)
    (used,) = row["usage_refs"]
    assert (used["ref"], used["ref_type"], used["usage"]) == ("till-1", "claim", 1)
    api.delete(claims(api, claim["id"]))
    assert api.get(where) == []


def test_each_claim_gives_back_its_own_whatever_they_are_called(api: Api) -> None:
    """One is known by its id, and another has that id as its ref."""
    rule_id = a_rule(api, "C1")
    ref_id = held(api, rule_id)
    first = api.post(claims(api), a_claim(rule_id, ref_id))
    second = api.post(claims(api), a_claim(rule_id, ref_id, ref=first["id"], amount=300))
    where = below(api, f"rules/{rule_id}/usages")
    assert book(api, rule_id) == {"usage": 2, "amount": 1_300}
    api.delete(claims(api, first["id"]))
    assert book(api, rule_id) == {"usage": 1, "amount": 300}
    ((used,),) = [row["usage_refs"] for row in api.get(where)]
    assert (used["ref"], used["amount"]) == (first["id"], 300)
    api.delete(claims(api, second["id"]))
    assert book(api, rule_id) == {"usage": 0, "amount": 0}
    assert api.get(where) == []


@pytest.mark.parametrize("holder", ["*", "C1"])
def test_last_use_goes_to_one_claim_of_sixteen(api: Api, holder: str) -> None:
    """The others are told which limit stands against them, and how much is left."""
    rule_id = a_rule(api, holder, limitation=ONCE)
    ref_id = held(api, rule_id)
    bodies = [a_claim(rule_id, ref_id, ref=f"till-{number}") for number in range(16)]
    answers = race(*[lambda body=body: api.send("POST", claims(api), body) for body in bodies])
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    errors = [each.json()["error"] for each in answers if each.status_code == 409]
    assert {error["code"] for error in errors} == {"DISCOUNT_USED_UP"}
    (fault,) = errors[0]["errors"]
    assert fault["path"] == ["discounts", 0, "refs", 0, "usage"]
    assert (fault["limit"], fault["requested"], fault["remaining"]) == (
        "limitation.discount_repeat_usage",
        1,
        0,
    )
    (stands,) = api.get(claims(api))
    api.delete(claims(api, stands["id"]))
    assert api.send("POST", claims(api), {**bodies[0], "ref": "again"}).status_code == 200


def test_claim_and_completion_compete_for_the_last_use(api: Api) -> None:
    """Whoever comes first has it."""
    rule_id = a_rule(api, "C1", limitation=ONCE)
    ref_id = held(api, rule_id)
    path = a_draft(api, eligible(10_000, 1))
    claim = api.post(claims(api), a_claim(rule_id, ref_id))
    api.refused("DISCOUNT_USED_UP", "PUT", f"{path}/complete", {})
    api.delete(claims(api, claim["id"]))
    completed(api, path)
    api.refused("DISCOUNT_USED_UP", "POST", claims(api), a_claim(rule_id, ref_id))


def test_ref_is_taken_once(api: Api) -> None:
    """Also with the same content, by a claim that is deleted since, and by sixteen at once."""
    rule_id = a_rule(api)
    body = a_claim(rule_id, held(api, rule_id), ref="till-1")
    answers = race(*[lambda: api.send("POST", claims(api), body)] * 16)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
    (claim_id,) = [each.json()["id"] for each in answers if each.status_code == 200]
    error = api.refused("CLAIM_REF_TAKEN", "POST", claims(api), body)
    assert error["claim_id"] == claim_id
    assert book(api, rule_id) == {"usage": 1, "amount": 1_000}
    api.delete(claims(api, claim_id))
    api.refused("CLAIM_REF_TAKEN", "POST", claims(api), body)
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_only_two_limits_can_make_a_claim_fail(api: Api) -> None:
    """Rewards of one purchase and uses of all; neither stamps nor a balance, hours or amounts."""
    few = a_rule(api, "C1", limitation={"discount_reward_usage": 2, "discount_repeat_usage": 9})
    error = api.refused(
        "DISCOUNT_USED_UP", "POST", claims(api), a_claim(few, held(api, few), usage=3)
    )
    assert error["errors"][0]["limit"] == "limitation.discount_reward_usage"
    api.post(claims(api), a_claim(few, held(api, few), usage=2))
    assert book(api, few)["usage"] == 2
    closed = {"discount_hours": {"hours": [{"day": "mon", "start": "00:00", "end": "00:01"}]}}
    for rule_id in (
        a_rule(api, "C1", stamp=5),
        a_rule(api, "C1", kind="discount_debit", value=500),
        a_rule(api, "C1", gross_amount=10**9, limitation=closed),
    ):
        api.post(claims(api), a_claim(rule_id, held(api, rule_id)))


def test_refs_that_the_customer_does_not_hold_are_named_at_once(api: Api) -> None:
    """Another's, another rule's, one taken back, one that never was; nothing is booked."""
    rule_id, other = a_rule(api, "C1", "C2"), a_rule(api, "C1")
    own, foreign = held(api, rule_id), held(api, rule_id, "C2")
    gone = held(api, other)
    api.delete(below(api, f"customers/C1/refs/{gone}"))
    body = a_claim(rule_id, own, foreign, gone, "nothing")
    error = api.refused("NOT FOUND", "POST", claims(api), body)
    assert paths_of(error) == [["discounts", 0, "refs", place, "id"] for place in (1, 2, 3)]
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_ref_that_is_claimed_twice_in_one_claim_counts_twice(api: Api) -> None:
    """And is given back as often."""
    rule_id = a_rule(api, "C1", limitation={"discount_repeat_usage": 2})
    ref_id = held(api, rule_id)
    api.refused("DISCOUNT_USED_UP", "POST", claims(api), a_claim(rule_id, *[ref_id] * 3))
    claim = api.post(claims(api), a_claim(rule_id, ref_id, ref_id))
    (row,) = api.get(below(api, f"rules/{rule_id}/usages"))
    assert row["statistics"]["usage"] == 2
    api.delete(claims(api, claim["id"]))
    assert book(api, rule_id) == {"usage": 0, "amount": 0}


def test_claims_are_listed_newest_first_and_counted(api: Api) -> None:
    """Page by page over more of them than one document names; deleted ones are left out."""
    rule_id = a_rule(api)
    ref_id = held(api, rule_id)
    made: list[Json] = [
        api.post(
            claims(api),
            a_claim(rule_id, ref_id, ref=f"till-{number}", customer_id=f"C{number % 2}"),
        )
        for number in range(106)
    ]
    for each in (made[3], made[100]):
        api.delete(claims(api, each["id"]))
    stand = [each for each in reversed(made) if each not in (made[3], made[100])]
    rows: list[Json] = []
    while page := api.get(
        claims(api), limit=40, **({"starting_after": rows[-1]["id"]} if rows else {})
    ):
        rows += page
    assert rows == stand
    after = api.get(claims(api), starting_after=made[3]["id"])
    assert after == [made[2], made[1], made[0]]
    of_one = [each for each in stand if each["customer_id"] == "C1"]
    assert api.get(claims(api), customer_id="C1", limit=100) == of_one
    assert api.get(claims(api), customer_id="C1", starting_after=made[5]["id"]) == [made[1]]
    for query, total in (({}, 104), ({"customer_id": "C1"}, 52), ({"customer_id": "C9"}, 0)):
        answer = api.send("GET", claims(api), params={**query, "limit": 1, "total": True})
        assert answer.headers["total-count"] == str(total)
    assert "total-count" not in api.send("GET", claims(api)).headers
    api.refused("INVALID_REQUEST_PARAMETER", "GET", claims(api), params={"starting_after": "x"})


def test_claims_are_found_by_their_ref(api: Api) -> None:
    """All filters that are given must hold."""
    rule_id = a_rule(api)
    claim = api.post(claims(api), a_claim(rule_id, held(api, rule_id), ref="till 1/æ"))
    api.post(claims(api), a_claim(rule_id, held(api, rule_id)))
    assert api.get(claims(api), ref="till 1/æ") == [claim]
    assert api.get(claims(api), ref="till 1/æ", customer_id="C1") == [claim]
    assert api.get(claims(api), ref="till 1/æ", customer_id="C2") == []
    assert api.get(claims(api), ref="till 2") == []
    answer = api.send("GET", claims(api), params={"ref": "till 1/æ", "total": True})
    assert answer.headers["total-count"] == "1"
    api.delete(claims(api, claim["id"]))
    assert api.get(claims(api), ref="till 1/æ") == []


def test_more_than_can_be_kept_is_refused(api: Api) -> None:
    """By claims, and by uses from elsewhere; what stands can still be read."""
    rule_id = a_rule(api, "C1")
    ref_id = held(api, rule_id)
    most = 9_007_199_254_740_991
    api.post(claims(api), a_claim(rule_id, ref_id, amount=most))
    api.refused("AMOUNT_TOO_LARGE", "POST", claims(api), a_claim(rule_id, ref_id, amount=1))
    usage = {"usage_ref": {"ref": "R1", "ref_type": "receipt_add", "amount": 1}}
    where = below(api, f"customers/C1/refs/{ref_id}")
    api.refused("AMOUNT_TOO_LARGE", "POST", where, usage)
    assert book(api, rule_id) == {"usage": 1, "amount": most}


def test_claim_of_a_bonus_collects_a_bonus(api: Api) -> None:
    """Its amount changes no price, and is counted as a bonus."""
    rule_id = api.post(
        below(api, "rules"),
        {
            "requirement": {
                "purchase_from": "2020-01-01T00:00:00Z",
                "purchase_to": "2100-01-01T00:00:00Z",
            },
            "reward": {"type": "discount_percent", "value": 10, "effect": "bonus"},
        },
    )["id"]
    api.post(below(api, f"rules/{rule_id}/customers"), {"customers": ["C1"]})
    api.post(claims(api), a_claim(rule_id, held(api, rule_id)))
    statistics = api.get(below(api, f"rules/{rule_id}"))["statistics"]
    assert (statistics["usage"], statistics["amount"], statistics["bonus"]) == (1, 0, 1_000)


def test_claim_is_seen_by_a_completion_that_applies_discounts(api: Api) -> None:
    """The draft is priced without what is claimed, and completes."""
    rule_id = a_rule(api, limitation=ONCE)
    path = a_draft(api, eligible(10_000, 1))
    api.post(claims(api), a_claim(rule_id, held(api, rule_id)))
    (order,) = api.put(f"{path}/complete", {}, params=APPLY)["orders"]
    assert order["net_amount"] == 10_000
