"""What the test files said about a published segmenter: IoU and pixels per class, and the confusion of classes."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from export.segmentation.scores import class_ious, mean_iou, pixel_accuracy
from service.repository.artifact import Share


class MaskClassResult(BaseModel):
    """The test pixels of one class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    pixels: int = Field(ge=0)
    iou: Share | None
    """Intersection over union; None where the class is neither there nor answered, or is ignored."""


class MaskEvaluation(BaseModel):
    """One version measured on test files that no choice was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    """Of the files that were measured, see `digest`."""
    dataset: str
    images: int = Field(ge=1)
    mean_iou: Share
    pixel_accuracy: Share
    classes: tuple[MaskClassResult, ...]
    """In the order of the labels."""
    confusion: tuple[tuple[int, ...], ...]
    """Pixels per true class (row) and answer (column), in the order of the labels."""

    @classmethod
    def of(
        cls,
        confusion: NDArray[np.int64],
        *,
        labels: tuple[str, ...],
        ignored: int,
        images: int,
        sha256: str,
        dataset: str,
    ) -> Self:
        """Read the scores from a confusion matrix of pixels; those of the class `ignored` are not in it."""
        ious, pixels = class_ious(confusion, ignored=ignored), confusion.sum(axis=1)
        return cls(
            sha256=sha256,
            dataset=dataset,
            images=images,
            mean_iou=mean_iou(confusion, ignored=ignored),
            pixel_accuracy=pixel_accuracy(confusion),
            classes=tuple(
                MaskClassResult(label=label, pixels=int(count), iou=None if np.isnan(iou) else float(iou))
                for label, count, iou in zip(labels, pixels, ious, strict=True)
            ),
            confusion=tuple(tuple(row) for row in confusion.tolist()),
        )

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        return (
            f"mean IoU {self.mean_iou:.2%}, pixel accuracy {self.pixel_accuracy:.2%} on the {self.images} test "
            f"pictures of {self.dataset}"
        )
