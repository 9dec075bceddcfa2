"""What a log collector gets from two workers through one pipe, and what nobody else gets: reports on our use."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller, all_at_once
from tests.service.live.running import ROOT, free_port, service_environment
from tests.service.live.watching import until
from tests.service.tiny_artifact import write_tiny_artifact

CLASSIFY = "/v1/models/tiny/classify"
PICTURE = encode(quadrant(1), "PNG")
CALLERS = 8
CALLS = 400
PROBES = ("/livez", "/readyz", "/metrics")
ACCESS_FIELDS = {
    *("time", "level", "logger", "request_id", "method", "path", "route", "status", "code", "duration_ms"),
    *("client", "forwarded_for", "upload_ms", "received_bytes", "sent_bytes", "model", "version"),
}


@dataclass
class Started:
    """A service whose output is read through a pipe, as a container's is."""

    url: str
    process: "subprocess.Popen[bytes]"
    out: list[bytes] = field(default_factory=list)
    environments: list[dict[str, str]] = field(default_factory=list)
    remotes: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Too slowly for what comes, so that the pipe is full and writers meet there."""
        assert self.process.stdout is not None
        text = bytearray()
        with self.process.stdout as stream:
            while piece := os.read(stream.fileno(), 4096):
                text += piece
                time.sleep(0.002)
        self.out.extend(bytes(text).splitlines())

    def look(self) -> None:
        """Note the environment and the connections of every process."""
        parent = psutil.Process(self.process.pid)
        for process in [parent, *parent.children(recursive=True)]:
            self.environments.append(process.environ())
            self.remotes |= {connection.raddr.ip for connection in process.net_connections() if connection.raddr}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Started:
    """`bentoml serve` with two workers, asked much in a short time, then stopped; its whole output."""
    folder = tmp_path_factory.mktemp("logs")
    write_tiny_artifact(folder / "repository")
    port = free_port()
    environment = service_environment(folder, folder / "repository", workers=2, threads=1, port=port)
    environment["__BENTOML_DEBUG_USAGE"] = "True"  # the framework writes its reports to the log, if it makes any
    environment.pop("BENTOML_DO_NOT_TRACK", None)
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", "service.app:Convoy"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    started = Started(f"http://127.0.0.1:{port}", process)
    reader = threading.Thread(target=started.read, daemon=True)
    reader.start()
    try:
        until(lambda: is_ready(started), within_s=60, what="readiness")

        def ask_often(index: int) -> None:
            with Caller(started.url) as caller:
                for number in range(CALLS):
                    path = f"{CLASSIFY}?top_k={number % 5}"
                    caller.ask(
                        "POST", path, PICTURE, x_request_id=f"{index}-{number}", x_forwarded_for=f"203.0.113.{index}"
                    )

        all_at_once(CALLERS, ask_often)
        with Caller(started.url) as caller:
            for path in PROBES:
                assert caller.ask("GET", path).status == caller.ask("HEAD", path).status == 200
                assert caller.ask("POST", path, b"", x_request_id=f"post:{path}").status == 405
        started.look()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        reader.join(10)
    assert code == 0
    assert (folder / "stderr").read_text() == ""
    return started


def is_ready(started: Started) -> bool:
    try:
        with Caller(started.url) as caller:
            return caller.ask("GET", "/readyz").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def lines(ended: Started) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.out]


def test_every_line_is_json_however_many_workers_write_at_once(ended: Started) -> None:
    assert len(ended.out) > CALLERS * CALLS
    torn = []
    for line in ended.out:
        try:
            assert isinstance(json.loads(line), dict)
        except ValueError:
            torn.append(line)
    assert not torn, torn[:3]


def test_every_line_says_when_how_grave_and_from_where(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert {"time", "level", "logger"} <= set(line)
        assert line["level"] in {"info", "warning", "error"}
        assert abs(time.time() - _seconds(line["time"])) < 600
        if line["logger"] == "convoy.access":
            assert set(line) == ACCESS_FIELDS
        else:
            assert line["message"]
    assert not [line for line in lines if line["level"] == "error"]


def test_each_request_has_one_line_with_its_id_and_what_became_of_it(lines: list[dict[str, Any]]) -> None:
    asked = {line["request_id"]: line for line in lines if line.get("route") == "/v1/models/{name}/classify"}
    assert set(asked) == {f"{index}-{number}" for index in range(CALLERS) for number in range(CALLS)}
    for name, line in asked.items():
        refused = int(name.partition("-")[2]) % 5 == 0  # top_k=0
        assert (line["status"], line["code"]) == ((422, "invalid_parameter") if refused else (200, None))
        assert (line["method"], line["path"], line["model"]) == ("POST", CLASSIFY, "tiny")
        assert line["received_bytes"] == (0 if refused else len(PICTURE))
        assert (line["client"], line["forwarded_for"]) == ("127.0.0.1", f"203.0.113.{name.partition('-')[0]}")
        assert line["duration_ms"] > 0
        assert line["upload_ms"] is None if refused else 0 <= line["upload_ms"] < line["duration_ms"]


def test_probes_that_went_well_have_no_line(lines: list[dict[str, Any]]) -> None:
    probes = [line for line in lines if line.get("route") in PROBES]
    assert not [line for line in probes if line["status"] < 300]
    assert {line["request_id"] for line in probes if line["status"] == 405} == {f"post:{path}" for path in PROBES}
    assert all(line["forwarded_for"] is None for line in probes)


def test_the_framework_reports_to_nobody(ended: Started, lines: list[dict[str, Any]]) -> None:
    assert not [line for line in lines if "rack" in line.get("message", "")]
    workers = [environment for environment in ended.environments if "PROMETHEUS_MULTIPROC_DIR" in environment]
    assert len(workers) >= 2
    assert all(environment["BENTOML_DO_NOT_TRACK"] == "True" for environment in workers)
    assert ended.remotes <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_the_framework_knows_that_it_must_not_report(tmp_path: Path) -> None:
    code = (
        "from bentoml._internal.utils.analytics.usage_stats import do_not_track\n"
        "assert not do_not_track()\n"  # asked, and remembered, before the service is imported
        "import service.app\n"
        "assert do_not_track()\n"
    )
    environment = {**os.environ, "CONVOY_REPOSITORY": str(tmp_path), "BENTOML_HOME": str(tmp_path)}
    environment.pop("BENTOML_DO_NOT_TRACK", None)
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, timeout=60, check=False, capture_output=True
    )
    assert ended.returncode == 0, ended.stderr


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
