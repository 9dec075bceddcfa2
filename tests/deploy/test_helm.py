"""The Helm chart: Kubernetes has schemas for what it renders, its parts find each other, wrong values are refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import __version__
from service.settings import PREFIX, Settings, misspelled_names
from tests.deploy.helm_chart import (
    CHART,
    EVERYTHING,
    MONITORED,
    VERSIONS,
    container,
    environment,
    helm,
    pod,
    refusal,
    rendered,
    rendered_text,
    validated,
)
from tests.deploy.rule_files import DEPLOY

ROOT = DEPLOY.parent
# What the Prometheus operator defines, which test_helm_operator.py looks at.
OPERATOR = {"ServiceMonitor", "PrometheusRule"}
OF_THE_CHART = {"port", "repository"}
# All addresses of a pod: on any other one neither the probes nor the Service would find it.
EVERY_ADDRESS = {"enum": ["0.0.0.0", "::"]}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_finds_nothing_to_complain_about(values: dict[str, Any]) -> None:
    done = helm("lint", "--strict", str(CHART), values=values)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_manifest_has_the_schema_of_its_kind(tmp_path: Path, values: dict[str, Any], version: str) -> None:
    done = validated(tmp_path, rendered_text(values), version)
    assert done.returncode == 0, done.stdout
    passed = set(re.findall(r"passed for resource (\w+)/", done.stdout))
    assert passed == {kind.lower() for kind in rendered(values).keys() - OPERATOR}


def test_a_misspelled_field_is_found_by_the_schema(tmp_path: Path) -> None:
    done = validated(tmp_path, rendered_text({}).replace("readinessProbe", "readinesProbe"), VERSIONS[-1])
    assert done.returncode != 0
    assert "readinesProbe" in done.stdout


def test_the_defaults_are_two_pods_a_service_and_a_budget_and_nothing_that_has_to_be_installed_first() -> None:
    assert rendered({}).keys() == {"Deployment", "Service", "PodDisruptionBudget"}
    assert rendered({})["Deployment"]["spec"]["replicas"] == 2
    added = {"Ingress", "HorizontalPodAutoscaler", "ServiceMonitor", "PrometheusRule"}
    assert rendered(EVERYTHING).keys() - rendered({}).keys() == added


def test_the_parts_find_each_other_by_names_and_labels() -> None:
    manifests = rendered(EVERYTHING)
    assert {each["metadata"]["name"] for each in manifests.values()} == {"prod-convoy"}
    selector = manifests["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector["app.kubernetes.io/instance"] == "prod"
    assert manifests["Deployment"]["spec"]["template"]["metadata"]["labels"] == selector
    assert manifests["Service"]["spec"]["selector"] == selector
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == selector
    assert pod(manifests)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == selector
    monitor = manifests["ServiceMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= manifests["Service"]["metadata"]["labels"].items()
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "prod-convoy"}
    (paths,) = [rule["http"]["paths"] for rule in manifests["Ingress"]["spec"]["rules"]]
    assert {path["backend"]["service"]["name"] for path in paths} == {"prod-convoy"}


def test_ports_are_known_by_name_all_the_way_to_the_container() -> None:
    manifests = rendered(EVERYTHING)
    (port,) = container(manifests)["ports"]
    assert str(port["containerPort"]) == environment(manifests)["CONVOY_PORT"]
    (served,) = manifests["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    probes = [container(manifests)[f"{name}Probe"]["httpGet"]["port"] for name in ("startup", "readiness", "liveness")]
    assert set(probes) == {port["name"]}
    backends = [path["backend"] for path in manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"]]
    asked = [backend["service"]["port"]["name"] for backend in backends]
    scraped = [endpoint["port"] for endpoint in manifests["ServiceMonitor"]["spec"]["endpoints"]]
    assert {*asked, *scraped} == {served["name"]}


def test_a_pod_is_given_more_time_than_the_pause_and_its_running_requests_need() -> None:
    for values, drain_s in (({}, Settings().drain_s), (EVERYTHING, 120)):
        manifests = rendered(values)
        assert int(environment(manifests)["CONVOY_DRAIN_S"]) == drain_s
        pause_s = container(manifests)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause_s > 0
        assert pod(manifests)["terminationGracePeriodSeconds"] > pause_s + drain_s


def test_a_pod_is_confined_as_a_container_of_the_compose_file_is() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-replica"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    manifests = rendered({})
    own, whole = container(manifests)["securityContext"], pod(manifests)["securityContext"]
    assert own["readOnlyRootFilesystem"] is compose["read_only"] is True
    assert own["capabilities"]["drop"] == compose["cap_drop"] == ["ALL"]
    assert (own["allowPrivilegeEscalation"], "no-new-privileges:true" in compose["security_opt"]) == (False, True)
    assert f"USER {whole['runAsUser']}:{whole['runAsGroup']}\n" in dockerfile
    assert whole["runAsNonRoot"] is True
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(manifests)["automountServiceAccountToken"] is False
    volumes = {each["name"]: each for each in pod(manifests)["volumes"]}
    mounts = {each["mountPath"]: each for each in container(manifests)["volumeMounts"]}
    assert mounts.keys() == {"/tmp", environment(manifests)["CONVOY_REPOSITORY"]}
    assert "emptyDir" in volumes[mounts["/tmp"]["name"]]
    assert mounts["/models"]["readOnly"] is True
    assert volumes[mounts["/models"]["name"]]["persistentVolumeClaim"] == {
        "claimName": "convoy-models",
        "readOnly": True,
    }


def test_the_variables_that_kubernetes_makes_of_the_name_of_a_service_stay_out_of_the_pod() -> None:
    # Of a service called convoy it would make CONVOY_PORT=tcp://10.0.0.1:80.
    assert pod(rendered({}))["enableServiceLinks"] is False


def test_settings_reach_the_service_as_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = environment(rendered(EVERYTHING))
    assert misspelled_names(variables) == []
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    assert (settings.drain_s, settings.deadline_s, settings.max_body_bytes) == (120, 2.5, 67_108_864)
    assert (settings.required_models, settings.access_log) == (("lenet5", "resnet20"), False)


def test_the_schema_of_the_settings_is_that_of_the_service() -> None:
    stated = schema()["properties"]["settings"]["properties"]
    own = Settings.model_json_schema()["properties"]
    assert stated.keys() == {PREFIX + name.upper() for name in own.keys() - OF_THE_CHART}
    assert stated["CONVOY_HOST"] == EVERY_ADDRESS
    for name in own.keys() - OF_THE_CHART - {"host"}:
        (field,) = [each for each in own[name].get("anyOf", [own[name]]) if each["type"] != "null"]
        limits = {"minimum", "maximum", "exclusiveMinimum", "enum"} & field.keys()
        # A list is written with commas.
        of_type = field["type"] if field["type"] != "array" else "string"
        assert stated[PREFIX + name.upper()] == {"type": of_type, **{limit: field[limit] for limit in limits}}


def test_every_value_has_a_default_and_a_schema() -> None:
    def compare(values: dict[str, Any], properties: dict[str, Any]) -> None:
        assert values.keys() == properties.keys()
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in properties[name]:
                compare(value, properties[name]["properties"])

    properties = schema()["properties"]
    # Helm's own, for charts within charts; and settings are not repeated as defaults.
    del properties["global"], properties["settings"]["properties"]
    compare(yaml.safe_load((CHART / "values.yaml").read_text()), properties)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 3}, "replica"),
        ({"replicas": "three"}, "replicas"),
        ({"settings": {"CONVOY_QUEUE_SIZ": 8}}, "CONVOY_QUEUE_SIZ"),
        ({"settings": {"CONVOY_WORKERS": 0}}, "CONVOY_WORKERS"),
        ({"settings": {"CONVOY_PORT": 8000}}, "CONVOY_PORT"),
        ({"settings": {"CONVOY_HOST": "127.0.0.1"}}, "CONVOY_HOST"),
        ({"settings": {"CONVOY_DRAIN_S": None}}, "CONVOY_DRAIN_S"),
        ({"models": {"existingClaim": ""}}, "existingClaim"),
        ({"rollout": {"maxSurge": 0}}, "maxSurge"),
        ({"gpu": {"enabled": True, "count": 0}}, "count"),
        ({"service": {"type": "Cluster"}}, "type"),
        ({"autoscaling": {"enabled": True, "cpuUtilization": None}}, "cpuUtilization"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas"),
        ({"autoscaling": {"enabled": True}, "resources": {"requests": None, "limits": None}}, "resources.requests.cpu"),
        ({"monitoring": {"runbookBaseUrl": "git.example.org"}}, "runbookBaseUrl"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_value_that_cannot_work_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    assert named in refusal(values)


def test_a_card_brings_its_image_its_limit_and_a_provider_that_does_not_fall_back() -> None:
    manifests = rendered(EVERYTHING)
    assert container(manifests)["image"] == f"registry.example.org/convoy:{__version__}-cuda"
    assert container(manifests)["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert environment(manifests)["CONVOY_PROVIDER"] == "cuda"
    assert pod(manifests)["runtimeClassName"] == "nvidia"
    assert container(rendered({}))["image"] == f"convoy:{__version__}"
    assert "CONVOY_PROVIDER" not in environment(rendered({}))
    told = {"gpu": {"enabled": True}, "settings": {"CONVOY_PROVIDER": "auto"}}
    assert environment(rendered(told))["CONVOY_PROVIDER"] == "auto"


def test_the_autoscaler_decides_alone_and_by_what_it_was_told() -> None:
    cpu = rendered({"autoscaling": {"enabled": True}})
    assert "replicas" not in cpu["Deployment"]["spec"]
    (metric,) = cpu["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"
    resources = container(cpu)["resources"]
    assert resources["requests"]["cpu"] == resources["limits"]["cpu"]
    # Kubernetes takes the limit for the request then.
    assert "HorizontalPodAutoscaler" in rendered({"autoscaling": {"enabled": True}, "resources": {"requests": None}})
    queue = {"autoscaling": {"enabled": True, "cpuUtilization": None, "queueDepth": 4}}
    by_queue = rendered({**queue, "resources": {"requests": None, "limits": None}})
    (metric,) = by_queue["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "4"}


def test_the_notes_say_where_the_service_is_and_where_its_models_come_from() -> None:
    done = helm("install", "prod", str(CHART), "--dry-run=client", "--namespace", "vision", values={})
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "http://prod-convoy.vision:80" in notes
    assert "convoy-models" in notes


def test_a_release_that_is_called_convoy_is_not_called_so_twice() -> None:
    done = helm("template", "convoy", str(CHART), values=MONITORED)
    named = {each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout) if each}
    assert named == {"convoy"}


def schema() -> dict[str, Any]:
    """The schema of the values."""
    found: dict[str, Any] = yaml.safe_load((CHART / "values.schema.json").read_text())
    return found
