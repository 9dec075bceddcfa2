"""U-Net against the figures of its paper."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.layer_table import layer_table
from models.unet import UNet


def shapes_of(network: UNet, height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Height and width of what goes into and comes out of the blocks, on a picture of this size."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            shapes[name] = (*inputs[0].shape[2:], *output.shape[2:])

        return hook

    for name in ("contracting", "expansive", "up_convolutions"):
        for index, block in network.get_submodule(name).named_children():
            block.register_forward_hook(note(f"{name}.{index}"))
    network(torch.empty(1, 1, height, width, device="meta"))
    return shapes


def on_meta(**options: Any) -> UNet:
    with torch.device("meta"):
        return UNet(num_classes=2, in_channels=1, **options).eval()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_network_of_the_paper_has_31_0_million_parameters(padding: str) -> None:
    network = on_meta(padding=padding, normalised=False)
    assert sum(p.numel() for p in network.parameters()) == 31_030_658
    # The count that is told for one class.
    with torch.device("meta"):
        one_class = UNet(num_classes=1, in_channels=1, normalised=False)
    assert sum(p.numel() for p in one_class.parameters()) == 31_030_593
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23


def test_normalisation_has_two_parameters_in_place_of_one_bias() -> None:
    channels = 2 * (64 + 128 + 256 + 512 + 1024) + 2 * (512 + 256 + 128 + 64)
    assert sum(p.numel() for p in on_meta().parameters()) == 31_030_658 + channels
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in on_meta().modules()) == 18


def test_maps_have_the_sizes_of_figure_1() -> None:
    shapes = shapes_of(on_meta(padding="valid"), 388, 388)
    assert [shapes[f"contracting.{level}"] for level in range(5)] == [
        (572, 572, 568, 568),
        (284, 284, 280, 280),
        (140, 140, 136, 136),
        (68, 68, 64, 64),
        (32, 32, 28, 28),
    ]
    assert [shapes[f"expansive.{level}"] for level in range(4)] == [
        (56, 56, 52, 52),
        (104, 104, 100, 100),
        (200, 200, 196, 196),
        (392, 392, 388, 388),
    ]


@pytest.mark.parametrize(("depth", "size"), [(1, (1, 2)), (2, (4, 5)), (3, (9, 30)), (4, (1, 37))])
def test_no_more_is_computed_than_the_next_size_that_fits(depth: int, size: tuple[int, int]) -> None:
    network = on_meta(width=2, depth=depth, padding="valid")
    height, width = shapes_of(network, *size)[f"expansive.{depth - 1}"][2:]
    for computed, pixels in ((height, size[0]), (width, size[1])):
        assert computed % 2**depth == 4 % 2**depth
        assert pixels <= computed < pixels + 2**depth


def test_tiles_with_their_surroundings_give_the_answer_of_the_whole() -> None:
    torch.manual_seed(5)
    network = UNet(num_classes=2, in_channels=1, width=4, depth=2, padding="valid").eval()
    x = torch.randn(1, 1, 64, 88)
    border = 6 * 2**2 - 4
    with torch.no_grad():
        whole = network(x)
        for top, left in ((border, border), (24, 44)):
            tile = x[:, :, top - border : top + 20 + border, left - border : left + 24 + border]
            inside = network(tile)[:, :, border : border + 20, border : border + 24]
            torch.testing.assert_close(inside, whole[:, :, top : top + 20, left : left + 24], rtol=1e-4, atol=1e-4)


def test_what_was_seen_on_the_way_down_meets_what_comes_up_at_its_place() -> None:
    """With all windows turned round, the answer to a picture turned round is the answer turned round."""
    torch.manual_seed(5)
    for padding in ("same", "valid"):
        network = UNet(num_classes=2, in_channels=1, width=3, depth=2, padding=padding, normalised=False).eval()
        x = torch.randn(1, 1, 20, 32)
        with torch.no_grad():
            expected = network(x)
            for parameter in network.parameters():
                if parameter.dim() == 4:
                    parameter.copy_(parameter.flip(2, 3))
            torch.testing.assert_close(network(x.flip(2, 3)).flip(2, 3), expected, rtol=1e-4, atol=1e-4)


def test_first_weights_have_the_deviation_of_the_paper() -> None:
    torch.manual_seed(5)
    network = UNet(num_classes=2, in_channels=1, width=32, depth=2, normalised=False)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            assert float(layer.weight.detach().std()) == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.2)
        if isinstance(layer, nn.ConvTranspose2d):
            assert float(layer.weight.detach().std()) == pytest.approx((2 / layer.in_channels) ** 0.5, rel=0.05)
            assert layer.bias is not None
            assert not layer.bias.any()


def test_dropout_is_at_the_end_of_the_contracting_path() -> None:
    network = on_meta(width=2).train()
    widths: list[int] = []
    network.dropout.register_forward_hook(lambda _module, _inputs, output: widths.append(output.shape[1]))
    network(torch.empty(2, 1, 32, 32, device="meta"))
    assert widths == [16, 32]
    assert network.dropout.p == 0.5
    assert on_meta(width=2, dropout=0.1).dropout.p == 0.1


def test_a_small_network_is_counted_as_by_hand() -> None:
    network = on_meta(width=2, depth=1, normalised=False)
    by_hand = [
        # layer, output, parameters, multiply-adds, receptive field
        ("contracting.0.0", (2, 8, 12), 20, 96 * 2 * 9, (3, 3)),
        ("contracting.0.2", (2, 8, 12), 38, 96 * 2 * 18, (5, 5)),
        ("pooling", (2, 4, 6), 0, 0, (6, 6)),
        ("contracting.1.0", (4, 4, 6), 76, 24 * 4 * 18, (10, 10)),
        ("contracting.1.2", (4, 4, 6), 148, 24 * 4 * 36, (14, 14)),
        # Windows of 2 x 2 that do not overlap: each of the 24 positions makes four of two channels from four.
        ("up_convolutions.0", (2, 8, 12), 34, 24 * 4 * 2 * 4, (14, 14)),
        ("expansive.0.0", (2, 8, 12), 74, 96 * 2 * 36, (16, 16)),
        ("expansive.0.2", (2, 8, 12), 38, 96 * 2 * 18, (18, 18)),
        ("score", (2, 8, 12), 6, 96 * 2 * 2, (18, 18)),
    ]
    rows = layer_table(network, in_channels=1, input_px=(8, 11)).rows
    got = [(r.layer, r.output_shape, r.parameters, r.multiply_adds, r.receptive_field_px) for r in rows]
    assert got == by_hand
