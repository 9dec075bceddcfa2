"""Objectives come from one file and decide the exit code."""

import argparse
from pathlib import Path

import pytest

from loadtest.results.objectives import (
    InvalidObjectives,
    Objective,
    judge,
    on_time_s,
    read_objectives,
    require,
)
from loadtest.results.rows import Table
from loadtest.results.run_report import FAILED, INVALID, MET, MISSED, RunReport, report_on, text_of
from loadtest.traffic.options import seeks_knee
from loadtest.traffic.stages import RanStage, Stage, spike
from tests.loadtest.tables import joined, table_of


def test_the_projects_own_file_has_every_endpoint() -> None:
    assert {each.endpoint for each in read_objectives()} == {"classify", "cam", "segment"}


def test_percentiles_and_errors_are_judged_per_endpoint(tmp_path: Path) -> None:
    file = tmp_path / "objectives.toml"
    classify = "[classify]\np50_ms = 50\np99_9_ms = 80.5\nerror_share = 0.1\n"
    file.write_text(f"{classify}[cam]\np50_ms = 50\n[segment]\np50_ms = 1\n")
    table = joined(
        table_of([0.04] * 998 + [0.0804, 0.2]),
        table_of([0.3] * 100, outcome="refused"),
        table_of([0.06] * 10, endpoint="cam"),
    )
    verdicts = {(each.objective.endpoint, each.objective.percent): each for each in judge(read_objectives(file), table)}
    assert {key: each.met for key, each in verdicts.items()} == {
        ("classify", 50.0): True,
        ("classify", 99.9): True,
        ("classify", None): True,
        ("cam", 50.0): False,
    }
    assert verdicts["classify", 99.9].measured == pytest.approx(80.4)
    assert str(verdicts["cam", 50.0]) == "cam: p50 60.0 ms, above the objective of 50 ms"


def test_an_endpoint_without_a_right_answer_meets_nothing() -> None:
    verdicts = judge(read_objectives(), table_of([0.01] * 5, outcome="broken"))
    assert not any(each.met for each in verdicts)
    assert str(verdicts[0]) == "classify: no right answer to measure p50 on"


def test_what_the_generator_did_not_send_is_no_error_of_the_service() -> None:
    table = joined(table_of([0.01] * 90), table_of([0.0] * 10, outcome="unsent"))
    assert {each.measured for each in judge(read_objectives(), table) if each.objective.percent is None} == {0.0}


def test_an_endpoint_that_is_asked_has_to_have_an_objective() -> None:
    classify = [Objective("classify", 50.0, 100.0)]
    with pytest.raises(InvalidObjectives, match="There is no objective for cam, so nothing could be missed"):
        judge(classify, joined(table_of([0.01]), table_of([0.01], endpoint="cam")))
    with pytest.raises(InvalidObjectives, match="no objective for classify and segment"):
        require([], ["segment", "classify"])


def test_requests_have_to_be_sent_in_a_fifth_of_the_smallest_limit() -> None:
    # The limit of p95 is 200 ms.
    assert on_time_s(read_objectives(), ["classify"]) == pytest.approx(0.04)
    assert on_time_s([Objective("segment", 99.0, 2500.0), Objective("segment", None, 0.001)], ["segment"]) == 0.05


def test_a_limit_that_lateness_does_not_decide_makes_no_run_invalid() -> None:
    tight = Objective("cam", 99.0, 5.0)
    assert on_time_s([tight], ["classify"]) == 0.05  # nobody asks
    assert on_time_s([Objective("classify", 50.0, 20.0)], ["classify"]) == 0.05  # one in a thousand moves no median
    assert on_time_s([Objective("classify", 99.0, 0.0)], ["classify"]) == 0.005
    ran = [RanStage(Stage(10, 10.0), 0.0, 10.0, 0.1)]
    table = table_of([0.02] * 100, late_s=0.004)
    limits = [tight, Objective("classify", 99.0, 1.0), Objective("classify", 50.0, 2.0)]
    report = report_on(table, ran, limits, judged_rate=10.0, seeks_knee=False, asked={"classify": "m"})
    assert report.exit_code == MISSED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[classify", "cannot be read"),
        ("[detect]\np50_ms = 1", "'detect' is no endpoint"),
        ("classify = 3", "'classify' is no endpoint"),
        ("[cam]\nmean_ms = 1", "mean_ms of cam is neither a percentile"),
        ("[cam]\np50_ms = '1'", "p50_ms of cam has to be a number"),
        ("[cam]\nerror_share = 5", "error_share of cam is a share, from 0 to 1"),
        ("[cam]\np0_ms = 5", "p0_ms of cam is neither a percentile"),
        ("[cam]\np0_0_ms = 5", "p0_0_ms of cam is neither a percentile"),
        ("[cam]\np50_ms = -1", "p50_ms of cam has to be a number"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "objectives.toml"
    file.write_text(text)
    with pytest.raises(InvalidObjectives, match=reason):
        read_objectives(file)


def reported(
    table: Table, *rates: float, judged_rate: float = 10.0, knee: bool = False, cut_off: bool = False
) -> RunReport:
    """Stages of ten seconds each."""
    ran = [RanStage(Stage(10, rate), 10.0 * n, 10.0 * (n + 1), 0.1) for n, rate in enumerate(rates)]
    asked = {"classify": "lenet5"}
    objectives = read_objectives()
    return report_on(table, ran, objectives, judged_rate=judged_rate, seeks_knee=knee, asked=asked, cut_off=cut_off)


def test_the_exit_code_says_met_missed_invalid_or_failed() -> None:
    quick, slow = table_of([0.01] * 100), table_of([0.01] * 60 + [3.0] * 40)
    late, few = table_of([0.2] * 100, late_s=0.1), table_of([0.01] * 40)
    codes = [reported(table, 10.0).exit_code for table in (quick, slow, late, few)]
    assert codes == [MET, MISSED, INVALID, INVALID] == [0, 1, 3, 3]
    assert reported(quick, 10.0, cut_off=True).exit_code == FAILED == 2


def test_a_report_says_why_a_run_is_invalid() -> None:
    ran = [RanStage(Stage(10, 10.0), 0.0, 10.0, 0.1)]
    lost = ["Worker 1 went missing"]
    objectives = read_objectives()
    table = table_of([0.01] * 40)
    report = report_on(table, ran, objectives, judged_rate=10.0, seeks_knee=False, asked={}, problems=lost)
    assert report.exit_code == INVALID
    assert "should have been: Worker 1 went missing; at 10/s 4 requests/s were due instead of 10." in text_of(report)


def test_stages_above_the_rate_that_has_to_be_carried_do_not_count() -> None:
    spiky = joined(table_of([0.01] * 100), table_of([3.0] * 100, start_s=10.0, late_s=0.5))
    assert reported(spiky, 10.0, 50.0).exit_code == MET
    assert reported(spiky, 10.0, 50.0, judged_rate=50.0).exit_code == INVALID
    assert [stage.rate <= 10 for stage in spike(10)] == [True, False, True]


def test_each_stage_is_judged_by_itself() -> None:
    long_and_quiet = table_of([0.01] * 4000, every_s=0.005)
    bad = joined(table_of([0.01] * 192, every_s=0.1, start_s=20.0), table_of([0.9] * 8, start_s=39.2))
    ran = [RanStage(Stage(20, 200.0), 0.0, 20.0, 0.1), RanStage(Stage(20, 10.0), 20.0, 40.0, 0.1)]
    table, asked = joined(long_and_quiet, bad), {"classify": "m"}
    report = report_on(table, ran, read_objectives(), judged_rate=200.0, seeks_knee=False, asked=asked)
    assert report.exit_code == MISSED
    assert "- at 10/s, classify: p99 900.0 ms, above the objective of 250 ms" in text_of(report)


def test_an_endpoint_of_which_nothing_was_asked_makes_a_run_invalid() -> None:
    ran = [RanStage(Stage(10, 10.0), 0.0, 10.0, 0.1)]
    asked = {"classify": "m", "segment": "s"}
    report = report_on(table_of([0.01] * 100), ran, read_objectives(), judged_rate=10.0, seeks_knee=False, asked=asked)
    assert report.exit_code == INVALID
    assert "should have been: nothing was asked of segment." in text_of(report)


def test_the_report_names_the_knee_where_there_were_steps() -> None:
    steps = [
        table_of([0.01] * 100),
        table_of([0.01] * 200, every_s=0.05, start_s=10.0),
        table_of([1.0] * 300, every_s=1 / 30, start_s=20.0),
    ]
    report = reported(joined(*steps), 10.0, 20.0, 30.0, knee=True)
    miss = "classify: p50 1000.0 ms, above the objective of 100 ms"
    assert report.knee == f"Knee: 20 requests/s; at 30 requests/s {miss}."
    assert report.exit_code == MET
    assert "The objectives are met" in text_of(report)
    assert "Asked: classify of lenet5." in text_of(report)
    assert reported(joined(*steps), 10.0, 20.0, 30.0).knee is None


@pytest.mark.parametrize(
    ("shape", "stages", "seeks"),
    [
        ("step", "", True),
        ("load", "", False),  # ramps of six seconds
        ("spike", "", False),
        ("", "10x10,10x20,10x30", True),
        ("step", "10x10,10x20,10x20", False),
        ("", "10x10,10x20", False),
    ],
)
def test_only_steps_upwards_have_a_knee(shape: str, stages: str, seeks: bool) -> None:
    assert seeks_knee(argparse.Namespace(shape=shape, stages=stages)) == seeks


def test_endpoints_are_told_apart_where_there_are_several() -> None:
    mixed = joined(table_of([0.01] * 90, every_s=0.11), table_of([0.2] * 10, every_s=1.0, endpoint="cam"))
    assert "| 10/s | cam | 10 | 200.0 |" in text_of(reported(mixed, 10.0))
    assert "endpoint" not in text_of(reported(table_of([0.01] * 100), 10.0))
