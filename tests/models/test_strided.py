"""A strided 1 x 1 convolution answers as torch's own; tests/export/segmentation trains narrow ones, which crashed."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from models.strided import StridedPointwise


@pytest.mark.parametrize(("step", "size"), [(1, 5), (2, 8), (2, 7), (3, 10), (2, 1)])
def test_it_answers_as_a_convolution_with_that_stride(step: int, size: int) -> None:
    layer = StridedPointwise(3, 4, step, bias=True)
    x = torch.randn(2, 3, size, size + 1)
    assert torch.allclose(layer(x), F.conv2d(x, layer.weight, layer.bias, stride=step), atol=1e-6)
