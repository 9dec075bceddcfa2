"""A live service, started with the variables of the chart: its probes are answered, and the ingress leads to routes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.http.framework import PATHS
from service.settings import PREFIX
from tests.deploy.helm_chart import EVERYTHING, container, environment, rendered
from tests.service.live.running import Service, running_service
from tests.service.tiny_artifact import write_tiny_artifact

OF_THE_MACHINE = ("CONVOY_PORT", "CONVOY_REPOSITORY", "CONVOY_PROVIDER")
VALUES = {**EVERYTHING, "settings": {**EVERYTHING["settings"], "CONVOY_REQUIRED_MODELS": "tiny"}}


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    return rendered(VALUES)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, manifests: dict[str, Any]) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("helm")
    write_tiny_artifact(folder / "models")
    settings: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment(manifests).items()
        if name not in OF_THE_MACHINE
    }
    with running_service(folder, folder / "models", **settings) as running:
        yield running


def allowed(manifests: dict[str, Any], path: str) -> bool:
    """Whether the ingress lets a path through."""
    rules = manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"]
    exact = {rule["path"] for rule in rules if rule["pathType"] == "Exact"}
    prefixes = {rule["path"] for rule in rules if rule["pathType"] == "Prefix"}
    return path in exact or any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def test_every_probe_is_answered_with_200(service: Service, manifests: dict[str, Any]) -> None:
    asked = {
        name: container(manifests)[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")
    }
    assert asked == {"startup": "/livez", "readiness": "/readyz", "liveness": "/livez"}
    assert [httpx.get(service.url + path).status_code for path in asked.values()] == [200, 200, 200]


def test_the_metrics_are_where_they_are_scraped(service: Service, manifests: dict[str, Any]) -> None:
    (endpoint,) = manifests["ServiceMonitor"]["spec"]["endpoints"]
    text = httpx.get(service.url + endpoint["path"]).text
    (metric,) = [each["pods"] for each in manifests["HorizontalPodAutoscaler"]["spec"]["metrics"] if "pods" in each]
    assert f"\n{metric['metric']['name']} " in text


def test_the_ingress_leads_to_every_route_but_the_metrics(service: Service, manifests: dict[str, Any]) -> None:
    documented = httpx.get(service.url + "/openapi.json").json()["paths"]
    routes = {*documented, *PATHS, "/", "/docs", "/openapi.json"}
    assert {path for path in routes if not allowed(manifests, path)} == {"/metrics"}
    rules = manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"]
    for path in {rule["path"] for rule in rules if rule["pathType"] == "Exact"}:
        assert httpx.get(service.url + path).status_code != 404, path
    for prefix in {rule["path"] for rule in rules if rule["pathType"] == "Prefix"}:
        assert any(route.startswith(f"{prefix}/") for route in routes), prefix


def test_the_variables_are_settings_and_nothing_else(service: Service) -> None:
    assert "is not a setting" not in service.log
