"""The row of the API for the change feed."""

from ordrebok.decision import Call, Watch
from ordrebok.feed.rules import LATEST, change_of, page_of, position_of, wrong_place
from ordrebok.operation import READ, Operation, Plan
from ordrebok.refusals import Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.change import Changes, ChangesQuery


def _changes(call: Call) -> Plan:
    """Read the changes after a place in the log, waiting for some if there are none."""
    query = call.query_as(ChangesQuery)
    return _watch(call, query, query.after)


def _watch(call: Call, query: ChangesQuery, cursor: str | None) -> Watch | Refusal:
    """Return the plan of a reader that has come so far."""
    after = None if cursor == LATEST else position_of(cursor)
    if isinstance(after, Refusal):
        return after
    return Watch(
        account_id=call.account_id,
        after=after,
        limit=query.limit,
        wait_seconds=query.wait,
        beyond=wrong_place("after is beyond the end of the feed: the account was emptied since"),
        render=lambda rows, since: page_of(rows, since, query.limit),
        each=lambda row: (str(row["position"]), change_of(row).event, encode(change_of(row))),
        again=lambda text: _watch(call, query, text),
    )


OPERATIONS = (
    Operation(
        id="aid_shopping_changes_get",
        method="GET",
        path="/accounts/{aid}/shopping/changes",
        summary="Change feed",
        tag="changes",
        scopes=READ,
        query=ChangesQuery,
        answer=Changes,
        plan=_changes,
        streams=True,
        description=(
            "Every change of every draft and order of the account, in the order of their commits, "
            "each once. Nothing is ever skipped: what was committed later stands later. With "
            "`Accept: text/event-stream` the changes come as server-sent events, as they happen; "
            "`Last-Event-ID` says where to go on. An addition to the hosted API."
        ),
    ),
)
