"""Every series that a panel may ask for: of the service, the load balancer, recording rules, and Prometheus itself."""

from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from service.http.metrics.inference import InferenceMetrics
from service.http.metrics.models import ModelMetrics
from service.http.metrics.process import ProcessMetrics
from service.http.metrics.requests import RequestMetrics

RULES = Path(__file__).parents[1] / "prometheus"

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_TARGET = frozenset({"job", "instance"})
_OWN = {
    "up": _TARGET,
    "scrape_duration_seconds": _TARGET,
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}
# Of what HAProxy's exporter shows, what is asked for.
_LOAD_BALANCER = {
    "haproxy_frontend_http_responses_total": _TARGET | {"proxy", "code"},
    "haproxy_server_http_responses_total": _TARGET | {"proxy", "server", "code"},
    "haproxy_backend_active_servers": _TARGET | {"proxy"},
}


class _Register(CollectorRegistry):
    """Remembers what is registered, since a collector without children exposes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[MetricWrapperBase] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        if isinstance(collector, MetricWrapperBase):
            self.collectors.append(collector)


def service_series() -> dict[str, frozenset[str]]:
    """Series names of the service and their labels, from the very classes that make them."""
    registry = _Register()
    RequestMetrics(registry)
    ModelMetrics(registry, InferenceMetrics(registry, max_class_labels=1))
    ProcessMetrics(registry, service_version="", ort_version="", configured_provider="", configured_workers=1)
    series = {}
    for collector in registry.collectors:
        for family in collector.describe():
            for suffix in _SUFFIXES[family.type]:
                labels = {*collector._labelnames, *(["le"] if suffix == "_bucket" else [])}
                series[family.name + suffix] = frozenset(labels) | _TARGET
    return series


def recorded_series(folder: Path = RULES) -> dict[str, frozenset[str]]:
    """Names that the recording rules in a folder write, and their labels.

    The labels are those of the level with which a name begins, `job_route` of `job_route:...`, and those that the rule
    adds; `convoy` is the level of what holds for all. The rules' live test compares them with what is recorded.
    """
    found: dict[str, frozenset[str]] = {}
    possible = frozenset().union(*service_series().values())
    for path in sorted(folder.rglob("*.yml")):
        content = yaml.safe_load(path.read_text())
        for group in content.get("groups") or []:
            for rule in group.get("rules") or []:
                if "record" in rule:
                    level = rule["record"].split(":")[0]
                    labels = _labels_of(level, possible) | set(rule.get("labels", ()))
                    found[rule["record"]] = found.get(rule["record"], frozenset()) | labels
    return found


def _labels_of(level: str, possible: frozenset[str]) -> frozenset[str]:
    """The labels that are strung together by underscores, of which some have one themselves."""
    if level == "convoy":
        return frozenset()
    for label in possible:
        rest = level.removeprefix(label)
        if rest == "":
            return frozenset({label})
        if rest != level and rest.startswith("_"):
            try:
                return frozenset({label}) | _labels_of(rest[1:], possible)
            except ValueError:
                continue
    raise ValueError(f"{level} is not made of labels of the service's series")


def known_series() -> dict[str, frozenset[str]]:
    """Names and labels of every series."""
    return {**recorded_series(), **service_series(), **_LOAD_BALANCER, **_OWN}
