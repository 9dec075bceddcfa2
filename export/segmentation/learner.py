"""A segmenter in training: windows that change, the recipe's losses, auxiliary heads, mean IoU."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from export.recipes.recipe import IGNORED, SegmentationRecipe
from export.segmentation.augment import MaskedAugmenter
from export.segmentation.losses import loss_of
from export.segmentation.scores import mean_iou
from export.training.batches import Batch
from export.training.learner import Learner
from models.segmenter import Segmenter


class MeanIoU(MulticlassConfusionMatrix):
    """Mean IoU over all pixels that were seen, on all devices."""

    def __init__(self, num_classes: int, *, ignored: int) -> None:
        super().__init__(num_classes, ignore_index=IGNORED, validate_args=False)
        self._ignored = ignored

    def compute(self) -> Tensor:
        """In [0, 1]."""
        return torch.tensor(mean_iou(super().compute().cpu().numpy(), ignored=self._ignored))


class SegmenterLearner(Learner):
    """A segmenter in training."""

    score: ClassVar[str] = "mean_iou"
    recipe: SegmentationRecipe
    class_weights: Tensor | None

    def __init__(
        self,
        network: Segmenter,
        recipe: SegmentationRecipe,
        *,
        num_classes: int,
        class_weights: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__(network, recipe)
        self.augment = MaskedAugmenter(recipe.augmentation)
        self.train_mean_iou = MeanIoU(num_classes, ignored=recipe.ignore_index)
        self.validation_mean_iou = MeanIoU(num_classes, ignored=recipe.ignore_index)
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch of changed windows."""
        images, masks = self.augment(batch[0].float() / 255, batch[1])
        answers = self.network.training_logits(self.normalised(images))
        logits, *auxiliary = (answer.float() for answer in answers)
        loss = self.loss(logits, masks)
        for answer in auxiliary:
            loss = loss + self.network.auxiliary_weight * self.loss(answer, masks)
        self.train_mean_iou(logits.detach().argmax(dim=1), masks)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(masks))
        self.log("train_mean_iou", self.train_mean_iou, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Measure one batch of windows."""
        images, masks = batch
        logits = self.logits(images.float() / 255)
        self.validation_mean_iou(logits.argmax(dim=1), masks)
        self.log("validation_loss", self.loss(logits, masks), on_epoch=True, sync_dist=True, batch_size=len(masks))
        self.log("validation_mean_iou", self.validation_mean_iou, on_epoch=True, prog_bar=True)

    def loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        """The recipe's losses of logits (N, classes, H, W)."""
        return loss_of(logits, masks, self.recipe, self.class_weights)
