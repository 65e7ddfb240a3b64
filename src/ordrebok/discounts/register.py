"""The register of an account's rules: which there are, in which state, and page by page."""

import hashlib
from collections.abc import Sequence

from msgspec.structs import replace

from ordrebok.clock import Instant, milliseconds
from ordrebok.refusals import Fault, Refusal
from ordrebok.wire.base import encode
from ordrebok.wire.discount import Rule
from ordrebok.wire.discount_query import RulesQuery
from ordrebok.wire.discount_ref import Register, RegisterEntry

_DIGEST = 32
"""Hexadecimal digits: enough that no two rules ever share them."""


def entry_of(rule: Rule) -> RegisterEntry:
    """Return what the register says of a rule."""
    return RegisterEntry(
        id=rule.id,
        digest=hashlib.sha256(encode(rule)).hexdigest()[:_DIGEST],
        created_ms=Instant.of(rule.created_at).ms,
        updated_ms=Instant.of(rule.updated_at).ms,
        from_ms=milliseconds(rule.requirement.purchase_from),
        to_ms=milliseconds(rule.requirement.purchase_to),
        active=rule.active,
        private=rule.private,
        deleted=rule.deleted_at is not None,
        campaign_id=rule.campaign_id,
    )


def registered(register: Register | None, rule: Rule, now: Instant) -> Register:
    """Return the register with a rule as it now stands: a new one last, a known one in its place.

    Keeps: the register is written in the same transaction as the rule, so that its versions are
    those of the rules.
    """
    entry = entry_of(rule)
    if register is None:
        return Register(version=1, created_ms=now.ms, rules=(entry,))
    rules = list(register.rules)
    place = next((i for i, each in enumerate(rules) if each.id == rule.id), len(rules))
    rules[place : place + 1] = [entry]
    return replace(register, version=register.version + 1, rules=tuple(rules))


def page(register: Register | None, query: RulesQuery, now: Instant) -> list[str] | Refusal:
    """Return the ids of a page of rules, newest first; by their changes where since is asked.

    Refuses: INVALID_REQUEST_PARAMETER for since_datetime beside starting_after, and for a
    starting_after that names no rule.
    Source: neighbours 3.2 and 8.
    """
    if query.since_datetime is not None and query.starting_after is not None:
        return _invalid("since_datetime", "since_datetime does not go with starting_after")
    rules: Sequence[RegisterEntry] = () if register is None else register.rules
    if query.since_datetime is not None:
        since = milliseconds(query.since_datetime)
        found = sorted(
            (each for each in rules if each.updated_ms >= since),
            key=lambda each: (each.updated_ms, each.id),
        )
    else:
        found = list(reversed(rules))
    after = query.starting_after
    if after is not None:
        place = next((i for i, each in enumerate(found) if each.id == after), None)
        if place is None:
            return _invalid("starting_after", f"there is no rule {after}")
        found = found[place + 1 :]
    fitting = [each.id for each in found if _fits(each, query, now.ms)]
    return fitting[: query.limit]


def _fits(entry: RegisterEntry, query: RulesQuery, now_ms: int) -> bool:
    """Tell whether a rule satisfies all filters."""
    if query.purchase_from is not None and entry.from_ms < milliseconds(query.purchase_from):
        return False
    if query.purchase_to is not None and entry.to_ms > milliseconds(query.purchase_to):
        return False
    if query.campaign_id and entry.campaign_id not in query.campaign_id:
        return False
    live = not entry.deleted
    states = {
        None: live,
        "all": True,
        "deleted": entry.deleted,
        "inactive": live and not entry.active,
        "available": live and entry.active,
        "active": live and entry.active and entry.from_ms <= now_ms <= entry.to_ms,
        "scheduled": live and entry.active and now_ms < entry.from_ms,
        "completed": live and entry.to_ms < now_ms,
    }
    return states[query.state]


def _invalid(name: str, message: str) -> Refusal:
    """Return the refusal of one query parameter."""
    fault = Fault("INVALID_CURSOR", message, (name,), "one of the two, naming a rule of the list")
    return Refusal("INVALID_REQUEST_PARAMETER", message, faults=(fault,))


def invalid_cursor(message: str) -> Refusal:
    """Return the refusal of a starting_after that names no row of the list."""
    fault = Fault("INVALID_CURSOR", message, ("starting_after",), "the id of a row of the list")
    return Refusal("INVALID_REQUEST_PARAMETER", message, faults=(fault,))
