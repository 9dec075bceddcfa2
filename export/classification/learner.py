"""A classifier in training: augmentation, cross entropy with label smoothing, auxiliary classifiers, accuracy."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchmetrics.classification import MulticlassAccuracy

from export.classification.augment import augmenter
from export.recipes.recipe import ClassificationRecipe
from export.training.batches import Batch
from export.training.learner import Learner
from models.classifier import Classifier


class ClassifierLearner(Learner):
    """A classifier in training."""

    score: ClassVar[str] = "accuracy"
    recipe: ClassificationRecipe

    def __init__(self, network: Classifier, recipe: ClassificationRecipe, *, num_classes: int) -> None:
        super().__init__(network, recipe)
        self.augment = augmenter(recipe.augmentation, input_px=recipe.input_px)
        self.train_accuracy = MulticlassAccuracy(num_classes, average="micro")
        self.validation_accuracy = MulticlassAccuracy(num_classes, average="micro")

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch of changed images."""
        images, targets = batch
        answers = self.network.training_logits(self.normalised(self.augment(images.float() / 255)))
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

    def loss(self, logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Cross entropy over the classes, and over the recipe's rubbish class if it has one; the batch's mean."""
        if self.recipe.rubbish_logit is not None:
            rubbish = logits.new_full((len(logits), 1), self.recipe.rubbish_logit)
            logits = torch.cat([logits, rubbish], dim=1)
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
