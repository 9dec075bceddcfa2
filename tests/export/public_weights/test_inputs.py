"""A file that says how pictures are prepared: read, or refused in one sentence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from export.errors import BadWeights
from export.public_weights.inputs import Input, read_input

CIFAR: dict[str, Any] = {
    "preprocessing": {"height": 32, "width": 32, "resize": "stretch", "colour": "rgb"},
    "pixel_mean": [0.49, 0.48, 0.45],
    "pixel_std": [0.2, 0.2, 0.2],
}
GRAY: dict[str, Any] = {
    "preprocessing": {"height": 32, "width": 32, "resize": "pad", "shortest_edge": 28, "colour": "gray"},
    "pixel_mean": [0],
    "pixel_std": [1],
}
SCENES: dict[str, Any] = {
    "preprocessing": {
        "height": None,
        "width": None,
        "resize": "shortest",
        "shortest_edge": 96,
        "longest_edge": 384,
        "colour": "gray",
    },
    "pixel_mean": [0.3],
    "pixel_std": [0.3],
}


def with_picture(of: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {**of, "preprocessing": {**of["preprocessing"], **changes}}


@pytest.mark.parametrize(
    "content",
    [
        CIFAR,
        GRAY,
        {**CIFAR, "pixel_mean": [0, 0.5, 1], "pixel_std": [1 / 255, 0.001, 1]},
        with_picture(GRAY, polarity="light-on-dark"),
        with_picture(GRAY, shortest_edge=None),
        with_picture(CIFAR, resize="crop", shortest_edge=32),
        with_picture(CIFAR, height=8, width=1024),
        SCENES,
        with_picture(SCENES, shortest_edge=1024, longest_edge=1024),
        with_picture(SCENES, resize="none", shortest_edge=None, longest_edge=None),
    ],
)
def test_an_input_is_read_from_a_file(tmp_path: Path, content: dict[str, Any]) -> None:
    (tmp_path / "input.json").write_text(json.dumps(content))
    assert read_input(tmp_path / "input.json") == Input.model_validate(content)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("32 pixels", "Invalid JSON"),
        ({**CIFAR, "pixel_mean": [0.5]}, "pixel_mean and pixel_std need 3 values each"),
        ({**CIFAR, "pixel_std": [0.2, 0.0, 0.2]}, "pixel_std must lie between 0.001 and 1; it is of pixels / 255."),
        ({**CIFAR, "pixel_std": [58.4, 57.1, 57.4]}, "pixel_std must lie between 0.001 and 1; it is of pixels / 255."),
        ({**CIFAR, "pixel_std": [float("nan")] * 3}, "pixel_std must lie between 0.001 and 1"),
        ({**CIFAR, "pixel_mean": [123.7, 116.3, 103.5]}, "pixel_mean must lie between 0 and 1; it is of pixels / 255."),
        ({**CIFAR, "pixel_mean": [0.5, -0.5, 0.5]}, "pixel_mean must lie between 0 and 1"),
        ({**CIFAR, "pixel_mean": [0.5, 0.5, float("inf")]}, "pixel_mean must lie between 0 and 1"),
        ({**CIFAR, "pixel_mean": [0.5, 0.5, float("nan")]}, "pixel_mean must lie between 0 and 1"),
        ({name: value for name, value in CIFAR.items() if name != "pixel_std"}, "pixel_std: Field required"),
        (with_picture(CIFAR, resize="zoom"), "preprocessing.resize: "),
        (with_picture(CIFAR, resize="none", height=None), "must fix both height and width, or leave both free."),
        (with_picture(CIFAR, height=7), "preprocessing.height must lie between 8 and 1024 pixels."),
        (with_picture(CIFAR, width=1025), "preprocessing.width must lie between 8 and 1024 pixels."),
        (with_picture(GRAY, shortest_edge=7), "preprocessing.shortest_edge must lie between 8 and 1024 pixels."),
        (with_picture(CIFAR, resize="crop"), "preprocessing: resize 'crop' needs a shortest_edge."),
        (with_picture(CIFAR, resize="crop", shortest_edge=31), "no smaller than what is cropped out of it."),
        (with_picture(CIFAR, resize="crop", shortest_edge=32, width=33), "no smaller than what is cropped out of it."),
        (with_picture(GRAY, shortest_edge=33), "preprocessing.shortest_edge must be no larger than what it is padded"),
        (with_picture(CIFAR, shortest_edge=32), "shortest_edge goes with crop, pad and shortest, not with stretch."),
        (with_picture(SCENES, longest_edge=95), "preprocessing.longest_edge must be no smaller than shortest_edge."),
        (
            with_picture(SCENES, shortest_edge=512, longest_edge=2049),
            "at most 2048 beside that shortest_edge: the serv",
        ),
        (with_picture(SCENES, longest_edge=None), "resize 'shortest' needs a shortest_edge and a longest_edge"),
        (with_picture(CIFAR, polarity="dark-on-light"), "preprocessing.polarity is for gray pictures only."),
    ],
)
def test_a_file_that_describes_no_input_gets_a_sentence(
    tmp_path: Path, content: dict[str, Any] | str, complaint: str
) -> None:
    (tmp_path / "input.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(BadWeights, match=re.escape(complaint)) as caught:
        read_input(tmp_path / "input.json")
    assert str(caught.value).startswith(f"{tmp_path / 'input.json'} does not describe an input: ")
    assert "\n" not in str(caught.value)
