"""First weights for networks of convolutions with ReLU."""

import math

import torch
from torch import nn


def initialise_for_relu(network: nn.Module) -> None:
    """Give every convolution weights of variance 2 / fan-in, and every layer that has biases zero ones.

    He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2: signals then keep their size through any number
    of convolutions. Fully connected layers keep torch's smaller weights, of variance 1 / (3 fan-in), near the
    deviation of 0.01 that the papers on AlexNet and VGG draw with. With He's weights there too, 4096 large states make
    the last layer so steep that the learning rate of these papers, 0.01, ends AlexNet's learning in its first steps.
    """
    with torch.no_grad():
        for layer in network.modules():
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                continue
            if layer.bias is not None:
                layer.bias.zero_()
            if isinstance(layer, nn.Conv2d):
                # torch has drawn from +-1 / sqrt(fan-in), of variance 1 / (3 fan-in).
                layer.weight.mul_(math.sqrt(6))
