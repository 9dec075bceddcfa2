"""Evaluation measures a published version on the test files, and writes it where people read it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from export.__main__ import main
from export.artifact_files import digest
from export.classification.evaluation import Evaluation
from export.data.dataset import DataSource
from export.data.loading import load_test, to_arrays
from export.errors import BadData, MissingStage
from export.evaluate import evaluate
from export.evaluation_file import read_evaluation
from export.onnx_graph import load_graph
from export.publish import publish
from export.run_folder import RunFolder

RunMaker = Callable[..., RunFolder]


def test_it_counts_what_torch_counts_and_keeps_it_beside_the_file(copy_verified: RunMaker, tmp_path: Path) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    path = publish(run, repository).path
    assert read_evaluation(path) is None
    model_bytes = (path / "model.onnx").read_bytes()

    evaluation = evaluate(run, repository)
    assert isinstance(evaluation, Evaluation)

    test = to_arrays(load_test(run.recipe, run.source), run.recipe.preprocessing)
    graph, _ = load_graph(run)
    with torch.inference_mode():
        logits, _ = graph(torch.from_numpy(test.images), torch.full((len(test.images),), -1))
    answers = logits.argmax(dim=1).numpy()
    for truth, row in enumerate(evaluation.confusion):
        for answer, count in enumerate(row):
            assert count == int(np.sum((test.targets == truth) & (answers == answer)))
    assert evaluation.images == len(test.targets) == 18
    assert evaluation.accuracy == pytest.approx(np.mean(answers == test.targets))
    assert evaluation.sha256 == digest(path)
    assert read_evaluation(path) == evaluation
    assert json.loads((path / "evaluation.json").read_text())["dataset"] == "shapes"
    assert (path / "model.onnx").read_bytes() == model_bytes
    assert sorted(file.name for file in path.iterdir()) == ["README.md", "evaluation.json", "model.onnx"]


def test_the_newest_version_is_measured_unless_another_one_is_named(copy_verified: RunMaker, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    first, second = (publish(copy_verified(number), repository).path for number in (1, 2))
    run = copy_verified(3)
    evaluate(run, repository)
    assert (read_evaluation(first) is None, read_evaluation(second) is None) == (True, False)
    evaluate(run, repository, version=1)
    assert read_evaluation(first) is not None
    with pytest.raises(MissingStage, match="mnist_cnn has no version 7; there are 1, 2"):
        evaluate(run, repository, version=7)


def test_what_is_not_published_cannot_be_measured(copy_verified: RunMaker, tmp_path: Path) -> None:
    with pytest.raises(MissingStage, match="holds no mnist_cnn; run 'python -m export publish mnist_cnn' first"):
        evaluate(copy_verified(), tmp_path / "repository")


def test_a_version_that_is_damaged_cannot_be_measured(copy_verified: RunMaker, tmp_path: Path) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    (publish(run, repository).path / "model.onnx").write_bytes(b"")
    with pytest.raises(BadData, match="1 cannot be served: onnxruntime cannot open"):
        evaluate(run, repository)


def test_test_files_of_other_classes_are_refused(copy_verified: RunMaker, tmp_path: Path) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    path = publish(run, repository).path
    for label in ("cat", "dog"):
        (tmp_path / "other" / label).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (28, 28), number).save(tmp_path / "other" / label / f"{number}.png")
    with pytest.raises(BadData, match="do not have the classes of mnist_cnn"):
        evaluate(replace(run, source=DataSource(pictures_dir=tmp_path / "other")), repository)
    assert read_evaluation(path) is None


def test_confusions_are_counted_by_truth_and_answer() -> None:
    evaluation = Evaluation.of(
        answers=np.array([0, 1, 1, 1]),
        targets=np.array([0, 0, 1, 1]),
        labels=("a", "b", "c"),
        sha256="",
        dataset="letters",
    )
    assert evaluation.confusion == ((1, 1, 0), (0, 2, 0), (0, 0, 0))
    assert [result.accuracy for result in evaluation.classes] == [0.5, 1.0, None]
    assert (evaluation.correct, evaluation.images, evaluation.accuracy) == (3, 4, 0.75)


def test_a_published_model_is_measured_and_drawn_where_its_training_is_gone(
    copy_verified: RunMaker, pictures_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, repository = copy_verified(), tmp_path / "repository"
    path = publish(run, repository).path
    common = ["mnist_cnn", "--runs", str(tmp_path / "none"), "--repository", str(repository)]
    own = ["--data", str(pictures_dir)]
    assert main(["evaluate", *common, *own]) == 0
    evaluation = read_evaluation(path)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.dataset == pictures_dir.name
    assert f"accuracy {evaluation.accuracy:.2%} on the 18 test pictures" in capsys.readouterr().out
    assert main(["sheet", *common, *own, "--out", str(tmp_path / "maps.png")]) == 0
    assert (tmp_path / "maps.png").stat().st_size > 10_000
    assert main(["evaluate", *common]) == 1
    assert "There is no dataset 'shapes'" in capsys.readouterr().err
