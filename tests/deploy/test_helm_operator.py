"""What the chart gives the Prometheus operator: its own types accept it, and the rules are those of the rule files."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.helm_chart import CHART, EVERYTHING, MONITORED, helm, rendered
from tests.deploy.rule_files import KNOWN, PROMETHEUS
from tests.prometheus_server import program

# Generated from the operator's Go types; the first has the types, and checks of patterns that no type can say.
PACKAGES = ("@kubernetes-models/prometheus-operator@6.0.0", "typescript@5.7.3")
COMPILER = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler", "--module", "es2022"]
MODELS = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"
# What the operator adds to every series that it scrapes.
TARGET_LABELS = {"namespace", "service", "pod", "container", "endpoint", "node"}


@pytest.fixture(scope="module")
def operator_types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the operator's types, and the TypeScript compiler."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("operator")
    (folder / "package.json").write_text("{}")
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *PACKAGES]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode != 0:
        pytest.skip(f"npm could not install {' and '.join(PACKAGES)}: {installed.stderr[-500:]}")
    return folder


def compiled(folder: Path, manifests: dict[str, Any]) -> str:
    """What the compiler says of manifests that are written as literals, each in a file of its name."""
    paths = []
    for name, manifest in manifests.items():
        kind = manifest["kind"]
        path = folder / f"{name}.ts"
        path.write_text(
            f'import type {{ I{kind} }} from "{MODELS}";\nexport const it: I{kind} = {json.dumps(manifest)};\n'
        )
        paths.append(path.name)
    compiler = ["node", "node_modules/typescript/bin/tsc", *COMPILER, *paths]
    return subprocess.run(compiler, cwd=folder, capture_output=True, text=True, timeout=120, check=False).stdout


def complaints(folder: Path, manifest: dict[str, Any]) -> str:
    """What the operator's own patterns and required fields find wrong; empty if nothing."""
    kind = manifest["kind"]
    script = folder / "validate.mjs"
    script.write_text(f'import {{ {kind} }} from "{MODELS}";\nnew {kind}({json.dumps(manifest)}).validate();\n')
    done = subprocess.run(["node", script.name], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr


def operated(values: dict[str, Any]) -> dict[str, Any]:
    """The manifests that are for the operator."""
    found = {kind: each for kind, each in rendered(values).items() if "coreos" in each["apiVersion"]}
    assert found.keys() == {"ServiceMonitor", "PrometheusRule"}
    return found


def test_the_operator_takes_the_monitor_and_the_rules(operator_types: Path) -> None:
    found = operated(EVERYTHING)
    assert compiled(operator_types, found) == ""
    assert [complaints(operator_types, each) for each in found.values()] == ["", ""]


def test_what_the_operator_would_not_take_is_found(operator_types: Path) -> None:
    right = operated(MONITORED)["ServiceMonitor"]

    def changed(**spec: Any) -> dict[str, Any]:
        return {**right, "spec": {**right["spec"], **spec}}

    said = compiled(operator_types, {"fine": changed(), "field": changed(jobLable="x"), "type": changed(endpoints={})})
    assert {line.split(".ts")[0] for line in said.splitlines() if not line.startswith(" ")} == {"field", "type"}
    assert "interval" in complaints(operator_types, changed(endpoints=[{"port": "http", "interval": "ten"}]))


def files() -> list[Any]:
    """The groups of all rule files."""
    return [
        group
        for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]


def test_the_rules_are_those_of_the_rule_files() -> None:
    assert operated(MONITORED)["PrometheusRule"]["spec"]["groups"] == files()


def test_a_packaged_chart_has_them_too(tmp_path: Path) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("convoy-*.tgz")
    assert rendered(MONITORED, chart=package) == rendered(MONITORED)


def test_only_the_alert_about_a_smaller_number_of_replicas_is_left_out_where_an_autoscaler_decides() -> None:
    scaled = operated({**MONITORED, "autoscaling": {"enabled": True}})["PrometheusRule"]["spec"]["groups"]
    kept = [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("alert") != "ConvoyReplicaMissing"]}
        for group in files()
    ]
    assert scaled == kept
    assert sum(len(group["rules"]) for group in kept) == sum(len(group["rules"]) for group in files()) - 1


def test_runbooks_are_addresses_where_the_chart_knows_where_the_project_lies() -> None:
    base = "https://git.example.org/convoy/blob/main/"
    found = operated({"monitoring": {**MONITORED["monitoring"], "runbookBaseUrl": base}})["PrometheusRule"]["spec"]
    alerts = [rule for group in found["groups"] for rule in group["rules"] if "alert" in rule]
    runbooks = {rule["alert"]: rule["annotations"].pop("runbook_url") for rule in alerts}
    assert runbooks == {name: f"{base}docs/runbook.md#{name.lower()}" for name in runbooks}
    assert all(rule["annotations"] for rule in alerts)


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(operated(EVERYTHING)["PrometheusRule"]["spec"]))
    command = [program("promtool"), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_job_has_the_name_that_the_rules_use_whatever_the_release_is_called() -> None:
    manifests = rendered(MONITORED)
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    (job,) = [each["job_name"] for each in config["scrape_configs"] if "dns_sd_configs" in each]
    monitor = manifests["ServiceMonitor"]["spec"]
    assert manifests["Service"]["metadata"]["name"] != job
    assert manifests["Service"]["metadata"]["labels"][monitor["jobLabel"]] == job


def test_replicas_are_scraped_as_often_as_the_rules_count_on() -> None:
    (endpoint,) = rendered(MONITORED)["ServiceMonitor"]["spec"]["endpoints"]
    stated = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]
    assert endpoint["interval"] == stated["scrape_interval"]
    assert endpoint["scrapeTimeout"] == stated["scrape_timeout"]


def test_the_operators_labels_hide_none_of_the_metrics() -> None:
    assert {label for labels in KNOWN.values() for label in labels} & TARGET_LABELS == set()


def test_both_carry_the_labels_that_prometheus_selects_by() -> None:
    for manifest in operated(EVERYTHING).values():
        assert manifest["metadata"]["labels"]["release"] == "kube-prometheus-stack"
