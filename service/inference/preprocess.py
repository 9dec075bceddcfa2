"""Turns a picture into the graph's uint8 input, and a map over that input back into one over the picture."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import InvalidParameter
from service.inference.placement import place
from service.inference.polarity import guess_polarity, turn_round
from service.repository.artifact import Polarity, Preprocessing

PicturePolarity = Polarity | Literal["auto"] | None
"""What is known of a picture: its polarity, that it shall be guessed ("auto"), or nothing (None)."""

_FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_Box = tuple[float, float, float, float]


def preprocess(image: Image.Image, spec: Preprocessing, *, polarity: PicturePolarity = None) -> NDArray[np.uint8]:
    """A picture as the network's input, before scaling and normalisation, which are in the graph.

    Args:
        image: Mode "L" or "RGB".
        spec: What the network was trained with.
        polarity: What the picture shows. Where that is not what the network saw, the picture is turned round
            before padding is added. None changes nothing.

    Returns:
        uint8 (H, W, C), C-contiguous, possibly read-only. Padding is the network's background: 255 for
        dark-on-light, otherwise 0.

    Raises:
        InvalidParameter: A polarity is given and the network has none, or the picture does not have the size that
            the network takes as it is.
    """
    if polarity is not None and spec.polarity is None:
        raise InvalidParameter("This model has no polarity: it takes pictures as they are.")
    input_px, scaled_px, (dx, dy) = place(image.size, spec)
    mode = "L" if spec.colour == "gray" else "RGB"
    if mode == "L" and image.mode != "L":
        image = image.convert("L")
    # The part of the input that the picture covers, and the part of the picture that is seen there.
    left, top = max(0, dx), max(0, dy)
    right, bottom = min(input_px[0], dx + scaled_px[0]), min(input_px[1], dy + scaled_px[1])
    shown_px = right - left, bottom - top
    if scaled_px != image.size or shown_px != scaled_px:
        scale_x, scale_y = image.width / scaled_px[0], image.height / scaled_px[1]
        box = (
            (left - dx) * scale_x,
            (top - dy) * scale_y,
            min((right - dx) * scale_x, image.width),
            min((bottom - dy) * scale_y, image.height),
        )
        image = _sample(image, shown_px, box, spec)
    if image.mode != mode:
        image = image.convert(mode)
    pixels = np.frombuffer(image.tobytes(), np.uint8).reshape(shown_px[1], shown_px[0], spec.channels)
    if polarity is not None:
        shown = guess_polarity(pixels) if polarity == "auto" else polarity
        if shown != spec.polarity:
            pixels = turn_round(pixels, shown)
    if shown_px == input_px:
        return pixels
    background = 255 if spec.polarity == "dark-on-light" else 0
    padded = np.full((input_px[1], input_px[0], spec.channels), background, np.uint8)
    padded[top:bottom, left:right] = pixels
    return padded


def _sample(image: Image.Image, size_px: tuple[int, int], box: _Box, spec: Preprocessing) -> Image.Image:
    """The part `box` (left, top, right, bottom; fractions of pixels allowed) of a picture, at `size_px`.

    Taking a part gives what cutting the whole scaled picture gives, without ever making that: a picture of
    1x10000 pixels, scaled until its shorter edge has 256, would take a gigabyte.
    """
    resampling = _FILTERS[spec.interpolation]
    if spec.antialias:
        return image.resize(size_px, resampling, box)
    # `resize` always averages over what falls together; a transform looks at single points.
    return image.transform(size_px, Image.Transform.EXTENT, box, resampling)


def place_map(cam: NDArray[np.float32], size_px: tuple[int, int], spec: Preprocessing) -> NDArray[np.float32]:
    """Put a map over the network's input back onto the picture that went in.

    Args:
        cam: (h, w), stretched over the whole input, whatever its own size.
        size_px: (width, height) of the picture.
        spec: What `preprocess` was called with.

    Returns:
        (height, width), interpolated linearly. What the network did not see, outside a cut-out, is 0; what it saw
        beside the picture, the padding, is left out. Takes memory for the picture's size and no more.
    """
    input_px, scaled_px, offset_px = place(size_px, spec)
    image = Image.fromarray(np.ascontiguousarray(cam, np.float32))
    # Columns and rows of the map per pixel of the picture; where pixels are the coarser ones, the map is averaged.
    steps = [
        cells * scaled / (whole * pixels)
        for cells, scaled, whole, pixels in zip(image.size, scaled_px, input_px, size_px, strict=True)
    ]
    if max(steps) > 1:
        coarse = [max(1, round(cells / max(1, step))) for cells, step in zip(image.size, steps, strict=True)]
        image = image.resize((coarse[0], coarse[1]), Image.Resampling.BOX)
    per_x, per_y = image.width / input_px[0], image.height / input_px[1]
    picture_box = (
        offset_px[0] * per_x,
        offset_px[1] * per_y,
        (offset_px[0] + scaled_px[0]) * per_x,
        (offset_px[1] + scaled_px[1]) * per_y,
    )
    placed = image.transform(size_px, Image.Transform.EXTENT, picture_box, Image.Resampling.BILINEAR)
    return np.asarray(placed, np.float32)
