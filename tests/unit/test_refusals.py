"""The catalogue of refusals, and that every code a rule promises is really reached."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

import ordrebok
from ordrebok.decision import Commit, Key
from ordrebok.discounts.record import ref_key, register_key, rule_key
from ordrebok.discounts.register import registered
from ordrebok.drafts import completion, rules, settling, transition
from ordrebok.drafts.record import live_draft
from ordrebok.items.rules import MAX_ITEMS
from ordrebok.money import AMOUNT_LIMIT
from ordrebok.orders import lists
from ordrebok.orders import rules as order_rules
from ordrebok.orders.record import live_order
from ordrebok.refusals import CATALOGUE, Fault, Refusal, not_found, refuse
from ordrebok.wire.discount_ref import RefDocument
from ordrebok.wire.draft import Draft, DraftUpdate, Options, OrderBody
from ordrebok.wire.item import Item, ItemBody
from ordrebok.wire.order import Discount, DiscountRef, Order, OrderContent, OrderUpdate
from ordrebok.wire.payout import DynamicPayout
from tests.support.builders import (
    ACCOUNT,
    ACTOR,
    LATER,
    NOW,
    ORDERS_PATH,
    FakeState,
    a_body,
    a_call,
    a_completed_draft,
    a_deleted_draft,
    a_draft,
    a_draft_body,
    a_tax,
    an_item,
    an_operation,
    an_order,
    an_update_of,
    lines,
)
from tests.support.discounts import a_rule

LABELS = "Units|Refuses|Keeps|Source|Raises|Returns|Args"
CODE = re.compile(r"\bNOT FOUND\b|\b[A-Z]+(?:_[A-Z]+)+\b")

FEATURES = ("drafts", "orders", "items", "payments", "events", "comments", "accounts")

# ---------------------------------------------------------------------------- the catalogue


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_code_is_stable_and_says_what_is_wrong(code: str) -> None:
    """Upper case with underscores; only the documented one for 404 has a space."""
    entry = CATALOGUE[code]
    assert code == "NOT FOUND" or re.fullmatch(r"[A-Z]+(_[A-Z]+)*", code)
    assert entry.status in {400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 500, 503}
    assert entry.message
    assert not entry.message.endswith(".")


def test_a_refusal_has_the_status_and_sentence_of_its_code() -> None:
    """Unless it has a better sentence of its own."""
    plain, own = refuse("ORDER_CLOSED"), refuse("ORDER_CLOSED", "Closed yesterday", order_id="a")
    assert (plain.status, plain.text) == (409, CATALOGUE["ORDER_CLOSED"].message)
    assert (own.status, own.text, own.data) == (409, "Closed yesterday", {"order_id": "a"})
    assert not_found("Order") == Refusal("NOT FOUND", "Order not found")


def test_a_code_that_is_not_in_the_catalogue_cannot_be_refused() -> None:
    """A misspelt code fails where it is made, not at the client."""
    with pytest.raises(KeyError):
        refuse("ORDER_CLOSD")


def test_a_fault_is_seen_from_further_out() -> None:
    """Only its path changes."""
    fault = Fault("MAXIMUM", "too large", ("amount",), "less", {"requested": 2})
    assert fault.under("items", 0) == Fault(
        "MAXIMUM", "too large", ("items", 0, "amount"), "less", {"requested": 2}
    )


# --------------------------------------------------------------- what docstrings promise


def modules() -> Iterator[ModuleType]:
    """Yield the modules of all features."""
    for feature in FEATURES:
        package = importlib.import_module(f"{ordrebok.__name__}.{feature}")
        for info in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{info.name}")


def promised(function: Callable[..., object]) -> set[str]:
    """Return the codes that a function's docstring lists under Refuses.

    What returns faults names the codes of faults, which stand inside a refusal.
    """
    answer = str(inspect.signature(function).return_annotation)
    if "Fault" in answer and "Refusal" not in answer:
        return set()
    text = inspect.getdoc(function) or ""
    found = re.search(rf"^\s*Refuses:(.*?)(?=^\s*(?:{LABELS}):|\Z)", text, re.DOTALL | re.MULTILINE)
    return set() if found is None else set(CODE.findall(found[1].split("\n\n")[0]))


def promising() -> list[tuple[str, set[str]]]:
    """Return every function of the features whose docstring promises refusals."""
    return [
        (f"{module.__name__.removeprefix('ordrebok.')}.{name}", promised(function))
        for module in modules()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and promised(function)
    ]


@pytest.mark.parametrize("codes", [pytest.param(codes, id=name) for name, codes in promising()])
def test_every_code_that_a_docstring_promises_is_in_the_catalogue(codes: set[str]) -> None:
    """Rules and catalogue speak of the same codes."""
    assert codes <= set(CATALOGUE)


def literal_codes(module: ModuleType) -> set[str]:
    """Return the codes that a module's own functions refuse with, where they are written out."""
    tree = ast.parse(inspect.getsource(module))
    return {
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"refuse", "Refusal"}
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: str(module.__name__))
def test_every_code_that_a_feature_refuses_with_is_in_the_catalogue(module: ModuleType) -> None:
    """Also where `Refusal` is made directly."""
    assert literal_codes(module) <= set(CATALOGUE)


# ------------------------------------------------------------ that the promises are kept


def content(text: str) -> DraftUpdate:
    """Return the change of a draft that a JSON text says."""
    return msgspec.json.decode(text, type=DraftUpdate)


def created(
    *items: ItemBody, options: Options | None = None, updated: Order | None = None
) -> Draft | Refusal:
    """Create a draft."""
    body = a_draft_body(items or lines(100), options=options)
    return rules.create(body, "draft-1", "/", ACTOR, NOW, updated)


def edited(draft: Draft, text: str = "{}", updated: Order | None = None) -> Draft | Refusal:
    """Update a draft."""
    return rules.update(draft, content(text), LATER, updated)


def added(draft: Draft, body: ItemBody) -> Draft | Refusal:
    """Add a line to a draft."""
    return rules.add_item(draft, body, LATER, None)


def replaced(draft: Draft, body: ItemBody, line_id: int = 1) -> Draft | Refusal:
    """Replace a line of a draft."""
    return rules.replace_item(draft, line_id, body, LATER)


def completed(draft: Draft, *orders: Order) -> object:
    """Run the decision that completes a draft."""
    plan = transition.complete(a_call("aid_draft_orders_id_complete_put", {}, id="draft-1"))
    return plan.run(FakeState(draft, *orders))


def used_up() -> object:
    """Complete a draft whose discount was used up since it was applied."""
    rule = a_rule(limitation={"discount_repeat_usage": 1})
    state = FakeState(with_discount(a_draft(), "rule", "ref"))
    times: dict[str, Any] = {"created_at": NOW.text, "updated_at": NOW.text}
    ref = RefDocument(id="ref", discount_id="rule", given_to="*", version=2, usage=1, **times)
    register = registered(None, rule, NOW)
    state.documents |= {
        ref_key(ACCOUNT, "ref"): ref,
        rule_key(ACCOUNT, "rule"): rule,
        register_key(ACCOUNT): register,
    }
    plan = transition.complete(a_call("aid_draft_orders_id_complete_put", {}, id="draft-1"))
    return plan.run(state)


def with_discount(draft: Draft, rule_id: str, ref_id: str) -> Draft:
    """Return a draft that would use a ref once."""
    used = Discount(id=rule_id, refs=(DiscountRef(id=ref_id, amount=1, usages=1),))
    return replace(draft, order=replace(draft.order, discounts=(used,)))


def settled(*items: Item) -> object:
    """Apply discounts to a draft that holds these lines already."""
    draft = with_discount(a_draft(), "rule", "ref")
    draft = replace(draft, order=replace(draft.order, items=items))
    call = a_call("aid_draft_orders_id_put", {}, {"apply_discounts": True}, id="draft-1")
    return settling.settled(FakeState(), call, draft)


def made(order: OrderContent, options: Options | None = None, *orders: Order) -> object:
    """Make an order without a draft."""
    body = OrderBody(order=order, options=options)
    plan = transition.create_order(a_call("aid_orders_post", {"currency": "NOK"}), body)
    return plan.run(FakeState(*orders)) if isinstance(plan, Commit) else plan


def ordered(order: Order, given: dict[str, object]) -> Order | Refusal:
    """Update an order."""
    return order_rules.update(order, msgspec.convert(given, OrderUpdate), LATER)


def parts_of(draft: Draft) -> object:
    """Make the orders of a draft."""
    names = [completion.Identity("id", "order-1", "1")]
    parts = completion.parts(draft)
    return completion.new_orders(draft, parts, names, ORDERS_PATH, ACTOR, NOW)


OPEN = an_order(lines(100))
CLOSED = an_order(status="closed")
CANCELLED = an_order(status="cancelled")
SWEDISH = an_order(currency="SEK")
UPDATES = Options(order_id="order-1")
REPLACES = Options(order_id="order-1", replace="order")
DONE, GONE = a_completed_draft(), a_deleted_draft()
TOO_MUCH_OFF = a_body(100, discounts=(101,))
FULL = a_draft(lines(AMOUNT_LIMIT))
ON_TOP = [a_tax(None, amount=AMOUNT_LIMIT, included_in_price=False)]
UNPAYABLE = a_draft([a_body(AMOUNT_LIMIT, 1, taxes=ON_TOP)])
RENAMED = a_draft(lines(100), order_id="order-1")
GIVEN_AWAY = an_item(AMOUNT_LIMIT, 2, discounts=(AMOUNT_LIMIT,))
NAMING_A_RULE = a_body(100, 1, dynamic_payout=DynamicPayout(rule_id="R1"))
RULELESS = a_draft([NAMING_A_RULE], options=Options(payout=True))
CURSOR = "no cursor"

REACHED: dict[str, dict[str, Callable[[], object]]] = {
    "drafts.rules.create": {
        "INVALID_REQUEST_PARAMETER": lambda: created(options=Options(replace="order")),
        "INVALID_AMOUNTS": lambda: created(TOO_MUCH_OFF),
        "NOT FOUND": lambda: created(options=UPDATES),
        "ORDER_NOT_OPEN": lambda: created(options=UPDATES, updated=CLOSED),
        "CURRENCY_MISMATCH": lambda: created(options=UPDATES, updated=SWEDISH),
        "LINE_ID_TAKEN": lambda: created(a_body(1, 1), options=UPDATES, updated=OPEN),
        "AMOUNT_TOO_LARGE": lambda: created(*lines(AMOUNT_LIMIT, 1)),
    },
    "drafts.rules.update": {
        "DRAFT_DELETED": lambda: edited(GONE),
        "DRAFT_COMPLETED": lambda: edited(DONE, '{"order": {"items": []}}'),
    },
    "drafts.rules.add_item": {
        "DRAFT_DELETED": lambda: added(GONE, a_body()),
        "DRAFT_COMPLETED": lambda: added(DONE, a_body()),
        "TOO_MANY_ITEMS": lambda: added(a_draft(lines(*[1] * MAX_ITEMS)), a_body()),
        "LINE_ID_TAKEN": lambda: added(a_draft(lines(1)), a_body(1, 1)),
        "INVALID_AMOUNTS": lambda: added(a_draft(), TOO_MUCH_OFF),
        "AMOUNT_TOO_LARGE": lambda: added(FULL, a_body(1)),
    },
    "drafts.rules.replace_item": {
        "DRAFT_DELETED": lambda: replaced(GONE, a_body()),
        "DRAFT_COMPLETED": lambda: replaced(DONE, a_body()),
        "NOT FOUND": lambda: replaced(a_draft(), a_body(), 9),
        "INVALID_REQUEST_PARAMETER": lambda: replaced(a_draft(), a_body(1, 2)),
        "INVALID_AMOUNTS": lambda: replaced(a_draft(), TOO_MUCH_OFF),
        "AMOUNT_TOO_LARGE": lambda: replaced(a_draft(lines(0, AMOUNT_LIMIT)), a_body(1)),
    },
    "drafts.rules.remove_item": {
        "DRAFT_DELETED": lambda: rules.remove_item(GONE, 1, LATER),
        "DRAFT_COMPLETED": lambda: rules.remove_item(DONE, 1, LATER),
        "NOT FOUND": lambda: rules.remove_item(a_draft(), 9, LATER),
    },
    "drafts.rules.delete": {"DRAFT_COMPLETED": lambda: rules.delete(DONE, ACTOR, LATER)},
    "drafts.rules.order_fit": {
        "ORDER_NOT_OPEN": lambda: rules.order_fit("NOK", CANCELLED),
        "CURRENCY_MISMATCH": lambda: rules.order_fit("NOK", SWEDISH),
    },
    "drafts.completion.new_orders": {"AMOUNT_TOO_LARGE": lambda: parts_of(UNPAYABLE)},
    "drafts.completion.updated_order": {
        "ORDER_NOT_OPEN": lambda: completion.updated_order(a_draft(), CLOSED, LATER),
        "CURRENCY_MISMATCH": lambda: completion.updated_order(a_draft(), SWEDISH, LATER),
        "ORDER_HAS_PAYMENTS": lambda: completion.updated_order(
            a_draft(options=REPLACES, updated=OPEN),
            replace(OPEN, captures=(an_operation(1),)),
            LATER,
        ),
        "AMOUNT_TOO_LARGE": lambda: completion.updated_order(FULL, OPEN, LATER),
    },
    "drafts.transition.complete": {
        "NOT FOUND": lambda: completed(a_draft(draft_id="another")),
        "DRAFT_DELETED": lambda: completed(GONE),
        "PAYOUT_RULE_NOT_FOUND": lambda: completed(RULELESS),
        "ORDER_NOT_OPEN": lambda: completed(an_update_of(OPEN, []), CLOSED),
        "CURRENCY_MISMATCH": lambda: completed(an_update_of(OPEN, []), SWEDISH),
        "DRAFT_INCOMPLETE": lambda: completed(a_draft([])),
        "ORDER_ID_TAKEN": lambda: completed(RENAMED, OPEN),
        "ORDER_HAS_PAYMENTS": lambda: completed(
            a_draft(options=REPLACES, updated=OPEN), replace(OPEN, refunds=(an_operation(1),))
        ),
        "AMOUNT_TOO_LARGE": lambda: completed(UNPAYABLE),
        "DISCOUNT_USED_UP": used_up,
    },
    "drafts.settling.settled": {
        "AMOUNT_TOO_LARGE": lambda: settled(an_item(AMOUNT_LIMIT, 1), an_item(1, 2)),
        "PAYOUT_RULE_NOT_FOUND": lambda: settling.settled(
            FakeState(), a_call("aid_draft_orders_id_put", {}, id="draft-1"), RULELESS
        ),
    },
    "drafts.transition.create_order": {
        "INVALID_REQUEST_PARAMETER": lambda: made(RENAMED.order, Options(split_draft=True))
    },
    "drafts.transition._identities": {"ORDER_ID_TAKEN": lambda: made(RENAMED.order, None, OPEN)},
    "orders.rules.recomputed": {
        "AMOUNT_TOO_LARGE": lambda: order_rules.recomputed(
            replace(OPEN, items=(an_item(1), GIVEN_AWAY)), NOW
        )
    },
    "orders.record.live_order": {
        "NOT FOUND": lambda: live_order(FakeState(), Key(ACCOUNT, "order", "none"))
    },
    "drafts.record.live_draft": {
        "NOT FOUND": lambda: live_draft(FakeState(), Key(ACCOUNT, "draft", "none"))
    },
    "orders.rules.update": {
        "ORDER_CLOSED": lambda: ordered(CLOSED, {"comment": "x"}),
        "ORDER_CANCELLED": lambda: ordered(CANCELLED, {"comment": "x"}),
        "NOT FOUND": lambda: ordered(OPEN, {"items": [{"line_id": 9}]}),
        "USE_A_DRAFT": lambda: ordered(OPEN, {"items": [{"line_id": 1, "quantity": 9}]}),
    },
    "orders.rules.close": {"ORDER_CANCELLED": lambda: order_rules.close(CANCELLED, ACTOR, NOW)},
    "orders.rules.reopen": {"ORDER_CANCELLED": lambda: order_rules.reopen(CANCELLED, NOW)},
    "orders.rules.cancel": {
        "ORDER_CLOSED": lambda: order_rules.cancel(CLOSED, "other", ACTOR, NOW),
        "ORDER_HAS_PAYMENTS": lambda: order_rules.cancel(
            replace(OPEN, captures=(an_operation(1),)), "other", ACTOR, NOW
        ),
    },
    "orders.lists.position_of": {"INVALID_REQUEST_PARAMETER": lambda: lists.position_of(CURSOR)},
}
"""For every function that promises refusals: a situation that reaches each of them."""

HELD = sorted((name, code) for name, situations in REACHED.items() for code in situations)


@pytest.mark.parametrize(("name", "code"), HELD)
def test_a_promised_refusal_is_reached(name: str, code: str) -> None:
    """A code that no situation reaches would be a lie in the documentation."""
    refusal = REACHED[name][code]()
    assert isinstance(refusal, Refusal), refusal
    assert refusal.code == code


def test_every_promise_of_drafts_and_orders_has_a_situation() -> None:
    """A new code in a docstring needs a line in the table above, and a lost one leaves it."""
    promises = {
        name: codes for name, codes in promising() if name.startswith(("drafts.", "orders."))
    }
    assert {name: set(situations) for name, situations in REACHED.items()} == promises
