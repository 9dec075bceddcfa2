"""What is asked of a running deployment, one function a step; each gives a sentence on what it saw."""

import io
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
from PIL import Image

from deploy.check.engine import CheckFailed
from deploy.check.stack import ROOT, Stack, until
from deploy.check.traffic import Call, steady
from deploy.dashboards.answers import unanswered
from deploy.dashboards.checks import Question, questions
from deploy.dashboards.generation import DASHBOARDS

_SAMPLES = ROOT / "tests" / "data"
_CALLERS, _PER_SECOND = 8, 40.0
_CROWD = 250
_SETTLED_S = 3.0
_SCRAPED_S = 60.0
# A rule waits for a minute, and is evaluated each 15 s on what is scraped each 10 s.
_ALERT_S = 180.0
_PAST_S = 240.0
_WATCH_S = 30.0


def answers(stack: Stack) -> str:
    """Classify, explain and segment through the load balancer."""
    boot = (_SAMPLES / "boot.png").read_bytes()
    url = f"http://127.0.0.1:{stack.port}"
    with httpx.Client(base_url=url, timeout=20) as client:
        found = client.post("/v1/models/resnet20/classify", content=boot).raise_for_status().json()
        _must(found["predictions"][0]["label"] == "Ankle boot", f"The boot was taken for {found['predictions'][0]}.")
        overlay = client.post("/v1/models/resnet20/cam", content=boot).raise_for_status().content
        _must(Image.open(io.BytesIO(overlay)).size == (28, 28), "The map has not the size of the picture.")
        scene = _photo(320, 200)
        mask = client.post("/v1/models/unet_xception/segment", content=scene).raise_for_status().content
        _must(Image.open(io.BytesIO(mask)).size == (320, 200), "The mask has not the size of the picture.")
        refused = client.post("/v1/models/resnet20/classify", content=b"no picture")
        _must((refused.status_code, refused.json()["code"]) == (400, "bad_image"), "No picture was not refused.")
        hidden = client.get("/metrics").status_code
        _must(hidden == 404, f"/metrics answers {hidden} to the outside.")
    return "classes, a map and a mask through the load balancer; no picture gets 400, /metrics 404"


def is_scraped(stack: Stack, *, replicas: int) -> str:
    """Prometheus knows every replica, and its rules load."""

    def up() -> bool:
        series = stack.prometheus("query", query='sum(up{job="convoy"})')["result"]
        return bool(series) and float(series[0]["value"][1]) == replicas

    until(up, within_s=_SCRAPED_S, what=f"{replicas} replicas in Prometheus")
    groups = stack.prometheus("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    broken = [rule["name"] for rule in rules if rule["health"] == "err"]
    _must(not broken, f"Prometheus cannot evaluate {', '.join(broken)}.")
    return f"{replicas} replicas scraped, {len(rules)} rules in {len(groups)} groups"


def is_replaced_without_a_loss(stack: Stack) -> str:
    """One replica after the other is stopped and started again, under load."""
    slowest_s = 0.0
    with steady("127.0.0.1", stack.port, _calls(), callers=_CALLERS, per_second=_PER_SECOND) as traffic:
        for container in stack.containers("convoy"):
            time.sleep(_SETTLED_S)
            began_s = time.monotonic()
            stack.docker("stop", "--time", "40", container, timeout_s=60)
            slowest_s = max(slowest_s, time.monotonic() - began_s)
            time.sleep(_SETTLED_S)
            stack.docker("start", container)
            is_healthy(stack, [container])
        time.sleep(_SETTLED_S)
    _must(traffic.failed == 0, f"{traffic.failed} of {traffic.answered + traffic.failed}: {dict(traffic.failures)}.")
    return f"{traffic.answered} requests, none lost; slowest {traffic.longest_s:.2f} s; a stop took {slowest_s:.1f} s"


def is_killed(stack: Stack, *, began_s: float) -> str:
    """A replica is killed under load: what it was working on is lost at most, an alert fires, and resolves."""
    victim, *_ = stack.containers("convoy")
    # The alert asks for what was there most of the time: there has to be more of a past than the alert takes.
    time.sleep(max(0.0, began_s + _PAST_S - time.time()))
    with steady("127.0.0.1", stack.port, _calls(), callers=_CALLERS, per_second=_PER_SECOND) as traffic:
        time.sleep(_SETTLED_S)
        stack.docker("kill", "--signal", "KILL", victim)
        time.sleep(2 * _SETTLED_S)
    _must(traffic.failed <= _CALLERS, f"{traffic.failed} requests failed: {dict(traffic.failures)}.")
    began_s = time.monotonic()
    fired = until(lambda: _firing(stack), within_s=_ALERT_S, what="an alert about the replica")
    fired_s = time.monotonic() - began_s
    named = {alert["labels"]["alertname"] for alert in stack.alertmanager("alerts")}
    _must(bool(named & set(fired)), f"Alertmanager has {sorted(named)} and not {fired}.")
    stack.docker("start", victim)
    is_healthy(stack, [victim])
    began_s = time.monotonic()
    until(lambda: not _firing(stack), within_s=_ALERT_S, what="the end of the alert")
    resolved_s = time.monotonic() - began_s
    lost = f"{traffic.failed} of {traffic.answered + traffic.failed} requests lost"
    return f"{lost}; {', '.join(fired)} after {fired_s:.0f} s, resolved {resolved_s:.0f} s after its return"


def is_published(stack: Stack, models: Path) -> str:
    """A version put into the volume is served by every replica; a bad one changes nothing."""
    _put(models, "resnet20", version=2)
    replicas = stack.containers("convoy")

    def everywhere(version: int, state: str) -> bool:
        wanted = {"name": "resnet20", "version": version, "state": state}
        return all(
            any(wanted.items() <= listed.items() for listed in stack.ask_inside(each, "/v1/models")["models"])
            for each in replicas
        )

    began_s = time.monotonic()
    until(lambda: everywhere(2, "ready"), within_s=_WATCH_S, what="version 2 on every replica")
    ready_s = time.monotonic() - began_s
    _put(models, "resnet20", version=3, spoilt=True)
    until(lambda: everywhere(3, "failed"), within_s=_WATCH_S, what="version 3 as failed on every replica")
    boot = (_SAMPLES / "boot.png").read_bytes()
    found = httpx.post(f"http://127.0.0.1:{stack.port}/v1/models/resnet20/classify", content=boot, timeout=20)
    _must(found.json().get("version") == 2, f"After the bad version: {found.text[:200]}.")
    return f"served by {len(replicas)} replicas {ready_s:.0f} s after it was published; a bad one is listed as failed"


def is_drawn(stack: Stack, *, began_s: float) -> str:
    """Every question of every dashboard has an answer, about a time with traffic, faults and a killed replica in it."""
    pages = [page().as_json() for page in DASHBOARDS.values()]
    asked = [question for page in pages for question in questions(page)]
    everything = dict.fromkeys(("job", "instance", "model", "version"), ".*")

    def left() -> list[Question]:
        return unanswered(stack.prometheus_url, asked, began_s=began_s, window="1m", chosen=everything)

    # More than the queues of all replicas take, so that there are refusals to be drawn.
    photos = _calls()[-1:]
    with steady("127.0.0.1", stack.port, photos, callers=_CROWD, per_second=_CROWD):
        time.sleep(_SETTLED_S)
    with steady("127.0.0.1", stack.port, _calls(), callers=_CALLERS, per_second=_PER_SECOND):
        ends_s = time.monotonic() + _SCRAPED_S
        while (missing := left()) and time.monotonic() < ends_s:
            time.sleep(_SETTLED_S)
    _must(not missing, f"No answer to {'; '.join(str(each) for each in missing)}.")
    return f"{len(asked)} queries of {len(pages)} dashboards have data"


def is_healthy(stack: Stack, containers: Iterable[str]) -> None:
    """Wait until the engine's own health checks are content, and the load balancer sends something there."""
    for container in containers:

        def healthy(container: str = container) -> bool:
            seen = stack.docker("inspect", "--format", "{{.State.Health.Status}}", container)
            return seen.strip() == "healthy"

        until(healthy, within_s=120, what=f"{container[:12]} healthy")


def _calls() -> list[Call]:
    boot = (_SAMPLES / "boot.png").read_bytes()
    seven = (_SAMPLES / "seven_on_paper.jpg").read_bytes()
    return [
        Call(path="/v1/models/resnet20/classify", body=boot, expected=b"Ankle boot"),
        Call(path="/v1/models/lenet5/classify?polarity=auto", body=seven, expected=b'"label":"7"'),
        Call(path="/v1/models/resnet20/cam", body=boot, expected=b"IEND"),
        # Larger than what the load balancer keeps for a second try.
        Call(path="/v1/models/unet_xception/segment", body=_photo(1600, 1200), expected=b"IEND"),
    ]


def _photo(width: int, height: int) -> bytes:
    with Image.open(_SAMPLES / "seven_on_paper.jpg") as picture:
        file = io.BytesIO()
        picture.resize((width, height)).save(file, "JPEG", quality=95)
    return file.getvalue()


def _firing(stack: Stack) -> list[str]:
    alerts = stack.prometheus("alerts")["alerts"]
    return sorted(
        alert["labels"]["alertname"]
        for alert in alerts
        if alert["state"] == "firing" and "Replica" in alert["labels"]["alertname"]
    )


def _put(models: Path, name: str, *, version: int, spoilt: bool = False) -> None:
    """Publish the first version again under another number, by one rename."""
    hidden = models / name / f".{version}"
    shutil.copytree(models / name / "1", hidden)
    if spoilt:
        (hidden / "model.onnx").write_bytes(b"no graph")
    hidden.rename(models / name / str(version))


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise CheckFailed(complaint)
