"""Names and shapes of the public checkpoints, torchvision's and, for Xception, timm's legacy_xception."""

import json
from pathlib import Path

import pytest
import torch

from models import MODELS, build_model

PUBLIC: dict[str, dict[str, list[int]]] = json.loads(
    (Path(__file__).parent / "public_parameters.json").read_text("utf-8")
)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_and_shape_is_that_of_the_public_checkpoint(name: str) -> None:
    with torch.device("meta"):
        model = build_model(name, num_classes=MODELS[name].num_classes, in_channels=3)
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    assert shapes == PUBLIC[name]
    assert {key for key, _ in model.named_buffers()} <= set(shapes), "a buffer that no file would carry"
