"""A setting that cannot work ends the start with one sentence and a non-zero exit code before the port opens."""

import contextlib
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.service.live.running import ROOT, free_port, running_service, service_environment
from tests.service.tiny_artifact import write_tiny_artifact

COMMANDS = {
    "python -m service": ["-m", "service"],
    "bentoml serve": ["-m", "bentoml", "serve", "service.app:Convoy"],
}


def start(folder: Path, command: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    repository = folder / str(settings.pop("repository", "."))
    return subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=ROOT,
        env=service_environment(folder, repository, **{"port": free_port(), **settings}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("setting", "value"),
    [("provider", "cuda"), ("provider", "tpu"), ("host", "nowhere"), ("workers", "0"), ("repository", "missing")],
)
def test_a_setting_that_cannot_work_ends_the_start(tmp_path: Path, command: str, setting: str, value: str) -> None:
    if (setting, value) == ("provider", "cuda"):
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this onnxruntime has CUDA")
    ended = start(tmp_path, command, **{setting: value})
    assert ended.returncode not in (0, None)
    sentences = [line for line in ended.stderr.splitlines() if line.startswith("convoy: ")]
    assert len(sentences) == 1, ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_is_taken_ends_the_start(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = start(tmp_path, command, port=taken.getsockname()[1])
    assert ended.returncode != 0
    assert ended.stderr.count("convoy: ") == 1
    assert "Traceback" not in ended.stderr + ended.stdout


def test_an_empty_repository_starts_and_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    with running_service(tmp_path, tmp_path / "repository", ready=False) as service, service.client() as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/v1/models").json() == {"models": []}


def test_who_comes_while_it_starts_is_not_told_that_models_are_being_loaded(tmp_path: Path) -> None:
    port, picture = free_port(), (ROOT / "tests/data/boot.png").read_bytes()
    ends = time.monotonic() + 60

    def first_answer() -> int:
        while time.monotonic() < ends:
            with contextlib.suppress(httpx.TransportError):
                url = f"http://127.0.0.1:{port}/v1/models/resnet20/classify"
                return httpx.post(url, content=picture, timeout=20).status_code
        raise TimeoutError

    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(first_answer) for _ in range(4)]
        with running_service(tmp_path, ROOT / "model_repository", ready=False, port=port):
            assert {each.result() for each in answers} == {200}


def test_a_stop_signal_ends_the_service_with_code_0(tmp_path: Path) -> None:
    write_tiny_artifact(tmp_path / "repository")
    with running_service(tmp_path, tmp_path / "repository") as service:
        pass
    assert service.process.returncode == 0
