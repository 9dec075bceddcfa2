"""What Lightning trains: a network with its recipe's loss, augmentation, optimizer and schedule."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import DataLoader, Dataset, Sampler
from torchmetrics.classification import MulticlassAccuracy

from export.classification.augment import augmenter
from export.data.dataset import Arrays
from export.recipes.recipe import Recipe
from models.classifier import Classifier

Batch = tuple[Tensor, Tensor]

# Validation keeps no activations for a backward pass: a larger batch costs no memory and saves time.
_VALIDATION_BATCH = 512


class ArrayBatches(Dataset[Batch]):
    """Arrays in memory that give a whole batch by one indexing: images uint8 (N, C, H, W), targets int64 (N,)."""

    def __init__(self, arrays: Arrays) -> None:
        self._images = torch.from_numpy(arrays.images).permute(0, 3, 1, 2)
        self._targets = torch.from_numpy(arrays.targets)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._targets)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """The batch of these images; the loader takes this in place of one call per image."""
        index = torch.as_tensor(positions)
        return self._images[index], self._targets[index]


class EpochOrder(Sampler[int]):
    """All positions in an order that the seed and the number of the epoch alone decide.

    torch's own shuffling draws from the global stream, so that a resumed training would see another order.
    """

    def __init__(self, size: int, *, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls this before every epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """How many positions there are."""
        return self._size

    def __iter__(self) -> Iterator[int]:
        """The positions."""
        generator = torch.Generator().manual_seed(_mixed(self._seed, self._epoch))
        positions: list[int] = torch.randperm(self._size, generator=generator).tolist()
        yield from positions


def training_loader(arrays: Arrays, *, batch_size: int, seed: int) -> DataLoader[Batch]:
    """Batches in an order of its own for every epoch."""
    return DataLoader(
        ArrayBatches(arrays),
        batch_size=batch_size,
        sampler=EpochOrder(len(arrays.targets), seed=seed),
        collate_fn=_as_it_is,
        # The loader draws a number from it that nothing uses; not from the global stream, please.
        generator=torch.Generator(),
    )


def validation_loader(arrays: Arrays) -> DataLoader[Batch]:
    """Batches in the given order."""
    return DataLoader(
        ArrayBatches(arrays),
        batch_size=_VALIDATION_BATCH,
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )


class Learner(lightning.LightningModule):
    """A classifier in training; only `network` is kept afterwards."""

    def __init__(self, network: Classifier, recipe: Recipe, *, num_classes: int) -> None:
        super().__init__()
        # Faster on CPUs (a quarter on both digit networks) and on tensor cores.
        self.network: Classifier = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.augment = augmenter(recipe.augmentation, input_px=recipe.input_px)
        self.train_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.validation_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.mean: Tensor
        self.std: Tensor
        for name, values in (("mean", recipe.pixel_mean), ("std", recipe.pixel_std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def on_train_epoch_start(self) -> None:
        """Seed by epoch and device, so that a training that was interrupted goes on as if it had not been."""
        torch.manual_seed(_mixed(self.recipe.seed, self.current_epoch, self.global_rank))
        if self.recipe.frozen_epochs:
            self.set_frozen(self.current_epoch < self.recipe.frozen_epochs)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch of changed images."""
        images, targets = batch
        answers = self.network.training_logits(self._normalised(self.augment(images.float() / 255)))
        logits, *auxiliary = (answer.float() for answer in answers)
        smoothing = self.recipe.label_smoothing
        loss = self.loss(logits, targets, label_smoothing=smoothing)
        for answer in auxiliary:
            loss = loss + self.network.auxiliary_weight * self.loss(answer, targets, label_smoothing=smoothing)
        self.train_accuracy(logits.detach(), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(targets))
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Measure one batch of unchanged images, without smoothing."""
        images, targets = batch
        logits = self.logits(images.float() / 255)
        loss = self.loss(logits, targets)
        self.validation_accuracy(logits, targets)
        self.log("validation_loss", loss, on_epoch=True, sync_dist=True, batch_size=len(targets))
        self.log("validation_accuracy", self.validation_accuracy, on_epoch=True, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """The recipe's optimizer with its schedule by step."""
        recipe = self.recipe
        groups = parameter_groups(self.network, weight_decay=recipe.weight_decay)
        optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adamw":
            optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        else:
            optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
        steps = int(self.trainer.estimated_stepping_batches)
        warmup_steps = round(steps * recipe.warmup_epochs / recipe.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_share(step, warmup_steps=warmup_steps, steps=steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def loss(self, logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Cross entropy over the classes, and over the recipe's rubbish class if it has one; the batch's mean."""
        if self.recipe.rubbish_logit is not None:
            rubbish = logits.new_full((len(logits), 1), self.recipe.rubbish_logit)
            logits = torch.cat([logits, rubbish], dim=1)
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits float32 (N, classes) of pixels / 255, float32 (N, C, H, W)."""
        logits: Tensor = self.network(self._normalised(pixels))
        return logits.float()

    def set_frozen(self, frozen: bool) -> None:
        """Hold everything but the heads as it is, its running statistics too, or let all of it learn."""
        self.network.requires_grad_(not frozen)
        self.network.train(not frozen)
        for name in self.network.heads:
            head = self.network.get_submodule(name)
            head.requires_grad_(True)
            head.train()

    def _normalised(self, pixels: Tensor) -> Tensor:
        x = (pixels - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)


def parameter_groups(network: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Kernels and matrices, which decay, then biases and single coefficients, which do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def rate_share(step: int, *, warmup_steps: int, steps: int) -> float:
    """Share of the peak learning rate at a step: a line up to 1, then half a cosine down to 0."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))))


def _mixed(*numbers: int) -> int:
    """A seed of 63 bits that differs wherever one of the numbers does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _as_it_is(batch: Any) -> Any:
    return batch
