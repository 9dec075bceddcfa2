"""What every network offers whoever trains it, whatever its task."""

from abc import ABC
from typing import ClassVar

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """A network from normalised pictures, float32 (N, C, H, W), to logits, float32, classes on the second axis."""

    heads: ClassVar[tuple[str, ...]]
    """Names of the layers whose shape hangs on the number of classes; those that answer come first."""
    auxiliary: ClassVar[tuple[str, ...]] = ()
    """Names of the modules that only training uses."""
    auxiliary_weight: ClassVar[float] = 0.0
    """Weight of the loss of each auxiliary head in training."""

    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        """Logits of the network and of each of its auxiliary heads, all of one shape, for the loss in training."""
        return (self(x),)
