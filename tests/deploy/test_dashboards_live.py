"""Every question that a dashboard asks has an answer in a real Prometheus that scraped the service under load."""

import io
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from deploy.dashboards.answers import filled, unanswered
from deploy.dashboards.checks import Question, questions
from deploy.dashboards.definitions import RULES, service_series
from deploy.dashboards.generation import DASHBOARDS
from tests.deploy.balancer import Balancer, Replica, running_balancer
from tests.deploy.grafana_library import in_grafana
from tests.prometheus_server import Prometheus, running_prometheus
from tests.service.live.running import ROOT, Service, free_port, running_service
from tests.service.live.slow_artifact import write_slow_artifact
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter

_PATIENCE_S = 60.0
# Four scrapes, as $__rate_interval promises.
_WINDOW = "5s"
_PAGES = [page().as_json() for page in DASHBOARDS.values()]
_ASKED = [question for page in _PAGES for question in questions(page)]
_ALL = dict.fromkeys(("job", "instance", "model", "version"), ".*")


@dataclass(frozen=True)
class Watched:
    """A service under load, and the Prometheus that watches it."""

    service: Service
    prometheus: Prometheus
    began_s: float

    def unanswered(self, asked: list[Question], **chosen: str) -> list[Question]:
        """What has no answer yet, with the variables at "all" but for those that are chosen."""
        return unanswered(self.prometheus.url, asked, began_s=self.began_s, window=_WINDOW, chosen={**_ALL, **chosen})

    def left_over(self, asked: list[Question], **chosen: str) -> list[Question]:
        """The same after as much traffic as it takes, or as there is patience for."""
        ends = time.monotonic() + _PATIENCE_S
        while (left := self.unanswered(asked, **chosen)) and time.monotonic() < ends:
            self.offer()
        return left

    def offer(self) -> None:
        """A burst of good requests, of bad ones, and of more slow ones than there is room for."""
        with self.service.client() as client:
            for name in ("tiny/classify", "tiny/cam", "tiny/versions/1/classify", "lenet5/cam", "levels/segment"):
                client.post(f"/v1/models/{name}", content=_picture()).raise_for_status()
            assert client.post("/v1/models/tiny/classify", content=b"noise").status_code == 400
            assert client.post("/v1/models/none/classify", content=_picture()).status_code == 404
            with ThreadPoolExecutor(6) as callers:
                slow = [callers.submit(client.post, "/v1/models/slow/classify", content=_picture()) for _ in range(6)]
        assert {each.result().status_code for each in slow} <= {200, 503}


def _picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((28, 28)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("dashboards")
    repository = folder / "repository"
    for version in (1, 2):
        write_tiny_artifact(repository, name="tiny", version=version)
    shutil.copytree(ROOT / "model_repository" / "lenet5", repository / "lenet5")
    write_tiny_segmenter(repository, name="levels")
    write_slow_artifact(repository, takes_s=0.05)
    (repository / "broken" / "1").mkdir(parents=True)
    (repository / "broken" / "1" / "model.onnx").write_bytes(b"not a graph")
    (folder / "balancer").mkdir()
    with (
        running_balancer(folder / "balancer", [Replica()]) as balancer,
        running_service(folder, repository, workers=1, threads=1, queue_size=1) as service,
    ):
        began_s = time.time()
        with running_prometheus(folder, _configured(folder, service, balancer), free_port()) as prometheus:
            yield Watched(service, prometheus, began_s)


def _configured(folder: Path, service: Service, balancer: Balancer) -> Path:
    """The project's rules, evaluated each second and firing at once; and a second replica, which is dead."""
    rules = folder / "rules"
    rules.mkdir()
    for path in (RULES / "rules").glob("*.yml"):
        hasty = re.sub(r"^( +)for: \S+", r"\1for: 0s", path.read_text(), flags=re.MULTILINE)
        (rules / path.name).write_text(re.sub(r"^ +interval: \S+\n", "", hasty, flags=re.MULTILINE))
    targets = [service.url.removeprefix("http://"), f"127.0.0.1:{free_port()}"]
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{rules}/*.yml']\n"
        "scrape_configs:\n"
        f"- {{job_name: convoy, static_configs: [{{targets: {targets}}}]}}\n"
        f"- {{job_name: loadbalancer, static_configs: [{{targets: ['127.0.0.1:{balancer.operation}']}}]}}\n"
    )
    return config


def test_every_panel_variable_and_mark_has_data(watched: Watched) -> None:
    assert len(_ASKED) > 100
    assert watched.left_over(_ASKED) == []


def test_chosen_filters_reach_every_question(watched: Watched) -> None:
    address = re.escape(watched.service.url.removeprefix("http://")).replace("\\", r"\\")  # as Grafana does in strings
    chosen = {"job": "convoy", "instance": address, "model": "tiny|lenet5|levels|slow|broken", "version": "1"}
    assert watched.left_over(_ASKED, **chosen) == []
    answered = set(_ASKED) - set(watched.unanswered(_ASKED, job="other"))
    assert {question.place for question in answered if "vector(0)" not in question.expression} == {
        "Convoy overview, panel Firing now",
        "Convoy overview, panel Failed by the load balancer",
        "Convoy overview, variable job",
        *(f"{page['title']}, {mark}" for page in _PAGES for mark in ("annotation Alerts", "variable job")),
    }


def test_tables_and_bars_have_their_columns_filled_by_grafanas_own_transformations(
    watched: Watched, grafana_packages: Path
) -> None:
    panels = [panel for page in _PAGES for panel in page["panels"] if panel.get("transformations")]
    values = {**_ALL, "model": "tiny|lenet5", "__rate_interval": _WINDOW}

    def answers(target: dict[str, str]) -> dict[str, Any]:
        found = watched.prometheus.ask(filled(target["expr"], values))
        return {"refId": target["refId"], "series": [{"labels": s.labels, "value": str(s.value)} for s in found]}

    def wrong() -> list[tuple[str, Any]]:
        """Titles and rows of panels without rows, with other columns than those named, or with gaps."""
        tables = [
            {"transformations": panel["transformations"], "targets": [answers(target) for target in panel["targets"]]}
            for panel in panels
        ]
        shown = in_grafana(grafana_packages, tables=tables, units=[])["tables"]
        return [
            (panel["title"], rows)
            for panel, rows in zip(panels, shown, strict=True)
            for columns in [list(panel["transformations"][2]["options"]["renameByName"].values())]
            if not rows or any(list(row) != columns or None in row.values() for row in rows)
        ]

    ends = time.monotonic() + _PATIENCE_S
    while (left := wrong()) and time.monotonic() < ends:
        watched.offer()
    assert left == []
    assert len(panels) == 5


def test_a_misspelled_metric_has_no_answer(watched: Watched) -> None:
    right = Question("here", "sum(rate(convoy_inference_images_total[$__rate_interval]))")
    wrong = Question("there", "sum(rate(convoy_inference_image_total[$__rate_interval]))")
    assert watched.left_over([right]) == []
    assert watched.unanswered([right, wrong]) == [wrong]


def test_nothing_divided_by_nothing_is_no_answer(watched: Watched) -> None:
    nan = Question("here", "0 * sum(up) / (0 * sum(up))")
    infinite = Question("there", "sum(up) / 0")
    assert watched.unanswered([nan, infinite]) == [nan, infinite]


def test_the_definitions_are_those_of_a_running_service(watched: Watched) -> None:
    text = httpx.get(watched.service.url + "/metrics", timeout=20).text
    live: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            live.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    assert live == {name: set(labels) for name, labels in service_series().items()}
