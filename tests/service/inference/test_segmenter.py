"""What fits into memory, and masks from one run or from many."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import DeadlineExceeded, TooLarge
from service.inference.model import LoadedModel, load_model
from service.inference.pipeline import make_executor
from service.inference.question import Encoded, Question
from service.inference.segmenter import check_input, classes_in_tiles, classes_of, logits_of, tile_edge_px
from service.inference.session import Session
from service.inference.tiles import OVERLAP_PX, TILE_PX
from tests.service.inference.pictures import encode, photo
from tests.service.tiny_segmenter import write_tiny_segmenter


def segmenter(folder: Path, classes: int = 3, **preprocessing: Any) -> LoadedModel:
    labels = tuple(f"level {index}" for index in range(classes))
    written = write_tiny_segmenter(folder, labels=labels, **preprocessing)
    return load_model(written, name="levels", version=1, provider="cpu")


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return segmenter(tmp_path_factory.mktemp("levels"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """300 classes: 268 MB of logits are 223,696 pixels."""
    return segmenter(tmp_path_factory.mktemp("many"), 300)


def gray(width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(photo(width, height).convert("L"))[..., np.newaxis]


def test_a_picture_of_a_megapixel_is_seen_as_it_is_and_no_larger_one(levels: LoadedModel) -> None:
    spec = levels.metadata.preprocessing
    for size_px in ((1024, 1024), (1, 2**20), (2**20, 1)):
        check_input(size_px, spec, levels, tile=False)
    sentence = r"^The network would see this picture at 1024x1025, more than the 1048576 pixels .*; tile=true cuts "
    with pytest.raises(TooLarge, match=sentence):
        check_input((1024, 1025), spec, levels, tile=False)
    check_input((9000, 9000), spec, levels, tile=True)


def test_with_many_classes_less_fits(many: LoadedModel) -> None:
    spec = many.metadata.preprocessing
    check_input((472, 472), spec, many, tile=False)
    with pytest.raises(TooLarge, match=r"at 512x512, more than the 223696 pixels"):
        check_input((512, 512), spec, many, tile=False)


def test_what_counts_is_what_the_network_sees(tmp_path: Path) -> None:
    coarse = segmenter(tmp_path, 300, resize="shortest", shortest_edge=400, longest_edge=700)
    spec = coarse.metadata.preprocessing
    check_input((9000, 9000), spec, coarse, tile=False)
    with pytest.raises(TooLarge, match=r"see this picture at 700x400, more than"):
        check_input((7000, 4000), spec, coarse, tile=False)


def test_tiles_hand_on_a_row_whose_width_is_bounded(many: LoadedModel) -> None:
    spec = many.metadata.preprocessing
    check_input((1747, 5000), spec, many, tile=True)
    check_input((50_000, 472), spec, many, tile=True)  # one row of tiles hands on nothing
    with pytest.raises(TooLarge, match=r"^With 300 classes a picture in tiles may be 1747 pixels wide, not 1748\.$"):
        check_input((1748, 5000), spec, many, tile=True)


def test_tiles_are_smaller_where_there_are_many_classes(levels: LoadedModel, many: LoadedModel, tmp_path: Path) -> None:
    assert tile_edge_px(levels) == TILE_PX
    assert tile_edge_px(many) == 472
    assert tile_edge_px(segmenter(tmp_path, 2000)) == 2 * OVERLAP_PX


@pytest.mark.parametrize("confidence", [False, True])
def test_tiles_answer_as_the_whole_does(many: LoadedModel, confidence: bool) -> None:
    pixels = gray(500, 40)
    tiled = classes_in_tiles(lambda tile: logits_of(many, tile), pixels, many, confidence=confidence)
    whole = classes_of(logits_of(many, pixels), (500, 40), confidence=confidence)
    assert tiled.mask.dtype == whole.mask.dtype == np.uint16
    # Where two levels are equally near, the blending of equal logits may decide.
    assert np.mean(tiled.mask != whole.mask) < 0.01
    if confidence:
        assert tiled.confidence is not None
        assert whole.confidence is not None
        assert np.abs(tiled.confidence.astype(int) - whole.confidence).max() <= 1
    else:
        assert tiled.confidence is whole.confidence is None


class GivenUp:
    """A session whose caller's patience ends while the network sees the first tile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.question: Question | None = None
        self.provider = session.provider
        self.inputs, self.outputs, self.metadata_props = session.inputs, session.outputs, session.metadata_props

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        assert self.question is not None
        self.question.given_up = True
        return self._session.run(outputs, feeds)


def test_a_run_that_nobody_waits_for_any_more_ends_before_the_next_tile(levels: LoadedModel) -> None:
    session = GivenUp(levels.session)
    nine_tiles = encode(Image.new("L", (1200, 1200)), "PNG")
    question = session.question = Question(
        operation="segment",
        model=replace(levels, session=session),
        read=lambda: [nine_tiles],
        encode=lambda model, results: Encoded(b"", "", []),
        max_pixels=10**7,
        tile=True,
    )
    (answer,) = make_executor(16)([question])
    assert isinstance(answer, DeadlineExceeded)
    assert question.run_sizes == [1]
