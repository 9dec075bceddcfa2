"""`python -m benchmarks.accuracy`: accuracy over HTTP, every test picture sent as a PNG to a running service.

The labels of a model tell whose test pictures it gets: MNIST's or Fashion-MNIST's.
"""

import argparse
import asyncio
import io
import time

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part

_CONNECTIONS = 8
_MODELS = ["lenet5", "mnist_cnn", "resnet20"]


def main() -> None:
    """Ask for every picture, and print the share of right answers per model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the service (default %(default)s)")
    parser.add_argument("models", nargs="*", default=_MODELS, metavar="MODEL", help=f"default: {' '.join(_MODELS)}")
    options = parser.parse_args()
    for model in options.models:
        try:
            images, targets = _test_files(options.url, model)
            started = time.perf_counter()
            answers = asyncio.run(_ask(options.url, model, [_png(image) for image in images]))
        except httpx.HTTPError as error:
            raise SystemExit(f"{options.url} does not answer for {model}: {error}; is the service running?") from None
        right = int((np.array(answers) == targets).sum())
        seconds = time.perf_counter() - started
        Console().print(f"{model}: {right} of {len(targets)} right, {right / len(targets):.2%}, {seconds:.1f} s")


def _test_files(url: str, model: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, H, W) and class indices (N,) of the dataset that has the labels of the model."""
    answer = httpx.get(f"{url}/v1/models/{model}").raise_for_status().json()
    dataset = next((each for each in DATASETS.values() if list(each.labels) == answer["labels"]), None)
    if dataset is None:
        raise SystemExit(f"There are no test pictures with the labels of {model}.")
    files = find_part(dataset, "test", None)
    if files is None:
        raise SystemExit(f"The test files of {dataset.title} are needed; CONVOY_DATA says where they are.")
    return read_pair(*files, classes=len(dataset.labels))


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
