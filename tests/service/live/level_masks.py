"""What the tiny segmenters have to answer, worked out here from the pictures' brightness."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.service.tiny_segmenter import STEEPNESS

# Half way between the levels of black, gray and white.
_LIMITS = (63.75, 191.25)


def opened(data: bytes) -> Image.Image:
    """The picture in a file."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def array(data: bytes | str) -> NDArray[Any]:
    """The pixels of a file, or of one in base64."""
    return np.asarray(opened(data if isinstance(data, bytes) else base64.b64decode(data, validate=True)))


def level_mask(image: Image.Image) -> NDArray[np.uint8]:
    """The classes of three levels for every pixel, for a network that sees the picture in gray, as it is."""
    classes: NDArray[np.uint8] = np.digitize(np.asarray(image.convert("L")), _LIMITS).astype(np.uint8)
    return classes


def level_logits(image: Image.Image) -> NDArray[np.float32]:
    """The logits of three levels (3, height, width) for a picture in gray."""
    bright = np.asarray(image.convert("L"), np.float32) / 255
    return np.float32(-STEEPNESS) * np.abs(bright - np.array([0, 0.5, 1], np.float32).reshape(3, 1, 1))


def level_scores(image: Image.Image) -> NDArray[np.float64]:
    """The softmax score of the best class of every pixel."""
    logits = level_logits(image).astype(np.float64)
    scores: NDArray[np.float64] = 1 / np.exp(logits - logits.max(axis=0)).sum(axis=0)
    return scores


def shapes(width: int = 45, height: int = 31) -> Image.Image:
    """Gray: a white ring with a gray core on black, gray and white noise in a corner, white along the right edge."""
    y, x = np.mgrid[0:height, 0:width]
    far = np.hypot(x - width * 0.35, y - height * 0.5)
    gray = np.where(far < height * 0.4, 255, 0)
    gray[far < height * 0.25] = 0
    gray[far < height * 0.12] = 128
    corner = gray[: height // 3, -width // 3 :]
    corner[:] = np.random.default_rng(1).choice([0, 128, 255], corner.shape)
    gray[:, -1] = 255
    return Image.fromarray(gray.astype(np.uint8))
