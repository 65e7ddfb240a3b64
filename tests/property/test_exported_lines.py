"""A line that leaves nothing out is read the short way, which comes to what the long way does."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ordrebok.cli.reading import read_line
from ordrebok.events.rules import with_events
from ordrebok.exchange.completion import Completed
from ordrebok.exchange.place import Place
from ordrebok.orders.whole import whole
from ordrebok.refusals import Refusal
from ordrebok.wire.base import Link, encode
from ordrebok.wire.exchange import ExportedOrder
from ordrebok.wire.order import Order
from ordrebok.wire.payment import Session, SessionItem
from tests.support.builders import ACCOUNT, NOW, ORDERS_PATH, a_body, an_order
from tests.unit.exported import an_exported_order
from tests.unit.payment_steps import after

SHORT, LONG = Place(ACCOUNT, ACCOUNT), Place(ACCOUNT)
"""Lines of this account's own export are tried the short way; where they are from nowhere, not."""

VALUES: list[Any] = [
    *(None, 0, 1, -1, 2, 40, 100, 2**53, 1.0, 1.5, True, "", " a", "x" * 300, "open", "closed"),
    *([], {}, [{}], {"a": [[]]}, {"metadata": {}}, "2020-01-01T00:00:00Z", "never"),
    *(NOW.text, NOW.plus(1).text, "A", "e1", "1.0000", "capture", [1, 2]),
]


def plain() -> tuple[Order, tuple[Any, ...]]:
    """An order with payments, a session and nothing unusual."""
    log = an_exported_order()[1]
    items = [a_body(100, 1, discounts=(10,), quantity=3), a_body(50, 2, metadata={"shelf": "B"})]
    session = Session(
        items=(SessionItem(line_id="1", amount=90),), id="s", created_at=NOW.text, amount=90
    )
    made = an_order(
        items, links=(Link(href=f"{ORDERS_PATH}/order-1", rel="order"),), sessions=(session,)
    )
    made = after(made, "A90 C40")
    made = replace(
        made,
        authorizations=tuple(replace(each, links=()) for each in made.authorizations),
        captures=tuple(replace(each, links=()) for each in made.captures),
    )
    return made, log[: made.version]


def text_of(order: Order, log: tuple[Any, ...]) -> bytes:
    """The line of an export."""
    return with_events(encode(order), [encode(event) for event in log], ())


LINES = [text_of(*an_exported_order()), text_of(*plain())]


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Draw a line with a few of its values changed, taken out or doubled."""
    line = deepcopy(json.loads(draw(st.sampled_from(LINES))))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = line
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], (dict, list)) and draw(st.integers(0, 9)):
                at = at[key]
                continue
            what = draw(st.sampled_from(["change", "take out", "double"]))
            if what == "change":
                at[key] = deepcopy(draw(st.sampled_from(VALUES)))
            elif what == "take out":
                del at[key]
            elif isinstance(at, list):
                at.append(deepcopy(at[key]))
            else:
                at[draw(st.sampled_from([*keys, "deleted_at", "closed_at", "state"]))] = deepcopy(
                    at[key]
                )
            break
    return json.dumps(line, ensure_ascii=draw(st.booleans())).encode()


def is_short(found: Completed | Refusal | None) -> bool:
    """Tell whether a line was read the short way."""
    return isinstance(found, Completed) and isinstance(found.order, ExportedOrder)


def test_lines_of_an_export_are_read_the_short_way() -> None:
    """Else the property below would hold of nothing."""
    for line in LINES:
        found = read_line(line, SHORT)
        assert is_short(found), found
        assert not is_short(read_line(line, LONG))
        assert not is_short(read_line(line, Place("T00000009", ACCOUNT)))


@given(lines())
def test_the_short_way_comes_to_what_the_long_way_does(line: bytes) -> None:
    """The same order and log, byte for byte, or the same refusal."""
    short, long = read_line(line, SHORT), read_line(line, LONG)
    if isinstance(short, Completed) and isinstance(long, Completed):
        assert whole(*short) == whole(*long)
        assert msgspec.json.decode(encode(short.order)) == msgspec.json.decode(encode(long.order))
    else:
        assert short == long


def test_many_changed_lines_are_still_read_the_short_way() -> None:
    """What says nothing of the amounts may be anything: names, texts, metadata."""
    line = json.loads(LINES[1])
    line["items"][0]["metadata"] = {"a": {"b": [1, 2.5, "æ"]}}
    line["store"] = {"id": "S9"}
    line["state"] = "pending"
    line["unknown"] = {"a": 1}
    assert is_short(read_line(encode(line), SHORT))
