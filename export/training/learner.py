"""What Lightning trains, whatever the task: a network with its recipe's optimizer, schedule and frozen start."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from export.recipes.recipe import Recipe
from export.training.batches import Batch, mixed_seed
from models.network import Network


class Learner(lightning.LightningModule):
    """A network in training; only `network` is kept afterwards.

    Each epoch logs `train_loss` and `validation_loss`, and `score` of both, as in `train_accuracy`.
    """

    score: ClassVar[str]
    """What the validation data is judged by, more being better, as it stands in the names of columns."""

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        # Faster on CPUs (a quarter on both digit networks) and on tensor cores.
        self.network: Network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.mean: Tensor
        self.std: Tensor
        for name, values in (("mean", recipe.pixel_mean), ("std", recipe.pixel_std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    @abstractmethod
    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch of changed images."""

    @abstractmethod
    def validation_step(self, batch: Batch, _: int) -> None:
        """Measure one batch of unchanged images."""

    def on_train_epoch_start(self) -> None:
        """Seed by epoch and device, so that a training that was interrupted goes on as if it had not been."""
        torch.manual_seed(mixed_seed(self.recipe.seed, self.current_epoch, self.global_rank))
        if self.recipe.frozen_epochs:
            self.set_frozen(self.current_epoch < self.recipe.frozen_epochs)

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

    def set_frozen(self, frozen: bool) -> None:
        """Hold everything but the heads as it is, its running statistics too, or let all of it learn."""
        self.network.requires_grad_(not frozen)
        self.network.train(not frozen)
        for name in self.network.heads:
            head = self.network.get_submodule(name)
            head.requires_grad_(True)
            head.train()

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits float32 of pixels / 255, float32 (N, C, H, W)."""
        logits: Tensor = self.network(self.normalised(pixels))
        return logits.float()

    def normalised(self, pixels: Tensor) -> Tensor:
        """What the network sees of pixels / 255."""
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
