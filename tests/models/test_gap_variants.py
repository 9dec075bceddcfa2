import pytest
import torch
from torch import nn

from models import build_model
from models.gap_variants import GapVariant


def variant(name: str, **options: str) -> GapVariant:
    torch.manual_seed(5)
    model = build_model(name, num_classes=10, in_channels=1, **options)
    assert isinstance(model, GapVariant)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "parameters", "map_px"), [("alexnet_gap", 5_855_016, 13), ("vgg16_gap", 20_459_304, 14)]
)
def test_maps_have_the_resolution_of_the_paper(name: str, parameters: int, map_px: int) -> None:
    with torch.device("meta"):
        model = build_model(name, num_classes=1000, in_channels=3)
        assert isinstance(model, GapVariant)
        _, cam = model.forward_with_cam(torch.empty(2, 3, 224, 224), torch.tensor([3, -1]))
    assert cam.shape == (2, map_px, map_px)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("stem", ["imagenet", "small"])
@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_features_of_a_checkpoint_of_the_parent_load_by_name(name: str, stem: str) -> None:
    with torch.device("meta"):
        parent = build_model(name, num_classes=1000, in_channels=3, stem=stem)
        child = build_model(f"{name}_gap", num_classes=10, in_channels=3, stem=stem)
    weights = parent.state_dict()
    missing, unexpected = child.load_state_dict(weights, strict=False, assign=True)
    assert set(missing) == {"conv6.weight", "conv6.bias", "fc.weight", "fc.bias"}
    features = [key for key in weights if key not in unexpected]
    assert all(key.startswith("features.") for key in features)
    assert all(key.startswith("classifier.") for key in unexpected)
    assert len(features) == {"alexnet": 10, "vgg16": 26}[name]


def test_vgg16_gap_computes_what_vgg16_computes_up_to_its_last_relu() -> None:
    child = variant("vgg16_gap")
    parent = build_model("vgg16", num_classes=10, in_channels=1, stem="small").eval()
    features = parent.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    features.load_state_dict(child.features.state_dict())
    x = torch.randn(2, 1, 48, 61)
    with torch.no_grad():
        assert torch.equal(child.features(x), features[:-1](x))


@pytest.mark.parametrize(
    ("name", "stem", "input_px", "map_px"),
    [
        ("alexnet_gap", "imagenet", (63, 100), (3, 5)),
        ("alexnet_gap", "small", (28, 28), (6, 6)),
        ("alexnet_gap", "small", (32, 33), (7, 7)),
        ("vgg16_gap", "imagenet", (33, 64), (2, 4)),
        ("vgg16_gap", "small", (32, 32), (4, 4)),
        ("vgg16_gap", "small", (28, 28), (3, 3)),
    ],
)
def test_the_mean_of_the_map_and_the_bias_are_the_logit(
    name: str, stem: str, input_px: tuple[int, int], map_px: tuple[int, int]
) -> None:
    model = variant(name, stem=stem)
    with torch.no_grad():
        model.fc.bias.uniform_(-1, 1)
        x, target = torch.randn(3, 1, *input_px), torch.tensor([4, 0, 9])
        logits, cam = model.forward_with_cam(x, target)
        torch.testing.assert_close(logits, model(x))
    assert cam.shape == (3, *map_px)
    torch.testing.assert_close(cam.mean(dim=(1, 2)) + model.fc.bias[target], logits[range(3), target])


def test_hirescam_is_gradient_times_states_of_the_new_convolution() -> None:
    model = variant("alexnet_gap", stem="small")
    x, target = torch.randn(3, 1, 28, 28), torch.tensor([4, -1, 9])
    states = model.activations(x).detach().requires_grad_()
    logits = model.fc(states.mean(dim=(2, 3)))
    index = torch.where(target < 0, logits.argmax(dim=1), target)
    (gradient,) = torch.autograd.grad(logits[range(3), index].sum(), states)
    _, cam = model.forward_with_hirescam(x, target)
    torch.testing.assert_close(cam, (gradient * states).sum(dim=1))
