"""The compose file as docker-compose reads it: settings reach replicas, and parts are stopped and built in order."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import PREFIX, Settings
from tests.deploy.rule_files import DEPLOY
from tests.service.live.running import service_environment

ROOT = DEPLOY.parent
EXAMPLE = (ROOT / ".env.example").read_text()
REPLICAS = ("convoy", "convoy-gpu")
# Two are the image's, and the port that is published is the load balancer's.
NOT_OF_A_REPLICA = {"CONVOY_HOST", "CONVOY_REPOSITORY", "CONVOY_PORT"}


def services(folder: Path, settings: dict[str, str]) -> dict[str, Any]:
    """All services, with `settings` as the file .env; without docker-compose the test is skipped."""
    path = shutil.which("docker-compose")
    if path is None:
        pytest.skip("docker-compose is not installed (Debian's package docker-compose has it)")
    file = folder / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = [path, "--env-file", str(file), "--file", str(ROOT / "docker-compose.yml")]
    command += ["--profile", "gpu", "--profile", "loadtest", "config"]
    # A variable of the shell would win over the file.
    environment = {
        name: value for name, value in service_environment(folder, folder).items() if not name.startswith(PREFIX)
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


@pytest.fixture(scope="module")
def defaults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return services(tmp_path_factory.mktemp("compose"), {})


def given(service: dict[str, Any]) -> dict[str, str]:
    """The variables that have a value."""
    return {name: value for name, value in service.get("environment", {}).items() if value is not None}


def seconds(duration: str) -> float:
    """A duration as compose files have it."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", duration))


def test_every_setting_of_a_replica_reaches_it_from_the_file_env(tmp_path: Path) -> None:
    documented = set(re.findall(r"^\| `(CONVOY_\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    settings = {name: f"value-of-{name}" for name in documented - NOT_OF_A_REPLICA}
    assert len(settings) > 15
    settings["CONVOY_DRAIN_S"] = "90"
    found = services(tmp_path, settings)
    assert given(found["convoy"]) == settings
    assert given(found["convoy-gpu"]) == {**settings, "CONVOY_PROVIDER": "cuda"}


def test_what_is_not_set_is_left_to_the_services_own_defaults(defaults: dict[str, Any]) -> None:
    assert given(defaults["convoy"]) == {}
    assert given(defaults["convoy-gpu"]) == {"CONVOY_PROVIDER": "cuda"}


def test_a_stop_waits_longer_than_running_requests_may_take(tmp_path: Path, defaults: dict[str, Any]) -> None:
    for found, drain_s in ((defaults, Settings().drain_s), (services(tmp_path, {"CONVOY_DRAIN_S": "90"}), 90)):
        for name in (*REPLICAS, "loadbalancer"):
            period = found[name]["stop_grace_period"]
            assert seconds(period) == drain_s + 60
            # Compose 1 makes of milliseconds a fraction, which engines refuse.
            assert re.fullmatch(r"(\d+[hms])+", period)


def test_the_load_balancer_is_stopped_before_the_replicas(defaults: dict[str, Any]) -> None:
    assert set(defaults["loadbalancer"]["depends_on"]) == {"convoy"}
    assert defaults["loadbalancer"]["stop_signal"] == "SIGUSR1"


def test_the_time_that_the_load_balancer_waits_can_be_set(tmp_path: Path, defaults: dict[str, Any]) -> None:
    longer = services(tmp_path, {"LOADBALANCER_TIMEOUT": "130s", "CONVOY_UPLOAD_TIMEOUT_S": "60"})
    told = [given(each["loadbalancer"]) for each in (defaults, longer)]
    assert [each["LOADBALANCER_TIMEOUT"] for each in told] == ["70s", "130s"]
    assert [each["CONVOY_UPLOAD_TIMEOUT_S"] for each in told] == ["30", "60"]


def test_how_many_replicas_there_are_stands_in_the_file_env(tmp_path: Path, defaults: dict[str, Any]) -> None:
    many = services(tmp_path, {"CONVOY_REPLICAS": "3"})
    none = services(tmp_path, {"CONVOY_REPLICAS": "0"})
    assert [each["convoy"]["scale"] for each in (defaults, many, none)] == [1, 3, 0]
    assert "scale" not in none["convoy-gpu"]


def test_images_can_have_any_name_and_each_is_built_once(tmp_path: Path, defaults: dict[str, Any]) -> None:
    images = {
        "CONVOY_IMAGE": "registry.example.org/convoy:0.1.0",
        "CONVOY_IMAGE_CUDA": "registry.example.org/convoy:0.1.0-cuda",
        "CONVOY_IMAGE_LOCUST": "registry.example.org/locust:0.1.0",
    }
    found = services(tmp_path, images)
    assert [found[name]["image"] for name in (*REPLICAS, "locust")] == list(images.values())
    for each in (defaults, found):
        built = [service["image"] for service in each.values() if "build" in service]
        assert len(built) == len(set(built)) == 3
        assert each["locust-worker"]["image"] == each["locust"]["image"]


def test_every_service_is_confined_and_limited_in_memory_processor_and_log(defaults: dict[str, Any]) -> None:
    for name, service in defaults.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["cpus"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name


def test_the_example_shows_the_defaults_and_nothing_that_has_no_effect() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown.keys() >= set(re.findall(r"\$\{(\w+)", compose))
    own = {PREFIX + name.upper(): field.default for name, field in Settings.model_fields.items()}
    for name, value in shown.items():
        stated = set(re.findall(rf"\$\{{{name}:-([^}}]*)\}}", compose))
        if f"  {name}:\n" in compose:
            default = own[name]
            whole = isinstance(default, float) and default.is_integer()
            stated.add("" if default in (None, ()) else str(int(default) if whole else default).lower())
        assert stated == {value}, name


def test_the_page_about_the_deployment_names_what_can_be_set_and_stops_as_the_file_does() -> None:
    page = (ROOT / "docs/deployment.md").read_text()
    shown = set(re.findall(r"^#([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", page))
    assert len(named) > 10
    assert named <= shown | {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"docker stop -t (\d+) ", page)) == {str(Settings().drain_s + 10)}
