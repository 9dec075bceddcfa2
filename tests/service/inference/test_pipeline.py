import asyncio
import contextlib
import dataclasses
import gc
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import BadImage
from service.http.answers import encode_classes
from service.inference.lanes import Lanes
from service.inference.model import LoadedModel, load_model
from service.inference.pipeline import make_executor
from service.inference.question import Encoded, Question, Result
from tests.service.inference.lane_work import PATIENCE_S, in_time


@pytest.fixture(scope="module")
def model(tiny_artifact: Path) -> LoadedModel:
    return load_model(tiny_artifact, name="tiny", version=1, provider="cpu")


def picture() -> bytes:
    stream = BytesIO()
    Image.fromarray(np.full((28, 28), 200, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


class Body(bytearray):
    """Bytes that can be watched as they go."""


@contextmanager
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def question(model: LoadedModel, read: Callable[[], list[bytes]]) -> Question:
    def encode(model: LoadedModel, results: list[Result]) -> Encoded:
        return encode_classes(model, results, False)

    return Question(operation="classify", model=model, read=read, encode=encode, max_pixels=1_000_000)


def test_whatever_one_request_of_a_run_does_the_others_get_their_answers(
    model: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    def explode() -> list[bytes]:
        raise MemoryError("a decoder gave up")

    reads = [lambda: [picture()], lambda: [b"no picture"], explode, lambda: [picture()]]
    answers = make_executor(16)([question(model, read) for read in reads])
    assert [type(answer).__name__ for answer in answers] == ["Encoded", "BadImage", "MemoryError", "Encoded"]
    assert [record.getMessage() for record in caplog.records] == ["preparing a request failed"]


@pytest.mark.parametrize("data", [picture(), b"no picture", picture()[:60]], ids=["good", "unknown", "truncated"])
def test_a_body_is_let_go_of_with_its_answer_and_not_with_the_next_round_of_the_garbage_collector(
    model: LoadedModel, data: bytes
) -> None:
    lanes: Lanes[Question, Encoded] = Lanes(make_executor(16), lanes=2, queue_size=10, max_batch=16)

    async def scenario() -> None:
        body = Body(data)
        trace = weakref.ref(body)
        asked = question(model, lambda body=body: [bytes(body)])  # type: ignore[misc]
        del body
        with contextlib.suppress(BadImage):
            await lanes.run(asked, within_s=PATIENCE_S)
        del asked
        ends = time.monotonic() + 2.0  # the lane is on its way to sleep
        while trace() is not None and time.monotonic() < ends:
            await asyncio.sleep(0.001)
        assert trace() is None

    with no_garbage_collector():
        in_time(scenario)
    lanes.close()


def test_large_bodies_share_no_run_and_their_cost_says_nothing_of_small_ones(model: LoadedModel) -> None:
    small = question(model, list)
    large = dataclasses.replace(small, large=True)
    drawn = dataclasses.replace(small, keep_picture=True)
    assert (small.batchable, large.batchable, drawn.batchable) == (True, False, False)
    assert small.group == question(model, list).group != large.group
