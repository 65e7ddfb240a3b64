"""Plans carried out where sandboxes are served: at the account's own time, and with its faults.

A server without sandboxes has nothing of this in the way of its requests.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, cast

from ordrebok.accounts.book import AccountBook
from ordrebok.decision import Call, Commit, Outcome
from ordrebok.operation import Ask, Operation, Plan, Play
from ordrebok.refusals import Refusal
from ordrebok.sandbox.boxes import Boxes
from ordrebok.sandbox.rules import has_sandbox
from ordrebok.store.dated import DatedStore
from ordrebok.store.interface import Store, StoreUnavailable
from ordrebok.web.exchange import House, Request, Response
from ordrebok.web.execute import Answer, carry_out
from ordrebok.web.protocol import DROP
from ordrebok.web.responder import Responder

_drop: Final[ContextVar[Callable[[], None] | None]] = ContextVar("drop", default=None)
"""What closes the connection of the present request; each request has a context of its own."""


class SandboxResponder(Responder):
    """Answers the requests of one operation, or closes their connection instead."""

    def __init__(
        self, operation: Operation, house: House, names: dict[str, str] | None = None
    ) -> None:
        super().__init__(operation, house, names)
        if house.boxes is not None:
            self._carry_out = Playground(house.boxes).carry_out

    async def respond(self, req: Request, resp: Response, **params: str) -> None:
        """Answer one request."""
        _drop.set(req.scope.get("extensions", {}).get(DROP))
        await super().respond(req, resp, **params)


class Playground:
    """Carries out the plans of a server that serves sandboxes."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def carry_out(
        self, plan: Plan, call: Call, store: Store, book: AccountBook
    ) -> Answer | Refusal:
        """Carry out a plan, with the fault that was planned for it. Raises: StoreUnavailable."""
        if isinstance(plan, Play):
            answer = await plan.run(self._boxes)
            return answer if isinstance(answer, Refusal) else Answer(answer)
        if isinstance(plan, Ask | Refusal) or not has_sandbox(call.account_id):
            return await carry_out(plan, call, store, book)
        fault = await self._boxes.fault_for(call)
        if fault is not None and fault.kind == "unavailable":
            raise StoreUnavailable("a fault that was planned")
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep((fault.milliseconds or 0) / 1000)
        inner = store.inner if isinstance(store, DatedStore) else store
        seen = cast("Store", _CallStore(inner, self._boxes, call))
        result = await carry_out(plan, call, seen, book)
        drop = _drop.get()
        if fault is not None and fault.kind == "drop" and drop is not None:
            drop()
        return result


class _CallStore:
    """The store as one call sees it: its commits are decided inside the account's sandbox."""

    def __init__(self, inner: Store, boxes: Boxes, call: Call) -> None:
        self._inner = inner
        self._boxes = boxes
        self._call = call

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the store has
        return getattr(self._inner, name)

    async def commit(self, commit: Commit) -> Outcome | Refusal:
        """Run a decision at the account's own time, with ids from its seed."""
        return await self._inner.commit(await self._boxes.seen(commit, self._call))
