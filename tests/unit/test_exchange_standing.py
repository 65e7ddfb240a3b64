"""How a line of an import relates to what is there, and which numbers and ids it uses."""

import msgspec
import pytest

from ordrebok.decision import Stored
from ordrebok.exchange.rules import derived_id, next_number, standing
from ordrebok.orders.whole import WholeOrder, WrittenEvent, whole
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from tests.unit.exported import an_exported_order


def stored(row: WholeOrder) -> Stored:
    """What a read finds of an order."""
    return Stored(row.version, row.body, [event.body for event in row.events])


def test_the_same_order_is_the_same_whatever_the_order_of_its_members() -> None:
    """Bytes differ where another version of this program wrote them."""
    row = whole(*an_exported_order())
    assert standing(row, stored(row)) == "same"
    members = msgspec.json.decode(row.body)
    turned = encode(dict(reversed(members.items())))
    assert standing(row, stored(row._replace(body=turned))) == "same"


def test_an_order_that_went_on_is_known_by_its_log() -> None:
    """What is there began as this line; it stays."""
    row = whole(*an_exported_order())
    event = WrittenEvent(row.version + 1, "new", b'{"id":"new"}')
    later = row._replace(version=row.version + 1, events=(*row.events, event), body=b"{}")
    assert standing(row, stored(later)) == "later"
    refusal = standing(later, stored(row))
    assert isinstance(refusal, Refusal), "an older state is not written over"
    assert refusal.code == "ORDER_ID_TAKEN"
    assert (refusal.faults[0].data["stored_version"], refusal.faults[0].data["version"]) == (4, 5)


def test_other_content_under_a_taken_order_id_is_refused() -> None:
    """In the document, or in the log alone."""
    row = whole(*an_exported_order())
    other = row._replace(body=row.body.replace(b'"NOK"', b'"SEK"'))
    assert isinstance(standing(row, stored(other)), Refusal)
    assert isinstance(standing(row, stored(row._replace(body=b"{"))), Refusal)
    log = (row.events[0]._replace(body=b'{"id":"x"}'), *row.events[1:])
    assert isinstance(standing(row, stored(row._replace(events=log))), Refusal)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 1),
        (["100001"], 100_002),
        (["7", "100005-2", None, "100003"], 100_006),
        (["A-100", "00100", "1e9", "", "12.5", "-4"], 1),
        (["9" * 15], 10**15),
        (["9" * 16], 1),
    ],
)
def test_serial_numbers_go_on_behind_those_that_came(
    numbers: list[str | None], expected: int
) -> None:
    """Also behind those with a suffix; other numbers cannot be given by counting."""
    assert next_number(numbers) == expected


def test_derived_ids_differ_by_every_name() -> None:
    """Also where the names run together."""
    assert derived_id("a", "b") == derived_id("a", "b")
    assert len({derived_id("ab"), derived_id("a", "b"), derived_id("b", "a")}) == 3
