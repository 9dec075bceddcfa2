"""A user's own pictures, one folder per class, found, checked and split."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.dataset import DataSource
from export.data.loading import check_own_test, load_test, load_training
from export.errors import BadData, DataNotFound
from export.recipes import RECIPES
from export.recipes.recipe import recipe_from_dict

RECIPE = RECIPES["mnist_cnn"].on_other_data("pets", keeps_polarity=False)


def put_pictures(folder: Path, *values: int, suffix: str = ".png") -> None:
    """One plain 8 x 6 picture per value."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        Image.new("L", (8, 6), value).save(folder / f"{number}{suffix}")


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    put_pictures(tmp_path / "dog", *range(100, 120))
    put_pictures(tmp_path / "cat", *range(40), suffix=".bmp")
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def seen(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[int]:
    """The value of each plain picture."""
    return sorted(int(image.flat[0]) for image in images)


def test_classes_are_folders_in_the_order_of_their_names(pets: Path) -> None:
    dataset = load_training(RECIPE, DataSource(pictures_dir=pets))
    assert dataset.labels == ("cat", "dog")
    assert dataset.train.images.shape[1:] == (28, 28, 1)
    assert {int(image.flat[0]) >= 100 for image in dataset.train.images[dataset.train.targets == 1]} == {True}


def test_splits_share_no_picture_and_lose_none(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = DataSource(pictures_dir=pets)
    dataset, test = load_training(RECIPE, source), load_test(RECIPE, source)
    values = [*seen(dataset.train.images), *seen(dataset.validation.images)]
    values += [int(np.asarray(picture).flat[0]) for picture, _ in test]
    assert sorted(values) == [*range(40), *range(100, 120)]
    assert len(test) == 9
    assert np.bincount(test.targets).tolist() == [6, 3]
    assert "has no test folder: 9 of 60 pictures are held out" in capsys.readouterr().out


def test_the_validation_pictures_are_those_of_the_arrays(pets: Path) -> None:
    dataset = load_training(RECIPE, DataSource(pictures_dir=pets))
    pictures = [int(np.asarray(picture).flat[0]) for picture, _ in dataset.validation_pictures]
    assert pictures == [int(image.flat[0]) for image in dataset.validation.images]
    assert dataset.validation_pictures.targets.tolist() == dataset.validation.targets.tolist()


def test_folders_that_the_user_split_stay_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split, values in (("train", range(9)), ("val", range(20, 23)), ("test", range(30, 34))):
        for number, label in enumerate(("a", "b")):
            put_pictures(tmp_path / split / label, *(value + 100 * number for value in values))
    source = DataSource(pictures_dir=tmp_path)
    dataset, test = load_training(RECIPE, source), load_test(RECIPE, source)
    assert seen(dataset.train.images) == [*range(9), *range(100, 109)]
    assert seen(dataset.validation.images) == [20, 21, 22, 120, 121, 122]
    assert len(test) == 8
    assert capsys.readouterr().out.count("held out") == 0


def test_unreadable_pictures_are_all_named(pets: Path) -> None:
    (pets / "cat" / "3.bmp").write_bytes(b"BM broken")
    (pets / "dog" / "5.png").write_bytes(b"")
    recipe = recipe_from_dict({**RECIPE.to_dict(), "validation_share": 0.01})
    with pytest.raises(BadData) as caught:
        load_training(recipe, DataSource(pictures_dir=split_by_user(pets)))
    sentence = str(caught.value)
    assert sentence.startswith("2 pictures cannot be read: ")
    assert "3.bmp" in sentence
    assert "5.png" in sentence


def split_by_user(pets: Path) -> Path:
    """Move the classes under train/, with validation and test folders beside it."""
    (pets / "train").mkdir()
    for label in ("cat", "dog"):
        (pets / label).rename(pets / "train" / label)
        for split in ("val", "test"):
            put_pictures(pets / split / label, 1)
    return pets


def test_fewer_than_two_classes_are_refused(tmp_path: Path) -> None:
    put_pictures(tmp_path / "cat", 1, 2)
    with pytest.raises(BadData, match="at least two classes; there is only cat"):
        load_training(RECIPE, DataSource(pictures_dir=tmp_path))


def test_a_class_without_pictures_is_refused(pets: Path) -> None:
    (pets / "emu").mkdir()
    with pytest.raises(BadData, match="emu has no pictures"):
        load_training(RECIPE, DataSource(pictures_dir=pets))


def test_a_test_class_that_was_never_trained_is_refused(pets: Path) -> None:
    split_by_user(pets)
    put_pictures(pets / "test" / "emu", 1)
    with pytest.raises(BadData, match="emu is of a class that the training pictures do not have"):
        load_test(RECIPE, DataSource(pictures_dir=pets))


def test_too_few_pictures_to_split_are_refused(tmp_path: Path) -> None:
    put_pictures(tmp_path / "a", 1)
    put_pictures(tmp_path / "b", 2)
    with pytest.raises(BadData, match="too few pictures for a validation split"):
        load_training(RECIPE, DataSource(pictures_dir=tmp_path))
    with pytest.raises(BadData, match="too few pictures for a test split"):
        load_test(RECIPE, DataSource(pictures_dir=tmp_path))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match="nowhere is not a folder"):
        load_training(RECIPE, DataSource(pictures_dir=tmp_path / "nowhere"))


def test_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(DataNotFound, match="no dataset 'pets'; there are mnist, fashion-mnist"):
        load_training(RECIPE, DataSource())


def test_test_pictures_are_looked_at_before_a_training(pets: Path) -> None:
    split_by_user(pets)
    source = DataSource(pictures_dir=pets)
    check_own_test(RECIPE, source)
    (pets / "test" / "dog" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"1 picture cannot be read: .*bad\.png"):
        check_own_test(RECIPE, source)
    (pets / "test" / "emu").mkdir()
    with pytest.raises(BadData, match="emu is of a class"):
        check_own_test(RECIPE, source)


def test_a_validation_folder_may_lack_a_class(pets: Path) -> None:
    split_by_user(pets)
    shutil.rmtree(pets / "val" / "dog")
    assert set(load_training(RECIPE, DataSource(pictures_dir=pets)).validation.targets) == {0}
