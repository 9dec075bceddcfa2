"""A small convolutional network for MNIST-sized pictures: input 28 x 28 gray, 118,346 parameters.

After TensorFlow's tutorial "Deep MNIST for Experts" (2015), which made the pattern common: two rounds of 5 x 5
convolution, ReLU and 2 x 2 max pooling. Here without padding and with 64 hidden units, a tenth as large.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from models.fully_connected import FullyConnectedClassifier
from models.options import Range


class MnistCnn(FullyConnectedClassifier):
    """Two convolutions with max pooling and two fully connected layers, for pictures of 28 x 28.

    `dropout` is the share of hidden units left out in training. The map is Grad-CAM at the second
    convolution, after its ReLU: (N, 8, 8).
    """

    cam_layer = "conv2"
    heads: ClassVar[tuple[str, ...]] = ("fc2",)
    grid = (4, 4)
    stride_px = 4

    def __init__(self, *, num_classes: int, in_channels: int, dropout: Annotated[float, Range(0, 1)] = 0.5) -> None:
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
        states = torch.relu(self.fc1(self.convolutions()(x).flatten(1)))
        logits: Tensor = self.fc2(self.dropout(states))
        return logits

    def convolutions(self) -> nn.Sequential:
        """Both rounds; see `FullyConnectedClassifier`."""
        return nn.Sequential(self.conv1, nn.ReLU(), self.pool1, self.conv2, nn.ReLU(), self.pool2)

    def linears(self) -> list[nn.Linear]:
        """Both layers of the head; see `FullyConnectedClassifier`."""
        return [self.fc1, self.fc2]
