"""Models: what each version does, how long it takes, and on what it runs."""

from grafana_foundation_sdk.builders.heatmap import Panel as Heatmap
from grafana_foundation_sdk.builders.statetimeline import Panel as States
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines

from deploy.dashboards import shared_panels
from deploy.dashboards.colours import GRAY, GREEN, ORANGE, OUTCOMES, RED, YELLOW
from deploy.dashboards.page import Page, Row
from deploy.dashboards.panels import Facts, Query, heatmap, lines, states
from deploy.dashboards.queries import MODEL, SERVICE, buckets, mean, per_second, quantile, ratio
from deploy.dashboards.tables import rows

_BY = ["model", "version"]
_NAME = "{{model}} {{version}}"
_REQUESTS = "convoy_inference_requests_total"


def page() -> Page:
    """The dashboard."""
    return Page(
        "convoy-models",
        "Convoy models",
        "What each model and version does: traffic, outcomes, the time of each stage, batches, and what it runs on.",
        [
            Row("State", [_loaded(), _providers(), _load_failures(), _facts()]),
            Row("Traffic", [_rate(), _outcomes(), _failed()]),
            Row(
                "Where the time goes",
                [
                    shared_panels.stage_means(),
                    shared_panels.stage_quantile(0.5),
                    shared_panels.stage_quantile(0.99),
                    *(_stage(name, share) for name in ("inference", "queue") for share in (0.5, 0.99)),
                ],
            ),
            Row("Queue and batches", [shared_panels.queue(6), _pictures(), _batch(), _batches()]),
        ],
    )


def _loaded() -> States:
    facts = Facts(
        "Versions",
        "convoy_model_loaded and convoy_model_failed by version, the best and the worst of all replicas. A version "
        "that is neither has been taken away, or newer ones have replaced it.",
        "none",
        width=12,
        most=3,
        empty="no models",
    )
    loaded = f"max by (model, version) (convoy_model_loaded{{{MODEL}}})"
    failed = f"max by (model, version) (convoy_model_failed{{{MODEL}}})"
    texts = {
        "0": ("not loaded", GRAY),
        "1": ("loaded", GREEN),
        "2": ("failed to load", RED),
        "3": ("loaded, and failed elsewhere or since", ORANGE),
    }
    return states(facts, Query(f"{loaded} + 2 * {failed}", _NAME), texts)


def _providers() -> Lines:
    facts = Facts(
        "Providers and precisions",
        "Loaded versions over all replicas by execution provider and precision, from convoy_model_info. The provider "
        "is read back from the session; in red, those on another than convoy_configured_provider_info says.",
        "short",
        width=6,
        empty="no models",
    )
    info = f"convoy_model_info{{{MODEL}}}"
    configured = f"convoy_configured_provider_info{{{SERVICE}}}"
    elsewhere = f"count(({info} == 1) unless on (job, instance, provider) ({configured} == 1)) or vector(0)"
    return lines(
        facts,
        Query(f"sum by (provider, precision) ({info})", "{{provider}} {{precision}}"),
        Query(elsewhere, "not as configured"),
        colours={"not as configured": RED},
    )


def _load_failures() -> Lines:
    facts = Facts(
        "Versions that failed to load",
        "convoy_model_load_failures_total by model, counted in each worker since it was started. `GET /v1/models` has "
        "the reason.",
        "short",
        width=6,
        empty="no models",
    )
    failures = f'sum by (model) (convoy_model_load_failures_total{{{SERVICE}, model=~"$model"}})'
    return lines(facts, Query(failures, "{{model}}"), steps=((None, GREEN), (1, RED)))


def _facts() -> Table:
    facts = Facts(
        "What runs",
        "Loaded versions from convoy_model_info; the longest load from convoy_model_load_duration_seconds, and the "
        "latest from convoy_model_last_load_timestamp_seconds. The name leads to the data that it sees.",
        "none",
        width=24,
        empty="no models",
    )
    info = f"max by (model, version, provider, precision, opset, sha256) (convoy_model_info{{{MODEL}}} == 1)"
    took = f"max by (model, version) (convoy_model_load_duration_seconds{{{MODEL}}})"
    when = f"max by (model, version) (convoy_model_last_load_timestamp_seconds{{{MODEL}}})"
    kept = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
    chosen = "var-model=${__data.fields.Model}&var-version=${__data.fields.Version}"
    return rows(
        facts,
        {
            "Load time": Query(f"{info} * on (model, version) group_left () {took}"),
            "Loaded": Query(f"{info} * on (model, version) group_left () {when} * 1000"),
        },
        {
            "model": "Model",
            "version": "Version",
            "provider": "Provider",
            "precision": "Precision",
            "opset": "Opset",
            "sha256": "SHA-256",
        },
        units={"Load time": "s", "Loaded": "dateTimeFromNow"},
        link=("Model", f"/d/convoy-data?{chosen}&{kept}"),
    )


def _rate() -> Lines:
    facts = Facts(
        "Requests by version", "Requests that have ended per second: convoy_inference_requests_total.", "reqps"
    )
    return lines(facts, Query(per_second(_REQUESTS, MODEL, _BY), _NAME), stacked=True)


def _outcomes() -> Lines:
    facts = Facts(
        "Outcomes",
        "The same by how they ended, convoy_inference_requests_total by outcome: answered, wrong by the caller, "
        "refused as overloaded or not ready, too late, failed.",
        "reqps",
    )
    return lines(facts, Query(per_second(_REQUESTS, MODEL, ["outcome"]), "{{outcome}}"), colours=OUTCOMES, stacked=True)


def _failed() -> Lines:
    facts = Facts(
        "Failed by version",
        "Share of a version's requests that failed, came too late or were refused: convoy_inference_requests_total.",
        "percentunit",
        most=1,
    )
    failed = per_second(_REQUESTS, f'{MODEL}, outcome=~"error|timeout|rejected"', _BY)
    share = ratio(failed, per_second(_REQUESTS, MODEL, _BY))
    return lines(facts, Query(share, _NAME), steps=((None, GREEN), (0.001, YELLOW)))


def _stage(stage: str, share: float) -> Lines:
    name = f"p{share * 100:.0f}"
    about = {
        "inference": "in onnxruntime. A request that shared a run is counted with the time of the whole run.",
        "queue": "waiting for a lane.",
    }
    facts = Facts(
        f"{stage.capitalize()} by version, {name}",
        f"The {name} of convoy_stage_duration_seconds in the stage {stage}: time {about[stage]}",
        "s",
        width=6,
    )
    query = Query(quantile(share, shared_panels.STAGE_SECONDS, f'{MODEL}, stage="{stage}"', _BY), _NAME)
    return lines(facts, query)


def _pictures() -> Lines:
    facts = Facts(
        "Pictures", "Pictures answered for per second: convoy_inference_images_total.", "suffix: pictures/s", width=6
    )
    return lines(facts, Query(per_second("convoy_inference_images_total", MODEL, _BY), _NAME), stacked=True)


def _batch() -> Lines:
    facts = Facts(
        "Pictures per run",
        "Mean of convoy_batch_size: pictures that went through the network in one run. Above 1, requests that wait "
        "for a lane share runs, or bring several pictures.",
        "short",
        width=6,
    )
    return lines(facts, Query(mean("convoy_batch_size", MODEL, _BY), _NAME), steps=((None, GREEN), (1, ORANGE)))


def _batches() -> Heatmap:
    facts = Facts(
        "How runs fill", "Runs by how many pictures they had, from the buckets of convoy_batch_size.", "short", 6
    )
    return heatmap(facts, Query(buckets("convoy_batch_size", MODEL), "{{le}}"))
