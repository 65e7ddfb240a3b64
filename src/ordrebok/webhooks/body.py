"""What a delivery says: the body of a change, and of a ping."""

from typing import Final, NamedTuple

import msgspec

from ordrebok.exchange.rules import derived_id
from ordrebok.webhooks.mask import Tree, merged, only, parse, without
from ordrebok.webhooks.rules import shown
from ordrebok.wire.base import encode
from ordrebok.wire.hook import ShoppingEvent, StoredHook

_ORDER_EVENT: Final = "order_event"
_decode = msgspec.json.Decoder(dict[str, object]).decode


class Choice(NamedTuple):
    """What a subscription wants of a body; None: all of it, and nothing left out."""

    fields: Tree | None = None
    excluded: Tree | None = None


class Change(NamedTuple):
    """A change that is told: whose, its name, the document at that version, the event it left."""

    account_id: str
    event: ShoppingEvent
    document: bytes
    order_event: bytes
    """Told with `shopping_order_event_add` only."""


def delivery_id(hook_id: str, position: int) -> str:
    """Return the id of what is told to a subscription about a position in the log.

    The same position has the same id, so that a delivery that is sent twice, as after a crash,
    can be known by its receiver.
    """
    return derived_id("delivery", hook_id, str(position))


def choice_of(hook: StoredHook) -> Choice:
    """Return what a subscription wants, made ready for many bodies."""
    excluded = merged(map(parse, hook.exclude_fields or ()))
    return Choice(None if hook.fields is None else parse(hook.fields), excluded or None)


def change_body(change: Change, id_: str, choice: Choice) -> bytes:
    """Return the body of a delivery as compact JSON: the envelope with the document in it.

    A mask names members of the envelope, such as `order(id,status)`. `account_id`, `event` and
    `event_delivery` always stay.
    Source: neighbours 6.2 and 6.4.
    """
    head = encode({"account_id": change.account_id, "event": change.event, "event_delivery": id_})
    told = told_of(change)
    if choice.fields is not None or choice.excluded is not None:
        told = _chosen(told, choice)
    if told == b"{}":
        return head
    return head[:-1] + b"," + told[1:]


def told_of(change: Change) -> bytes:
    """Return what a change tells, in full: the draft, the order, or the order and its event.

    The JSON is spliced, not decoded: the stored bytes are what is sent.
    """
    key = b"draft_order" if change.event.startswith("shopping_draft_") else b"order"
    told = b'{"' + key + b'":' + change.document
    if change.event == "shopping_order_event_add":
        told += b',"' + _ORDER_EVENT.encode() + b'":' + change.order_event
    return told + b"}"


def ping_body(hook: StoredHook) -> bytes:
    """Return the body of a ping: the subscription itself, without its secrets."""
    return encode(shown(hook))


def _chosen(told: bytes, choice: Choice) -> bytes:
    """Return the members that a subscription wants."""
    value: object = _decode(told)
    if choice.fields is not None:
        value = only(value, choice.fields)
    if choice.excluded is not None:
        value = without(value, choice.excluded)
    return encode(value)
