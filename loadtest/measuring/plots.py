"""Draws what happens as load grows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from loadtest.measuring.steps import Step
from loadtest.results.knee import Knee
from loadtest.results.objectives import Objective

_STAGES = {
    "queue": "tab:orange",
    "decode": "tab:blue",
    "preprocess": "tab:cyan",
    "inference": "tab:red",
    "postprocess": "tab:purple",
    "encode": "tab:brown",
}
_PERCENTILES = {"p50": "tab:green", "p95": "tab:orange", "p99": "tab:red"}
# Between ticks: for more of them, of four digits, there is no room.
_MOST_INTERVALS = 8


def draw_steps(steps: Sequence[Step], knee: Knee, objectives: Sequence[Objective], path: Path, *, title: str) -> None:
    """Write a PNG of six charts over the offered rate; a dashed line marks the knee, hollow marks invalid steps."""
    steps = sorted(steps, key=lambda each: each.rate)
    figure = Figure(figsize=(14, 8), layout="constrained")
    charts = figure.subplots(2, 3).flatten()
    _latency(charts[0], steps, objectives)
    _goodput(charts[1], steps)
    _without_answer(charts[2], steps)
    _cpu(charts[3], steps)
    _memory(charts[4], steps)
    _time_per_stage(charts[5], steps)
    for axes in charts:
        axes.set_xlabel("offered requests/s")
        axes.set_xscale("log")
        # A chart without marks would find none by itself.
        axes.set_xlim(0.9 * steps[0].rate, 1.1 * steps[-1].rate)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(_ticks(steps))
        axes.grid(alpha=0.3)
        if knee.rate is not None:
            axes.axvline(knee.rate, color="gray", linestyle="--", linewidth=1, label="knee")
        outside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if axes is charts[5] else {}
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small", **outside)
    figure.suptitle(title)
    figure.savefig(path, dpi=110, format="png")


def _ticks(steps: Sequence[Step]) -> list[float]:
    """The rates, those left out that would be written over each other."""
    apart = max(1.5, (steps[-1].rate / steps[0].rate) ** (1 / _MOST_INTERVALS))
    ticks: list[float] = []
    for step in steps:
        if not ticks or step.rate >= apart * ticks[-1]:
            ticks.append(step.rate)
    return [float(f"{tick:.3g}" if tick < 1000 else f"{tick:.0f}") for tick in ticks]


def _rates(steps: Sequence[Step]) -> list[float]:
    return [step.rate for step in steps]


def _line(axes: Axes, steps: Sequence[Step], values: Sequence[float], label: str, colour: str) -> None:
    axes.plot(_rates(steps), values, "-", color=colour, label=label)
    for step, value in zip(steps, values, strict=True):
        hollow = "full" if step.summary.valid else "none"
        axes.plot(step.rate, value, "o", color=colour, markersize=4, fillstyle=hollow)


def _scale_to_see_low_values(axes: Axes) -> None:
    """A logarithmic one, where there is anything that it can show."""
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.get_lines()] or [np.empty(0)])
    if (values > 0).any():
        axes.set_yscale("log")


def _latency(axes: Axes, steps: Sequence[Step], objectives: Sequence[Objective]) -> None:
    endpoints = {verdict.objective.endpoint for step in steps for verdict in step.verdicts}
    for name, colour in _PERCENTILES.items():
        _line(axes, steps, [getattr(step.summary.answers, f"{name}_ms") for step in steps], name, colour)
        limits = [each.limit for each in objectives if each.endpoint in endpoints and each.name == name]
        # With several endpoints in one line there is no one limit to draw.
        if len(limits) == 1:
            label = f"limit of {name}: {limits[0]:g} ms"
            axes.axhline(limits[0], color=colour, linestyle=":", linewidth=1, label=label)
    axes.set(title="Latency of right answers, from the due moment", ylabel="ms")
    _scale_to_see_low_values(axes)


def _goodput(axes: Axes, steps: Sequence[Step]) -> None:
    axes.plot(_rates(steps), _rates(steps), color="lightgray", label="offered")
    _line(axes, steps, [step.summary.goodput for step in steps], "goodput", "tab:blue")
    axes.set(title="Right answers within the deadline", ylabel="per second")
    _scale_to_see_low_values(axes)


def _without_answer(axes: Axes, steps: Sequence[Step]) -> None:
    def percent(part: float, step: Step) -> float:
        return 100 * part / max(1, step.summary.answers.requests)

    refused = [percent(step.summary.answers.counts["refused"], step) for step in steps]
    failed = [percent(step.summary.answers.failed, step) for step in steps]
    unsent = [percent(step.summary.answers.counts["unsent"], step) for step in steps]
    _line(axes, steps, refused, "refused by the service", "tab:orange")
    _line(axes, steps, failed, "failed by the service", "tab:red")
    _line(axes, steps, unsent, "never sent by the generator", "tab:gray")
    axes.set(title="Requests without the right answer", ylabel="% of offered", ylim=(-2, 102))


def _cpu(axes: Axes, steps: Sequence[Step]) -> None:
    _line(axes, steps, [step.cpu_share for step in steps], "service", "tab:blue")
    _line(axes, steps, [step.generator_cpu_share for step in steps], "generator", "tab:gray")
    axes.set(title="CPU", ylabel="cores", ylim=(0, None))


def _memory(axes: Axes, steps: Sequence[Step]) -> None:
    _line(axes, steps, [step.memory_mib for step in steps], "service", "tab:blue")
    axes.set(title="Memory, the most that was seen", ylabel="MiB")
    axes.set_ylim(0, 1.2 * max(step.memory_mib for step in steps))


def _time_per_stage(axes: Axes, steps: Sequence[Step]) -> None:
    for stage, colour in _STAGES.items():
        with_it = [step for step in steps if stage in step.stage_ms]
        if with_it:
            _line(axes, with_it, [step.stage_ms[stage] for step in with_it], stage, colour)
    axes.set(title="Mean time per stage", ylabel="ms")
    _scale_to_see_low_values(axes)
