"""A small convolutional network for MNIST-sized pictures: input 28 x 28 gray, 118,346 parameters.

After TensorFlow's tutorial "Deep MNIST for Experts" (2015), which made the pattern common: two rounds of 5 x 5
convolution, ReLU and 2 x 2 max pooling. Here without padding and with 64 hidden units, a tenth as large.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from models.classifier import Classifier, grad_cam, resolve_target


class MnistCnn(Classifier):
    """Two convolutions with max pooling and two fully connected layers, for pictures of 28 x 28.

    `dropout` is the share of hidden units left out in training. The map is Grad-CAM at the second
    convolution, after its ReLU: (N, 8, 8).
    """

    cam_method: ClassVar[Literal["cam", "grad-cam"]] = "grad-cam"
    cam_layer: ClassVar[str] = "conv2"

    def __init__(self, *, num_classes: int, in_channels: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 32, 5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 64, 5)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(64 * 4 * 4, 64)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, C, 28, 28) to logits (N, classes)."""
        logits: Tensor = self.fc2(self.dropout(self._hidden(self._activations(x))))
        return logits

    def forward_with_cam(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (N, classes) and Grad-CAM at conv2 (N, 8, 8); see `Classifier`."""
        activations = self._activations(x)
        hidden = self._hidden(activations)
        logits = self.fc2(hidden)
        at_fc1 = self.fc2.weight.index_select(0, resolve_target(logits, target)) * (hidden > 0)
        # Max pooling hands each gradient on to one position, so sums over positions pass through it unchanged,
        # and the sum is all that Grad-CAM wants: fc1's weights may be summed over positions beforehand.
        positions = activations.shape[2] * activations.shape[3]
        per_map = self.fc1.weight.view(64, 64, positions // 4).sum(dim=2) / positions
        return logits, grad_cam(activations, at_fc1 @ per_map)

    def _activations(self, x: Tensor) -> Tensor:
        """States of conv2, (N, 64, 8, 8)."""
        return torch.relu(self.conv2(self.pool1(torch.relu(self.conv1(x)))))

    def _hidden(self, activations: Tensor) -> Tensor:
        """States of fc1, (N, 64)."""
        return torch.relu(self.fc1(self.pool2(activations).flatten(1)))
