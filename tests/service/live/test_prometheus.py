"""A real Prometheus scrapes the running service, and answers what an operator asks."""

import io
import math
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from service.http.responses import STATUS_OF_CODE
from tests.prometheus_server import program, running_prometheus
from tests.service.live.running import Service, free_port, running_service
from tests.service.live.watching import until
from tests.service.live.wire import connect, exchange, request
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import LEVEL_LABELS, write_tiny_segmenter

_SCRAPES_S = 8.0

# Every series of the service: a new one stands here, and in docs/metrics.md, before it is anywhere else.
SERIES = {
    "http_server_requests": {"method", "route", "status_code"},
    "http_server_request_duration_seconds": {"method", "route", "status_code"},
    "convoy_answer_duration_seconds": {"route", "status_code"},
    "http_server_request_body_size_bytes": {"method", "route"},
    "http_server_response_body_size_bytes": {"method", "route"},
    "http_server_active_requests": set(),
    "convoy_rejected": {"reason"},
    "convoy_inference_requests": {"model", "version", "task", "outcome"},
    "convoy_inference_images": {"model", "version"},
    "convoy_image_pixels": {"model", "version"},
    "convoy_batch_size": {"model", "version"},
    "convoy_stage_duration_seconds": {"model", "version", "stage"},
    "convoy_predictions": {"model", "version", "class"},
    "convoy_prediction_confidence": {"model", "version"},
    "convoy_mask_pixels": {"model", "version", "class"},
    "convoy_baseline_class_share": {"model", "version", "class"},
    "convoy_baseline_confidence_share": {"model", "version", "bucket"},
    "convoy_model_loaded": {"model", "version"},
    "convoy_model_failed": {"model", "version"},
    "convoy_model_info": {"model", "version", "sha256", "opset", "provider", "precision"},
    "convoy_model_load_duration_seconds": {"model", "version"},
    "convoy_model_last_load_timestamp_seconds": {"model", "version"},
    "convoy_model_load_failures": {"model"},
    "convoy_queue_depth": set(),
    "convoy_inflight": set(),
    "convoy_ready": set(),
    "convoy_workers": set(),
    "convoy_worker_starts": set(),
    "convoy_process_resident_memory_bytes": set(),
    "convoy_process_cpu_seconds": set(),
    "convoy_build_info": {"version", "ort_version"},
    "convoy_configured_provider_info": {"provider"},
    "convoy_configured_workers": set(),
}


def picture() -> bytes:
    """A picture whose brightest quarter is the upper left one."""
    image = Image.new("L", (28, 28))
    image.paste(255, (0, 0, 14, 14))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("metered")
    write_tiny_artifact(folder / "repository", name="tiny")
    write_tiny_segmenter(folder / "repository", name="levels")
    with running_service(folder, folder / "repository", workers=2, threads=1) as service:
        yield service


def exposed(service: Service) -> dict[str, Any]:
    text = httpx.get(service.url + "/metrics", timeout=20).text
    return {family.name: family for family in text_string_to_metric_families(text)}


def total(service: Service, family: str, sample: str, **labels: str) -> float:
    return sum(
        float(each.value)
        for each in exposed(service)[family].samples
        if each.name == sample and labels.items() <= each.labels.items()
    )


def test_the_series_and_their_labels_are_a_closed_set_that_random_requests_do_not_widen(service: Service) -> None:
    def series() -> set[tuple[str, ...]]:
        return {
            (each.name, *sorted(f"{key}={value}" for key, value in each.labels.items()))
            for family in exposed(service).values()
            for each in family.samples
        }

    rng = random.Random(0)
    with service.client() as client:
        series()  # it asks for /metrics, which is a series too
        for number in range(1100):
            if number == 100:
                before = series()
            word = f"{rng.getrandbits(64):x}"
            path = rng.choice([f"/{word}", f"/{word}/{word}", f"/v1/models/{word}", f"/v1/models/{word}/classify"])
            client.request(("GET", "POST", "BREW")[number % 3], f"{path}?{word}={word}", headers={word: word})
    assert series() == before
    found = {name: set().union(*(each.labels for each in family.samples)) for name, family in exposed(service).items()}
    assert {name: labels - {"le"} for name, labels in found.items()} == SERIES


def test_what_objectives_count_is_there_before_the_first_request(service: Service) -> None:
    paths = httpx.get(service.url + "/openapi.json", timeout=20).json()["paths"]
    posted = {path for path, methods in paths.items() if "post" in methods}
    assert len(posted) == 9
    families = exposed(service)

    def there(family: str) -> set[tuple[str, str]]:
        return {
            (each.labels["route"], each.labels["status_code"])
            for each in families[family].samples
            if each.labels.get("method", "POST") == "POST"
        }

    assert there("http_server_requests") >= {
        (path, status) for path in posted for status in ("200", "500", "503", "504")
    }
    assert there("convoy_answer_duration_seconds") >= {(path, "200") for path in posted}
    assert {each.labels["reason"] for each in families["convoy_rejected"].samples} == set(STATUS_OF_CODE)


def test_counts_are_exact_over_two_workers(service: Service) -> None:
    def counts() -> list[float]:
        return [
            total(service, "convoy_inference_requests", "convoy_inference_requests_total", outcome="ok"),
            total(service, "convoy_inference_requests", "convoy_inference_requests_total", outcome="client_error"),
            total(service, "convoy_predictions", "convoy_predictions_total", **{"class": "top-left"}),
            total(service, "convoy_prediction_confidence", "convoy_prediction_confidence_count"),
            total(service, "convoy_stage_duration_seconds", "convoy_stage_duration_seconds_count", stage="inference"),
            total(service, "convoy_rejected", "convoy_rejected_total", reason="bad_image"),
        ]

    before = counts()
    for _ in range(40):  # a connection each, so that both workers get some
        assert httpx.post(service.url + "/v1/models/tiny/classify", content=picture(), timeout=20).status_code == 200
    for _ in range(10):
        assert httpx.post(service.url + "/v1/models/tiny/classify", content=b"noise", timeout=20).status_code == 400
    deadline = time.monotonic() + 5
    wanted = [40.0, 10.0, 40.0, 40.0, 40.0, 10.0]
    while (seen := [b - a for a, b in zip(before, counts(), strict=True)]) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == wanted


def test_the_time_that_a_caller_takes_to_send_is_no_time_of_the_answer(service: Service) -> None:
    path, route = "/v1/models/tiny/versions/1/classify", "/v1/models/{name}/versions/{version}/classify"
    body = picture()

    def seen(family: str) -> tuple[float, float]:
        """How many requests, and their seconds together."""
        return total(service, family, f"{family}_count", route=route), total(
            service, family, f"{family}_sum", route=route, status_code="200"
        )

    def requests() -> tuple[float, float]:
        return seen("http_server_request_duration_seconds")

    whole = request("POST", path, body)
    head = whole[: -len(body)]
    slowly = [head, body[:20], body[20:40], body[40:60], body[60:]]
    assert exchange(service.url, slowly, pause_s=0.25, method="POST").status == 200
    # Neither of these has an answer to a body: the one is refused by its head, the other hangs up.
    assert exchange(service.url, [request("POST", f"{path}?top_k=0", body)], method="POST").status == 422
    with connect(service.url) as caller:
        caller.sendall(whole[:-10])
    until(lambda: requests()[0] == 3, within_s=5, what="all three counted")
    assert requests()[1] > 0.9
    answers, answering_s = seen("convoy_answer_duration_seconds")
    assert answers == 1
    assert 0 < answering_s < 0.5


def test_pixels_of_masks_are_counted_per_class(service: Service) -> None:
    def pixels() -> list[float]:
        return [
            total(service, "convoy_mask_pixels", "convoy_mask_pixels_total", **{"class": label})
            for label in LEVEL_LABELS
        ]

    before = pixels()
    for _ in range(10):
        assert httpx.post(service.url + "/v1/models/levels/segment", content=picture(), timeout=20).status_code == 200
    deadline = time.monotonic() + 5
    while (seen := [b - a for a, b in zip(before, pixels(), strict=True)])[0] != 5880.0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == [5880.0, 0.0, 1960.0]


def test_baselines_stand_beside_what_they_are_compared_with(service: Service) -> None:
    families = exposed(service)
    buckets = {each.labels["le"] for each in families["convoy_prediction_confidence"].samples if "le" in each.labels}
    edges = {each.labels["bucket"] for each in families["convoy_baseline_confidence_share"].samples}
    assert buckets - edges == {"+Inf"}
    assert edges <= buckets
    answers = [*families["convoy_predictions"].samples, *families["convoy_mask_pixels"].samples]
    classes = {each.labels["class"] for each in answers}
    assert classes == {each.labels["class"] for each in families["convoy_baseline_class_share"].samples}


def test_readiness_is_0_until_the_required_models_can_answer_whichever_worker_is_scraped(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()

    def readiness() -> list[tuple[int, float]]:
        """Of probes and scrapes with a connection each, so that both workers get some."""
        asked = [httpx.get(running.url + "/readyz", timeout=20).status_code for _ in range(8)]
        return [(status, total(running, "convoy_ready", "convoy_ready")) for status in asked]

    with running_service(
        tmp_path, repository, ready=False, workers=2, threads=1, required_models="tiny", watch_interval_s=0.2
    ) as running:
        assert readiness() == [(503, 0.0)] * 8
        write_tiny_artifact(repository, name="another")
        until(lambda: '"another version 1 is loaded"' in running.log, within_s=20, what="a model that is not required")
        assert readiness() == [(503, 0.0)] * 8
        write_tiny_artifact(repository, name="tiny")
        until(lambda: readiness() == [(200, 1.0)] * 8, within_s=20, what="readiness of both workers")


def test_promtool_finds_nothing_to_complain_about(service: Service) -> None:
    command = [program("promtool"), "check", "metrics"]
    text = httpx.get(service.url + "/metrics", timeout=20).content
    checked = subprocess.run(command, input=text, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_prometheus_answers_rates_quantiles_and_drift(service: Service, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    target = service.url.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: convoy, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with running_prometheus(tmp_path, config, free_port()) as prometheus:
        ends = time.monotonic() + _SCRAPES_S
        while time.monotonic() < ends:
            httpx.post(service.url + "/v1/models/tiny/classify", content=picture(), timeout=20)
            time.sleep(0.02)
        answers = {query: [sample.value for sample in prometheus.ask(query)] for query in queries()}
    rates, quantiles, drift, confidence = answers.values()
    assert sum(rates) > 1
    assert len(quantiles) == 6
    assert all(0 < value < 1 for value in quantiles)
    assert max(drift) == pytest.approx(0.75, abs=0.01)  # all in one of four classes whose baseline is a quarter
    assert all(math.isfinite(value) for value in confidence)
    assert len(confidence) == 13


def queries() -> list[str]:
    """The questions; the last two as docs/metrics.md has them, over a shorter time."""
    page = (Path(__file__).parents[3] / "docs/metrics.md").read_text()
    blocks = re.findall(r"(?:^    .+\n)+", page, re.MULTILINE)
    return [
        "sum by (route) (rate(http_server_request_duration_seconds_count[5s]))",
        "histogram_quantile(0.99, sum by (stage, le) (rate(convoy_stage_duration_seconds_bucket[5s])))",
        *(block.replace("[1h]", "[5s]") for block in blocks),
    ]
