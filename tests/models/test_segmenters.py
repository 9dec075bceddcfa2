"""What all segmenters have in common: logits of every pixel, whatever the size of the picture."""

from typing import Any

import pytest
import torch
from torch import nn

from models import MODELS, build_model
from models.segmenter import Segmenter

# Every kind of network, as small as its options make it.
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "fcn32s": ("fcn32s", {"stem": "small", "head_width": 8}),
    "fcn8s": ("fcn8s", {"normalised": True, "head_width": 8}),
    "fcn_resnet50": ("fcn_resnet50", {}),
    "unet": ("unet", {"width": 4}),
    "unet-shallow": ("unet", {"width": 3, "depth": 1}),
    "unet-valid": ("unet", {"width": 4, "padding": "valid", "normalised": False}),
    "unet-valid-shallow": ("unet", {"width": 3, "depth": 1, "padding": "valid"}),
    "unet_xception": ("unet_xception", {"widths": [4, 6, 8]}),
    "unet_xception-flat": ("unet_xception", {"widths": [4]}),
}
SEGMENTERS = [name for name, facts in MODELS.items() if facts.task == "image-segmentation"]


def fresh(form: str, *, num_classes: int = 5, device: str = "cpu") -> nn.Module:
    name, options = SMALL[form]
    with torch.device(device):
        return build_model(name, num_classes=num_classes, in_channels=2, **options).eval()


def built(form: str) -> Segmenter:
    """A network with values in the layers that begin at zero."""
    torch.manual_seed(3)
    network = fresh(form)
    assert isinstance(network, Segmenter)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    return network


def test_segmenters_are_those_that_answer_by_pixel() -> None:
    assert SEGMENTERS == ["fcn32s", "fcn16s", "fcn8s", "fcn_resnet50", "unet", "unet_xception"]
    for name, facts in MODELS.items():
        with torch.device("meta"):
            network = build_model(name, num_classes=facts.num_classes, in_channels=facts.in_channels)
        assert isinstance(network, Segmenter) == (name in SEGMENTERS)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_the_input_of_the_paper_gets_logits_of_its_size(name: str) -> None:
    facts = MODELS[name]
    with torch.device("meta"):
        network = build_model(name, num_classes=facts.num_classes, in_channels=facts.in_channels)
        logits = network(torch.empty(2, facts.in_channels, *facts.input_px))
    assert logits.shape == (2, facts.num_classes, *facts.input_px)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("form", SMALL)
def test_every_size_gets_logits_of_that_size(form: str) -> None:
    network = fresh(form, device="meta")
    for height, width in ((1, 1), (2, 3), (7, 5), (31, 32), (33, 47), (64, 1), (65, 97)):
        x = torch.empty(3, 2, height, width, device="meta")
        assert network(x).shape == (3, 5, height, width)


@pytest.mark.parametrize("form", SMALL)
def test_pictures_of_a_batch_do_not_meet(form: str) -> None:
    network = built(form)
    x = torch.randn(2, 2, 21, 34)
    with torch.no_grad():
        both = network(x)
        assert both.std() > 0
        for row in range(2):
            torch.testing.assert_close(network(x[row : row + 1]), both[row : row + 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", SMALL)
def test_every_parameter_learns_and_every_head_hangs_on_the_classes(form: str) -> None:
    network = built(form).train()
    logits = network.training_logits(torch.randn(2, 2, 40, 33))
    assert len(logits) == 1 + len(network.auxiliary)
    assert {each.shape for each in logits} == {(2, 5, 40, 33)}
    loss = torch.stack([each.square().mean() for each in logits]).sum()
    # What the loss does not reach would be an error.
    assert len(torch.autograd.grad(loss, list(network.parameters()))) > 0

    other = fresh(form, num_classes=6, device="meta").state_dict()
    changed = {key.rpartition(".")[0] for key, value in network.state_dict().items() if value.shape != other[key].shape}
    assert changed == set(network.heads)


@pytest.mark.parametrize("form", SMALL)
def test_a_state_dict_carries_everything(form: str) -> None:
    one, other = built(form), fresh(form)
    x = torch.randn(1, 2, 33, 40)
    with torch.no_grad():
        assert not torch.equal(one(x), other(x))
        other.load_state_dict(one.state_dict(), strict=True)
        assert torch.equal(one(x), other(x))
