"""A person with discounts is erased: nothing of them is left, and what rules gave still adds up."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from tests.http.offers import (
    APPLY,
    a_claim,
    a_draft,
    a_rule,
    below,
    completed,
    eligible,
    give,
    held,
)
from tests.store.shop import everything, raw
from tests.support.api import Api, Site, race
from tests.support.openapi import Json

PERSON = "C-buyer"
SECRET = "kunde-skjult-5531"
"""A customer of those tests that look through the whole database."""
OTHER_SECRET = "kunde-gjemt-7742"
CLAIMS = "available_for_receipt/claims"
BUYER = {"id": PERSON, "last_name": "Nordmann"}


def buying(api: Api, *items: Json, customer: Json | None = BUYER) -> str:
    """The path of a draft of the person, with discounts applied."""
    return a_draft(api, *items, customer=customer)


def sums(api: Api, rule_id: str) -> Json:
    """What a rule has given through all of its refs."""
    statistics = api.get(below(api, f"rules/{rule_id}"))["statistics"]
    return {name: statistics[name] for name in ("usage", "amount")}


def text_of(site: Site) -> bytes:
    """All bytes of the database."""
    return asyncio.run(everything(site.server.database))


def test_nothing_of_a_person_is_left_beside_discounts(site: Site) -> None:
    """Refs, a use of a wildcard, a claim, an order, a draft, what was taken back; keyed answers."""
    api, buyer = site.new_account(), {"id": SECRET, "last_name": "Skjultesen"}
    own = a_rule(api, SECRET, "C-other")
    everybody = a_rule(api, "*", kind="discount_amount", value=500)
    back = a_rule(api, SECRET, "C-other")
    body = {"customers": [SECRET], "offering_constraint_id": f"velkommen-{SECRET}"}
    keyed = {"Idempotency-Key": "give-again"}
    api.post(below(api, f"rules/{own}/customers"), body, headers=keyed)
    completed(api, buying(api, eligible(10_000, 1), customer=buyer))
    order = {"currency": "NOK", "customer": buyer, "items": [eligible(1_000, 1)]}
    api.post("orders", order, params=APPLY)
    open_draft = buying(api, eligible(20_000, 1), customer=buyer)
    claim = a_claim(own, held_of(api, own, SECRET), customer_id=SECRET)
    standing = api.post(below(api, CLAIMS), claim, headers={"Idempotency-Key": "claim"})
    given_back = api.post(below(api, CLAIMS), claim)
    api.delete(below(api, f"{CLAIMS}/{given_back['id']}"))
    api.ok("DELETE", below(api, f"rules/{back}/customers"), {"customers": [SECRET, "C-other"]})
    use = {"usage_ref": {"ref": f"kvittering-{SECRET}", "ref_type": "receipt_add", "usage": 1}}
    api.post(below(api, f"customers/{SECRET}/refs/{held(api, everybody, SECRET)}"), use)
    api.post(below(api, f"customers/{SECRET}/refs/{held_of(api, own, SECRET)}"), use)
    before = {rule_id: sums(api, rule_id) for rule_id in (own, everybody, back)}
    assert SECRET.encode() in text_of(site)

    erased = api.post(f"customers/{SECRET}/erase")

    assert (erased["orders"], erased["drafts"]) == (2, 2)
    assert (erased["refs"], erased["claims"]) == (3, 2)
    left = text_of(site)
    for secret in (SECRET, "Skjultesen", "kvittering-", "velkommen-"):
        assert secret.encode() not in left, secret
    assert {rule_id: sums(api, rule_id) for rule_id in before} == before
    assert "customer_id" not in api.get(below(api, f"{CLAIMS}/{standing['id']}"))
    assert api.get(below(api, f"rules/{own}/customers"))[0]["customer_id"] == "C-other"
    assert "customer" not in api.get(open_draft)["order"]


def held_of(api: Api, rule_id: str, customer_id: str = PERSON) -> str:
    """The oldest ref through which a person holds a rule."""
    rules = api.get(below(api, f"customers/{customer_id}/rules"), limit=100)
    return str(next(each["ref_id"] for each in rules if each["id"] == rule_id))


def test_what_a_person_was_given_is_never_used_again(api: Api) -> None:
    """Not by who comes with the same id, not by a draft that was priced with it, not by a claim."""
    rule_id = a_rule(api, PERSON)
    ref_id = held_of(api, rule_id)
    draft = buying(api, eligible(10_000, 1))
    api.post(f"customers/{PERSON}/erase")

    assert api.get(below(api, f"customers/{PERSON}/rules")) == []
    api.refused("NOT FOUND", "GET", below(api, f"customers/{PERSON}/refs/{ref_id}"))
    claim = a_claim(rule_id, ref_id, customer_id=PERSON)
    api.refused("NOT FOUND", "POST", below(api, CLAIMS), claim)
    again = api.get(buying(api, eligible(10_000, 1)))["order"]
    assert again["total_discount"] == 0
    error = api.refused("DISCOUNT_USED_UP", "PUT", f"{draft}/complete", {})
    assert [fault["ref_id"] for fault in error["errors"]] == [ref_id]
    api.put(draft, {}, params=APPLY)
    (order,) = completed(api, draft)
    assert order["net_amount"] == 10_000


def test_what_an_erased_person_had_left_is_left_to_nobody(api: Api) -> None:
    """Once, also where one of the refs was taken back before; what comes back is nobody's."""
    rule_id = a_rule(api, PERSON, "C-other", kind="discount_debit", value=1_000)
    completed(api, buying(api, eligible(300, 1)))
    where = below(api, f"rules/{rule_id}")
    api.ok("DELETE", f"{where}/customers", {"customers": [PERSON]})
    give(api, rule_id, PERSON)
    (order,) = completed(api, buying(api, eligible(400, 1)))
    assert api.get(where)["statistics"]["debit_balance"] == 1_600
    api.post(f"customers/{PERSON}/erase", params={"dry_run": "true"})
    assert api.get(where)["statistics"]["debit_balance"] == 1_600
    api.post(f"customers/{PERSON}/erase")
    shown = {"stamp": 0, "used": 2, "usage": 2, "amount": 700, "debit_balance": 1_000}
    assert api.get(where)["statistics"] == shown
    api.post(f"orders/{order['order_id']}/cancel", {})
    shown |= {"used": 1, "usage": 1, "amount": 300}
    assert api.get(where)["statistics"] == shown


def test_who_comes_again_with_the_same_id_begins_anew(api: Api) -> None:
    """A new wallet, a new list of claims; the old claim can still be given back."""
    rule_id = a_rule(api, PERSON)
    mine = a_claim(rule_id, held_of(api, rule_id), customer_id=PERSON)
    old = api.post(below(api, CLAIMS), mine)["id"]
    api.post(f"customers/{PERSON}/erase")
    give(api, rule_id, PERSON)
    new = api.post(below(api, CLAIMS), a_claim(rule_id, held_of(api, rule_id), customer_id=PERSON))[
        "id"
    ]

    listed = api.get(below(api, CLAIMS), customer_id=PERSON)
    assert [each["id"] for each in listed] == [new]
    assert [each["id"] for each in api.get(below(api, CLAIMS))] == [new, old]
    assert sums(api, rule_id) == {"usage": 2, "amount": 2_000}
    api.delete(below(api, f"{CLAIMS}/{old}"))
    assert sums(api, rule_id) == {"usage": 1, "amount": 1_000}
    assert [each["id"] for each in api.get(below(api, CLAIMS))] == [new]
    assert [each["id"] for each in api.get(below(api, CLAIMS), customer_id=PERSON)] == [new]


def test_what_was_booked_is_still_given_back_by_the_order(api: Api) -> None:
    """The limit of a wildcard stays used up until then, and so do the sums of the rule."""
    once = a_rule(api, "*", limitation={"discount_repeat_usage": 1})
    own = a_rule(api, PERSON)
    (order,) = completed(api, buying(api, eligible(10_000, 1)))
    given = {rule_id: sums(api, rule_id) for rule_id in (once, own)}
    assert all(each["usage"] == 1 for each in given.values())
    api.post(f"customers/{PERSON}/erase")

    assert {rule_id: sums(api, rule_id) for rule_id in given} == given
    other = api.get(buying(api, eligible(10_000, 1), customer={"id": "C2"}))["order"]
    assert other["total_discount"] == 0
    path = f"orders/{order['order_id']}"
    api.post(f"{path}/cancel", {"cancelled_reason": "customer"})
    nothing = {"usage": 0, "amount": 0}
    assert {rule_id: sums(api, rule_id) for rule_id in given} == {once: nothing, own: nothing}
    other = api.get(buying(api, eligible(10_000, 1), customer={"id": "C2"}))["order"]
    assert other["total_discount"] == 1_000


def test_the_list_of_a_rule_shows_that_somebody_had_it(api: Api) -> None:
    """When and until when, what was used of it, and not who."""
    rule_id = a_rule(api, PERSON, "C2")
    completed(api, buying(api, eligible(10_000, 1)))
    api.post(f"customers/{PERSON}/erase")

    path = below(api, f"rules/{rule_id}/customers")
    assert [each.get("customer_id") for each in api.get(path)] == ["C2"]
    gone, other = api.get(path, state="all")
    assert "customer_id" not in gone
    assert gone["deleted_at"] >= gone["created_at"]
    assert other["customer_id"] == "C2"
    (used,) = api.get(below(api, f"rules/{rule_id}/usages"))
    assert "customer_id" not in used
    assert "usage_refs" not in used
    assert used["statistics"]["amount"] == 1_000


def test_a_dry_run_counts_refs_and_claims(api: Api) -> None:
    """And leaves them as they are."""
    rule_id = a_rule(api, PERSON)
    ref_id = held_of(api, rule_id)
    api.post(below(api, CLAIMS), a_claim(rule_id, ref_id, customer_id=PERSON))
    told = api.post(f"customers/{PERSON}/erase", params={"dry_run": "true"})
    assert (told["refs"], told["claims"]) == (1, 1)
    assert held_of(api, rule_id) == ref_id
    assert len(api.get(below(api, CLAIMS), customer_id=PERSON)) == 1
    first, again = (api.post(f"customers/{PERSON}/erase") for _ in range(2))
    assert (first["refs"], first["claims"]) == (1, 1)
    assert (again["refs"], again["claims"]) == (0, 0)


def test_others_keep_their_discounts(api: Api) -> None:
    """Also one whose id begins alike, and those of everybody, whoever has such an id."""
    rule_id = a_rule(api, "C1", "C10")
    everybody = a_rule(api, "*")
    claim = a_claim(rule_id, held(api, rule_id, "C10"), customer_id="C10")
    api.post(below(api, CLAIMS), claim)
    for customer_id in ("C1", "*"):
        api.post(f"customers/{customer_id}/erase")
    assert held(api, rule_id, "C10")
    assert held(api, everybody, "C10")
    (kept,) = api.get(below(api, CLAIMS), customer_id="C10")
    assert kept["customer_id"] == "C10"
    (row,) = api.get(below(api, f"rules/{rule_id}/customers"))
    assert row["customer_id"] == "C10"


def test_events_of_refs_do_not_repeat_who_bought(site: Site) -> None:
    """Whoever buys by `*` would be found in its events, with all that the order says of them."""
    api = site.new_account()
    a_rule(api, "*")
    order = {"currency": "NOK", "customer": {"id": "C1"}, "items": [eligible(1_000, 1)]}
    api.post("orders", order, params=APPLY)
    rows = asyncio.run(
        raw(
            site.server.database,
            "select e.body from events as e join documents as d on d.place = e.document "
            "where d.kind = 'discount_ref'",
            "select body from events where kind = 'discount_ref'",
        )
    )
    assert rows
    assert all("request" not in json.loads(row["body"]) for row in rows)


@pytest.mark.parametrize("customer_id", ["å", 'kari "k"', "a/b", "kari@example.com", "100%"])
def test_refs_and_claims_of_ids_of_any_letters_are_found(api: Api, customer_id: str) -> None:
    """However they stand in the stored JSON."""
    rule_id = a_rule(api, customer_id, "C2")
    (ref_id,) = [
        each["id"]
        for each in api.get(below(api, f"rules/{rule_id}/customers"))
        if each["customer_id"] == customer_id
    ]
    api.post(below(api, CLAIMS), a_claim(rule_id, ref_id, customer_id=customer_id))
    erased = api.post(f"customers/{quote(customer_id, safe='')}/erase")
    assert (erased["refs"], erased["claims"]) == (1, 1)
    (left,) = api.get(below(api, f"rules/{rule_id}/customers"))
    assert left["customer_id"] == "C2"
    assert api.get(below(api, CLAIMS), customer_id=customer_id) == []


def add_event(site: Site, api: Api, version: int, request_body: str) -> None:
    """Add an event to the account's only ref, with a request as earlier servers kept it there."""
    event = {"id": str(version), "created_at": "2026-06-01T12:00:00.000Z", "version": version}
    event["request"] = {"method": "PUT", "path": "/somewhere", "body": request_body}
    row = f"{version}, '{version}', '{json.dumps(event)}'"
    of = f"from documents where account_id = '{api.account_id}' and kind = 'discount_ref'"
    sqlite = "insert into events (account_id, document, version, id, body) select account_id, place"
    postgres = (
        "insert into events (account_id, kind, document_id, version, id, body) "
        "select account_id, kind, id"
    )
    asyncio.run(raw(site.server.database, f"{sqlite}, {row} {of}", f"{postgres}, {row} {of}"))


def test_what_earlier_servers_kept_in_events_of_everybodys_refs_goes(site: Site) -> None:
    """Of the one person; what others asked, and what is not understood, stays."""
    api = site.new_account()
    a_rule(api, "*")
    bought = json.dumps({"order": {"customer": {"id": OTHER_SECRET, "last_name": "Gjemtesen"}}})
    texts = [
        bought,
        json.dumps({"customers": ["C2", OTHER_SECRET]}),
        '{"customers": ["C2-stays"]}',
        "-?-",
    ]
    for version, text in enumerate(texts, 900):
        add_event(site, api, version, text)
    api.post(f"customers/{OTHER_SECRET}/erase")
    left = text_of(site)
    assert OTHER_SECRET.encode() not in left
    assert b"Gjemtesen" not in left
    assert b"C2-stays" in left
    assert b"-?-" in left


def test_gifts_and_claims_during_an_erasure_are_there_as_a_whole_or_not_at_all(api: Api) -> None:
    """The wallet, the lists and the sums agree with what stands, whatever came first."""
    rule_id, everybody = a_rule(api, PERSON), a_rule(api, "*")
    claim = a_claim(everybody, held_of(api, everybody), customer_id=PERSON)
    made = []
    for _ in range(3):
        made += race(
            *[lambda: give(api, rule_id, PERSON) for _ in range(3)],
            *[lambda: api.post(below(api, CLAIMS), claim)["id"] for _ in range(3)],
            lambda: api.post(f"customers/{PERSON}/erase") and None,
        )
    claims = [claim_id for claim_id in made if claim_id is not None]
    stand = api.get(below(api, CLAIMS))
    listed = [each["id"] for each in api.get(below(api, CLAIMS), customer_id=PERSON)]
    assert {each["id"] for each in stand} == set(claims)
    assert listed == [each["id"] for each in stand if each.get("customer_id") == PERSON]
    for claim_id in claims:
        api.delete(below(api, f"{CLAIMS}/{claim_id}"))
    assert api.get(below(api, CLAIMS), customer_id=PERSON) == []
    assert sums(api, everybody) == {"usage": 0, "amount": 0}
    rules = api.get(below(api, f"customers/{PERSON}/rules"), limit=100)
    offered = {each["ref_id"] for each in rules if each["id"] == rule_id}
    rows = api.get(below(api, f"rules/{rule_id}/customers"), limit=100)
    assert offered == {each["id"] for each in rows if each["customer_id"] == PERSON}
    api.post(f"customers/{PERSON}/erase")
    assert held_of(api, everybody)
    assert len(api.get(below(api, f"customers/{PERSON}/rules"))) == 1
    assert api.get(below(api, f"rules/{rule_id}/customers")) == []
