"""The report on one run: a table of its stages, the objectives, whether it is valid, and the exit code."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.results.knee import DEFINITION, Point, find_knee
from loadtest.results.objectives import Objective, Verdict, judge
from loadtest.results.rows import Table
from loadtest.results.summary import Summary, summary_of
from loadtest.results.tables import markdown
from loadtest.traffic.stages import Stage

MET, MISSED, FAILED, INVALID = 0, 1, 2, 3
"""Exit codes; with 2, which is Locust's own too, the test itself failed."""
DEADLINE_S = 10.0
"""The service's default for CONVOY_DEADLINE_S: goodput counts answers within it."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage and what it came to."""

    stage: Stage
    start_s: float
    """Seconds since the epoch, as `end_s`."""
    end_s: float
    generator_cpu_share: float
    """CPU time of the process that kept the stages, as a share of one core."""
    summary: Summary
    verdicts: list[Verdict]


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run, judged."""

    stages: list[StageResult]
    verdicts: list[Verdict]
    """Over all stages that count."""
    valid: bool
    knee: str | None
    """The sentence, where stages of at least three rates were run."""

    @property
    def exit_code(self) -> int:
        """MET, MISSED or INVALID; an invalid run proves nothing, whatever it measured."""
        if not self.valid:
            return INVALID
        return MET if all(verdict.met for verdict in self.verdicts) else MISSED


def report_on(
    table: Table,
    started: Sequence[tuple[float, float, Stage]],
    ended: tuple[float, float],
    objectives: list[Objective],
    *,
    judged_rate: float,
) -> RunReport:
    """Judge a run.

    Args:
        table: Its rows.
        started: Each stage's begin (seconds since the epoch), the generator's CPU seconds then, and the stage.
        ended: The same two numbers for the end of the last stage.
        objectives: What was promised.
        judged_rate: Stages of a higher rate do not count.

    Raises:
        ValueError: a stage had no requests.
    """
    edges = [(start_s, cpu_s) for start_s, cpu_s, _ in started] + [ended]
    results = []
    for index, (start_s, cpu_s, stage) in enumerate(started):
        end_s, end_cpu_s = edges[index + 1]
        results.append(
            StageResult(
                stage,
                start_s,
                end_s,
                (end_cpu_s - cpu_s) / (end_s - start_s),
                summary_of(table, start_s, end_s, deadline_s=DEADLINE_S),
                judge(objectives, table.due_between(start_s, end_s)),
            )
        )
    counting = [index for index, result in enumerate(results) if result.stage.rate <= judged_rate]
    inside = sum(
        (((table.due_s >= edges[index][0]) & (table.due_s < edges[index + 1][0])) for index in counting),
        start=table.due_s < 0,
    )
    return RunReport(
        results,
        judge(objectives, table.where(inside)),
        all(results[index].summary.valid for index in counting),
        str(find_knee(points_of(results))) if len({result.stage.rate for result in results}) > 2 else None,
    )


def points_of(results: Sequence[StageResult]) -> list[Point]:
    """Stages as the knee finder sees them."""
    return [
        Point(each.summary.offered, each.summary.valid, tuple(str(one) for one in each.verdicts if not one.met))
        for each in results
    ]


HEADER = (
    "offered/s", "goodput/s", "p50 ms", "p95 ms", "p99 ms", "longest ms", "refused", "failed",
    "sent on time", "generator CPU",
)  # fmt: skip


def cells(result: StageResult) -> list[str]:
    """A stage as a row under HEADER."""
    summary = result.summary
    return [
        f"{summary.offered:.1f}",
        f"{summary.goodput:.1f}",
        *(f"{ms:.1f}" for ms in (summary.p50_ms, summary.p95_ms, summary.p99_ms, summary.longest_ms)),
        *(f"{share:.1%}" for share in (summary.refused_share, summary.failed_share, summary.on_time_share)),
        f"{result.generator_cpu_share:.0%}",
    ]


def text_of(report: RunReport) -> str:
    """The report in Markdown."""
    rows = [[f"{each.stage.seconds:g} s", *cells(each)] for each in report.stages]
    lines = [markdown(("stage", *HEADER), rows), ""]
    lines += [f"- {verdict}" for verdict in report.verdicts]
    if report.knee is not None:
        lines += ["", report.knee, DEFINITION]
    lines += ["", _conclusion(report)]
    return "\n".join(lines) + "\n"


def _conclusion(report: RunReport) -> str:
    if report.exit_code == INVALID:
        return (
            "**The run is invalid**: less than 95 % of the requests were sent within 50 ms of the moment at which they "
            "were due, so the service was not asked what it should have been."
        )
    return "**The objectives are met.**" if report.exit_code == MET else "**Objectives are missed.**"


def write_report(report: RunReport, table: Table, folder: Path) -> None:
    """Write report.md, summary.json and requests.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(text_of(report))
    table.write_csv(folder / "requests.csv")
    stages = [
        {
            "start_s": each.start_s,
            "end_s": each.end_s,
            "seconds": each.stage.seconds,
            "rate": each.stage.rate,
            "generator_cpu_share": each.generator_cpu_share,
            **dataclasses.asdict(each.summary),
        }
        for each in report.stages
    ]
    verdicts = [
        {**dataclasses.asdict(each.objective), "measured": each.measured, "met": each.met} for each in report.verdicts
    ]
    summary = {"valid": report.valid, "exit_code": report.exit_code, "stages": stages, "objectives": verdicts}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
