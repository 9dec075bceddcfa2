"""Where time goes and what a service uses is the same, asked of the service, its processes or a Prometheus."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest.measuring.readings import MetricsText, ProcessTree, Prometheus, Unreadable, readings_of
from loadtest.measuring.servers import Target
from loadtest.measuring.usage import Sampler
from loadtest.traffic.pictures import load_pictures
from tests.loadtest.stub_service import stub_service
from tests.prometheus_server import running_prometheus
from tests.service.live.running import Service, free_port, running_service
from tests.service.tiny_artifact import write_tiny_artifact


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("read")
    write_tiny_artifact(folder / "repository", name="tiny")
    with running_service(folder, folder / "repository", threads=1) as service:
        with service.client() as client:
            for picture in load_pictures():
                assert client.post("/v1/models/tiny/classify", content=picture.data).status_code == 200
        time.sleep(0.5)  # its workers write their counts within a moment
        yield service


def test_stages_and_usage_are_read_from_the_service_and_its_processes(service: Service) -> None:
    text = MetricsText(service.url)
    tree = ProcessTree(psutil.Process(service.process.pid), text)
    assert tree.stage_totals() == text.stage_totals()
    assert {stage: count for stage, (_, count) in text.stage_totals().items()} == dict.fromkeys(
        ("queue", "decode", "preprocess", "inference", "postprocess", "encode"), len(load_pictures())
    )
    (cpu_s, memory_mib), (tree_cpu_s, tree_memory_mib) = text.usage(), tree.usage()
    assert 0 < cpu_s <= tree_cpu_s  # the tree has the framework's parent process too
    assert 50 < memory_mib < 1000
    assert 50 < tree_memory_mib < 1000


def test_a_prometheus_that_scrapes_the_service_says_the_same(service: Service, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    target = service.url.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 200ms}\n"
        f"scrape_configs: [{{job_name: convoy, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with running_prometheus(tmp_path, config, free_port()) as prometheus:
        readings = Prometheus(prometheus.url)
        ends = time.monotonic() + 20
        while not readings.stage_totals() and time.monotonic() < ends:
            time.sleep(0.1)
        found, own = readings.stage_totals(), MetricsText(service.url).stage_totals()
        assert found.keys() == own.keys()
        assert all(found[stage] == pytest.approx(own[stage]) for stage in own)
        assert readings.usage()[1] == pytest.approx(MetricsText(service.url).usage()[1], rel=0.2)


def test_usage_is_sampled_while_something_runs(service: Service) -> None:
    started = time.time()
    with (
        Sampler(ProcessTree(psutil.Process(service.process.pid), None), every_s=0.1) as sampler,
        service.client() as client,
    ):
        while time.time() < started + 1:
            client.get("/v1/models")
    assert 0.01 < sampler.cpu_share(started, started + 1) < 4
    assert len(sampler.memory(started, started + 1)) >= 5
    assert len(sampler.memory(started + 100, started + 101)) == 1


def test_a_service_that_has_ended_is_said_to_have() -> None:
    with psutil.Popen(["sleep", "60"]) as ended:
        tree = ProcessTree(ended, None)
        ended.kill()
    with pytest.raises(Unreadable, match="The service has ended"):
        tree.usage()


def test_a_service_that_does_not_measure_itself_is_said_to_be_unreadable() -> None:
    with stub_service() as url:
        assert readings_of(Target("peer", url, "/raw", psutil.Process()), None).stage_totals() == {}
        with pytest.raises(Unreadable, match="says nothing of its CPU time"):
            MetricsText(url).usage()
    with pytest.raises(Unreadable, match="cannot be read"):
        MetricsText(url).usage()
