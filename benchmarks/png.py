"""`python -m benchmarks.png`: CPU time and size of PNG files by several ways of compressing them: overlays, masks."""

import io
import time
import zlib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from service.inference.masks.png import index_png
from service.inference.masks.resizing import picture_classes
from service.inference.masks.winners import Mask

_RUNS = 15
_WAYS = {
    "Pillow's default (level 6)": {},
    "level 1": {"compress_level": 1},
    "runs only (Z_RLE)": {"compress_type": zlib.Z_RLE},
    "Huffman codes only": {"compress_type": zlib.Z_HUFFMAN_ONLY},
}
_LEVELS = (1, 4, 6, 9)
_MASKS_PX = ((128, 128), (500, 375), (4000, 3000))


def photo() -> Image.Image:
    """A 500x375 picture that compresses like a photo: smooth colours and sensor noise, made from a seed."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray(np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8))


def mask(size_px: tuple[int, int]) -> Mask:
    """A mask of 21 classes as networks draw them: blobs with frayed borders, made from a seed."""
    random = np.random.default_rng(0)
    # The network's own map is no larger than 512x384.
    own_px = min(size_px[0], 512), min(size_px[1], 384)
    coarse = random.normal(0, 4, (21, 10, 14)).astype(np.float32)
    smooth = [np.asarray(Image.fromarray(plane).resize(own_px, Image.Resampling.BICUBIC)) for plane in coarse]
    logits = np.stack(smooth) + random.normal(0, 0.2, (21, *own_px[::-1])).astype(np.float32)
    return picture_classes(logits, size_px)


def main() -> None:
    """Print the tables."""
    picture = photo()
    _print("PNG of a 500x375 photo", {name: _by_pillow(picture, options) for name, options in _WAYS.items()})
    for width, height in _MASKS_PX:
        classes = mask((width, height))
        gray = Image.fromarray(classes)
        ways = {f"Pillow: {name}": _by_pillow(gray, options) for name, options in _WAYS.items()}
        ways |= {f"without filters, level {level}": _unfiltered(classes, level) for level in _LEVELS}
        ways["without filters, runs only: the service"] = partial(index_png, classes)
        _print(f"PNG of a {width}x{height} mask", ways)


def _by_pillow(picture: Image.Image, options: Mapping[str, int]) -> Callable[[], bytes]:
    def write() -> bytes:
        file = io.BytesIO()
        picture.save(file, "PNG", **options)
        return file.getvalue()

    return write


def _unfiltered(classes: Mask, level: int) -> Callable[[], bytes]:
    def write() -> bytes:
        deflate = zlib.compressobj(level)
        lines = np.pad(classes, ((0, 0), (1, 0)))
        return deflate.compress(lines.data) + deflate.flush()

    return write


def _print(title: str, ways: Mapping[str, Callable[[], bytes]]) -> None:
    table = Table("", f"CPU ms, best of {_RUNS}", "KB", title=title)
    for name, write in ways.items():
        best_s, size = float("inf"), 0
        for _ in range(_RUNS):
            started = time.process_time()
            size = len(write())
            best_s = min(best_s, time.process_time() - started)
        table.add_row(name, f"{best_s * 1000:.2f}", f"{size / 1000:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
