"""One subscription: reads the log from where it stands, sends, and notes how far it has come."""

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from ordrebok import clock
from ordrebok.decision import Also, Call
from ordrebok.delivery.outcome import Outcome
from ordrebok.delivery.outgoing import Outgoing
from ordrebok.delivery.round import Round, Waiting
from ordrebok.delivery.turns import Turns
from ordrebok.sandbox.clocks import Clocks
from ordrebok.store.bell import Ear
from ordrebok.store.interface import Row, Store, StoreUnavailable
from ordrebok.webhooks import rules, schedule, signatures
from ordrebok.webhooks.body import choice_of
from ordrebok.webhooks.deliveries import (
    Answered,
    Delivery,
    Maker,
    Place,
    after_attempt,
    in_portions,
    of_row,
    rows_of,
)
from ordrebok.webhooks.record import (
    NO_MORE,
    STAND_STILL,
    Following,
    Rule,
    change,
    decode,
    hook_key,
)
from ordrebok.wire.hook import StoredHook

_TOGETHER: Final = 100
"""Changes, and deliveries that were tried before, that are dealt with in one round."""
_BYTES: Final = 8 * 1024 * 1024
"""Of bodies, in one statement and, once it is known how long they are, in one round."""
_AT_ONCE: Final = 16
"""Documents that are told of at the same time; those of one document go one after the other."""
_TIRED: Final = 3
"""After so many calls in a row that nobody took, the whole subscription rests."""
_SAVED_EVERY: Final = 1_000
"""Changes nobody wants to be told of, after which the place in the log is noted all the same."""
_LOOKED_THROUGH: Final = 5_000
"""Places in the log that are gone through in one round."""
_GATHER_SECONDS: Final = 0.02
_STREAM_SECONDS: Final = 0.1
"""While changes follow each other, those of this time are told of together."""
_LOOK_SECONDS: Final = 1.0
_NEVER_MS: Final = 1 << 62
_OVERLOADED: Final = frozenset({429, 502, 503, 504})
"""Answers that say that the receiver as a whole is not there, not that it minds this delivery."""


class Standing(msgspec.Struct):
    """How far a subscription has come, and how it fares."""

    position: int
    failures: int
    """Calls in a row that nobody took."""
    failing_since_ms: int | None
    next_ms: int
    """Until when the whole subscription rests."""


class Tools(msgspec.Struct, frozen=True):
    """What every follower of a server works with."""

    store: Store
    clocks: Clocks
    outgoing: Outgoing
    holder: str
    is_held: Callable[[], bool]
    """Whether what this server holds is surely still held."""
    count: Callable[[str], None]
    """Takes the outcome of each attempt."""
    turns: Turns


class Served(msgspec.Struct, frozen=True):
    """A subscription as it stands, and what is made of it once for all its deliveries."""

    hook: StoredHook
    maker: Maker
    signer: signatures.Signer
    kinds: frozenset[str]
    """Kinds of documents that it is told of."""


class HasEnded(Exception):  # noqa: N818 -- nothing went wrong
    """The subscription is paused, ended or deleted, or was changed since this began."""


class Follower:
    """Sends to one subscription, for as long as this server holds it."""

    def __init__(self, account_id: str, hook_id: str, standing: Standing, tools: Tools) -> None:
        """Go on from where it stands."""
        self.ear = Ear(tools.store.bell)
        self._account_id = account_id
        self._hook_id = hook_id
        self._place: dict[str, object] = {"account_id": account_id, "hook_id": hook_id}
        self._standing = standing
        self._saved = standing.position
        self._tools = tools
        self._store = tools.store
        self._blocked: dict[Place, Waiting] = {}
        """Documents of which something waits to be sent again."""
        self._next_due_ms = 0
        """When something of them is due; now, while that is not known."""
        self._has_looked = False
        self._unsaved: list[Delivery] = []
        """What has become of deliveries, until it is written down."""
        self._served: Served | None = None
        self._version = 0
        """The version of the subscription that is served here."""
        self._limit = _TOGETHER
        self._ids_ms = 0
        self._numbers = itertools.count()
        self._told_at = 0.0

    def wake(self) -> None:
        """Look, also for what is due."""
        self._next_due_ms = 0
        self.ear.heard.set()

    async def run(self) -> None:
        """Send what there is, then wait for more, until the subscription ends."""
        with self._store.bell.listening(self._account_id, self.ear):
            while not self.ear.has_left():
                try:
                    if self._unsaved:  # It could not be written down when it happened.
                        await self._save()
                    while await self._round():
                        pass
                except StoreUnavailable:
                    await asyncio.sleep(_LOOK_SECONDS)
                except HasEnded:
                    return
                else:
                    await self._wait()
            with suppress(StoreUnavailable):
                await self._save()

    async def _wait(self) -> None:
        """Wait until something has happened, or is due."""
        while not await self.ear.rung(_LOOK_SECONDS):
            now_ms = self._now_ms()
            if self._blocked and self._next_due_ms <= now_ms:
                return
            if self._standing.failures and self._standing.next_ms <= now_ms:
                return
        # What comes in a crowd is sent in a crowd.
        quiet = time.monotonic() - self._told_at > _LOOK_SECONDS
        await asyncio.sleep(_GATHER_SECONDS if quiet else _STREAM_SECONDS)

    def _may_send(self) -> bool:
        """Tell whether to go on: the subscription is held here, and the server stays."""
        return self._tools.is_held() and not self.ear.has_left()

    # ------------------------------------------------------------------ one round

    async def _round(self) -> bool:
        """Send what there is now, at most so much; tell whether there may be more at once."""
        now_ms = self._now_ms()
        if not self._may_send() or now_ms < self._standing.next_ms:
            return False
        served = await self._hook()
        if not self._has_looked:
            await self._look_what_waits()
        due = await self._due(now_ms)
        changes, position, more = await self._changes(served.kinds)
        round_ = Round(due, self._new(served.maker, changes, now_ms), self._blocked, now_ms)
        await self._send(served, round_)
        moved = position != self._standing.position
        self._standing.position = round_.reached(position)
        self._keep_in_mind(round_.rows())
        if changes:
            self._told_at = time.monotonic()
        if self._unsaved or not moved or position - self._saved >= _SAVED_EVERY:
            await self._save()
        await self._judge(served.hook, round_)
        if round_.stopped or not self._may_send():
            return False
        return len(due) == _TOGETHER or more or bool(round_.parked)

    async def _changes(self, kinds: frozenset[str]) -> tuple[Sequence[Row], int, bool]:
        """Return changes that may be of interest, up to which place they all are, and if more are.

        Bodies are read only of the kind of documents that the subscription follows.
        """
        after = self._standing.position
        found = await self._store.query("feed_next", account_id=self._account_id)
        end = found[0]["next"] - 1 if found else after
        if end <= after:
            return (), after, False
        upto = min(end, after + _LOOKED_THROUGH)
        changes = await self._store.read(
            "changes_to_send",
            account_id=self._account_id,
            after=after,
            upto=upto,
            drafts="draft" in kinds,
            orders="order" in kinds,
            limit=self._limit,
        )
        full = len(changes) == self._limit
        size = sum(len(row["body"]) for row in changes)
        much = size > _BYTES
        self._limit = max(1, self._limit * _BYTES // size) if much else _TOGETHER
        return changes, changes[-1]["position"] if full else upto, full or upto < end

    async def _hook(self) -> Served:
        """Return the subscription as it now is. Raises: HasEnded."""
        found = await self._store.fetch(
            hook_key(self._account_id, self._hook_id), with_events=False
        )
        if found is None or self._version not in (0, found.version):
            raise HasEnded  # It was changed: whoever follows it now begins where that left it.
        if self._served is None:
            hook = decode(found.body)
            if hook.status != "active":
                raise HasEnded
            self._version = found.version
            self._served = Served(
                hook=hook,
                maker=Maker(self._account_id, hook, choice_of(hook)),
                signer=signatures.Signer(hook),
                kinds=frozenset(name.split("_")[1] for name in hook.events),
            )
        return self._served

    async def _due(self, now_ms: int) -> list[Delivery]:
        """Return what waited until now, in the order in which it is to be sent."""
        if now_ms < self._next_due_ms:
            return []
        rows = await self._store.query(
            "deliveries_due", **self._place, now_ms=now_ms, limit=_TOGETHER
        )
        self._has_looked = False  # Perhaps nothing waits any longer, or until later.
        return sorted(map(of_row, rows), key=lambda delivery: delivery.id)

    def _new(self, maker: Maker, changes: Iterable[Row], now_ms: int) -> list[Delivery]:
        """Return the deliveries of changes, without those that the subscription does not want."""
        if now_ms > self._ids_ms:  # Ids grow, also where the clock is set back.
            self._ids_ms, self._numbers = now_ms, itertools.count()
        make = maker.of_change
        made = [make(row, now_ms, (self._ids_ms, next(self._numbers))) for row in changes]
        return [delivery for delivery in made if delivery is not None]

    async def _send(self, served: Served, round_: Round) -> None:
        """Send, several documents at once; stop when nobody takes anything."""
        groups = deque(round_.groups())

        async def work() -> None:
            while groups and not round_.stopped:
                await self._tell(served, groups.popleft(), round_)

        # A receiver that did not answer is asked by one at a time, until it does.
        while groups and self._standing.failures and not round_.stopped:
            await self._tell(served, groups.popleft(), round_)
        workers = min(_AT_ONCE, len(groups))
        if workers == 1:
            await work()
        elif workers:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())

    async def _tell(self, served: Served, deliveries: Sequence[Delivery], round_: Round) -> None:
        """Send what there is about one document, in order, up to the first that is not taken."""
        for number, delivery in enumerate(deliveries):
            async with self._tools.turns.turn():
                if round_.stopped or not self._may_send():
                    return
                answered = await self._attempt(served, delivery)
                verdict = schedule.verdict(answered.status)
                chance = _chance() if verdict == "failed" else 0.0
                after = after_attempt(delivery, answered, self._now_ms(), chance)
            round_.note(after)
            self._tools.count("failed" if after.state == "waiting" else after.state)
            self._fare(verdict, answered.status, round_)
            if verdict == "gone":
                round_.gone = round_.stopped = True
            if after.state == "waiting":
                round_.leave(deliveries[number + 1 :], after.due_ms)
                return

    def _fare(self, verdict: schedule.Verdict, status: int | None, round_: Round) -> None:
        """Note how the subscription fares; one that nobody answers rests for a while."""
        standing = self._standing
        if verdict in {"delivered", "ignored"}:
            standing.failures, standing.failing_since_ms, standing.next_ms = 0, None, 0
            return
        if standing.failing_since_ms is None:
            standing.failing_since_ms = self._now_ms()
        if status is not None and status not in _OVERLOADED:
            standing.failures = 0
            return
        standing.failures += 1
        if standing.failures >= _TIRED:
            round_.stopped = True
            rest_ms = schedule.backoff_ms(standing.failures - _TIRED + 1, _chance())
            standing.next_ms = self._now_ms() + rest_ms

    async def _attempt(self, served: Served, delivery: Delivery) -> Answered:
        """Send one delivery."""
        body, config = delivery.body, served.hook.config
        message = signatures.Message(delivery.event_delivery, delivery.event, body)
        # Receivers compare the time of a signature with their own clock.
        headers = served.signer.headers(message, clock.now().ms)
        url, insecure = config.url, bool(config.insecure_ssl)
        outcome: Outcome = await self._tools.outgoing.send(url, headers, body, insecure=insecure)
        return Answered(
            url=url,
            request_headers=_without_secrets(headers),
            status=outcome.status,
            failure=outcome.failure,
            response_headers=outcome.headers,
            response_body=outcome.body,
            duration_ms=outcome.duration_ms,
        )

    # ------------------------------------------------------------------ what is written down

    async def _save(self) -> None:
        """Write down what became of deliveries, and how far this has come, together.

        Keeps: what could not be written stays to be written, before anything else is sent.
        """
        if not self._unsaved and self._saved == self._standing.position:
            return
        statements = [self._moved()]
        statements += [
            Also("deliveries_put", {**self._place, **rows_of(rows)})
            for rows in in_portions(self._unsaved, _BYTES)
        ]
        passed: dict[str, object] = {
            "account_id": self._account_id,
            "after": self._saved,
            "position": self._standing.position,
        }
        statements.append(Also("history_passed", passed))
        # The place first, as whoever ends a subscription does: so nobody waits in a ring.
        await self._store.run(statements)
        self._unsaved = []
        self._saved = self._standing.position

    def _moved(self) -> Also:
        standing = self._standing
        return Also(
            "follower_moved",
            {
                **self._place,
                "holder": self._tools.holder,
                "before": self._saved,
                "position": standing.position,
                "failures": standing.failures,
                "failing_since_ms": standing.failing_since_ms,
                "next_ms": standing.next_ms,
            },
        )

    def _keep_in_mind(self, rows: Sequence[Delivery]) -> None:
        """Keep what became of deliveries until it is written down, and what waits from now on."""
        self._unsaved += rows
        if not self._has_looked:
            return
        for row in rows:
            if row.due_ms is None:
                continue
            self._next_due_ms = min(self._next_due_ms, row.due_ms)
            if row.document_kind:
                known = self._blocked.get(row.place, Waiting(row.id, row.due_ms))
                self._blocked[row.place] = Waiting(
                    min(known.first_id, row.id), max(known.due_ms, row.due_ms)
                )

    async def _look_what_waits(self) -> None:
        """Learn what waits; before the next round, because rounds begin when it is due."""
        rows = await self._store.read("deliveries_waiting", **self._place)
        self._blocked = {
            (row["document_kind"], row["document_id"]): Waiting(row["first_id"], row["due_ms"])
            for row in rows
            if row["document_kind"]
        }
        self._next_due_ms = min((row["next_ms"] for row in rows), default=_NEVER_MS)
        self._has_looked = True

    async def _judge(self, hook: StoredHook, round_: Round) -> None:
        """End a subscription whose receiver is gone; pause one that failed for three days."""
        if round_.gone:
            await self._change(rules.ended, NO_MORE)
        since_ms, now_ms = self._standing.failing_since_ms, self._now_ms()
        if schedule.is_failing_for_good(since_ms, now_ms) and hook.status == "active":
            await self._change(lambda found, now: rules.paused(found, "failures", now), STAND_STILL)

    async def _change(self, rule: Rule, following: Following) -> None:
        """Change the subscription itself. Raises: HasEnded."""
        call = Call(self._account_id, "", "", "", {})
        await self._store.commit(change(call, self._hook_id, rule, following))
        raise HasEnded

    def _now_ms(self) -> int:
        return self._tools.clocks.now_for(self._account_id).ms


def _chance() -> float:
    """Return a random number from 0 to 1."""
    return secrets.randbelow(1_000) / 1_000


def _without_secrets(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of a delivery as they are kept: without what must stay secret."""
    if signatures.AUTHORIZATION not in headers:
        return headers
    return {**headers, signatures.AUTHORIZATION: "..."}
