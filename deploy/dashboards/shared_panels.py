"""Panels that stand on more than one dashboard: stages, queue, processor and memory."""

from grafana_foundation_sdk.builders.heatmap import Panel as Heatmap
from grafana_foundation_sdk.builders.timeseries import Panel

from deploy.dashboards.colours import BLUE, GREEN, ORANGE, QUANTILES, REASONS, RED, STAGES
from deploy.dashboards.panels import Facts, Query, heatmap, lines
from deploy.dashboards.queries import (
    ANSWER_SECONDS,
    ANSWERED,
    CLASSIFIED,
    COUNT,
    MODEL,
    SEGMENTED,
    SERVICE,
    buckets,
    mean,
    per_second,
    quantile,
)

STAGE_SECONDS = "convoy_stage_duration_seconds"


def stage_means(width: int = 8) -> Panel:
    """Where a request's time goes, on average."""
    facts = Facts(
        "Mean time per stage",
        "Mean of convoy_stage_duration_seconds in each stage, stacked: the height is what a request takes inside the "
        "service, with its wait in the queue.",
        "s",
        width,
    )
    return lines(facts, Query(mean(STAGE_SECONDS, MODEL, ["stage"]), "{{stage}}"), colours=STAGES, stacked=True)


def stage_quantile(share: float, width: int = 8) -> Panel:
    """A quantile of each stage."""
    name = f"p{share * 100:.0f}"
    facts = Facts(
        f"Time per stage, {name}",
        f"The {name} of convoy_stage_duration_seconds in each stage. Quantiles of stages do not add up to that of the "
        "request. The scale is logarithmic.",
        "s",
        width,
        least=None,
    )
    query = Query(quantile(share, STAGE_SECONDS, MODEL, ["stage"]), "{{stage}}")
    return lines(facts, query, colours=STAGES, logarithmic=True)


def latencies() -> list[Panel | Heatmap]:
    """How long answers take, of each objective, and how they spread."""
    return [
        _latency("Latency of classify and cam", "classify and cam", CLASSIFIED, 0.25),
        _latency("Latency of segment", "segment", SEGMENTED, 2.5),
        _spread(),
    ]


def _latency(title: str, which: str, where: str, objective_s: float) -> Panel:
    facts = Facts(
        title,
        f"Half, 95 % and 99 % of the answers (2xx) of {which} come faster, from the last byte of the request on: by "
        f"the buckets of {ANSWER_SECONDS}. The dashed line is the objective.",
        "s",
        width=6,
    )
    queries = [
        Query(quantile(share, ANSWER_SECONDS, where), name)
        for share, name in zip((0.5, 0.95, 0.99), QUANTILES, strict=True)
    ]
    return lines(facts, *queries, colours=QUANTILES, steps=((None, GREEN), (objective_s, RED)))


def _spread() -> Heatmap:
    facts = Facts(
        "How latency spreads",
        f"Answers (2xx) of classify, segment and cam by their time and by when, from the buckets of {ANSWER_SECONDS}.",
        "s",
        width=6,
    )
    return heatmap(facts, Query(buckets(ANSWER_SECONDS, ANSWERED), "{{le}}"))


def errors(width: int = 8) -> Panel:
    """What the service answers with an error."""
    facts = Facts(
        "Errors by reason",
        f"Requests per second that were answered with an error, by its code: convoy_rejected_total, less the probes of "
        f"a replica that is not ready, which {COUNT} has. The service's own are red, orange and purple; the others are "
        "the callers'.",
        "reqps",
        width,
        empty="no errors",
    )
    counted = per_second("convoy_rejected_total", SERVICE, ["reason"])
    probes = per_second(COUNT, f'{SERVICE}, route="/readyz", status_code="503"')
    asked = f'clamp_min({counted} - on (reason) label_replace({probes}, "reason", "not_ready", "", ""), 0)'
    return lines(facts, Query(f"({asked} or {counted}) > 0", "{{reason}}"), colours=REASONS, stacked=True)


def queue(width: int = 8) -> Panel:
    """How full the service is."""
    facts = Facts(
        "Queue and lanes",
        "convoy_queue_depth, requests that wait for a lane; convoy_inflight, requests that a lane works on; and "
        "http_server_active_requests, all that are being answered, those still arriving too. Sampled twice a second.",
        "short",
        width,
        empty="no data",
    )
    return lines(
        facts,
        Query(f"sum(convoy_queue_depth{{{SERVICE}}})", "waiting"),
        Query(f"sum(convoy_inflight{{{SERVICE}}})", "in a lane"),
        Query(f"sum(http_server_active_requests{{{SERVICE}}})", "being answered"),
        colours={"waiting": ORANGE, "in a lane": GREEN, "being answered": BLUE},
    )


def cpu(width: int = 6) -> Panel:
    """Processor time of each replica."""
    facts = Facts(
        "Processor",
        "Cores in use by replica: the rate of convoy_process_cpu_seconds_total over all its workers.",
        "suffix: cores",
        width,
        empty="no data",
    )
    return lines(
        facts,
        Query(per_second("convoy_process_cpu_seconds_total", SERVICE, ["instance"]), "{{instance}}"),
        stacked=True,
    )


def memory(width: int = 6) -> Panel:
    """Memory of each replica."""
    facts = Facts(
        "Memory",
        "convoy_process_resident_memory_bytes by replica; pages that its workers share count in each of them.",
        "bytes",
        width,
        empty="no data",
    )
    resident = f"sum by (instance) (convoy_process_resident_memory_bytes{{{SERVICE}}})"
    return lines(facts, Query(resident, "{{instance}}"))
