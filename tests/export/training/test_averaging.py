"""The average follows fast at first and slowly later."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from export.training.averaging import moving_average


def test_the_first_weights_are_soon_forgotten() -> None:
    average, weight = torch.zeros(3), torch.ones(3)
    for step in range(1, 101):
        moving_average(0.999)([average], [weight], step)
    assert average.min() > 0.999


def test_later_the_decay_holds() -> None:
    average, weight = torch.zeros(1), torch.ones(1)
    moving_average(0.9)([average], [weight], 10_000)
    assert float(average) == pytest.approx(0.1)


def test_what_does_not_move_stays_exactly() -> None:
    value = torch.tensor([1.0, -1.0, 0.1])
    average = value.clone()
    for step in range(50):
        moving_average(0.99)([average], [value], step)
    assert torch.equal(average, value)


def test_counters_are_copied() -> None:
    network = nn.BatchNorm1d(2)
    averaged = AveragedModel(network, multi_avg_fn=moving_average(0.99), use_buffers=True)
    for _ in range(3):
        network(torch.randn(4, 2))
        averaged.update_parameters(network)
    assert averaged.module.num_batches_tracked == 3
