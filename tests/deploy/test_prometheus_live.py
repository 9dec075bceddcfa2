"""A real Prometheus with the rules watches two real replicas and HAProxy: all is well, and then it is not."""

import base64
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from deploy.dashboards.promql import names
from tests.deploy.balancer import Balancer, Replica, running_balancer
from tests.deploy.rule_files import PROMETHEUS, alerts, rules
from tests.prometheus_server import Prometheus, running_prometheus
from tests.service.live.api_service import quadrant
from tests.service.live.running import Service, free_port, running_service
from tests.service.live.watching import until, workers_of
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter

PICTURES_PER_REQUEST = 32
TURNS = 12
PICTURES = 'job_model_version:convoy_inference_images:increase6h{model="tiny"} > 500'


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


QUADRANTS = [png(quadrant(index)) for index in range(4)]


def configured(folder: Path, port: int, balancer: Balancer) -> Path:
    """The configuration and the rules as they are, but hasty; the replicas from a file in place of the DNS."""
    config: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    del jobs["convoy"]["dns_sd_configs"]
    jobs["convoy"]["file_sd_configs"] = [{"files": [str(folder / "replicas.json")]}]
    jobs["prometheus"]["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    jobs["loadbalancer"]["static_configs"] = [{"targets": [f"127.0.0.1:{balancer.operation}"]}]
    config["scrape_configs"] = [jobs["convoy"], jobs["loadbalancer"], jobs["prometheus"]]
    del config["alerting"]
    (folder / "rules").mkdir()
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        hasty = path.read_text().replace("interval: 1m", "interval: 1s").replace("offset 10m", "offset 3s")
        (folder / "rules" / path.name).write_text(hasty)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return folder / "prometheus.yml"


@dataclass(frozen=True)
class Watched:
    """Two replicas over one repository, a load balancer before something simpler, and the Prometheus of all three."""

    prometheus: Prometheus
    replicas: list[Service]
    balancer: Balancer
    balanced: Replica
    repository: Path
    targets: Path

    def list_targets(self, *replicas: Service) -> None:
        """What the DNS would say."""
        fresh = self.targets.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": [replica.url.removeprefix("http://") for replica in replicas]}]))
        fresh.replace(self.targets)

    def classify(self, replica: Service, pictures: list[bytes]) -> None:
        body = {"image": [base64.b64encode(picture).decode() for picture in pictures]}
        answer = httpx.post(f"{replica.url}/v1/models/tiny/classify", json=body, timeout=20)
        assert len(answer.json()["results"]) == len(pictures)

    def wait_for(self, check: Callable[[], bool], what: str) -> None:
        until(check, within_s=20, what=what)

    def pending(self) -> set[str]:
        """Names of alerts that are pending or firing."""
        return {alert["labels"]["alertname"] for alert in self.prometheus.alerts()}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder, port = tmp_path_factory.mktemp("watched"), free_port()
    repository = folder / "repository"
    write_tiny_artifact(repository)
    write_tiny_segmenter(repository)
    with ExitStack() as stack:
        replicas = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            replica = running_service(folder / name, repository, threads=1, watch_interval_s=0.2)
            replicas.append(stack.enter_context(replica))
        (folder / "balancer").mkdir()
        balanced = Replica()
        balancer = stack.enter_context(running_balancer(folder / "balancer", [balanced]))
        config = configured(folder, port, balancer)
        prometheus = stack.enter_context(running_prometheus(folder, config, port))
        watched = Watched(prometheus, replicas, balancer, balanced, repository, folder / "replicas.json")
        watched.list_targets(*replicas)
        watched.wait_for(lambda: len(prometheus.ask('up{job="convoy"} == 1')) == 2, "both replicas scraped")
        yield watched


@pytest.fixture(scope="module")
def healthy(watched: Watched) -> Watched:
    """The same after some seconds of traffic like the validation data, and of callers who err."""
    levels = Image.new("L", (30, 30))
    levels.paste(127, (10, 0, 20, 30))
    levels.paste(255, (20, 0, 30, 30))
    ends = time.monotonic() + 5
    turns = 0
    while turns < TURNS or time.monotonic() < ends:
        turns += 1
        for replica in watched.replicas:
            watched.classify(replica, QUADRANTS * (PICTURES_PER_REQUEST // 4))
            for path, body, status in (
                ("tiny/cam", QUADRANTS[0], 200),
                ("levels/segment", png(levels), 200),
                ("tiny/classify", b"noise", 400),
                ("unknown/classify", QUADRANTS[0], 404),
            ):
                answer = httpx.post(f"{replica.url}/v1/models/{path}", content=body, timeout=20)
                assert answer.status_code == status
        time.sleep(0.05)
    recorded = {rule.name for rule in rules() if not rule.is_alert}
    watched.wait_for(lambda: recorded <= watched.prometheus.names(), "every recording rule has data")
    watched.wait_for(lambda: bool(watched.prometheus.ask(PICTURES)), "as many pictures as the alerts of drift need")
    return watched


def test_on_a_healthy_service_every_recorded_series_is_a_number_with_the_labels_of_its_level(healthy: Watched) -> None:
    for rule in rules():
        if rule.is_alert:
            continue
        samples = healthy.prometheus.ask(rule.name)
        assert samples, rule.place
        assert all(abs(sample.value) < float("inf") for sample in samples), rule.place
        level = rule.name.split(":")[0]
        for sample in samples:
            labels = sample.labels.keys() - rule.labels.keys() - {"__name__"}
            assert not labels or sorted("_".join(labels)) == sorted(level), rule.place


def test_on_a_healthy_service_no_alert_is_pending_and_no_rule_fails(healthy: Watched) -> None:
    assert healthy.prometheus.alerts() == []
    assert healthy.prometheus.troubles() == []
    assert healthy.prometheus.ask(PICTURES)  # so that a drift could have been seen
    (distance,) = healthy.prometheus.ask('job_model_version:convoy_class_mix:distance6h{model="tiny"}')
    assert distance.value < 0.1


def test_every_series_that_a_rule_asks_for_was_scraped_or_recorded(healthy: Watched) -> None:
    asked = set().union(*(names(rule.expression).matched for rule in rules()))
    assert asked - healthy.prometheus.names() == set()


def test_replicas_are_added_up_and_not_told_apart(healthy: Watched) -> None:
    (replicas,) = healthy.prometheus.ask("job:up:sum")
    assert replicas.value == 2
    answered = 'http_server_requests_total{route="/v1/models/{name}/cam", status_code="200"}'
    raw = healthy.prometheus.ask(f"sum({answered})")
    each = healthy.prometheus.ask(answered)
    assert len(each) == 2
    assert raw[0].value == sum(sample.value for sample in each)


def test_troubles_are_noticed_one_after_the_other(healthy: Watched) -> None:
    first, second = healthy.replicas

    for _ in range(40):
        healthy.classify(first, QUADRANTS[:1] * PICTURES_PER_REQUEST)
    healthy.wait_for(lambda: healthy.pending() == {"ConvoyClassMixDrift"}, "a drift of the class mix")

    broken = healthy.repository / "tiny" / "2"
    broken.mkdir()
    (broken / "model.onnx").write_bytes(b"not a graph")
    healthy.wait_for(lambda: "ConvoyModelFailed" in healthy.pending(), "a version that failed")
    assert "ConvoyModelUnavailable" not in healthy.pending()
    (broken / "model.onnx").unlink()
    broken.rmdir()
    healthy.wait_for(lambda: "ConvoyModelFailed" not in healthy.pending(), "the failed version taken away")

    for process in workers_of(first):
        os.kill(process, signal.SIGKILL)
    deaths = f'job_instance:convoy_worker_deaths:sum{{instance="{first.url.removeprefix("http://")}"}} == 1'
    healthy.wait_for(lambda: bool(healthy.prometheus.ask(deaths)), "a worker that died and was replaced")

    healthy.balanced.stop()
    refused = healthy.balancer.ask("/v1/models")
    assert (refused[0], b"not_ready" in refused[1]) == (503, True)
    healthy.wait_for(lambda: "ConvoyNoneReady" in healthy.pending(), "a load balancer without a replica")
    failing = "job:prediction_failures:rate5m == job:loadbalancer_failures:rate5m > 0"
    healthy.wait_for(lambda: bool(healthy.prometheus.ask(failing)), "a failure that no replica saw")
    healthy.balancer.process.terminate()
    healthy.wait_for(lambda: "ConvoyLoadBalancerDown" in healthy.pending(), "no load balancer")

    for process in (second.process.pid, *workers_of(second)):
        os.kill(process, signal.SIGKILL)
    healthy.wait_for(lambda: "ConvoyReplicaDown" in healthy.pending(), "a dead replica")
    assert "ConvoyDown" not in healthy.pending()
    healthy.list_targets(first)
    healthy.wait_for(lambda: "ConvoyReplicaMissing" in healthy.pending(), "a replica that left the DNS")
    assert "ConvoyReplicaDown" not in healthy.pending()

    healthy.list_targets()
    healthy.wait_for(lambda: "ConvoyAbsent" in healthy.pending(), "no targets")
    assert {rule.name for rule in alerts()} >= healthy.pending()
