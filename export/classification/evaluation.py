"""What the test files said about a published classifier: accuracy, per class too, and the confusion of classes."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from service.repository.artifact import Share


class ClassResult(BaseModel):
    """The test images of one class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    images: int = Field(ge=0)
    correct: int = Field(ge=0)

    @property
    def accuracy(self) -> float | None:
        """Share of its images that were classified right; None where there are no images."""
        return self.correct / self.images if self.images else None


class Evaluation(BaseModel):
    """One version measured on test files that no choice was made by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    """Of the files that were measured, see `digest`."""
    dataset: str
    images: int = Field(ge=1)
    correct: int = Field(ge=0)
    accuracy: Share
    classes: tuple[ClassResult, ...]
    """In the order of the labels."""
    confusion: tuple[tuple[int, ...], ...]
    """Images per true class (row) and answer (column), in the order of the labels."""

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        return f"accuracy {self.accuracy:.2%} on the {self.images} test pictures of {self.dataset}"

    @classmethod
    def of(
        cls,
        *,
        answers: NDArray[np.int64],
        targets: NDArray[np.int64],
        labels: tuple[str, ...],
        sha256: str,
        dataset: str,
    ) -> Self:
        """Count answers against targets, both class indices (N,)."""
        size = len(labels)
        confusion = np.bincount(targets * size + answers, minlength=size * size).reshape(size, size)
        correct = int(np.trace(confusion))
        return cls(
            sha256=sha256,
            dataset=dataset,
            images=len(targets),
            correct=correct,
            accuracy=correct / len(targets),
            classes=tuple(
                ClassResult(label=label, images=int(row.sum()), correct=int(row[index]))
                for index, (label, row) in enumerate(zip(labels, confusion, strict=True))
            ),
            confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        )
