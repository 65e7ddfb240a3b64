"""Documents of discounts in a dict, and calls on the rows of the API that change them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec

from ordrebok.decision import Call, Commit, Decision, Fetch, Key, State, Stored
from ordrebok.discounts.applying import apply
from ordrebok.discounts.books import booked
from ordrebok.discounts.operations import OPERATIONS
from ordrebok.discounts.record import Standings, ref_key, shelves_for
from ordrebok.operation import Counted
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.discount_ref import RefDocument
from ordrebok.wire.draft import Draft
from tests.support.builders import ACCOUNT, ACTOR, NOW, accepted
from tests.support.discounts import FROM, TO

T = TypeVar("T")
Json = dict[str, Any]
ROWS = {row.id: row for row in OPERATIONS}
TEN_PERCENT: Json = {
    "requirement": {"purchase_from": FROM, "purchase_to": TO},
    "reward": {"type": "discount_percent", "value": 10},
    "name": "Ten",
}


class Books:
    """Documents of an account in a dict, written the way the store would."""

    def __init__(self) -> None:
        self.now = NOW
        self.documents: dict[Key, Any] = {}
        self.read: list[Key] = []
        self.ids = 0

    def get(self, key: Key, type_: type[T]) -> T | None:
        """Return a document."""
        self.read.append(key)
        found = self.documents.get(key)
        assert found is None or isinstance(found, type_)
        return found

    def ahead(self, keys: Iterable[Key]) -> None:
        """Have everything at hand already."""

    def events(self, _key: Key) -> Sequence[bytes]:
        """Return no events: none are kept here."""
        return ()

    def new_id(self) -> str:
        """Return id-1, then id-2 and so on."""
        self.ids += 1
        return f"id-{self.ids}"

    def write(self, puts: tuple[Any, ...]) -> None:
        """Write down; each document is the next version of what stands, and can be read again."""
        assert len({put.key for put in puts}) == len(puts)
        for put in puts:
            standing = self.documents.get(put.key)
            assert put.version == (0 if standing is None else standing.version) + 1
            assert msgspec.json.decode(put.body, type=type(put.document)) == put.document
            self.documents[put.key] = put.document

    def state(self) -> State:
        """Return the books as decisions see them."""
        return cast("State", self)

    def call(
        self,
        row: str,
        body: object = None,
        query: Mapping[str, object] | None = None,
        **params: str,
    ) -> Any:  # noqa: ANN401 -- any answer, or a refusal
        """Carry out a row and return its answer as plain JSON, or the refusal."""
        plan = ROWS[row].plan(a_call(row, body, query, **params))
        plan = plan.commit if isinstance(plan, Counted) else plan
        if isinstance(plan, Fetch):
            found = self.documents.get(plan.key)
            if found is None:
                return None
            body_ = plan.render(Stored(found.version, encode(found), ()))
            return body_ if isinstance(body_, Refusal) else msgspec.json.decode(body_)
        assert isinstance(plan, Commit)
        decision = plan.run(self.state())
        if isinstance(decision, Refusal):
            return decision
        assert isinstance(decision, Decision)
        self.write(decision.puts)
        assert ROWS[row].method != "GET" or not decision.puts
        return msgspec.json.decode(decision.answer)

    def priced(self, draft: Draft) -> Draft:
        """Return a draft with its discounts."""
        customer = draft.order.customer
        shelves = shelves_for(self.state(), ACCOUNT, None if customer is None else customer.id)
        return accepted(apply(draft, shelves, Standings(self.state(), ACCOUNT), self.now))

    def complete(self, draft: Draft, order_id: str) -> Refusal | None:
        """Book what a draft uses, as completing it does."""
        puts = booked(
            self.state(), a_call("aid_discounts_post", {}), [(order_id, draft.order.discounts)]
        )
        if isinstance(puts, Refusal):
            return puts
        self.write(puts)
        return None

    def ref_of(self, draft: Draft) -> RefDocument:
        """Return the ref that the draft's only discount used."""
        assert draft.order.discounts is not None
        refs = draft.order.discounts[0].refs
        assert refs is not None
        found = self.get(ref_key(ACCOUNT, refs[0].id), RefDocument)
        assert found is not None
        return found


def a_call(
    row_id: str, body: object = None, query: Mapping[str, object] | None = None, **params: str
) -> Call:
    """Return a checked request for a row; the body is given as plain JSON."""
    row = ROWS[row_id]
    type_ = row.body
    return Call(
        account_id=ACCOUNT,
        actor_id=ACTOR,
        method=row.method,
        path="/v1" + row.path.format(aid=ACCOUNT, **params),
        params=dict(params),
        query=None if row.query is None else msgspec.convert(query or {}, row.query, strict=False),
        body=msgspec.convert(body, type_) if type_ is not None and body else None,
        body_text=b"" if body is None else encode(body),
    )


def a_rule(books: Books, *holders: str, **changes: Any) -> str:  # noqa: ANN401 -- JSON
    """Write a rule, give it to these, and return its id."""
    rule = books.call("aid_discounts_post", {**TEN_PERCENT, **changes})
    if holders:
        books.call("aid_discounts_did_customers_post", {"customers": holders}, did=rule["id"])
    return str(rule["id"])
