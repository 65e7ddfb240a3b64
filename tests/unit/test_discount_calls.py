"""Rules written, given, read and taken back; drafts priced by them; uses booked and released."""

import pytest
from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.decision import Key
from ordrebok.discounts.books import given_back, tally_key
from ordrebok.discounts.record import (
    ORDER,
    holders_key,
    offers_for,
)
from ordrebok.wire.customer import Customer
from ordrebok.wire.draft import Draft
from tests.support import builders
from tests.support.builders import ACCOUNT, NOW, a_body
from tests.support.discount_calls import TEN_PERCENT, Books, Json, a_call, a_rule
from tests.support.discounts import FROM, TO


def a_draft(gross: int = 10_000, customer: str | None = None) -> Draft:
    """Return a draft of one eligible line."""
    buyer = None if customer is None else Customer(id=customer)
    return builders.a_draft([a_body(gross, 1, eligible_for_discount=True)], customer=buyer)


@pytest.fixture
def books() -> Books:
    """Begin with nothing."""
    return Books()


def test_a_new_rule_does_nothing_until_it_is_given(books: Books) -> None:
    """Then it is for those it was given to."""
    did = a_rule(books)
    assert books.priced(a_draft()).order.net_amount == 10_000
    books.call("aid_discounts_did_customers_post", {"customers": ["/", "C1"]}, did=did)
    nets = [books.priced(a_draft(customer=who)).order.net_amount for who in (None, "C1", "C2")]
    assert nets == [9_000, 9_000, 10_000]


def test_the_same_constraint_gives_a_customer_one_ref(books: Books) -> None:
    """Without one, every gift is another; a wildcard has a rule once."""
    did = a_rule(books, "*", "*")
    gift = {"customers": ["C1", "*"], "offering_constraint_id": "welcome"}
    for _ in range(2):
        books.call("aid_discounts_did_customers_post", gift, did=did)
    assert len(offers_for(books.state(), ACCOUNT, "C1")) == 2
    books.call("aid_discounts_did_customers_post", {"customers": ["C1"]}, did=did)
    assert len(offers_for(books.state(), ACCOUNT, "C1")) == 3


@pytest.mark.parametrize(("customer", "given"), [("*", "*"), ("/", "*")])
def test_a_customer_who_is_called_like_a_wildcard_has_its_rules_once(
    books: Books, customer: str, given: str
) -> None:
    """An id of one character is an id like others; the rule of strangers is not for them."""
    for holder in ("*", "/"):
        a_rule(books, holder)
    assert books.priced(a_draft(customer=customer)).order.net_amount == 9_000
    offers = offers_for(books.state(), ACCOUNT, customer)
    assert [offer.ref.given_to for offer in offers if offer.ref.given_to == given] == [given]


def test_what_is_taken_back_is_not_used_any_more(books: Books) -> None:
    """Nor is what is deleted."""
    did = a_rule(books, "C1", "*")
    books.call("aid_discounts_did_customers_delete", {"customers": ["C1", "C9"]}, did=did)
    assert [offer.ref.given_to for offer in offers_for(books.state(), ACCOUNT, "C1")] == ["*"]
    gone = books.call("aid_discounts_did_delete", did=did)
    assert gone["deleted_at"] == NOW.text
    assert offers_for(books.state(), ACCOUNT, "C1") == []
    assert books.call("aid_discounts_did_delete", did=did) == gone
    assert books.call("aid_discounts_did_get", did=did) == gone
    refused = books.call("aid_discounts_did_customers_post", {"customers": ["C1"]}, did=did)
    assert refused.code == "INVALID_REQUEST_PARAMETER"


def test_a_changed_rule_counts_as_it_is_now(books: Books) -> None:
    """What was made ready of an older version is not used."""
    did = a_rule(books, "/")
    assert books.priced(a_draft()).order.net_amount == 9_000
    books.call("aid_discounts_did_put", {"active": False}, did=did)
    assert books.priced(a_draft()).order.net_amount == 10_000


def test_a_rule_is_read_once_for_each_version(books: Books) -> None:
    """Pricing again reads the register's head; no book, where no rule has a limit."""
    did = a_rule(books, "/")
    books.priced(a_draft())
    books.read.clear()
    books.priced(a_draft())
    kinds = [key.kind for key in books.read]
    assert kinds == ["discount_register"]
    assert books.read[0].id == "head"
    assert did


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["late", "off", "on"]),
        ({"state": "all"}, ["late", "gone", "off", "on"]),
        ({"state": "deleted"}, ["gone"]),
        ({"state": "inactive"}, ["off"]),
        ({"state": "available"}, ["late", "on"]),
        ({"state": "active"}, ["on"]),
        ({"state": "scheduled"}, ["late"]),
        ({"state": "completed"}, []),
        ({"limit": 2}, ["late", "off"]),
        ({"purchase_from": "2026-06-01T00:00:00Z"}, ["late"]),
        ({"purchase_to": "2027-01-01T00:00:00Z"}, ["off", "on"]),
    ],
)
def test_the_list_is_filtered_by_state_and_window(
    books: Books, query: Json, expected: list[str]
) -> None:
    """Newest first."""
    later = {"purchase_from": TO, "purchase_to": "2028-01-01T00:00:00Z"}
    a_rule(books, name="on")
    a_rule(books, name="off", active=False)
    books.call("aid_discounts_did_delete", did=a_rule(books, name="gone"))
    a_rule(books, name="late", requirement=later)
    found = books.call("aid_discounts_get", query=query)
    assert [rule["name"] for rule in found] == expected


def test_pages_follow_each_other(books: Books) -> None:
    """By the id of the last rule; with since in the order of changes."""
    ids = [a_rule(books, name=str(number)) for number in range(5)]
    first = books.call("aid_discounts_get", query={"limit": 3})
    second = books.call("aid_discounts_get", query={"limit": 3, "starting_after": first[-1]["id"]})
    assert [rule["id"] for rule in first + second] == ids[::-1]
    books.now = NOW.plus(60)
    books.call("aid_discounts_did_put", {"name": "new"}, did=ids[1])
    changed = books.call("aid_discounts_get", query={"since_datetime": books.now.text})
    assert [rule["id"] for rule in changed] == [ids[1]]
    both = {"since_datetime": NOW.text, "starting_after": ids[0]}
    for query in ({"starting_after": "nothing"}, both):
        assert books.call("aid_discounts_get", query=query).code == "INVALID_REQUEST_PARAMETER"


def test_an_unknown_campaign_is_not_found(books: Books) -> None:
    """Neither when a rule is made nor when it is changed."""
    assert books.call("aid_discounts_post", {**TEN_PERCENT, "campaign_id": "V"}).code == "NOT FOUND"
    did = a_rule(books)
    assert books.call("aid_discounts_did_put", {"campaign_id": "V"}, did=did).code == "NOT FOUND"
    assert books.call("aid_discounts_did_put", {"name": "x"}, did="nothing").code == "NOT FOUND"


def test_the_last_use_goes_to_the_draft_that_is_completed_first(books: Books) -> None:
    """The other is told which limit, and what to do."""
    a_rule(books, "/", limitation={"discount_repeat_usage": 1})
    one, other = books.priced(a_draft()), books.priced(a_draft())
    assert books.complete(one, "order-1") is None
    refused = books.complete(other, "order-2")
    assert refused is not None
    assert refused.code == "DISCOUNT_USED_UP"
    assert refused.faults[0].data["limit"] == "limitation.discount_repeat_usage"
    again = books.priced(other)
    assert (again.order.net_amount, again.order.discounts) == (10_000, None)
    assert books.complete(again, "order-2") is None


def test_a_cancelled_order_gives_back_what_it_used(books: Books) -> None:
    """Use, amount and stamps: the ref is as if the order had never been."""
    reward = {"type": "discount_percent", "value": 100}
    requirement = {**TEN_PERCENT["requirement"], "stamp": 2}
    a_rule(books, "C1", reward=reward, requirement=requirement)
    first = books.priced(a_draft(customer="C1"))
    assert first.order.net_amount == 10_000
    assert books.complete(first, "order-1") is None
    books.now = NOW.plus(60)
    second = books.priced(a_draft(customer="C1"))
    assert second.order.net_amount == 0
    before = books.ref_of(second)
    assert books.complete(second, "order-2") is None
    after = books.ref_of(second)
    assert (after.usage, after.amount, after.stamp, after.held) == (1, 10_000, 2, ())
    call = a_call("aid_discounts_post", {})
    books.now = NOW.plus(120)
    books.write(given_back(books.state(), call, (ORDER, "order-2")))
    undone = books.ref_of(second)
    assert replace(undone, version=before.version, updated_at=before.updated_at) == before


def test_an_order_that_booked_nothing_here_gives_nothing_back(books: Books) -> None:
    """Such as one that was imported, whatever its `discounts[]` say."""
    a_rule(books, "C1")
    draft = books.priced(a_draft(customer="C1"))
    assert books.complete(draft, "order-1") is None
    call = a_call("aid_discounts_post", {})
    assert given_back(books.state(), call, (ORDER, "order-2")) == ()
    for _ in range(2):
        books.write(given_back(books.state(), call, (ORDER, "order-1")))
        assert books.ref_of(draft).usage == 0


def test_an_order_under_a_name_of_an_erased_one_gives_back_its_own_only(books: Books) -> None:
    """What the other one booked was a sale, and stays."""
    a_rule(books, "C1")
    draft = books.priced(a_draft(customer="C1"))
    for _ in range(2):
        assert books.complete(draft, "order-1") is None
    call = a_call("aid_discounts_post", {})
    books.write(given_back(books.state(), call, (ORDER, "order-1")))
    assert (books.ref_of(draft).usage, books.ref_of(draft).amount) == (1, 1_000)


def test_a_debit_is_paid_out_once(books: Books) -> None:
    """Over two purchases, the second gets what the first has left."""
    a_rule(books, "C1", reward={"type": "discount_debit", "value": 10_000})
    one = books.priced(a_draft(6_500, "C1"))
    assert books.complete(one, "order-1") is None
    two = books.priced(a_draft(6_500, "C1"))
    assert two.order.total_discount == 3_500
    assert books.ref_of(two).amount == 6_500


def test_balance_that_was_never_summed_is_not_shown(books: Books) -> None:
    """Of a rule that a server without such sums gave first; of its refs, and of other rules, it is.

    Giving it once more makes no sum of those before.
    """
    reward = {"type": "discount_debit", "value": 10_000}
    old, new = (a_rule(books, "C1", "*", reward=reward) for _ in range(2))
    first = holders_key(ACCOUNT, old, 0)
    books.documents[first] = replace(books.documents[first], balances=False)
    for number in range(8):
        books.documents.pop(tally_key(ACCOUNT, old, number), None)
    gift = {"customers": ["C2"]}
    for did, balance in ((old, None), (new, 30_000)):
        given = books.call("aid_discounts_did_customers_post", gift, did=did)
        for answer in (given, books.call("aid_discounts_did_get", did=did)):
            assert answer["statistics"].get("debit_balance") == balance
    refs = books.call("aid_discounts_customer_cid_get", customer_id="C2")
    assert [each["statistics"]["debit_balance"] for each in refs] == [10_000] * 4


def test_only_a_debit_counts_what_is_given(books: Books) -> None:
    """Giving and taking back another rule writes no tally."""
    did = a_rule(books, "C1", "C2")
    books.call("aid_discounts_did_customers_delete", {"customers": ["*"]}, did=did)
    tallies = {tally_key(ACCOUNT, did, number) for number in range(8)}
    assert not tallies & books.documents.keys()


def test_an_explanation_reads_and_writes_nothing(books: Books) -> None:
    """Every rule that the buyer holds is in it."""
    a_rule(books, "/", name="yes")
    a_rule(books, "/", name="no", requirement={**TEN_PERCENT["requirement"], "gross_amount": 10**6})
    a_rule(books, "C1", name="other")
    draft = a_draft()
    books.documents[Key(ACCOUNT, "draft", draft.id)] = draft
    answer = books.call("aid_draft_orders_id_discounts_get", id=draft.id)
    told = [(each["name"], each["applied"]) for each in answer["discounts"]]
    assert told == [("yes", True), ("no", False)]
    assert answer["purchase_at"] == NOW.text
    assert Instant.of(answer["purchase_at"]) == NOW


# ------------------------------------------------------------------- holders, the public, campaigns


def test_a_customer_sees_what_can_be_used_and_what_is_coming(books: Books) -> None:
    """Not what is used up, off, over or only for others; the cursor is the last ref."""
    coming = {"purchase_from": TO, "purchase_to": "2028-01-01T00:00:00Z"}
    a_rule(books, "C1", name="mine")
    a_rule(books, "*", name="everybody's")
    a_rule(books, "C1", name="off", active=False)
    a_rule(books, "C1", name="hidden", requirement=coming)
    a_rule(books, "C1", name="seen", requirement=coming, visible_from=FROM)
    a_rule(books, "C1", name="used up", limitation={"discount_repeat_usage": 0})
    a_rule(books, "C2", name="other")
    found = books.call("aid_discounts_customer_cid_get", customer_id="C1")
    assert {rule["name"] for rule in found} == {"mine", "everybody's", "seen"}
    assert found[0]["statistics"] == {
        "stamp": 0,
        "current_stamp": 0,
        "used": 0,
        "usage": 0,
        "amount": 0,
    }
    rest = books.call(
        "aid_discounts_customer_cid_get",
        query={"starting_after": found[0]["ref_id"]},
        customer_id="C1",
    )
    assert rest == found[1:]
    wrong = {"starting_after": "nothing"}
    refused = books.call("aid_discounts_customer_cid_get", query=wrong, customer_id="C1")
    assert refused.code == "INVALID_REQUEST_PARAMETER"


def test_the_public_sees_no_private_rule_campaign_or_metadata(books: Books) -> None:
    """Rules for any customer, or for strangers."""
    secret = {"name": "Secret", "campaign_id": "S", "private": True}
    books.call("aid_discounts_campaigns_post", secret)
    books.call("aid_discounts_campaigns_post", {"name": "Open", "campaign_id": "O"})
    metadata = {"dintero:exclude:public:cost": 1, "featured": True}
    a_rule(books, "*", "/", name="seen", campaign_id="O", metadata=metadata)
    a_rule(books, "*", name="private", private=True)
    a_rule(books, "*", name="in a private campaign", campaign_id="S")
    a_rule(books, "/", name="for strangers")
    (seen,) = books.call("aid_discounts_public_get")
    assert (seen["name"], seen["metadata"]) == ("seen", {"featured": True})
    strangers = books.call("aid_discounts_public_get", query={"no_customer_id": True})
    assert {rule["name"] for rule in strangers} == {"seen", "for strangers"}
    assert books.call("aid_discounts_public_get", query={"campaign_id": ["X"]}) == []


def test_usage_from_elsewhere_is_booked_once(books: Books) -> None:
    """By its reference; a deleted ref takes none."""
    a_rule(books, "C1")
    (rule,) = books.call("aid_discounts_customer_cid_get", customer_id="C1")
    path = {"customer_id": "C1", "ref_id": rule["ref_id"]}
    usage = {"usage_ref": {"ref": "receipt-1", "ref_type": "receipt_add", "usage": 1, "stamp": 2}}
    for _ in range(2):
        after = books.call("aid_discounts_customer_cid_post_ref_id", usage, **path)
    assert (after["statistics"]["usage"], after["statistics"]["stamp"]) == (1, 2)
    assert books.call("aid_discounts_customer_cid_get_ref_id", **path) == after
    other = {**path, "customer_id": "C2"}
    assert books.call("aid_discounts_customer_cid_get_ref_id", **other).code == "NOT FOUND"
    gone = books.call("aid_discounts_customer_cid_delete_ref_id", **path)
    assert gone["ref_id"] == rule["ref_id"]
    assert books.call("aid_discounts_customer_cid_get", customer_id="C1") == []
    for row, body in (
        ("aid_discounts_customer_cid_delete_ref_id", None),
        ("aid_discounts_customer_cid_post_ref_id", usage),
    ):
        assert books.call(row, body, **path).code == "INVALID_REQUEST_PARAMETER"


def test_a_campaign_can_be_deleted_and_brought_back(books: Books) -> None:
    """Its rules stay as they are, and a change brings it back."""
    body = {"name": "Spring", "campaign_id": "V1", "metadata": {"sponsor": "Solo"}}
    made = books.call("aid_discounts_campaigns_post", body)
    assert books.call("aid_discounts_campaigns_post", body) == made
    other = books.call("aid_discounts_campaigns_post", {**body, "name": "Autumn"})
    assert other.code == "ID_TAKEN"
    a_rule(books, "/", campaign_id="V1")
    gone = books.call("aid_discounts_campaigns_campaign_id_delete", campaign_id="V1")
    assert gone["deleted_at"] == NOW.text
    assert books.call("aid_discounts_campaigns_campaign_id_delete", campaign_id="V1") == gone
    assert books.priced(a_draft()).order.net_amount == 9_000
    back = books.call(
        "aid_discounts_campaigns_campaign_id_put", {"description": "x"}, campaign_id="V1"
    )
    assert "deleted_at" not in back
    assert (back["name"], back["description"], back["private"]) == ("Spring", "x", False)
    assert books.call("aid_discounts_campaigns_campaign_id_get", campaign_id="V1") == back
