"""Readiness as a probe and as a scrape see it, from the first moment to the stop signal."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from service.http.application import Application
from service.http.request import ASGIApp, Message, Receive, Scope, Send
from service.settings import Settings
from tests.service.live.watching import total
from tests.service.tiny_artifact import write_tiny_artifact


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    write_tiny_artifact(tmp_path)
    return Application(Settings(repository=tmp_path, access_log=False, threads=1), "cpu")


@pytest.fixture
def stop_signals() -> Iterator[list[int]]:
    """What reaches the handler that stands where the server's does."""
    heard: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


async def framework(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("requests stay in front of the framework")


async def get(front: ASGIApp, path: str) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "http_version": "1.1"}
    await front(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def seen(front: ASGIApp) -> tuple[int, str, float]:
    """The probe's status, what it says, and the gauge."""
    status, body = await get(front, "/readyz")
    answer = json.loads(body)
    text = (await get(front, "/metrics"))[1].decode()
    return status, answer.get("error", "ready"), total(text, "convoy_ready")


def test_the_gauge_says_what_a_probe_is_told_while_loading_ready_and_stopping(
    application: Application, stop_signals: list[int]
) -> None:
    async def life() -> list[tuple[int, str, float]]:
        front = application.in_front_of(framework)
        phases = [await seen(front)]
        await application.start()
        async with asyncio.timeout(20):
            while not application.engine.is_ready:
                await asyncio.sleep(0.01)
        phases.append(await seen(front))
        signal.raise_signal(signal.SIGTERM)
        phases.append(await seen(front))
        await application.stop()
        return phases

    assert asyncio.run(life()) == [
        (503, "Models are still being loaded.", 0.0),
        (200, "ready", 1.0),
        (503, "The service is stopping.", 0.0),
    ]
    assert stop_signals == [signal.SIGTERM]  # the server's own handler still hears of it
