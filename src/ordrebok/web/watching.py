"""Readers of the change feed, who wait until there is something to read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

from falcon.asgi import SSEvent
from msgspec.structs import replace

from ordrebok.decision import Watch
from ordrebok.refusals import Refusal
from ordrebok.store.bell import Ear
from ordrebok.store.interface import Row, Store, StoreUnavailable
from ordrebok.web.exchange import Request, Response

_LOOK_SECONDS: Final = 0.5
"""How often a reader that waits looks for what other processes have written."""
_BEAT_SECONDS: Final = 15.0
"""A stream with nothing to tell says so, so that nobody in between takes it for dead."""
_STREAM_SECONDS: Final = 3600.0
"""After so long a stream ends, and its reader comes back with a token that is still good."""

Turned = Callable[[], Awaitable[Refusal | None]]
"""Tells how a reader who waited would be turned away if it came now; None: it would be let in."""


async def watched(watch: Watch, store: Store, ear: Ear) -> tuple[int, Sequence[Row]] | Refusal:
    """Return the changes after a place, and the place; wait for some as long as was asked.

    Refuses: a place that the log does not reach.
    Keeps: a change that comes while this waits is answered at once, also one of another process
    within half a second.
    Raises: StoreUnavailable.
    """
    time = asyncio.get_running_loop().time
    deadline = time() + watch.wait_seconds
    with store.bell.listening(watch.account_id, ear):
        next_ = await _next(watch, store)
        after = next_ - 1 if watch.after is None else watch.after
        if after >= next_:
            return watch.beyond
        while True:
            rows = await store.read(
                "changes_after", account_id=watch.account_id, after=after, limit=watch.limit
            )
            if rows or ear.has_left() or time() >= deadline:
                return after, rows
            while not (ear.has_left() or time() >= deadline):
                if await _next(watch, store) > after + 1:
                    break
                await ear.rung(min(deadline - time(), _LOOK_SECONDS))


async def attended(
    watch: Watch,
    store: Store,
    req: Request,
    resp: Response,
    headers: Mapping[bytes, bytes],
    turned: Turned,
) -> bytes | Refusal | None:
    """Return the answer of a watch; None where it is a stream, which the response then has.

    Nothing waits on when the connection has gone, and a stream ends with what its reader may see.
    Refuses: INVALID_REQUEST_PARAMETER; after waiting, whatever a new request would be refused with.
    Raises: StoreUnavailable.
    """
    ear = Ear(store.bell)
    req.scope["leave"] = ear.leave
    if b"text/event-stream" not in headers.get(b"accept", b"").lower():
        found = await watched(watch, store, ear)
        if isinstance(found, Refusal):
            return found
        return await turned() or watch.render(found[1], found[0])
    last = headers.get(b"last-event-id")
    resumed = watch.again(last.decode("latin-1")) if last else watch
    if isinstance(resumed, Refusal):
        return resumed
    if resumed.after is not None and resumed.after >= await _next(resumed, store):
        return resumed.beyond
    resp.sse = stream(resumed, store, ear, turned)
    return None


async def stream(
    watch: Watch, store: Store, ear: Ear, turned: Turned
) -> AsyncIterator[SSEvent | None]:
    """Give changes as they happen; None says that nothing does.

    A database that is away for a while is waited for: the reader misses nothing.
    Keeps: nothing is told to a reader who could not ask for it anew.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + _STREAM_SECONDS
    yield None
    while loop.time() < end and not ear.has_left():
        try:
            found = await watched(replace(watch, wait_seconds=_BEAT_SECONDS), store, ear)
            if await turned() is not None:
                return
        except StoreUnavailable:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        if isinstance(found, Refusal):
            return
        after, rows = found
        for row in rows:
            event_id, event, body = watch.each(row)
            yield SSEvent(data=body, event=event, event_id=event_id)
            after = row["position"]
        watch = replace(watch, after=after)
        if not rows:
            yield None


async def _next(watch: Watch, store: Store) -> int:
    """Return the position that the account's next change gets; it costs less than reading."""
    rows = await store.query("feed_next", account_id=watch.account_id)
    return int(rows[0]["next"]) if rows else 1
