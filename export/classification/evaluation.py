"""What the test files said about a published version, kept beside it as evaluation.json."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from export.errors import BadData
from service.repository.artifact import Share

EVALUATION_FILE = "evaluation.json"


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


def read_evaluation(folder: Path) -> Evaluation | None:
    """The evaluation of a version folder; None where it has not been measured.

    Raises:
        BadData: the file is damaged.
    """
    file = folder / EVALUATION_FILE
    try:
        return Evaluation.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise BadData(f"{file} cannot be read; evaluate the version again.") from None
