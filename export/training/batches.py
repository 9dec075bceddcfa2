"""Batches out of memory, in an order that the seed and the number of the epoch alone decide."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

Batch = tuple[Tensor, Tensor]
"""Images uint8 (N, C, H, W) and what they show, int64: classes (N,), or a class per pixel (N, H, W)."""


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What a training learns from, and what choices are made by."""

    dataset: str
    labels: tuple[str, ...]
    """Names of the classes, in the order of their indices."""
    images: int
    """Images of one epoch."""
    batches: DataLoader[Batch]
    validation: DataLoader[Batch]
    class_weights: tuple[float, ...] | None = None
    """Of each class in the loss, in the order of the labels; None where all count alike."""


class WholeBatches(Sized, Protocol):
    """A dataset that gives a whole batch by one call; the loader takes this in place of one call per image."""

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """The batch of these images."""


class ArrayBatches(Dataset[Batch]):
    """Arrays in memory: images uint8 (N, H, W, C), and targets int64 (N,) or uint8 (N, H, W)."""

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.int64] | NDArray[np.uint8]) -> None:
        self._images = torch.from_numpy(images).permute(0, 3, 1, 2)
        self._targets = torch.from_numpy(targets)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._targets)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """The batch of these images."""
        index = torch.as_tensor(positions)
        return self._images[index], self._targets[index].long()


class EpochOrder(Sampler[int]):
    """All positions in an order that the seed and the number of the epoch alone decide.

    torch's own shuffling draws from the global stream, so that a resumed training would see another order.

    With `parts`, an epoch goes through one of so many parts of the positions, and the parts of one pass share none.
    """

    def __init__(self, size: int, *, seed: int, parts: int = 1) -> None:
        self._size = size
        self._seed = seed
        self._parts = parts
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls this before every epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """How many positions an epoch has."""
        return self._size // self._parts

    def __iter__(self) -> Iterator[int]:
        """The positions."""
        pass_, part = divmod(self._epoch, self._parts)
        generator = torch.Generator().manual_seed(mixed_seed(self._seed, pass_))
        positions: list[int] = torch.randperm(self._size, generator=generator).tolist()
        yield from positions[part * len(self) : (part + 1) * len(self)]


def training_loader(images: WholeBatches, *, batch_size: int, seed: int, parts: int = 1) -> DataLoader[Batch]:
    """Batches in an order of its own for every epoch, which sees one of `parts` parts of the images.

    A last batch of a single image, another one in every epoch, is left out: batch normalisation has nothing to go by
    where its maps have shrunk to one position.
    """
    order = EpochOrder(len(images), seed=seed, parts=parts)
    leaves_one = len(order) > batch_size and len(order) % batch_size == 1
    return _loader(images, batch_size, order, drop_last=leaves_one)


def validation_loader(images: WholeBatches, *, batch_size: int) -> DataLoader[Batch]:
    """Batches in the given order."""
    return _loader(images, batch_size, None, drop_last=False)


def mixed_seed(*numbers: int) -> int:
    """A seed of 63 bits that differs wherever one of the numbers does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _loader(images: WholeBatches, batch_size: int, order: EpochOrder | None, *, drop_last: bool) -> DataLoader[Batch]:
    assert isinstance(images, Dataset)
    return DataLoader(
        images,
        batch_size=batch_size,
        sampler=order,
        drop_last=drop_last,
        collate_fn=_as_it_is,
        # The loader draws a number from it that nothing uses; not from the global stream, please.
        generator=torch.Generator(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
