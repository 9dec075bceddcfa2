"""LeNet-5: LeCun, Bottou, Bengio, Haffner 1998, input 32 x 32 gray, 60,000 trainable parameters.

"Gradient-Based Learning Applied to Document Recognition", Proceedings of the IEEE 86(11), section II.B and
appendix A. As published: trainable subsampling, the connection table of C3, the scaled tanh, and Euclidean
radial basis units at the output.

Loss: the paper trains with equation 9, which is discriminative: y_D + log(exp(-j) + sum_i exp(-y_i)), with y_i
the squared distance to the code of class i and D the right class. As the logits here are -y_i, cross entropy over
them is that criterion without the constant rubbish class j. With it, as one more logit of -j, states are drawn to
the codes themselves (distances near 1 rather than 75 on MNIST) and training takes fewer epochs.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.classifier import Classifier, grad_cam, resolve_target
from models.convolutional import ScoreMaps, as_convolution
from models.rbf_codes import CODE_LENGTH, class_codes

# Table I: the maps of S2 that each of the 16 maps of C3 sees.
C3_TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
# Appendix A: f(a) = A tanh(S a), which makes f(1) = 1 and f(-1) = -1.
AMPLITUDE = 1.7159
SLOPE = 2 / 3


class ScaledTanh(nn.Module):
    """The paper's squashing function, 1.7159 tanh(2/3 a), element by element (appendix A)."""

    def forward(self, a: Tensor) -> Tensor:
        """Squash sums of any shape to (-1.7159, 1.7159)."""
        return AMPLITUDE * torch.tanh(SLOPE * a)

    def derivative(self, y: Tensor) -> Tensor:
        """Give f'(a) where y = f(a), any shape."""
        return SLOPE * AMPLITUDE - SLOPE / AMPLITUDE * y * y


class Subsampling(nn.Module):
    """Layers S2 and S4: the sum of each 2 x 2 block, times a trainable coefficient, plus a bias, per map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        _init_uniform(fan_in=4, parameters=(self.weight, self.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) with even H and W to sums before squashing, (N, C, H/2, W/2)."""
        kernel = self.weight[:, None, None, None].expand(-1, 1, 2, 2)
        return F.conv2d(x, kernel, self.bias, stride=2, groups=self.weight.numel())

    def multiply_adds(self, output_shape: Sequence[int]) -> int:
        """Count one multiply-add per output, (N, C, H, W): the sum of the block itself only adds."""
        return torch.Size(output_shape).numel()


class TableConv2d(nn.Module):
    """A convolution in which each output map sees only the input maps that a table names.

    Only the kernels of connections that exist are parameters: `weight` (connections, k, k), in the table's
    order. They are laid into a dense kernel for one ordinary convolution, which beats convolving in groups.
    """

    def __init__(self, in_channels: int, table: Sequence[Sequence[int]], kernel_px: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = len(table)
        slots = [out * in_channels + seen for out, inputs in enumerate(table) for seen in inputs]
        self.register_buffer("slots", torch.tensor(slots), persistent=False)
        # Kept rather than made in each pass: an exporter folds what starts from constants into one kernel.
        blank = torch.zeros(len(table) * in_channels, kernel_px, kernel_px)
        self.register_buffer("blank", blank, persistent=False)
        self.slots: Tensor
        self.blank: Tensor
        self.weight = nn.Parameter(torch.empty(len(slots), kernel_px, kernel_px))
        self.bias = nn.Parameter(torch.empty(len(table)))
        kernels = torch.split(self.weight, [len(inputs) for inputs in table])
        for inputs, kernel, bias in zip(table, kernels, self.bias, strict=True):
            _init_uniform(fan_in=len(inputs) * kernel_px**2, parameters=(kernel, bias))

    def kernel(self) -> Tensor:
        """Lay the connections' kernels into a dense one, (out, in, k, k), with zeros elsewhere."""
        dense = self.blank.index_copy(0, self.slots, self.weight)
        return dense.view(self.out_channels, self.in_channels, *dense.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, in, H, W) without padding to (N, out, H - k + 1, W - k + 1)."""
        return F.conv2d(x, self.kernel(), self.bias)

    def multiply_adds(self, output_shape: Sequence[int]) -> int:
        """Count the connections that exist, for outputs (N, out, H, W)."""
        n, _, height, width = output_shape
        return n * self.weight.numel() * height * width


class RadialBasisOutput(nn.Module):
    """The output layer: minus the squared Euclidean distance to each class's fixed code of +1 and -1."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("codes", class_codes(num_classes))
        self.codes: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Map states (N, 84) to logits (N, classes), each at most 0; hundreds below it when far off."""
        # |x - c|^2 with |c|^2 = 84, as one matrix product.
        return 2 * (x @ self.codes.T) - (x * x).sum(dim=1, keepdim=True) - CODE_LENGTH

    def multiply_adds(self, output_shape: Sequence[int]) -> int:
        """Count one per component of each distance, for outputs (N, classes)."""
        return torch.Size(output_shape).numel() * CODE_LENGTH


class RadialBasisMaps(nn.Module):
    """`RadialBasisOutput` at every position of maps, as a convolution of 1 x 1 with the codes."""

    def __init__(self, output: RadialBasisOutput) -> None:
        super().__init__()
        self.register_buffer("codes", output.codes[:, :, None, None])
        self.codes: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Map states (N, 84, h, w) to logits (N, classes, h, w)."""
        return 2 * F.conv2d(x, self.codes) - (x * x).sum(dim=1, keepdim=True) - CODE_LENGTH


class LeNet5(Classifier):
    """LeNet-5 for pictures of 32 x 32; see the module's docstring.

    The map is Grad-CAM at C3's states, after squashing: (N, 10, 10).
    """

    cam_method: ClassVar[Literal["cam", "grad-cam"]] = "grad-cam"
    cam_layer = "c3"
    heads: ClassVar[tuple[str, ...]] = ("output",)

    def __init__(self, *, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(in_channels, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = TableConv2d(6, C3_TABLE, 5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, CODE_LENGTH)
        self.output = RadialBasisOutput(num_classes)
        self.squash = ScaledTanh()
        for layer, fan_in in ((self.c1, in_channels * 25), (self.c5, 400), (self.f6, 120)):
            assert layer.bias is not None
            _init_uniform(fan_in=fan_in, parameters=(layer.weight, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, 32, 32) to logits (N, classes): minus squared distances."""
        return self._run(x)[-1]

    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and Grad-CAM at C3 (N, 10, 10); see `Classifier`."""
        c3, at_s4, logits = self._gradient(x, target)
        # The mean over C3's positions is the mean over S4's, each of which stands for a block of four alike.
        return logits, grad_cam(c3, at_s4.mean(dim=(2, 3)))

    def forward_with_hirescam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and HiResCAM at C3 (N, 10, 10); see `Classifier`."""
        c3, at_s4, logits = self._gradient(x, target)
        blocks = at_s4.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return logits, (c3 * blocks).sum(dim=1)

    def score_maps(self, input_px: tuple[int, int]) -> ScoreMaps:
        """Turn F6 and the output into convolutions, as C5 is one already; see `Convolutionalisable`."""
        if input_px != (32, 32):
            raise ValueError("LeNet5 answers for pictures of 32x32 pixels, not {}x{}".format(*input_px))
        layers: list[nn.Module] = []
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5, as_convolution(self.f6)):
            layers += [layer, self.squash]
        return ScoreMaps(nn.Sequential(*layers, RadialBasisMaps(self.output)), window_px=input_px, stride_px=4)

    def _gradient(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """States of C3, the gradient of the explained logit at them, one value per block of 2 x 2, and the logits."""
        c3, s4, c5, f6, logits = self._run(x)
        # The backward pass from the logit to C3, by hand; each line is the gradient at one layer's sums.
        code = self.output.codes.index_select(0, resolve_target(logits, target))
        at_f6 = 2 * (code - f6) * self.squash.derivative(f6)
        at_c5 = (at_f6 @ self.f6.weight) * self.squash.derivative(c5)
        at_s4 = (at_c5 @ self.c5.weight.flatten(1)).view_as(s4) * self.squash.derivative(s4)
        # Each of the four states in a block of C3 gets the block's gradient times the coefficient.
        return c3, at_s4 * self.s4.weight[:, None, None], logits

    def _run(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """States of C3, S4, C5 (flat) and F6, and the logits."""
        s2 = self.squash(self.s2(self.squash(self.c1(x))))
        c3 = self.squash(self.c3(s2))
        s4 = self.squash(self.s4(c3))
        c5 = self.squash(self.c5(s4)).flatten(1)
        f6 = self.squash(self.f6(c5))
        return c3, s4, c5, f6, self.output(f6)


def _init_uniform(*, fan_in: int, parameters: Sequence[Tensor]) -> None:
    """Draw from the paper's range, +-2.4 / fan-in (appendix A)."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.uniform_(-2.4 / fan_in, 2.4 / fan_in)
