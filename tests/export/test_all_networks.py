"""Every network of the catalogue goes the whole way: a file of weights, a version, and answers of a running service.

The weights are random, with statistics of batch normalisation from noise. Networks for pictures of 224 pixels get 64
here, which the layers do not mind. Of the VGG networks one keeps its head of 120 million weights; the others, whose
convolutions differ, have the head of the small form: the files would fill gigabytes with the same thing.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from benchmarks.parity import settle
from export.errors import StageError
from export.public_weights.bring import bring
from export.recipes import CLASSIFIERS
from models import MODELS, build_model
from models.classifier import Classifier
from service.inference.heatmap import normalise_map
from service.inference.image import PIXELS_AT_MOST, decode_image
from service.inference.preprocess import preprocess
from tests.service.inference.pictures import encode, photo
from tests.service.live.running import Service, running_service

CLASSES = ("ash", "beech", "cedar", "date palm", "elm")
GRAY = ("lenet5", "mnist_cnn", "resnet20", "densenet_bc_100_12")
"""Small networks that take what their recipe takes."""
SMALL_HEAD = ("vgg19", "vgg16_bn", "vgg19_bn")
EDGE_PX = 64
COLOUR_INPUT: dict[str, Any] = {
    "preprocessing": {"height": EDGE_PX, "width": EDGE_PX, "resize": "stretch", "colour": "rgb"},
    "pixel_mean": [0.5, 0.5, 0.5],
    "pixel_std": [0.25, 0.25, 0.25],
}
_LOAD_S = 400.0


@dataclass(frozen=True)
class Expected:
    """What torch answers to the picture."""

    scores: NDArray[np.float32]
    cam: NDArray[np.float32]
    """Of the best class, (h, w), as the service shows it."""
    method: str


class Catalogue:
    """A repository that networks are brought into, each once."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.picture = encode(photo(80, 70), "PNG")
        self._folder = folder
        self._expected: dict[str, Expected] = {}
        (folder / "labels.json").write_text(json.dumps(CLASSES))
        (folder / "input.json").write_text(json.dumps(COLOUR_INPUT))

    def published(self, name: str) -> Path:
        """The folder of the network's only version."""
        return self.repository / name / "1"

    def bring(self, name: str) -> Expected:
        """Publish the network out of a file, unless that has been done; what torch answers to the picture."""
        if name not in self._expected:
            self._expected[name] = self._bring(name)
        return self._expected[name]

    def _bring(self, name: str) -> Expected:
        gray = name in GRAY
        options = {"stem": "small"} if name in SMALL_HEAD else {}
        torch.manual_seed(0)
        network = build_model(name, num_classes=len(CLASSES), in_channels=1 if gray else 3, **options)
        assert isinstance(network, Classifier)
        settle(network, (EDGE_PX, EDGE_PX, 3) if not gray else (*MODELS[name].input_px, 1))
        file = self._folder / ("weights.safetensors" if gray else "weights.pth")
        (save_file if gray else torch.save)(network.state_dict(), file)
        brought = bring(
            name,
            file,
            self.repository,
            name=name,
            labels_file=self._folder / "labels.json",
            input_file=None if gray else self._folder / "input.json",
        )
        file.unlink()
        blueprint = brought.blueprint
        assert blueprint.options == options
        pixels = preprocess(decode_image(self.picture, max_pixels=PIXELS_AT_MOST), blueprint.preprocessing)
        with torch.inference_mode():
            # The network that the file was made from, not the one that was read from it.
            logits, cam = blueprint.exported_graph(network)(torch.from_numpy(pixels.copy())[None], torch.tensor([-1]))
        return Expected(
            scores=logits.softmax(dim=1)[0].numpy(), cam=normalise_map(cam[0].numpy()), method=network.cam_method
        )


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    # pytest would keep the folders of its last three runs.
    with tempfile.TemporaryDirectory(prefix="convoy-networks-") as folder:
        yield Catalogue(Path(folder))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_file_of_weights_becomes_a_version(catalogue: Catalogue, name: str) -> None:
    catalogue.bring(name)
    files = {path.name: path.stat().st_size for path in catalogue.published(name).iterdir()}
    beside = {"model.onnx.data"} if sum(files.values()) > 64 * 2**20 else set()
    assert files.keys() == {"README.md", "model.onnx"} | beside
    card = (catalogue.published(name) / "README.md").read_text()
    assert "| Accuracy on the test images | not measured |" in card
    assert f"# {name}\n" in card


@pytest.fixture(scope="module")
def service(catalogue: Catalogue) -> Iterator[Service]:
    """One service over all networks."""
    for name in CLASSIFIERS:
        # The tests above tell of a network that could not be published.
        with suppress(StageError):
            catalogue.bring(name)
    with (
        tempfile.TemporaryDirectory(prefix="convoy-service-") as folder,
        running_service(Path(folder), catalogue.repository, ready=False, access_log=False) as service,
        service.client() as client,
    ):
        ends = time.monotonic() + _LOAD_S
        while client.get("/readyz").status_code != 200 and time.monotonic() < ends:
            time.sleep(0.2)
        yield service


def test_one_service_holds_all_networks(service: Service) -> None:
    with service.client() as client:
        models = client.get("/v1/models").json()["models"]
    assert {model["name"]: (model["state"], model["reason"]) for model in models} == dict.fromkeys(
        CLASSIFIERS, ("ready", None)
    )


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_service_answers_what_torch_answers(catalogue: Catalogue, client: httpx.Client, name: str) -> None:
    expected = catalogue.bring(name)
    answer = client.post(f"/v1/models/{name}/classify", params={"top_k": len(CLASSES)}, content=catalogue.picture)
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    scores = {prediction["label"]: prediction["score"] for prediction in predictions}
    np.testing.assert_allclose([scores[label] for label in CLASSES], expected.scores, atol=1e-4)

    answer = client.post(f"/v1/models/{name}/cam", params={"format": "json"}, content=catalogue.picture)
    assert answer.status_code == 200
    explained = answer.json()
    assert explained["method"] == expected.method
    assert explained["target"]["index"] == int(expected.scores.argmax())
    assert (explained["height"], explained["width"]) == expected.cam.shape
    np.testing.assert_allclose(explained["cam"], expected.cam, atol=1e-3)
