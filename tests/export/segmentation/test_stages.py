"""A trained segmenter goes through all further stages, and every figure of it is right."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.masked_loading import load_masked_test, load_masked_validation
from export.evaluate import evaluate
from export.onnx_graph import export_onnx
from export.publish import publish
from export.recipes.recipe import SegmentationRecipe
from export.run_folder import RunFolder
from export.segmentation.evaluation import MaskEvaluation
from export.segmentation.serving_path import segment_as_served
from export.sheet import draw_sheet
from export.verification import read_verification
from export.verify import verify
from service.inference.model import LoadedModel, load_model
from tests.export.masked_shapes import LABELS


@pytest.fixture(scope="module")
def verified(finished: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("verified") / "squares"
    shutil.copytree(finished.path, path)
    run = replace(finished, path=path)
    export_onnx(run)
    verify(run)
    return run


@pytest.fixture(scope="module")
def repository(verified: RunFolder) -> Path:
    publish(verified, verified.path.parent / "models")
    return verified.path.parent / "models"


@pytest.fixture
def model(repository: Path) -> LoadedModel:
    return load_model(repository / "squares" / "1", name="squares", version=1, provider="cpu")


def test_verification_measures_what_callers_get_and_torch_says_the_same(
    verified: RunFolder, model: LoadedModel
) -> None:
    quality = read_verification(verified).quality
    assert quality is not None
    assert (quality.score.name, quality.score.images) == ("mean IoU", 3)
    assert quality.score.value == pytest.approx(quality.torch_score, abs=5e-4)
    assert quality.score.value > 0.6
    assert isinstance(verified.recipe, SegmentationRecipe)
    pictures = load_masked_validation(verified.recipe, verified.source)
    answers = [segment_as_served(model, picture) for picture, _ in pictures]
    pixels = np.bincount(np.concatenate([answer.ravel() for answer in answers]), minlength=3)
    np.testing.assert_allclose(quality.baseline.class_shares, pixels / pixels.sum())
    (accuracy,) = quality.others
    right = sum(int((answer == truth).sum()) for answer, (_, truth) in zip(answers, pictures, strict=True))
    assert accuracy.name == "pixel accuracy"
    assert accuracy.value == pytest.approx(right / pixels.sum())


def test_the_evaluation_says_what_a_hand_count_over_the_test_files_gives(
    verified: RunFolder, repository: Path, model: LoadedModel
) -> None:
    evaluation = evaluate(verified, repository)
    assert isinstance(evaluation, MaskEvaluation)
    assert isinstance(verified.recipe, SegmentationRecipe)
    pictures = load_masked_test(verified.recipe, verified.source)
    assert evaluation.images == len(pictures) == 3
    common, either = np.zeros(3), np.zeros(3)
    for picture, truth in pictures:
        answer = segment_as_served(model, picture)
        assert answer.shape == (picture.height, picture.width)
        for index in range(3):
            common[index] += ((answer == index) & (truth == index)).sum()
            either[index] += ((answer == index) | (truth == index)).sum()
    assert evaluation.mean_iou == pytest.approx(float((common / either).mean()))
    assert [result.iou for result in evaluation.classes] == pytest.approx((common / either).tolist())
    card = (repository / "squares" / "1" / "README.md").read_text()
    assert f"| Mean IoU on 3 test images | {evaluation.mean_iou:.2%} |" in card
    assert json.loads((repository / "squares" / "1" / "evaluation.json").read_text())["mean_iou"] == evaluation.mean_iou


def test_what_is_ignored_comes_from_the_published_file(finished: RunFolder, tmp_path: Path) -> None:
    run = replace(finished, path=tmp_path / "squares")
    shutil.copytree(finished.path, run.path)
    # As if it had been trained so.
    facts = json.loads(run.checkpoint_facts.read_text())
    facts["recipe"]["ignore_index"] = 1
    run.checkpoint_facts.write_text(json.dumps(facts))
    assert isinstance(run.recipe, SegmentationRecipe)
    run = replace(run, recipe=replace(run.recipe, ignore_index=1))
    export_onnx(run)
    verify(run)
    publish(run, tmp_path / "models")
    evaluation = evaluate(finished, tmp_path / "models")
    assert isinstance(evaluation, MaskEvaluation)
    red = evaluation.classes[LABELS.index("red")]
    assert (red.pixels, red.iou) == (0, None)
    ious = [result.iou for result in evaluation.classes if result.iou is not None]
    assert evaluation.mean_iou == pytest.approx(sum(ious) / 2)


def test_the_sheet_shows_picture_truth_prediction_and_error(
    verified: RunFolder, repository: Path, tmp_path: Path
) -> None:
    draw_sheet(verified, repository, tmp_path / "sheet.png", version=None)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        pixels = np.asarray(sheet.convert("RGB"))
    # What is right and what is wrong in the maps of errors.
    for colour in ((235, 235, 235), (200, 40, 30)):
        assert (pixels == colour).all(axis=2).sum() > 100
