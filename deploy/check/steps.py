"""What is asked of a running deployment, one function a step; each gives a sentence on what it saw."""

import http.client
import io
import shutil
import time
from pathlib import Path

import httpx
from PIL import Image

from deploy.check.calls import CALLERS, PER_SECOND, SAMPLES, calls, photo
from deploy.check.engine import must
from deploy.check.stack import Stack, until
from deploy.check.traffic import steady
from deploy.dashboards.answers import unanswered
from deploy.dashboards.checks import Question, questions
from deploy.dashboards.generation import DASHBOARDS

_CROWD = 100
_SETTLED_S = 3.0
_SCRAPED_S = 60.0
_DRAWN_S = 90.0
_WATCH_S = 30.0


def answers(stack: Stack) -> str:
    """Classify, explain and segment through the load balancer."""
    boot = (SAMPLES / "boot.png").read_bytes()
    url = f"http://127.0.0.1:{stack.port}"
    with httpx.Client(base_url=url, timeout=20) as client:
        found = client.post("/v1/models/resnet20/classify", content=boot).raise_for_status().json()
        must(found["predictions"][0]["label"] == "Ankle boot", f"The boot was taken for {found['predictions'][0]}.")
        overlay = client.post("/v1/models/resnet20/cam", content=boot).raise_for_status().content
        must(Image.open(io.BytesIO(overlay)).size == (28, 28), "The map has not the size of the picture.")
        scene = photo(320, 200)
        mask = client.post("/v1/models/unet/segment", content=scene).raise_for_status().content
        must(Image.open(io.BytesIO(mask)).size == (320, 200), "The mask has not the size of the picture.")
        refused = client.post("/v1/models/resnet20/classify", content=b"no picture")
        must((refused.status_code, refused.json()["code"]) == (400, "bad_image"), "No picture was not refused.")
    for path in ("/metrics", "/%6detrics"):
        hidden = _status(stack.port, path)
        must(hidden == 404, f"{path} answers {hidden} to the outside.")
    return "classes, a map and a mask through the load balancer; no picture gets 400, /metrics in any spelling 404"


def is_scraped(stack: Stack, *, replicas: int) -> str:
    """Prometheus knows every replica, and its rules load."""

    def up() -> bool:
        series = stack.prometheus("query", query='sum(up{job="convoy"})')["result"]
        return bool(series) and float(series[0]["value"][1]) == replicas

    until(up, within_s=_SCRAPED_S, what=f"{replicas} replicas in Prometheus")
    groups = stack.prometheus("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    broken = [rule["name"] for rule in rules if rule["health"] == "err"]
    must(not broken, f"Prometheus cannot evaluate {', '.join(broken)}.")
    return f"{replicas} replicas scraped, {len(rules)} rules in {len(groups)} groups"


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
    boot = (SAMPLES / "boot.png").read_bytes()
    found = httpx.post(f"http://127.0.0.1:{stack.port}/v1/models/resnet20/classify", content=boot, timeout=20)
    must(found.json().get("version") == 2, f"After the bad version: {found.text[:200]}.")
    return f"served by {len(replicas)} replicas {ready_s:.0f} s after it was published; a bad one is listed as failed"


def is_drawn(stack: Stack, *, began_s: float) -> str:
    """Every question of every dashboard has an answer, about a time with traffic, faults and a killed replica in it."""
    pages = [page().as_json() for page in DASHBOARDS.values()]
    asked = [question for page in pages for question in questions(page)]
    everything = dict.fromkeys(("job", "instance", "model", "version"), ".*")

    def left() -> list[Question]:
        return unanswered(stack.prometheus_url, asked, began_s=began_s, window="1m", chosen=everything)

    # More than the queues of all replicas take, so that there are refusals to be drawn; again and again, since a rate
    # needs a count that grows between two scrapes.
    photos = calls()[-1:]
    with steady("127.0.0.1", stack.port, calls(), callers=CALLERS, per_second=PER_SECOND):
        ends_s = time.monotonic() + _DRAWN_S
        while (missing := left()) and time.monotonic() < ends_s:
            with steady("127.0.0.1", stack.port, photos, callers=_CROWD, per_second=_CROWD):
                time.sleep(_SETTLED_S)
    must(not missing, f"No answer to {'; '.join(str(each) for each in missing)}.")
    return f"{len(asked)} queries of {len(pages)} dashboards have data"


def _status(port: int, path: str) -> int:
    """The status of an answer to a path that is sent as it is written."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _put(models: Path, name: str, *, version: int, spoilt: bool = False) -> None:
    """Publish the first version again under another number, by one rename."""
    hidden = models / name / f".{version}"
    shutil.copytree(models / name / "1", hidden)
    if spoilt:
        (hidden / "model.onnx").write_bytes(b"no graph")
    hidden.rename(models / name / str(version))
