"""First weights for networks of convolutions and fully connected layers with ReLU between them."""

import math

import torch
from torch import nn


def initialise_for_relu(network: nn.Module) -> None:
    """Give every layer but the last weights of variance 2 / fan-in and biases of zero, and the last one zero biases.

    He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2: signals then keep their size through any number
    of layers. The last layer has no ReLU and keeps torch's weights, whose smaller logits start at a smaller loss.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for layer in layers:
            if layer.bias is not None:
                layer.bias.zero_()
        for layer in layers[:-1]:
            # torch has drawn from +-1 / sqrt(fan-in), of variance 1 / (3 fan-in). Stretching that costs one pass over
            # the 138 million weights of VGG16; drawing anew costs as much as building the network did.
            layer.weight.mul_(math.sqrt(6))
