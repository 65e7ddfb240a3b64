"""The arithmetic of the load programs, and what their report says of an aim."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import flow
from bench.figures import (
    Cell,
    Latency,
    Target,
    median,
    middle_rounds,
    percentile,
    ratio,
)
from bench.load import WrongAnswer, answer_size
from bench.machine import Company, Machine
from bench.report import Findings, console, show, write_json
from bench.workload import ACCOUNT, LINES, add_request, create_request, document, new_ids

HUNDRED = [float(number) for number in range(1, 101)]


def cell(per_second: float, *, base: float | None = None, engine: str = "sqlite") -> Cell:
    return Cell(
        engine=engine,
        work="add item",
        callers=32,
        per_second=per_second,
        latency=Latency(p50_ms=1.0, p99_ms=2.0),
        base_per_second=base,
    )


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1.0), (0.01, 1.0), (0.07, 7.0), (0.5, 50.0), (0.501, 51.0), (0.99, 99.0), (1.0, 100.0)],
)
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    """No figure of the report lies between two measurements, where nothing happened."""
    assert percentile(HUNDRED, share) == expected


def test_one_value_is_every_percentile() -> None:
    """A run too short for a distribution still gives an honest figure."""
    assert {percentile([4.2], share) for share in (0.0, 0.5, 0.99, 1.0)} == {4.2}


@pytest.mark.parametrize(("values", "share"), [([], 0.5), (HUNDRED, -0.1), (HUNDRED, 1.1)])
def test_a_percentile_that_does_not_exist_is_refused(values: list[float], share: float) -> None:
    """A run without measurements ends in an error and not in a figure."""
    with pytest.raises(ValueError, match=r"percentile of nothing|between 0 and 1"):
        percentile(values, share)


def test_the_median_takes_values_in_any_order() -> None:
    """Rounds come as they were run, and of an even number the lower middle is taken."""
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.0


def test_latency_is_in_milliseconds() -> None:
    """Clocks count seconds: a unit mixed up would be wrong by a thousand."""
    durations = [number / 1000 for number in reversed(HUNDRED)]
    latency = Latency.of(durations)
    assert latency.p50_ms == pytest.approx(50)
    assert latency.p99_ms == pytest.approx(99)
    assert latency.max_ms == pytest.approx(100)


def test_a_ratio_needs_a_base() -> None:
    """Without a measured base there is no ratio, rather than an infinite one."""
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(3.0, 0.0) is None
    assert cell(300, base=200).to_base == 1.5
    assert cell(300).to_base is None


def test_the_median_round_stands_for_its_kind() -> None:
    """Engines, works and numbers of callers are never mixed."""
    rounds, other = [cell(100), cell(300), cell(200)], cell(7, engine="postgres")
    assert middle_rounds([*rounds, other]) == [rounds[2], other]
    assert middle_rounds([]) == []


def test_the_ratio_of_several_rounds_is_the_median_of_theirs() -> None:
    """One round in which the base was slow, or fast, does not decide."""
    rounds = [cell(90, base=100), cell(100, base=300), cell(110, base=110)]
    (middle,) = middle_rounds(rounds)
    assert (middle.per_second, middle.to_base) == (100, 0.9)


@pytest.mark.parametrize(
    ("measured", "at_least", "met"),
    [(11, True, True), (10, True, True), (9, True, False), (9, False, True), (11, False, False)],
)
def test_an_aim_is_reached_or_missed(measured: float, at_least: bool, met: bool) -> None:  # noqa: FBT001
    """Rates aim high and durations low, and the aim itself counts as reached."""
    target = Target(name="aim", aim=10, measured=measured, unit="/s", at_least=at_least)
    assert target.met is met


def findings() -> Findings:
    machine = Machine(cores=2, python="3.11", sync_ms=0.2)
    cells = [cell(4_100, base=2_050), cell(4_900, engine="postgres")]
    return Findings(machine=machine, cells=cells, spins_ms=[24.0, 31.0])


def test_the_report_measures_each_engine_by_its_own_aim() -> None:
    """A rate that is enough for SQLite may still miss the aim of PostgreSQL."""
    met = {target.name: target.met for target in findings().targets() if target.unit == "/s"}
    assert met == {
        "add item, sqlite, 32 connections": True,
        "add item, postgres, 32 connections": False,
    }


@pytest.mark.parametrize(("pgbench", "met"), [(6_800, True), (6_900, False)])
def test_an_aim_is_also_a_multiple_of_pgbench(pgbench: float, met: bool) -> None:  # noqa: FBT001
    """On a slower machine than that of the aims, pgbench is slower too."""
    cells = [cell(4_100, base=pgbench)]
    found = Findings(machine=findings().machine, cells=cells).targets()
    assert [target.met for target in found if target.unit == "x pgbench"] == [met]


def test_the_report_shows_ratios_and_aims(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader of the terminal sees the rate, its ratio and the verdict side by side."""
    show(findings(), console())
    said = capsys.readouterr().out
    assert "4,100" in said
    assert "2.00" in said
    assert "reached" in said
    assert "missed" in said


def test_the_report_shows_each_step_of_the_flow(capsys: pytest.CaptureFixture[str]) -> None:
    """A slow step is seen, on which engine and at how many connections it is slow."""
    machine = Machine(cores=2, python="3.11", sync_ms=0.2)
    cells = [
        Cell(
            engine=engine,
            work=flow.FLOW,
            callers=callers,
            per_second=400,
            latency=Latency(p50_ms=20, p99_ms=40),
            steps={"complete": Latency(p50_ms=callers + 0.25, p99_ms=callers + 0.75)},
        )
        for engine in ("sqlite", "postgres")
        for callers in (1, 32)
    ]
    show(Findings(machine=machine, flow=cells), console())
    said = capsys.readouterr().out.splitlines()
    row = ["complete", "postgres", "1.25", "1.75", "32.25", "32.75"]
    assert row in [line.split() for line in said]


def test_the_json_holds_figures_and_aims(tmp_path: Path) -> None:
    """Runs can be compared later, since the file says what was measured and where."""
    file = tmp_path / "figures.json"
    write_json(findings(), file)
    value = json.loads(file.read_bytes())
    assert value["machine"]["cores"] == 2
    assert value["cells"][0]["per_second"] == 4_100
    assert [target["measured"] for target in value["targets"]] == [4_100, 2, 4_900]


def test_our_own_work_is_not_that_of_others() -> None:
    """The share of foreign load stays a share, also when clocks tick unevenly."""
    company = Company()
    assert 0 <= company.share() <= 1


def test_the_generator_knows_how_long_an_answer_is() -> None:
    """Answers are counted whole; one whose end is unknown stops the run."""
    head = b"HTTP/1.1 200 OK\r\netag: 1\r\nContent-Length: 5\r\n\r\n"
    assert answer_size(head + b"he") == len(head) + 5
    assert answer_size(head.lower()) == len(head) + 5
    assert answer_size(head[:-1]) == 0
    with pytest.raises(WrongAnswer, match="without a length"):
        answer_size(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_requests_are_whole_once_an_id_is_put_in() -> None:
    """The length in the head fits the body, or else the server would wait for the rest."""
    (id_,) = new_ids(1)
    writes = [step.parts for step in flow.steps("t").values() if step.parts[0][:4] != "GET "]
    for parts in (create_request("t", LINES - 1), add_request("t"), *writes):
        assert len(parts) > 1, "no place for an id"
        head, _, body = id_.join(parts).encode().partition(b"\r\n\r\n")
        assert answer_size(head + b"\r\n\r\n") == len(head) + 4 + len(body)
        assert f"/accounts/{ACCOUNT}/".encode() in head
        assert isinstance(json.loads(body), dict)


def test_a_draft_of_three_lines_has_about_three_kilobytes() -> None:
    """The load is as heavy as the aims suppose, so that its figures can be held to them."""
    assert 2_500 < len(document().encode()) < 3_500
    assert len(json.loads(document())["order"]["items"]) == LINES
