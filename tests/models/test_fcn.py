"""FCN: alignment, first answers, and trunks that are taken over."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.fcn import Fcn, Fcn8s, Fcn16s, Fcn32s
from models.vgg import vgg16, vgg16_bn

NETWORKS = pytest.mark.parametrize("network", [Fcn32s, Fcn16s, Fcn8s])


def small(network: type[Fcn], *, head_width: int = 6, num_classes: int = 3) -> Fcn:
    return network(num_classes=num_classes, in_channels=1, stem="small", normalised=True, head_width=head_width).eval()


def with_scores(network: Fcn) -> Fcn:
    """The same with values in the layers that begin at zero."""
    for name, parameter in network.named_parameters():
        if name.startswith("score"):
            nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize(
    ("network", "parameters"), [(Fcn32s, 134_346_581), (Fcn16s, 134_364_410), (Fcn8s, 134_376_863)]
)
def test_the_network_of_the_paper_is_vgg16_with_score_layers(network: type[Fcn], parameters: int) -> None:
    with torch.device("meta"):
        fcn = network(num_classes=21, in_channels=3)
        classifier = vgg16(num_classes=21, in_channels=3)
    # A classifier whose layers are convolutions has as many parameters.
    skips = {32: 0, 16: 21 * 513 + 21 * 21 * 16, 8: 21 * 513 + 21 * 257 + 2 * 21 * 21 * 16}[network.stride_px]
    assert parameters == skips + sum(p.numel() for p in classifier.parameters())
    assert sum(p.numel() for p in fcn.parameters()) == parameters


@NETWORKS
def test_before_training_no_class_is_more_likely(network: type[Fcn]) -> None:
    with torch.no_grad():
        assert not small(network)(torch.randn(1, 1, 40, 33)).any()


@NETWORKS
def test_maps_of_all_strides_are_aligned(network: type[Fcn]) -> None:
    """With all windows turned round, the answer to a picture turned round is the answer turned round."""
    torch.manual_seed(5)
    fcn = with_scores(network(num_classes=2, in_channels=1, head_width=4).eval())
    x = torch.randn(1, 1, 64, 96)
    with torch.no_grad():
        expected = fcn(x)
        for parameter in fcn.parameters():
            if parameter.dim() == 4:
                parameter.copy_(parameter.flip(2, 3))
        torch.testing.assert_close(fcn(x.flip(2, 3)).flip(2, 3), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("network", "side_px"), [(Fcn32s, 32), (Fcn16s, 16), (Fcn8s, 8)])
def test_scores_are_as_fine_as_the_name_says(network: type[Fcn], side_px: int) -> None:
    fcn = small(network)
    scores: list[Tensor] = []
    fcn.get_submodule(f"upscore{side_px}").register_forward_pre_hook(lambda _module, inputs: scores.append(inputs[0]))
    with torch.no_grad():
        fcn(torch.randn(1, 1, 64, 96))
    assert scores[0].shape == (1, 3, 64 // side_px, 96 // side_px)


def test_a_classifier_with_its_last_layer_put_back_answers_as_before() -> None:
    torch.manual_seed(5)
    classifier = vgg16_bn(num_classes=3, in_channels=1, stem="small").train()
    x = torch.randn(4, 1, 32, 32)
    classifier(x)
    classifier.eval()
    fcn = small(Fcn32s, head_width=512)
    fcn.load_trunk(classifier.state_dict())
    last = classifier.classifier[6]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        assert not fcn(x).any(), "its score layer begins at zero, for its classes are others"
        fcn.score_fr.weight.copy_(last.weight.view(3, 512, 1, 1))
        assert last.bias is not None
        assert fcn.score_fr.bias is not None
        fcn.score_fr.bias.copy_(last.bias)
        expected = classifier(x)[:, :, None, None].expand(-1, -1, 32, 32)
        torch.testing.assert_close(fcn(x), expected, rtol=1e-4, atol=1e-4)


def test_the_window_of_fc6_is_laid_out_as_the_classifier_s_first_layer() -> None:
    fcn = Fcn32s(num_classes=2, in_channels=1, head_width=5)
    first, second = nn.Linear(512 * 7 * 7, 5), nn.Linear(5, 5)
    trunk = {name: tensor for name, tensor in fcn.state_dict().items() if name.startswith("features.")}
    head = {"classifier.0": first, "classifier.3": second, "classifier.6": nn.Linear(5, 1000)}
    for name, layer in head.items():
        trunk |= {f"{name}.{key}": tensor for key, tensor in layer.state_dict().items()}
    fcn.load_trunk(trunk)
    pooled = torch.randn(2, 512, 7, 7)
    with torch.no_grad():
        torch.testing.assert_close(fcn.fc6(pooled)[:, :, 3, 3], first(pooled.flatten(1)), rtol=1e-4, atol=1e-5)
        assert torch.equal(fcn.fc7.weight.flatten(1), second.weight)


def test_a_head_of_another_width_is_left_out() -> None:
    classifier = vgg16_bn(num_classes=3, in_channels=1, stem="small")
    fcn = small(Fcn16s)
    before = {name: tensor.clone() for name, tensor in fcn.state_dict().items()}
    fcn.load_trunk(classifier.state_dict())
    for name, tensor in fcn.state_dict().items():
        expected = classifier.state_dict() if name.startswith("features.") else before
        assert torch.equal(tensor, expected[name]), name


def test_files_without_counters_of_batches_load_too() -> None:
    state = vgg16_bn(num_classes=3, in_channels=1, stem="small").state_dict()
    fcn = small(Fcn32s)
    fcn.load_trunk({name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")})
    assert torch.equal(fcn.state_dict()["features.0.weight"], state["features.0.weight"])


@pytest.mark.parametrize(("network", "coarser"), [(Fcn16s, Fcn32s), (Fcn8s, Fcn16s), (Fcn8s, Fcn32s), (Fcn8s, Fcn8s)])
def test_a_finer_network_begins_where_the_coarser_one_ended(network: type[Fcn], coarser: type[Fcn]) -> None:
    torch.manual_seed(5)
    trained, fcn = with_scores(small(coarser)), small(network)
    fresh = {name: tensor.clone() for name, tensor in fcn.state_dict().items()}
    fcn.load_trunk(trained.state_dict())
    for name, tensor in fcn.state_dict().items():
        assert torch.equal(tensor, trained.state_dict().get(name, fresh[name])), name
    # Its skips are still zero, so what it adds to the scores it took over is only how they are interpolated.
    x = torch.randn(1, 1, 96, 96)
    with torch.no_grad():
        finer, before = fcn(x), trained(x)
    assert F.mse_loss(finer, before) < 0.1 * before.var()


def test_what_does_not_fit_is_named_and_nothing_is_loaded() -> None:
    classifier = vgg16_bn(num_classes=3, in_channels=1, stem="small").state_dict()
    without_one = {name: tensor for name, tensor in classifier.items() if name != "features.3.weight"}
    colour = {**classifier, "features.0.weight": torch.zeros(64, 3, 3, 3)}
    deeper = {**classifier, "features.44.weight": torch.zeros(512)}
    cases = [
        (Fcn32s, without_one, "features.3.weight of Fcn32s is not in the trunk"),
        (Fcn32s, colour, "features.0.weight is 64x3x3x3, where Fcn32s has 64x1x3x3"),
        (Fcn32s, deeper, "Fcn32s has no parameter features.44.weight"),
        (Fcn16s, small(Fcn8s).state_dict(), "Fcn16s has no parameter upscore_pool4.weight"),
        (Fcn8s, small(Fcn16s, num_classes=4).state_dict(), "score_fr.weight is 4x6x1x1, where Fcn8s has 3x6x1x1"),
        (Fcn16s, small(Fcn32s, head_width=7).state_dict(), "fc6.weight is 7x512x1x1, where Fcn16s has 6x512x1x1"),
    ]
    for network, state, sentence in cases:
        fcn = small(network)
        before = {name: tensor.clone() for name, tensor in fcn.state_dict().items()}
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            fcn.load_trunk(state)
        assert all(torch.equal(tensor, before[name]) for name, tensor in fcn.state_dict().items())
