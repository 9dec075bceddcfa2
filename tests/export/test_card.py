"""The model card says what was measured, and nothing that was not."""

import re
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from export.card import render_card
from export.classification.evaluation import ClassResult, Evaluation
from export.evaluate import evaluate
from export.publish import publish
from export.run_folder import RunFolder
from export.verification import read_verification
from service.repository.artifact import Metadata

RunMaker = Callable[..., RunFolder]


@pytest.fixture
def published(copy_verified: RunMaker, tmp_path: Path) -> tuple[RunFolder, Path]:
    run = copy_verified()
    return run, publish(run, tmp_path / "repository").path


def row(card: str, start: str) -> list[str]:
    """Cells of the only table row that starts so."""
    (line,) = re.findall(rf"^\| {re.escape(start)}.*$", card, flags=re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_figure_is_one_that_was_measured(published: tuple[RunFolder, Path]) -> None:
    run, path = published
    card = (path / "README.md").read_text()
    figures = read_verification(run)
    assert figures.quality is not None
    assert row(card, "Accuracy on 26 validation images")[1] == f"{figures.quality.score.value:.2%}"
    for output, share in figures.relative_errors().items():
        start = f"Largest difference between onnxruntime and torch, {output}"
        assert row(card, start)[1] == f"{share:.1e} of the largest value"
    assert row(card, "Accuracy on the test images") == [
        "Accuracy on the test images",
        "not measured",
        "`python -m export evaluate mnist_cnn --data DIR`",
    ]
    assert row(card, "`conv2`")[2:] == ["64 x 8 x 8", "51,264", "3,276,800", "14 x 14"]
    assert row(card, "total")[3] == "117,891"
    assert "bar, dot, ring" in card
    assert "light strokes on a dark ground" in card
    assert "`python -m export train mnist_cnn`" in card


def test_evaluating_puts_the_test_result_in_its_place(published: tuple[RunFolder, Path]) -> None:
    run, path = published
    evaluation = evaluate(run, path.parent.parent)
    assert isinstance(evaluation, Evaluation)
    card = (path / "README.md").read_text()
    assert "not measured" not in card
    assert row(card, "Accuracy on 18 test images")[1] == f"{evaluation.accuracy:.2%}"
    for result, counts in zip(evaluation.classes, evaluation.confusion, strict=True):
        assert row(card, f"**{result.label}**")[1:4] == [str(count) if count else "" for count in counts]
    assert card == render_card(path, "mnist_cnn")


def test_the_front_matter_is_closed_and_claims_no_licence(published: tuple[RunFolder, Path]) -> None:
    _, path = published
    _, front, rest = (path / "README.md").read_text().split("---\n", 2)
    assert "pipeline_tag: image-classification\n" in front
    assert "license" not in front
    assert rest.startswith("\n# mnist_cnn\n")


def change_metadata(file: Path, **changes: object) -> None:
    proto = onnx.load(str(file))
    props = {entry.key: entry.value for entry in proto.metadata_props}
    metadata = Metadata.from_props(props).model_copy(update=changes)
    onnx.helper.set_model_props(proto, {**props, **metadata.to_props()})
    onnx.save(proto, str(file))


def test_another_name_stands_in_the_commands_and_addresses(published: tuple[RunFolder, Path]) -> None:
    _, path = published
    change_metadata(path / "model.onnx", dataset="mnist")
    card = render_card(path, "digits")
    assert "`python -m export run mnist_cnn --name digits`" in card
    assert "`python -m export evaluate mnist_cnn --name digits`" in card
    assert "/v1/models/digits/classify" in card


def test_figures_on_somebody_s_own_pictures_are_repeated_by_the_command_that_made_them(
    published: tuple[RunFolder, Path],
) -> None:
    _, path = published
    command = "python -m export train mnist_cnn --data shapes --epochs 3"
    change_metadata(path / "model.onnx", command=command)
    start = "Accuracy on 26 validation images"
    assert row(render_card(path, "mnist_cnn"), start)[2] == f"`{command.replace('train', 'run')}`"


def test_many_classes_give_the_worst_ones_instead_of_a_wide_matrix(published: tuple[RunFolder, Path]) -> None:
    _, path = published
    labels = tuple(f"a|{index}" for index in range(30))
    change_metadata(path / "model.onnx", labels=labels, baseline=None)
    evaluation = Evaluation(
        sha256="",
        dataset="many",
        images=300,
        correct=255,
        accuracy=0.85,
        classes=tuple(ClassResult(label=label, images=10, correct=index % 10) for index, label in enumerate(labels)),
        confusion=((0,) * 30,) * 30,
    )
    (path / "evaluation.json").write_text(evaluation.model_dump_json())
    card = render_card(path, "mnist_cnn")
    worst = re.findall(r"^\| (a\\\|\d+) \| (\d+)\.00% \|$", card, flags=re.MULTILINE)
    assert len(worst) == 20
    assert worst[0] == (r"a\|0", "0")
    assert [int(share) for _, share in worst] == sorted(int(share) for _, share in worst)
