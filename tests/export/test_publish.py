"""Publishing: whole versions or none, one after the other, and only what was verified."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime
import pytest

from export.artifact_files import digest
from export.errors import MissingStage, PublishRefused
from export.onnx_graph import export_onnx
from export.publish import publish, versions_of
from export.recipes.recipe import recipe_from_dict
from export.run_folder import RunFolder
from export.verification import read_verification
from export.verify import verify
from service.inference.model import load_model
from service.repository.artifact import Metadata

RunMaker = Callable[..., RunFolder]

KILLED_BEFORE_THE_RENAME = """
import os, signal, sys
from pathlib import Path
from export.recipes.recipe import recipe_from_dict
from export.publish import publish
from export.run_folder import open_run

os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
publish(open_run(Path(sys.argv[1]), "mnist_cnn", data_dir=None), Path(sys.argv[2]))
"""


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_version_holds_the_file_with_its_figures_and_a_card(copy_verified: RunMaker, tmp_path: Path) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    publication = publish(run, repository)
    assert publication.is_new
    assert publication.path == repository / "mnist_cnn" / "1"
    assert entries(repository / "mnist_cnn") == ["1"]
    assert entries(publication.path) == ["README.md", "model.onnx"]
    session = onnxruntime.InferenceSession(str(publication.path / "model.onnx"), providers=["CPUExecutionProvider"])
    metadata = Metadata.from_props(session.get_modelmeta().custom_metadata_map)
    verification = read_verification(run)
    quality = verification.quality
    assert quality is not None
    assert metadata.metrics == (quality.score,)
    assert metadata.baseline == quality.baseline
    verified = Metadata.from_props({p.key: p.value for p in onnx.load(str(run.graph)).metadata_props})
    assert metadata.model_copy(update={"metrics": (), "baseline": None}) == verified
    umask = os.umask(0)
    os.umask(umask)
    assert publication.path.stat().st_mode & 0o777 == 0o777 & ~umask, "the service may run as another user"


def test_the_same_bytes_are_published_once(copy_verified: RunMaker, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    first, second = copy_verified(1), copy_verified(2)
    publish(first, repository)
    publish(second, repository)
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()}
    again = publish(second, repository)
    assert (again.version, again.is_new) == (2, False)
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()} == before
    assert publish(first, repository).version == 3, "going back to earlier bytes is a version of its own"


def test_ten_at_once_give_ten_versions_in_a_row(copy_verified: RunMaker, tmp_path: Path) -> None:
    runs = [copy_verified(number) for number in range(1, 11)]
    with ThreadPoolExecutor(10) as pool:
        publications = list(pool.map(lambda run: publish(run, tmp_path / "repository"), runs))
    assert sorted(publication.version for publication in publications) == list(range(1, 11))
    assert all(publication.is_new for publication in publications)
    assert sorted(map(int, entries(tmp_path / "repository" / "mnist_cnn"))) == list(range(1, 11))
    names = [onnx.load(str(publication.path / "model.onnx")).graph.name for publication in publications]
    assert names == [f"graph {number}" for number in range(1, 11)]


def test_the_same_bytes_ten_times_at_once_give_one_version(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = copy_verified()
    with ThreadPoolExecutor(10) as pool:
        publications = list(pool.map(lambda _: publish(run, tmp_path / "repository"), range(10)))
    assert {publication.version for publication in publications} == {1}
    assert sum(publication.is_new for publication in publications) == 1
    assert entries(tmp_path / "repository" / "mnist_cnn") == ["1"]


def test_a_publish_killed_before_its_rename_is_not_seen_and_the_next_one_sweeps_up(
    copy_verified: RunMaker, tmp_path: Path
) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_RENAME, str(run.path), str(repository)], check=False
    )
    assert killed.returncode == -9
    (left,) = entries(repository / "mnist_cnn")
    assert left.startswith(".publishing-")
    assert versions_of(repository, "mnist_cnn") == {}
    assert publish(run, repository).version == 1
    assert entries(repository / "mnist_cnn") == ["1"]


def test_only_forgotten_folders_are_swept_up(copy_verified: RunMaker, tmp_path: Path) -> None:
    home = tmp_path / "repository" / "mnist_cnn"
    alive = home / f".publishing-{os.getpid()}-00000000-{os.uname().nodename}"
    elsewhere, forgotten, foreign = (
        home / ".publishing-1-00000000-elsewhere",
        home / ".publishing-1-00000001-elsewhere",
        home / ".notes",
    )
    for folder in (alive, elsewhere, forgotten, foreign):
        folder.mkdir(parents=True)
    two_days_ago = time.time() - 2 * 86400
    os.utime(forgotten, (two_days_ago, two_days_ago))
    os.utime(foreign, (two_days_ago, two_days_ago))
    publish(copy_verified(), tmp_path / "repository")
    assert entries(home) == sorted([alive.name, elsewhere.name, foreign.name, "1"])


def test_a_name_that_is_taken_by_something_else_is_passed_over(copy_verified: RunMaker, tmp_path: Path) -> None:
    home = tmp_path / "repository" / "mnist_cnn"
    home.mkdir(parents=True)
    (home / "1").write_text("a file, not a version")
    assert publish(copy_verified(), tmp_path / "repository").version == 2


def test_what_was_never_verified_is_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = copy_verified()
    run.verification.unlink()
    with pytest.raises(MissingStage, match="run 'python -m export verify mnist_cnn' first"):
        publish(run, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_what_changed_after_verification_is_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = copy_verified()
    proto = onnx.load(str(run.graph))
    proto.graph.name = "another"
    onnx.save(proto, str(run.graph))
    with pytest.raises(PublishRefused, match="has changed since it was verified"):
        publish(run, tmp_path / "repository")
    assert entries(tmp_path / "repository" / "mnist_cnn") == []


def test_weights_beside_the_graph_are_bound_and_published_too(make_run: RunMaker, tmp_path: Path) -> None:
    run = make_run("mnist_cnn")
    export_onnx(run, external_above_bytes=1000)
    verify(run)
    path = publish(run, tmp_path / "repository").path
    assert entries(path) == ["README.md", "model.onnx", "model.onnx.data"]
    load_model(path, name="mnist_cnn", version=1, provider="cpu")
    data = run.path / "model.onnx.data"
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    with pytest.raises(PublishRefused, match="has changed since it was verified"):
        publish(run, tmp_path / "repository")


def test_what_fell_short_is_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = copy_verified()
    demanding = replace(run, recipe=recipe_from_dict({**run.recipe.to_dict(), "minimum_accuracy": 0.999}))
    with pytest.raises(PublishRefused, match=r"The validation accuracy is .*, the recipe demands 99\.90%\."):
        publish(demanding, tmp_path / "repository")
    figures = read_verification(run)
    worse = figures.parity[0].model_copy(update={"difference": 1.0})
    run.verification.write_text(figures.model_copy(update={"parity": (worse,)}).model_dump_json())
    with pytest.raises(PublishRefused, match=r"mnist_cnn is not published\. onnxruntime does not answer what torch"):
        publish(run, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_what_the_service_cannot_load_is_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = copy_verified()
    proto = onnx.load(str(run.graph))
    proto.graph.output[0].name = proto.graph.node[-1].output[0]
    del proto.graph.output[1]
    onnx.save(proto, str(run.graph))
    figures = read_verification(run).model_copy(update={"sha256": digest(run.path)})
    run.verification.write_text(figures.model_dump_json())
    with pytest.raises(PublishRefused, match="the service could not load it"):
        publish(run, tmp_path / "repository")
    assert entries(tmp_path / "repository" / "mnist_cnn") == []


def test_a_name_that_the_service_would_pass_over_is_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run = replace(copy_verified(), path=tmp_path / "runs-0" / ".hidden")
    with pytest.raises(PublishRefused, match="cannot be the name of a published model"):
        publish(run, tmp_path / "repository")
