"""Masks for tests: blobs such as networks draw, random ones, and the shapes on which tracing goes wrong."""

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.inference.masks.winners import Mask


def smooth_logits(classes: int, height: int, width: int, *, noise: float = 0.2, seed: int = 0) -> NDArray[np.float32]:
    """Logits (classes, height, width) with blobs a tenth of the width large, and a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 4, (classes, 8, 10)).astype(np.float32)
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC) for plane in coarse]
    smooth: NDArray[np.float32] = np.stack([np.asarray(plane) for plane in planes])
    return smooth + random.normal(0, noise, smooth.shape).astype(np.float32)


def blobs(height: int, width: int, *, classes: int = 5, seed: int = 0) -> Mask:
    """A mask of blobs with noisy borders."""
    mask: Mask = smooth_logits(classes, height, width, seed=seed).argmax(axis=0).astype(np.uint8)
    return mask


def drawn(*rows: str) -> Mask:
    """A mask from its digits."""
    return np.array([[int(digit) for digit in row] for row in rows], np.uint8)


SHAPES: dict[str, Mask] = {
    "one pixel": drawn("3"),
    "full": np.full((4, 7), 2, np.uint8),
    "one row": drawn("0110221"),
    "one column": drawn(*"0110221"),
    "checkerboard": (np.indices((7, 9)).sum(axis=0) % 2).astype(np.uint8),
    "islands in lakes": drawn(
        "111111111",
        "100000001",
        "101111101",
        "101000101",
        "101010101",
        "101000101",
        "101111101",
        "100000001",
        "111111111",
    ),
    "diagonal": np.eye(6, dtype=np.uint8),
    "two holes that touch": drawn("11111", "10111", "11011", "11111"),
    "a ring that closes at a corner": drawn("1111", "1001", "1011", "1110"),
    "four classes around a vertex": drawn("12", "34"),
    "many classes": np.arange(30, dtype=np.uint16).reshape(5, 6) * 2000,
}


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Masks of up to 12x12 pixels and four classes, the largest of which may be 255, 256 or 65534."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    most = draw(st.integers(0, 3))
    flat = draw(st.lists(st.integers(0, most), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    classes = np.array(flat, np.uint16).reshape(shape)
    largest = draw(st.sampled_from([3, 255, 256, 65534]))
    classes[classes == 3] = largest
    return classes if largest > 255 else classes.astype(np.uint8)
