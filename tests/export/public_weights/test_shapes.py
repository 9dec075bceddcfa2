"""Options of segmenters are read off the shapes of their weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from export.errors import BadWeights
from export.public_weights.fitting import Form, form_of
from export.public_weights.reading import Weights
from export.recipes import SEGMENTERS
from models import build_model


def weights_of(model: str, *, num_classes: int = 7, in_channels: int = 3, **options: Any) -> Weights:
    with torch.device("meta"):
        state = build_model(model, num_classes=num_classes, in_channels=in_channels, **options).state_dict()
    return as_weights(state)


def shaping(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without dropout, which has no weights and counts in training alone."""
    return {name: value for name, value in options.items() if name != "dropout"}


def as_weights(tensors: dict[str, Tensor]) -> Weights:
    return Weights(path=Path("w.pth"), sha256="0" * 64, dtype="float32", tensors=tensors)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        *((model, {}) for model in SEGMENTERS),
        *((model, shaping(recipe.options)) for model, recipe in SEGMENTERS.items() if recipe.options),
        ("fcn8s", {"head_width": 64}),
        ("unet", {"width": 4, "depth": 2, "normalised": False}),
        ("unet_xception", {"widths": [8]}),
        ("unet_xception", {"widths": [8, 16, 16, 32, 64]}),
    ],
)
def test_shapes_tell_the_options_of_a_segmenter(model: str, options: dict[str, Any]) -> None:
    form = form_of(model, weights_of(model, **options), {})
    assert form == Form(options=options, num_classes=7, in_channels=3)


def test_the_padding_of_a_unet_has_to_be_named() -> None:
    valid = weights_of("unet", width=4, padding="valid")
    assert form_of("unet", valid, {}).options == {"width": 4}
    assert form_of("unet", valid, {"padding": "valid"}).options == {"width": 4, "padding": "valid"}


def test_what_is_named_counts_more_than_what_shapes_tell() -> None:
    with pytest.raises(BadWeights, match=r"of another shape: contracting\.0\.0\.weight \(4, 3, 3, 3\) instead"):
        form_of("unet", weights_of("unet", width=4), {"width": 8})


def test_what_no_network_is_built_with_is_taken_for_a_plain_misfit() -> None:
    deep = weights_of("unet", width=4).tensors | {f"up_convolutions.{n}.weight": torch.zeros(1) for n in range(20)}
    with pytest.raises(BadWeights, match=r"w\.pth does not fit unet: "):
        form_of("unet", as_weights(deep), {})
    with pytest.raises(ValueError, match="unet has no option stem"):
        form_of("unet", weights_of("unet", width=4), {"stem": "small"})


def test_an_auxiliary_head_may_be_missing_or_be_there() -> None:
    whole = weights_of("fcn_resnet50", num_classes=21)
    without = as_weights({name: value for name, value in whole.tensors.items() if not name.startswith("aux_")})
    assert len(without.tensors) < len(whole.tensors)
    form = Form(options={}, num_classes=21, in_channels=3)
    assert form_of("fcn_resnet50", whole, {}) == form_of("fcn_resnet50", without, {}) == form


def test_a_wrong_file_is_told_by_the_first_keys_that_do_not_fit() -> None:
    with pytest.raises(BadWeights, match=r"w\.pth does not fit fcn_resnet50: missing: backbone\.conv1\.weight, "):
        form_of("fcn_resnet50", weights_of("resnet50"), {})
