"""A picture as the bytes that a caller would send, and as the graph's input that the service makes of them."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.image import PIXELS_AT_MOST, decode_image
from service.inference.model import LoadedModel
from service.inference.preprocess import preprocess


def as_served(picture: Image.Image, model: LoadedModel) -> NDArray[np.uint8]:
    """The graph's input, uint8 (H, W, C), for a picture that arrives as PNG bytes."""
    return preprocess(decode_image(as_png(picture), max_pixels=PIXELS_AT_MOST), model.metadata.preprocessing)


def as_png(picture: Image.Image) -> bytes:
    """The bytes that a caller would send."""
    buffer = BytesIO()
    # The pixels are all that counts, so nothing is spent on making the file small.
    picture.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
