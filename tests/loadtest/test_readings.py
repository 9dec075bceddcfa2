"""Where time goes and what a service uses is the same, asked of the service, its processes or a Prometheus."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest.measuring.prometheus import Prometheus, watch_of
from loadtest.measuring.readings import MetricsText, ProcessTree, Reading, Unreadable
from loadtest.measuring.servers import Target, running_convoy
from loadtest.measuring.usage import Sampler
from loadtest.traffic.pictures import load_pictures
from tests.loadtest.stub_service import stub_service
from tests.prometheus_server import running_prometheus
from tests.service.live.running import Service, free_port, running_service
from tests.service.tiny_artifact import write_tiny_artifact

STAGES = ("queue", "decode", "preprocess", "inference", "postprocess", "encode")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("read")
    write_tiny_artifact(folder / "repository", name="tiny")
    with running_service(folder, folder / "repository", threads=1) as service:
        ask(service, 1)
        time.sleep(0.5)  # its workers write their counts within a moment
        yield service


def ask(service: Service, times: int) -> None:
    with service.client() as client:
        for picture in load_pictures() * times:
            assert client.post("/v1/models/tiny/classify", content=picture.data).status_code == 200


def test_stages_and_usage_are_read_from_the_service_and_its_processes(service: Service) -> None:
    text = MetricsText(service.url)
    own, tree = text.read(), ProcessTree(psutil.Process(service.process.pid), text).read()
    assert own.stages is not None
    assert own.stages == tree.stages
    assert {stage: count for stage, (_, count) in own.stages.items()} == dict.fromkeys(STAGES, len(load_pictures()))
    assert 0 < own.cpu_s <= tree.cpu_s  # the tree has the framework's parent process too
    assert 50 < own.memory_mib < 1000
    assert 50 < tree.memory_mib < 1000


def test_a_prometheus_that_scrapes_the_service_says_the_same(service: Service, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    target = service.url.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 200ms}\n"
        f"scrape_configs: [{{job_name: convoy, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with running_prometheus(tmp_path, config, free_port()) as prometheus:
        ends = time.monotonic() + 20
        while not prometheus.ask("convoy_process_cpu_seconds_total") and time.monotonic() < ends:
            time.sleep(0.1)
        with (
            watch_of(Target("Convoy", service.url), prometheus.url) as watch,
            Sampler(MetricsText(service.url), 0.2) as own,
        ):
            started = time.time()
            time.sleep(0.5)
            ask(service, 10)
            time.sleep(1.0)
            ended = time.time()
        scraped, read = watch.usage(started, ended), own.usage(started, ended)
        assert scraped.stage_ms.keys() == read.stage_ms.keys() == set(STAGES)
        assert scraped.stage_ms["decode"] == pytest.approx(read.stage_ms["decode"], rel=0.05)
        assert scraped.cpu_share == pytest.approx(read.cpu_share, rel=0.5)
        assert scraped.memory_mib.max() == pytest.approx(read.memory_mib.max(), rel=0.1)
        assert len(scraped.memory_between(started, started + 0.001)) == 1  # a window of a soak
        with pytest.raises(Unreadable, match=r"[0-3] scrapes fall into the 0 seconds of a step, and 4 are needed"):
            watch.usage(ended - 0.25, ended)


def test_a_prometheus_without_such_a_service_is_said_to_know_nothing(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("scrape_configs: []\n")
    with (
        running_prometheus(tmp_path, config, free_port()) as prometheus,
        pytest.raises(Unreadable, match="has scraped no service of this kind"),
        Prometheus(prometheus.url),
    ):
        pass
    with stub_service() as url, pytest.raises(Unreadable, match="does not answer as a Prometheus"), Prometheus(url):
        pass


def test_usage_is_sampled_while_something_runs(service: Service) -> None:
    started = time.time()
    with (
        Sampler(ProcessTree(psutil.Process(service.process.pid), None), every_s=0.1) as sampler,
        service.client() as client,
    ):
        while time.time() < started + 1:
            client.get("/v1/models")
    usage = sampler.usage(started, started + 1)
    assert 0.01 < usage.cpu_share < 4
    assert len(usage.memory_mib) >= 5
    assert len(sampler.usage(started + 100, started + 101).memory_mib) == 1
    assert usage.stage_ms == {}


class Growing:
    """A service whose time per request goes from 1 to 5 ms in the middle."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def read(self) -> Reading:
        early, late = min(self.at_s, 10.0), max(0.0, self.at_s - 10.0)
        stages = {"inference": (0.1 * early + 0.5 * late, 100 * self.at_s)}
        reading = Reading(self.at_s, 0.3 * self.at_s, 100.0, None if self.at_s == 12.0 else stages)
        self.at_s += 1.0
        return reading


def test_time_per_stage_is_that_of_the_stretch_and_not_of_what_was_around_it() -> None:
    sampler = Sampler(Growing(), every_s=0.001)
    with sampler:
        time.sleep(0.2)
    assert sampler.usage(2.5, 9.5).stage_ms == pytest.approx({"inference": 1.0})
    assert sampler.usage(11.0, 20.0).stage_ms == pytest.approx({"inference": 5.0})
    assert sampler.usage(2.5, 9.5).cpu_share == pytest.approx(0.3)


def test_what_goes_wrong_while_sampling_is_not_passed_over() -> None:
    class Failing(Growing):
        def read(self) -> Reading:
            if self.at_s > 3:
                raise KeyError("convoy_something")
            return super().read()

    with pytest.raises(KeyError), Sampler(Failing(), every_s=0.001):
        time.sleep(0.1)


def test_what_a_worker_used_is_not_lost_when_it_ends() -> None:
    busy = "import time; ends = time.process_time() + 0.3\nwhile time.process_time() < ends: pass"
    parent = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {busy!r}]); print(); time.sleep(60)"
    with psutil.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        used_s = ProcessTree(process, None).read().cpu_s
        process.kill()
    assert used_s >= 0.3


def test_a_service_that_has_ended_is_said_to_have() -> None:
    with psutil.Popen(["sleep", "60"]) as ended:
        tree = ProcessTree(ended, None)
        ended.kill()
    with pytest.raises(Unreadable, match="The service has ended"):
        tree.read()


def test_a_service_that_does_not_measure_itself_is_said_to_be_unreadable() -> None:
    with stub_service() as url:
        with watch_of(Target("peer", url, "/raw", psutil.Process()), None) as watch:
            pass
        assert watch.usage(0.0, 1.0).stage_ms == {}
        with pytest.raises(Unreadable, match="says nothing of its CPU time"):
            MetricsText(url).read()
    with pytest.raises(Unreadable, match="cannot be read"):
        MetricsText(url).read()


def test_a_service_that_was_started_for_a_test_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    write_tiny_artifact(tmp_path / "repository", name="tiny")
    with running_convoy(tmp_path / "repository", tmp_path / "log"):
        assert any(temporary.iterdir())
    assert list(temporary.iterdir()) == []
