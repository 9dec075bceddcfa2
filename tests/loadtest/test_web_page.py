"""Tests that are begun on Locust's web page go through their shape, are judged, and end nothing but themselves."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.locust_runs import SMALL, Run, kept, locust_command, rest_of, started_locust
from tests.loadtest.stub_service import stub_service
from tests.service.live.running import free_port

_WITHIN_S = 30.0


class Page:
    """Locust's web page."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=10) as answer:
            return json.loads(answer.read())

    def begin(self, **form: object) -> None:
        data = urllib.parse.urlencode({"user_count": 1, "spawn_rate": 1, **form}).encode()
        with urllib.request.urlopen(self._url + "/swarm", data, timeout=10) as answer:
            assert json.loads(answer.read())["success"]

    def logs(self) -> str:
        return "\n".join(self.get("/logs")["master"])

    def wait_for(self, what: str, *states: str) -> None:
        ends = time.monotonic() + _WITHIN_S
        while time.monotonic() < ends:
            try:
                if self.get("/stats/requests")["state"] in states:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{what} did not happen")


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[tuple[Page, str, Any]]:
    port = free_port()
    options = ("--web-host", "127.0.0.1", "--web-port", port, "--pictures", SMALL, "--report", tmp_path)
    command = [each for each in locust_command("Classify", *options) if each not in ("--headless", "--only-summary")]
    with stub_service() as url, started_locust(command) as locust:
        page = Page(port)
        page.wait_for("the start", "ready")
        yield page, url, locust


def test_stages_and_models_can_be_chosen_on_the_page(begun: tuple[Page, str, Any], tmp_path: Path) -> None:
    page, url, locust = begun
    for form, sentence in (
        ({"model": "another"}, "another is not ready to classify; there is stub."),
        ({"model": "", "shape": "zigzag"}, "'zigzag' is no shape"),
        ({"shape": "", "stages": "3"}, "'3' is no stage"),
    ):
        page.begin(host=url, **form)
        page.wait_for("the end of what cannot be run", "stopped")
        ends = time.monotonic() + 5
        while sentence not in page.logs() and time.monotonic() < ends:
            time.sleep(0.1)
        assert sentence in page.logs()
    assert list(tmp_path.iterdir()) == []
    page.begin(host=url, stages="3x20")
    page.wait_for("the test", "running")
    page.wait_for("the end of the test", "stopped")
    locust.terminate()
    output = rest_of(locust)
    (folder,) = tmp_path.iterdir()
    run = Run(locust.returncode, output, folder)
    assert run.code in (0, 1, 3), output
    (stage,) = run.summary()["stages"]
    assert stage["end_s"] - stage["start_s"] > 2.9
    assert kept(stage, 20)
