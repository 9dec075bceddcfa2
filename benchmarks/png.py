"""`python -m benchmarks.png`: CPU time and size of an overlay's PNG by Pillow's ways of compressing it."""

import io
import time
import zlib

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

_RUNS = 15
_WAYS = {
    "Pillow's default (level 6)": {},
    "level 1": {"compress_level": 1},
    "runs only (Z_RLE)": {"compress_type": zlib.Z_RLE},
    "Huffman codes only": {"compress_type": zlib.Z_HUFFMAN_ONLY},
}


def photo() -> Image.Image:
    """A 500x375 picture that compresses like a photo: smooth colours and sensor noise, made from a seed."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray(np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8))


def main() -> None:
    """Print the table."""
    picture = photo()
    table = Table("", "CPU ms, best of 15", "KB", title="PNG of a 500x375 photo")
    for name, options in _WAYS.items():
        best_s, size = float("inf"), 0
        for _ in range(_RUNS):
            started = time.process_time()
            file = io.BytesIO()
            picture.save(file, "PNG", **options)
            best_s, size = min(best_s, time.process_time() - started), file.tell()
        table.add_row(name, f"{best_s * 1000:.1f}", f"{size / 1000:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
