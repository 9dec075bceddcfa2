"""Locust in containers: a test that is begun on its page, and the report that it leaves in the volume."""

import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from deploy.check.engine import must
from deploy.check.stack import Stack, until

_WORKERS = 2
# LOADTEST_STAGES: ten seconds at ten requests per second, which two replicas carry beside all else that is going on.
STAGES = "10x10"
_READY_S, _RUN_S = 60.0, 90.0
_ENDPOINTS = {"classify", "segment", "cam"}
_SERVICES = ("locust", "locust-worker")


def is_load_tested(stack: Stack) -> str:
    """Master and workers send Mixed through the load balancer; every answer is right, and the report can be fetched."""
    stack.up(*_SERVICES, scale={"locust-worker": _WORKERS})
    until(lambda: _ready_workers(stack) == _WORKERS, within_s=_READY_S, what=f"{_WORKERS} workers of Locust")
    # As its page does it; what is to be done stands in the environment.
    begun = httpx.post(f"{stack.locust_url}/swarm", data={"user_count": "1", "spawn_rate": "1"}, timeout=20)
    must(begun.raise_for_status().json()["success"], f"Locust's page begins no test: {begun.text[:200]}.")
    until(lambda: _statistics(stack)["state"] == "stopped", within_s=_RUN_S, what="the end of the load test")
    summary = until(lambda: _summary(stack), within_s=_READY_S, what="the report of the load test")
    stack.remove(*_SERVICES)
    (stage,) = summary["stages"]
    asked = set(stage["endpoints"])
    must(asked == _ENDPOINTS, f"The load test asked for {', '.join(sorted(asked))} only.")
    sent = stage["requests"] - stage["unsent"]
    right = f"{stage['ok']} of {sent} answers were right"
    must(0 < stage["ok"] == sent, f"In the load test {right}.")
    return f"{right}, from {_WORKERS} workers; p99 {stage['p99_ms']:.0f} ms; {_told(summary)}"


def _told(summary: dict[str, Any]) -> str:
    """Whether this machine, which does all at once, kept the rate; that is no matter of what is deployed."""
    return "the offered rate was kept" if summary["valid"] else "the offered rate was not kept"


def _statistics(stack: Stack) -> Any:
    return httpx.get(f"{stack.locust_url}/stats/requests", timeout=10).raise_for_status().json()


def _ready_workers(stack: Stack) -> int:
    return sum(worker["state"] == "ready" for worker in _statistics(stack).get("workers", []))


def _summary(stack: Stack) -> dict[str, Any] | None:
    """That of the one report in the volume."""
    (master,) = stack.containers("locust")
    with tempfile.TemporaryDirectory(prefix="convoy-", dir="/tmp") as folder:
        stack.docker("cp", f"{master}:/reports", folder)
        found = [*Path(folder).glob("reports/*/summary.json")]
        must(len(found) <= 1, f"There are {len(found)} reports of one load test.")
        try:
            return json.loads(found[0].read_text()) if found else None
        except json.JSONDecodeError:  # it is being written
            return None
