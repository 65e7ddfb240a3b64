"""Masks: which members of a body are sent."""

from typing import Any

import pytest

from ordrebok.webhooks.mask import DEEPEST, MaskSyntaxError, faults, merged, only, parse, without

ORDER: dict[str, Any] = {
    "id": "1",
    "amount": 300,
    "items": [
        {"line_id": 1, "amount": 100, "store": {"id": "S1", "name": "One"}},
        {"line_id": 2, "amount": 200},
    ],
    "customer": {"name": "Ada", "address": {"city": "Oslo", "zip": "0150"}},
    "tags": ["a", "b"],
    "nothing": None,
}
TWO = {"line_id": 2}
BODY: dict[str, Any] = {"order": ORDER}


@pytest.mark.parametrize(
    ("mask", "sent"),
    [
        ("id", {"id": "1"}),
        ("id,amount", {"id": "1", "amount": 300}),
        ("customer/name", {"customer": {"name": "Ada"}}),
        ("customer/address/city", {"customer": {"address": {"city": "Oslo"}}}),
        ("customer(name,address/zip)", {"customer": {"name": "Ada", "address": {"zip": "0150"}}}),
        ("customer", {"customer": ORDER["customer"]}),
        ("customer/name,customer", {"customer": ORDER["customer"]}),
        ("customer,customer/name", {"customer": ORDER["customer"]}),
        ("customer/*", {"customer": ORDER["customer"]}),
        ("*/name", {"items": [{}, {}], "customer": {"name": "Ada"}, "tags": []}),
        ("items/*/id", {"items": [{"store": {"id": "S1"}}, {}]}),
        ("items/amount", {"items": [{"amount": 100}, {"amount": 200}]}),
        ("items(line_id,store/name)", {"items": [{"line_id": 1, "store": {"name": "One"}}, TWO]}),
        ("*", ORDER),
        ("missing", {}),
        ("missing/deeper,id", {"id": "1"}),
        ("amount/deeper", {}),
        ("tags/deeper", {"tags": []}),
        ("nothing", {"nothing": None}),
        ("nothing/deeper", {}),
        (" id , customer ( name ) ", {"id": "1", "customer": {"name": "Ada"}}),
        ("*/name,customer/address", {"items": [{}, {}], "customer": ORDER["customer"], "tags": []}),
    ],
)  # fmt: skip
def test_a_mask_sends_what_it_names(mask: str, sent: dict[str, Any]) -> None:
    """Names, what is inside, several at once, any; lists are walked through."""
    assert only(ORDER, parse(mask)) == sent


@pytest.mark.parametrize(
    ("mask", "gone"),
    [
        ("id", {**ORDER, "id": ...}),
        ("customer/address", {**ORDER, "customer": {"name": "Ada"}}),
        ("customer(name,address(zip))", {**ORDER, "customer": {"address": {"city": "Oslo"}}}),
        ("items(store,amount)", {**ORDER, "items": [{"line_id": 1}, {"line_id": 2}]}),
        ("missing,amount/deeper,tags/deeper", ORDER),
        ("*", {}),
        ("*/name", {**ORDER, "customer": {"address": ORDER["customer"]["address"]}}),
    ],
)
def test_an_excluding_mask_sends_everything_else(mask: str, gone: dict[str, Any]) -> None:
    """What it names is left out, wherever it is."""
    expected = {name: value for name, value in gone.items() if value is not ...}
    assert without(ORDER, parse(mask)) == expected


def test_the_documented_mask_names_members_of_the_envelope() -> None:
    """Its first name is the key of what is told."""
    account = {"account": {"partner_id": "P1", "account_id": "P2", "created_at": "x", "more": 1}}
    chosen = only(account, parse("account(partner_id,account_id,created_at)"))
    assert chosen == {"account": {"partner_id": "P1", "account_id": "P2", "created_at": "x"}}


def test_a_mask_changes_nothing_in_the_body_that_it_is_applied_to() -> None:
    """The body is told to others too."""
    before = repr(BODY)
    only(BODY, parse("order(items/amount)"))
    without(BODY, parse("order/items/amount,order/customer"))
    assert repr(BODY) == before


def test_several_masks_are_as_one_with_all_their_names() -> None:
    """In any order; a member that one of them names whole is whole."""
    assert merged([parse("a/b"), parse("a/c,d/e"), parse("d")]) == parse("a(b,c),d")
    assert merged([parse("d"), parse("d/e")]) == {"d": None}


@pytest.mark.parametrize(
    ("mask", "position"),
    [
        ("", 0),
        ("   ", 3),
        (",a", 0),
        ("a,", 2),
        ("a,,b", 2),
        ("a/", 2),
        ("/a", 0),
        ("a(", 2),
        ("a()", 2),
        ("a(b", 3),
        ("a(b))", 4),
        ("a)", 1),
        ("a(b)c", 4),
        ("a(b)/c", 4),
        ("a b", 2),
        ("(a)", 0),
    ],
)
def test_a_mask_that_says_nothing_definite_is_refused_where_it_goes_wrong(
    mask: str, position: int
) -> None:
    """With the position of the first character that does not fit, counted from 0."""
    with pytest.raises(MaskSyntaxError) as refused:
        parse(mask)
    assert refused.value.position == position
    (fault,) = faults(mask)
    assert (fault.code, fault.data) == ("MASK_SYNTAX", {"position": position})


def test_a_mask_has_a_deepest_level() -> None:
    """So that none is too deep to walk, however it is written."""
    assert faults("/".join("a" * DEEPEST)) == []
    assert faults("/".join("a" * (DEEPEST + 1))) != []
    assert faults("a(" * DEEPEST + "a" + ")" * DEEPEST) != []
    assert faults("a(" * 900) != []
