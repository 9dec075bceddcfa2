"""Pictures through the code that serves them: encoded, decoded, preprocessed, classified."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from export.data.dataset import Pictures
from service.inference.classifier import classify_batch
from service.inference.image import PIXELS_AT_MOST, decode_image
from service.inference.model import LoadedModel
from service.inference.preprocess import preprocess

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


def as_served(picture: Image.Image, model: LoadedModel) -> NDArray[np.uint8]:
    """The graph's input, uint8 (H, W, C), for a picture that arrives as PNG bytes."""
    return preprocess(decode_image(as_png(picture), max_pixels=PIXELS_AT_MOST), model.metadata.preprocessing)


def as_png(picture: Image.Image) -> bytes:
    """The bytes that a caller would send."""
    buffer = BytesIO()
    # The pixels are all that counts, so nothing is spent on making the file small.
    picture.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
