import pytest
import torch

from models.googlenet import GoogLeNet, Inception


@pytest.fixture(scope="module")
def model() -> GoogLeNet:
    torch.manual_seed(0)
    return GoogLeNet(num_classes=5, in_channels=1, stem="small").eval()


def test_modules_are_those_of_table_1() -> None:
    with torch.device("meta"):
        model = GoogLeNet(num_classes=1000, in_channels=3)
    maps = {name: module for name, module in model.named_children() if isinstance(module, Inception)}
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in maps.items():
        module.register_forward_hook(lambda _m, _i, output, name=name: seen.update({name: tuple(output.shape[1:])}))
    model(torch.empty(1, 3, 224, 224, device="meta"))
    assert seen == {
        "inception3a": (256, 28, 28),
        "inception3b": (480, 28, 28),
        "inception4a": (512, 14, 14),
        "inception4b": (512, 14, 14),
        "inception4c": (512, 14, 14),
        "inception4d": (528, 14, 14),
        "inception4e": (832, 14, 14),
        "inception5a": (832, 7, 7),
        "inception5b": (1024, 7, 7),
    }


def test_training_has_the_logits_of_three_classifiers_the_network_s_first(model: GoogLeNet) -> None:
    x = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        own, first, second = model.training_logits(x)
        assert torch.equal(own, model(x))
    assert own.shape == first.shape == second.shape == (3, 5)
    assert not torch.allclose(first, second)
    assert model.auxiliary_weight == 0.3


def test_auxiliary_classifiers_bring_gradients_to_the_layers_before_them_only(model: GoogLeNet) -> None:
    _, first, second = model.training_logits(torch.randn(2, 1, 28, 28))
    for logits, before, after in (
        (first, model.inception4a, model.inception4b),
        (second, model.inception4d, model.inception4e),
    ):
        layers = [before.branch1.conv.weight, after.branch1.conv.weight]
        near, far = torch.autograd.grad(logits.sum(), layers, retain_graph=True, materialize_grads=True)
        assert near.any()
        assert not far.any()


def test_answers_do_not_hang_on_auxiliary_classifiers() -> None:
    torch.manual_seed(0)
    model = GoogLeNet(num_classes=5, in_channels=1, stem="small").eval()
    x = torch.randn(1, 1, 28, 28)
    with torch.no_grad():
        before = model(x)
        for name in model.auxiliary:
            for parameter in model.get_submodule(name).parameters():
                parameter.fill_(float("nan"))
        assert torch.equal(model(x), before)


def test_the_small_stem_reaches_the_first_module_at_half_the_size_of_28_pixels(model: GoogLeNet) -> None:
    shapes: list[tuple[int, ...]] = []
    handle = model.inception3a.register_forward_hook(lambda _m, inputs, _o: shapes.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        maps = model.activations(torch.randn(1, 1, 28, 28))
    handle.remove()
    assert shapes == [(1, 192, 14, 14)]
    assert maps.shape == (1, 1024, 4, 4)
