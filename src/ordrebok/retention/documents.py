"""Orders and drafts of a person: all that may be about them is found, and erased one by one."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Key, Kind, Outcome
from ordrebok.operation import Door
from ordrebok.retention.forgetting import erase_person, erase_updating, erased_ids
from ordrebok.retention.rules import mentions, names
from ordrebok.wire.base import encode

_STRETCH: Final = 500
"""Documents looked through together; between two stretches others have their turn."""
_KINDS: Final[tuple[Kind, ...]] = ("draft", "order")
"""Drafts first: one that is completed before its turn leaves an order, whose turn is to come."""


class Suspect(NamedTuple):
    """A document that may be about a person."""

    id: str
    created_ms: int
    held: bool
    """It may have been the person's itself when it was looked at."""
    earlier: bool
    """An earlier version was the person's."""


async def erase_documents(
    door: Door, call: Call, customer_id: str, needle: str, *, dry_run: bool
) -> frozenset[tuple[str, str]]:
    """Take a person out of every order and draft; return kind and id of each that was written.

    `needle` is a text that stands wherever the id does. What others write meanwhile is looked at
    once more: a draft may be made of an order before that one's turn.
    Keeps: every document is erased in a transaction of its own, an order with its drafts; a dry
    run changes nothing.
    """
    erasing = _Erasing(door, call, customer_id, needle, dry_run=dry_run)
    since = await erasing.newest()
    for kind in _KINDS:
        await erasing.erase(kind, erasing.stretches(kind))
    if not dry_run:
        for kind in _KINDS:
            await erasing.erase(kind, erasing.changed(kind, since, await erasing.newest()))
    await erasing.erase_told()
    return frozenset(erasing.gone)


class _Erasing:
    """One person on their way out of the orders and drafts of an account."""

    def __init__(
        self, door: Door, call: Call, customer_id: str, needle: str, *, dry_run: bool
    ) -> None:
        """Begin with nothing erased."""
        self._door = door
        self._account_id = call.account_id
        self._actor = call.actor_id
        self._customer_id = customer_id
        self._needle = needle
        self._dry_run = dry_run
        self.gone: set[tuple[str, str]] = set()

    async def newest(self) -> int:
        """Return the position of the account's newest change, 0 where there is none."""
        rows = await self._door.read("feed_next", account_id=self._account_id)
        return rows[0]["next"] - 1 if rows else 0

    async def stretches(self, kind: Kind) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield all documents of a kind, and where in each the person may be named.

        Also those that the customer is not found by: an order that has another customer now may
        have had this one.
        """
        place: dict[str, Any] = {"account_id": self._account_id, "kind": kind, "after": ""}
        while True:
            rows = await self._door.read("naming", **place, needle=self._needle, limit=_STRETCH)
            yield rows
            if len(rows) < _STRETCH:
                return
            place["after"] = rows[-1]["id"]

    async def changed(
        self, kind: Kind, after: int, upto: int
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield the documents of a kind that changed between two positions, some repeatedly."""
        place: dict[str, Any] = {"account_id": self._account_id, "kind": kind, "upto": upto}
        while True:
            rows = await self._door.read(
                "naming_changed", **place, after=after, needle=self._needle, limit=_STRETCH
            )
            yield rows
            if len(rows) < _STRETCH:
                return
            after = rows[-1]["position"]

    async def erase(
        self, kind: Kind, stretches: AsyncIterator[Sequence[Mapping[str, Any]]]
    ) -> None:
        """Erase those of some documents that are about the person."""
        found = {}
        async for rows in stretches:
            for row in rows:
                earlier = bool(row["earlier"]) and await self._was_about(self._key(kind, row))
                if earlier or row["itself"] or row["events"]:
                    held = bool(row["itself"])
                    found[row["id"]] = Suspect(row["id"], row["created_ms"], held, earlier)
        if kind == "order":
            await self._orders(found)
            return
        for suspect in found.values():
            await self._one(kind, suspect, ())

    async def erase_told(self) -> None:
        """Erase documents that nothing but a stored delivery says to have been the person's.

        What was told of a document goes with it, also what a server has just taken to send.
        """
        place: dict[str, Any] = {"account_id": self._account_id, "needle": self._needle}
        after = ("", "")
        while True:
            rows = await self._door.read(
                "deliveries_naming",
                **place,
                after_hook=after[0],
                after_id=after[1],
                limit=_STRETCH,
            )
            for row in rows:
                kind, id_ = row["document_kind"], row["document_id"]
                known = not row["body"] or kind not in _KINDS or (kind, id_) in self.gone
                if not known and mentions(msgspec.json.decode(row["body"]), self._customer_id):
                    await self._one(kind, Suspect(id_, 0, held=False, earlier=True), ())
            if len(rows) < _STRETCH:
                return
            after = (rows[-1]["hook_id"], rows[-1]["id"])

    def _key(self, kind: Kind, row: Mapping[str, Any]) -> Key:
        """Return where a document stands."""
        return Key(self._account_id, kind, row["id"])

    async def _orders(self, found: Mapping[str, Suspect]) -> None:
        """Erase orders, each with the drafts that were made to update it, also meanwhile."""
        updating = await self._updating(found.values())
        erased = [
            suspect
            for suspect in found.values()
            if await self._one("order", suspect, updating.get(suspect.id, ()))
        ]
        if self._dry_run:
            return
        for order_id, ids in (await self._updating(erased)).items():
            key = Key(self._account_id, "order", order_id)
            await self._commit(erase_updating(key, ids, self._customer_id, self._actor))

    async def _one(self, kind: Kind, suspect: Suspect, updating: Sequence[str]) -> bool:
        """Erase one document; return whether it was about the person."""
        key = Key(self._account_id, kind, suspect.id)
        earlier = suspect.earlier
        while True:
            commit = erase_person(
                key, self._customer_id, self._actor, earlier=earlier, updating=updating
            )
            if await self._commit(commit):
                return True
            # It may have gone to somebody else since it was looked at.
            if earlier or not suspect.held or not await self._was_about(key):
                return False
            earlier = True

    async def _commit(self, commit: Commit) -> bool:
        """Carry out one step; return whether it erased anything."""
        outcome = await self._door.commit(replace(commit, dry_run=self._dry_run))
        ids = erased_ids(outcome.answer) if isinstance(outcome, Outcome) else []
        self.gone.update(ids)
        return bool(ids)

    async def _was_about(self, key: Key) -> bool:
        """Tell whether an earlier version of a document had this customer."""
        rows = await self._door.read("earlier_versions", **key._asdict())
        return any(names(msgspec.json.decode(row["body"]), self._customer_id) for row in rows)

    async def _updating(self, orders: Iterable[Suspect]) -> dict[str, list[str]]:
        """Return the drafts that were made to update orders and did not, by order."""
        made = {order.id: order.created_ms for order in orders}
        if not made:
            return {}
        rows = await self._door.read(
            "drafts_updating",
            account_id=self._account_id,
            since_ms=min(made.values()),
            order_ids=encode(list(made)).decode(),
        )
        drafts: dict[str, list[str]] = {}
        for row in rows:
            drafts.setdefault(row["order_id"], []).append(row["id"])
        return drafts
