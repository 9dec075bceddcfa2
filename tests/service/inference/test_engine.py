import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.errors import NotReady, UnknownModel
from service.inference.engine import Engine, lanes_per_worker
from service.settings import Settings
from tests.service.tiny_artifact import write_tiny_artifact
from tests.service.tiny_segmenter import write_tiny_segmenter


@contextmanager
def pinned_to(cores: set[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("workers", "threads", "lanes"), [(1, None, 1), (4, None, 1), (2, 3, 3)])
def test_a_worker_has_as_many_lanes_as_told_else_its_share_of_the_affinity_mask(
    workers: int, threads: int | None, lanes: int
) -> None:
    first = min(os.sched_getaffinity(0))
    with pinned_to({first}):
        assert lanes_per_worker(Settings(workers=workers, threads=threads)) == lanes


def test_cores_are_shared_among_the_workers() -> None:
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("one core cannot be shared")
    with pinned_to(set(sorted(cores)[:2])):
        assert [lanes_per_worker(Settings(workers=workers)) for workers in (1, 2, 3)] == [2, 1, 1]


def test_a_process_that_is_pinned_from_outside_sees_its_one_core() -> None:
    code = "from service.inference.engine import *; print(lanes_per_worker(Settings()))"
    core = str(min(os.sched_getaffinity(0)))
    ended = subprocess.run(
        ["taskset", "-c", core, sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def engine_over(repository: Path, **settings: object) -> Engine:
    engine = Engine(Settings(repository=repository, threads=1, **settings), "cpu")  # type: ignore[arg-type]
    engine.repository.refresh()
    return engine


def test_without_a_name_the_default_model_answers_else_the_first(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_tiny_artifact(tmp_path, name=name)
    for default, expected in ((None, "a"), ("b", "b")):
        engine = engine_over(tmp_path, default_model=default)
        assert engine.find_default("image-classification").name == expected
        assert engine.find("b", 1).version == 1
        engine.stop()
    engine = engine_over(tmp_path, default_model="c")
    with pytest.raises(UnknownModel, match="'c'"):
        engine.find_default("image-classification")
    engine.stop()


def test_the_default_model_is_one_that_does_the_task(tmp_path: Path) -> None:
    write_tiny_artifact(tmp_path, name="b")
    engine = engine_over(tmp_path)
    with pytest.raises(UnknownModel, match=r"^No model for image-segmentation is published\.$"):
        engine.find_default("image-segmentation")
    engine.stop()
    (tmp_path / "failed" / "1").mkdir(parents=True)
    (tmp_path / "failed" / "1" / "model.onnx").write_bytes(b"one that might have been for it")
    engine = engine_over(tmp_path)
    with pytest.raises(NotReady, match=r"^No model for image-segmentation is ready\.$"):
        engine.find_default("image-segmentation")
    engine.stop()
    for name in ("a", "c"):
        write_tiny_segmenter(tmp_path, name=name)
    for default, classifier, segmenter in ((None, "b", "a"), ("b", "b", "a"), ("c", "b", "c")):
        engine = engine_over(tmp_path, default_model=default)
        assert engine.find_default("image-classification").name == classifier
        assert engine.find_default("image-segmentation").name == segmenter
        engine.stop()


def test_readiness_asks_for_the_required_models_else_for_any(tmp_path: Path) -> None:
    def readiness(engine: Engine) -> bool:
        engine.repository.refresh()
        return engine.is_ready

    any_will_do = engine_over(tmp_path)
    demanding = engine_over(tmp_path, required_models=("a", "b"))
    with pytest.raises(UnknownModel):
        any_will_do.find_default("image-classification")
    seen = [(readiness(any_will_do), readiness(demanding))]
    for name in ("a", "b"):
        write_tiny_artifact(tmp_path, name=name)
        seen.append((readiness(any_will_do), readiness(demanding)))
    assert seen == [(False, False), (True, False), (True, True)]
    any_will_do.stop()
    demanding.stop()
