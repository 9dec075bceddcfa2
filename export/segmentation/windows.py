"""Square windows of pictures and their masks: somewhere else in every epoch for training, the middle for validation."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from export.data.masked import MaskedArrays
from export.recipes.recipe import IGNORED
from export.training.batches import Batch

Where = Literal["anywhere", "middle"]


class WindowBatches(Dataset[Batch]):
    """Windows of `edge_px` squared; what lies outside a picture continues its edge, and is ignored in the mask."""

    def __init__(self, arrays: MaskedArrays, *, edge_px: int, where: Where) -> None:
        self._arrays = arrays
        self._edge_px = edge_px
        self._where: Where = where

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self._arrays.images)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """One window of each of these pictures."""
        pairs = [self._window(position) for position in positions]
        images = np.stack([image for image, _ in pairs])
        masks = np.stack([mask for _, mask in pairs])
        return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(masks).long()

    def _window(self, position: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        image, mask = self._arrays.images[position], self._arrays.masks[position]
        missing = [max(0, self._edge_px - length) for length in mask.shape]
        if any(missing):
            border = [(length // 2, length - length // 2) for length in missing]
            image = np.pad(image, [*border, (0, 0)], mode="edge")
            mask = np.pad(mask, border, constant_values=IGNORED)
        top, left = (self._start(length - self._edge_px) for length in mask.shape)
        window = slice(top, top + self._edge_px), slice(left, left + self._edge_px)
        return image[window], mask[window]

    def _start(self, spare_px: int) -> int:
        if self._where == "middle" or spare_px == 0:
            return spare_px // 2
        # From torch's stream, which every epoch seeds anew.
        return int(torch.randint(spare_px + 1, ()))
