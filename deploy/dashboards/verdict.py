"""The first row of the overview: eight numbers and the alerts that fire."""

from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table

from deploy.dashboards.colours import BLUE, GREEN, ORANGE, RED, YELLOW
from deploy.dashboards.panels import NOTHING, Facts, Query, number
from deploy.dashboards.queries import ASKED, JOB, SECONDS, SERVICE, per_second, quantile
from deploy.dashboards.tables import rows

LATENCY_OBJECTIVE_S = 0.25

_BAD_IF_ANY = ((None, GREEN), (1, RED))
_BUDGET = ((None, RED), (0, ORANGE), (0.25, GREEN))


def verdict() -> list[Stat | Table]:
    """Is it all right?"""
    return [
        _replicas(),
        _alerts_firing(),
        _versions_failed(),
        _requests(),
        _failures(),
        _slowest(),
        _budget("Availability budget left", "failures", "job:availability_budget_left:ratio30d"),
        _budget("Latency budget left", "slow answers", "job:latency_budget_left:ratio30d"),
        _alerts(),
    ]


def _small(
    title: str,
    about: str,
    unit: str,
    *,
    least: float | None = 0,
    most: float | None = None,
    empty: str = NOTHING,
) -> Facts:
    return Facts(title, about, unit, width=3, height=4, least=least, most=most, empty=empty)


def _replicas() -> Stat:
    facts = _small("Replicas up", "Replicas that Prometheus reaches: job:up:sum.", "short", empty="none")
    return number(facts, Query(f"sum(job:up:sum{{{JOB}}}) or vector(0)"), steps=((None, RED), (1, GREEN)))


def _alerts_firing() -> Stat:
    facts = _small("Alerts firing", "Alerts that fire, of any severity, counted in ALERTS.", "short")
    return number(facts, Query('count(ALERTS{alertstate="firing"}) or vector(0)'), steps=_BAD_IF_ANY)


def _versions_failed() -> Stat:
    facts = _small(
        "Versions that failed",
        "Published versions that a replica could not load, by convoy_model_failed. An older version may go on serving.",
        "short",
    )
    failed = f"count(max by (model, version) (convoy_model_failed{{{SERVICE}}}) == 1) or vector(0)"
    return number(facts, Query(failed), steps=_BAD_IF_ANY)


def _requests() -> Stat:
    facts = _small(
        "Requests", "Requests to classify, segment or cam, by http_server_request_duration_seconds_count.", "reqps"
    )
    return number(facts, Query(per_second(f"{SECONDS}_count", ASKED)), steps=((None, BLUE),))


def _failures() -> Stat:
    facts = _small(
        "Failures",
        "Share of these requests that ended with 5xx in the last five minutes, refusals for overload among them: "
        "job:prediction_failures_per_requests:ratio_rate5m.",
        "percentunit",
        most=1,
    )
    failing = f"max(job:prediction_failures_per_requests:ratio_rate5m{{{JOB}}})"
    return number(facts, Query(failing), steps=((None, GREEN), (0.001, YELLOW), (0.0144, RED)), decimals=2)


def _slowest() -> Stat:
    facts = _small("p99", "99 % of them are faster, by the buckets of http_server_request_duration_seconds.", "s")
    steps = ((None, GREEN), (LATENCY_OBJECTIVE_S, ORANGE))
    return number(facts, Query(quantile(0.99, SECONDS, ASKED)), steps=steps)


def _budget(title: str, what: str, series: str) -> Stat:
    facts = _small(
        title,
        f"Of the {what} that the objective allows in 30 days, the share that has not happened: {series}. Below 0 the "
        "objective is missed.",
        "percentunit",
        least=None,
        most=1,
    )
    return number(facts, Query(f"min({series}{{{JOB}}})"), steps=_BUDGET, decimals=1)


def _alerts() -> Table:
    facts = Facts(
        "Firing now",
        "Alerts that fire, by ALERTS; docs/runbook.md has a section for each. They are not filtered.",
        "short",
        width=24,
        height=4,
        empty="none",
    )
    firing = Query('sum by (alertname, severity) (ALERTS{alertstate="firing"})')
    return rows(facts, {"How many": firing}, {"alertname": "Alert", "severity": "Severity"})
