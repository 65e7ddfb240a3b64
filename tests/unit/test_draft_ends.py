"""Drafts that were completed or deleted: what may still change in them, and what may not."""

import msgspec
import pytest

from ordrebok.drafts import rules
from ordrebok.refusals import Refusal
from ordrebok.wire.draft import Draft, DraftUpdate
from tests.support.builders import (
    ACTOR,
    LATER,
    a_body,
    a_completed_draft,
    a_deleted_draft,
    a_draft,
    accepted,
    lines,
)


def change(text: str) -> DraftUpdate:
    """Return the change that a JSON text says."""
    return msgspec.json.decode(text, type=DraftUpdate)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"order": {"metadata": {"a": 1}}}', []),
        ('{"order": {"comment": "x"}}', []),
        ('{"order": {"comment": null, "metadata": null}}', []),
        ("{}", []),
        ('{"order": {"items": []}}', [("order", "items")]),
        ('{"order": {"currency": "SEK"}}', [("order", "currency")]),
        (
            '{"order": {"customer": null, "comment": "x"}, "options": {"split_draft": true}}',
            [("order", "customer"), ("options", "split_draft")],
        ),
    ],
)
def test_after_completion_only_notes_may_change(text: str, expected: list[tuple[str, ...]]) -> None:
    """The refusal lists every property that is fixed."""
    after = rules.update(a_completed_draft(), change(text), LATER, None)
    if not expected:
        assert (accepted(after).status, accepted(after).version) == ("completed", 3)
    else:
        assert isinstance(after, Refusal)
        assert after.code == "DRAFT_COMPLETED"
        assert [fault.path for fault in after.faults] == expected


@pytest.mark.parametrize(
    ("draft", "expected"),
    [(a_completed_draft(), "DRAFT_COMPLETED"), (a_deleted_draft(), "DRAFT_DELETED")],
)
def test_a_draft_that_is_not_open_takes_no_lines(draft: Draft, expected: str) -> None:
    """Adding, replacing and removing are refused alike."""
    for refusal in (
        rules.add_item(draft, a_body(), LATER, None),
        rules.replace_item(draft, 1, a_body(), LATER),
        rules.remove_item(draft, 1, LATER),
    ):
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == (expected, 409)


def test_a_deleted_draft_takes_no_change_at_all() -> None:
    """Not even a note."""
    refusal = rules.update(a_deleted_draft(), change('{"order": {"comment": "x"}}'), LATER, None)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "DRAFT_DELETED"


def test_deleting_marks_the_draft_and_keeps_its_content() -> None:
    """It stays readable, with who deleted it and when."""
    draft = a_draft(lines(100))
    gone = accepted(rules.delete(draft, ACTOR, LATER))
    assert (gone.status, gone.deleted_by, gone.deleted_at) == ("deleted", ACTOR, LATER.text)
    assert (gone.order, gone.version) == (draft.order, 2)


def test_a_completed_draft_is_not_deleted() -> None:
    """Its orders refer to it."""
    refusal = rules.delete(a_completed_draft(), ACTOR, LATER)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "DRAFT_COMPLETED"
