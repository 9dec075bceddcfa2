"""A strided 1 x 1 convolution answers as torch's own, and can be trained at every width."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from models.strided import StridedPointwise

# In a process of its own: what went wrong here took the process with it.
_TRAIN = """
import torch
from models.strided import StridedPointwise
for channels in (1, 3, 8, 12, 15, 16):
    layer = StridedPointwise(channels, 2 * channels, 2, bias=False).to(memory_format=torch.channels_last)
    for size in (24, 33, 48):
        x = torch.randn(16, channels, size, size).contiguous(memory_format=torch.channels_last)
        layer(x).square().mean().backward()
print("trained")
"""


@pytest.mark.parametrize(("step", "size"), [(1, 5), (2, 8), (2, 7), (3, 10), (2, 1)])
def test_it_answers_as_a_convolution_with_that_stride(step: int, size: int) -> None:
    layer = StridedPointwise(3, 4, step, bias=True)
    x = torch.randn(2, 3, size, size + 1)
    assert torch.allclose(layer(x), F.conv2d(x, layer.weight, layer.bias, stride=step), atol=1e-6)


def test_narrow_ones_can_be_trained_in_channels_last() -> None:
    ended = subprocess.run([sys.executable, "-c", _TRAIN], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "trained\n"), ended.stderr
