"""The example documents of the contract fit the wire structs, and come back unchanged."""

import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Final

import msgspec
import pytest

from ordrebok import wire
from ordrebok.wire.base import Wire, encode
from ordrebok.wire.comment import Comment
from ordrebok.wire.customer import Address, Customer
from ordrebok.wire.draft import CompletedDraft, Draft, DraftBody, DraftUpdate, Options
from ordrebok.wire.event import Event, EventBody
from ordrebok.wire.item import Item, ItemBody, TaxLine
from ordrebok.wire.order import Order, OrderContent, OrderUpdate
from ordrebok.wire.payment import (
    Operation,
    OperationBody,
    OperationItemBody,
    PaymentDetails,
    Session,
    SessionBody,
)
from ordrebok.wire.problem import Problem
from ordrebok.wire.token import TokenAnswer, TokenRequest
from ordrebok.wire.travel import Attachment, Itinerary

EXAMPLES: Final = Path(__file__).parent.parent / "examples"

STRUCTS: Final[dict[str, type[Wire]]] = {
    "attachment": Attachment,
    "comment": Comment,
    "completed_draft": CompletedDraft,
    "customer": Customer,
    "draft": Draft,
    "draft_body": DraftBody,
    "draft_body_minimal": DraftBody,
    "draft_body_reversal": DraftBody,
    "event": Event,
    "event_body": EventBody,
    "item": Item,
    "item_body": ItemBody,
    "item_minimal": ItemBody,
    "itinerary": Itinerary,
    "operation": Operation,
    "operation_body": OperationBody,
    "operation_body_minimal": OperationBody,
    "options": Options,
    "order": Order,
    "payment_details": PaymentDetails,
    "problem": Problem,
    "service_event": Event,
    "session": Session,
    "session_body": SessionBody,
    "shipping_address": Address,
    "token_answer": TokenAnswer,
    "token_request": TokenRequest,
}


def all_structs() -> list[type[Wire]]:
    """Find every struct of the package, so that a new one cannot be left out."""
    found: dict[str, type[Wire]] = {}
    for module in pkgutil.iter_modules(wire.__path__):
        loaded = importlib.import_module(f"{wire.__name__}.{module.name}")
        for name, value in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(value, Wire) and value is not Wire:
                assert found.setdefault(name, value) is value, f"two structs are called {name}"
    return list(found.values())


def test_every_example_file_has_its_struct() -> None:
    """A document that nobody decodes would prove nothing."""
    assert {path.stem for path in EXAMPLES.glob("*.json")} >= set(STRUCTS)


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_example_comes_back_unchanged(name: str) -> None:
    """No documented field is lost, renamed or retyped on the way in and out."""
    text = (EXAMPLES / f"{name}.json").read_bytes()
    document = msgspec.json.decode(text, type=STRUCTS[name], strict=True)
    assert json.loads(encode(document)) == json.loads(text)


@pytest.mark.parametrize("wrong", ['"100"', "100.0", "1e2", "true", "null", "[100]"])
@pytest.mark.parametrize(
    ("struct", "template"),
    [
        (ItemBody, '{"gross_amount": %s, "tax_lines": [{}]}'),
        (OperationItemBody, '{"line_id": 1, "amount": %s}'),
    ],
)
def test_only_a_whole_number_is_an_amount(struct: type[Wire], template: str, wrong: str) -> None:
    """Text, fractions, booleans and lists are never taken for money."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(template % wrong, type=struct)


@pytest.mark.parametrize("wrong", ['"100"', "100.0", "true"])
def test_a_wrong_tax_amount_is_refused(wrong: str) -> None:
    """An optional amount is as strict as a required one."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{{"amount": {wrong}}}', type=TaxLine)


@pytest.mark.parametrize(
    ("struct", "text"),
    [
        (ItemBody, '{"gross_amount": 9007199254740992, "tax_lines": [{}]}'),
        (ItemBody, '{"gross_amount": 1, "tax_lines": []}'),
        (ItemBody, '{"gross_amount": 1, "tax_lines": [{}], "quantity": 0}'),
        (ItemBody, '{"gross_amount": 1, "tax_lines": [{}], "quantity": true}'),
        (ItemBody, '{"gross_amount": 1, "tax_lines": [{}], "line_id": -1}'),
        (ItemBody, '{"gross_amount": 1, "tax_lines": [{}], "line_id": "1"}'),
        (TaxLine, '{"percentage": 1000.5}'),
        (TaxLine, '{"amount_dwh": "12,5"}'),
        (OrderContent, '{"currency": "nok"}'),
        (OrderContent, '{"currency": "NOK\\n"}'),
        (OrderContent, '{"currency": "NOK", "order_id": ""}'),
        (OrderContent, '{"currency": "NOK", "order_id": "a/b"}'),
        (OrderContent, '{"currency": "NOK", "order_id": "ab\\n"}'),
        (OrderContent, '{"currency": "NOK", "order_id": " ab"}'),
        (OrderContent, '{"currency": "NOK", "time_to_live": 86399}'),
        (Address, '{"address_line": "a", "postal_place": "b", "country": "NO\\n"}'),
        (Address, '{"postal_place": "b", "country": "NO"}'),
        (Customer, '{"phone_number": "+4799999999\\n"}'),
        (Customer, '{"phone_number": "0047"}'),
        (OperationBody, '{"items": []}'),
        (SessionBody, '{"items": [{"line_id": 1}], "profile_id": "p", "url": {"return_url": "u"}}'),
    ],
)
def test_a_value_outside_its_limits_is_refused(struct: type[Wire], text: str) -> None:
    """The limits of the contract stand in the types, at both edges where that matters."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=struct)


@pytest.mark.parametrize("own_id", ["a", "order 1", "Ærlig-Ø", "x" * 255])
def test_an_own_order_id_may_be_any_plain_text(own_id: str) -> None:
    """Only slashes, control characters and outer spaces are kept out of an own id."""
    text = json.dumps({"currency": "NOK", "order_id": own_id})
    assert msgspec.json.decode(text, type=OrderContent).order_id == own_id


def test_a_default_that_the_server_fills_in_is_sent() -> None:
    """A quantity of one and a success are facts of the stored resource, so they are shown."""
    item = Item(gross_amount=1, tax_lines=(TaxLine(),), line_id=1, quantity=1, net_amount=1)
    assert json.loads(encode(item))["quantity"] == 1
    operation = Operation(items=(), id="a", created_at="", amount=0, success=True)
    assert json.loads(encode(operation))["success"] is True


def test_a_change_tells_absent_from_cleared() -> None:
    """In a change, null clears a field and absence leaves it alone."""
    change = msgspec.json.decode('{"comment": null, "items": [{"line_id": 1}]}', type=OrderUpdate)
    assert change.comment is None
    assert change.metadata is msgspec.UNSET
    assert change.items[0].status is msgspec.UNSET
    draft = msgspec.json.decode('{"order": {"items": []}}', type=DraftUpdate)
    assert draft.order is not None
    assert draft.order.items == ()
    assert draft.order.currency is msgspec.UNSET


def test_unknown_fields_are_ignored() -> None:
    """Clients send back what they read, and what newer versions will add."""
    text = '{"gross_amount": 1, "tax_lines": [{"new": 1}], "net_amount": "what", "version": 7}'
    assert msgspec.json.decode(text, type=ItemBody).gross_amount == 1


def test_every_struct_has_a_schema_of_its_own_name() -> None:
    """The OpenAPI document is made from these, so each must stand under one plain name."""
    structs = all_structs()
    _, components = msgspec.json.schema_components(
        structs, ref_template="#/components/schemas/{name}"
    )
    assert {struct.__name__ for struct in structs} <= set(components)
    assert all(component.get("description") for component in components.values())
