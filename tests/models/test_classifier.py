"""The contract of targets, which every network shares."""

import pytest
import torch

from models import MODELS, build_model
from models.classifier import Classifier

# One network per way to make a map.
NAMES = ("lenet5", "mnist_cnn", "resnet20")


def network_and_pictures(name: str) -> tuple[Classifier, torch.Tensor]:
    facts = MODELS[name]
    network = build_model(name, num_classes=10, in_channels=1).eval()
    assert isinstance(network, Classifier)
    return network, torch.randn(2, 1, *facts.input_px)


@pytest.mark.parametrize("name", NAMES)
def test_any_negative_target_is_the_top_1_class(name: str) -> None:
    network, x = network_and_pictures(name)
    with torch.no_grad():
        for explain in (network.forward_with_cam, network.forward_with_hirescam):
            _, expected = explain(x, network(x).argmax(dim=1))
            for target in (-1, -2, -11):
                assert torch.equal(explain(x, torch.tensor([target, -1]))[1], expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_beyond_the_classes_is_an_error(name: str) -> None:
    network, x = network_and_pictures(name)
    with torch.no_grad():
        for explain in (network.forward_with_cam, network.forward_with_hirescam):
            with pytest.raises(IndexError):
                explain(x, torch.tensor([0, 10]))
