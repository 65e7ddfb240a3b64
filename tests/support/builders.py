"""Builders: a test names what it is about, and the rest is filled in with something plausible.

`FakeState` is the state of decisions in a dict; `done` and `refused` carry out a row of the API
table against it, the way the web and the store would, and hold what those two rely on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.comments.operations import OPERATIONS as COMMENTS
from ordrebok.decision import Call, Commit, Decision, Fetch, Key, Stored
from ordrebok.discounts.operations import OPERATIONS as DISCOUNTS
from ordrebok.drafts import completion, rules
from ordrebok.drafts.operations import OPERATIONS as DRAFTS
from ordrebok.events.operations import OPERATIONS as EVENTS
from ordrebok.items.rules import priced
from ordrebok.operation import Plan
from ordrebok.orders.lists import OPERATIONS as LISTS
from ordrebok.orders.operations import OPERATIONS as ORDERS
from ordrebok.orders.rules import recomputed
from ordrebok.refusals import Fault, Refusal
from ordrebok.retention.operations import OPERATIONS as ERASURES
from ordrebok.wire.base import encode
from ordrebok.wire.draft import Draft, DraftBody, Options
from ordrebok.wire.item import DiscountLine, Item, ItemBody, RelatedItem, TaxLine
from ordrebok.wire.location import ItemStore
from ordrebok.wire.order import Order, OrderContent
from ordrebok.wire.payment import Operation, OperationItem

T = TypeVar("T")
Json: TypeAlias = dict[str, Any]

ACCOUNT = "T12345678"
ACTOR = "a2f1b7c0-0000-4000-8000-000000000001"
NOW = Instant.of("2026-11-20T18:12:13.123Z")
LATER = NOW.plus(60)
ORDERS_PATH = f"/v1/accounts/{ACCOUNT}/shopping/orders"
DRAFTS_PATH = f"/v1/accounts/{ACCOUNT}/shopping/draft_orders"

ROWS = {row.id: row for row in (*DRAFTS, *ORDERS, *LISTS, *EVENTS, *COMMENTS)}
"""The rows of the API table that these builders can carry out."""
_ASKED = ROWS | {row.id: row for row in (*DISCOUNTS, *ERASURES)}
"""Those that they can make a request for; a real store carries them out."""

SHARED = frozenset({"INVALID_REQUEST_PARAMETER", "STALE_VERSION"})
"""Refusals that a row need not list, because any row may answer them."""


def accepted(value: T | Refusal | list[Fault]) -> T:
    """Return what a rule returned, which must not be a refusal."""
    assert not isinstance(value, (Refusal, list)), value
    return value


def fault_codes(refusal: Refusal | Sequence[Fault]) -> list[str]:
    """Return the codes of all that is wrong, in their order."""
    faults = refusal.faults if isinstance(refusal, Refusal) else refusal
    return [fault.code for fault in faults]


# ------------------------------------------------------------------------------------- lines


def a_tax(percentage: float | None = 25, **fields: object) -> TaxLine:
    """Return a tax line, by default one whose amount has to be computed."""
    return replace(TaxLine(percentage=percentage), **fields)


def a_body(
    gross: int = 100,
    line_id: int | None = None,
    *,
    discounts: Sequence[int] = (),
    taxes: Sequence[TaxLine] | None = None,
    related: tuple[str, int] | None = None,
    store: str | None = None,
    **fields: object,
) -> ItemBody:
    """Return a line as a client writes it; `related` is (type, line_id)."""
    body = ItemBody(
        gross_amount=gross,
        line_id=line_id,
        tax_lines=(a_tax(),) if taxes is None else tuple(taxes),
        discount_lines=tuple(DiscountLine(amount=amount) for amount in discounts),
        store=None if store is None else ItemStore(id=store),
    )
    if related is not None:
        relation = {"type": related[0], "line_id": related[1]}
        body = replace(body, related_item=msgspec.convert(relation, RelatedItem))
        if related[0] == "reversed":
            body = replace(body, reversed_reason="Returned")
    return replace(body, **fields)


def an_item(gross: int = 100, line_id: int = 1, **about: Any) -> Item:  # noqa: ANN401 -- passed on
    """Return a line as it is kept; takes what `a_body` takes."""
    return accepted(priced(a_body(gross, line_id, **about), line_id=line_id, version=1))


def lines(*grosses: int) -> list[ItemBody]:
    """Return lines 1, 2, 3 ... with these gross amounts."""
    return [a_body(gross, number) for number, gross in enumerate(grosses, 1)]


# ------------------------------------------------------------------------ drafts and orders


def a_draft_body(
    items: Sequence[ItemBody] | None = None, *, options: Options | None = None, **order: object
) -> DraftBody:
    """Return a new draft as a client writes it; further names are properties of its order."""
    content = OrderContent(currency="NOK", items=tuple(lines(100) if items is None else items))
    return DraftBody(order=replace(content, **order), options=options)


def a_draft(
    items: Sequence[ItemBody] | None = None,
    *,
    options: Options | None = None,
    updated: Order | None = None,
    draft_id: str = "draft-1",
    **order: object,
) -> Draft:
    """Return an open draft of version 1; further names are properties of its order."""
    body = a_draft_body(items, options=options, **order)
    return accepted(rules.create(body, draft_id, DRAFTS_PATH, ACTOR, NOW, updated))


def a_completed_draft(*order_ids: str) -> Draft:
    """Return a draft that has become these orders."""
    return completion.completed(a_draft(), order_ids or ("order-1",), ORDERS_PATH, NOW)


def a_deleted_draft() -> Draft:
    """Return a draft that was deleted."""
    return accepted(rules.delete(a_draft(), ACTOR, NOW))


def an_update_of(order: Order, items: Sequence[ItemBody]) -> Draft:
    """Return a draft that adds lines to an order."""
    return a_draft(items, options=Options(order_id=order.order_id), updated=order)


def an_order(items: Sequence[ItemBody] | None = None, **fields: object) -> Order:
    """Return an order of version 1; further names are its properties."""
    kept = [
        item
        if isinstance(item, Item)
        else accepted(priced(item, line_id=item.line_id or number, version=1))
        for number, item in enumerate(lines(100) if items is None else items, 1)
    ]
    order = Order(
        id="5a1b0000-0000-4000-8000-000000000001",
        order_id="order-1",
        order_number="100001",
        currency="NOK",
        items=tuple(kept),
        created_at=NOW.text,
        created_by=ACTOR,
        updated_at=NOW.text,
        status="open",
        payment_status="pending",
        version=0,
    )
    return accepted(recomputed(replace(order, **fields), NOW))


def an_operation(*amounts: int, success: bool = True, **fields: object) -> Operation:
    """Return a recorded operation with amounts for lines 1, 2, 3 ..."""
    items = tuple(
        OperationItem(line_id=number, amount=amount) for number, amount in enumerate(amounts, 1)
    )
    operation = Operation(
        items=items, id="operation-1", created_at=NOW.text, amount=sum(amounts), success=success
    )
    return replace(operation, **fields)


# --------------------------------------------------------------------------------- decisions


def key_of(document: Draft | Order) -> Key:
    """Return where a document stands."""
    if isinstance(document, Draft):
        return Key(ACCOUNT, "draft", document.id)
    return Key(ACCOUNT, "order", document.order_id)


class FakeState:
    """The state that decisions look at: documents in a dict, and nothing else."""

    def __init__(self, *documents: Draft | Order, now: Instant = NOW) -> None:
        """Begin with these documents, without events."""
        self.now = now
        self.documents: dict[Key, Any] = {key_of(each): each for each in documents}
        self.origins: dict[Key, str | None] = {}
        self.log: dict[Key, list[bytes]] = {}
        self.events_asked: list[Key] = []
        self.numbers_given = 0
        self.ids_given = 0

    def get(self, key: Key, type_: type[T]) -> T | None:
        """Return a document."""
        found = self.documents.get(key)
        assert found is None or isinstance(found, type_), (key, type_)
        return found

    def ahead(self, keys: Iterable[Key]) -> None:
        """Have everything at hand already."""

    def version(self, key: Key) -> int:
        """Return a document's version, 0 where there is none."""
        found = self.documents.get(key)
        return 0 if found is None else found.version

    def origin(self, key: Key) -> str | None:
        """Return the fingerprint a document was made with."""
        return self.origins.get(key)

    def events(self, key: Key) -> Sequence[bytes]:
        """Return a document's events, oldest first."""
        self.events_asked.append(key)
        return tuple(self.log.get(key, ()))

    def order_number(self, account_id: str) -> int:
        """Return 100001, then 100002 and so on."""
        assert account_id == ACCOUNT
        self.numbers_given += 1
        return 100_000 + self.numbers_given

    def new_id(self) -> str:
        """Return id-1, then id-2 and so on."""
        self.ids_given += 1
        return f"id-{self.ids_given}"

    def apply(self, decision: Decision) -> None:
        """Write down what was decided, holding what the store relies on.

        Keeps: each document is the next version of what stands; its JSON says the same as the
        document and can be read again.
        """
        for put in decision.puts:
            document = put.document
            assert isinstance(document, (Draft, Order))
            assert put.key == key_of(document)
            assert put.version == document.version == self.version(put.key) + 1
            assert msgspec.json.decode(put.body, type=type(document)) == document
            if put.key not in self.documents:
                self.origins[put.key] = put.origin
            self.documents[put.key] = document
            self.log.setdefault(put.key, []).append(put.event)

    def draft(self, draft_id: str = "draft-1") -> Draft:
        """Return a draft that must be there."""
        found = self.get(Key(ACCOUNT, "draft", draft_id), Draft)
        assert found is not None
        return found

    def order(self, order_id: str = "order-1") -> Order:
        """Return an order that must be there."""
        found = self.get(Key(ACCOUNT, "order", order_id), Order)
        assert found is not None
        return found


def a_call(
    row_id: str,
    body: object = None,
    query: Mapping[str, object] | None = None,
    *,
    if_match: str | None = None,
    **params: str,
) -> Call:
    """Return a checked request for a row of the API table; the body is given as plain JSON."""
    row = _ASKED[row_id]
    text = b"" if body is None else encode(body)
    type_ = row.body_choice(text) if row.body_choice is not None else row.body
    path = "/v1" + row.path.format(aid=ACCOUNT, **params)
    return Call(
        account_id=ACCOUNT,
        actor_id=ACTOR,
        method=row.method,
        path=path,
        params={"aid": ACCOUNT, **params},
        query=None if row.query is None else msgspec.convert(query or {}, row.query),
        body=None if body is None else msgspec.json.decode(text, type=type_ or dict),
        body_text=text,
        if_match=if_match,
    )


def plan_of(row_id: str, body: object = None, **asked: Any) -> Plan:  # noqa: ANN401 -- passed on
    """Return the plan of a request; takes what `a_call` takes."""
    return _ASKED[row_id].plan(a_call(row_id, body, **asked))


def carried_out(state: FakeState, plan: Plan) -> bytes | Refusal:
    """Carry out a plan and return its answer."""
    if isinstance(plan, Commit):
        decision = plan.run(state)
        if isinstance(decision, Refusal):
            return decision
        state.apply(decision)
        return decision.answer
    if isinstance(plan, Fetch):
        document = state.documents.get(plan.key)
        if document is None:
            return Refusal("NOT FOUND", f"{plan.noun} not found")
        events = state.events(plan.key) if plan.with_events else ()
        return plan.render(Stored(document.version, encode(document), events))
    assert isinstance(plan, Refusal), plan
    return plan


def done(
    state: FakeState,
    row_id: str,
    body: object = None,
    **asked: Any,  # noqa: ANN401 -- passed on
) -> Json:
    """Carry out a request that must be accepted; takes what `a_call` takes."""
    answer = carried_out(state, plan_of(row_id, body, **asked))
    assert not isinstance(answer, Refusal), answer
    msgspec.json.decode(answer, type=ROWS[row_id].answer)
    return msgspec.json.decode(answer, type=Json)


def refused(
    state: FakeState,
    row_id: str,
    body: object = None,
    **asked: Any,  # noqa: ANN401 -- passed on
) -> Refusal:
    """Carry out a request that must be refused, with a code that its row lists."""
    answer = carried_out(state, plan_of(row_id, body, **asked))
    assert isinstance(answer, Refusal), answer
    assert answer.code in {*ROWS[row_id].refusals, *SHARED}, answer.code
    return answer
