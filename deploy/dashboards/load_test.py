"""Load test: what the service saw of a load test, to be read beside the generator's own report."""

from grafana_foundation_sdk.builders.timeseries import Panel as Lines

from deploy.dashboards import shared_panels
from deploy.dashboards.colours import BLUE, GREEN, ORANGE, PURPLE, QUANTILES, RED, YELLOW
from deploy.dashboards.page import Page, Row
from deploy.dashboards.panels import Facts, Query, lines, note
from deploy.dashboards.queries import (
    ANSWERED,
    ASKED,
    COUNT,
    MODEL,
    SECONDS,
    SERVICE,
    mean,
    per_second,
    quantile,
    ratio,
    zero_where_none,
)

_REFUSED = f'{ASKED}, status_code="503"'

_SIDES = (
    "All of this is counted **by the service**. What never reached it is missing here: connections that the load "
    "balancer or the kernel refused, and the time between the moment a request was due and the moment it was sent. "
    "The rate that was *offered*, and latency from the due moment, are in the report of the load test. Locust's own "
    "metrics are not here: it sends them by OTLP, which this Prometheus does not take."
)


def page() -> Page:
    """The dashboard."""
    return Page(
        "convoy-load-test",
        "Convoy load test",
        "A load test as the service saw it: what came, what was answered, how fast, and what it cost.",
        [
            Row("Which side this is", [note("Read this beside the report", _SIDES)]),
            Row("What came and what was answered", [_answers(), _goodput(), shared_panels.errors()]),
            Row("Latency", [*shared_panels.latencies(), _refusals()]),
            Row(
                "What it costs",
                [shared_panels.cpu(), _cost(), shared_panels.memory(), shared_panels.queue(6)],
            ),
            Row(
                "Where the time goes",
                [shared_panels.stage_means(), shared_panels.stage_quantile(0.99), _run_sizes()],
            ),
        ],
    )


def _answers() -> Lines:
    facts = Facts(
        "Requests that came, and their answers",
        "Requests to classify, segment or cam per second by how they ended: answered (2xx), refused (503), too late "
        f"(504), failed (500), wrong (4xx), from {COUNT}. The line on top is everything that came.",
        "reqps",
    )
    came = per_second(COUNT, ASKED)
    statuses = {"answered": "2..", "refused": "503", "too late": "504", "failed": "500", "wrong": "4.."}
    ended = [
        Query(zero_where_none(per_second(COUNT, f'{ASKED}, status_code=~"{codes}"'), came), name)
        for name, codes in statuses.items()
    ]
    colours = {"answered": GREEN, "refused": ORANGE, "too late": PURPLE, "failed": RED, "wrong": YELLOW}
    return lines(facts, Query(came, "came"), *ended, colours={"came": BLUE, **colours})


def _goodput() -> Lines:
    facts = Facts(
        "Share answered",
        f"Share of the requests that came that were answered with 2xx: {COUNT}.",
        "percentunit",
        most=1,
    )
    share = ratio(per_second(COUNT, ANSWERED), per_second(COUNT, ASKED))
    return lines(facts, Query(share, "answered"), colours={"answered": GREEN})


def _refusals() -> Lines:
    facts = Facts(
        "Latency of refusals",
        "Half and 99 % of the answers with 503 came faster, by the buckets of http_server_request_duration_seconds: a "
        "service that refuses slowly is not protected.",
        "s",
        width=6,
        empty="no refusals",
    )
    queries = [Query(quantile(share, SECONDS, _REFUSED), name) for name, share in (("p50", 0.5), ("p99", 0.99))]
    return lines(facts, *queries, colours=QUANTILES)


def _cost() -> Lines:
    facts = Facts(
        "Processor time per request",
        "convoy_process_cpu_seconds_total per request to classify, segment or cam, answered or not. It includes what "
        "the service uses without any.",
        "s",
        width=6,
    )
    cost = f"{per_second('convoy_process_cpu_seconds_total', SERVICE)} / {per_second(COUNT, ASKED)}"
    return lines(facts, Query(cost, "a request"), colours={"a request": BLUE})


def _run_sizes() -> Lines:
    facts = Facts(
        "Pictures per run",
        "Mean of convoy_batch_size. It rises with load where requests that wait share a run of the network.",
        "short",
    )
    return lines(facts, Query(mean("convoy_batch_size", MODEL, ["model", "version"]), "{{model}} {{version}}"))
