"""Plans carried out at the store: the only place where the web meets it."""

from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.accounts.book import AccountBook
from ordrebok.decision import Call, Commit, Fetch, Listing, Outcome, Reading, Watch
from ordrebok.operation import Counted, Errand, Plan, Play
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.store.bell import Ear
from ordrebok.store.interface import Store
from ordrebok.web.watching import watched

_ERASED: Final = b"null"
"""Stands for a kept answer that is gone; see queries/retention.sql."""
_COUNTED: Final = msgspec.json.Decoder(tuple[int | None, msgspec.Raw])


class Answer(NamedTuple):
    """What a plan came to, for the response."""

    body: bytes
    version: int | None = None
    """The version for the ETag header, of a versioned resource."""
    total: int | None = None
    replayed: bool = False


async def carry_out(  # noqa: C901 -- a branch for each kind of plan, and nothing else
    plan: Plan, call: Call, store: Store, book: AccountBook
) -> Answer | Refusal:
    """Carry out a plan at the store. Raises: StoreUnavailable."""
    if isinstance(plan, Commit):
        if plan.idempotency is None and call.idempotency is not None:
            plan = replace(plan, idempotency=call.idempotency)
        if call.dry_run:
            plan = replace(plan, dry_run=True)
        return _answered(await store.commit(plan))
    if isinstance(plan, Errand):
        return _answered(await plan.run(store))
    if isinstance(plan, Counted):
        counted = await carry_out(plan.commit, call, store, book)
        if isinstance(counted, Refusal):
            return counted
        total, listed = _COUNTED.decode(counted.body)
        return Answer(bytes(listed), total=total)
    if isinstance(plan, Fetch):
        return await _fetched(plan, store)
    if isinstance(plan, Listing):
        page = await store.page(plan)
        return Answer(plan.render(page), None, page.total if plan.with_total else None)
    if isinstance(plan, Reading):
        return await _read(plan, store)
    if isinstance(plan, Watch):
        found = await watched(plan, store, Ear(store.bell))
        return found if isinstance(found, Refusal) else Answer(plan.render(found[1], found[0]))
    if isinstance(plan, Refusal):
        return plan
    answer = await plan.run(None if isinstance(plan, Play) else book)
    return answer if isinstance(answer, Refusal) else Answer(answer)


def _answered(outcome: Outcome | Refusal) -> Answer | Refusal:
    """Return what a commit came to."""
    if isinstance(outcome, Refusal):
        return outcome
    if outcome.replayed and outcome.answer == _ERASED:
        return refuse("NOT FOUND", "This was done, and the answer is erased with what it told of")
    return Answer(outcome.answer, outcome.version, None, outcome.replayed)


async def _read(plan: Reading, store: Store) -> Answer | Refusal:
    """Run a named query and render its rows."""
    if plan.of is not None:
        key, noun = plan.of
        if await store.fetch(key, with_events=False) is None:
            return not_found(noun)
    run = store.execute if plan.writes else store.read
    rendered = plan.render(await run(plan.name, **plan.params))
    return rendered if isinstance(rendered, Refusal) else Answer(rendered)


async def _fetched(plan: Fetch, store: Store) -> Answer | Refusal:
    """Read one document and render it."""
    stored = await store.fetch(plan.key, with_events=plan.with_events)
    if stored is None:
        return not_found(plan.noun)
    body = plan.render(stored)
    if isinstance(body, Refusal):
        return body
    return Answer(body, stored.version if plan.versioned else None)
