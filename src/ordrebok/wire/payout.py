"""How the money of an item is split between accounts: rules, resolved trees, flat shares."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ordrebok.wire.base import (
    MAX_INTEGER,
    Amount,
    DecimalText,
    Metadata,
    Text,
    Timestamp,
    Wire,
)
from ordrebok.wire.query import Cursor, Query

ShareType: TypeAlias = Literal["percentage", "flat_amount", "remaining_amount"]
ShareValue: TypeAlias = (
    DecimalText | Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)] | None
)


class DestinationNode(Wire, frozen=True, kw_only=True):
    """One share of a level: a leaf names an account, a branch is split further."""

    type: ShareType
    value: ShareValue = None
    destination: Text | None = None
    destinations: tuple["DestinationNode", ...] | None = None


class PayoutRuleBody(Wire, frozen=True, kw_only=True):
    """A rule as a client writes it: a tree found by its type and id."""

    rule_type: Text
    rule_id: Text
    destinations: Annotated[tuple[DestinationNode, ...], Meta(min_length=1)]
    metadata: Metadata | None = None


class PayoutRule(PayoutRuleBody, frozen=True, kw_only=True):
    """A rule in force for a draft, with the account and version it was taken from."""

    account_id: Text | None = None
    rule_version: int | None = None


class StoredPayoutRule(PayoutRule, frozen=True, kw_only=True):
    """One version of a rule that the account keeps for all its drafts."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp | None = None
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None


class PayoutRules(Wire, frozen=True, kw_only=True):
    """The collection of an account's payout rules."""

    payout_rules: tuple[StoredPayoutRule, ...]
    starting_after: Text | None = None


class PayoutRulesQuery(Query, frozen=True, kw_only=True, gc=False):
    """Filters of the list of payout rules."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Rows of a page, 1 to 1000.")] = 100
    starting_after: Cursor | None = None
    rule_type: tuple[str, ...] = ()
    rule_id: tuple[str, ...] = ()
    include_deleted: bool = False


class PayoutRuleQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which version of a payout rule is read."""

    rule_version: (
        Annotated[int, Meta(ge=1, le=MAX_INTEGER, description="The newest when absent.")] | None
    ) = None


class PayoutRegisterEntry(Wire, frozen=True, kw_only=True):
    """What the register of an account's payout rules says of one of them."""

    id: Text
    rule_type: Text
    rule_id: Text
    created_ms: int
    deleted: bool = False


class PayoutRegister(Wire, frozen=True, kw_only=True):
    """A part of the register of an account's payout rules; it is never answered."""

    created_ms: int
    rules: tuple[PayoutRegisterEntry, ...]


class Payout(Wire, frozen=True, kw_only=True):
    """The payout option of a draft: which rules exist, and how an item finds its own."""

    resolve_rule_id: Annotated[
        Text | None, Meta(description="Path to the rule id, such as order.items.store.id.")
    ] = None
    resolve_rule_type: Text | None = None
    rules: tuple[PayoutRule, ...] | None = None


class DynamicPayout(Wire, frozen=True, kw_only=True):
    """The rule that an item names itself; it wins over the resolved one."""

    rule_type: Text | None = None
    rule_id: Text | None = None


class ResolvedNode(Wire, frozen=True, kw_only=True):
    """One share of a resolved tree: the node of the rule with its amount filled in."""

    type: ShareType | None = None
    value: ShareValue = None
    amount: Amount | None = None
    destination: Text | None = None
    destinations: tuple["ResolvedNode", ...] | None = None


class ItemPayout(Wire, frozen=True, kw_only=True):
    """The split of one item, and the rule it came from so that operations can name it."""

    destinations: tuple[ResolvedNode, ...]
    rule_id: Text | None = None
    rule_type: Text | None = None
    rule_version: int | None = None


class PayoutShare(Wire, frozen=True, kw_only=True):
    """What one account gets of an operation's item."""

    destination: Text | None = None
    amount: Amount


class OperationPayout(Wire, frozen=True, kw_only=True):
    """The split of one operation's item, flattened to its accounts."""

    rule_id: Text | None = None
    rule_type: Text | None = None
    destinations: tuple[PayoutShare, ...]
