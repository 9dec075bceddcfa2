"""The metrics of one process, without a server: what exists before the first request, and what each event moves."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from service.http.metrics.exposition import expose
from service.http.metrics.inference import OUTCOMES, STAGES, InferenceMetrics
from service.http.metrics.models import ModelMetrics
from service.http.metrics.process import ProcessMetrics
from service.http.metrics.requests import RequestMetrics
from service.http.responses import STATUS_OF_CODE
from service.inference.classifier import Prediction
from service.inference.model import LoadedModel, load_model
from service.inference.question import Encoded, Question
from service.repository.artifact import CONFIDENCE_EDGES
from service.repository.catalog import Catalog, Entry
from service.repository.folder import Published
from tests.service.live.watching import total
from tests.service.tiny_artifact import write_tiny_artifact

CLASSES = 150
CAP = 100


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """150 classes, of which each was the top one of 1 in 150 validation pictures."""
    folder = write_tiny_artifact(tmp_path_factory.mktemp("wide"), grid=(10, 15), height=30, width=30)
    return load_model(folder, name="wide", version=3, provider="cpu")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    return CollectorRegistry()


def text_of(registry: CollectorRegistry) -> str:
    return expose(registry, "")[0].decode()


def entry(model: LoadedModel | None, *, version: int = 3, state: str = "ready") -> Entry[LoadedModel]:
    published = Published(name="wide", version=version, path=Path("wide"), fingerprint=())
    return Entry(published=published, state=state, model=model)  # type: ignore[arg-type]


def catalog(*entries: Entry[LoadedModel]) -> Catalog[LoadedModel]:
    return Catalog(entries={each.key: each for each in entries}, scanned=True)


def question(model: LoadedModel) -> Question:
    return Question(
        operation="classify", model=model, read=list, encode=lambda _, __: Encoded(b"", "", [], []), max_pixels=1
    )


def answer(*tops: Prediction) -> Encoded:
    return Encoded(b"", "", [], list(tops))


def test_a_loaded_model_has_all_its_series_at_zero_before_its_first_request(
    model: LoadedModel, registry: CollectorRegistry
) -> None:
    metrics = ModelMetrics(registry, InferenceMetrics(registry, max_class_labels=CAP))
    metrics.follow(catalog(entry(model)))
    text = text_of(registry)
    at = 'model="wide"'
    for outcome in OUTCOMES:
        line = (
            f'convoy_inference_requests_total{{{at},outcome="{outcome}",task="image-classification",version="3"}} 0.0'
        )
        assert line in text
    for stage in STAGES:
        assert f'convoy_stage_duration_seconds_count{{{at},stage="{stage}",version="3"}} 0.0' in text
    assert f'convoy_prediction_confidence_count{{{at},version="3"}} 0.0' in text
    assert 'convoy_model_load_failures_total{model="wide"} 0.0' in text


def test_classes_beyond_the_cap_share_a_series_and_their_baseline(
    model: LoadedModel, registry: CollectorRegistry
) -> None:
    inference = InferenceMetrics(registry, max_class_labels=CAP)
    ModelMetrics(registry, inference).follow(catalog(entry(model)))
    for index in (0, CAP - 1, CAP, CLASSES - 1):
        inference.ended(question(model), answer(Prediction(index, f"cell-{index}", 0.5)), None)
    text = text_of(registry)
    assert sum(line.startswith("convoy_predictions_total{") for line in text.splitlines()) == CAP + 1
    assert sum(line.startswith("convoy_baseline_class_share{") for line in text.splitlines()) == CAP + 1

    def of(name: str, label: str) -> float:
        return total(text, name, **{"class": label})

    predicted = {label: of("convoy_predictions_total", label) for label in ("cell-0", "cell-99", "other")}
    assert predicted == {"cell-0": 1.0, "cell-99": 1.0, "other": 2.0}
    assert of("convoy_baseline_class_share", "cell-0") == pytest.approx(1 / CLASSES)
    assert of("convoy_baseline_class_share", "other") == pytest.approx(50 / CLASSES)
    assert total(text, "convoy_baseline_class_share") == pytest.approx(1.0)


@pytest.mark.parametrize(("labels", "series"), [(CLASSES, CLASSES), (CLASSES - 1, CLASSES), (1, 2)])
def test_a_cap_of_just_enough_needs_no_other(
    model: LoadedModel, registry: CollectorRegistry, labels: int, series: int
) -> None:
    inference = InferenceMetrics(registry, max_class_labels=labels)
    assert len(inference.class_labels(model)) == series
    inference.ended(question(model), answer(Prediction(CLASSES - 1, "", 1.0)), None)
    assert total(text_of(registry), "convoy_predictions_total") == 1.0


def test_scores_fall_into_the_bins_that_the_baseline_was_counted_in(
    model: LoadedModel, registry: CollectorRegistry
) -> None:
    inference = InferenceMetrics(registry, max_class_labels=CAP)
    ModelMetrics(registry, inference).follow(catalog(entry(model)))
    scores = [0.0, *CONFIDENCE_EDGES]
    inference.ended(
        question(model), answer(*(Prediction(0, "cell-0", float(np.float32(score))) for score in scores)), None
    )
    text = text_of(registry)
    counts = [
        total(text, "convoy_prediction_confidence_bucket", le=line.split('bucket="')[1].split('"')[0])
        for line in text.splitlines()
        if line.startswith("convoy_baseline_confidence_share{")
    ]
    assert len(counts) == len(CONFIDENCE_EDGES)
    assert counts == sorted(counts)
    assert counts[-1] == len(scores)  # a score of 1 is within the last bin, not beyond it


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (None, "ok"),
        ("bad_image", "client_error"),
        ("client_gone", "client_error"),
        ("overloaded", "rejected"),
        ("not_ready", "rejected"),
        ("deadline_exceeded", "timeout"),
        ("internal_error", "error"),
    ],
)
def test_a_request_counts_under_one_outcome_with_the_stages_it_went_through(
    model: LoadedModel, registry: CollectorRegistry, code: str | None, outcome: str
) -> None:
    inference = InferenceMetrics(registry, max_class_labels=CAP)
    asked = dataclasses.replace(
        question(model),
        stages={"queue": 0.001, "decode": 0.002},
        run_sizes=[4, 2],
        image_pixels=[784, 10_000, 12_000_000],
    )
    inference.ended(asked, None if code else answer(), code)
    text = text_of(registry)
    counted = {name: total(text, "convoy_inference_requests_total", outcome=name) for name in OUTCOMES}
    assert counted == {name: float(name == outcome) for name in OUTCOMES}
    stages = {name: total(text, "convoy_stage_duration_seconds_count", stage=name) for name in STAGES}
    assert stages == {name: float(name in ("queue", "decode")) for name in STAGES}
    assert total(text, "convoy_batch_size_count") == 2.0
    assert total(text, "convoy_batch_size_sum") == 6.0
    # Of what was not answered, nothing is known.
    up_to = [total(text, "convoy_image_pixels_bucket", le=edge) for edge in ("1000.0", "10000.0", "1e+07", "+Inf")]
    assert up_to == ([0.0] * 4 if code else [1.0, 2.0, 2.0, 3.0])


def test_a_version_that_is_gone_goes_to_zero_and_a_failed_one_is_counted_once(
    model: LoadedModel, registry: CollectorRegistry
) -> None:
    metrics = ModelMetrics(registry, InferenceMetrics(registry, max_class_labels=CAP))
    metrics.follow(catalog(entry(model)))
    newer = dataclasses.replace(model, version=4, digest="f" * 64)
    broken = entry(None, version=5, state="failed")
    for _ in range(3):
        metrics.follow(catalog(entry(newer, version=4), broken))
    text = text_of(registry)
    loaded = {version: total(text, "convoy_model_loaded", version=version) for version in "345"}
    assert loaded == {"3": 0.0, "4": 1.0, "5": 0.0}
    assert total(text, "convoy_model_info", version="3", sha256=model.digest) == 0.0
    assert total(text, "convoy_model_info", version="4", sha256="f" * 64) == 1.0
    assert total(text, "convoy_model_load_failures_total", model="wide") == 1.0
    failed = {version: total(text, "convoy_model_failed", version=version) for version in "345"}
    assert failed == {"3": 0.0, "4": 0.0, "5": 1.0}
    metrics.follow(catalog(entry(newer, version=4)))
    assert total(text_of(registry), "convoy_model_failed") == 0.0  # it was taken away
    metrics.follow(catalog(entry(newer, version=4, state="failed")))
    replaced = text_of(registry)  # by something broken, and goes on
    assert (total(replaced, "convoy_model_failed"), total(replaced, "convoy_model_loaded", version="4")) == (1.0, 1.0)


def test_what_objectives_count_of_a_route_begins_at_zero(registry: CollectorRegistry) -> None:
    RequestMetrics(registry).prepare(["/r"])
    lines = text_of(registry).splitlines()
    for status in (200, 500, 503, 504):
        assert f'http_server_requests_total{{method="POST",route="/r",status_code="{status}"}} 0.0' in lines
    for status in (200, 499, 504):
        assert f'convoy_answer_duration_seconds_bucket{{le="0.25",route="/r",status_code="{status}"}} 0.0' in lines


def test_errors_are_counted_once_each_by_a_code_that_was_there_at_zero(registry: CollectorRegistry) -> None:
    metrics = RequestMetrics(registry)
    text = text_of(registry)
    for code in STATUS_OF_CODE:
        assert f'convoy_rejected_total{{reason="{code}"}} 0.0' in text
    for error, status, answer_seconds in (("bad_image", 400, 0.001), (None, 200, 0.001), ("bad_image", 400, None)):
        metrics.ended(
            method="POST",
            route="/r",
            status=status,
            code=error,
            seconds=0.002,
            answer_seconds=answer_seconds,
            received=10,
            sent=20,
        )
    text = text_of(registry)
    assert total(text, "convoy_rejected_total") == total(text, "convoy_rejected_total", reason="bad_image") == 2.0
    for name in ("http_server_requests_total", "http_server_request_duration_seconds_count"):
        assert (total(text, name, status_code="400"), total(text, name, status_code="200")) == (2.0, 1.0)
    answers = "convoy_answer_duration_seconds_count"
    assert (total(text, answers, status_code="400"), total(text, answers, status_code="200")) == (1.0, 1.0)
    assert total(text, "http_server_request_body_size_bytes_sum", route="/r") == 30.0
    assert total(text, "http_server_response_body_size_bytes_sum", route="/r") == 60.0


def test_gauges_say_how_full_a_worker_is_and_its_processor_time_only_grows(registry: CollectorRegistry) -> None:
    metrics = ProcessMetrics(
        registry, service_version="1", ort_version="2", configured_provider="cuda", configured_workers=3
    )
    used = []
    for waiting in (3, 0):
        metrics.sample(waiting=waiting, running=2)
        text = text_of(registry)
        assert total(text, "convoy_queue_depth") == waiting
        assert total(text, "convoy_inflight") == 2.0
        used.append(total(text, "convoy_process_cpu_seconds_total"))
        sum(range(1_000_000))
    assert 0 < used[0] <= used[1]
    assert 20e6 < total(text, "convoy_process_resident_memory_bytes") < 20e9
    assert total(text, "convoy_build_info", version="1", ort_version="2") == 1.0
    assert total(text, "convoy_configured_provider_info", provider="cuda") == 1.0
    assert (total(text, "convoy_workers"), total(text, "convoy_configured_workers")) == (1.0, 3.0)


def test_the_exposition_is_prometheus_or_openmetrics_as_asked(registry: CollectorRegistry) -> None:
    RequestMetrics(registry)
    plain, kind = expose(registry, "text/plain;version=0.0.4")
    assert kind.startswith("text/plain")
    assert not plain.endswith(b"# EOF\n")
    open_metrics, kind = expose(registry, "application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert open_metrics.endswith(b"# EOF\n")
