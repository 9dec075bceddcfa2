"""Two workers behind one port: ready together, counted together, and one of them replaced when it dies."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.inference.pictures import encode
from tests.service.live.api_service import quadrant
from tests.service.live.callers import Caller, Reply, all_at_once
from tests.service.live.running import Service, free_port, running_service
from tests.service.live.watching import scrape, total, until, workers_of
from tests.service.tiny_artifact import write_tiny_artifact

CLASSIFY = "/v1/models/tiny/classify"
PICTURE = encode(quadrant(1), "PNG")
RESPAWN_S = 15.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("workers")
    write_tiny_artifact(folder / "repository")
    with running_service(folder, folder / "repository", workers=2, threads=1) as running:
        yield running


def ask_anew(service: Service, method: str, path: str, body: bytes | None = None) -> Reply:
    """A connection for this request alone, so that either worker may get it."""
    caller = Caller(service.url)
    try:
        return caller.ask(method, path, body)
    finally:
        caller.close()


def counts(service: Service) -> dict[str, float]:
    """Counters and histogram counts that only requests to the model move."""
    text = scrape(service)
    return {
        "requests": total(text, "convoy_inference_requests_total"),
        "images": total(text, "convoy_inference_images_total"),
        "predictions": total(text, "convoy_predictions_total"),
        "inference": total(text, "convoy_stage_duration_seconds_count", stage="inference"),
        "http": total(text, "http_server_request_duration_seconds_count", route="/v1/models/{name}/classify"),
    }


def test_once_ready_every_worker_answers_for_every_model(tmp_path: Path) -> None:
    names = [f"m{index}" for index in range(40)]
    for name in names:
        write_tiny_artifact(tmp_path / "repository", name=name)
    port = free_port()
    probes: list[int] = []
    asked: list[int] = []

    def probe() -> None:
        caller_url = f"http://127.0.0.1:{port}"
        ends = time.monotonic() + 40
        while time.monotonic() < ends and len(asked) < 120:
            caller = Caller(caller_url)
            try:
                probes.append(caller.ask("GET", "/readyz").status)
                if 200 in probes:
                    path = f"/v1/models/{names[len(asked) % len(names)]}/classify"
                    asked.append(caller.ask("POST", path, PICTURE).status)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # nobody listens yet
            finally:
                caller.close()

    prober = threading.Thread(target=probe, daemon=True)
    prober.start()
    with running_service(tmp_path, tmp_path / "repository", workers=2, threads=1, port=port):
        prober.join(60)
    assert asked == [200] * 120
    first = probes.index(200)
    assert set(probes[first:]) == {200}
    assert set(probes[:first]) <= {503}


def test_a_killed_worker_is_replaced_its_counts_stay_and_its_gauges_go(service: Service) -> None:
    assert all(ask_anew(service, "POST", CLASSIFY, PICTURE).status == 200 for _ in range(60))
    until(lambda: counts(service)["http"] >= 60, within_s=5, what="all requests counted")
    before = counts(service)
    assert set(before.values()) == {before["http"]}
    assert total(scrape(service), "convoy_worker_starts_total") == 2.0
    victim, survivor = workers_of(service)
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: total(scrape(service), "convoy_workers") == 1.0, within_s=3, what="one worker in the metrics")
    assert counts(service) == before
    text = scrape(service)
    assert total(text, "http_server_active_requests") == 1.0
    assert total(text, "convoy_model_loaded", model="tiny") == 1.0
    assert total(text, "convoy_worker_starts_total") == 2.0

    asked = 0
    while len(workers_of(service)) < 2 or total(scrape(service), "convoy_workers") < 2.0:
        assert time.monotonic() - killed < RESPAWN_S
        assert ask_anew(service, "GET", "/readyz").status == 200
        assert ask_anew(service, "POST", CLASSIFY, PICTURE).status == 200
        asked += 1
    assert survivor in workers_of(service)
    assert total(scrape(service), "convoy_worker_starts_total") == 3.0
    # The new one is ready from its first request on.
    for _ in range(60):
        assert ask_anew(service, "GET", "/readyz").status == 200
        assert ask_anew(service, "POST", CLASSIFY, PICTURE).status == 200
    until(lambda: counts(service)["http"] == before["http"] + asked + 60, within_s=5, what="exact counts")
    assert set(counts(service).values()) == {before["http"] + asked + 60}


def test_a_worker_killed_under_load_breaks_only_its_own_connections(service: Service) -> None:
    broken = threading.Semaphore(0)
    stop = time.monotonic() + 2.0
    victim = workers_of(service)[0]

    def go_on(index: int) -> list[Reply]:
        replies: list[Reply] = []
        caller = Caller(service.url)
        while time.monotonic() < stop:
            try:
                replies.append(caller.ask("POST", CLASSIFY, PICTURE))
            except (OSError, http.client.HTTPException):
                broken.release()
                caller.close()
                caller = Caller(service.url)
            if index == 0 and len(replies) == 100:
                os.kill(victim, signal.SIGKILL)
        caller.close()
        return replies

    replies = [reply for own in all_at_once(12, go_on) for reply in own]
    assert {reply.status for reply in replies} == {200}
    assert len(replies) > 200
    breaks = 0
    while broken.acquire(blocking=False):
        breaks += 1
    assert breaks <= 12
