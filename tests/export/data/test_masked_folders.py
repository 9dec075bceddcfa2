"""Pictures with masks are found in three layouts, and everything that is wrong with them is named at once."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.class_list import voc_colour
from export.data.mask_layouts import VOC_LABELS
from export.data.masked import MaskedPictures
from export.data.masked_folders import MaskedFolder, check_masked_folder, open_masked_folder, split_masked_folder
from export.errors import BadData, DataNotFound


def put_pair(picture: Path, mask: Path, value: int) -> None:
    """A plain 8 x 6 picture of one gray level, and its mask, half of class 0 and half of class 1."""
    for path in (picture, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), value).save(picture)
    ids = np.zeros((6, 8), np.uint8)
    ids[:, 4:] = 1
    Image.fromarray(ids).save(mask)


def put_pairs(home: Path, values: Iterable[int]) -> None:
    for value in values:
        put_pair(home / "images" / f"{value:03}.png", home / "masks" / f"{value:03}.png", value)


@pytest.fixture
def things(tmp_path: Path) -> Path:
    put_pairs(tmp_path, range(20))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    return tmp_path


def opened(root: Path) -> MaskedFolder:
    folder = open_masked_folder(root, dataset="things")
    check_masked_folder(folder)
    return folder


def fault_of(root: Path) -> str:
    with pytest.raises((BadData, DataNotFound)) as caught:
        opened(root)
    return str(caught.value)


def seen(pictures: MaskedPictures) -> list[int]:
    """The gray level of each plain picture."""
    return [int(np.asarray(picture).flat[0]) for picture, _ in pictures]


def test_pictures_and_masks_are_paired_by_name(things: Path) -> None:
    put_pair(things / "images" / "below" / "x.jpg", things / "masks" / "below" / "x.png", 99)
    (things / "images" / "notes.txt").write_text("not a picture")
    (things / "images" / "._000.png").write_bytes(b"a Mac's")
    (things / "masks" / ".thumbnails").mkdir()
    (things / "masks" / ".thumbnails" / "000.png").write_bytes(b"small")
    train = opened(things).splits["train"]
    assert seen(train) == [*range(20), 99]
    assert train.labels == ("background", "thing")
    assert train.names[20] == str(things / "images" / "below" / "x.jpg")
    picture, mask = train.read(20)
    assert picture.size == (8, 6)
    assert mask.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 6


def test_splits_share_no_picture_and_lose_none(things: Path) -> None:
    splits = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=5)
    assert [pictures.split for pictures in splits] == ["train", "validation", "test"]
    assert [len(pictures) for pictures in splits] == [12, 4, 4]
    assert sorted(value for pictures in splits for value in seen(pictures)) == list(range(20))
    again = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=5)
    other = split_masked_folder(opened(things), validation_share=0.25, test_share=0.2, seed=6)
    assert [pictures.names for pictures in again] == [pictures.names for pictures in splits]
    assert [pictures.names for pictures in other] != [pictures.names for pictures in splits]


def test_splits_that_the_user_made_stay_as_they_are(tmp_path: Path) -> None:
    for split, values in (("train", range(9)), ("val", range(20, 23)), ("test", range(30, 34))):
        put_pairs(tmp_path / split, values)
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\nthing:128,0,0::\n")
    train, validation, test = split_masked_folder(opened(tmp_path), validation_share=0.5, test_share=0.5, seed=1)
    assert seen(train) == list(range(9))
    assert seen(validation) == [20, 21, 22]
    assert seen(test) == [30, 31, 32, 33]


def test_a_test_split_is_held_out_where_only_that_is_missing(tmp_path: Path) -> None:
    put_pairs(tmp_path / "train", range(10))
    put_pairs(tmp_path / "val", range(20, 22))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    train, validation, test = split_masked_folder(opened(tmp_path), validation_share=0.5, test_share=0.2, seed=1)
    assert (len(train), seen(validation), len(test)) == (8, [20, 21], 2)


def test_too_few_pictures_to_split_are_refused(tmp_path: Path) -> None:
    put_pairs(tmp_path, range(2))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    with pytest.raises(BadData, match="too few pictures for a validation split"):
        split_masked_folder(opened(tmp_path), validation_share=0.1, test_share=0.5, seed=1)


def test_every_fault_is_named_in_one_sentence(things: Path) -> None:
    images, masks = things / "images", things / "masks"
    (masks / "000.png").unlink()
    (images / "001.png").unlink()
    Image.new("L", (6, 8)).save(images / "002.png")
    Image.new("L", (8, 6), 7).save(masks / "003.png")
    (images / "004.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (masks / "004.png").write_bytes(b"")
    Image.new("RGB", (8, 6)).save(masks / "005.png")
    Image.new("L", (8, 6)).save(images / "006.jpg")
    sentence = fault_of(things)
    assert sentence.startswith("7 pictures or masks cannot be used: ")
    assert (
        "; ".join(
            (
                f"{images / '006.jpg'} and {images / '006.png'} have the same name",
                f"{images / '000.png'} has no mask",
                f"{masks / '001.png'} has no picture",
                f"{images / '002.png'} has 6x8 pixels upright, {masks / '002.png'} 8x6",
                f"{masks / '003.png'} has the value 7, which no class of 2 has",
                f"{images / '004.png'}: The PNG picture cannot be decoded: it is damaged or incomplete",
                f"{masks / '004.png'} is not a PNG file, which a mask has to be to keep its values",
                f"{masks / '005.png'} is a colour mask, but the class list has no colours.",
            )
        )
        in sentence
    )


def test_of_many_faults_ten_are_named(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        mask.write_bytes(b"")
    sentence = fault_of(things)
    assert sentence.startswith("20 pictures or masks cannot be used: ")
    assert sentence.count("is not a PNG") == 10
    assert sentence.endswith(" and 10 more.")


def test_one_fault_is_in_the_singular(things: Path) -> None:
    (things / "masks" / "000.png").unlink()
    assert fault_of(things) == f"1 picture or mask cannot be used: {things / 'images' / '000.png'} has no mask."


def test_faults_of_test_files_are_found_too(tmp_path: Path) -> None:
    put_pairs(tmp_path / "train", range(4))
    put_pairs(tmp_path / "test", range(2))
    (tmp_path / "classes.txt").write_text("background\nthing\n")
    (tmp_path / "test" / "masks" / "001.png").write_bytes(b"")
    assert f"{tmp_path / 'test' / 'masks' / '001.png'} is not a PNG file" in fault_of(tmp_path)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_mask_has_the_size_of_the_upright_picture(things: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (6, 8), 77).save(things / "images" / "x.jpg", exif=exif)
    Image.new("L", (8, 6), 1).save(things / "masks" / "x.png")
    if orientation == 6:
        assert seen(opened(things).splits["train"])[-1] == 77
    else:
        assert "x.jpg has 6x8 pixels upright" in fault_of(things)


def test_white_that_is_not_listed_as_a_class_is_explained(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        Image.fromarray(np.array([[0, 255] * 4] * 6, np.uint8)).save(mask)
    sentence = fault_of(things)
    assert "hold no class but 'background', beside pixels of value 255, which are ignored" in sentence
    assert "'background 0 0 0' and 'thing 255 255 255'" in sentence
    (things / "classes.txt").write_text("background 0 0 0\nthing 255 255 255\n")
    assert opened(things).splits["train"].read(0)[1].tolist() == [[0, 1] * 4] * 6


def test_masks_of_one_class_are_refused(things: Path) -> None:
    for mask in (things / "masks").iterdir():
        Image.new("L", (8, 6), 1).save(mask)
    assert fault_of(things) == f"The masks to train with in {things} hold no class but 'thing'."


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
    (pets / "annotations" / "trainval.txt").unlink()
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
        (folder / f"{name}.txt").write_text("\n".join(content.split()) + "\n")


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
