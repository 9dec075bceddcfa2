"""The schedule, the batches and the loss of a training."""

import math
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from export.classification.learner import ClassifierLearner
from export.recipes import CLASSIFIERS, Augmentation
from export.serving_graph import ServingGraph
from export.training.batches import ArrayBatches, EpochOrder, training_loader, validation_loader
from export.training.learner import parameter_groups, rate_share
from models import build_model
from models.classifier import Classifier


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine() -> None:
    shares = [rate_share(step, warmup_steps=4, steps=12) for step in range(13)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert shares[8] == pytest.approx(0.5)
    assert shares[12] == 0.0
    assert shares[4:] == sorted(shares[4:], reverse=True)


def test_the_rate_can_start_at_its_peak_and_stays_at_zero_beyond_the_end() -> None:
    assert rate_share(0, warmup_steps=0, steps=5) == 1.0
    assert rate_share(9, warmup_steps=0, steps=5) == 0.0


@pytest.fixture
def arrays() -> ArrayBatches:
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 28, 28, 1), np.uint8)
    return ArrayBatches(images, np.arange(10, dtype=np.int64))


def test_training_batches_hold_every_image_once_with_its_target(arrays: ArrayBatches) -> None:
    batches = list(training_loader(arrays, batch_size=4, seed=1))
    assert [tuple(images.shape) for images, _ in batches] == [(4, 1, 28, 28), (4, 1, 28, 28), (2, 1, 28, 28)]
    targets = torch.cat([targets for _, targets in batches])
    assert torch.equal(torch.cat([images[:, 0, 0, 0] for images, _ in batches]).long(), targets)
    assert targets.tolist() != list(range(10))
    assert sorted(targets.tolist()) == list(range(10))


def test_the_order_hangs_on_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = EpochOrder(50, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    torch.manual_seed(1)
    first = order(5, 3)
    torch.manual_seed(2)
    assert order(5, 3) == first
    assert sorted(first) == list(range(50))
    assert first != order(5, 4)
    assert first != order(6, 3)


def test_the_parts_of_a_pass_share_no_image_and_the_next_pass_parts_them_otherwise() -> None:
    sampler = EpochOrder(50, seed=5, parts=5)
    epochs = []
    for epoch in range(10):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert [len(positions) for positions in epochs] == [len(sampler)] * 10 == [10] * 10
    for each in (epochs[:5], epochs[5:]):
        assert sorted(chain.from_iterable(each)) == list(range(50))
    assert all(set(epochs[0]) != set(later) for later in epochs[5:])


def test_validation_batches_keep_their_order(arrays: ArrayBatches) -> None:
    ((_, targets),) = validation_loader(arrays, batch_size=512)
    assert targets.tolist() == list(range(10))


def test_biases_and_single_coefficients_do_not_decay() -> None:
    network = build_model("lenet5", num_classes=10, in_channels=1)
    decaying, free = parameter_groups(network, weight_decay=0.5)
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.5, 0.0)
    assert sum(p.numel() for p in free["params"]) == 6 + 12 + 16 + 32 + 120 + 84
    assert len(decaying["params"]) + len(free["params"]) == len(list(network.parameters()))


def test_the_network_sees_what_the_graph_will_see() -> None:
    recipe = replace(CLASSIFIERS["lenet5"], augmentation=Augmentation())
    network = build_model("lenet5", num_classes=10, in_channels=1)
    assert isinstance(network, Classifier)
    graph = ServingGraph(network, mean=recipe.pixel_mean, std=recipe.pixel_std)
    images = torch.randint(0, 256, (3, 32, 32, 1), dtype=torch.uint8)
    served, _ = graph(images, torch.full((3,), -1))
    learner = ClassifierLearner(network, recipe, num_classes=10)
    assert torch.allclose(learner.logits(images.permute(0, 3, 1, 2).float() / 255), served, rtol=1e-4, atol=1e-3)


def test_lenet5_is_trained_by_equation_9_of_its_paper() -> None:
    recipe = replace(CLASSIFIERS["lenet5"], rubbish_logit=-3.0)
    network = build_model("lenet5", num_classes=10, in_channels=1)
    assert isinstance(network, Classifier)
    learner = ClassifierLearner(network, recipe, num_classes=10)
    distances = torch.rand(5, 10) * 20
    targets = torch.arange(5)
    right = distances[torch.arange(5), targets]
    equation_9 = right + torch.log(math.exp(-3.0) + torch.exp(-distances).sum(dim=1))
    assert torch.allclose(learner.loss(-distances, targets), equation_9.mean(), atol=1e-5)
