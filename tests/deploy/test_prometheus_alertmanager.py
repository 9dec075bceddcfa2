"""A real Alertmanager with the configuration: who is told, and what is not worth telling."""

import itertools
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.rule_files import DEPLOY, alerts
from tests.prometheus_server import program, running_program
from tests.service.live.running import free_port

CONFIG = DEPLOY / "alertmanager/alertmanager.yml"
PACKAGE = "prometheus-alertmanager"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("alertmanager"), free_port()
    command = [program("prometheus-alertmanager", PACKAGE), f"--config.file={CONFIG}", f"--storage.path={folder}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with running_program(command, folder, port):
        yield f"http://127.0.0.1:{port}"


def told(url: str, *sent: dict[str, str]) -> dict[str, str]:
    """Which of these alerts somebody is told about: the receiver by the alert's name."""
    job = f"convoy-{next(_numbers)}"  # so that nothing sent earlier inhibits it
    posted = [{"labels": {"job": job, **labels}} for labels in sent]
    assert httpx.post(f"{url}/api/v2/alerts", json=posted, timeout=20).status_code == 200
    known = httpx.get(f"{url}/api/v2/alerts", params={"filter": f'job="{job}"'}, timeout=20).json()
    assert len(known) == len(sent)
    return {
        alert["labels"]["alertname"] + alert["labels"].get("window", ""): alert["receivers"][0]["name"]
        for alert in known
        if not alert["status"]["inhibitedBy"]
    }


def amtool_accepts(config: Path) -> None:
    command = [program("amtool", PACKAGE), "check-config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_accepts_the_configuration() -> None:
    amtool_accepts(CONFIG)


def test_amtool_accepts_it_with_the_receivers_of_the_runbook(tmp_path: Path) -> None:
    page = (DEPLOY.parent / "docs/runbook.md").read_text()
    (receivers,) = re.findall(r"^    receivers:\n(?:    .+\n)+", page, re.MULTILINE)
    written, count = re.subn(r"^receivers:\n(?:  .+\n)+", textwrap.dedent(receivers), CONFIG.read_text(), flags=re.M)
    assert count == 1
    (tmp_path / "alertmanager.yml").write_text(written)
    amtool_accepts(tmp_path / "alertmanager.yml")


def test_the_receiver_is_the_severity(url: str) -> None:
    for rule in alerts():
        name = rule.name + rule.labels.get("window", "")
        assert told(url, {"alertname": rule.name, **rule.labels}) == {name: rule.labels["severity"]}


def test_a_service_that_is_down_hides_what_follows_from_it(url: str) -> None:
    others = [{"alertname": rule.name, **rule.labels} for rule in alerts() if rule.name != "PrometheusRuleFailing"]
    for source in ("ConvoyDown", "ConvoyAbsent"):
        following = [labels for labels in others if labels["alertname"] not in ("ConvoyDown", "ConvoyAbsent")]
        assert told(url, {"alertname": source, "severity": "page"}, *following) == {source: "page"}


def test_a_replica_that_is_down_hides_what_its_own_workers_lack_and_no_other_ones(url: str) -> None:
    down = {"alertname": "ConvoyReplicaDown", "severity": "ticket", "instance": "a"}
    here = {"alertname": "ConvoyWorkerMissing", "severity": "ticket", "instance": "a"}
    elsewhere = {"alertname": "ConvoyRestartLoop", "severity": "ticket", "instance": "b"}
    assert told(url, down, here, elsewhere) == {"ConvoyReplicaDown": "ticket", "ConvoyRestartLoop": "ticket"}


def test_where_no_replica_is_ready_nobody_is_told_which_ones_nor_what_it_costs(url: str) -> None:
    none = {"alertname": "ConvoyNoneReady", "severity": "page"}
    one = {"alertname": "ConvoyNotReady", "severity": "ticket", "instance": "a"}
    burn = {"alertname": "ConvoyAvailabilityBurn", "severity": "page", "window": "1h"}
    slow = {"alertname": "ConvoyLatencyBurn", "severity": "page", "window": "1h"}
    assert told(url, none, one, burn, slow) == {"ConvoyNoneReady": "page", "ConvoyLatencyBurn1h": "page"}


def test_a_model_that_cannot_answer_hides_that_its_version_failed(url: str) -> None:
    unavailable = {"alertname": "ConvoyModelUnavailable", "severity": "page", "instance": "a", "model": "lenet5"}
    failed = {"alertname": "ConvoyModelFailed", "severity": "ticket", "model": "lenet5", "version": "1"}
    assert told(url, unavailable, failed) == {"ConvoyModelUnavailable": "page"}
    assert len(told(url, {**unavailable, "model": "resnet20"}, failed)) == 2


def test_the_page_for_an_objective_hides_its_ticket_and_not_that_of_the_other(url: str) -> None:
    page = {"alertname": "ConvoyAvailabilityBurn", "severity": "page", "window": "1h"}
    ticket = {"alertname": "ConvoyAvailabilityBurn", "severity": "ticket", "window": "3d"}
    other = {"alertname": "ConvoyLatencyBurn", "severity": "ticket", "window": "3d"}
    assert told(url, page, ticket, other) == {"ConvoyAvailabilityBurn1h": "page", "ConvoyLatencyBurn3d": "ticket"}
