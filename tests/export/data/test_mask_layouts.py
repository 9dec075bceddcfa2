"""Pictures with masks are found in three layouts, with their splits, and by names as people write them."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.class_list import voc_colour
from export.data.mask_layouts import VOC_LABELS
from export.data.masked_folders import open_masked_folder
from tests.export.data.plain_pairs import fault_of, opened, put_pair, put_pairs, seen


def test_what_has_no_layout_is_refused(tmp_path: Path) -> None:
    assert "nowhere is not a folder" in fault_of(tmp_path / "nowhere")
    assert "has no layout that is known: images/ and masks/, or" in fault_of(tmp_path)
    (tmp_path / "images").mkdir()
    assert "classes.txt is missing: it names the classes, one a line" in fault_of(tmp_path)
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    assert fault_of(tmp_path) == f"{tmp_path / 'masks'} is missing."
    (tmp_path / "masks").mkdir()
    assert "has no pictures to train with" in fault_of(tmp_path)
    (tmp_path / "images" / "train").mkdir()
    assert "is a split within images/: it is looked for in train/images/" in fault_of(tmp_path)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """As in the public archive: trimaps, lists with breeds, a Mac's files, a PNG that is called .jpg."""
    trimaps = tmp_path / "annotations" / "trimaps"
    for number, name in enumerate(("Abyssinian_1", "Abyssinian_2", "beagle_1", "beagle_2", "pug_1")):
        put_pair(tmp_path / "images" / f"{name}.jpg", trimaps / f"{name}.png", number)
        Image.fromarray(np.array([[2, 3, 1, 1, 1, 1, 3, 2]] * 6, np.uint8)).save(trimaps / f"{name}.png")
        (trimaps / f"._{name}.png").write_bytes(b"a Mac's")
    Image.new("RGB", (8, 6), (9, 9, 9)).save(tmp_path / "images" / "beagle_1.jpg", format="PNG")
    (tmp_path / "images" / "beagle_1.mat").write_bytes(b"MATLAB")
    (tmp_path / "annotations" / "trainval.txt").write_text("#Image CLASS-ID\nbeagle_1 1 2 1\nAbyssinian_1 1 1 1\n")
    (tmp_path / "annotations" / "test.txt").write_text("Abyssinian_2 1 1 1\n\nbeagle_2 1 2 1\n")
    return tmp_path


def test_pets_are_split_by_their_lists(pets: Path) -> None:
    folder = opened(pets)
    assert folder.labels == ("background", "pet", "border")
    assert seen(folder.splits["train"]) == [0, 9]
    assert seen(folder.splits["test"]) == [1, 3]
    assert "validation" not in folder.splits
    assert folder.splits["train"].read(1)[1][0].tolist() == [0, 2, 1, 1, 1, 1, 2, 0]


def test_pets_without_lists_are_all_there_is(pets: Path) -> None:
    for name in ("trainval.txt", "test.txt"):
        (pets / "annotations" / name).unlink()
    (pets / "images" / "no_trimap.jpg").write_bytes(b"")
    assert "no_trimap.jpg has no mask" in fault_of(pets)
    (pets / "images" / "no_trimap.jpg").unlink()
    folder = opened(pets)
    assert list(folder.splits) == ["train"]
    assert len(folder.splits["train"]) == 5


def test_listed_pets_that_are_missing_or_listed_twice_are_named(pets: Path) -> None:
    lists = pets / "annotations"
    (lists / "test.txt").write_text("beagle_1 1 2 1\nbeagle_9 1 2 1\npug_1 1 2 3\n")
    (pets / "images" / "pug_1.jpg").unlink()
    sentence = fault_of(pets)
    assert "beagle_1 is listed 2 times, in trainval.txt and test.txt" in sentence
    assert f"beagle_9 of {lists / 'test.txt'} has no picture and no mask" in sentence
    assert f"pug_1 of {lists / 'test.txt'} has no picture" in sentence
    (lists / "test.txt").write_bytes(b"caf\xe9")
    assert "test.txt is not a list of names" in fault_of(pets)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    palette = [channel for index in range(256) for channel in voc_colour(index)]
    for number in range(6):
        put_pair(tmp_path / "JPEGImages" / f"{number}.jpg", tmp_path / "SegmentationClass" / f"{number}.png", number)
        mask = Image.fromarray(np.array([[0, 0, 20, 15, 255, 255, 0, 0]] * 6, np.uint8))
        mask.putpalette(palette)
        mask.save(tmp_path / "SegmentationClass" / f"{number}.png")
    Image.new("L", (8, 6)).save(tmp_path / "JPEGImages" / "for_detection_only.jpg")
    return tmp_path


def put_lists(root: Path, **names: str) -> None:
    folder = root / "ImageSets" / "Segmentation"
    folder.mkdir(parents=True)
    for name, content in names.items():
        (folder / f"{name}.txt").write_text("\n".join(content.split()) + "\n", encoding="utf-8")


def test_voc_is_split_by_its_lists(voc: Path) -> None:
    put_lists(voc, train="3 1", val="2", trainval="1 2 3", test="4 5")
    folder = opened(voc)
    assert folder.labels == VOC_LABELS
    assert {split: seen(pictures) for split, pictures in folder.splits.items()} == {
        "train": [1, 3],
        "validation": [2],
        "test": [4, 5],
    }
    assert folder.splits["train"].read(0)[1][0].tolist() == [0, 0, 20, 15, 255, 255, 0, 0]


def test_a_test_list_of_voc_without_masks_counts_as_none(voc: Path) -> None:
    put_lists(voc, trainval="0 1 2", test="for_detection_only")
    assert {split: seen(pictures) for split, pictures in opened(voc).splits.items()} == {"train": [0, 1, 2]}


def test_voc_without_lists_is_all_that_has_a_mask(voc: Path) -> None:
    assert len(opened(voc).splits["train"]) == 6
    (voc / "JPEGImages" / "5.jpg").unlink()
    assert "5.png has no picture" in fault_of(voc)


def test_a_class_list_beside_vocs_folders_replaces_its_classes(voc: Path) -> None:
    (voc / "labelmap.txt").write_text("background:0,0,0::\nroad:1,2,3::\n")
    for number in range(6):
        Image.fromarray(np.array([[[0, 0, 0]] * 4 + [[1, 2, 3]] * 4] * 6, np.uint8)).save(
            voc / "SegmentationClass" / f"{number}.png"
        )
    folder = opened(voc)
    assert folder.labels == ("background", "road")
    assert folder.splits["train"].read(0)[1][0].tolist() == [0] * 4 + [1] * 4


def test_voc_masks_without_their_pictures_are_refused(voc: Path) -> None:
    (voc / "JPEGImages").rename(voc / "Pictures")
    assert fault_of(voc) == f"{voc / 'JPEGImages'} is missing."


def test_the_whole_line_of_a_list_of_voc_is_the_name(voc: Path) -> None:
    for number in range(4):
        for folder, ending in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
            (voc / folder / f"{number}.{ending}").rename(voc / folder / f"my picture {number}.{ending}")
    put_lists(voc, val="")
    lists = voc / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_bytes(b"my picture 0\r\n\r\nmy picture 3 \r\n")
    (lists / "val.txt").write_text("my picture 2")
    assert {split: seen(pictures) for split, pictures in opened(voc).splits.items()} == {
        "train": [0, 3],
        "validation": [2],
    }


def test_a_test_list_is_enough(voc: Path) -> None:
    put_lists(voc, test="4 5")
    assert {split: seen(those) for split, those in open_masked_folder(voc, dataset="voc").splits.items()} == {
        "test": [4, 5]
    }
    assert fault_of(voc) == f"{voc} has no train split; all it has is test."


def test_pets_of_a_test_list_alone_are_the_test_split(pets: Path) -> None:
    (pets / "annotations" / "trainval.txt").unlink()
    assert {split: seen(those) for split, those in open_masked_folder(pets, dataset="pets").splits.items()} == {
        "test": [1, 3]
    }


def test_a_test_folder_is_enough(tmp_path: Path) -> None:
    put_pairs(tmp_path / "test", range(3))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    folder = open_masked_folder(tmp_path, dataset="things")
    assert {split: seen(those) for split, those in folder.splits.items()} == {"test": [0, 1, 2]}
    assert fault_of(tmp_path) == f"{tmp_path} has no train split; all it has is test."


def test_beside_other_splits_images_are_the_train_split(things: Path) -> None:
    put_pairs(things / "val", [30, 31])
    put_pairs(things / "test", [40])
    assert {split: seen(those) for split, those in opened(things).splits.items()} == {
        "train": list(range(20)),
        "validation": [30, 31],
        "test": [40],
    }


def test_a_folder_that_only_has_the_name_of_a_split_is_none(things: Path) -> None:
    (things / "test").mkdir()
    assert list(opened(things).splits) == ["train"]
    (things / "images").rename(things / "test" / "images")
    assert fault_of(things) == f"{things / 'test' / 'masks'} is missing."


def test_names_are_paired_however_their_letters_are_composed(things: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Z\u00fcrich") for form in ("NFC", "NFD"))
    put_pair(things / "images" / f"{composed}.jpg", things / "masks" / f"{decomposed}.png", 77)
    assert seen(opened(things).splits["train"])[-1] == 77


def test_listed_names_are_found_however_their_letters_are_composed(voc: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Z\u00fcrich") for form in ("NFC", "NFD"))
    put_pair(voc / "JPEGImages" / f"{decomposed}.jpg", voc / "SegmentationClass" / f"{decomposed}.png", 9)
    put_lists(voc, train=f"0 {composed}", test=decomposed)
    folder = open_masked_folder(voc, dataset="voc")
    assert {split: seen(those) for split, those in folder.splits.items()} == {"train": [0, 9], "test": [9]}
    assert f"{composed} is listed 2 times, in train.txt and test.txt" in fault_of(voc)
