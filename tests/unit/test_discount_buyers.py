"""Who buys, and where: what a rule may ask of the customer and of the store."""

from typing import Any

import msgspec
import pytest

from ordrebok.wire.customer import Customer
from ordrebok.wire.location import ItemStore, Store
from tests.support.discounts import a_line, a_purchase, a_rule, amounts, got, missed, outcome

CUSTOMER = {
    "id": "C1",
    "first_name": "Ola",
    "gender": "male",
    "status": "vip",
    "type": "company",
    "date_of_birth": "1990-09-20",
    "favorite_store": "sc029",
    "enrolled_by": {"type": "url", "value": "https://a.example"},
    "company": {"bussiness_name": "TKP tech AS", "number_of_employees": "20"},
    "marketing_consent": {"email": {"consent": True}, "sms": {"consent": False}},
    "term": {"id": "t1"},
    "metadata": {"club": "gold", "children": 2, "tags": ["a", "b"]},
    "addresses": [
        {"address_line": "Vei 1", "postal_place": "Oslo", "postal_code": "0349", "country": "NO"},
        {"address_line": "Gata 2", "postal_place": "Lund", "country": "SE", "type": "work"},
    ],
}


def applies(customer: dict[str, Any], **requirement: Any) -> bool:  # noqa: ANN401 -- JSON
    """Tell whether a rule with a customer requirement applies."""
    buyer = msgspec.convert(customer, Customer)
    purchase = a_purchase(a_line(), customer=buyer)
    result = outcome(purchase, a_rule(customer=requirement))
    assert all(m.startswith("requirement.customer") for m in missed(result).values())
    return bool(got(result))


@pytest.mark.parametrize(
    ("requirement", "fits"),
    [
        ({"status": ["gold", "vip"]}, True),
        ({"status": ["gold"]}, False),
        ({"status": ["vip"], "gender": ["female"]}, False),
        ({"last_name": ["Nordmann"]}, False),
        ({"date_of_birth": ["1990-09-20"]}, True),
        ({"company": {"bussiness_name": ["TKP tech AS"], "number_of_employees": ["20"]}}, True),
        ({"company": {"department": ["research"]}}, False),
        ({"enrolled_by": {"type": ["url"], "value": ["https://b.example"]}}, False),
        ({"marketing_consent": {"email": {"consent": ["true"]}}}, True),
        ({"marketing_consent": {"sms": {"consent": ["true"]}}}, False),
        ({"marketing_consent": {"sms": {"consent": ["false"]}}}, True),
        ({"term": {"id": ["t1", "t2"]}}, True),
        ({"type": ["customer"]}, False),
        ({"attributes": {"club": ["silver", "gold"]}}, True),
        ({"attributes": {"children": ["2"], "tags": ["b"]}}, True),
        ({"attributes": {"club": ["gold"], "missing": ["x"]}}, False),
        ({"status": []}, True),
        ({"attributes": {"club": []}}, True),
    ],
)
def test_each_property_must_have_an_accepted_value(
    requirement: dict[str, Any], *, fits: bool
) -> None:
    """Empty lists ask for nothing; attributes are the metadata."""
    assert applies(CUSTOMER, **requirement) is fits


@pytest.mark.parametrize(
    ("addresses", "fits"),
    [
        ([{"country": ["NO"], "postal_place": ["Oslo", "Bergen"]}], True),
        ([{"country": ["NO"], "postal_place": ["Lund"]}], False),
        ([{"country": ["DK"]}, {"type": ["work"]}], True),
        ([{"postal_code": ["0349"], "type": ["work"]}], False),
    ],
)
def test_all_properties_must_be_of_one_and_the_same_address(
    addresses: list[dict[str, Any]], *, fits: bool
) -> None:
    """Several required addresses are alternatives."""
    assert applies(CUSTOMER, addresses=addresses) is fits


def test_a_stranger_satisfies_no_customer_requirement() -> None:
    """What is not known is not accepted."""
    result = outcome(a_purchase(a_line()), a_rule(customer={"status": ["vip"]}))
    assert missed(result) == {"rule": "requirement.customer.status"}


@pytest.mark.parametrize(
    ("requirement", "fits"),
    [
        ({"store_ids": ["S1", "S2"]}, True),
        ({"store_ids": ["S2"]}, False),
        ({"store_ids": ["*"]}, True),
        ({"store": {"id": ["S1"], "name": ["SC Oslo"]}}, True),
        ({"store": {"id": ["S1"], "chain": ["SuperChain"]}}, False),
        ({"store": {"address": {"country": ["NO"]}}}, False),
        ({"store": {"mcc_ranges": [{"start": "5814", "end": "5815"}]}}, False),
    ],
)
def test_a_rule_may_ask_for_a_store(requirement: dict[str, Any], *, fits: bool) -> None:
    """By its own properties."""
    store = Store(id="S1", name="SC Oslo")
    result = outcome(a_purchase(a_line(), store=store), a_rule(**requirement))
    assert bool(got(result)) is fits


def test_a_rule_of_one_store_discounts_the_lines_of_that_store() -> None:
    """In a market place, each line may have a store of its own; others have the order's."""
    lines = (
        a_line(1_000, 1, store=ItemStore(id="S1")),
        a_line(1_000, 2, store=ItemStore(id="S2")),
        a_line(1_000, 3),
    )
    purchase = a_purchase(*lines, store=Store(id="S1"))
    assert amounts(outcome(purchase, a_rule(store={"id": ["S1"]}))) == {
        "ref-rule": {1: 100, 3: 100}
    }
    named: dict[str, Any] = {"store_ids": ["S1"], "store": {"id": ["S1"], "name": ["SC Oslo"]}}
    assert missed(outcome(purchase, a_rule(**named))) == {"rule": "requirement.store.name"}
    nobody = outcome(purchase, a_rule(store={"id": ["S3"]}))
    assert missed(nobody) == {"rule": "requirement.store.id"}
