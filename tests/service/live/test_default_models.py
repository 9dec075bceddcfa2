"""The models in git answer what the README asks them, and rightly."""

import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from export.data.dataset import DataSource
from export.data.idx_datasets import DATASETS, find_part
from export.data.scenes import open_scenes
from export.recipes.fashion_scenes import SHARED
from tests.service.live.level_masks import opened
from tests.service.live.running import ROOT, Service, running_service

ASKED = re.findall(
    r'^    curl --data-binary @(\S+) "?http://127\.0\.0\.1:3000(/[^"\s]+)"?( --output \S+\.png)?$',
    (ROOT / "README.md").read_text(),
    re.MULTILINE,
)

SAMPLES = {
    "/classify": "tests/data/seven.png",
    "/cam": "tests/data/seven.png",
    "/segment": "tests/data/scene.png",
}


@pytest.fixture(scope="module")
def defaults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("defaults"), ROOT / "model_repository") as service:
        yield service


def asked(service: Service, path: str, file: str) -> httpx.Response:
    return httpx.post(service.url + path, content=(ROOT / file).read_bytes(), timeout=20).raise_for_status()


def test_the_readme_asks_for_classes_maps_and_masks() -> None:
    assert {path.split("?")[0].rpartition("/")[2] for _, path, _ in ASKED} == {"classify", "cam", "segment"}


@pytest.mark.parametrize(("file", "path", "kept"), ASKED)
def test_the_commands_of_the_readme_are_answered(defaults: Service, file: str, path: str, kept: str) -> None:
    answer = asked(defaults, path, file)
    if kept:
        assert opened(answer.content).size == opened((ROOT / file).read_bytes()).size
    else:
        assert answer.json()["predictions"][0]["score"] > 0.9


@pytest.mark.parametrize(
    ("path", "file", "label"),
    [
        ("lenet5/classify", "seven.png", "7"),
        ("mnist_cnn/classify", "seven.png", "7"),
        ("lenet5/classify?polarity=auto", "seven_on_paper.jpg", "7"),
        ("resnet20/classify", "boot.png", "Ankle boot"),
    ],
)
def test_a_sample_gets_its_class(defaults: Service, path: str, file: str, label: str) -> None:
    assert asked(defaults, f"/v1/models/{path}", f"tests/data/{file}").json()["predictions"][0]["label"] == label


def test_the_sample_scene_gets_its_mask(defaults: Service) -> None:
    if find_part(DATASETS["fashion-mnist"], "test", None) is None:
        pytest.skip("the Fashion-MNIST files are not here; CONVOY_DATA names their folder")
    answer = asked(defaults, "/v1/models/unet/segment", "tests/data/scene.png")
    mask = np.asarray(opened(answer.content))
    truth = open_scenes("test", DataSource(), share=SHARED.validation_share, seed=SHARED.seed).read(0).mask
    assert np.unique(truth).size > 2
    assert np.mean(mask == truth) > 0.9


def test_the_page_offers_models_that_are_there(defaults: Service) -> None:
    paths = httpx.get(defaults.url + "/openapi.json", timeout=20).json()["paths"]
    offered = {
        path.format(name=parameter["example"], version=1)
        for path, item in paths.items()
        for operation in item.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "name"
    }
    asked_of = {path: file for path in offered for end, file in SAMPLES.items() if path.endswith(end)}
    assert len(asked_of) == 6
    for path, file in asked_of.items():
        asked(defaults, path, file)


def test_every_default_is_at_most_four_megabytes() -> None:
    sizes = {file.parts[-3]: file.stat().st_size for file in (ROOT / "model_repository").glob("*/*/model.onnx")}
    assert sizes.keys() == {"lenet5", "mnist_cnn", "resnet20", "unet"}
    assert max(sizes.values()) <= 4_000_000
