"""`python -m benchmarks.segmenting`: CPU time per request of segment, beside the bare session, and where it goes.

The steps of a request are timed one by one, in one thread of one process; then the running service answers the same
request over HTTP, one at a time. Rounds alternate between the pictures; medians stand in the table. Pictures are test
scenes, enlarged to photos of a camera.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.client import drive, http_post
from benchmarks.markdown import print_table
from benchmarks.servers import Server, free_port, running
from export.data.dataset import DataSource
from export.data.scenes import open_scenes
from export.publish import versions_of
from export.recipes.fashion_scenes import SHARED
from service.inference.image import PIXELS_AT_MOST, decode_image
from service.inference.masks.png import index_png
from service.inference.model import LoadedModel, load_model
from service.inference.preprocess import preprocess
from service.inference.segmenter import as_it_is, classes_in_tiles, classes_of, logits_of

Answer = TypeVar("Answer")
STEPS = ("decode", "preprocess", "network", "mask", "encode")
_HEADER = ("picture", *STEPS, "together", "over HTTP", "of the network alone")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of request."""

    name: str
    body: bytes
    tile: bool = False

    @property
    def path(self) -> str:
        """What is asked of the model `name`."""
        return f"/segment{'?tile=true' if self.tile else ''}"


@dataclass
class Spent:
    """CPU milliseconds of a request, one value per round."""

    steps: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    http: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        """The figures of the row."""
        steps = [statistics.median(values) for values in self.steps.values()]
        http = statistics.median(self.http)
        figures = (*steps, sum(steps), http)
        return [*(f"{value:.2f}" for value in figures), f"{http / steps[STEPS.index('network')]:.2f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segmenting", description=__doc__)
    parser.add_argument("name", nargs="?", default="unet", help="published segmenter (default %(default)s)")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="folder of published models")
    parser.add_argument("--data-dir", type=Path, help="folder of IDX files (default: CONVOY_DATA, else data)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each request (default %(default)s)")
    options = parser.parse_args(arguments)
    versions = versions_of(options.repository, options.name)
    if not versions:
        parser.error(f"{options.repository} holds no {options.name}")
    newest = max(versions)
    model = load_model(versions[newest], name=options.name, version=newest, provider="cpu", intra_op_threads=1)
    cases = _cases(DataSource(data_dir=options.data_dir))
    spent = {case.name: Spent() for case in cases}
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cpus[-1:])
    port = free_port()
    environment = {
        "CONVOY_PORT": str(port),
        "CONVOY_ACCESS_LOG": "false",
        "CONVOY_REPOSITORY": str(options.repository),
        "CONVOY_REQUIRED_MODELS": options.name,
    }
    with (
        tempfile.TemporaryDirectory() as logs,
        running(
            "Convoy",
            [sys.executable, "-m", "service"],
            port=port,
            ready_path="/readyz",
            environment=environment,
            cpus=cpus[:-1] or cpus,
            log=Path(logs, "convoy"),
        ) as server,
    ):
        for turn in track(range(options.rounds + 1), description="rounds", console=Console(stderr=True)):
            for case in cases:
                steps, http = steps_ms(model, case), http_ms(server, options.name, case)
                if turn:  # the first is the warm-up
                    spent[case.name].http.append(http)
                    for step, value in steps.items():
                        spent[case.name].steps[step].append(value)
    print(f"{options.name}, CPU milliseconds per request, medians of {options.rounds} rounds:\n")
    print_table(_HEADER, ((case.name, *spent[case.name].cells()) for case in cases))


def steps_ms(model: LoadedModel, case: Case) -> dict[str, float]:
    """CPU time of each step of one request, in this thread; in tiles the mask is made between the runs."""
    spec = model.metadata.preprocessing
    clock = _Clock()
    picture = clock.of("decode", lambda: decode_image(case.body, max_pixels=PIXELS_AT_MOST))
    pixels = clock.of("preprocess", lambda: preprocess(picture, as_it_is(spec) if case.tile else spec))
    if case.tile:
        segmented = clock.of(
            "mask",
            lambda: classes_in_tiles(
                lambda part: clock.of("network", lambda: logits_of(model, part)), pixels, model, confidence=False
            ),
        )
        clock.spent_ms["mask"] -= clock.spent_ms["network"]
    else:
        logits = clock.of("network", lambda: logits_of(model, pixels))
        segmented = clock.of("mask", lambda: classes_of(logits, picture.size, confidence=False))
    clock.of("encode", lambda: index_png(segmented.mask))
    return clock.spent_ms


def http_ms(server: Server, name: str, case: Case) -> float:
    """CPU time of the service per request, in milliseconds, as soon as one answers the other for a second."""
    before_s = server.cpu_s()
    request = http_post(f"/v1/models/{name}{case.path}", case.body, "image/jpeg")
    load = drive(server.port, [request], concurrency=1, seconds=1.0)
    if load.failures:
        raise RuntimeError(f"{load.failures} requests failed")
    return (server.cpu_s() - before_s) / len(load.latencies_s) * 1000


class _Clock:
    """CPU time of this thread, by step."""

    def __init__(self) -> None:
        self.spent_ms = dict.fromkeys(STEPS, 0.0)

    def of(self, step: str, work: Callable[[], Answer]) -> Answer:
        """Do the work, and note its time."""
        started_s = time.thread_time()
        answer = work()
        self.spent_ms[step] += (time.thread_time() - started_s) * 1000
        return answer


def _cases(source: DataSource) -> list[Case]:
    scenes = open_scenes("test", source, share=SHARED.validation_share, seed=SHARED.seed)
    scene = scenes.read(0).picture
    return [
        Case(name="scene, 96x96 PNG", body=_encoded(scene, "PNG")),
        Case(name="photo, 500x375 JPEG", body=_encoded(scene.resize((500, 375)), "JPEG")),
        Case(name="photo, 4000x3000 JPEG", body=_encoded(scene.resize((4000, 3000)), "JPEG")),
        Case(name="photo, 1600x1200 JPEG, tile=true", body=_encoded(scene.resize((1600, 1200)), "JPEG"), tile=True),
    ]


def _encoded(picture: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, form)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
