"""`bentoml build` packs a service that runs from what was packed."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.service.inference.pictures import encode, photo
from tests.service.live.running import ROOT, running_service, service_environment
from tests.service.tiny_artifact import write_tiny_artifact


def test_a_bento_is_built_and_serves(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write_tiny_artifact(repository, name="tiny")
    environment = service_environment(tmp_path, repository) | {"BENTOML_DO_NOT_TRACK": "True"}
    build = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120)
    tag = built.stdout.strip().removeprefix("__tag__:")
    packed = tmp_path / "home" / "bentos" / tag.replace(":", "/")
    described = yaml.safe_load((packed / "bento.yaml").read_text())
    assert described["service"] == "service.app:Convoy"
    assert {each["name"] for each in described["envs"]} == {"CONVOY_HOST", "CONVOY_REPOSITORY"}
    files = {str(path.relative_to(packed / "src")) for path in (packed / "src").rglob("*.py")}
    assert files == {str(path.relative_to(ROOT)) for path in (ROOT / "service").rglob("*.py")}
    with (
        running_service(tmp_path, repository, module=("bentoml", "serve", tag), within=tmp_path) as service,
        service.client() as client,
    ):
        answer = client.post("/v1/models/tiny/classify", content=encode(photo(40, 30), "PNG"))
        assert answer.status_code == 200, answer.text
