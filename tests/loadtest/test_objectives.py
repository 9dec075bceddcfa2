"""Objectives come from one file and decide the exit code."""

from pathlib import Path

import pytest

from loadtest.results.objectives import InvalidObjectives, judge, read_objectives
from loadtest.results.rows import Table
from loadtest.results.run_report import INVALID, MET, MISSED, report_on, text_of
from loadtest.traffic.stages import Stage, spike
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
    assert not any(each.met for each in judge(read_objectives(), table_of([0.01] * 5, outcome="broken")))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[classify", "cannot be read"),
        ("[detect]\np50_ms = 1", "'detect' is no endpoint"),
        ("classify = 3", "'classify' is no endpoint"),
        ("[cam]\nmean_ms = 1", "mean_ms of cam is neither a percentile"),
        ("[cam]\np50_ms = '1'", "p50_ms of cam has to be a number"),
        ("[cam]\np50_ms = -1", "p50_ms of cam has to be a number"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "objectives.toml"
    file.write_text(text)
    with pytest.raises(InvalidObjectives, match=reason):
        read_objectives(file)


def exit_code(table: Table, *, judged_rate: float = 10.0) -> int:
    started = [(0.0, 1.0, Stage(10, 10)), (10.0, 1.5, Stage(5, 50))]
    return report_on(table, started, (15.0, 2.0), read_objectives(), judged_rate=judged_rate).exit_code


def test_the_exit_code_says_met_missed_or_invalid() -> None:
    quick, slow = table_of([0.01] * 150), table_of([0.01] * 90 + [3.0] * 60)
    late = table_of([0.2] * 150, late_s=0.1)
    assert exit_code(quick) == MET == 0
    assert exit_code(slow) == MISSED == 1
    assert exit_code(late) == INVALID == 3


def test_stages_above_the_rate_that_has_to_be_carried_do_not_count() -> None:
    spiky = joined(table_of([0.01] * 100), table_of([3.0] * 50, start_s=10.0, late_s=0.5))
    assert exit_code(spiky) == MET
    assert exit_code(spiky, judged_rate=50.0) == INVALID
    assert [stage.rate <= 10 for stage in spike(10)] == [True, False, True]


def test_the_report_names_the_knee_where_there_were_steps() -> None:
    started = [(10.0 * number, float(number), Stage(10, 10.0 * (number + 1))) for number in range(3)]
    steps = [
        table_of([0.01] * 100),
        table_of([0.01] * 200, every_s=0.05, start_s=10.0),
        table_of([1.0] * 300, every_s=1 / 30, start_s=20.0),
    ]
    report = report_on(joined(*steps), started, (30.0, 3.0), read_objectives(), judged_rate=10.0)
    miss = "classify: p50 1000.0 ms, above the objective of 100 ms"
    assert report.knee == f"Knee: 20 requests/s; at 30 requests/s {miss}."
    assert report.exit_code == MET
    assert "The objectives are met" in text_of(report)
    assert [each.generator_cpu_share for each in report.stages] == [0.1, 0.1, 0.1]
