"""The first row of the overview: eight numbers and the alerts that fire."""

from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table

from deploy.dashboards.colours import BLUE, GREEN, ORANGE, RED, YELLOW
from deploy.dashboards.panels import NOTHING, Facts, Query, number
from deploy.dashboards.queries import ASKED, COUNT, JOB, SERVICE, per_second
from deploy.dashboards.tables import rows

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
        _slow(),
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
    facts = _small("Replicas ready", "Replicas that would take a request: convoy_ready.", "short", empty="none")
    return number(facts, Query(f"sum(convoy_ready{{{SERVICE}}}) or vector(0)"), steps=((None, RED), (1, GREEN)))


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
    facts = _small("Requests", f"Requests to classify, segment or cam that reached a replica, by {COUNT}.", "reqps")
    return number(facts, Query(per_second(COUNT, ASKED)), steps=((None, BLUE),))


def _failures() -> Stat:
    facts = _small(
        "Failures",
        "Share of the requests that ended with 5xx in the last five minutes, refusals for overload and what the load "
        "balancer answered itself among them: job:prediction_failures_per_requests:ratio_rate5m.",
        "percentunit",
        most=1,
    )
    failing = f"max(job:prediction_failures_per_requests:ratio_rate5m{{{JOB}}})"
    return number(facts, Query(failing), steps=((None, GREEN), (0.001, YELLOW), (0.0144, RED)), decimals=2)


def _slow() -> Stat:
    facts = _small(
        "Slow answers",
        "Share of the answers of the last five minutes that took over 0.25 s (classify, cam) or 2.5 s (segment): "
        "job:prediction_slow_per_answers:ratio_rate5m.",
        "percentunit",
        most=1,
    )
    slow = f"max(job:prediction_slow_per_answers:ratio_rate5m{{{JOB}}})"
    return number(facts, Query(slow), steps=((None, GREEN), (0.01, YELLOW), (0.144, RED)), decimals=2)


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
