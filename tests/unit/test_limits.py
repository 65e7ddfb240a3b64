"""The published limits that no schema can say: metadata and payout trees."""

import time
from typing import Any

import msgspec
import pytest

from ordrebok.items.rules import MAX_ITEMS, QUANTITY_DECIMALS
from ordrebok.limits import (
    METADATA_BYTES,
    METADATA_KEYS,
    PAYOUT_LEVELS,
    PAYOUT_NODES,
    Path,
    faults_of,
)
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.refusals import Fault
from ordrebok.wire import base as wire
from ordrebok.wire.base import Wire, encode
from ordrebok.wire.draft import DraftBody, DraftUpdate
from ordrebok.wire.event import EventBody
from ordrebok.wire.item import ItemBody
from ordrebok.wire.order import OrderUpdate
from ordrebok.wire.payment import OperationBody

ITEM = {"gross_amount": 1, "tax_lines": [{}]}
MANY = {f"key {number}": number for number in range(METADATA_KEYS + 1)}
KEYS = "OBJECT_PROPERTIES_MAXIMUM"


def faults(body: object, struct: type[Wire]) -> list[Fault]:
    """Return what in a JSON body passes a limit."""
    raw = encode(body)
    return faults_of(msgspec.json.decode(raw, type=struct), len(raw))


def found(body: object, struct: type[Wire]) -> list[tuple[str, Path]]:
    """Return the code and place of each fault."""
    return [(fault.code, fault.path) for fault in faults(body, struct)]


def a_tree(levels: int, width: int = 1) -> list[dict[str, Any]]:
    """Return a payout tree with a number of levels, the last of them as wide as said."""
    leaf: dict[str, Any] = {"type": "remaining_amount", "destination": "S1"}
    tree = [leaf] * width
    for _ in range(levels - 1):
        tree = [{"type": "percentage", "value": 100, "destinations": tree}]
    return tree


def a_draft_with(*trees: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a draft whose payout option has these rules."""
    rules = [
        {"rule_type": "payout", "rule_id": f"R{number}", "destinations": tree}
        for number, tree in enumerate(trees)
    ]
    return {"order": {"currency": "NOK"}, "options": {"payout": {"rules": rules}}}


def test_the_limits_are_those_that_are_published() -> None:
    """Clients are built against these numbers."""
    assert (MAX_ITEMS, wire.MAX_ITEMS, wire.MAX_LINES_PER_ITEM) == (2_000, 2_000, 100)
    assert AMOUNT_LIMIT == wire.MAX_INTEGER == 9_007_199_254_740_991 == 2**53 - 1
    assert (METADATA_BYTES, METADATA_KEYS) == (65_536, 200)
    assert (PAYOUT_LEVELS, PAYOUT_NODES) == (10, 500)
    assert (wire.MIN_TIME_TO_LIVE, QUANTITY_DECIMALS) == (86_400, 6)


def test_a_body_within_all_limits_has_no_faults() -> None:
    """At the very edge of each of them."""
    metadata = {f"key {number}": "x" * 310 for number in range(METADATA_KEYS)}
    assert 60_000 < len(encode(metadata)) <= METADATA_BYTES
    body = a_draft_with(a_tree(PAYOUT_LEVELS), a_tree(1, PAYOUT_NODES))
    body["order"]["metadata"] = metadata
    assert faults(body, DraftBody) == []


@pytest.mark.parametrize(
    ("struct", "body", "path"),
    [
        (ItemBody, {**ITEM, "metadata": MANY}, ("metadata",)),
        (EventBody, {"service": "a", "service_status": "b", "metadata": MANY}, ("metadata",)),
        (
            DraftBody,
            {"order": {"currency": "NOK", "items": [ITEM, {**ITEM, "metadata": MANY}]}},
            ("order", "items", 1, "metadata"),
        ),
        (
            DraftUpdate,
            {"order": {"customer": {"metadata": MANY}}},
            ("order", "customer", "metadata"),
        ),
        (
            OrderUpdate,
            {"items": [{"line_id": 1, "metadata": MANY}]},
            ("items", 0, "metadata"),
        ),
        (
            OperationBody,
            {
                "items": [{"line_id": 1, "amount": 1}],
                "payment_details": {"card": {"metadata": MANY}},
            },
            ("payment_details", "card", "metadata"),
        ),
    ],
)
def test_metadata_holds_two_hundred_keys_wherever_it_stands(
    struct: type[Wire], body: object, path: Path
) -> None:
    """The fault says where it is."""
    assert found(body, struct) == [(KEYS, path)]


def test_metadata_holds_sixty_four_kilobytes() -> None:
    """Counted as the JSON that is stored, also when it is all in one value."""
    fits = {"a": "x" * (METADATA_BYTES - 8)}
    too_large = {"a": "x" * (METADATA_BYTES - 7)}
    assert len(encode(fits)) == METADATA_BYTES
    assert found({**ITEM, "metadata": fits}, ItemBody) == []
    assert found({**ITEM, "metadata": too_large}, ItemBody) == [("MAX_LENGTH", ("metadata",))]


def test_keys_inside_metadata_are_not_counted() -> None:
    """What a client keeps in it is its own affair, as long as it is not too large."""
    assert found({**ITEM, "metadata": {"a": MANY, "metadata": MANY}}, ItemBody) == []


def test_metadata_that_is_cleared_has_no_fault() -> None:
    """Null and absence hold nothing."""
    body = {"order": {"metadata": None, "comment": "x" * 255, "customer": {"gender": "x" * 400}}}
    assert faults(body, DraftUpdate) == []


def test_a_payout_tree_has_ten_levels() -> None:
    """The rule is named by its place."""
    path = ("options", "payout", "rules", 1, "destinations")
    body = a_draft_with(a_tree(PAYOUT_LEVELS), a_tree(PAYOUT_LEVELS + 1))
    assert found(body, DraftBody) == [("PAYOUT_TREE_TOO_DEEP", path)]


def test_a_payout_tree_has_five_hundred_nodes() -> None:
    """All levels together."""
    path = ("options", "payout", "rules", 0, "destinations")
    assert found(a_draft_with(a_tree(2, PAYOUT_NODES - 1)), DraftBody) == []
    body = a_draft_with(a_tree(2, PAYOUT_NODES))
    assert found(body, DraftBody) == [("PAYOUT_TREE_TOO_LARGE", path)]


def test_all_faults_are_listed() -> None:
    """In one answer."""
    body = a_draft_with(a_tree(PAYOUT_LEVELS + 1, PAYOUT_NODES))
    body["order"]["metadata"] = {**MANY, "long": "x" * METADATA_BYTES}
    assert [code for code, _ in found(body, DraftBody)] == [
        KEYS,
        "MAX_LENGTH",
        "PAYOUT_TREE_TOO_DEEP",
        "PAYOUT_TREE_TOO_LARGE",
    ]


@pytest.mark.parametrize(
    ("struct", "body"),
    [
        (ItemBody, {**ITEM, "metadata": {str(n): 0 for n in range(METADATA_KEYS + 1)}}),
        (
            DraftUpdate,
            {
                "options": {
                    "payout": {
                        "rules": [
                            {
                                "rule_type": "",
                                "rule_id": "",
                                "destinations": a_tree(PAYOUT_LEVELS + 1),
                            }
                        ]
                    }
                }
            },
        ),
    ],
)
def test_the_smallest_body_that_passes_a_limit_is_looked_at(
    struct: type[Wire], body: object
) -> None:
    """Small bodies are spared the walk; none that matters is small enough for that."""
    assert len(faults(body, struct)) == 1


def test_a_large_order_is_walked_quickly() -> None:
    """Two thousand lines cost milliseconds."""
    items = [{**ITEM, "metadata": {"a": 1}}] * 2_000
    raw = encode({"order": {"currency": "NOK", "items": items}})
    body = msgspec.json.decode(raw, type=DraftBody)
    begin = time.process_time()
    assert faults_of(body, len(raw)) == []
    assert time.process_time() - begin < 0.5
