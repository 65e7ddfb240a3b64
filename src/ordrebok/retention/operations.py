"""The rows of the API for erasing a person, and for what was erased."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ordrebok.decision import Call, Fetch, Key, Outcome, Reading
from ordrebok.operation import Door, Errand, Operation, Plan
from ordrebok.orders.lists import cursor_of, position_of
from ordrebok.refusals import Refusal
from ordrebok.retention.person import erase
from ordrebok.wire.erasure import EraseQuery, Erasure, Erasures, ErasuresQuery

_CUSTOMER: Final = "/accounts/{aid}/shopping/customers/{customer_id}/erase"
_ERASURES: Final = "/accounts/{aid}/shopping/erasures"
_SCOPES: Final = ("admin:shopping",)
_NEWEST: Final = (2**62, "")


def _erase(call: Call) -> Plan:
    """Take a person out of everything."""
    dry_run = call.dry_run or call.query_as(EraseQuery).dry_run

    async def run(door: Door) -> Outcome | Refusal:
        """Erase, in many steps."""
        return await erase(door, call, call.params["customer_id"], dry_run=dry_run)

    return Errand(run)


def _one(call: Call) -> Plan:
    """Read the entry of one erasure."""
    key = Key(call.account_id, "erasure", call.params["erasure_id"])
    return Fetch(key=key, noun="Erasure", render=lambda stored: stored.body)


def _list(call: Call) -> Plan:
    """List the entries of erasures."""
    query = call.query_as(ErasuresQuery)
    after = position_of(query.starting_after)
    if isinstance(after, Refusal):
        return after
    before_ms, before_id = after or _NEWEST

    def render(rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Make the page of the stored entries."""
        shown = rows[: query.limit]
        more = b""
        if len(rows) > query.limit:
            cursor = cursor_of((shown[-1]["created_ms"], shown[-1]["id"]))
            more = b',"starting_after":"' + cursor.encode() + b'"'
        return b'{"erasures":[' + b",".join(row["body"] for row in shown) + b"]" + more + b"}"

    params = {"before_ms": before_ms, "before_id": before_id, "limit": query.limit + 1}
    return Reading("erasures", {"account_id": call.account_id, **params}, render)


OPERATIONS = (
    Operation(
        id="aid_customers_cid_erase_post",
        method="POST",
        path=_CUSTOMER,
        summary="Erase a customer",
        tag="customerorder",
        scopes=_SCOPES,
        query=EraseQuery,
        answer=Erasure,
        plan=_erase,
        description=(
            "An addition of ours. Whatever says who the customer is leaves every order and draft, "
            "their events and earlier versions, stored webhook bodies and kept answers, and all "
            "that was given of discounts. Lines, amounts and operations stay. With `dry_run` it is "
            "only counted. Asking again is safe."
        ),
    ),
    Operation(
        id="aid_erasures_get",
        method="GET",
        path=_ERASURES,
        summary="Erasures collection",
        tag="customerorder",
        scopes=_SCOPES,
        query=ErasuresQuery,
        answer=Erasures,
        plan=_list,
        description="An addition of ours: that persons were erased, by whom and when; not who.",
    ),
    Operation(
        id="aid_erasures_id_get",
        method="GET",
        path=_ERASURES + "/{erasure_id}",
        summary="Get erasure",
        tag="customerorder",
        scopes=_SCOPES,
        answer=Erasure,
        plan=_one,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
)
