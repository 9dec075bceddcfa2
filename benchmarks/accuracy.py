"""`python -m benchmarks.accuracy`: accuracy over HTTP, every MNIST test picture sent as a PNG to a running service."""

import argparse
import asyncio
import io
import time

import httpx
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part

_CONNECTIONS = 8


def main() -> None:
    """Ask for every picture, and print the share of right answers per model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the service (default %(default)s)")
    parser.add_argument("models", nargs="*", default=["lenet5", "mnist_cnn"], help="default: lenet5 mnist_cnn")
    options = parser.parse_args()
    files = find_part(DATASETS["mnist"], "test", None)
    if files is None:
        raise SystemExit("The MNIST test files are needed; CONVOY_DATA says where they are.")
    images, digits = read_pair(*files, classes=10)
    bodies = [_png(image) for image in images]
    for model in options.models:
        started = time.perf_counter()
        try:
            answers = asyncio.run(_ask(options.url, model, bodies))
        except httpx.HTTPError as error:
            raise SystemExit(f"{options.url} does not answer for {model}: {error}; is the service running?") from None
        right = int((np.array(answers) == digits).sum())
        seconds = time.perf_counter() - started
        Console().print(f"{model}: {right} of {len(digits)} right, {right / len(digits):.2%}, {seconds:.1f} s")


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


async def _ask(url: str, model: str, bodies: list[bytes]) -> list[int]:
    answers = [-1] * len(bodies)
    numbers = iter(range(len(bodies)))
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(model, total=len(bodies))
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:

            async def worker() -> None:
                for number in numbers:
                    answer = await client.post(f"/v1/models/{model}/classify?top_k=1", content=bodies[number])
                    answer.raise_for_status()
                    answers[number] = answer.json()["predictions"][0]["index"]
                    progress.advance(bar)

            await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))
    return answers


if __name__ == "__main__":
    main()
