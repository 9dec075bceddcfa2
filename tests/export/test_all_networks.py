"""Every network of the catalogue goes the whole way: a file of weights, a version, and answers of a running service.

The weights are random, with statistics of batch normalisation from noise. Networks for pictures of 224 pixels get 64
here, which the layers do not mind. Of the VGG networks one keeps its head of 120 million weights; the others, whose
convolutions differ, have the head of the small form: the files would fill gigabytes with the same thing. Segmenters are
narrow, but for FCN-ResNet50, which has no other form.
"""

import io
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
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.parity import settle
from export.errors import StageError
from export.public_weights.bring import bring
from export.recipes import CLASSIFIERS, RECIPES, SEGMENTERS
from models import MODELS, build_model
from models.classifier import Classifier
from models.network import Network
from service.inference.heatmap import normalise_map
from service.inference.image import PIXELS_AT_MOST, decode_image
from service.inference.preprocess import preprocess
from tests.service.inference.pictures import encode, photo
from tests.service.live.running import Service, running_service

CLASSES = ("ash", "beech", "cedar", "date palm", "elm")
GRAY = ("lenet5", "mnist_cnn", "resnet20", "densenet_bc_100_12")
"""Small networks that take what their recipe takes."""
_NARROW_FCN: dict[str, Any] = {"stem": "small", "normalised": True, "head_width": 16}
OPTIONS: dict[str, dict[str, Any]] = {
    **{name: {"stem": "small"} for name in ("vgg19", "vgg16_bn", "vgg19_bn")},
    **dict.fromkeys(("fcn32s", "fcn16s", "fcn8s"), _NARROW_FCN),
    "unet": {"width": 8, "depth": 2},
    "unet_xception": {"widths": [16, 24]},
}
"""All of them are read off the shapes again."""
EDGE_PX = 64
COLOUR_INPUT: dict[str, Any] = {
    "preprocessing": {"height": EDGE_PX, "width": EDGE_PX, "resize": "stretch", "colour": "rgb"},
    "pixel_mean": [0.5, 0.5, 0.5],
    "pixel_std": [0.25, 0.25, 0.25],
}
FREE_INPUT: dict[str, Any] = {
    **COLOUR_INPUT,
    "preprocessing": {
        "height": None,
        "width": None,
        "resize": "shortest",
        "shortest_edge": EDGE_PX,
        "longest_edge": 2 * EDGE_PX,
        "colour": "rgb",
    },
}
PICTURE_PX = (70, 80)
_LOAD_S = 400.0


@dataclass(frozen=True)
class Expected:
    """What torch answers to the picture."""

    logits: NDArray[np.float32]
    """(classes,), or (classes, height, width) at the size of the picture."""
    cam: NDArray[np.float32] | None
    """Of the best class, (h, w), as the service shows it; None for segmenters."""
    method: str | None


class Catalogue:
    """A repository that networks are brought into, each once."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.picture = encode(photo(*PICTURE_PX[::-1]), "PNG")
        self._folder = folder
        self._expected: dict[str, Expected] = {}
        (folder / "labels.json").write_text(json.dumps(CLASSES))
        (folder / "input.json").write_text(json.dumps(COLOUR_INPUT))
        (folder / "free.json").write_text(json.dumps(FREE_INPUT))

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
        options = OPTIONS.get(name, {})
        torch.manual_seed(0)
        network = build_model(name, num_classes=len(CLASSES), in_channels=1 if gray else 3, **options)
        assert isinstance(network, Network)
        for parameter in network.parameters():
            if name in SEGMENTERS and parameter.ndim > 1 and not parameter.any():
                # Scores that begin at zero say nothing, and are not published.
                nn.init.normal_(parameter, std=0.1)
        settle(network, (EDGE_PX, EDGE_PX, 3) if not gray else (*MODELS[name].input_px, 1))
        file = self._folder / ("weights.safetensors" if gray else "weights.pth")
        (save_file if gray else torch.save)(network.state_dict(), file)
        colour_input = self._folder / ("free.json" if name in SEGMENTERS else "input.json")
        brought = bring(
            name,
            file,
            self.repository,
            name=name,
            labels_file=self._folder / "labels.json",
            input_file=None if gray else colour_input,
        )
        file.unlink()
        blueprint = brought.blueprint
        assert blueprint.options == options
        pixels = preprocess(decode_image(self.picture, max_pixels=PIXELS_AT_MOST), blueprint.preprocessing)
        image = torch.from_numpy(pixels.copy())[None]
        # The network that the file was made from, not the one that was read from it.
        graph = blueprint.exported_graph(network)
        with torch.inference_mode():
            if isinstance(network, Classifier):
                logits, cam = graph(image, torch.tensor([-1]))
                return Expected(logits[0].numpy(), normalise_map(cam[0].numpy()), network.cam_method)
            logits = F.interpolate(graph(image), size=PICTURE_PX, mode="bilinear", antialias=True)
            return Expected(logits[0].numpy(), None, None)


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    # pytest would keep the folders of its last three runs.
    with tempfile.TemporaryDirectory(prefix="convoy-networks-") as folder:
        yield Catalogue(Path(folder))


@pytest.mark.parametrize("name", RECIPES)
def test_a_file_of_weights_becomes_a_version(catalogue: Catalogue, name: str) -> None:
    catalogue.bring(name)
    files = {path.name: path.stat().st_size for path in catalogue.published(name).iterdir()}
    beside = {"model.onnx.data"} if sum(files.values()) > 64 * 2**20 else set()
    assert files.keys() == {"README.md", "model.onnx"} | beside
    card = (catalogue.published(name) / "README.md").read_text()
    score = "Mean IoU" if name in SEGMENTERS else "Accuracy"
    assert f"| {score} on the test images | not measured |" in card
    assert f"# {name}\n" in card


@pytest.fixture(scope="module")
def service(catalogue: Catalogue) -> Iterator[Service]:
    """One service over all networks."""
    for name in RECIPES:
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
        RECIPES, ("ready", None)
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
    expected_scores = torch.from_numpy(expected.logits).softmax(dim=0).numpy()
    np.testing.assert_allclose([scores[label] for label in CLASSES], expected_scores, atol=1e-4)

    answer = client.post(f"/v1/models/{name}/cam", params={"format": "json"}, content=catalogue.picture)
    assert answer.status_code == 200
    explained = answer.json()
    assert expected.cam is not None
    assert explained["method"] == expected.method
    assert explained["target"]["index"] == int(expected.logits.argmax())
    assert (explained["height"], explained["width"]) == expected.cam.shape
    np.testing.assert_allclose(explained["cam"], expected.cam, atol=1e-3)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_the_service_answers_with_torch_s_mask(catalogue: Catalogue, client: httpx.Client, name: str) -> None:
    expected = catalogue.bring(name).logits
    answer = client.post(f"/v1/models/{name}/segment", content=catalogue.picture)
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as png:
        mask = np.asarray(png)
    assert mask.shape == PICTURE_PX
    assert mask.dtype == np.uint8
    assert len(np.unique(mask)) > 1
    first, second = np.sort(expected, axis=0)[:-3:-1]
    # Where two classes are as likely as each other, either may be answered.
    is_clear = first - second > 1e-3 * np.abs(expected).max()
    assert is_clear.mean() > 0.98
    np.testing.assert_array_equal(mask[is_clear], expected.argmax(axis=0)[is_clear])
