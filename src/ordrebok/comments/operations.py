"""The rows of the API for comments on an order."""

from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Fetch, Key, State, Stored
from ordrebok.events.rules import change_event
from ordrebok.operation import READ, WRITE, Operation, Plan
from ordrebok.orders.record import decode, key_of, live_order, put
from ordrebok.orders.rules import touched
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.comment import Comment, CommentBody, Comments
from ordrebok.wire.order import Order

_PATH = "/accounts/{aid}/shopping/orders/{order_id}/comments"


def _written(
    state: State, call: Call, key: Key, order: Order, comments: tuple[Comment, ...], answer: Comment
) -> Decision:
    """Return the decision that puts down an order's comments and answers with one of them."""
    after = touched(replace(order, comments=comments), state.now)
    event = change_event(call, state.new_id(), after.version, state.now)
    return Decision((put(key, order, after, event),), encode(answer), after.version)


def _same(comment: Comment, body: CommentBody) -> bool:
    """Tell whether a comment that stands is the very one that came in again."""
    return comment.body == body.body and comment.visibility == body.visibility


def _add(call: Call) -> Plan:
    """Add a comment, whatever the order's status."""
    body, key = call.body_as(CommentBody), key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load the order, add the comment unless it stands already."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        standing = next((c for c in order.comments if c.id == body.id), None)
        if standing is not None:
            if not _same(standing, body):
                return refuse("ID_TAKEN", f"The comment id {body.id} is taken", id=body.id)
            return Decision((), encode(standing), order.version)
        comment = Comment(
            id=body.id or state.new_id(),
            body=body.body,
            visibility=body.visibility,
            created_at=state.now.text,
            created_by=call.actor_id,
        )
        return _written(state, call, key, order, (*order.comments, comment), comment)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _remove(call: Call) -> Plan:
    """Mark a comment as deleted; one that is deleted already comes back as it is."""
    key, comment_id = key_of(call), call.params["comment_id"]

    def decide(state: State) -> Decision | Refusal:
        """Load the order, mark the comment."""
        order = live_order(state, key)
        if isinstance(order, Refusal):
            return order
        standing = next((c for c in order.comments if c.id == comment_id), None)
        if standing is None:
            return not_found("Comment")
        if standing.deleted_at is not None:
            return Decision((), encode(standing), order.version)
        gone = replace(standing, deleted_at=state.now.text, deleted_by=call.actor_id)
        comments = tuple(gone if c is standing else c for c in order.comments)
        return _written(state, call, key, order, comments, gone)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _list(call: Call) -> Plan:
    """Read the comments that stand."""

    def render(stored: Stored) -> bytes:
        """Make the answer of the order's comments."""
        comments = decode(stored.body).comments
        return encode(Comments(comments=tuple(c for c in comments if c.deleted_at is None)))

    return Fetch(key=key_of(call), noun="Order", render=render)


OPERATIONS = (
    Operation(
        id="aid_orders_id_comments_get",
        method="GET",
        path=_PATH,
        summary="Comments collection",
        tag="orderlist",
        scopes=READ,
        answer=Comments,
        plan=_list,
        refusals=("NOT FOUND",),
        versioned=True,
        description="Deleted comments are left out; the order itself shows them with their marks.",
    ),
    Operation(
        id="aid_orders_id_comments_post",
        method="POST",
        path=_PATH,
        summary="Create a comment",
        tag="ordercomments",
        scopes=WRITE,
        body=CommentBody,
        answer=Comment,
        plan=_add,
        refusals=("NOT FOUND", "ID_TAKEN"),
        versioned=True,
    ),
    Operation(
        id="aid_orders_id_comments_id_delete",
        method="DELETE",
        path=_PATH + "/{comment_id}",
        summary="Delete a comment",
        tag="ordercomments",
        scopes=WRITE,
        answer=Comment,
        plan=_remove,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
)
