"""The rows of the API for deliveries: look at them, send them again, ping."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ordrebok.clock import instant, milliseconds
from ordrebok.decision import Also, Call, Commit, Decision, Reading, State
from ordrebok.ids import first_ordered_id, moment_of
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.webhooks import schedule
from ordrebok.webhooks.deliveries import ping_of, rows_of
from ordrebok.webhooks.record import NOUN, hook_key
from ordrebok.wire.base import encode
from ordrebok.wire.delivery import (
    DeliveriesQuery,
    DeliveryDetails,
    HookDelivery,
    HookDeliveryDetail,
    ReceivedAnswer,
    ResendBody,
    Resent,
    SentRequest,
)
from ordrebok.wire.hook import StoredHook

PATH: Final = "/accounts/{aid}/hooks/subscriptions"
ONE: Final = PATH + "/{hid}"
READ: Final = ("admin:hooks", "read:hooks")
WRITE: Final = ("admin:hooks", "write:hooks")
TAG: Final = "hooks"
_TOGETHER: Final = 1_000
"""Deliveries that one request sends again, at most."""
_AFTER_ALL: Final = "~"
"""Stands behind every id."""

Row = Mapping[str, Any]


def ping(account_id: str, hook: StoredHook, state: State) -> Also:
    """Return the statement that has a ping sent; a subscription that is paused gets it later."""
    delivery = ping_of(hook, state.new_id(), state.now.ms)
    place = {"account_id": account_id, "hook_id": hook.id}
    return Also("deliveries_put", {**place, **rows_of([delivery])})


def _ping(call: Call) -> Plan:
    """Send a ping."""
    key = hook_key(call.account_id, call.params["hid"])

    def decide(state: State) -> Decision | Refusal:
        """Put it in the row of what is to be sent."""
        hook = state.get(key, StoredHook)
        if hook is None:
            return not_found(NOUN)
        if hook.status not in {"active", "paused"}:
            return refuse("HOOK_ENDED", status=hook.status)
        return Decision((), b"", also=(ping(call.account_id, hook, state),))

    return Commit(keys=(key,), decide=decide, idempotency=call.idempotency)


def _of_hook(call: Call, **params: object) -> dict[str, object]:
    """Return the parameters of a query about one subscription's deliveries."""
    return {"account_id": call.account_id, "hook_id": call.params["hid"], **params}


def _list(call: Call) -> Plan:
    """List what was told to a subscription, newest first."""
    query = call.query_as(DeliveriesQuery)
    return Reading(
        "deliveries_of",
        _of_hook(call, before=query.starting_after or _AFTER_ALL, limit=query.limit),
        lambda rows: encode([_shown(row) for row in rows]),
        of=(hook_key(call.account_id, call.params["hid"]), NOUN),
    )


def _read(call: Call) -> Plan:
    """Read one delivery, whole."""

    def render(rows: Sequence[Row]) -> bytes | Refusal:
        """Show it, if it is there."""
        return encode(_detail(rows[0])) if rows else not_found("Delivery")

    return Reading("delivery", _of_hook(call, id=call.params["delivery_id"]), render)


def _again(call: Call) -> Plan:
    """Send one delivery once more."""

    def render(rows: Sequence[Row]) -> bytes | Refusal:
        """Show it as it waits now."""
        return encode(_shown(rows[0])) if rows else not_found("Delivery")

    params = _of_hook(call, id=call.params["delivery_id"])
    return Reading("delivery_again", params, render, writes=True)


def _all_again(call: Call) -> Plan:
    """Send what was told in a span of time once more."""
    body = call.body_as(ResendBody)
    end = _AFTER_ALL if body.to is None else first_ordered_id(milliseconds(body.to))

    def render(rows: Sequence[Row]) -> bytes:
        """Say how many that were, and where the rest begins.

        Of what was made in the last one's millisecond some may be sent twice, and none is left out.
        """
        if len(rows) < _TOGETHER:
            return encode(Resent(deliveries=len(rows), more=False))
        last_ms = moment_of(max(row["id"] for row in rows))
        return encode(Resent(deliveries=len(rows), more=True, next_from=instant(last_ms).text))

    return Reading(
        "deliveries_again",
        _of_hook(
            call,
            from_id=first_ordered_id(max(0, milliseconds(body.from_))),
            to_id=end,
            any_state=body.only == "all",
            limit=_TOGETHER,
        ),
        render,
        of=(hook_key(call.account_id, call.params["hid"]), NOUN),
        writes=True,
    )


def _facts(row: Row) -> dict[str, Any]:
    """Return what every form of a delivery tells."""
    due_ms: int | None = row["due_ms"]
    return {
        "id": row["id"],
        "event_delivery": row["event_delivery"],
        "event": row["event"],
        "created_at": instant(row["created_ms"]).text,
        "status": row["status"],
        "state": row["state"],
        "attempts": row["attempts"],
        "next_attempt_at": instant(due_ms).text if due_ms else None,
    }


def _shown(row: Row) -> HookDelivery:
    """Return a delivery as a list shows it."""
    return HookDelivery(**_facts(row))


def _detail(row: Row) -> HookDeliveryDetail:
    """Return a delivery, whole; one that was not tried yet has no answer."""
    sent = SentRequest(
        headers=msgspec.json.decode(row["request_headers"], type=dict[str, str]),
        body=msgspec.json.decode(row["body"]) if row["body"] else None,
    )
    response = details = None
    if row["attempted_ms"] is not None:
        details = DeliveryDetails(
            delivery_at=instant(row["attempted_ms"]).text,
            delivery_duration=row["duration_ms"],
            delivery_success=schedule.verdict(row["status"]) == "delivered",
            failure=row["fault"],
        )
        if row["status"] is not None:
            headers = msgspec.json.decode(row["response_headers"], type=dict[str, str])
            response = ReceivedAnswer(headers=headers, body=row["response_body"])
    return HookDeliveryDetail(
        **_facts(row), url=row["url"], request=sent, response=response, details=details
    )


OPERATIONS = (
    Operation(
        id="aid_hooks_subscriptions_hid_ping_post",
        method="POST",
        path=ONE + "/ping",
        summary="Ping subscription",
        tag=TAG,
        scopes=WRITE,
        answer=type(None),
        plan=_ping,
        refusals=("NOT FOUND", "HOOK_ENDED"),
        empty=True,
        description="The body of a ping is the subscription itself.",
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_deliveries_get",
        method="GET",
        path=ONE + "/deliveries",
        summary="List deliveries",
        tag=TAG,
        scopes=READ,
        query=DeliveriesQuery,
        answer=list[HookDelivery],
        plan=_list,
        refusals=("NOT FOUND",),
        description=(
            "Newest first, kept for seven days. `starting_after` is the `id` of the last one of a "
            "page."
        ),
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_deliveries_did_get",
        method="GET",
        path=ONE + "/deliveries/{delivery_id}",
        summary="Get delivery",
        tag=TAG,
        scopes=READ,
        answer=HookDeliveryDetail,
        plan=_read,
        refusals=("NOT FOUND",),
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_deliveries_did_resend_post",
        method="POST",
        path=ONE + "/deliveries/{delivery_id}/resend",
        summary="Send a delivery again",
        tag=TAG,
        scopes=WRITE,
        answer=HookDelivery,
        plan=_again,
        refusals=("NOT FOUND",),
        description=(
            "With the same body and the same `event-delivery`. A delivery of a subscription that "
            "has ended is not found. An addition of ours."
        ),
    ),
    Operation(
        id="aid_hooks_subscriptions_hid_resend_post",
        method="POST",
        path=ONE + "/resend",
        summary="Send deliveries of a span of time again",
        tag=TAG,
        scopes=WRITE,
        body=ResendBody,
        answer=Resent,
        plan=_all_again,
        refusals=("NOT FOUND",),
        description=(
            "At most 1,000 at once, the oldest first; `next_from` is then the `from` for the rest. "
            "An addition of ours."
        ),
    ),
)
