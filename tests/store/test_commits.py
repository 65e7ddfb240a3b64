"""Commits: the guard, idempotency, batches. Everything here holds on both engines."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from ordrebok.clock import Instant, instant
from ordrebok.decision import Commit, Decision, Idempotency, Key, Outcome, State
from ordrebok.refusals import Refusal, refuse
from ordrebok.store import Store
from tests.store.doors import accepted, opened, together, with_store
from tests.store.toy import (
    ACCOUNT,
    Toy,
    add_item,
    answered,
    change,
    complete,
    count_up,
    create,
    order,
    put,
    toy_of,
    versions_of,
)

KEY = order("A")
DRAFT = Key(ACCOUNT, "draft", "D")


def keyed(key: str, fingerprint: str = "f", client_id: str = "c") -> Idempotency:
    """An idempotency key of some client."""
    return Idempotency(client_id, key, fingerprint)


async def stored(store: Store, key: Key) -> tuple[Toy, list[int]]:
    """A toy as it is stored, and the versions its events tell of."""
    found = await store.fetch(key, with_events=True)
    assert found is not None
    toy = toy_of(found.body)
    assert toy.version == found.version
    return toy, versions_of(found.events)


# ------------------------------------------------------------------ the guard


def test_what_was_answered_is_what_the_next_read_finds(database_url: str) -> None:
    """A write is visible to the read after it, byte by byte."""

    async def use(store: Store) -> None:
        outcome = await accepted(store, create(KEY, filling="ærlig 🛒 \u2028"))
        found = await store.fetch(KEY, with_events=False)
        assert found is not None
        assert (found.body, found.version, list(found.events)) == (outcome.answer, 1, [])

    with_store(database_url, use)


def test_what_is_not_there_is_none(database_url: str) -> None:
    """A read of nothing finds nothing, also under another account or kind, or a strange id."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        for key in (
            order("B"),
            order("A", "P00000000"),
            Key(ACCOUNT, "draft", "A"),
            order("a\x00"),
        ):
            assert await store.fetch(key, with_events=True) is None

    with_store(database_url, use)


def test_parallel_adds_are_never_lost(database_url: str) -> None:
    """Sixteen parallel adds leave sixteen items (vendurehq/vendure#2041)."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        outcomes = await together(store, *(add_item(KEY, str(n)) for n in range(16)))
        toy, versions = await stored(store, KEY)
        assert sorted(toy.items) == sorted(str(n) for n in range(16))
        assert versions == list(range(1, 18))
        assert {o.version for o in outcomes if isinstance(o, Outcome)} == set(range(2, 18))

    with_store(database_url, use)


def test_parallel_completes_make_one_order(database_url: str) -> None:
    """Completing is exactly-once: the losers get the winner's answer (medusajs/medusa#13301)."""

    async def use(store: Store) -> None:
        await accepted(store, create(DRAFT, items=("x",)))
        outcomes = await together(store, *(complete(DRAFT, KEY) for _ in range(16)))
        assert len({o.answer for o in outcomes if isinstance(o, Outcome)}) == 1
        assert all(isinstance(outcome, Outcome) for outcome in outcomes)
        toy, versions = await stored(store, KEY)
        assert (toy.number, versions) == (100001, [1])
        assert (await stored(store, DRAFT))[1] == [1, 2]

    with_store(database_url, use)


def test_a_taken_id_is_refused_once_it_is_taken(database_url: str) -> None:
    """Of parallel creations under one id one succeeds."""

    async def use(store: Store) -> None:
        outcomes = await together(store, *(create(KEY, filling=str(n)) for n in range(8)))
        assert sum(isinstance(outcome, Outcome) for outcome in outcomes) == 1
        assert outcomes.count(refuse("ID_TAKEN")) == 7

    with_store(database_url, use)


def test_a_stale_if_match_is_refused_with_the_present_version(database_url: str) -> None:
    """Of two changes that name one version the second is refused."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        first, second = await together(
            store, count_up(KEY, if_match='"1"'), count_up(KEY, if_match='"1"')
        )
        assert isinstance(first, Outcome)
        assert second == refuse("STALE_VERSION", version=2)

    with_store(database_url, use)


def test_a_decision_may_look_at_documents_it_did_not_announce(database_url: str) -> None:
    """Documents, events and absences that turn up on the way are loaded on the way."""
    other = order("B")

    def decide(state: State) -> Decision | Refusal:
        found = state.get(KEY, Toy)
        assert found is not None
        looked = state.get(order(found.items[0]), Toy)
        assert looked is not None
        assert state.get(order("nowhere"), Toy) is None
        seen = tuple(str(version) for version in versions_of(state.events(other)))
        assert state.origin(other) == "fingerprint of B"
        after = msgspec.structs.replace(found, version=found.version + 1, items=seen)
        return answered(put(KEY, after, state))

    async def use(store: Store) -> None:
        await accepted(store, create(KEY, items=("B",)))
        await accepted(store, create(other, origin="fingerprint of B"))
        await together(store, count_up(other), count_up(other))
        outcomes = await together(store, Commit((KEY,), decide), *[count_up(other)] * 2)
        assert isinstance(outcomes[0], Outcome), outcomes[0]
        assert toy_of(outcomes[0].answer).items[:3] == ("1", "2", "3")
        assert (await stored(store, other))[1] == [1, 2, 3, 4, 5]

    with_store(database_url, use)


def test_a_decision_that_writes_over_another_version_is_a_bug_of_its_own(
    database_url: str,
) -> None:
    """A change that is not the next version is not written, and its caller hears of it."""

    def decide(state: State) -> Decision:
        return answered(put(KEY, Toy(id="A", version=3), state))

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        failed, counted = await together(store, Commit((KEY,), decide), count_up(KEY))
        assert isinstance(failed, ValueError)
        assert isinstance(counted, Outcome)
        assert (await stored(store, KEY))[1] == [1, 2]

    with_store(database_url, use)


# ------------------------------------------------------------------ idempotency


def test_a_raced_idempotency_key_has_one_effect(database_url: str) -> None:
    """Sixteen callers with one key: one effect, sixteen equal answers (Adyen#1948)."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        outcomes = await together(store, *[count_up(KEY, idempotency=keyed("k"))] * 16)
        later = await accepted(store, count_up(KEY, idempotency=keyed("k")))
        answers = {(o.answer, o.version) for o in outcomes if isinstance(o, Outcome)}
        assert answers == {(later.answer, 2)}
        assert sum(isinstance(o, Outcome) and o.replayed for o in outcomes) == 15
        assert later.replayed
        assert (await stored(store, KEY))[0].count == 1

    with_store(database_url, use)


def test_an_idempotency_key_with_another_request_is_refused(database_url: str) -> None:
    """The same key and another fingerprint: 422, in the same batch and later."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        first, second = await together(
            store,
            count_up(KEY, idempotency=keyed("k", "one")),
            count_up(KEY, idempotency=keyed("k", "two")),
        )
        assert isinstance(first, Outcome)
        assert second == refuse("IDEMPOTENCY_KEY_REUSED")
        third = await store.commit(count_up(KEY, idempotency=keyed("k", "two")))
        assert third == refuse("IDEMPOTENCY_KEY_REUSED")

    with_store(database_url, use)


def test_idempotency_keys_of_clients_and_accounts_are_their_own(database_url: str) -> None:
    """The same key of another client or account is another key."""
    elsewhere = order("A", "P00000000")

    async def use(store: Store) -> None:
        await together(store, create(KEY), create(elsewhere))
        await accepted(store, count_up(KEY, idempotency=keyed("k")))
        for commit in (
            count_up(KEY, idempotency=keyed("k", "other", client_id="d")),
            count_up(elsewhere, idempotency=keyed("k", "other")),
        ):
            assert not (await accepted(store, commit)).replayed

    with_store(database_url, use)


def test_a_refusal_frees_the_key(database_url: str) -> None:
    """What stored nothing is not remembered: the same key works once the reason is gone."""

    async def use(store: Store) -> None:
        again = count_up(KEY, idempotency=keyed("k"))
        assert isinstance(await store.commit(again), Refusal)
        await accepted(store, create(KEY))
        assert not (await accepted(store, again)).replayed

    with_store(database_url, use)


def test_an_answer_without_a_change_is_remembered_too(database_url: str) -> None:
    """A decision that writes nothing still keeps its answer for its key."""
    nothing = Commit((KEY,), lambda _: Decision((), b'"as it was"', 7), idempotency=keyed("k"))

    async def use(store: Store) -> None:
        assert await store.commit(nothing) == Outcome(b'"as it was"', 7)
        assert await store.commit(nothing) == Outcome(b'"as it was"', 7, replayed=True)

    with_store(database_url, use)


def test_a_commit_without_keys_says_whose_idempotency_key_it_is(database_url: str) -> None:
    """A document whose id the decision makes up has no key to announce."""

    def decide(state: State) -> Decision:
        key = order(state.new_id())
        assert state.get(key, Toy) is None
        return answered(put(key, Toy(id=key.id, version=1), state))

    asked = Idempotency("c", "k", "f", account_id=ACCOUNT)
    commit = Commit((), decide, idempotency=asked)

    async def use(store: Store) -> None:
        outcomes = await together(store, *[commit] * 4)
        assert len({o.answer for o in outcomes if isinstance(o, Outcome)}) == 1

    with_store(database_url, use)


def test_old_idempotency_records_are_swept(database_url: str) -> None:
    """Records from before a moment go, at most so many at a time; a swept key is free again."""
    clock = iter([instant(0), *[instant(1000 * n) for n in range(1, 100)]])

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        for name in "abcd":
            await accepted(store, count_up(KEY, idempotency=keyed(name)))
        assert await store.sweep_idempotency("P00000000", 1 << 50, 10) == 0
        assert await store.sweep_idempotency(ACCOUNT, 4001, 2) == 2
        assert await store.sweep_idempotency(ACCOUNT, 4001, 2) == 1
        assert await store.sweep_idempotency(ACCOUNT, 4001, 2) == 0
        assert (await accepted(store, count_up(KEY, idempotency=keyed("d")))).replayed
        assert not (await accepted(store, count_up(KEY, idempotency=keyed("a")))).replayed

    with_store(database_url, use, now=lambda: next(clock))


# ------------------------------------------------------------------ batches


def test_one_bad_member_fails_alone(database_url: str) -> None:
    """An exception, a refusal and data that cannot be stored touch nobody else in their batch."""

    def burst(state: State) -> Decision:
        state.version(KEY)
        raise ZeroDivisionError

    async def use(store: Store) -> None:
        await together(store, create(KEY), *(create(order(str(n))) for n in range(6)))
        outcomes = await together(
            store,
            add_item(KEY, "before"),
            Commit((KEY,), burst),
            change(KEY, lambda _: refuse("ORDER_CLOSED")),
            add_item(KEY, "bad", event_id="\ud800"),
            add_item(KEY, "after"),
            *(count_up(order(str(n)), idempotency=keyed(str(n))) for n in range(6)),
        )
        assert isinstance(outcomes[1], ZeroDivisionError)
        assert outcomes[2] == refuse("ORDER_CLOSED")
        assert isinstance(outcomes[3], Exception)
        good = [*outcomes[:1], *outcomes[4:]]
        assert all(isinstance(outcome, Outcome) for outcome in good), good
        toy, versions = await stored(store, KEY)
        assert (toy.items, versions) == (("before", "after"), [1, 2, 3])
        for n in range(6):
            assert (await stored(store, order(str(n))))[0].count == 1

    with_store(database_url, use)


def test_a_caller_that_leaves_takes_nobody_along(database_url: str) -> None:
    """A cancelled caller's commit may happen; the commits beside it do."""

    async def use(store: Store) -> None:
        await accepted(store, create(KEY))
        tasks = [asyncio.ensure_future(store.commit(count_up(KEY))) for _ in range(8)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(outcome, Outcome) for outcome in outcomes) == 7
        assert (await stored(store, KEY))[0].count in {7, 8}

    with_store(database_url, use)


def test_versions_and_events_have_no_gaps_under_any_mix(database_url: str) -> None:
    """Whatever was accepted, refused and repeated: each version left one event."""
    chance = random.Random(7)
    keys = [order(str(n)) for n in range(5)]

    async def caller(store: Store) -> int:
        done = 0
        for _ in range(25):
            commit = chance.choice(
                [
                    count_up(chance.choice(keys)),
                    count_up(chance.choice(keys), if_match='"3"'),
                    count_up(chance.choice(keys), idempotency=keyed(str(chance.randrange(9)))),
                    change(chance.choice(keys), lambda _: refuse("ORDER_CLOSED")),
                ]
            )
            outcome = await store.commit(commit)
            done += isinstance(outcome, Outcome) and not outcome.replayed
        return done

    async def use(store: Store) -> None:
        await together(store, *map(create, keys))
        done = sum(await asyncio.gather(*(caller(store) for _ in range(12))))
        found = [await stored(store, key) for key in keys]
        assert sum(toy.count for toy, _ in found) == done
        for toy, versions in found:
            assert versions == list(range(1, toy.version + 1))
            assert toy.count == toy.version - 1

    with_store(database_url, use)


# ------------------------------------------------------------------ numbers and time


def test_order_numbers_are_unique_and_grow(database_url: str) -> None:
    """Numbers begin at 100001, per account, and are not given twice, refused or not."""

    def wasteful(state: State) -> Refusal:
        state.order_number(ACCOUNT)
        return refuse("DRAFT_INCOMPLETE")

    async def use(store: Store) -> None:
        first = await accepted(store, create(order("first"), numbered=True))
        given = [toy_of(first.answer).number]
        assert given == [100001]
        for round_ in range(5):
            commits = [create(order(f"{round_}-{n}"), numbered=True) for n in range(10)]
            outcomes = await together(store, *commits, Commit((KEY,), wasteful))
            numbers = [toy_of(o.answer).number for o in outcomes if isinstance(o, Outcome)]
            assert len(set(numbers)) == 10
            assert min(numbers) > max(given)
            given += numbers
        other = await accepted(store, create(order("A", "P00000000"), numbered=True))
        assert toy_of(other.answer).number == 100001

    with_store(database_url, use)


def test_a_decision_may_take_many_numbers(database_url: str) -> None:
    """A draft that is split into many orders numbers each of them."""

    def decide(state: State) -> Decision:
        numbers = [state.order_number(ACCOUNT) for _ in range(37)]
        text = tuple(str(number) for number in numbers)
        return answered(put(KEY, Toy(id="A", version=1, items=text), state))

    async def use(store: Store) -> None:
        outcomes = await together(
            store, Commit((KEY,), decide), *(create(order(str(n)), numbered=True) for n in range(3))
        )
        toys = [toy_of(o.answer) for o in outcomes if isinstance(o, Outcome)]
        numbers = [*map(int, toys[0].items), *(toy.number for toy in toys[1:])]
        assert len(set(numbers)) == 40
        assert list(toys[0].items) == sorted(toys[0].items)

    with_store(database_url, use)


def test_ids_are_new_and_the_same_when_a_decision_runs_again(database_url: str) -> None:
    """A decision that is run again, because something was lacking, draws the same ids."""
    runs: list[tuple[str, str]] = []

    def decide(state: State) -> Decision:
        runs.append((state.new_id(), state.new_id()))
        state.get(order("elsewhere"), Toy)
        return answered(put(KEY, Toy(id="A", version=1), state))

    async def use(store: Store) -> None:
        await accepted(store, Commit((KEY,), decide))
        assert len(set(runs)) == 1
        assert runs[0][0] != runs[0][1]

    with_store(database_url, use)


def test_time_never_goes_back(database_url: str) -> None:
    """A clock that is set back does not make later writes look earlier."""
    clock: list[Instant] = [instant(5000)]

    async def use(store: Store) -> None:
        made: list[int] = []
        for ms in (5000, 7000, 6000, 7000, 8000):
            clock[0] = instant(ms)
            outcome = await accepted(store, create(order(str(len(made)))))
            made.append(toy_of(outcome.answer).created_ms)
        assert made == [5000, 7000, 7000, 7000, 8000]

    with_store(database_url, use, now=lambda: clock[0])


@pytest.mark.postgres
def test_a_decision_that_never_has_enough_ends(postgres_url: str) -> None:
    """A decision that asks for another document at every run fails, and holds nobody up."""

    def greedy(state: State) -> Decision:
        state.get(order(str(random.random())), Toy)
        return Decision((), b"")

    async def use() -> None:
        async with opened(postgres_url) as store:
            await accepted(store, create(KEY))
            failed, counted = await together(store, Commit((), greedy), count_up(KEY))
            assert isinstance(failed, RuntimeError)
            assert isinstance(counted, Outcome)

    asyncio.run(use())
