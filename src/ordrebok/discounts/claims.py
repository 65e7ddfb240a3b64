"""The rows of the API for claims: uses that are reserved before the receipt exists."""

from collections.abc import Iterator
from itertools import islice

from msgspec.structs import asdict, replace

from ordrebok.decision import Call, Commit, Decision, Key, State
from ordrebok.discounts.bookings import Wanted
from ordrebok.discounts.books import Books
from ordrebok.discounts.claim_lists import (
    ALL,
    enlisted,
    look_up,
    newest,
    of_customer,
    place_in,
    struck,
)
from ordrebok.discounts.compiled import CompiledRule
from ordrebok.discounts.giving import standing_of
from ordrebok.discounts.record import Reference, put, rule_as_it_stands
from ordrebok.discounts.register import invalid_cursor
from ordrebok.discounts.requirements import EVERYBODY
from ordrebok.discounts.standing import Booking
from ordrebok.exchange.rules import derived_id
from ordrebok.operation import Counted, Operation, Plan
from ordrebok.refusals import Fault, Refusal, not_found, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.discount_claim import (
    Claim,
    ClaimBody,
    ClaimDocument,
    ClaimedRef,
    ClaimsQuery,
)
from ordrebok.wire.discount_ref import RefDocument

_PATH = "/accounts/{aid}/discounts/available_for_receipt/claims"
_ONE = _PATH + "/{claim_id}"
_READ = ("admin:discounts", "read:discounts", "read:discounts:/available_for_receipt")
_WRITE = ("admin:discounts", "write:discounts", "write:discounts:/available_for_receipt")
_TAG = "use-discounts"
_NOUN = "Claim"
CLAIM = "claim"
"""The ref_type of what a claim books."""


_STANDS = "claim:"


def claim_key(account_id: str, claim_id: str) -> Key:
    """Return where a claim stands."""
    return Key(account_id, "discount_register", f"{_STANDS}{claim_id}")


def is_claim(id: str) -> bool:
    """Tell whether a claim stands under an id among registers."""
    return id.startswith(_STANDS)


def _id_of_ref(account_id: str, ref: str) -> str:
    """Return the id of the claim with a ref, so that a ref is taken once without a search."""
    return derived_id("discount_claim", account_id, ref)


def _answer(claim: ClaimDocument) -> bytes:
    """Return a claim as answers show it."""
    return encode(_public(claim))


def _public(claim: ClaimDocument) -> Claim:
    """Return a claim without its places in the lists."""
    return Claim(**{name: getattr(claim, name) for name in Claim.__struct_fields__})


def _reference(claim_id: str) -> Reference:
    """Return what a claim books for.

    That is its id in any case: the `ref` of one claim may be the id of another.
    """
    return CLAIM, claim_id


class _Taken:
    """What a claim takes of one ref, wherever it names it."""

    def __init__(self, ref: RefDocument, rule: CompiledRule, path: tuple[str | int, ...]) -> None:
        self.ref = ref
        self.rule = rule
        self.path = path
        self.usage = 0
        self.amount = 0

    def add(self, claimed: ClaimedRef) -> None:
        """Take more."""
        self.usage += claimed.usage
        self.amount += claimed.amount

    def fault(self) -> Fault | None:
        """Return the fault of a use that the ref has not left.

        Source: neighbours 3.7: only these two limits can make a claim fail.
        """
        if not self.usage:
            return None
        used = standing_of(self.ref).usage
        limits = (
            ("discount_reward_usage", self.rule.reward_usage, self.rule.reward_usage),
            ("discount_repeat_usage", self.rule.repeat_usage, self.rule.repeat_usage - used),
        )
        for name, limit, left in limits:
            if limit >= 0 and left < self.usage:
                data = {
                    "discount_id": self.rule.id,
                    "ref_id": self.ref.id,
                    "limit": f"limitation.{name}",
                    "requested": self.usage,
                    "remaining": max(0, left),
                }
                message = f"discount {self.rule.id} has {max(0, left)} uses left ({name})"
                right = f"a usage of at most {max(0, left)}"
                return Fault("DISCOUNT_USED_UP", message, self.path, right, data)
        return None

    def wanted(self, now_ms: int) -> Wanted:
        """Return what is booked."""
        amount, bonus = (0, self.amount) if self.rule.is_bonus else (self.amount, 0)
        booking = Booking(now_ms, usage=self.usage, amount=amount, bonus=bonus)
        return Wanted(self.rule.id, self.ref.id, booking)


def _named(body: ClaimBody) -> Iterator[tuple[str, ClaimedRef, tuple[str | int, ...]]]:
    """Yield the refs that a claim names, each with its rule and its path."""
    for index, discount in enumerate(body.discounts):
        for number, claimed in enumerate(discount.refs):
            yield discount.id, claimed, ("discounts", index, "refs", number)


def _taken(state: State, call: Call, body: ClaimBody, books: Books) -> list[_Taken] | Refusal:
    """Return what a claim takes of which ref.

    Refuses: NOT FOUND, naming every ref that the customer does not hold; DISCOUNT_USED_UP, naming
    every ref that has not enough left.
    """
    books.ahead((rule_id, claimed.id) for rule_id, claimed, _ in _named(body))
    found: dict[tuple[str, str], _Taken] = {}
    missing = []
    for rule_id, claimed, path in _named(body):
        named = rule_id, claimed.id
        if named not in found:
            ref = books.ref(claimed.id)
            rule = rule_as_it_stands(state, call.account_id, rule_id)
            held = ref is not None and ref.discount_id == rule_id and ref.deleted_at is None
            own = ref is not None and ref.given_to in {body.customer_id, EVERYBODY}
            if ref is None or rule is None or not held or not own or rule.rule.deleted_at:
                message = f"there is no ref {claimed.id} of discount {rule_id} for the customer"
                right = "a ref that the customer holds"
                missing.append(Fault("DISCOUNT_REF_MISSING", message, (*path, "id"), right))
                continue
            found[named] = _Taken(ref, rule, (*path, "usage"))
        found[named].add(claimed)
    if missing:
        return Refusal("NOT FOUND", missing[0].message, faults=tuple(missing))
    lacking = [fault for each in found.values() if (fault := each.fault()) is not None]
    if lacking:
        return Refusal("DISCOUNT_USED_UP", lacking[0].message, faults=tuple(lacking))
    return list(found.values())


def _create(call: Call) -> Plan:
    """Reserve uses.

    Refuses: CLAIM_REF_TAKEN, NOT FOUND, DISCOUNT_USED_UP, AMOUNT_TOO_LARGE.
    Keeps: of parallel claims, the last use goes to one; a ref stands for one claim, for ever.
    """
    body = call.body_as(ClaimBody)

    def decide(state: State) -> Decision | Refusal:
        """Look at what is left, book it, and write the claim down."""
        claim_id = state.new_id() if body.ref is None else _id_of_ref(call.account_id, body.ref)
        key = claim_key(call.account_id, claim_id)
        if state.get(key, ClaimDocument) is not None:
            message = f"The ref {body.ref} is taken by another claim"
            return refuse("CLAIM_REF_TAKEN", message, claim_id=claim_id)
        books = Books(state, call)
        taken = _taken(state, call, body, books)
        if isinstance(taken, Refusal):
            return taken
        reference = _reference(claim_id)
        for each in taken:
            books.book(each.ref, each.rule, each.wanted(state.now.ms), reference, shown=body.ref)
        refusal = books.refusal()
        if refusal is not None:
            return refusal
        place, puts = enlisted(state, call, ALL, claim_id)
        own = of_customer(body.customer_id)
        customer_place, more = enlisted(state, call, own, claim_id)
        claim = ClaimDocument(
            **asdict(body),
            id=claim_id,
            created_at=state.now.text,
            created_by=call.actor_id,
            updated_at=state.now.text,
            version=1,
            place=place,
            customer_place=customer_place,
        )
        written = put(state, call, key, claim)
        return Decision((written, *books.puts(), *puts, *more), _answer(claim))

    return Commit(keys=(), decide=decide, idempotency=call.idempotency)


def _delete(call: Call) -> Plan:
    """Give back what a claim reserves; one that is deleted already comes back as it is."""
    key = claim_key(call.account_id, call.params["claim_id"])

    def decide(state: State) -> Decision | Refusal:
        """Release, strike from the lists, and mark the claim."""
        claim = state.get(key, ClaimDocument)
        if claim is None:
            return not_found(_NOUN)
        if claim.deleted_at is not None:
            return Decision((), _answer(claim))
        books = Books(state, call)
        books.give_back(_reference(claim.id), shown=claim.ref)
        after = replace(
            claim,
            deleted_at=state.now.text,
            deleted_by=call.actor_id,
            updated_at=state.now.text,
            version=claim.version + 1,
        )
        puts = (
            put(state, call, key, after),
            *books.puts(),
            *struck(state, call, ALL, claim.id, claim.place),
        )
        if claim.customer_id is not None:
            own = of_customer(claim.customer_id)
            puts += (*struck(state, call, own, claim.id, claim.customer_place),)
        return Decision(puts, _answer(after))

    return Commit(keys=(key,), decide=decide, idempotency=call.idempotency)


def _read(call: Call) -> Plan:
    """Read a claim; deleted ones too."""
    key = claim_key(call.account_id, call.params["claim_id"])

    def decide(state: State) -> Decision | Refusal:
        """Answer, and write nothing."""
        claim = state.get(key, ClaimDocument)
        return not_found(_NOUN) if claim is None else Decision((), _answer(claim))

    return Commit(keys=(key,), decide=decide)


def _list(call: Call) -> Plan:
    """List claims that stand, newest first."""
    query = call.query_as(ClaimsQuery)
    name = ALL if query.customer_id is None else of_customer(query.customer_id)

    def decide(state: State) -> Decision | Refusal:
        """Find the page, then read it."""
        before = None
        if query.starting_after is not None:
            last = state.get(claim_key(call.account_id, query.starting_after), ClaimDocument)
            if last is None or query.customer_id not in {None, last.customer_id}:
                return invalid_cursor(f"there is no claim {query.starting_after} in this list")
            before = place_in(last, name)
        if query.ref is None:
            ids = list(islice(newest(state, call.account_id, name, before), query.limit))
            total = look_up(state, call.account_id, name).live if query.total else None
            return _rows(_read_all(state, call, ids), total)
        found = [
            claim
            for claim in _read_all(state, call, [_id_of_ref(call.account_id, query.ref)])
            if claim.deleted_at is None and query.customer_id in {None, claim.customer_id}
        ]
        page = [claim for claim in found if before is None or place_in(claim, name) < before]
        return _rows(page, len(found) if query.total else None)

    return Counted(Commit(keys=(), decide=decide))


def _read_all(state: State, call: Call, ids: list[str]) -> list[ClaimDocument]:
    """Return the claims with some ids, without those that are not there."""
    keys = [claim_key(call.account_id, each) for each in ids]
    state.ahead(keys)
    found = (state.get(key, ClaimDocument) for key in keys)
    return [claim for claim in found if claim is not None]


def _rows(claims: list[ClaimDocument], total: int | None) -> Decision:
    """Return the answer of a list."""
    return Decision((), encode((total, [_public(claim) for claim in claims])))


OPERATIONS = (
    Operation(
        id="aid_discounts_available_for_receipt_claims_get",
        method="GET",
        path=_PATH,
        summary="Claims collection",
        tag=_TAG,
        scopes=_READ,
        query=ClaimsQuery,
        answer=tuple[Claim, ...],
        plan=_list,
        description=(
            "Those that are not deleted, newest first; `starting_after` is the id of the last. All "
            "filters must hold."
        ),
    ),
    Operation(
        id="aid_discounts_available_for_receipt_claims_post",
        method="POST",
        path=_PATH,
        summary="Claim discounts",
        tag=_TAG,
        scopes=_WRITE,
        body=ClaimBody,
        answer=Claim,
        plan=_create,
        refusals=("NOT FOUND", "CLAIM_REF_TAKEN", "DISCOUNT_USED_UP", "AMOUNT_TOO_LARGE"),
        description=(
            "Reserves uses before the receipt exists. Only `discount_reward_usage` and "
            "`discount_repeat_usage` can make it fail. A `ref` is taken once, also by a claim that "
            "was deleted since."
        ),
    ),
    Operation(
        id="aid_discounts_available_for_receipt_claims_claim_id_get",
        method="GET",
        path=_ONE,
        summary="Get claim",
        tag=_TAG,
        scopes=_READ,
        answer=Claim,
        plan=_read,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_discounts_available_for_receipt_claims_claim_id_delete",
        method="DELETE",
        path=_ONE,
        summary="Delete claim",
        tag=_TAG,
        scopes=_WRITE,
        answer=Claim,
        plan=_delete,
        refusals=("NOT FOUND",),
        description="Gives back what it reserved, once.",
    ),
)
