"""The report on one run: a table of its stages, the objectives, whether it is valid, and the exit code."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.results.knee import DEFINITION, Point, find_knee
from loadtest.results.objectives import Objective, Verdict, judge, on_time_s
from loadtest.results.rows import Table
from loadtest.results.summary import Answers, Summary, summary_of
from loadtest.results.tables import markdown, number, rounded, write_figures
from loadtest.traffic.stages import RanStage

MET, MISSED, FAILED, INVALID = 0, 1, 2, 3
"""Exit codes; with 2, which is Locust's own too, the test itself failed."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage and what it came to."""

    ran: RanStage
    summary: Summary
    verdicts: list[Verdict]
    counts: bool
    """Whether the objectives are judged by it."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run, judged."""

    stages: list[StageResult]
    generator_problems: list[str]
    """What is known to have gone wrong with the generator, in sentences without a stop."""
    knee: str | None
    """The sentence, where one was looked for."""
    cut_off: bool
    asked: Mapping[str, str]
    """The model, or the path, of each endpoint."""

    @property
    def counting(self) -> list[StageResult]:
        """The stages that the objectives are judged by, each by itself: in all of them together, long quiet ones would
        hide a short bad one.
        """
        return [each for each in self.stages if each.counts]

    @property
    def worst(self) -> list[tuple[StageResult, Verdict]]:
        """For each objective the stage that came off worst, and how."""
        found: dict[Objective, tuple[StageResult, Verdict]] = {}
        for stage in self.counting:
            for verdict in stage.verdicts:
                if verdict.objective not in found or verdict.is_worse_than(found[verdict.objective][1]):
                    found[verdict.objective] = stage, verdict
        return list(found.values())

    @property
    def problems(self) -> list[str]:
        """Why the run is invalid, in sentences without a stop; empty where it is valid."""
        of_stages = [
            f"at {rounded(each.summary.rate)}/s {one}" for each in self.counting for one in each.summary.problems
        ]
        due = {name for each in self.counting for name in each.summary.by_endpoint}
        never = [f"nothing was asked of {name}" for name in self.asked if self.counting and name not in due]
        return [*self.generator_problems, *of_stages, *never]

    @property
    def valid(self) -> bool:
        """Whether the service was asked what it should have been."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """MET, MISSED, INVALID or FAILED; an invalid run proves nothing, whatever it measured, nor does half of one."""
        if not self.valid:
            return INVALID
        if self.cut_off:
            return FAILED
        return MET if all(verdict.met for _, verdict in self.worst) else MISSED


def report_on(
    table: Table,
    ran: Sequence[RanStage],
    objectives: list[Objective],
    *,
    judged_rate: float,
    seeks_knee: bool,
    asked: Mapping[str, str],
    problems: Sequence[str] = (),
    cut_off: bool = False,
) -> RunReport:
    """Judge a run.

    Args:
        table: Its rows.
        ran: Its stages.
        objectives: What was promised.
        judged_rate: Stages of a higher rate do not count.
        seeks_knee: Whether the stages are steps that say where the knee is.
        asked: The model, or the path, of each endpoint.
        problems: What is known to have gone wrong with the generator, in sentences.
        cut_off: Whether it was ended before its time.

    Raises:
        InvalidObjectives: an endpoint was asked that has no objective.
    """
    results = []
    late_s = on_time_s(objectives, [*asked, *table.endpoints()])
    for each in ran:
        summary = summary_of(table, each.start_s, each.end_s, rate=each.stage.rate, on_time_s=late_s)
        verdicts = judge(objectives, table.due_between(each.start_s, each.end_s))
        results.append(StageResult(each, summary, verdicts, each.stage.rate <= judged_rate))
    return RunReport(
        results,
        list(problems),
        str(find_knee(points_of(results))) if seeks_knee and not cut_off else None,
        cut_off,
        asked,
    )


def points_of(results: Sequence[StageResult]) -> list[Point]:
    """Stages as the knee finder sees them."""
    return [
        Point(each.summary.rate, each.summary.valid, tuple(str(one) for one in each.verdicts if not one.met))
        for each in results
    ]


ANSWERS_HEADER = ("p50 ms", "p95 ms", "p99 ms", "longest ms", "refused", "wrong", "504", "error", "broken")


def answers_cells(answers: Answers) -> list[str]:
    """What became of requests as cells under ANSWERS_HEADER."""
    times = (answers.p50_ms, answers.p95_ms, answers.p99_ms, answers.longest_ms)
    counts = (str(answers.counts[name]) for name in ("wrong", "late", "error", "broken"))
    return [*(number(ms, ".1f") for ms in times), number(answers.share("refused"), ".1%"), *counts]


GENERATOR_HEADER = ("unsent", "sent on time", "late p99 ms", "generator CPU")


def generator_cells(summary: Summary, cpu_share: float) -> list[str]:
    """How well the rate was kept as cells under GENERATOR_HEADER."""
    return [
        str(summary.answers.counts["unsent"]),
        number(summary.on_time_share, ".2%"),
        number(summary.late_p99_ms, ".1f"),
        number(cpu_share, ".0%"),
    ]


def endpoint_rows(results: Sequence[tuple[str, Summary]]) -> list[list[str]]:
    """A row per endpoint of each named stretch; none where only one endpoint was asked."""
    if len({name for _, summary in results for name in summary.by_endpoint}) < 2:
        return []
    return [
        [name, endpoint, str(answers.requests), *answers_cells(answers)]
        for name, summary in results
        for endpoint, answers in summary.by_endpoint.items()
    ]


def endpoint_table(results: Sequence[tuple[str, Summary]]) -> list[str]:
    """These rows in Markdown, with an empty line before; nothing where there are none."""
    rows = endpoint_rows(results)
    return ["", markdown(("", "endpoint", "requests", *ANSWERS_HEADER), rows)] if rows else []


def text_of(report: RunReport) -> str:
    """The report in Markdown."""
    rows = [
        [
            f"{each.ran.stage.seconds:g} s",
            rounded(each.summary.rate),
            number(each.summary.offered, ".1f"),
            number(each.summary.goodput, ".1f"),
            *answers_cells(each.summary.answers),
            *generator_cells(each.summary, each.ran.generator_cpu_share),
        ]
        for each in report.stages
    ]
    header = ("stage", "rate/s", "offered/s", "goodput/s", *ANSWERS_HEADER, *GENERATOR_HEADER)
    asked = ", ".join(f"{endpoint} of {model}" for endpoint, model in report.asked.items())
    lines = [f"Asked: {asked}.", "", markdown(header, rows)]
    lines += endpoint_table([(f"{rounded(each.summary.rate)}/s", each.summary) for each in report.stages])
    several = len(report.counting) > 1
    where = [f"at {rounded(stage.summary.rate)}/s, " if several else "" for stage, _ in report.worst]
    lines += ["", *(f"- {at}{verdict}" for at, (_, verdict) in zip(where, report.worst, strict=True))]
    if report.knee is not None:
        lines += ["", report.knee, DEFINITION]
    lines += ["", _conclusion(report)]
    return "\n".join(lines) + "\n"


def _conclusion(report: RunReport) -> str:
    cut_off = "**The run was cut off**: this is what there was, and nothing is judged by it."
    if not report.valid:
        why = "; ".join(report.problems)
        invalid = f"**The run is invalid**, for the service was not asked what it should have been: {why}."
        return f"{cut_off} {invalid}" if report.cut_off else invalid
    if report.cut_off:
        return cut_off
    return "**The objectives are met.**" if report.exit_code == MET else "**Objectives are missed.**"


def write_report(report: RunReport, table: Table, folder: Path) -> None:
    """Write report.md, summary.json and requests.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(text_of(report))
    table.write_csv(folder / "requests.csv")
    figures = {
        "asked": report.asked,
        "valid": report.valid,
        "problems": report.problems,
        "generator_problems": report.generator_problems,
        "cut_off": report.cut_off,
        "exit_code": report.exit_code,
        "stages": [
            {
                "start_s": each.ran.start_s,
                "end_s": each.ran.end_s,
                "seconds": each.ran.stage.seconds,
                "generator_cpu_share": each.ran.generator_cpu_share,
                **each.summary.figures(),
            }
            for each in report.stages
        ],
        "objectives": [
            {
                **dataclasses.asdict(verdict.objective),
                "measured": verdict.measured,
                "met": verdict.met,
                "rate": stage.summary.rate,
            }
            for stage, verdict in report.worst
        ],
    }
    write_figures(figures, folder / "summary.json")
