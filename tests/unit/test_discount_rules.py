"""The life of a rule: what is refused when it is written, and what may change later."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from ordrebok.discounts.rules import create, delete, update
from ordrebok.refusals import Refusal
from ordrebok.wire.discount import RuleBody, RuleUpdate
from tests.support.builders import ACTOR, LATER, NOW, accepted
from tests.support.discounts import FROM, TO, a_rule, a_rule_body

CHAIRS = {"items": [{"id": "chair"}]}
MIX = {"items": [{"id": "a"}], "quantity": 1, "reward_eligible": True}


def fault_paths(refusal: object) -> list[tuple[str, str]]:
    """Return where something is wrong, and what."""
    assert isinstance(refusal, Refusal)
    assert refusal.code == "INVALID_REQUEST_PARAMETER"
    return [(".".join(str(part) for part in f.path), f.code) for f in refusal.faults]


def changed(body: dict[str, Any], **rule: Any) -> object:  # noqa: ANN401 -- passed on
    """Return what a change makes of a rule."""
    return update(a_rule(**rule), msgspec.convert(body, RuleUpdate), ACTOR, LATER)


# --------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("item", "type_"),
    [
        (None, "receipt"),
        ({}, "receipt"),
        ({"items": [{"id": "*"}]}, "receipt"),
        ({"items": [{"group_id": "*"}, {"id": "*"}]}, "receipt"),
        ({"items": [{"id": "*", "group_id": "G"}]}, "item"),
        ({"items": [{"id": "*"}, {"id": "chair"}]}, "item"),
        ({"items": [{"id": "ANY_ITEM"}]}, "item"),
        ({"mixes": [MIX]}, "item"),
    ],
)
def test_the_type_follows_from_the_items(item: dict[str, Any] | None, type_: str) -> None:
    """Real items make an item rule, wildcards a receipt rule."""
    assert a_rule(item=item).type == type_


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"purchase_to": FROM}, ("requirement.purchase_to", "MINIMUM")),
        ({"value": 100.5}, ("reward.value", "MAXIMUM")),
        ({"kind": "discount_amount", "value": 10.0}, ("reward.value", "INVALID_TYPE")),
        ({"kind": "discount_mix_new_price", "value": 1}, ("requirement.item.mixes", "NO_MIX")),
        (
            {"reward": {"values": [{"items": [{"id": "a"}], "value": 1}]}},
            ("reward.values", "VALUES_NOT_ALLOWED"),
        ),
        (
            {"kind": "discount_item_new_price", "value": 1, "reward": {"base": "net"}},
            ("reward.base", "BASE_NOT_ALLOWED"),
        ),
        (
            {"item": {"items": [{}]}},
            ("requirement.item.items.0", "OBJECT_MISSING_REQUIRED_PROPERTY"),
        ),
        (
            {"item": {"items": [{"id": "ANY_ITEM"}, {"id": "a"}]}},
            ("requirement.item.items", "ANY_ITEM_NOT_ALONE"),
        ),
        (
            {"item": {"mixes": [{**MIX, "reward_eligible": False}]}},
            ("requirement.item.mixes", "NO_REWARD_ELIGIBLE_MIX"),
        ),
        (
            {"item": {"mixes": [{**MIX, "items": []}]}},
            ("requirement.item.mixes.0.items", "ARRAY_LENGTH_SHORT"),
        ),
        (
            {"store": {"mcc_ranges": [{"start": "5815", "end": "5814"}]}},
            ("requirement.store.mcc_ranges.0", "MINIMUM"),
        ),
        (
            {"limitation": {"discount_hours": {"timezone": "Europe/Atlantis", "hours": []}}},
            ("limitation.discount_hours.timezone", "INVALID_TIMEZONE"),
        ),
        (
            {"limitation": {"discount_hours": {"timezone": "../etc", "hours": []}}},
            ("limitation.discount_hours.timezone", "INVALID_TIMEZONE"),
        ),
        (
            {"limitation": {"blacklist": [{}]}},
            ("limitation.blacklist.0", "OBJECT_MISSING_REQUIRED_PROPERTY"),
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    body: dict[str, Any], fault: tuple[str, str]
) -> None:
    """Each by its own fault."""
    assert fault_paths(create(a_rule_body(**body), "r", ACTOR, NOW)) == [fault]


def test_all_that_is_wrong_is_listed() -> None:
    """Not only the first."""
    body = a_rule_body(
        "discount_amount", 1.5, purchase_to=FROM, item={"items": [{}, {"id": "ANY_ITEM"}]}
    )
    assert len(fault_paths(create(body, "r", ACTOR, NOW))) == 4


@pytest.mark.parametrize(
    "mend",
    [
        {"mixes": [{**MIX, "items": [{"id": "*"}]}]},
        {"mixes": [{**MIX, "quantity": 0}]},
        {"quantity": -1},
        {"items": [{"id": 5}]},
    ],
)
def test_the_schema_refuses_what_it_can_say(mend: dict[str, Any]) -> None:
    """A bare star in a mix, no units, wrong types."""
    with pytest.raises(msgspec.ValidationError):
        a_rule_body(item=mend)


def test_a_star_before_a_name_is_a_name() -> None:
    """The documented pattern permits it in a mix."""
    item = a_rule_body(item={"mixes": [{**MIX, "items": [{"id": "*abc"}]}]}).requirement.item
    assert item is not None
    assert item.mixes[0].items[0].id == "*abc"


def test_every_documented_field_comes_back() -> None:
    """What was written is what is read."""
    text = {
        "campaign_id": "V101",
        "active": False,
        "private": True,
        "name": "Spar 100,-",
        "receipt_text": "Mai Salg",
        "visible_from": FROM,
        "description": "Kupp!",
        "metadata": {"is_featured": True},
        "links": [{"href": "https://example.com", "rel": "webshop", "type": "text/html"}],
        "requirement": {
            "purchase_from": FROM,
            "purchase_to": TO,
            "gross_amount": 1,
            "net_amount": 2,
            "currencies": ["NOK", {"anything-but": ["SEK"]}],
            "stamp": 5,
            "discount_code": "TACO",
            "store_ids": ["*"],
            "store": {
                "id": ["S1"],
                "mcc": ["5814"],
                "mcc_ranges": [{"start": "5814", "end": "5815"}],
                "address": {"country": ["NO"]},
                "bax": ["1"],
                "terminal_id": ["T"],
            },
            "customer": {
                "addresses": [{"postal_code": ["0349"], "type": ["custom"]}],
                "company": {"bussiness_name": ["TKP tech AS"]},
                "marketing_consent": {"email": {"consent": ["true"]}},
                "attributes": {"club": ["gold"]},
                "term": {"id": ["t1"]},
            },
            "item": {"quantity": 2, "items": [{"id": "a", "group_id": "B1"}], "mixes": [MIX]},
        },
        "reward": {
            "type": "discount_percent",
            "value": 10.5,
            "values": [{"items": [{"id": "a"}], "value": 20}],
            "base": "net",
            "effect": "bonus",
        },
        "limitation": {
            "discount_reward_usage": 1,
            "discount_repeat_usage": 2,
            "discount_combination": 0,
            "discount_eligible": "receipt_no_discount",
            "discount_activation": [{"type": "deactivate_if_discount_active", "value": "x"}],
            "discount_hours": {
                "timezone": "UTC",
                "hours": [{"day": "mon", "start": "9:00", "end": "10:00"}],
            },
            "stamp_expire_days": 100,
            "blacklist": [{"group_id": "G"}],
            "dynamic_purchase_to_days": 3,
        },
    }
    rule = accepted(create(msgspec.convert(text, RuleBody), "r", ACTOR, NOW))
    written = msgspec.json.decode(msgspec.json.encode(rule))
    assert {name: written[name] for name in text} == text
    assert (written["type"], written["version"], written["created_at"]) == ("item", 1, NOW.text)


# -------------------------------------------------------------------------------------- changing


def test_a_change_replaces_what_it_gives() -> None:
    """Null clears, absent stays; the requirement is the whole new one, but for its window."""
    rule = a_rule(gross_amount=500, stamp=5, about={"campaign_id": "V101", "name": "Old"})
    body = {"name": "New", "campaign_id": None, "requirement": {"stamp": 4}, "active": False}
    after = accepted(update(rule, msgspec.convert(body, RuleUpdate), ACTOR, LATER))
    assert (after.name, after.campaign_id, after.active) == ("New", None, False)
    assert (after.requirement.stamp, after.requirement.gross_amount) == (4, None)
    assert after.requirement.purchase_from == rule.requirement.purchase_from
    assert after.requirement.purchase_to == rule.requirement.purchase_to
    assert (after.version, after.updated_at, after.created_at) == (
        2,
        LATER.text,
        rule.created_at,
    )


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"reward": {"value": 20}}, ("reward.value", "REWARD_FIXED")),
        ({"reward": {"type": "discount_amount"}}, ("reward.type", "REWARD_FIXED")),
        ({"reward": {"effect": "bonus"}}, ("reward.effect", "REWARD_FIXED")),
        (
            {"requirement": {"purchase_from": TO}},
            ("requirement.purchase_from", "PURCHASE_FROM_FIXED"),
        ),
        (
            {"requirement": {"purchase_to": "2026-12-31T00:00:00Z"}},
            ("requirement.purchase_to", "MINIMUM"),
        ),
        ({"requirement": None}, ("requirement", "INVALID_TYPE")),
        ({"reward": None}, ("reward", "INVALID_TYPE")),
        (
            {"requirement": {"item": {"items": [{}]}}},
            ("requirement.item.items.0", "OBJECT_MISSING_REQUIRED_PROPERTY"),
        ),
    ],
)
def test_what_was_earned_under_old_terms_stays(
    body: dict[str, Any], fault: tuple[str, str]
) -> None:
    """The reward and the beginning are fixed; the end may only become later."""
    assert fault_paths(changed(body)) == [fault]


def test_what_was_read_may_be_sent_back() -> None:
    """The same reward and window are no change."""
    rule = a_rule(value=10.5)
    body = msgspec.json.decode(msgspec.json.encode(rule))
    after = accepted(update(rule, msgspec.convert(body, RuleUpdate), ACTOR, LATER))
    assert (after.requirement, after.reward) == (rule.requirement, rule.reward)


def test_the_base_and_a_later_end_may_change() -> None:
    """And the type follows from the new items."""
    body = {
        "reward": {"base": "net"},
        "requirement": {"purchase_to": "2027-06-01T00:00:00Z", "item": CHAIRS},
    }
    after = accepted(update(a_rule(), msgspec.convert(body, RuleUpdate), ACTOR, LATER))
    assert (after.reward.base, after.requirement.purchase_to.year) == ("net", 2027)
    assert (after.requirement.purchase_to.month, after.type) == (6, "item")


def test_clearing_a_switch_sets_it_to_its_default() -> None:
    """A rule is active and public unless it says otherwise."""
    rule = a_rule(about={"active": False, "private": True})
    change = RuleUpdate(active=None, private=None, limitation=UNSET)
    after = accepted(update(rule, change, ACTOR, LATER))
    assert (after.active, after.private) == (True, False)


def test_a_deleted_rule_says_who_and_when() -> None:
    """It stays readable."""
    after = delete(a_rule(), ACTOR, LATER)
    assert (after.deleted_at, after.deleted_by, after.version) == (LATER.text, ACTOR, 2)
