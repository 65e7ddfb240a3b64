"""One round of deliveries to a subscription: who comes when, and what becomes of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ordrebok.webhooks.deliveries import Delivery, Place


class Waiting(NamedTuple):
    """What waits of one document: its first delivery, and when the last one is due."""

    first_id: str
    due_ms: int


class Round:
    """What one round sends: who comes when, and what becomes of each delivery."""

    def __init__(
        self,
        due: Sequence[Delivery],
        new: Sequence[Delivery],
        blocked: Mapping[Place, Waiting],
        now_ms: int,
    ) -> None:
        """Put deliveries behind those of their document that wait already."""
        self.stopped = False
        self.gone = False
        self.parked: list[Delivery] = []
        """To be sent later, behind others of their document."""
        self._now_ms = now_ms
        self._due = due
        self._blocked = blocked
        self._attempted: list[Delivery] = []
        self._left: list[Delivery] = []
        self._put_off: list[Delivery] = []
        self._groups: dict[Place, list[Delivery]] = {}
        for delivery in due:
            first = blocked.get(delivery.place)
            if first is None or delivery.place in self._groups or delivery.id <= first.first_id:
                self._groups.setdefault(delivery.place, []).append(delivery)
            else:  # Its document's first was put off, when this was not at hand.
                self._put_off.append(replace(delivery, due_ms=max(first.due_ms, now_ms + 1)))
        known = frozenset(self._groups)
        for delivery in new:
            place = delivery.place
            if place in known or place in blocked:
                self.parked.append(delivery)
            else:
                self._groups.setdefault(place, []).append(delivery)
        self._unsent = {delivery.id for group in self._groups.values() for delivery in group}

    def groups(self) -> list[list[Delivery]]:
        """Return what is to be sent, by document."""
        return list(self._groups.values())

    def note(self, delivery: Delivery) -> None:
        """Take in a delivery after an attempt."""
        self._attempted.append(delivery)
        self._unsent.discard(delivery.id)

    def leave(self, deliveries: Sequence[Delivery], due_ms: int | None = None) -> None:
        """Put off what stands behind a delivery that was not taken, until it is tried again."""
        if due_ms is None:
            return
        for delivery in deliveries:
            self._put_off.append(replace(delivery, due_ms=due_ms))
            self._unsent.discard(delivery.id)

    def reached(self, position: int) -> int:
        """Return how far in the log this has come, if there was nothing to send up to `position`.

        What was not sent because nobody takes anything stays in the log. What stands before
        something that was sent is put down, to be sent later.
        """
        old = {delivery.id for delivery in self._due}
        unsent = self._unsent - old
        left = [
            delivery
            for group in self._groups.values()
            for delivery in group
            if delivery.id in unsent
        ]
        done = [
            delivery.position or 0
            for delivery in (*self._attempted, *self._put_off, *self.parked)
            if delivery.id not in old
        ]
        furthest = max(done, default=0)
        self._left = [delivery for delivery in left if (delivery.position or 0) < furthest]
        stay = [delivery.position or 0 for delivery in left if (delivery.position or 0) > furthest]
        return min(stay) - 1 if stay else position

    def rows(self) -> list[Delivery]:
        """Return the deliveries to write down.

        Keeps: of one document, nothing is due before what stands in front of it.
        """
        waiting = {
            delivery.place: delivery.due_ms
            for delivery in (*self._attempted, *self._put_off)
            if delivery.state == "waiting"
        }
        parked = [
            replace(delivery, due_ms=waiting.get(delivery.place) or self._until(delivery.place))
            for delivery in self.parked
        ]
        return [*self._attempted, *self._put_off, *parked, *self._left]

    def _until(self, place: Place) -> int:
        """Return when what waits of a document is due."""
        known = self._blocked.get(place)
        return self._now_ms if known is None else known.due_ms
