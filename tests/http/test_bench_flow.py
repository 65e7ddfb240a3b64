"""The load program of the whole flow, against a real server on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bench import flow
from bench.load import Job, Step, WrongAnswer, drive
from bench.server import Server, serving
from bench.workload import ORDERS, new_ids
from tests.conftest import ENGINES
from tests.support.postgres import Cluster

ORDERS_MADE = 6
LONG_ENOUGH_SECONDS = 60.0
"""The work ends with the last identifier, long before."""


@pytest.fixture(scope="module", params=ENGINES)
def shop(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str]]:
    """A server as the load programs start it, and a token."""
    cluster: Cluster | None = None
    if request.param == "postgres":
        cluster = request.getfixturevalue("postgres_cluster")
    with serving(request.param, cluster) as found:
        yield found


def job(server: Server, steps: list[Step]) -> Job:
    """A few orders over two connections."""
    return Job(
        port=server.port,
        connections=2,
        seconds=LONG_ENOUGH_SECONDS,
        warm_seconds=0,
        steps=tuple(steps),
        ids=new_ids(ORDERS_MADE),
    )


def test_every_step_of_the_flow_is_right_and_timed(shop: tuple[Server, str]) -> None:
    """The markers fit what the server answers, and each order goes through every step."""
    server, token = shop
    steps = flow.steps(token)
    work = job(server, [*steps.values()])
    measured = drive(work)
    assert measured.sent == measured.answered == ORDERS_MADE
    assert len(measured.steps) == len(steps)
    assert measured.latency.p99_ms >= max(step.p99_ms for step in measured.steps)
    assert {server.get(f"{ORDERS}/{id_}", token) for id_ in work.ids} == {200}


@pytest.mark.parametrize("name", ["add an item", "refund a line", "read the order"])
def test_a_wrong_answer_ends_the_flow(shop: tuple[Server, str], name: str) -> None:
    """A figure never comes from answers that say something else."""
    server, token = shop
    steps = flow.steps(token)
    steps[name] = msgspec.structs.replace(steps[name], marker='"amount":1,')
    with pytest.raises(WrongAnswer, match=r"HTTP/1\.1 200"):
        drive(job(server, [*steps.values()]))
