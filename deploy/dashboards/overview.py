"""The overview: whether the service is all right, and if not, where to look."""

from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines

from deploy.dashboards import shared_panels
from deploy.dashboards.colours import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, STATUSES, YELLOW
from deploy.dashboards.page import Page, Row
from deploy.dashboards.panels import Facts, Query, lines
from deploy.dashboards.queries import (
    ANSWER_SECONDS,
    ANSWERED,
    ASKED,
    COUNT,
    JOB,
    MODEL,
    SERVICE,
    per_second,
    quantile,
    ratio,
    zero_where_none,
)
from deploy.dashboards.tables import rows
from deploy.dashboards.verdict import verdict

# A budget lasts its 30 days exactly at 1; the others are the burn rates that the alerts wait for.
_BURNS = ((None, GREEN), (1, YELLOW), (6, ORANGE), (14.4, RED))
_WINDOWS = {"5m": YELLOW, "1h": ORANGE, "6h": PURPLE, "3d": BLUE}


def page() -> Page:
    """The dashboard."""
    return Page(
        "convoy-overview",
        "Convoy overview",
        "Is the service all right? Traffic, errors, latency, objectives and load, over all replicas.",
        [
            Row("Is it all right?", verdict()),
            Row("Traffic", [_by_status(), _by_route(), shared_panels.errors(6), _by_the_load_balancer()]),
            Row("Latency", [*shared_panels.latencies(), _by_route_p99()]),
            Row(
                "Objectives",
                [
                    _attainment(),
                    _burn("Availability", "failures", "job:prediction_failures_per_requests", "convoy:availability"),
                    _burn("Latency", "slow answers", "job:prediction_slow_per_answers", "convoy:latency"),
                    _budgets(),
                ],
            ),
            Row("Load", [shared_panels.queue(6), _processes(), shared_panels.cpu(), shared_panels.memory()]),
            Row("Models", [_models()]),
        ],
    )


def _by_status() -> Lines:
    facts = Facts(
        "Requests by status",
        f"Requests to classify, segment or cam per second by the class of their status: {COUNT}.",
        "reqps",
        width=6,
    )
    everything = per_second(COUNT, ASKED)
    queries = [
        Query(zero_where_none(per_second(COUNT, f'{ASKED}, status_code=~"{name[0]}.."'), everything), name)
        for name in STATUSES
    ]
    return lines(facts, *queries, colours=STATUSES, stacked=True)


def _by_route() -> Lines:
    facts = Facts(
        "Requests by route",
        f"All requests per second by route, probes and scrapes too: {COUNT}. Paths that fit no route share one.",
        "reqps",
        width=6,
    )
    return lines(facts, Query(per_second(COUNT, SERVICE, ["route"]), "{{route}}"))


def _by_the_load_balancer() -> Lines:
    facts = Facts(
        "Failed by the load balancer",
        "Requests per second that the load balancer answered with 5xx in the place of a replica, for none was ready or "
        "one was lost: those of haproxy_frontend_http_responses_total less those of "
        "haproxy_server_http_responses_total. Of any route, and not filtered.",
        "reqps",
        width=6,
        empty="no load balancer",
    )
    failed = 'job="loadbalancer", proxy="{}", code="5xx"'
    everywhere = per_second("haproxy_frontend_http_responses_total", failed.format("public"))
    by_replicas = per_second("haproxy_server_http_responses_total", failed.format("replicas"))
    own = Query(f"clamp_min({everywhere} - {by_replicas}, 0)", "failed")
    return lines(facts, own, colours={"failed": RED})


def _by_route_p99() -> Lines:
    facts = Facts(
        "p99 by route",
        f"99 % of the answers (2xx) of a route come faster, from the last byte of the request on: {ANSWER_SECONDS}.",
        "s",
        width=6,
    )
    return lines(facts, Query(quantile(0.99, ANSWER_SECONDS, ANSWERED, ["route"]), "{{route}}"))


def _attainment() -> Lines:
    facts = Facts(
        "Objectives kept",
        "Share of requests without failure, and of answers in time, within an hour: 1 less "
        "job:prediction_failures_per_requests:ratio_rate1h and job:prediction_slow_per_answers:ratio_rate1h. The "
        "dashed lines are the objectives.",
        "percentunit",
        width=6,
        least=None,
        most=1,
    )
    return lines(
        facts,
        Query(f"1 - job:prediction_failures_per_requests:ratio_rate1h{{{JOB}}}", "available"),
        Query(f"1 - job:prediction_slow_per_answers:ratio_rate1h{{{JOB}}}", "in time"),
        colours={"available": GREEN, "in time": BLUE},
        steps=((None, RED), (0.99, BLUE), (0.999, GREEN)),
    )


def _burn(title: str, what: str, ratios: str, objective: str) -> Lines:
    facts = Facts(
        f"{title} burn rate",
        f"How fast {what} use up the budget, in several windows: {ratios}:ratio_rate5m and longer, divided by what the "
        "objective allows. 1 uses it up in 30 days, 14.4 in two; the dashed lines are what alerts wait for.",
        "none",
        width=6,
    )
    queries = [
        Query(f"{ratios}:ratio_rate{window}{{{JOB}}} / on () group_left () (1 - {objective}_objective:ratio)", window)
        for window in _WINDOWS
    ]
    return lines(facts, *queries, colours=_WINDOWS, steps=_BURNS)


def _budgets() -> Lines:
    facts = Facts(
        "Budget left",
        "Share of the 30 days' budget that is left: job:availability_budget_left:ratio30d and "
        "job:latency_budget_left:ratio30d.",
        "percentunit",
        width=6,
        least=None,
        most=1,
    )
    return lines(
        facts,
        Query(f"job:availability_budget_left:ratio30d{{{JOB}}}", "availability"),
        Query(f"job:latency_budget_left:ratio30d{{{JOB}}}", "latency"),
        colours={"availability": GREEN, "latency": BLUE},
        steps=((None, RED), (0, GREEN)),
    )


def _processes() -> Lines:
    facts = Facts(
        "Replicas and workers",
        "Replicas that are ready, convoy_ready, of those that Prometheus reaches, job:up:sum, of those that it knows, "
        "job:up:count; and the worker processes of all that are alive, convoy_workers.",
        "short",
        width=6,
        empty="none",
    )
    return lines(
        facts,
        Query(f"sum(convoy_ready{{{SERVICE}}})", "replicas ready"),
        Query(f"sum(job:up:sum{{{JOB}}})", "replicas"),
        Query(f"sum(job:up:count{{{JOB}}})", "replicas known"),
        Query(f"sum(convoy_workers{{{SERVICE}}})", "workers"),
        colours={"replicas ready": GREEN, "replicas": YELLOW, "replicas known": GRAY, "workers": BLUE},
    )


def _models() -> Table:
    facts = Facts(
        "Models",
        "Each version's requests per second and the share of them that failed, from convoy_inference_requests_total, "
        "and the p99 of its inference stage, from convoy_stage_duration_seconds. The name leads to the model.",
        "none",
        width=24,
    )
    by = ["model", "version"]
    counter = "convoy_inference_requests_total"
    everything = per_second(counter, MODEL, by)
    failed = per_second(counter, f'{MODEL}, outcome=~"error|timeout|rejected"', by)
    inference = quantile(0.99, "convoy_stage_duration_seconds", f'{MODEL}, stage="inference"', by)
    kept = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
    chosen = "var-model=${__data.fields.Model}&var-version=${__data.fields.Version}"
    return rows(
        facts,
        {"Requests": Query(everything), "Failed": Query(ratio(failed, everything)), "p99": Query(inference)},
        {"model": "Model", "version": "Version"},
        units={"Requests": "reqps", "Failed": "percentunit", "p99": "s"},
        link=("Model", f"/d/convoy-models?{chosen}&{kept}"),
    )
