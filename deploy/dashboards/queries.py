"""PromQL that several dashboards ask: filters by the variables at the top, rates, quantiles, means and ratios."""

from collections.abc import Sequence

WINDOW = "$__rate_interval"
"""Grafana's shortest window that holds four scrapes at the panel's resolution."""
STEP = "$__interval"
"""The time between two points of a panel: windows of this length count everything once."""

JOB = 'job=~"$job"'
"""For what recording rules have summed up over the replicas."""
SERVICE = f'{JOB}, instance=~"$instance"'
MODEL = f'{SERVICE}, model=~"$model", version=~"$version"'
RECORDED_MODEL = f'{JOB}, model=~"$model", version=~"$version"'
# Probes, scrapes and pages are requests too; an operator asks about those for an answer of a network.
ASKED = f'{SERVICE}, route=~".*/(classify|segment|cam)"'
# Refusals and errors take milliseconds, and are no answers that could be slow.
_OK = 'status_code=~"2.."'
ANSWERED = f"{ASKED}, {_OK}"
CLASSIFIED = f'{SERVICE}, route=~".*/(classify|cam)", {_OK}'
SEGMENTED = f'{SERVICE}, route=~".*/segment", {_OK}'

COUNT = "http_server_requests_total"
SECONDS = "http_server_request_duration_seconds"
"""From the head of a request on, so that a caller's slow upload is in it."""
ANSWER_SECONDS = "convoy_answer_duration_seconds"
"""From the last byte of a request on: the service's own time."""


def per_second(counter: str, where: str, by: Sequence[str] = ()) -> str:
    """Events per second, summed over everything but `by`."""
    return f"sum{_by(by)} (rate({counter}{{{where}}}[{WINDOW}]))"


def quantile(share: float, histogram: str, where: str, by: Sequence[str] = ()) -> str:
    """The value below which `share` (0 to 1) of the observations lie, interpolated within a bucket."""
    return f"histogram_quantile({share}, {per_second(histogram + '_bucket', where, ['le', *by])})"


def mean(histogram: str, where: str, by: Sequence[str] = ()) -> str:
    """The exact mean of the observations; NaN where there are none."""
    return f"{per_second(histogram + '_sum', where, by)} / {per_second(histogram + '_count', where, by)}"


def zero_where_none(part: str, whole: str) -> str:
    """`part`, and zero for what exists in `whole` only: a fault that never happened has no series."""
    return f"({part} or 0 * {whole})"


def ratio(part: str, whole: str) -> str:
    """`part` of `whole`, 0 to 1; NaN where there is no whole."""
    return f"{zero_where_none(part, whole)} / {whole}"


def buckets(histogram: str, where: str) -> str:
    """Observations per bucket and step, for a heatmap."""
    return f"sum by (le) (increase({histogram}_bucket{{{where}}}[{STEP}]))"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
