"""The page about Kubernetes: its values exist, its commands render, its manifests are manifests."""

import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from service import __version__
from service.settings import PREFIX, Settings
from tests.deploy.helm_chart import CHART, VERSIONS, helm, validated
from tests.deploy.rule_files import DEPLOY

PAGE = (DEPLOY.parent / "docs/kubernetes.md").read_text()
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)]


def named_values() -> set[str]:
    """What stands between backticks and begins as a value of the chart does, without what it is set to."""
    top = "|".join(yaml.safe_load((CHART / "values.yaml").read_text()))
    return set(re.findall(rf"`((?:{top})(?:\.\w+)*)(?:=[^`]*)?`", PAGE))


def test_every_value_that_it_names_exists() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    values["settings"] = {PREFIX + name.upper(): None for name in Settings.model_fields}
    assert len(named_values()) > 15
    for name in named_values():
        found: Any = values
        for part in name.split("."):
            assert part in found, name
            found = found[part]


def test_what_it_sets_is_taken_by_the_chart() -> None:
    assignments = re.findall(r"(?:--set |`)([a-z]\w*(?:\.\w+)+=[^\s`]+)", PAGE)
    assert len(assignments) > 8
    done = helm("template", "convoy", str(CHART), *(part for each in assignments for part in ("--set", each)))
    assert done.returncode == 0, done.stderr
    assert f"registry.example.org/convoy:{__version__}-cuda" in done.stdout


def test_its_manifests_have_the_schema_of_their_kind(tmp_path: Path) -> None:
    (manifests,) = [block for block in BLOCKS if block.startswith("apiVersion")]
    for version in VERSIONS:
        done = validated(tmp_path, manifests, version)
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("passed for resource") == len(list(yaml.safe_load_all(manifests))) == 2


def test_the_publisher_writes_the_volume_that_the_pods_read() -> None:
    (manifests,) = [block for block in BLOCKS if block.startswith("apiVersion")]
    claim, publisher = yaml.safe_load_all(manifests)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    (volume,) = publisher["spec"]["volumes"]
    assert (
        volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"] == values["models"]["existingClaim"]
    )


def test_the_images_have_the_version_of_the_service() -> None:
    assert set(re.findall(r"(\d+\.\d+\.\d+)(?:-cuda)?[ `]", PAGE)) == {__version__}
