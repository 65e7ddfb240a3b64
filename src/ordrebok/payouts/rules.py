"""Stored payout rules: versions of a rule, and the register in which they are found."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.payouts.trees import rule_faults
from ordrebok.refusals import Refusal
from ordrebok.wire.event import Event
from ordrebok.wire.payout import (
    PayoutRegister,
    PayoutRegisterEntry,
    PayoutRuleBody,
    PayoutRulesQuery,
    StoredPayoutRule,
)

PARTS: Final = 64
"""Parts of an account's register: a marketplace has thousands of rules, and each change writes
one part."""

_read_event = msgspec.json.Decoder(Event).decode
_read_body = msgspec.json.Decoder(PayoutRuleBody).decode


class Place(NamedTuple):
    """Where a rule stands: the account it is of, and the id that its type and id lead to."""

    account_id: str
    id: str


def next_version(
    standing: StoredPayoutRule | None, body: PayoutRuleBody, place: Place, actor: str, now: Instant
) -> StoredPayoutRule | Refusal:
    """Return the newest version of a rule: its first, or the one after that which stands.

    Refuses: INVALID_REQUEST_PARAMETER, with every fault of the rule.
    Keeps: a rule keeps its id and the moment it was first made; versions grow by one; a rule
    that was deleted is there again.
    Source: neighbours 4.2.
    """
    faults = rule_faults(body)
    if faults:
        return Refusal("INVALID_REQUEST_PARAMETER", faults[0].message, faults=tuple(faults))
    return StoredPayoutRule(
        id=place.id,
        rule_type=body.rule_type,
        rule_id=body.rule_id,
        destinations=body.destinations,
        metadata=body.metadata,
        account_id=place.account_id,
        rule_version=1 if standing is None else (standing.rule_version or 0) + 1,
        created_at=now.text if standing is None else standing.created_at,
        created_by=actor if standing is None else standing.created_by,
        updated_at=now.text,
    )


def deleted(rule: StoredPayoutRule, actor: str, now: Instant) -> StoredPayoutRule:
    """Return a rule as deleted: it stays readable, and no draft follows it any more."""
    return replace(rule, deleted_at=now.text, deleted_by=actor, updated_at=now.text)


def version_of(
    rule: StoredPayoutRule, events: Sequence[bytes], rule_version: int
) -> StoredPayoutRule | None:
    """Return a version of a rule as it was made, from the rule's events; None if there is none.

    So a split can be explained by the very rule that made it.
    """
    if rule_version == rule.rule_version:
        return rule
    number = 0
    for raw in events:
        event = _read_event(raw)
        if event.request is None or event.request.method != "POST":
            continue
        number += 1
        if number == rule_version:
            body = _read_body(event.request.body or "")
            return replace(
                rule,
                destinations=body.destinations,
                metadata=body.metadata,
                rule_version=number,
                updated_at=event.created_at,
                deleted_at=None,
                deleted_by=None,
            )
    return None


def part_of(id_: str) -> str:
    """Return which part of the register an id stands in."""
    return f"{int(id_[:8], 16) % PARTS:02d}"


def registered(
    register: PayoutRegister | None, rule: StoredPayoutRule, now: Instant
) -> PayoutRegister | None:
    """Return a part of the register with a rule as it now stands, None where it says so already.

    Keeps: it is written in the transaction of the rule; each rule stands once.
    """
    entry = PayoutRegisterEntry(
        id=rule.id,
        rule_type=rule.rule_type,
        rule_id=rule.rule_id,
        created_ms=Instant.of(rule.created_at).ms,
        deleted=rule.deleted_at is not None,
    )
    if register is None:
        return PayoutRegister(created_ms=now.ms, rules=(entry,))
    if entry in register.rules:
        return None
    others = tuple(each for each in register.rules if each.id != rule.id)
    return replace(register, rules=(*others, entry))


def page(
    parts: Iterable[PayoutRegister], query: PayoutRulesQuery, after: tuple[int, str] | None
) -> tuple[list[PayoutRegisterEntry], bool]:
    """Return a page of the register, newest first, and whether there is more behind it.

    Different filters must all hold, a repeated one with any of its values.
    Keeps: a rule that was there when the first page was read stands on exactly one page.
    """
    found = [
        entry
        for part in parts
        for entry in part.rules
        if (query.include_deleted or not entry.deleted)
        and (not query.rule_type or entry.rule_type in query.rule_type)
        and (not query.rule_id or entry.rule_id in query.rule_id)
        and (after is None or (entry.created_ms, entry.id) < after)
    ]
    found.sort(key=lambda entry: (entry.created_ms, entry.id), reverse=True)
    return found[: query.limit], len(found) > query.limit
