"""Draws what becomes of requests before, during and after an overload."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from loadtest.measuring.overload import Overload, Overloaded

_FATES = {
    "in_time": ("answered right within the deadline", "tab:blue"),
    "refused": ("refused", "tab:orange"),
    "lost": ("too late, failed or never answered", "tab:red"),
    "unsent": ("never sent by the generator", "lightgray"),
}
# How much higher a chart is than its highest bar.
_ROOM = 1.05


def draw_overloads(results: Sequence[Overloaded], path: Path, *, title: str) -> None:
    """Write a PNG with a row of charts per service and one chart per multiple; dashed lines bound the overload."""
    columns = max(len(result.overloads) for result in results)
    figure = Figure(figsize=(4.7 * columns, 1.2 + 2.9 * len(results)), layout="constrained")
    charts = figure.subplots(len(results), columns, sharex=True, sharey="col", squeeze=False)
    for row, result in zip(charts, results, strict=True):
        for axes, each in zip(row, result.overloads, strict=False):
            _draw(axes, each)
            axes.set_title(f"{result.name}, {each.multiple:g} times the knee", fontsize="medium")
        for axes in row[len(result.overloads) :]:
            axes.set_visible(False)
        row[0].set_ylabel("requests per second")
    for column in charts.T:
        highest = max(axes.dataLim.y1 for axes in column)
        column[0].set_ylim(0, _ROOM * highest)
    for axes in charts[-1]:
        axes.set_xlabel("seconds since the overload began, when due")
    patches = [Patch(color=colour, label=label) for label, colour in _FATES.values()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
    figure.suptitle(title)
    figure.savefig(path, dpi=110, format="png")


def _draw(axes: Axes, overload: Overload) -> None:
    timeline = overload.timeline
    seconds = timeline.first_s + np.arange(len(timeline.in_time))
    below = np.zeros(len(seconds))
    for fate, (_, colour) in _FATES.items():
        counts = np.array(getattr(timeline, fate), float)
        axes.bar(seconds, counts, bottom=below, width=1.0, align="edge", color=colour)
        below += counts
    for bound_s in (0.0, overload.seconds):
        axes.axvline(bound_s, color="black", linestyle="--", linewidth=0.8)
    axes.grid(axis="y", alpha=0.3)
