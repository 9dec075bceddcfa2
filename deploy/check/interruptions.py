"""Replicas and the whole deployment stopped, replaced and killed under load, and what callers lose by it."""

import time
from collections.abc import Iterable

from deploy.check.calls import CALLERS, PER_SECOND, calls
from deploy.check.engine import must
from deploy.check.stack import Stack, until
from deploy.check.traffic import steady, told

_SETTLED_S = 3.0
# Longer than CONVOY_DRAIN_S.
_STOP_S = 70
_KILLED = 137
# A rule waits for a minute, and is evaluated each 15 s on what is scraped each 10 s.
_ALERT_S = 180.0
_PAST_S = 240.0


def is_healthy(stack: Stack, containers: Iterable[str]) -> None:
    """Wait until the engine's own health checks are content with these, and the load balancer with every replica."""
    for container in containers:

        def healthy(container: str = container) -> bool:
            seen = stack.docker("inspect", "--format", "{{.State.Health.Status}}", container)
            return seen.strip() == "healthy"

        until(healthy, within_s=120, what=f"{container[:12]} healthy")
    replicas = len(stack.containers("convoy"))
    until(lambda: stack.balanced() == replicas, within_s=30, what=f"{replicas} replicas behind the load balancer")


def is_replaced_without_a_loss(stack: Stack) -> str:
    """One replica after the other is stopped and started again, under load."""
    slowest_s = 0.0
    with steady("127.0.0.1", stack.port, calls(), callers=CALLERS, per_second=PER_SECOND) as traffic:
        for container in stack.containers("convoy"):
            time.sleep(_SETTLED_S)
            began_s = time.monotonic()
            stack.docker("stop", "-t", str(_STOP_S), container, timeout_s=_STOP_S + 20)
            slowest_s = max(slowest_s, time.monotonic() - began_s)
            time.sleep(_SETTLED_S)
            stack.docker("start", container)
            is_healthy(stack, [container])
        time.sleep(_SETTLED_S)
    must(not traffic.failures, f"{len(traffic.failures)} of {traffic.asked} were lost: {told(traffic.failures)}.")
    return f"{traffic.answered} requests, none lost; slowest {traffic.longest_s:.2f} s; a stop took {slowest_s:.1f} s"


def is_killed(stack: Stack, *, began_s: float) -> str:
    """A replica is killed under load: only what was under way is lost, an alert fires, and resolves."""
    victim, *_ = stack.containers("convoy")
    # The alert asks for what was there most of the time: there has to be more of a past than the alert takes.
    time.sleep(max(0.0, began_s + _PAST_S - time.time()))
    with steady("127.0.0.1", stack.port, calls(), callers=CALLERS, per_second=PER_SECOND) as traffic:
        time.sleep(_SETTLED_S)
        stack.docker("kill", "--signal", "KILL", victim)
        killed_s = time.monotonic()
        time.sleep(2 * _SETTLED_S)
    later = [failure for failure in traffic.failures if failure.began_s > killed_s]
    must(not later, f"{len(later)} requests that came after the kill were lost: {told(later)}.")
    began_s = time.monotonic()
    fired = until(lambda: _firing(stack), within_s=_ALERT_S, what="an alert about the replica")
    fired_s = time.monotonic() - began_s
    named = {alert["labels"]["alertname"] for alert in stack.alertmanager("alerts")}
    must(bool(named & set(fired)), f"Alertmanager has {sorted(named)} and not {fired}.")
    stack.docker("start", victim)
    is_healthy(stack, [victim])
    began_s = time.monotonic()
    until(lambda: not _firing(stack), within_s=_ALERT_S, what="the end of the alert")
    resolved_s = time.monotonic() - began_s
    lost = f"{len(traffic.failures)} of {traffic.asked} requests lost, none that came after the kill"
    return f"{lost}; {', '.join(fired)} after {fired_s:.0f} s, resolved {resolved_s:.0f} s after its return"


def is_stopped_without_a_loss(stack: Stack) -> str:
    """`docker compose stop` under load: the load balancer ends first, and what it took is answered."""
    with steady("127.0.0.1", stack.port, calls(), callers=CALLERS, per_second=PER_SECOND) as traffic:
        time.sleep(_SETTLED_S)
        asked_s, since_s = time.monotonic(), time.time()
        stack.stop()
        took_s = time.monotonic() - asked_s
        time.sleep(_SETTLED_S)
    # A request that began later and got not one byte met nobody: the engine takes connections to a port until its
    # container has gone, so that they end and are not refused.
    lost = [failure for failure in traffic.failures if failure.answered or failure.began_s < asked_s]
    must(not lost, f"{len(lost)} of {traffic.asked} were lost: {told(lost)}.")
    (balancer,), replicas = stack.containers("loadbalancer"), stack.containers("convoy")
    for container in (balancer, *replicas):
        code = int(stack.docker("inspect", "--format", "{{.State.ExitCode}}", container))
        must(code != _KILLED, f"{container[:12]} did not end in time and was killed.")
    signalled_s = min(stack.first("kill", each, since_s=since_s) for each in replicas)
    must(
        stack.first("die", balancer, since_s=since_s) <= signalled_s,
        "A replica was told to stop before the load balancer had ended.",
    )
    refused = len(traffic.failures)
    return f"{traffic.answered} requests, none lost; {refused} found nobody afterwards; it took {took_s:.1f} s"


def _firing(stack: Stack) -> list[str]:
    alerts = stack.prometheus("alerts")["alerts"]
    return sorted(
        alert["labels"]["alertname"]
        for alert in alerts
        if alert["state"] == "firing" and "Replica" in alert["labels"]["alertname"]
    )
