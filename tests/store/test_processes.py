"""Several processes on one database: PostgreSQL serves them all, SQLite one server."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from ordrebok.decision import Key, Outcome
from ordrebok.store.interface import AlreadyServed
from tests.store.doors import accepted, another_process, finished, opened
from tests.store.toy import ACCOUNT, count_up, create, order, toy_of, versions_of


def side_by_side(url: str, *tasks: tuple[str, ...]) -> list[list[str]]:
    """Let a process do each task, all at the same time; return what each printed."""
    processes = [another_process(task, url, *arguments) for task, *arguments in tasks]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [finished(process) for process in processes]


async def prepare(url: str, *keys: Key) -> None:
    """Make some toys."""
    async with opened(url) as store:
        for key in keys:
            await accepted(store, create(key))


async def count_and_versions(url: str, key: Key) -> tuple[int, list[int]]:
    """What a toy has been counted up to, and the versions that its events tell of."""
    async with opened(url) as store:
        found = await store.fetch(key, with_events=True)
        assert found is not None
        return toy_of(found.body).count, versions_of(found.events)


@pytest.mark.postgres
def test_two_processes_count_exactly_on_a_hot_document(postgres_url: str) -> None:
    """No increment is lost between processes, and each version has its event."""
    asyncio.run(prepare(postgres_url, order("A")))
    side_by_side(postgres_url, *[("count_up", "A", "200")] * 2)
    count, versions = asyncio.run(count_and_versions(postgres_url, order("A")))
    assert count == 400
    assert versions == list(range(1, 402))


@pytest.mark.postgres
def test_opposite_orders_do_not_hold_each_other_up(postgres_url: str) -> None:
    """Two processes that find the same two documents in opposite orders both get through."""
    asyncio.run(prepare(postgres_url, order("A"), order("B")))
    tasks = [("count_two", "A", "B", "60"), ("count_two", "B", "A", "60")]
    side_by_side(postgres_url, *tasks)
    for name in "AB":
        count, versions = asyncio.run(count_and_versions(postgres_url, order(name)))
        assert count == 120
        assert versions == list(range(1, 122))


@pytest.mark.postgres
def test_two_processes_complete_a_draft_once(postgres_url: str) -> None:
    """Sixteen completions in two processes make one order, and all answer it."""
    draft = Key(ACCOUNT, "draft", "D")
    asyncio.run(prepare(postgres_url, draft))
    printed = side_by_side(postgres_url, *[("complete", "D", "A")] * 2)
    assert len({line for lines in printed for line in lines}) == 1
    assert asyncio.run(count_and_versions(postgres_url, draft))[1] == [1, 2]
    assert asyncio.run(count_and_versions(postgres_url, order("A")))[1] == [1]


@pytest.mark.postgres
def test_an_idempotency_key_holds_between_processes(postgres_url: str) -> None:
    """One key, sixteen callers in two processes: one effect, sixteen equal answers."""
    asyncio.run(prepare(postgres_url, order("A")))
    printed = side_by_side(postgres_url, *[("repeat", "A", "k")] * 2)
    assert [len(lines) for lines in printed] == [8, 8]
    assert len({line for lines in printed for line in lines}) == 1
    assert asyncio.run(count_and_versions(postgres_url, order("A"))) == (1, [1, 2])


@pytest.mark.postgres
def test_order_numbers_hold_between_processes(postgres_url: str) -> None:
    """Two processes never give one number twice, and each process's numbers grow."""
    asyncio.run(prepare(postgres_url))
    printed = side_by_side(postgres_url, ("number", "a", "60"), ("number", "b", "60"))
    numbers = [[int(word) for line in lines for word in line.split()] for lines in printed]
    assert all(each == sorted(each) for each in numbers)
    assert len({number for each in numbers for number in each}) == 120


def test_two_processes_may_make_the_schema_at_once(database_url: str) -> None:
    """Servers that start together on an empty database both come up."""
    processes = [another_process("nothing", database_url) for _ in range(3)]
    for process in processes:
        assert finished(process) == ["ready"]


# ------------------------------------------------------------------ SQLite


def sqlite_url(folder: Path) -> str:
    """The URL of a SQLite file in a folder."""
    return f"sqlite:///{folder / 'ordrebok.db'}"


def test_a_second_server_on_a_sqlite_file_is_refused(tmp_path: Path) -> None:
    """One server writes a file; another is told so, and may start when the first has gone."""
    url = sqlite_url(tmp_path)

    async def serve() -> list[str]:
        async with opened(url, serving=True):
            with pytest.raises(AlreadyServed, match="another process serves"):
                async with opened(url, serving=True):
                    pass
            return finished(another_process("serve-nothing", url))

    assert asyncio.run(serve())[0].startswith("refused:")
    assert finished(another_process("serve-nothing", url)) == ["ready"]


def test_a_command_may_write_beside_the_server(tmp_path: Path) -> None:
    """Another process that writes briefly is waited for, and the server sees what it wrote."""
    url = sqlite_url(tmp_path)

    async def serve(command: subprocess.Popen[str]) -> int:
        async with opened(url, serving=True) as store:
            ending = asyncio.create_task(asyncio.to_thread(finished, command))
            counted = 0
            while counted < 200 or not ending.done():
                assert isinstance(await store.commit(count_up(order("A"))), Outcome)
                counted += 1
            await ending
            return counted

    asyncio.run(prepare(url, order("A")))
    counted = asyncio.run(serve(another_process("count_up", url, "A", "200")))
    count, versions = asyncio.run(count_and_versions(url, order("A")))
    assert count == counted + 200
    assert versions == list(range(1, count + 2))


# ------------------------------------------------------------------ both


def test_an_answered_write_survives_the_death_of_its_process(database_url: str) -> None:
    """A process is killed while it writes: what it has answered is there, and one more at most."""
    asyncio.run(prepare(database_url, order("A")))
    process = another_process("count_for_ever", database_url, "A")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    lines = [process.stdout.readline() for _ in range(50)]
    process.kill()
    rest, _ = process.communicate()
    answered = [int(line) for line in (*lines[1:], *rest.split("\n")) if line.strip()]
    count, versions = asyncio.run(count_and_versions(database_url, order("A")))
    assert answered[-1] <= count <= answered[-1] + 1
    assert versions == list(range(1, count + 2))
