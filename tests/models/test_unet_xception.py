"""The U-Net of separable convolutions, against Keras's example and its operations written out."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.unet_xception import Down, UNetXception, Up


def test_parameters_and_statistics_are_as_many_as_in_the_example() -> None:
    with torch.device("meta"):
        network = UNetXception(num_classes=3, in_channels=3)
    statistics = [t for name, t in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 2_055_203
    assert sum(t.numel() for t in statistics) == 3_776


def test_biases_stand_where_keras_has_them() -> None:
    network = UNetXception(num_classes=3, in_channels=3, widths=(4, 6))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert (layer.bias is None) == (layer.groups > 1)


def test_widths_are_blocks() -> None:
    for widths in ((5,), (4, 6), (2, 3, 4, 5, 6, 7)):
        network = UNetXception(num_classes=3, in_channels=1, widths=widths)
        for blocks, channels in ((network.down, widths[1:]), (network.up, tuple(reversed(widths)))):
            shortcuts = [layer for name, layer in blocks.named_modules() if name.endswith("shortcut")]
            assert tuple(layer.out_channels for layer in shortcuts if isinstance(layer, nn.Conv2d)) == channels


def same_pooling(x: Tensor) -> Tensor:
    """Max pooling 3 x 3 of stride 2 that pads as Keras does: of an even size, on the right and below only."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, stride=2)


def as_in_the_example(network: UNetXception, x: Tensor) -> Tensor:
    """The example's operations in its order, on a size that needs no filling."""
    _, entry, normalisation, _ = network.entry
    assert isinstance(entry, nn.Conv2d)
    x = F.conv2d(F.pad(x, (0, 1, 0, 1)), entry.weight, entry.bias, stride=2)
    x = before = torch.relu(normalisation(x))
    for down in network.down:
        assert isinstance(down, Down)
        _, depthwise1, pointwise1, bn1, _, depthwise2, pointwise2, bn2, _ = down.residual
        x = bn1(pointwise1(depthwise1(torch.relu(x))))
        x = bn2(pointwise2(depthwise2(torch.relu(x))))
        x = before = same_pooling(x) + down.shortcut(before)
    for up in network.up:
        assert isinstance(up, Up)
        _, convolution1, bn1, _, convolution2, bn2 = up.residual
        x = bn1(convolution1(torch.relu(x)))
        x = F.interpolate(bn2(convolution2(torch.relu(x))), scale_factor=2)
        x = before = x + up.shortcut(F.interpolate(before, scale_factor=2))
    logits: Tensor = network.score(x)
    return logits


def test_the_answer_is_that_of_the_example_s_operations() -> None:
    torch.manual_seed(5)
    network = UNetXception(num_classes=3, in_channels=2, widths=(4, 6, 8))
    x = torch.randn(2, 2, 24, 40)
    # Normalisation by the batch, and the same once more with the statistics that it left.
    for _ in range(2):
        with torch.no_grad():
            torch.testing.assert_close(network(x), as_in_the_example(network, x), rtol=1e-4, atol=1e-4)
        network.eval()
