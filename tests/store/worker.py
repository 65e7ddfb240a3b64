"""A process of its own that does one task on a database: `python -m tests.store.worker`.

It opens the store, prints `ready`, waits for a line, does the task and prints what came of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from ordrebok.decision import Commit, Decision, Idempotency, Key, Outcome, State
from ordrebok.refusals import Refusal
from ordrebok.store import Store, open_store
from ordrebok.store.interface import AlreadyServed
from tests.store import toy


def say(*words: object) -> None:
    """Print a line that the test reads."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def count_up(store: Store, name: str, times: str) -> None:
    """Count up on one toy, eight at a time."""
    for _ in range(int(times) // 8):
        outcomes = await asyncio.gather(
            *(store.commit(toy.count_up(toy.order(name))) for _ in range(8))
        )
        assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes


async def count_for_ever(store: Store, name: str) -> None:
    """Count up on one toy, and print each count once it is answered."""
    while True:
        outcome = await store.commit(toy.count_up(toy.order(name)))
        assert isinstance(outcome, Outcome)
        say(toy.toy_of(outcome.answer).count)


async def count_two(store: Store, first: str, second: str, times: str) -> None:
    """Count up on two toys at once, finding the second only after the first was read."""
    one, two = toy.order(first), toy.order(second)

    def decide(state: State) -> Decision | Refusal:
        parts = [toy.count_up(one).run(state), toy.count_up(two).run(state)]
        puts = [put for part in parts if isinstance(part, Decision) for put in part.puts]
        return toy.answered(*puts)

    for _ in range(int(times)):
        outcome = await store.commit(Commit((one,), decide))
        assert isinstance(outcome, Outcome), outcome


async def complete(store: Store, draft: str, order: str) -> None:
    """Complete one draft eight times at once; print the answers."""
    key = Key(toy.ACCOUNT, "draft", draft)
    outcomes = await asyncio.gather(
        *(store.commit(toy.complete(key, toy.order(order))) for _ in range(8))
    )
    for outcome in outcomes:
        assert isinstance(outcome, Outcome), outcome
        say(outcome.answer.decode())


async def repeat(store: Store, name: str, idempotency_key: str) -> None:
    """Count up eight times at once under one idempotency key; print the answers."""
    again = Idempotency("client", idempotency_key, "fingerprint")
    outcomes = await asyncio.gather(
        *(store.commit(toy.count_up(toy.order(name), idempotency=again)) for _ in range(8))
    )
    for outcome in outcomes:
        assert isinstance(outcome, Outcome), outcome
        say(outcome.answer.decode())


async def number(store: Store, prefix: str, count: str) -> None:
    """Make toys with numbers, four at a time; print the numbers, round by round."""
    for start in range(0, int(count), 4):
        keys = [toy.order(f"{prefix}{place}") for place in range(start, start + 4)]
        outcomes = await asyncio.gather(
            *(store.commit(toy.create(key, numbered=True)) for key in keys)
        )
        numbers = [toy.toy_of(o.answer).number for o in outcomes if isinstance(o, Outcome)]
        say(*sorted(numbers))


async def nothing(store: Store) -> None:
    """Only open the store, and close it again."""


TASKS: dict[str, Callable[..., Awaitable[None]]] = {
    task.__name__: task
    for task in (count_up, count_for_ever, count_two, complete, repeat, number, nothing)
}


async def main(task: str, url: str, *arguments: str) -> None:
    """Open the store and do the task; `serve-` before it claims the database."""
    serving = task.startswith("serve-")
    try:
        store = await open_store(url, migrate=True, serving=serving)
    except AlreadyServed as error:
        say("refused:", error)
        return
    say("ready")
    sys.stdin.readline()
    await TASKS[task.removeprefix("serve-")](store, *arguments)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
