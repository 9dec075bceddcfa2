"""The door of the stages to pictures with masks: what is incomplete is refused, and what is held out is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from export.data.dataset import DataSource
from export.data.masked_loading import load_masked_test, load_masked_training, load_masked_validation
from export.errors import BadData, DataNotFound
from export.recipes import SEGMENTERS
from tests.export.data.plain_pairs import put_pairs, seen

RECIPE = replace(SEGMENTERS["unet_xception"], dataset="things", validation_share=0.2, seed=3)


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """Four pictures to train with, two to choose by, six for the test."""
    for split, values in (("train", range(4)), ("val", range(20, 22)), ("test", range(30, 36))):
        put_pairs(tmp_path / split, values)
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    return tmp_path


def test_missing_masks_of_test_pictures_are_named_by_training_and_evaluation(divided: Path) -> None:
    for number in (30, 32):
        (divided / "test" / "masks" / f"{number:03}.png").unlink()
    images = divided / "test" / "images"
    for load in (load_masked_training, load_masked_validation, load_masked_test):
        with pytest.raises(BadData) as caught:
            load(RECIPE, DataSource(pictures_dir=divided))
        assert str(caught.value) == (
            f"2 pictures or masks cannot be used: {images / '030.png'} has no mask (likewise {images / '032.png'})."
        )


def test_one_picture_is_too_little_to_learn_from(divided: Path) -> None:
    for number in (1, 2, 3):
        for kind in ("images", "masks"):
            (divided / "train" / kind / f"{number:03}.png").unlink()
    with pytest.raises(BadData, match="has one picture to learn from; there must be two at least"):
        load_masked_training(RECIPE, DataSource(pictures_dir=divided))


def test_missing_masks_of_other_splits_are_no_matter_to_the_test(divided: Path) -> None:
    (divided / "train" / "masks" / "000.png").unlink()
    with pytest.raises(BadData, match=r"000\.png has no mask"):
        load_masked_validation(RECIPE, DataSource(pictures_dir=divided))
    assert seen(load_masked_test(RECIPE, DataSource(pictures_dir=divided))) == list(range(30, 36))


def test_a_test_split_is_not_held_out_of_pictures_without_masks(things: Path) -> None:
    (things / "masks" / "007.png").unlink()
    for load in (load_masked_training, load_masked_validation, load_masked_test):
        with pytest.raises(BadData, match=r"1 picture or mask cannot be used: .*007\.png has no mask\."):
            load(RECIPE, DataSource(pictures_dir=things))


def test_of_a_folder_without_splits_it_is_said_how_many_are_the_test(
    things: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = load_masked_test(RECIPE, DataSource(pictures_dir=things))
    assert len(test) == 3
    assert capsys.readouterr().out == (
        f"{things} has no test split: the test is 3 of its 20 pictures, the same every time (seed 3).\n"
    )


def test_test_pictures_alone_are_enough_for_the_test_and_not_for_training(
    divided: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        (divided / split).rename(divided.parent / f"{divided.name}_{split}")
    source = DataSource(pictures_dir=divided)
    assert seen(load_masked_test(RECIPE, source)) == list(range(30, 36))
    assert capsys.readouterr().out == ""
    for load in (load_masked_training, load_masked_validation):
        with pytest.raises(BadData, match="has no train split; all it has is test"):
            load(RECIPE, source)


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("unknown", "What the model was trained on is not known: name a folder of pictures and masks with --data DIR."),
        ("mnist", "There is no dataset 'mnist' with masks; there is fashion-scenes, and --data for your own."),
    ],
)
def test_where_no_pictures_are_known_they_are_asked_for(dataset: str, sentence: str) -> None:
    with pytest.raises(DataNotFound) as caught:
        load_masked_test(replace(RECIPE, dataset=dataset), DataSource())
    assert str(caught.value) == sentence
