"""The Helm chart, rendered by helm itself: with its default values, and with everything that it can do."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.rule_files import DEPLOY

CHART = DEPLOY / "helm/convoy"
RELEASE = "prod"
# The oldest Kubernetes that the chart allows, and the newest that the schemas are there for.
VERSIONS = ("1.30", "1.37")
EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example.org/convoy", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "models": {"volume": {"nfs": {"server": "files.example.org", "path": "/models", "readOnly": True}}},
    "settings": {
        "CONVOY_DRAIN_S": 120,
        "CONVOY_DEADLINE_S": 2.5,
        "CONVOY_MAX_BODY_BYTES": 67_108_864,
        "CONVOY_REQUIRED_MODELS": "lenet5,resnet20",
        "CONVOY_ACCESS_LOG": False,
    },
    "gpu": {"enabled": True, "count": 2, "runtimeClassName": "nvidia"},
    "nodeSelector": {"nvidia.com/gpu.present": "true"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "service": {"type": "LoadBalancer", "port": 8080},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "host": "convoy.example.org",
        "tlsSecret": "convoy-tls",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "64m"},
    },
    "autoscaling": {"enabled": True, "queueDepth": 4},
    "monitoring": {"serviceMonitor": True, "prometheusRule": True, "labels": {"release": "kube-prometheus-stack"}},
}
MONITORED: dict[str, Any] = {"monitoring": EVERYTHING["monitoring"]}


def helm(*arguments: str, values: dict[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run helm, with `values` for a last `--values -`; without helm the test is skipped."""
    path = shutil.which("helm")
    if path is None:
        pytest.skip("helm is not installed")
    command = [path, *arguments, *(["--values", "-"] if values is not None else [])]
    given = json.dumps(values)
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


def rendered_text(values: dict[str, Any], *, chart: Path = CHART) -> str:
    """The manifests as helm writes them."""
    done = helm("template", RELEASE, str(chart), values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(values: dict[str, Any], *, chart: Path = CHART) -> dict[str, Any]:
    """The manifests by their kind; there is at most one of each."""
    manifests = [each for each in yaml.safe_load_all(rendered_text(values, chart=chart)) if each]
    by_kind = {each["kind"]: each for each in manifests}
    assert len(by_kind) == len(manifests)
    return by_kind


def refusal(values: dict[str, Any]) -> str:
    """Why helm renders nothing."""
    done = helm("template", RELEASE, str(CHART), values=values)
    assert done.returncode != 0, done.stdout
    return done.stderr


def pod(manifests: dict[str, Any]) -> Any:
    """The specification of the pods."""
    return manifests["Deployment"]["spec"]["template"]["spec"]


def container(manifests: dict[str, Any]) -> Any:
    """The only container of the pods."""
    (only,) = pod(manifests)["containers"]
    return only


def environment(manifests: dict[str, Any]) -> dict[str, str]:
    """The variables that the service is started with."""
    return {each["name"]: each["value"] for each in container(manifests)["env"]}


def validated(folder: Path, manifests: str, version: str) -> "subprocess.CompletedProcess[str]":
    """What kubernetes-validate says of manifests; unknown fields are errors."""
    (folder / "manifests.yaml").write_text(manifests)
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(folder / "manifests.yaml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
