from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from service.errors import UnknownTarget
from service.inference.classifier import (
    TOP_1,
    Prediction,
    classify_batch,
    explain_batch,
    resolve_target,
    softmax,
    top_k,
)
from service.inference.model import LoadedModel, load_model
from tests.service.tiny_artifact import CELL_LABELS, write_tiny_artifact


@pytest.fixture(scope="module")
def model(tiny_artifact: Path) -> LoadedModel:
    return load_model(tiny_artifact, name="tiny", version=1, provider="cpu")


def quadrants(*levels: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Pictures (N, 28, 28, 1) of four plain quadrants each."""
    corners = np.array(levels, np.uint8).reshape(-1, 2, 2)
    return corners.repeat(14, axis=1).repeat(14, axis=2)[..., None]


def test_scores_are_the_softmax_of_the_logits(model: LoadedModel) -> None:
    scores = classify_batch(model, quadrants((255, 0, 51, 102), (0, 0, 0, 0)))
    logits = np.array([10.0, 0.0, 2.0, 4.0])
    assert scores.dtype == np.float32
    assert scores[0].tolist() == pytest.approx((np.exp(logits) / np.exp(logits).sum()).tolist())
    assert scores[1].tolist() == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("pictures", [1, 2, 64, 65, 200])
def test_every_picture_of_a_batch_gets_its_own_answer(model: LoadedModel, pictures: int) -> None:
    brightest = np.arange(pictures) % 4
    levels = np.where(np.eye(4, dtype=bool)[brightest], 200, 10)
    scores = classify_batch(model, quadrants(*map(tuple, levels.tolist())))
    assert scores.argmax(axis=1).tolist() == brightest.tolist()


def test_maps_explain_the_class_that_was_asked_for(model: LoadedModel) -> None:
    pictures = quadrants((255, 0, 51, 102), (0, 255, 0, 51), (10, 20, 30, 255))
    scores, maps, targets = explain_batch(model, pictures, np.array([2, TOP_1, TOP_1]))
    assert targets.tolist() == [2, 1, 3]
    assert np.array_equal(scores, classify_batch(model, pictures))
    assert maps.dtype == np.float32
    expected = [[[0, 0], [0.2, 0]], [[0, 1], [0, 0]], [[0, 0], [0, 1]]]
    assert maps == pytest.approx(np.array(expected), abs=1e-6)


def test_softmax_holds_where_exponentials_do_not() -> None:
    logits = np.array([[-100.0, -101.0], [-1000.0, -1000.0], [500.0, -500.0], [90.0, 90.5]], np.float32)
    expected = [[0.7310586, 0.2689414], [0.5, 0.5], [1.0, 0.0], [0.3775407, 0.6224593]]
    assert softmax(logits) == pytest.approx(np.array(expected), abs=1e-6)


def test_softmax_leaves_its_input_alone() -> None:
    logits = np.array([[1.0, 2.0]], np.float32)
    softmax(logits)
    assert logits.tolist() == [[1.0, 2.0]]


def test_the_best_classes_come_first() -> None:
    scores = np.array([0.1, 0.6, 0.05, 0.25], np.float32)
    best = top_k(scores, ("a", "b", "c", "d"), 2)
    assert best == [Prediction(1, "b", float(np.float32(0.6))), Prediction(3, "d", 0.25)]
    assert all(type(prediction.score) is float for prediction in best)


@pytest.mark.parametrize("classes", [3, 64, 65, 1000])
def test_more_than_all_classes_are_all_classes(classes: int) -> None:
    labels = [str(index) for index in range(classes)]
    scores = np.linspace(0, 1, classes, dtype=np.float32)
    assert [prediction.index for prediction in top_k(scores, labels, classes + 5)] == list(range(classes))[::-1]


@pytest.mark.parametrize("classes", [64, 65])
def test_equal_scores_come_in_the_order_of_their_indices(classes: int) -> None:
    labels = [str(index) for index in range(classes)]
    scores = np.full(classes, 0.01, np.float32)
    scores[7] = 0.5
    assert [prediction.index for prediction in top_k(scores, labels, 4)] == [7, 0, 1, 2]


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.integers(60, 70),
        elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]) | st.floats(0, 1, width=32),
    ),
    st.integers(1, 80),
)
def test_few_and_many_classes_are_ranked_alike(scores: NDArray[np.float32], k: int) -> None:
    labels = [str(index) for index in range(len(scores))]
    ranked = sorted(range(len(scores)), key=lambda index: (-scores[index], index))[:k]
    assert [prediction.index for prediction in top_k(scores, labels, k)] == ranked


def test_no_target_is_the_best_class(model: LoadedModel) -> None:
    assert resolve_target(model, None) == TOP_1


@pytest.mark.parametrize(("text", "index"), [("0", 0), ("3", 3), ("top-left", 0), ("bottom-right", 3)])
def test_an_integer_is_an_index_and_a_word_a_label(model: LoadedModel, text: str, index: int) -> None:
    assert resolve_target(model, text) == index


def test_an_integer_is_an_index_even_where_labels_are_integers(tmp_path: Path) -> None:
    folder = write_tiny_artifact(tmp_path, labels=("3", "2", "1", "0"))
    numbered = load_model(folder, name="numbered", version=1, provider="cpu")
    assert [resolve_target(numbered, text) for text in ("0", "1", "2", "3")] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "text", ["4", "-1", "-0", "03", "99999999", "9" * 10_000, "", "Top-Left", " 3", "3.0", "²", "٣"]
)
def test_a_class_that_is_not_there_is_refused(model: LoadedModel, text: str) -> None:
    with pytest.raises(
        UnknownTarget, match=r"^tiny has no class '.{0,63}': it has the indices 0 to 3 and their labels\.$"
    ):
        resolve_target(model, text)


def test_a_model_with_more_classes_has_longer_indices(tmp_path: Path) -> None:
    folder = write_tiny_artifact(tmp_path, grid=(4, 7))
    many = load_model(folder, name="many", version=1, provider="cpu")
    assert resolve_target(many, "27") == resolve_target(many, "cell-27") == 27
    with pytest.raises(UnknownTarget):
        resolve_target(many, "28")


def test_the_labels_of_the_tests_stand_in_reading_order(model: LoadedModel) -> None:
    assert model.metadata.labels == CELL_LABELS
    assert [classify_batch(model, quadrants((9, 0, 0, 0)))[0].argmax()] == [CELL_LABELS.index("top-left")]
