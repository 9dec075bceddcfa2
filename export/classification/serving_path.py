"""Pictures through the code that serves them: encoded, decoded, preprocessed, classified."""

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from export.data.dataset import Pictures
from export.picture_bytes import as_served
from service.inference.classifier import classify_batch
from service.inference.model import LoadedModel

_BATCH = 64


def score_pictures(model: LoadedModel, pictures: Pictures) -> NDArray[np.float32]:
    """Scores, float32 (N, classes), of every picture as a caller would get them for PNG bytes; shows progress.

    Raises:
        BadData: a picture cannot be read.
    """
    positions = range(0, len(pictures), _BATCH)
    title = f"{model.name}: {len(pictures):,} {pictures.split} pictures"
    parts: list[NDArray[np.float32]] = []
    for start in track(positions, description=title):
        stop = min(start + _BATCH, len(pictures))
        inputs = [as_served(pictures.read(position), model) for position in range(start, stop)]
        parts.append(classify_batch(model, np.stack(inputs)))
    return np.concatenate(parts)
