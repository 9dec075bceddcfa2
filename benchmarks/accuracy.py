"""`python -m benchmarks.accuracy`: accuracy over HTTP, every test picture sent as a PNG to a running service.

Task and labels of a model tell what it gets: a classifier MNIST's or Fashion-MNIST's test pictures, a segmenter the
test scenes of fashion-scenes.
"""

import argparse
import asyncio
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from export.data.dataset import DataSource
from export.data.idx import read_pair
from export.data.idx_datasets import DATASETS, find_part
from export.data.masked_loading import SCENES_PER_SPLIT
from export.data.scenes import SCENE_LABELS, open_scenes
from export.recipes.fashion_scenes import SHARED
from export.segmentation.scores import confusion, mean_iou, pixel_accuracy

_CONNECTIONS = 8
_MODELS = ["lenet5", "mnist_cnn", "resnet20", "unet"]


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What a model is asked, and how good its answers are."""

    route: str
    bodies: list[bytes]
    """One picture each, as PNG."""
    score: Callable[[list[bytes]], str]
    """A sentence on the answers, which are in the order of the pictures."""


def main() -> None:
    """Ask for every picture, and print how many answers are right, by model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="the service (default %(default)s)")
    parser.add_argument("models", nargs="*", default=_MODELS, metavar="MODEL", help=f"default: {' '.join(_MODELS)}")
    options = parser.parse_args()
    for model in options.models:
        try:
            exam = _exam(httpx.get(f"{options.url}/v1/models/{model}").raise_for_status().json())
            started_s = time.perf_counter()
            answers = asyncio.run(_ask(options.url, model, exam))
        except httpx.HTTPError as error:
            raise SystemExit(f"{options.url} does not answer for {model}: {error}; is the service running?") from None
        Console().print(f"{model}: {exam.score(answers)}, {time.perf_counter() - started_s:.1f} s")


def _exam(model: dict[str, object]) -> Exam:
    if model["task"] == "image-segmentation":
        if model["labels"] != list(SCENE_LABELS):
            raise SystemExit(f"There are no test scenes with the labels of {model['name']}.")
        return _of_scenes()
    return _of_pictures(model)


def _of_pictures(model: dict[str, object]) -> Exam:
    dataset = next((each for each in DATASETS.values() if list(each.labels) == model["labels"]), None)
    if dataset is None:
        raise SystemExit(f"There are no test pictures with the labels of {model['name']}.")
    files = find_part(dataset, "test", None)
    if files is None:
        raise SystemExit(f"The test files of {dataset.title} are needed; CONVOY_DATA says where they are.")
    images, targets = read_pair(*files, classes=len(dataset.labels))

    def score(answers: list[bytes]) -> str:
        found = np.array([json.loads(each)["predictions"][0]["index"] for each in answers])
        right = int((found == targets).sum())
        return f"{right} of {len(targets)} right, {right / len(targets):.2%}"

    return Exam(route="classify?top_k=1", bodies=[_png(Image.fromarray(image)) for image in images], score=score)


def _of_scenes() -> Exam:
    scenes = open_scenes("test", DataSource(), share=SHARED.validation_share, seed=SHARED.seed)
    seen = [scenes.read(index) for index in range(SCENES_PER_SPLIT["test"])]

    def score(answers: list[bytes]) -> str:
        pairs = ((_mask(answer), scene.mask) for answer, scene in zip(answers, seen, strict=True))
        found = np.sum([confusion(mask, truth, classes=len(SCENE_LABELS)) for mask, truth in pairs], axis=0)
        return f"mean IoU {mean_iou(found):.2%}, {pixel_accuracy(found):.2%} of the pixels of {len(seen)} scenes right"

    return Exam(route="segment", bodies=[_png(scene.picture) for scene in seen], score=score)


def _mask(answer: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(answer)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


async def _ask(url: str, model: str, exam: Exam) -> list[bytes]:
    answers = [b""] * len(exam.bodies)
    numbers = iter(range(len(exam.bodies)))
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(model, total=len(exam.bodies))
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:

            async def worker() -> None:
                for number in numbers:
                    answer = await client.post(f"/v1/models/{model}/{exam.route}", content=exam.bodies[number])
                    answers[number] = answer.raise_for_status().content
                    progress.advance(bar)

            await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))
    return answers


if __name__ == "__main__":
    main()
