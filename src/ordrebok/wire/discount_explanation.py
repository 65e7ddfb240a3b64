"""Why each discount rule does or does not apply to a draft."""

from typing import Any

from ordrebok.wire.base import Amount, LineId, Text, Timestamp, Wire
from ordrebok.wire.discount import RuleType


class FailedRequirement(Wire, frozen=True, kw_only=True):
    """The first requirement that a purchase did not satisfy."""

    requirement: Text
    message: Text
    required: Any = None
    found: Any = None


class ExplainedItem(Wire, frozen=True, kw_only=True):
    """What one line gets of a rule: money off, or a bonus."""

    line_id: LineId
    amount: Amount | None = None
    bonus: Amount | None = None


class ExplainedDiscount(Wire, frozen=True, kw_only=True):
    """One rule that was considered, through one of its refs."""

    id: Text
    ref_id: Text
    type: RuleType
    applied: bool
    name: Text | None = None
    amount: Amount | None = None
    bonus: Amount | None = None
    stamp: int | None = None
    items: tuple[ExplainedItem, ...] | None = None
    failed: FailedRequirement | None = None


class DraftDiscounts(Wire, frozen=True, kw_only=True):
    """Every rule that was considered for a draft: applied ones first, in their order."""

    purchase_at: Timestamp
    discounts: tuple[ExplainedDiscount, ...]
