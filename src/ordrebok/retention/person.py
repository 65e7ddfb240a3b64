"""A person taken out of an account: found everywhere, erased document by document, written down."""

import re
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.decision import Also, Call, Commit, Decision, Key, Outcome, Put, State
from ordrebok.discounts.record import forget_holder
from ordrebok.drafts.settling import forget_buyer
from ordrebok.operation import Door
from ordrebok.refusals import Refusal
from ordrebok.retention.documents import erase_documents
from ordrebok.retention.given import erase_given
from ordrebok.retention.rules import ERASED, mentions, notice
from ordrebok.wire.base import encode
from ordrebok.wire.erasure import Erasure

_STRETCH: Final = 500
"""Answers looked through together; between two stretches others have their turn."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9@._-]+")


class Counts(NamedTuple):
    """From how many documents a person was taken out."""

    orders: int = 0
    drafts: int = 0
    refs: int = 0
    claims: int = 0


def needle(customer_id: str) -> str:
    """Return a text that stands wherever the id does, however the JSON around it is written.

    Other letters may be escaped in one way or another, so it is the longest part of the id that
    nobody escapes; what has it is read in full before it counts.
    """
    return max(_PLAIN.findall(customer_id), key=len, default="")


async def erase(door: Door, call: Call, customer_id: str, *, dry_run: bool) -> Outcome | Refusal:
    """Take a person out of every order, draft, discount and event, and all kept or sent of them.

    The answer is the entry of the erasure, which names nobody. It is written before anything is
    erased, and finished after: one without `finished_at` was broken off. Asking again does what
    was left. With an idempotency key the first answer comes again.
    Refuses: IDEMPOTENCY_KEY_REUSED.
    Keeps: every document is erased in a transaction of its own; a dry run changes nothing.
    """
    entry = _Entry(call)
    if call.idempotency is not None:
        tried = await door.commit(entry.finished(Counts(), dry_run=True))
        if isinstance(tried, Refusal) or tried.replayed:
            return tried
    if dry_run:
        counts = await _erase_all(door, call, customer_id, dry_run=True)
        return await door.commit(replace(entry.finished(counts, dry_run=True), idempotency=None))
    begun = await door.commit(entry.begun())
    if isinstance(begun, Refusal):
        return begun
    entry.id = msgspec.json.decode(begun.answer, type=Erasure).id
    counts = await _erase_all(door, call, customer_id, dry_run=False)
    await _forget_answers(door, call.account_id, customer_id)
    await door.scrub()
    finished = entry.finished(counts)
    outcome = await door.commit(finished)
    if isinstance(outcome, Refusal) or outcome.replayed:
        # Another request with the key was carried out meanwhile; it has answered for both.
        await door.commit(replace(finished, idempotency=None))
    return outcome


async def _erase_all(door: Door, call: Call, customer_id: str, *, dry_run: bool) -> Counts:
    """Take the person out of every document; return out of how many of each kind."""
    text = needle(customer_id)
    written = await erase_documents(door, call, customer_id, text, dry_run=dry_run)
    kinds = [kind for kind, _ in written]
    given = await erase_given(door, call, customer_id, text, dry_run=dry_run)
    if not dry_run:
        # A draft may have been written, or priced, while its turn had not come.
        forget_buyer(call.account_id, customer_id)
        forget_holder(call.account_id, customer_id)
    return Counts(kinds.count("order"), kinds.count("draft"), *given)


async def _forget_answers(door: Door, account_id: str, customer_id: str) -> None:
    """Forget the answers kept for repeated requests that mention the person anywhere.

    Those about documents went with the documents; others are lists of whom something was given.
    The record of a request stays, unless its very key names the person: then the request is new
    when it is repeated.
    """
    after: tuple[str, str] = ("", "")
    text = needle(customer_id).encode()
    while True:
        rows = await door.read(
            "answers_naming",
            account_id=account_id,
            after_client=after[0],
            after_key=after[1],
            needle=text,
            limit=_STRETCH,
        )
        gone = []
        for row in rows:
            record = {"account_id": account_id, "client_id": row["client_id"], "key": row["key"]}
            if customer_id in row["key"]:
                gone.append(Also("forget_record", record))
            elif row["answer"] and mentions(_read(row["answer"]), customer_id):
                gone.append(Also("forget_answer", record))
        if gone:
            await door.run(gone)
        if len(rows) < _STRETCH:
            return
        after = (rows[-1]["client_id"], rows[-1]["key"])


def _read(answer: bytes) -> object:
    """Return an answer as JSON; nothing where it is none."""
    try:
        return msgspec.json.decode(answer)
    except (ValueError, RecursionError):
        return None


class _Entry:
    """The entry that one erasure leaves."""

    def __init__(self, call: Call) -> None:
        """Begin without an id."""
        self._call = call
        self.id: str | None = None

    def begun(self) -> Commit:
        """Return the plan that writes down that the erasure begins."""
        return Commit(keys=(), decide=lambda state: self._decision(state, None))

    def finished(self, counts: Counts, *, dry_run: bool = False) -> Commit:
        """Return the plan that writes down what the erasure came to."""
        once = self._call.idempotency
        if once is not None and not once.account_id:
            once = replace(once, account_id=self._call.account_id)
        return Commit(
            keys=(),
            decide=lambda state: self._decision(state, counts),
            idempotency=once,
            dry_run=dry_run,
        )

    def _decision(self, state: State, counts: Counts | None) -> Decision:
        """Return the entry's next version, written and answered."""
        before = None if self.id is None else state.get(self._key(self.id), Erasure)
        entry = before or Erasure(
            id=state.new_id(),
            created_at=state.now.text,
            created_by=self._call.actor_id,
            version=0,
        )
        entry = replace(entry, version=entry.version + 1)
        if counts is not None:
            entry = replace(entry, finished_at=state.now.text, **counts._asdict())
        event = notice(ERASED, state.new_id(), entry.version, state.now, self._call.actor_id)
        body = encode(entry)
        put = Put(
            key=self._key(entry.id),
            version=entry.version,
            document=entry,
            body=body,
            event=encode(event),
            event_id=event.id,
            status="begun" if counts is None else "finished",
            created_ms=Instant.of(entry.created_at).ms,
            updated_ms=state.now.ms,
        )
        return Decision((put,), body, entry.version)

    def _key(self, erasure_id: str) -> Key:
        """Return where the entry stands."""
        return Key(self._call.account_id, "erasure", erasure_id)
