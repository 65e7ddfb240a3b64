"""Shelves: a purchase meets the offers that could concern it, and no others."""

from typing import Any

import pytest

from ordrebok.discounts.shelf import EMPTY, concerning, shelved
from tests.support.discounts import a_line, a_purchase, a_rule, an_offer

MIXES = [
    {"items": [{"id": "latte"}], "quantity": 1, "reward_eligible": True},
    {"items": [{"group_id": "cake"}], "quantity": 1, "reward_eligible": True},
]


@pytest.mark.parametrize(
    ("requirement", "meets"),
    [
        ({}, True),
        ({"item": {"items": [{"id": "*"}]}}, True),
        ({"item": {"items": [{"id": "ANY_ITEM"}]}}, True),
        ({"item": {"items": [{"id": "chair"}, {"id": "sofa"}]}}, True),
        ({"item": {"items": [{"group_id": "red"}]}}, True),
        ({"item": {"items": [{"id": "chair", "group_id": "blue"}]}}, True),
        ({"item": {"items": [{"id": "sofa"}]}}, False),
        ({"item": {"items": [{"group_id": "blue"}]}}, False),
        ({"item": {"mixes": MIXES}}, False),
        ({"discount_code": "TACO"}, True),
        ({"discount_code": "chair"}, True),
        ({"discount_code": "X"}, False),
    ],
)
def test_a_purchase_meets_what_could_concern_it(
    requirement: dict[str, Any], *, meets: bool
) -> None:
    """By products, groups and codes; a pair is looked at more closely by the engine."""
    offer = an_offer(a_rule(**requirement))
    line = a_line(id="chair", groups=["red"])
    purchase = a_purchase(line, codes=frozenset({"TACO"}))
    assert concerning([EMPTY, shelved([offer])], purchase) == ([offer] if meets else [])
